package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// A Store holds the records of a stack's runs: its bucket.
type Store struct {
	S3     *s3.Client
	Bucket string
}

// An Object is one entry of a listing.
type Object struct {
	Key      string
	Size     int64 // bytes
	Modified time.Time
}

// A NotFoundError reports an object that is not there.
type NotFoundError struct{ Bucket, Key string }

func (e *NotFoundError) Error() string { return fmt.Sprintf("s3://%s/%s is not there", e.Bucket, e.Key) }

// conflictTries bounds the tries of a conditional put that S3 answers with 409
// because another one is under way.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
const conflictTries = 10

// PutIfAbsent writes an object unless there is one, and says whether it did.
func (s *Store) PutIfAbsent(ctx context.Context, key string, body []byte) (created bool, err error) {
	for try := 1; ; try++ {
		_, err := s.S3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &s.Bucket, Key: &key, Body: bytes.NewReader(body), IfNoneMatch: new("*"),
		})
		switch code := errorCode(err); {
		case err == nil:
			return true, nil
		case code == "PreconditionFailed":
			return false, nil
		case code != "ConditionalRequestConflict" || try == conflictTries:
			return false, fmt.Errorf("writing s3://%s/%s: %w", s.Bucket, key, err)
		}
	}
}

// Put writes an object. On plain http the SDK needs a body that can seek.
func (s *Store) Put(ctx context.Context, key string, body io.ReadSeeker) error {
	_, err := s.S3.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.Bucket, Key: &key, Body: body})
	if err != nil {
		return fmt.Errorf("writing s3://%s/%s: %w", s.Bucket, key, err)
	}
	return nil
}

// PutJSON writes a document.
func (s *Store) PutJSON(ctx context.Context, key string, doc any) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("writing s3://%s/%s: %w", s.Bucket, key, err)
	}
	return s.Put(ctx, key, bytes.NewReader(text))
}

// Open reads an object; the caller closes it. An object that is not there is a
// NotFoundError.
func (s *Store) Open(ctx context.Context, key string) (io.ReadCloser, error) {
	return s.open(ctx, key, nil)
}

// OpenTail reads the last n bytes of an object, or all of a shorter one.
func (s *Store) OpenTail(ctx context.Context, key string, n int64) (io.ReadCloser, error) {
	body, err := s.open(ctx, key, new(fmt.Sprintf("bytes=-%d", n)))
	if errorCode(err) == "InvalidRange" { // of an empty object
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	return body, err
}

func (s *Store) open(ctx context.Context, key string, byteRange *string) (io.ReadCloser, error) {
	out, err := s.S3.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Bucket, Key: &key, Range: byteRange})
	switch errorCode(err) {
	case "":
		if err == nil {
			return out.Body, nil
		}
	case "NoSuchKey", "NotFound":
		return nil, &NotFoundError{s.Bucket, key}
	}
	return nil, fmt.Errorf("reading s3://%s/%s: %w", s.Bucket, key, err)
}

// GetJSON reads a document.
func (s *Store) GetJSON(ctx context.Context, key string, doc any) error {
	body, err := s.Open(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(doc); err != nil {
		return fmt.Errorf("reading s3://%s/%s: %w", s.Bucket, key, err)
	}
	return nil
}

// Exists says whether there is an object.
func (s *Store) Exists(ctx context.Context, key string) (bool, error) {
	_, err := s.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.Bucket, Key: &key})
	switch errorCode(err) {
	case "":
		if err == nil {
			return true, nil
		}
	case "NoSuchKey", "NotFound":
		return false, nil
	}
	return false, fmt.Errorf("looking for s3://%s/%s: %w", s.Bucket, key, err)
}

// List gives the objects below a prefix in the order of their keys, from the
// first key after startAfter. It ends with the first error.
func (s *Store) List(ctx context.Context, prefix, startAfter string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		in := &s3.ListObjectsV2Input{Bucket: &s.Bucket, Prefix: &prefix}
		if startAfter != "" {
			in.StartAfter = &startAfter
		}
		for pages := s3.NewListObjectsV2Paginator(s.S3, in); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(Object{}, fmt.Errorf("listing s3://%s/%s: %w", s.Bucket, prefix, err))
				return
			}
			for _, o := range page.Contents {
				if !yield(Object{Key: *o.Key, Size: *o.Size, Modified: *o.LastModified}, nil) {
					return
				}
			}
		}
	}
}

// Folders gives the names of the folders right below a prefix, which ends in a
// slash.
func (s *Store) Folders(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	in := &s3.ListObjectsV2Input{Bucket: &s.Bucket, Prefix: &prefix, Delimiter: new("/")}
	for pages := s3.NewListObjectsV2Paginator(s.S3, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing s3://%s/%s: %w", s.Bucket, prefix, err)
		}
		for _, p := range page.CommonPrefixes {
			name := (*p.Prefix)[len(prefix):]
			names = append(names, name[:len(name)-1])
		}
	}
	return names, nil
}

func errorCode(err error) string {
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return fault.ErrorCode()
	}
	return ""
}
