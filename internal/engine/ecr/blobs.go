package ecr

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/spate-run/spate/internal/store"
)

// blobs is the folder of the layers and configurations of images. It is what
// pkg/registry keeps them in; beside it, a handler of the library's own would
// read a blob whole whenever somebody asks whether it is there.
type blobs struct{ dir string }

var (
	_ registry.BlobHandler     = (*blobs)(nil)
	_ registry.BlobStatHandler = (*blobs)(nil)
	_ registry.BlobPutHandler  = (*blobs)(nil)
)

// newBlobs opens the folder, and removes unfinished uploads and the blobs that
// nothing names.
func newBlobs(dir string, named map[string]bool) (*blobs, error) {
	b := &blobs{dir: dir}
	if err := os.RemoveAll(b.uploads()); err != nil {
		return nil, err
	}
	for _, folder := range []string{b.uploads(), b.folder("sha256")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	files, err := os.ReadDir(b.folder("sha256"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if digest := "sha256:" + f.Name(); !named[digest] {
			if err := b.remove(digest); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

func (b *blobs) uploads() string                { return filepath.Join(b.dir, "uploads") }
func (b *blobs) folder(algorithm string) string { return filepath.Join(b.dir, "blobs", algorithm) }
func (b *blobs) place(h v1.Hash) string         { return filepath.Join(b.folder(h.Algorithm), h.Hex) }

// Get opens a blob.
func (b *blobs) Get(_ context.Context, _ string, h v1.Hash) (io.ReadCloser, error) {
	f, err := os.Open(b.place(h))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, registry.ErrNotFound
	}
	return f, err
}

// Stat returns a blob's size.
func (b *blobs) Stat(_ context.Context, _ string, h v1.Hash) (int64, error) {
	info, err := os.Stat(b.place(h))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, registry.ErrNotFound
	}
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Put keeps a blob, whose last read fails when it is not what its digest says.
// It is on disk when Put returns.
func (b *blobs) Put(_ context.Context, _ string, h v1.Hash, from io.ReadCloser) error {
	f, err := os.CreateTemp(b.uploads(), "blob-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // where it is still there
	_, err = io.Copy(f, from)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("keeping %s: %w", h, err)
	}
	if err := os.Rename(f.Name(), b.place(h)); err != nil {
		return err
	}
	return store.SyncFolder(b.folder(h.Algorithm))
}

// remove deletes a blob; one that is not there is no error.
func (b *blobs) remove(digest string) error {
	h, err := v1.NewHash(digest)
	if err != nil {
		return err
	}
	if err := os.Remove(b.place(h)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
