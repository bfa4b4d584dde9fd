package image

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/worker"
)

// WithWorker puts a worker in front of an image. The program is one for the
// given processor, and command the job's own, or nil for the image's. The
// worker's layer is kept in the folder dir until the image has been pushed.
func WithWorker(base *Image, program string, arch worker.Arch, command []string, dir string) (*Image, error) {
	s, err := readSettings(base.config)
	if err != nil {
		return nil, err
	}
	if got, want := (platform{s.text("os"), s.text("architecture")}), platformOf(arch); got != want {
		return nil, &PlatformError{Got: got.String(), Want: want.String()}
	}
	config := s.object("config")
	front, err := worker.InFront(
		worker.Command{Entrypoint: config.texts("Entrypoint"), Arguments: config.texts("Cmd")}, worker.Command{Arguments: command})
	if err != nil {
		return nil, err
	}
	if err := worker.Check(program, arch); err != nil {
		return nil, err
	}
	added, diff, err := compress(filepath.Join(dir, "worker.tar.gz"), func(w io.Writer) error { return writeLayer(w, program) })
	if err != nil {
		return nil, fmt.Errorf("making the worker's layer: %w", err)
	}
	config["Entrypoint"] = front.Entrypoint
	config.add("Env", runner.EnvDir+"="+worker.Dir)
	s.object("rootfs").add("diff_ids", diff)
	s.add("history", map[string]any{"created_by": "spate"})
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return &Image{config: text, layers: append(slices.Clip(base.layers), added)}, nil
}

// compress makes a layer of an archive, in a file of its own. It also returns
// the digest of the archive itself.
func compress(path string, write func(io.Writer) error) (_ layer, diff string, err error) {
	file, err := os.Create(path)
	if err != nil {
		return layer{}, "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	whole, packed := sha256.New(), sha256.New()
	to, _ := gzip.NewWriterLevel(io.MultiWriter(file, packed), gzip.BestSpeed) // which is a level
	if err := write(io.MultiWriter(to, whole)); err != nil {
		return layer{}, "", err
	}
	if err := to.Close(); err != nil {
		return layer{}, "", err
	}
	info, err := file.Stat()
	if err != nil {
		return layer{}, "", err
	}
	return layer{
		descriptor: descriptor{MediaType: typeGzip, Digest: "sha256:" + hex.EncodeToString(packed.Sum(nil)), Size: info.Size()},
		open:       func(context.Context) (io.ReadCloser, error) { return os.Open(path) },
	}, "sha256:" + hex.EncodeToString(whole.Sum(nil)), nil
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
	for _, folder := range []struct {
		name string
		mode int64
	}{{"/.spate", 0o755}, {worker.Volume, 0o755}, {worker.Dir, 0o1777}} {
		if _, err := w.Write(tarHead(inArchive(folder.name)+"/", tarFolder, folder.mode, 0)); err != nil {
			return err
		}
	}
	if _, err := w.Write(tarHead(inArchive(worker.File), tarFile, 0o555, info.Size())); err != nil {
		return err
	}
	if _, err := io.Copy(w, file); err != nil {
		return err
	}
	_, err = w.Write(append(tarPadding(info.Size()), make([]byte, 2*tarBlock)...))
	return err
}

func inArchive(path string) string { return strings.TrimPrefix(path, "/") }
