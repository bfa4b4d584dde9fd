package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// putInputs copies the job's inputs into the run's record: files, folders with
// all below them, and objects of S3.
func (s *Stack) putInputs(ctx context.Context, r record.Run) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(uploads)
	for _, input := range r.Job.Inputs {
		if strings.HasPrefix(input, "s3://") {
			group.Go(func() error { return s.copyInput(ctx, r.ID, input) })
			continue
		}
		root := input
		if !filepath.IsAbs(root) {
			root = filepath.Join(r.Job.Dir, input)
		}
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			below, err := filepath.Rel(filepath.Dir(root), path)
			if err != nil {
				return err
			}
			key := record.InPrefix(r.ID) + filepath.ToSlash(below)
			group.Go(func() error { return putFile(ctx, s.Records(), key, path) })
			return nil
		})
		if err != nil {
			group.Go(func() error { return inputProblem(input, err) })
			break
		}
	}
	return group.Wait()
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
func (s *Stack) copyInput(ctx context.Context, run, address string) error {
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
		source := bucket + "/" + object.Key
		target := record.InPrefix(run) + strings.TrimPrefix(object.Key, folder)
		_, err := s.aws.S3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &s.Bucket, Key: &target, CopySource: &source})
		if err != nil {
			return fmt.Errorf("copying %s: %w", address, err)
		}
	}
	if !found {
		return inputProblem(address, fs.ErrNotExist)
	}
	return nil
}
