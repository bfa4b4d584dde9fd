package deploy

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/spate-run/spate/internal/template"
)

// A Place is an account and a region.
type Place struct{ Account, Region string }

// fill puts a place into the name of a bucket or an object.
func (p Place) fill(text string) string {
	return strings.NewReplacer("${AWS::AccountId}", p.Account, "${AWS::Region}", p.Region, "${AWS::Partition}", "aws").Replace(text)
}

// assets is the bucket that AWS CDK has for files.
const assets = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"

// Upload puts files into their buckets, which have to be there. Their keys are
// made of what they hold: what is there already stays.
func Upload(ctx context.Context, store *s3.Client, at Place, files []FileAsset) error {
	for _, f := range files {
		if err := upload(ctx, store, at, f); err != nil {
			return fmt.Errorf("uploading %s: %w", f.Path, err)
		}
	}
	return nil
}

func upload(ctx context.Context, store *s3.Client, at Place, f FileAsset) error {
	bucket, key := at.fill(f.Bucket), at.fill(f.Key)
	_, err := store.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if _, absent := errors.AsType[*types.NotFound](err); !absent {
		return err
	}
	file, err := f.open()
	if err != nil {
		return err
	}
	_, err = store.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: file})
	return errors.Join(err, file.Close())
}

// open opens the file, or its folder as a zip file.
func (f FileAsset) open() (*os.File, error) {
	if !f.Zip {
		return os.Open(f.Path)
	}
	file, err := os.CreateTemp("", "spate-asset-*.zip")
	if err != nil {
		return nil, err
	}
	z := zip.NewWriter(file)
	err = errors.Join(z.AddFS(os.DirFS(f.Path)), z.Close(), os.Remove(file.Name()))
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// bodyLimit is the largest template that a request may hold, in bytes.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const bodyLimit = 51_200

// Store puts a template that is too large for a request into a bucket, and
// returns its URL; for any other the URL is empty.
func Store(ctx context.Context, store *s3.Client, at Place, t *template.Template) (string, error) {
	text, err := t.MarshalJSON()
	if err != nil || len(text) <= bodyLimit {
		return "", err
	}
	bucket, key := at.fill(assets), fmt.Sprintf("%x.json", sha256.Sum256(text))
	if _, err := store.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(text)}); err != nil {
		return "", fmt.Errorf("storing a template of %d bytes: %w", len(text), err)
	}
	return fmt.Sprintf("https://s3.%s.amazonaws.com/%s/%s", at.Region, bucket, key), nil
}
