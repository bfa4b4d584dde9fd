package s3_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/wire"
)

// Signed requests get through wire with all that clients do to bodies.
func TestThroughWire(t *testing.T) {
	b, service := run(t, t.TempDir())
	keys := &wire.Keys{AccessKeyID: "id", SecretAccessKey: "secret"}
	handler := wire.NewHandler(wire.Config{Objects: service, Keys: keys})
	server := httptest.NewServer(handler)
	defer server.Close()
	config := wire.Client(handler, keys, wire.Account{ID: "000000000000", Region: "us-east-1"})
	for name, c := range map[string]*sdk.Client{
		"in process": sdk.NewFromConfig(config, func(o *sdk.Options) { o.UsePathStyle = true }),
		"over HTTP":  client(server.URL, server.Client()),
	} {
		t.Run(name, func(t *testing.T) {
			b.Client = c
			if _, err := b.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: new(bucket)}); err != nil {
				t.Fatal(err)
			}
			for _, key := range oddKeys() {
				b.put(t, key, "content of "+key)
				if got := b.content(t, key); got != "content of "+key {
					t.Errorf("key %q: got content %q", key, got)
				}
			}
			large := strings.Repeat("x", 1<<20)
			b.put(t, "large", large)
			if b.content(t, "large") != large {
				t.Error("a large object came back as another one")
			}
			id, parts := b.upload(t, &sdk.CreateMultipartUploadInput{Key: new("parts")}, strings.Repeat("a", partSize), "b")
			if _, err := b.complete(t, "parts", id, parts, nil); err != nil {
				t.Error(err)
			}
			for _, key := range b.keys(t, &sdk.ListObjectsV2Input{}) {
				if _, err := b.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: new(bucket), Key: &key}); err != nil {
					t.Errorf("deleting %q: %v", key, err)
				}
			}
			if _, err := b.DeleteBucket(t.Context(), &sdk.DeleteBucketInput{Bucket: new(bucket)}); err != nil {
				t.Error(err)
			}
		})
	}
	stranger := http.Client{}
	reply, err := stranger.Get(server.URL + "/" + bucket + "/k")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(http.StatusForbidden, reply.StatusCode); diff != "" {
		t.Errorf("unsigned request: got %s (-want +got):\n%s", text, diff)
	}
}
