package s3

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/store"
)

const (
	maxParts    = 10000
	minPartSize = 5 << 20 // of every part but the last
)

// An upload is a multipart upload that is neither completed nor aborted.
type upload struct {
	id, bucket, key string
	attributes
}

// A part is one of an upload's.
type part struct {
	number   int
	size     int64
	etag     string
	modified time.Time
	file     string
	checksum string
}

func (s *Service) createUpload(w http.ResponseWriter, r *request) error {
	headers, err := keptHeaders(r.Header)
	if err != nil {
		return err
	}
	sum, err := uploadChecksum(r.Header)
	if err != nil {
		return err
	}
	attrs, err := json.Marshal(attributes{Headers: headers, Checksum: sum})
	if err != nil {
		return err
	}
	id := rand.Text() + rand.Text()
	if err := s.store.Update(r.Context(), func(tx *store.Tx) error {
		if err := needBucketIn(tx, r.bucket); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO s3_upload (bucket, key, id, created, attributes) VALUES (?, ?, ?, ?, ?)",
			r.bucket, []byte(r.key), id, time.Now().UnixMilli(), attrs)
		return err
	}); err != nil {
		return err
	}
	if sum.Algorithm != "" {
		w.Header().Set("x-amz-checksum-algorithm", sum.Algorithm)
		w.Header().Set("x-amz-checksum-type", sum.Type)
	}
	return reply(w, http.StatusOK, &struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
		Bucket, Key, UploadId string
	}{Bucket: r.bucket, Key: r.key, UploadId: id})
}

// uploadChecksum reads which checksum an upload's object is to have; without
// one parts may come with any, and the object has what S3 adds by itself.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
func uploadChecksum(h http.Header) (checksum, error) {
	sum := checksum{
		Algorithm: strings.ToUpper(h.Get("X-Amz-Checksum-Algorithm")),
		Type:      strings.ToUpper(h.Get("X-Amz-Checksum-Type")),
	}
	if sum.Algorithm == "" {
		if sum.Type != "" {
			return sum, faultWith("InvalidRequest", "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		return sum, nil
	}
	if newHash(sum.Algorithm) == nil {
		return sum, faultOf("NotImplemented")
	}
	linear := strings.HasPrefix(sum.Algorithm, "CRC")
	switch {
	case sum.Type == "" && sum.Algorithm == defaultAlgorithm:
		sum.Type = fullObject
	case sum.Type == "":
		sum.Type = composite
	case sum.Type == fullObject && !linear, sum.Type == composite && sum.Algorithm == defaultAlgorithm:
		return sum, faultWith("InvalidRequest", "The "+sum.Type+" checksum type cannot be used with the "+strings.ToLower(sum.Algorithm)+" checksum algorithm.")
	case sum.Type != fullObject && sum.Type != composite:
		return sum, faultWith("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
	}
	return sum, nil
}

// findUpload reads the upload that a request names.
func (s *Service) findUpload(r *request) (*upload, error) {
	u := &upload{id: r.query.Get("uploadId"), bucket: r.bucket, key: r.key}
	var attrs []byte
	err := s.store.QueryRow(r.Context(), "SELECT attributes FROM s3_upload WHERE bucket = ? AND key = ? AND id = ?",
		u.bucket, []byte(u.key), u.id).Scan(&attrs)
	if errors.Is(err, sql.ErrNoRows) {
		if err := s.needBucket(r.Context(), r.bucket); err != nil {
			return nil, err
		}
		return nil, faultOf("NoSuchUpload")
	}
	if err != nil {
		return nil, fmt.Errorf("reading upload %q: %w", u.id, err)
	}
	return u, json.Unmarshal(attrs, &u.attributes)
}

// needUpload returns NoSuchUpload when a transaction no longer finds it.
func needUpload(tx *store.Tx, id string) error {
	row, err := tx.QueryRow("SELECT 1 FROM s3_upload WHERE id = ?", id)
	if err != nil {
		return err
	}
	var one int
	if err := row.Scan(&one); errors.Is(err, sql.ErrNoRows) {
		return faultOf("NoSuchUpload")
	} else if err != nil {
		return err
	}
	return nil
}

func (s *Service) uploadPart(w http.ResponseWriter, r *request) error {
	number, err := strconv.Atoi(r.query.Get("partNumber"))
	if err != nil || number < 1 || number > maxParts {
		return faultWith("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
	}
	u, err := s.findUpload(r)
	if err != nil {
		return err
	}
	if r.Header.Get("X-Amz-Copy-Source") != "" {
		return s.uploadPartCopy(w, r, u, number)
	}
	b, st, err := s.receive(r)
	if err != nil {
		return err
	}
	if err := u.accepts(b.announced); err != nil {
		s.files.abandon(st)
		return err
	}
	p, sum := part{number: number, etag: b.etag()}, b.checksum()
	if sum.Algorithm == u.Checksum.Algorithm {
		p.checksum = sum.Value
	}
	if err := s.keepPart(r.Context(), u, &p, st); err != nil {
		return err
	}
	w.Header().Set("ETag", quote(p.etag))
	if p.checksum != "" || b.announced.value != "" {
		w.Header().Set(checksumHeader(sum.Algorithm), sum.Value)
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// accepts tells whether a part may come with this checksum, or without one.
func (u *upload) accepts(a announced) error {
	actual := strings.ToLower(a.algorithm)
	if a.value == "" {
		actual = "null"
	}
	switch {
	case u.Checksum.Algorithm == "",
		a.value != "" && a.algorithm == u.Checksum.Algorithm,
		a.value == "" && u.Checksum.Type == fullObject:
		return nil
	}
	return faultWith("InvalidRequest", "Checksum Type mismatch occurred, expected checksum Type: "+
		strings.ToLower(u.Checksum.Algorithm)+", actual checksum Type: "+actual)
}

// uploadPartCopy makes a part of an object's bytes, or of a range of them.
func (s *Service) uploadPartCopy(w http.ResponseWriter, r *request, u *upload, number int) error {
	source, file, err := s.copySource(r)
	if err != nil {
		return err
	}
	defer file.Close()
	sp, err := parseRange(r.Header.Get("X-Amz-Copy-Source-Range"), source.size)
	if err != nil {
		return err
	}
	if _, err := file.Seek(sp.from, io.SeekStart); err != nil {
		return err
	}
	b, err := newBody(file, sp.size, u.Checksum.Algorithm)
	if err != nil {
		return err
	}
	st, err := s.files.stage(r.bucket, r.key, b, b.size)
	if err != nil {
		return err
	}
	p := part{number: number, etag: b.etag()}
	if u.Checksum.Algorithm != "" {
		p.checksum = b.checksum().Value
	}
	if err := s.keepPart(r.Context(), u, &p, st); err != nil {
		return err
	}
	return reply(w, http.StatusOK, copyResult("CopyPartResult", p.etag, p.modified, b.checksum()))
}

// keepPart commits a received content as a part. It takes the place of an
// earlier part of the same number.
func (s *Service) keepPart(ctx context.Context, u *upload, p *part, st *staged) error {
	p.file, p.size, p.modified = st.file, st.size, time.Now().UTC()
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if err := needUpload(tx, u.id); err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO s3_garbage (bucket, file) SELECT ?, file FROM s3_part WHERE upload = ? AND number = ?",
			u.bucket, u.id, p.number); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT OR REPLACE INTO s3_part (upload, number, size, etag, modified, file, checksum)
			VALUES (?, ?, ?, ?, ?, ?, ?)`,
			u.id, p.number, p.size, p.etag, p.modified.UnixMilli(), p.file, p.checksum); err != nil {
			return err
		}
		return st.insert(tx)
	})
	if err != nil {
		s.files.abandon(st)
		return err
	}
	s.files.settleIn(st)
	s.wakeSettler()
	return nil
}

// parts reads up to limit parts of an upload with numbers above after.
func (s *Service) parts(ctx context.Context, u *upload, after, limit int) ([]part, error) {
	rows, err := s.store.Query(ctx, `SELECT number, size, etag, modified, file, checksum FROM s3_part
		WHERE upload = ? AND number > ? ORDER BY number LIMIT ?`, u.id, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []part
	for rows.Next() {
		var p part
		var modified int64
		if err := rows.Scan(&p.number, &p.size, &p.etag, &modified, &p.file, &p.checksum); err != nil {
			return nil, err
		}
		p.modified = time.UnixMilli(modified).UTC()
		all = append(all, p)
	}
	return all, rows.Err()
}

// dissolve removes an upload and its parts' rows, and leaves the files to the
// settler.
func dissolve(tx *store.Tx, id string) error {
	for _, statement := range []string{
		`INSERT INTO s3_garbage (bucket, file) SELECT bucket, file FROM s3_part
			JOIN s3_upload ON s3_upload.id = s3_part.upload WHERE upload = ?`,
		"DELETE FROM s3_part WHERE upload = ?",
		"DELETE FROM s3_upload WHERE id = ?",
	} {
		if _, err := tx.Exec(statement, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) abortUpload(w http.ResponseWriter, r *request) error {
	u, err := s.findUpload(r)
	if err != nil {
		return err
	}
	if err := s.store.Update(r.Context(), func(tx *store.Tx) error {
		if err := needUpload(tx, u.id); err != nil {
			return err
		}
		return dissolve(tx, u.id)
	}); err != nil {
		return err
	}
	s.wakeSettler()
	w.WriteHeader(http.StatusNoContent)
	return nil
}
