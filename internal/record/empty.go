package record

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// deletable is how many objects one request deletes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
const deletable = 1000

// DeleteAll deletes every object of the bucket.
func (s *Store) DeleteAll(ctx context.Context) error {
	var batch []types.ObjectIdentifier
	for object, err := range s.List(ctx, "", "") {
		if err != nil {
			return err
		}
		batch = append(batch, types.ObjectIdentifier{Key: &object.Key})
		if len(batch) == deletable {
			if err := s.deleteBatch(ctx, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	return s.deleteBatch(ctx, batch)
}

func (s *Store) deleteBatch(ctx context.Context, batch []types.ObjectIdentifier) error {
	if len(batch) == 0 {
		return nil
	}
	out, err := s.S3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &s.Bucket, Delete: &types.Delete{Objects: batch, Quiet: new(true)}})
	if err != nil {
		return s.failure("emptying", "", err)
	}
	for _, e := range out.Errors {
		return fmt.Errorf("deleting s3://%s/%s: %s", s.Bucket, aws.ToString(e.Key), aws.ToString(e.Message))
	}
	return nil
}
