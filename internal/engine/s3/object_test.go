package s3_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

// oddKeys are keys that file systems and URLs would mix up or refuse.
func oddKeys() []string {
	return []string{
		"a", "a/b", "a/", "a//b", "/a", "A", "A/b", ".", "..", "../a", "a/../b", "./a", "~", "con", "nul.txt", "a:b",
		`a\b`, "a b", "a+b", "a%2Fb", "a%b", "a?b#c", "a&b=c", "\u00e4", "a\u0308", "日本語", "🙂", "a*b|c<d>e\"f'", "trailing.", "trailing ",
		strings.Repeat("x", 1024), strings.Repeat("x", 1023) + "y", strings.Repeat("d/", 500), strings.Repeat("é", 512),
	}
}

func TestOddKeysNeverCollide(t *testing.T) {
	b := start(t)
	for _, key := range oddKeys() {
		b.put(t, key, "content of "+key)
	}
	for _, key := range oddKeys() {
		if got := b.content(t, key); got != "content of "+key {
			t.Errorf("key %q: got content %q", key, got)
		}
	}
	want := oddKeys()
	slices.Sort(want)
	if diff := cmp.Diff(want, b.keys(t, &sdk.ListObjectsV2Input{})); diff != "" {
		t.Errorf("keys listed (-want +got):\n%s", diff)
	}
	names := map[string]string{}
	if err := filepath.WalkDir(b.home, func(path string, entry fs.DirEntry, err error) error {
		lower := strings.ToLower(entry.Name())
		if other, taken := names[lower]; taken && !entry.IsDir() {
			t.Errorf("%q and %q are one file where case is ignored", path, other)
		}
		names[lower] = path
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, key := range oddKeys() {
		if _, err := b.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: new(bucket), Key: &key}); err != nil {
			t.Errorf("deleting %q: %v", key, err)
		}
	}
	if got := b.keys(t, &sdk.ListObjectsV2Input{}); len(got) != 0 {
		t.Errorf("after deleting all: got keys %q", got)
	}
}

func TestRacingPutsIfAbsent(t *testing.T) {
	for _, size := range []int{100, 100_000} {
		b := start(t)
		codes := make([]string, 16)
		var wg sync.WaitGroup
		for i := range codes {
			wg.Go(func() {
				content := bytes.Repeat([]byte{byte('a' + i)}, size)
				_, err := b.PutObject(t.Context(), &sdk.PutObjectInput{
					Bucket: new(bucket), Key: new("claim"), Body: bytes.NewReader(content), IfNoneMatch: new("*"),
				})
				codes[i] = code(err)
			})
		}
		wg.Wait()
		winner := slices.Index(codes, "")
		if winner < 0 {
			t.Fatalf("no put won: %q", codes)
		}
		want := slices.Repeat([]string{"PreconditionFailed"}, 16)
		want[winner] = ""
		if diff := cmp.Diff(want, codes); diff != "" {
			t.Errorf("size %d: one winner wanted (-want +got):\n%s", size, diff)
		}
		if got := b.content(t, "claim"); got != strings.Repeat(string(rune('a'+winner)), size) {
			t.Errorf("size %d: the object is not the winner's", size)
		}
	}
}

func TestConditionalWrites(t *testing.T) {
	b := start(t)
	first := b.put(t, "k", "1")
	put := func(key, ifMatch, ifNoneMatch string) string {
		in := &sdk.PutObjectInput{Bucket: new(bucket), Key: &key, Body: strings.NewReader("2")}
		if ifMatch != "" {
			in.IfMatch = &ifMatch
		}
		if ifNoneMatch != "" {
			in.IfNoneMatch = &ifNoneMatch
		}
		_, err := b.PutObject(t.Context(), in)
		return code(err)
	}
	tests := []struct{ key, ifMatch, ifNoneMatch, want string }{
		{"k", `"no such"`, "", "PreconditionFailed"},
		{"k", *first.ETag, "", ""},
		{"k", *first.ETag, "", "PreconditionFailed"},
		{"missing", *first.ETag, "", "NoSuchKey"},
		{"k", "", "*", "PreconditionFailed"},
		{"k", "", `"abc"`, "NotImplemented"},
		{"new", "", "*", ""},
	}
	for _, test := range tests {
		if got := put(test.key, test.ifMatch, test.ifNoneMatch); got != test.want {
			t.Errorf("putting %q, If-Match %s, If-None-Match %s: got %q, want %q", test.key, test.ifMatch, test.ifNoneMatch, got, test.want)
		}
	}
}

// A put whose condition held when it came, and whose object was deleted while
// its content was on the way, is a conflict.
func TestConditionalWriteLosesItsObject(t *testing.T) {
	b := start(t)
	etag := b.put(t, "k", "1").ETag
	content, writer := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, b.url+"/"+bucket+"/k", content)
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = 2
	request.Header.Set("If-Match", *etag)
	// The client sends the content when the service begins to read it, and so
	// after the service has looked at the object.
	request.Header.Set("Expect", "100-continue")
	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	status := make(chan int)
	go func() {
		defer close(status)
		reply, err := client.Do(request)
		if err != nil {
			t.Error(err)
			return
		}
		reply.Body.Close()
		status <- reply.StatusCode
	}()
	if _, err := writer.Write([]byte("2")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.DeleteObject(t.Context(), &sdk.DeleteObjectInput{Bucket: new(bucket), Key: new("k")}); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write([]byte("3")); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if got := <-status; got != http.StatusConflict {
		t.Errorf("got status %d, want %d", got, http.StatusConflict)
	}
}

func TestConditionalReads(t *testing.T) {
	b := start(t)
	etag := *b.put(t, "k", "content").ETag
	tests := []struct {
		header, value string
		want          int
	}{
		{"If-None-Match", etag, 304},
		{"If-None-Match", `"other"`, 200},
		{"If-Match", etag, 200},
		{"If-Match", `"other"`, 412},
		{"If-Modified-Since", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), 304},
		{"If-Modified-Since", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 200},
		{"If-Unmodified-Since", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat), 412},
		{"Range", "bytes=2-3", 206},
		{"Range", "bytes=7-", 416},
	}
	for _, test := range tests {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if got := b.raw(t, method, "/"+bucket+"/k", http.Header{test.header: {test.value}}, "").StatusCode; got != test.want {
				t.Errorf("%s with %s: %s: got status %d, want %d", method, test.header, test.value, got, test.want)
			}
		}
	}
}

// raw sends a request as it stands. The reply's body has been read and closed.
func (b *bed) raw(t testing.TB, method, path string, header http.Header, body string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	reply.Body = io.NopCloser(bytes.NewReader(content))
	return reply
}

func TestRanges(t *testing.T) {
	b := start(t)
	b.put(t, "k", "0123456789")
	tests := []struct{ header, want, code string }{
		{"bytes=0-0", "0", ""},
		{"bytes=2-4", "234", ""},
		{"bytes=8-99", "89", ""},
		{"bytes=5-", "56789", ""},
		{"bytes=-3", "789", ""},
		{"bytes=-30", "0123456789", ""},
		{"bytes=4-2", "0123456789", ""},
		{"bytes=1-2,4-5", "0123456789", ""},
		{"lines=1-2", "0123456789", ""},
		{"bytes=10-", "", "InvalidRange"},
		{"bytes=-0", "", "InvalidRange"},
	}
	for _, test := range tests {
		out, err := b.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: new(bucket), Key: new("k"), Range: &test.header})
		if code(err) != test.code {
			t.Errorf("%s: got error %q, want %q", test.header, code(err), test.code)
		}
		if err != nil {
			continue
		}
		got, err := io.ReadAll(out.Body)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: got %q and error %v, want %q", test.header, got, err, test.want)
		}
	}
}

func TestMetadataIsKept(t *testing.T) {
	b := start(t)
	if _, err := b.PutObject(t.Context(), &sdk.PutObjectInput{
		Bucket: new(bucket), Key: new("k"), Body: strings.NewReader("x"),
		ContentType: new("text/plain"), CacheControl: new("no-store"), ContentEncoding: new("gzip"),
		ContentDisposition: new("inline"), ContentLanguage: new("de"), Metadata: map[string]string{"who": "me", "why-not": "x"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CopyObject(t.Context(), &sdk.CopyObjectInput{
		Bucket: new(bucket), Key: new("copy ä"), CopySource: new(bucket + "/k"),
	}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"k", "copy ä"} {
		out, err := b.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: new(bucket), Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		got := []string{*out.ContentType, *out.CacheControl, *out.ContentEncoding, *out.ContentDisposition, *out.ContentLanguage}
		if diff := cmp.Diff([]string{"text/plain", "no-store", "gzip", "inline", "de"}, got); diff != "" {
			t.Errorf("headers of %q (-want +got):\n%s", key, diff)
		}
		if diff := cmp.Diff(map[string]string{"who": "me", "why-not": "x"}, out.Metadata); diff != "" {
			t.Errorf("metadata of %q (-want +got):\n%s", key, diff)
		}
	}
	_, err := b.PutObject(t.Context(), &sdk.PutObjectInput{
		Bucket: new(bucket), Key: new("k"), Metadata: map[string]string{"much": strings.Repeat("x", 2048)},
	})
	if code(err) != "MetadataTooLarge" {
		t.Errorf("2 KiB of metadata: got %q, want MetadataTooLarge", code(err))
	}
}

func TestErrors(t *testing.T) {
	b := start(t)
	b.put(t, "k", "x")
	ctx := t.Context()
	tests := []struct {
		name string
		call func() error
		want string
	}{
		{"get a missing key", func() error {
			_, err := b.GetObject(ctx, &sdk.GetObjectInput{Bucket: new(bucket), Key: new("missing")})
			return err
		}, "NoSuchKey"},
		{"head a missing key", func() error {
			_, err := b.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: new(bucket), Key: new("missing")})
			return err
		}, "NotFound"},
		{"get from a missing bucket", func() error {
			_, err := b.GetObject(ctx, &sdk.GetObjectInput{Bucket: new("missing"), Key: new("k")})
			return err
		}, "NoSuchBucket"},
		{"put into a missing bucket", func() error {
			_, err := b.PutObject(ctx, &sdk.PutObjectInput{Bucket: new("missing"), Key: new("k")})
			return err
		}, "NoSuchBucket"},
		{"list a missing bucket", func() error {
			_, err := b.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: new("missing")})
			return err
		}, "NoSuchBucket"},
		{"make a bucket twice", func() error {
			_, err := b.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: new(bucket)})
			return err
		}, "BucketAlreadyOwnedByYou"},
		{"make a bucket with a bad name", func() error {
			_, err := b.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: new("No_Bucket")})
			return err
		}, "InvalidBucketName"},
		{"delete a full bucket", func() error {
			_, err := b.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: new(bucket)})
			return err
		}, "BucketNotEmpty"},
		{"delete a missing bucket", func() error {
			_, err := b.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: new("missing")})
			return err
		}, "NoSuchBucket"},
		{"delete a missing key", func() error {
			_, err := b.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: new(bucket), Key: new("missing")})
			return err
		}, ""},
		{"a key of 1025 bytes", func() error {
			_, err := b.PutObject(ctx, &sdk.PutObjectInput{Bucket: new(bucket), Key: new(strings.Repeat("x", 1025))})
			return err
		}, "KeyTooLongError"},
		{"an operation that is not there", func() error {
			_, err := b.DeleteBucketPolicy(ctx, &sdk.DeleteBucketPolicyInput{Bucket: new(bucket)})
			return err
		}, "NotImplemented"},
		{"a header that is not there", func() error {
			_, err := b.PutObject(ctx, &sdk.PutObjectInput{Bucket: new(bucket), Key: new("k"), StorageClass: types.StorageClassGlacier})
			return err
		}, "NotImplemented"},
		{"copy an object to itself", func() error {
			_, err := b.CopyObject(ctx, &sdk.CopyObjectInput{Bucket: new(bucket), Key: new("k"), CopySource: new(bucket + "/k")})
			return err
		}, "InvalidRequest"},
	}
	for _, test := range tests {
		if got := code(test.call()); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	if got := b.content(t, "k"); got != "x" {
		t.Errorf("after all that: got content %q, want x", got)
	}
}

func TestDeleteObjects(t *testing.T) {
	b := start(t)
	var wanted []types.ObjectIdentifier
	for i := range 5 {
		key := fmt.Sprintf("k<%d>", i)
		b.put(t, key, "x")
		wanted = append(wanted, types.ObjectIdentifier{Key: &key})
	}
	wanted[4].ETag = new(`"other"`)
	out, err := b.DeleteObjects(t.Context(), &sdk.DeleteObjectsInput{Bucket: new(bucket), Delete: &types.Delete{Objects: wanted}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Deleted) != 4 || len(out.Errors) != 1 || *out.Errors[0].Code != "PreconditionFailed" {
		t.Errorf("got %d deleted and errors %v, want 4 and one PreconditionFailed", len(out.Deleted), out.Errors)
	}
	if diff := cmp.Diff([]string{"k<4>"}, b.keys(t, &sdk.ListObjectsV2Input{})); diff != "" {
		t.Errorf("keys left (-want +got):\n%s", diff)
	}
}

func TestBuckets(t *testing.T) {
	b := open(t, t.TempDir())
	ctx := t.Context()
	for _, in := range []*sdk.CreateBucketInput{
		{Bucket: new("here")},
		{Bucket: new("there"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}},
	} {
		if _, err := b.CreateBucket(ctx, in); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"here": "", "there": "eu-west-1"} {
		out, err := b.GetBucketLocation(ctx, &sdk.GetBucketLocationInput{Bucket: &name})
		if err != nil || string(out.LocationConstraint) != want {
			t.Errorf("bucket %s: got %v and error %v, want location %q", name, out, err, want)
		}
	}
	head, err := b.HeadBucket(ctx, &sdk.HeadBucketInput{Bucket: new("there")})
	if err != nil || *head.BucketRegion != "eu-west-1" {
		t.Errorf("head: got %v and error %v, want region eu-west-1", head, err)
	}
	if _, err := b.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: new("here")}); err != nil {
		t.Error(err)
	}
	list, err := b.ListBuckets(ctx, &sdk.ListBucketsInput{})
	if err != nil || len(list.Buckets) != 1 || *list.Buckets[0].Name != "there" {
		t.Errorf("list: got %v and error %v, want there alone", list, err)
	}
}

func BenchmarkPut(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		for _, writers := range []int{1, 2, 16} {
			b.Run(fmt.Sprintf("%dKiB-%dwriters", size>>10, writers), func(b *testing.B) {
				bed := start(b)
				content := bytes.Repeat([]byte("x"), size)
				var wg sync.WaitGroup
				for w := range writers {
					wg.Go(func() {
						for i := w; i < b.N; i += writers {
							if _, err := bed.PutObject(context.Background(), &sdk.PutObjectInput{
								Bucket: new(bucket), Key: new(fmt.Sprint("runs/results/", i)), Body: bytes.NewReader(content),
							}); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
			})
		}
	}
}
