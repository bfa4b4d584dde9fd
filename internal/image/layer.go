package image

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/worker"
)

// A PlatformError reports an image that is for other machines than the job.
type PlatformError struct{ Got, Want string } // such as "linux/arm64"

func (e *PlatformError) Error() string {
	return fmt.Sprintf("the image is for %s, and the job for %s", e.Got, e.Want)
}

// WithWorker puts a worker in front of an image. The program is one for the
// given processor, and command the job's own, or nil for the image's.
func WithWorker(base v1.Image, program string, arch worker.Arch, command []string) (v1.Image, error) {
	file, err := base.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image's configuration: %w", err)
	}
	if got, want := file.OS+"/"+file.Architecture, "linux/"+string(arch); got != want {
		return nil, &PlatformError{Got: got, Want: want}
	}
	front, err := worker.InFront(worker.Command{Entrypoint: file.Config.Entrypoint, Arguments: file.Config.Cmd}, worker.Command{Arguments: command})
	if err != nil {
		return nil, err
	}
	if err := worker.Check(program, arch); err != nil {
		return nil, err
	}
	layer, err := workerLayer(program)
	if err != nil {
		return nil, fmt.Errorf("making the worker's layer: %w", err)
	}
	with, err := mutate.Append(base, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: "spate"}})
	if err != nil {
		return nil, fmt.Errorf("adding the worker's layer: %w", err)
	}
	config := file.Config
	config.Entrypoint = front.Entrypoint
	config.Env = append(config.Env[:len(config.Env):len(config.Env)], runner.EnvDir+"="+worker.Dir)
	with, err = mutate.Config(with, config)
	if err != nil {
		return nil, fmt.Errorf("putting the worker in front: %w", err)
	}
	return with, nil
}

// workerLayer is the layer with the program and its folder.
func workerLayer(program string) (v1.Layer, error) {
	open := func() (io.ReadCloser, error) {
		from, to := io.Pipe()
		go func() { to.CloseWithError(writeLayer(to, program)) }()
		return from, nil
	}
	return tarball.LayerFromOpener(open, tarball.WithCompressionLevel(gzip.BestSpeed))
}

// writeLayer writes the layer's archive, in which nothing depends on when or
// by whom it is written.
func writeLayer(w io.Writer, program string) error {
	file, err := os.Open(program)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	archive := tar.NewWriter(w)
	for _, entry := range []tar.Header{
		{Name: ".spate/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: inArchive(worker.Volume) + "/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: inArchive(worker.Dir) + "/", Typeflag: tar.TypeDir, Mode: 0o1777},
		{Name: inArchive(worker.File), Typeflag: tar.TypeReg, Mode: 0o555, Size: info.Size()},
	} {
		if err := archive.WriteHeader(&entry); err != nil {
			return err
		}
	}
	if _, err := io.Copy(archive, file); err != nil {
		return err
	}
	return archive.Close()
}

func inArchive(path string) string { return strings.TrimPrefix(path, "/") }
