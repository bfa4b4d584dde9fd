package record

import (
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// An object larger than one part goes in parts: at least 5 MiB each, at most
// 10,000 of them. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const (
	partSize    = 64 << 20
	mostParts   = 10_000
	partsAtOnce = 4
)

func (s *Store) putParts(ctx context.Context, key string, body io.ReaderAt, size int64) error {
	begun, err := s.S3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &s.Bucket, Key: &key})
	if err != nil {
		return s.failure("writing", key, err)
	}
	parts, err := s.uploadParts(ctx, key, begun.UploadId, body, size)
	if err == nil {
		_, err = s.S3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: &s.Bucket, Key: &key, UploadId: begun.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
	}
	if err != nil {
		// What is left behind otherwise ends with the bucket's lifecycle.
		_, _ = s.S3.AbortMultipartUpload(context.WithoutCancel(ctx), &s3.AbortMultipartUploadInput{
			Bucket: &s.Bucket, Key: &key, UploadId: begun.UploadId,
		})
	}
	return s.failure("writing", key, err)
}

func (s *Store) uploadParts(ctx context.Context, key string, upload *string, body io.ReaderAt, size int64) ([]types.CompletedPart, error) {
	each := max(partSize, (size+mostParts-1)/mostParts)
	parts := make([]types.CompletedPart, (size+each-1)/each)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partsAtOnce)
	for i := range parts {
		group.Go(func() error {
			at := int64(i) * each
			number := int32(i + 1)
			out, err := s.S3.UploadPart(ctx, &s3.UploadPartInput{
				Bucket: &s.Bucket, Key: &key, UploadId: upload, PartNumber: &number,
				Body: io.NewSectionReader(body, at, min(each, size-at)),
			})
			if err != nil {
				return err
			}
			parts[i] = types.CompletedPart{
				PartNumber: &number, ETag: out.ETag,
				ChecksumCRC32: out.ChecksumCRC32,
			}
			return nil
		})
	}
	return parts, group.Wait()
}
