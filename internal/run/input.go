package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// uploads is how many inputs travel at once.
const uploads = 8

// putInputs copies a job's inputs below a prefix: files, folders with all below
// them, and objects of S3.
func (s *Stack) putInputs(ctx context.Context, j job.Job, prefix string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploads)
	for _, input := range j.Inputs {
		if onS3(input) {
			group.Go(func() error { return s.copyInput(ctx, input, prefix) })
			continue
		}
		err := eachFile(j, input, func(path, name string) error {
			group.Go(func() error { return putFile(ctx, s.Records(), prefix+name, path) })
			return nil
		})
		if err != nil {
			group.Go(func() error { return err })
			break
		}
	}
	return group.Wait()
}

func onS3(input string) bool { return strings.HasPrefix(input, "s3://") }

// eachFile calls use for a file, or for all files below a folder, with its path
// and the name that jobs know it by.
func eachFile(j job.Job, input string, use func(path, name string) error) error {
	root := input
	if !filepath.IsAbs(root) {
		root = filepath.Join(j.Dir, input)
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		below, err := filepath.Rel(filepath.Dir(root), path)
		if err != nil {
			return err
		}
		return use(path, filepath.ToSlash(below))
	})
	if err != nil {
		return inputProblem(input, err)
	}
	return nil
}

// inputProblem tells of an input that cannot be taken.
func inputProblem(input string, err error) error {
	fact := fmt.Sprintf("%q cannot be read: %v", input, err)
	if errors.Is(err, fs.ErrNotExist) {
		fact = fmt.Sprintf("%q is not there", input)
	}
	return job.Problem{File: "inputs", Fact: fact, Hint: "mend `inputs:` in the job file"}
}

func putFile(ctx context.Context, records *record.Store, key, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return inputProblem(path, err)
	}
	defer f.Close()
	return records.Put(ctx, key, f)
}

// copyInput copies one object, or all below a prefix that ends in a slash.
func (s *Stack) copyInput(ctx context.Context, address, prefix string) error {
	bucket, key, ok := strings.Cut(strings.TrimPrefix(address, "s3://"), "/")
	if !ok || bucket == "" || key == "" {
		return job.Problem{File: "inputs", Fact: fmt.Sprintf("%q has no key", address), Hint: "write it like s3://bucket/key, or s3://bucket/folder/"}
	}
	from := &record.Store{S3: s.aws.S3, Bucket: bucket}
	folder := key[:strings.LastIndex(strings.TrimSuffix(key, "/"), "/")+1]
	found := false
	for object, err := range from.List(ctx, key, "") {
		if err != nil {
			return inputProblem(address, err)
		}
		if object.Key != key && !strings.HasSuffix(key, "/") {
			continue
		}
		found = true
		if err := s.copyObject(ctx, bucket, object.Key, prefix+strings.TrimPrefix(object.Key, folder)); err != nil {
			return fmt.Errorf("copying %s: %w", address, err)
		}
	}
	if !found {
		return inputProblem(address, fs.ErrNotExist)
	}
	return nil
}

// copyObject copies an object into the stack's bucket.
func (s *Stack) copyObject(ctx context.Context, bucket, key, to string) error {
	// A header is no place for all characters that a key may have.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
	source := bucket + "/" + strings.ReplaceAll((&url.URL{Path: key}).EscapedPath(), "+", "%2B")
	_, err := s.aws.S3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &s.Bucket, Key: &to, CopySource: &source})
	return err
}
