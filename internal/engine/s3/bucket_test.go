package s3_test

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestTheReadyBucketComesToBeWhenItIsUsed(t *testing.T) {
	b := open(t, t.TempDir())
	names := func() string {
		t.Helper()
		out, err := b.ListBuckets(t.Context(), &sdk.ListBucketsInput{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, b := range out.Buckets {
			names = append(names, *b.Name)
		}
		return strings.Join(names, " ")
	}
	if got := names(); got != "" {
		t.Errorf("before it is used: got buckets %s, want none", got)
	}
	for range 2 {
		if _, err := b.GetBucketLocation(t.Context(), &sdk.GetBucketLocationInput{Bucket: new(ready)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(); got != ready {
		t.Errorf("got buckets %s, want %s", got, ready)
	}
	if _, err := b.PutObject(t.Context(), &sdk.PutObjectInput{Bucket: new(ready), Key: new("a"), Body: strings.NewReader("b")}); err != nil {
		t.Error(err)
	}

	// One can make and delete it like any other.
	if _, err := b.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: new(ready), Key: new("a")}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.DeleteBucket(t.Context(), &sdk.DeleteBucketInput{Bucket: new(ready)}); err != nil {
		t.Fatal(err)
	}
	if got := names(); got != "" {
		t.Errorf("after its deletion: got buckets %s, want none", got)
	}
	if _, err := b.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: new(ready)}); err != nil {
		t.Error(err)
	}
}
