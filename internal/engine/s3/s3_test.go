package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/engine/s3"
	"github.com/spate-run/spate/internal/store"
)

const bucket = "things"

// ready is the bucket that nobody has to make.
const ready = "ready-made"

// A bed is a Service on a folder, with the SDK's client in front of it.
type bed struct {
	*sdk.Client
	home  string
	store *store.Store
	url   string
}

// open starts a Service behind a server. Opened again on the same home it
// finds what was there.
func open(t testing.TB, home string) *bed {
	t.Helper()
	b, service := run(t, home)
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	b.Client, b.url = client(server.URL, server.Client()), server.URL
	return b
}

// run starts a Service on a home, and its work in the background.
func run(t testing.TB, home string) (*bed, *s3.Service) {
	t.Helper()
	b, service := still(t, home)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- service.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return b, service
}

// still starts a Service on a home that does nothing by itself.
func still(t testing.TB, home string) (*bed, *s3.Service) {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(home, "spate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	service, err := s3.New(t.Context(), s3.Config{
		Store: st, Dir: filepath.Join(home, "objects"), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Ready: ready,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &bed{home: home, store: st}, service
}

func client(url string, over *http.Client) *sdk.Client {
	return sdk.New(sdk.Options{
		BaseEndpoint: &url, HTTPClient: over, Region: "us-east-1", UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
}

// start is open on a new home with a bucket.
func start(t testing.TB) *bed {
	t.Helper()
	b := open(t, t.TempDir())
	if _, err := b.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: new(bucket)}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bed) put(t testing.TB, key, content string) *sdk.PutObjectOutput {
	t.Helper()
	out, err := b.PutObject(t.Context(), &sdk.PutObjectInput{
		Bucket: new(bucket), Key: &key, Body: strings.NewReader(content),
	})
	if err != nil {
		t.Fatalf("putting %q: %v", key, err)
	}
	return out
}

func (b *bed) content(t testing.TB, key string) string {
	t.Helper()
	out, err := b.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: new(bucket), Key: &key})
	if err != nil {
		t.Fatalf("getting %q: %v", key, err)
	}
	defer out.Body.Close()
	content, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatalf("reading %q: %v", key, err)
	}
	return string(content)
}

func (b *bed) keys(t testing.TB, in *sdk.ListObjectsV2Input) []string {
	t.Helper()
	in.Bucket = new(bucket)
	var keys []string
	for pages := sdk.NewListObjectsV2Paginator(b.Client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
		for _, p := range page.CommonPrefixes {
			keys = append(keys, *p.Prefix)
		}
	}
	return keys
}

// code is the error code that S3 answered, or how the error looks otherwise.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	if err == nil {
		return ""
	}
	return fmt.Sprintf("%T: %v", err, err)
}

func TestObjectRoundTrip(t *testing.T) {
	b := start(t)
	for _, size := range []int{0, 1, 32 << 10, 32<<10 + 1, 3 << 20} {
		content := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		key := fmt.Sprint("size-", size)
		b.put(t, key, string(content))
		if got := b.content(t, key); got != string(content) {
			t.Errorf("object of %d bytes: got %d other ones", size, len(got))
		}
	}
}

// A client that gives up is no error of the service.
func TestRequestsThatEndedAreNotErrors(t *testing.T) {
	home := t.TempDir()
	b, _ := still(t, home)
	var log bytes.Buffer
	service, err := s3.New(t.Context(), s3.Config{
		Store: b.store, Dir: filepath.Join(home, "others"), Log: slog.New(slog.NewTextHandler(&log, nil)), Ready: ready,
	})
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	request := httptest.NewRequestWithContext(gone, http.MethodPut, "/"+ready+"/key", strings.NewReader("x"))
	answer := httptest.NewRecorder()
	service.ServeHTTP(answer, request)
	if answer.Code != http.StatusInternalServerError {
		t.Errorf("got status %d, want 500", answer.Code)
	}
	if log.Len() > 0 {
		t.Errorf("got %s, want nothing logged", &log)
	}
}
