package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/store"
)

const (
	maxPut      = 5 << 30 // bytes of one request's content
	maxMetadata = 2 << 10 // bytes of names and values of x-amz-meta-*
	maxDelete   = 1000    // keys of one DeleteObjects
)

func (s *Service) putObject(w http.ResponseWriter, r *request) error {
	if r.Header.Get("X-Amz-Copy-Source") != "" {
		return s.copyObject(w, r)
	}
	headers, err := keptHeaders(r.Header)
	if err != nil {
		return err
	}
	cond, err := s.putCondition(r)
	if err != nil {
		return err
	}
	b, st, err := s.receive(r)
	if err != nil {
		return err
	}
	o := &object{bucket: r.bucket, key: r.key, etag: b.etag()}
	o.attributes = attributes{Headers: headers, Checksum: b.checksum()}
	if err := s.keep(r.Context(), o, st, cond, nil); err != nil {
		return err
	}
	w.Header().Set("ETag", quote(o.etag))
	o.Checksum.set(w.Header())
	w.WriteHeader(http.StatusOK)
	return nil
}

// receive stages a request's content and verifies it.
func (s *Service) receive(r *request) (*body, *staged, error) {
	b, err := openBody(r.Request)
	if err != nil {
		return nil, nil, err
	}
	if b.size > maxPut {
		return nil, nil, faultOf("EntityTooLarge")
	}
	if b.size > inlineLimit { // the transaction will tell, but late
		if err := s.needBucket(r.Context(), r.bucket); err != nil {
			return nil, nil, err
		}
	}
	st, err := s.files.stage(r.bucket, r.key, b, b.size)
	if err != nil {
		return nil, nil, err
	}
	if err := b.verify(); err != nil {
		s.files.abandon(st)
		return nil, nil, err
	}
	return b, st, nil
}

// keptHeaders returns the headers that an object keeps and returns.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
func keptHeaders(h http.Header) (map[string]string, error) {
	kept := map[string]string{"Content-Type": "binary/octet-stream"}
	metadata := 0
	for name, values := range h {
		switch name {
		case "Cache-Control", "Content-Disposition", "Content-Language", "Content-Type", "Expires",
			"X-Amz-Website-Redirect-Location":
			kept[name] = values[0]
		case "Content-Encoding":
			if encoding := withoutChunked(values[0]); encoding != "" {
				kept[name] = encoding
			}
		default:
			if strings.HasPrefix(name, "X-Amz-Meta-") {
				kept[strings.ToLower(name)] = strings.Join(values, ",")
				metadata += len(name) - len("X-Amz-Meta-") + len(values[0])
			}
		}
	}
	if metadata > maxMetadata {
		return nil, faultOf("MetadataTooLarge")
	}
	return kept, nil
}

// withoutChunked drops aws-chunked, which describes the request and not the
// object.
func withoutChunked(encodings string) string {
	var kept []string
	for encoding := range strings.SplitSeq(encodings, ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && encoding != "aws-chunked" {
			kept = append(kept, encoding)
		}
	}
	return strings.Join(kept, ",")
}

func (s *Service) headObject(w http.ResponseWriter, r *request) error {
	o, err := s.find(r.Context(), r.bucket, r.key)
	if err != nil {
		return err
	}
	span, err := describe(w, r, o)
	if err != nil {
		return err
	}
	w.WriteHeader(span.status)
	return nil
}

func (s *Service) getObject(w http.ResponseWriter, r *request) error {
	o, file, err := s.openObject(r, r.bucket, r.key)
	if err != nil {
		return err
	}
	defer file.Close()
	span, err := describe(w, r, o)
	if err != nil {
		return err
	}
	if _, err := file.Seek(span.from, io.SeekStart); err != nil {
		return err
	}
	w.WriteHeader(span.status)
	if _, err := io.CopyN(w, file, span.size); err != nil {
		// The client sees a short content; most often it has gone itself.
		s.log.Debug("sending object ended early", "bucket", r.bucket, "key", r.key, "error", err)
	}
	return nil
}

// openObject finds an object and opens its file. An object that is replaced in
// between is looked up once more.
func (s *Service) openObject(r *request, bucket, key string) (*object, io.ReadSeekCloser, error) {
	for attempt := 1; ; attempt++ {
		o, err := s.find(r.Context(), bucket, key)
		if err != nil {
			return nil, nil, err
		}
		file, err := s.files.open(bucket, o.file)
		if errors.Is(err, fs.ErrNotExist) && attempt < 3 {
			continue
		}
		return o, file, err
	}
}

// describe sets the headers of an object's reply, and decides the request's
// conditions and range.
func describe(w http.ResponseWriter, r *request, o *object) (span, error) {
	h := w.Header()
	h.Set("ETag", quote(o.etag))
	h.Set("Last-Modified", o.modified.Format(http.TimeFormat))
	if err := checkRead(r.Header, "", o, "NotModified"); err != nil {
		return span{}, err
	}
	sp, err := parseRange(r.Header.Get("Range"), o.size)
	if err != nil {
		return span{}, err
	}
	for name, value := range o.Headers {
		h[name] = []string{value} // user metadata in lower case, as S3 sends it
	}
	for _, name := range []string{"Content-Type", "Content-Language", "Expires", "Cache-Control", "Content-Disposition", "Content-Encoding"} {
		if value := r.query.Get("response-" + strings.ToLower(name)); value != "" {
			h.Set(name, value)
		}
	}
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(sp.size, 10))
	if sp.status == http.StatusPartialContent {
		h.Set("Content-Range", "bytes "+strconv.FormatInt(sp.from, 10)+"-"+strconv.FormatInt(sp.from+sp.size-1, 10)+"/"+strconv.FormatInt(o.size, 10))
	} else if strings.EqualFold(r.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") {
		o.Checksum.set(h)
	}
	return sp, nil
}

// A span is the part of an object that is asked for.
type span struct {
	from, size int64
	status     int
}

// parseRange reads a Range header. S3 sends the whole object when it cannot
// read it, or when it names several ranges.
func parseRange(header string, size int64) (span, error) {
	whole := span{size: size, status: http.StatusOK}
	bounds, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(bounds, "-")
	if !ok || !dash {
		return whole, nil
	}
	from, errFrom := strconv.ParseInt(first, 10, 64)
	to, errTo := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && errTo == nil: // the last bytes
		from, to = max(0, size-to), size-1
	case last == "" && errFrom == nil:
		to = size - 1
	case errFrom != nil || errTo != nil || to < from:
		return whole, nil
	}
	if from >= size {
		return whole, faultOf("InvalidRange")
	}
	return span{from: from, size: min(to, size-1) - from + 1, status: http.StatusPartialContent}, nil
}

func (s *Service) deleteObject(w http.ResponseWriter, r *request) error {
	if err := s.store.Update(r.Context(), func(tx *store.Tx) error {
		if err := needBucketIn(tx, r.bucket); err != nil {
			return err
		}
		return remove(tx, r.bucket, r.key, r.Header.Get("If-Match"))
	}); err != nil {
		return err
	}
	s.wakeSettler()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type deleted struct{ Key string }

type deleteError struct{ Key, Code, Message string }

// deleteObjects deletes up to a thousand keys in one transaction.
func (s *Service) deleteObjects(w http.ResponseWriter, r *request) error {
	var wanted struct {
		XMLName xml.Name `xml:"Delete"`
		Quiet   bool
		Objects []struct{ Key, VersionId, ETag string } `xml:"Object"`
	}
	if err := document(r.Request, &wanted); err != nil {
		return err
	}
	if len(wanted.Objects) == 0 || len(wanted.Objects) > maxDelete {
		return faultOf("MalformedXML")
	}
	var result struct {
		XMLName xml.Name      `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		Deleted []deleted     `xml:"Deleted"`
		Errors  []deleteError `xml:"Error"`
	}
	if err := s.store.Update(r.Context(), func(tx *store.Tx) error {
		result.Deleted, result.Errors = nil, nil
		if err := needBucketIn(tx, r.bucket); err != nil {
			return err
		}
		for _, o := range wanted.Objects {
			err := remove(tx, r.bucket, o.Key, o.ETag)
			if isFault(err, "PreconditionFailed") {
				fault := faultOf("PreconditionFailed")
				result.Errors = append(result.Errors, deleteError{Key: o.Key, Code: fault.Code, Message: fault.Message})
				continue
			}
			if err != nil {
				return err
			}
			result.Deleted = append(result.Deleted, deleted{Key: o.Key})
		}
		return nil
	}); err != nil {
		return err
	}
	s.wakeSettler()
	if wanted.Quiet {
		result.Deleted = nil
	}
	return reply(w, http.StatusOK, &result)
}

// copyObject copies an object's bytes into a new object.
func (s *Service) copyObject(w http.ResponseWriter, r *request) error {
	source, file, err := s.copySource(r)
	if err != nil {
		return err
	}
	defer file.Close()
	o := &object{bucket: r.bucket, key: r.key}
	o.Headers = source.Headers
	switch directive := r.Header.Get("X-Amz-Metadata-Directive"); {
	case directive == "REPLACE":
		if o.Headers, err = keptHeaders(r.Header); err != nil {
			return err
		}
	case directive != "" && directive != "COPY":
		return faultWith("InvalidArgument", "Unknown metadata directive.")
	case source.bucket == r.bucket && source.key == r.key:
		return faultWith("InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	cond, err := s.writeCondition(r)
	if err != nil {
		return err
	}
	b, err := copyBody(r, file, source)
	if err != nil {
		return err
	}
	st, err := s.files.stage(r.bucket, r.key, b, b.size)
	if err != nil {
		return err
	}
	o.etag, o.Checksum = b.etag(), b.checksum()
	if err := s.keep(r.Context(), o, st, cond, nil); err != nil {
		return err
	}
	return reply(w, http.StatusOK, copyResult("CopyObjectResult", o.etag, o.modified, o.Checksum))
}

// copySource opens the object that x-amz-copy-source names, when it is as the
// request's conditions want it.
func (s *Service) copySource(r *request) (*object, io.ReadSeekCloser, error) {
	name, version, _ := strings.Cut(r.Header.Get("X-Amz-Copy-Source"), "?")
	name, err := url.PathUnescape(name)
	bucket, key, ok := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	if err != nil || !ok || key == "" {
		return nil, nil, faultWith("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	if version != "" && version != "versionId=null" {
		return nil, nil, faultOf("NotImplemented")
	}
	o, file, err := s.openObject(r, bucket, key)
	if err != nil {
		return nil, nil, err
	}
	if err := checkRead(r.Header, "X-Amz-Copy-Source-", o, "PreconditionFailed"); err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return o, file, nil
}

// copyBody is a body that reads an object. Its checksum is of the algorithm
// that the request names, else of the source's own.
func copyBody(r *request, file io.Reader, source *object) (*body, error) {
	algorithm := strings.ToUpper(r.Header.Get("X-Amz-Checksum-Algorithm"))
	if algorithm == "" {
		algorithm = source.Checksum.Algorithm
	}
	return newBody(file, source.size, algorithm)
}

func copyResult(element, etag string, modified time.Time, sum checksum) any {
	return &struct {
		XMLName      xml.Name
		ETag         string
		LastModified string
		Checksum     *checksumXML
	}{xml.Name{Space: namespace, Local: element}, quote(etag), modified.Format(timeLayout), sum.element()}
}

func quote(etag string) string {
	return `"` + etag + `"`
}
