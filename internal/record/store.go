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
	"github.com/aws/smithy-go/middleware"
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

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("s3://%s/%s is not there", e.Bucket, e.Key)
}

// A conditional put that S3 answers with 409, because another one of the same
// key is under way, is tried this often, after pauses that double.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
const (
	conflictTries = 10
	conflictPause = 10 * time.Millisecond
)

// PutIfAbsent writes an object unless there is one, and says whether it did.
// Who wants to know whether an answer was lost gives bodies that nobody else
// writes: an object that is there with this very body after a request was
// repeated counts as written now.
func (s *Store) PutIfAbsent(ctx context.Context, key string, body []byte) (created bool, err error) {
	pause := conflictPause
	for try := 1; ; try++ {
		requests := 0
		_, err := s.S3.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &s.Bucket, Key: &key, Body: bytes.NewReader(body), IfNoneMatch: new("*"),
		}, counting(&requests))
		switch code := errorCode(err); {
		case err == nil:
			return true, nil
		case code == "PreconditionFailed" && requests > 1:
			return s.holds(ctx, key, body)
		case code == "PreconditionFailed":
			return false, nil
		case code != "ConditionalRequestConflict" || try == conflictTries:
			return false, s.failure("writing", key, err)
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return false, s.failure("writing", key, context.Cause(ctx))
		}
	}
}

// counting counts the requests that the SDK makes of one call.
func counting(requests *int) func(*s3.Options) {
	count := middleware.FinalizeMiddlewareFunc("CountRequests",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			*requests++
			return next.HandleFinalize(ctx, in)
		})
	return func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			return stack.Finalize.Insert(count, "Retry", middleware.After)
		})
	}
}

// holds says whether an object has this content.
func (s *Store) holds(ctx context.Context, key string, content []byte) (bool, error) {
	body, err := s.Open(ctx, key)
	if err != nil {
		return false, err
	}
	defer body.Close()
	found, err := io.ReadAll(io.LimitReader(body, int64(len(content))+1))
	if err != nil {
		return false, s.failure("reading", key, err)
	}
	return bytes.Equal(found, content), nil
}

// Put writes an object, in parts where it is large. On plain http the SDK needs
// a body that can seek; parts are taken of bodies that are an io.ReaderAt too.
func (s *Store) Put(ctx context.Context, key string, body io.ReadSeeker) error {
	if at, ok := body.(io.ReaderAt); ok {
		size, err := body.Seek(0, io.SeekEnd)
		if err != nil {
			return s.failure("writing", key, err)
		}
		if size > partSize {
			return s.putParts(ctx, key, at, size)
		}
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			return s.failure("writing", key, err)
		}
	}
	_, err := s.S3.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.Bucket, Key: &key, Body: body})
	return s.failure("writing", key, err)
}

// PutJSON writes a document.
func (s *Store) PutJSON(ctx context.Context, key string, doc any) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return s.failure("writing", key, err)
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
	return nil, s.failure("reading", key, err)
}

// GetJSON reads a document.
func (s *Store) GetJSON(ctx context.Context, key string, doc any) error {
	body, err := s.Open(ctx, key)
	if err != nil {
		return err
	}
	defer body.Close()
	return s.failure("reading", key, json.NewDecoder(body).Decode(doc))
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
	return false, s.failure("looking for", key, err)
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
				yield(Object{}, s.failure("listing", prefix, err))
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

// Indices gives the indices of the results, or of the failed marks, below a
// prefix in rising order. It reads keys alone, and ends with the first error.
func (s *Store) Indices(ctx context.Context, prefix string) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for object, err := range s.List(ctx, prefix, "") {
			index, ok := ParseIndex(prefix, object.Key)
			if err == nil && !ok {
				continue
			}
			if !yield(index, err) || err != nil {
				return
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
			return nil, s.failure("listing", prefix, err)
		}
		for _, p := range page.CommonPrefixes {
			name := (*p.Prefix)[len(prefix):]
			names = append(names, name[:len(name)-1])
		}
	}
	return names, nil
}

// Delete removes an object, or does nothing where there is none.
func (s *Store) Delete(ctx context.Context, key string) error {
	_, err := s.S3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &s.Bucket, Key: &key})
	return s.failure("deleting", key, err)
}

// failure says what was being done when err happened; nil stays nil.
func (s *Store) failure(doing, key string, err error) error {
	switch errorCode(err) {
	case "":
		if err == nil {
			return nil
		}
	case "AccessDenied", "Forbidden":
		// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
		return fmt.Errorf("%s s3://%s/%s: %w (without s3:ListBucket, what is not there is denied too)", doing, s.Bucket, key, err)
	}
	return fmt.Errorf("%s s3://%s/%s: %w", doing, s.Bucket, key, err)
}

func errorCode(err error) string {
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return fault.ErrorCode()
	}
	return ""
}
