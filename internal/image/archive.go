package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
)

// An archive is what docker save writes, with the places of its files.
type archive struct {
	file  *os.File
	files map[string]*io.SectionReader
	links map[string]string
}

// FromArchive returns the image that an archive holds, as docker save writes it.
// The layers are packed into the folder dir, and kept there until the image has
// been pushed.
// https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format
func FromArchive(file, dir string) (_ *Image, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("reading the archive of an image: %w", err)
		}
	}()
	a, err := openArchive(file)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.file.Close()) }()
	text, err := a.read("manifest.json")
	if err != nil {
		return nil, err
	}
	var saved []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(text, &saved); err != nil {
		return nil, err
	}
	if len(saved) != 1 {
		return nil, fmt.Errorf("it holds %d images", len(saved))
	}
	img := &Image{}
	if img.config, err = a.read(saved[0].Config); err != nil {
		return nil, err
	}
	for i, name := range saved[0].Layers {
		l, err := a.layer(name, filepath.Join(dir, "layer-"+strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		img.layers = append(img.layers, l)
	}
	return img, nil
}

func openArchive(name string) (*archive, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	a := &archive{file: file, files: map[string]*io.SectionReader{}, links: map[string]string{}}
	err = eachTar(file, func(e tarEntry) {
		switch e.kind {
		case tarFile:
			a.files[path.Clean(e.name)] = e.content
		case tarSymlink: // a layer that is there under another name
			a.links[path.Clean(e.name)] = path.Join(path.Dir(e.name), e.target)
		case tarLink:
			a.links[path.Clean(e.name)] = path.Clean(e.target)
		}
	})
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return a, nil
}

func (a *archive) find(name string) (*io.SectionReader, error) {
	if to, ok := a.links[path.Clean(name)]; ok {
		name = to
	}
	found := a.files[path.Clean(name)]
	if found == nil {
		return nil, fmt.Errorf("there is no file %s", name)
	}
	return found, nil
}

func (a *archive) read(name string) ([]byte, error) {
	from, err := a.find(name)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(from)
}

// layer packs a layer into a file; one that is packed already is copied.
func (a *archive) layer(name, file string) (layer, error) {
	from, err := a.find(name)
	if err != nil {
		return layer{}, err
	}
	magic := make([]byte, 4)
	if _, err := from.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		return layer{}, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return copied(from, typeGzip, file)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return copied(from, typeZstd, file)
	}
	l, _, err := compress(file, func(w io.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(from, 0, from.Size()))
		return err
	})
	return l, err
}

func copied(from *io.SectionReader, mediaType, path string) (_ layer, err error) {
	file, err := os.Create(path)
	if err != nil {
		return layer{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, sum), io.NewSectionReader(from, 0, from.Size())); err != nil {
		return layer{}, err
	}
	return layer{
		descriptor: descriptor{MediaType: mediaType, Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Size: from.Size()},
		open:       func(context.Context) (io.ReadCloser, error) { return os.Open(path) },
	}, nil
}
