package run

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

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
			group.Go(func() error { return fmt.Errorf("reading input %q: %w", input, err) })
			break
		}
	}
	return group.Wait()
}

func putFile(ctx context.Context, records *record.Store, key, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading an input: %w", err)
	}
	defer f.Close()
	return records.Put(ctx, key, f)
}

// copyInput copies one object, or all below a prefix that ends in a slash.
func (s *Stack) copyInput(ctx context.Context, run, address string) error {
	bucket, key, ok := strings.Cut(strings.TrimPrefix(address, "s3://"), "/")
	if !ok || bucket == "" || key == "" {
		return fmt.Errorf("input %q is not s3://bucket/key", address)
	}
	from := &record.Store{S3: s.aws.S3, Bucket: bucket}
	folder := key[:strings.LastIndex(strings.TrimSuffix(key, "/"), "/")+1]
	found := false
	for object, err := range from.List(ctx, key, "") {
		if err != nil {
			return err
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
		return fmt.Errorf("input %s is not there", address)
	}
	return nil
}
