package ecr

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var uploadID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// serveUpload takes the parts of a blob into a file. When it is whole, or comes
// whole, pkg/registry checks it and has it kept.
func (s *Service) serveUpload(w http.ResponseWriter, r *http.Request, repository, id string) *refusal {
	digest := r.URL.Query().Get("digest")
	switch {
	case r.Method == http.MethodPost && id == "" && digest != "":
		s.blobHandler.ServeHTTP(w, r)
		return nil
	case r.Method == http.MethodPost && id == "":
		return s.beginUpload(w, r, repository)
	case r.Method != http.MethodPatch && r.Method != http.MethodPut:
		return unsupported()
	case !uploadID.MatchString(id):
		return unknownUpload()
	}
	f, err := os.OpenFile(s.upload(id), os.O_RDWR|os.O_APPEND, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return unknownUpload()
	}
	if err != nil {
		return s.internal(r, err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return s.internal(r, err)
	}
	if from, _, given := strings.Cut(r.Header.Get("Content-Range"), "-"); given && from != fmt.Sprint(size) {
		return &refusal{http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", fmt.Sprintf("The upload has %d bytes", size)}
	}
	added, err := io.Copy(f, r.Body)
	if err != nil {
		return s.internal(r, err)
	}
	if size += added; r.Method == http.MethodPatch {
		answerUpload(w, repository, id, size)
		return nil
	}
	return s.endUpload(w, r, f, size)
}

func (s *Service) upload(id string) string { return filepath.Join(s.blobs.uploads(), id) }

func unknownUpload() *refusal {
	return &refusal{http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "The upload does not exist"}
}

func (s *Service) beginUpload(w http.ResponseWriter, r *http.Request, repository string) *refusal {
	id := rand.Text()
	f, err := os.OpenFile(s.upload(id), os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return s.internal(r, err)
	}
	answerUpload(w, repository, id, 0)
	return nil
}

// answerUpload says how much has come, and where more is to go.
func answerUpload(w http.ResponseWriter, repository, id string, size int64) {
	w.Header().Set("Location", Prefix+repository+"/blobs/uploads/"+id)
	w.Header().Set("Docker-Upload-Uuid", id)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, size-1)))
	w.WriteHeader(http.StatusAccepted)
}

// endUpload hands an upload that is whole to pkg/registry, as a blob that comes
// in one request.
func (s *Service) endUpload(w http.ResponseWriter, r *http.Request, f *os.File, size int64) *refusal {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return s.internal(r, err)
	}
	whole := r.Clone(r.Context())
	whole.Method = http.MethodPost
	whole.URL.Path = strings.TrimSuffix(r.URL.Path, filepath.Base(f.Name()))
	whole.Body, whole.ContentLength = io.NopCloser(f), size
	s.blobHandler.ServeHTTP(w, whole)
	// One that is left goes when the engine starts.
	_ = os.Remove(f.Name())
	return nil
}
