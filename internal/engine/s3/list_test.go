package s3_test

import (
	"fmt"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/store"
)

func TestListObjects(t *testing.T) {
	b := start(t)
	for _, key := range []string{"a", "a/", "a/1", "a/2", "a/b/3", "a0", "b/x", "b/y", "c", "ä/1"} {
		b.put(t, key, "x")
	}
	tests := []struct {
		prefix, delimiter, after string
		want                     []string
	}{
		{want: []string{"a", "a/", "a/1", "a/2", "a/b/3", "a0", "b/x", "b/y", "c", "ä/1"}},
		{delimiter: "/", want: []string{"a", "a/", "a0", "b/", "c", "ä/"}},
		{prefix: "a/", want: []string{"a/", "a/1", "a/2", "a/b/3"}},
		{prefix: "a/", delimiter: "/", want: []string{"a/", "a/1", "a/2", "a/b/"}},
		{prefix: "a", delimiter: "/", want: []string{"a", "a/", "a0"}},
		{after: "a/2", want: []string{"a/b/3", "a0", "b/x", "b/y", "c", "ä/1"}},
		{after: "a/", delimiter: "/", want: []string{"a0", "b/", "c", "ä/"}},
		{after: "a", prefix: "b/", want: []string{"b/x", "b/y"}},
		{after: "zz", want: []string{"ä/1"}},
		{prefix: "ä", want: []string{"ä/1"}},
		{prefix: "nothing", want: nil},
	}
	for _, test := range tests {
		for _, size := range []int32{1, 2, 1000} {
			in := &sdk.ListObjectsV2Input{Prefix: &test.prefix, Delimiter: &test.delimiter, StartAfter: &test.after, MaxKeys: &size}
			got := map[string]bool{}
			for _, key := range b.keys(t, in) {
				if got[key] {
					t.Errorf("%+v in pages of %d: %q comes twice", test, size, key)
				}
				got[key] = true
			}
			want := map[string]bool{}
			for _, key := range test.want {
				want[key] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%+v in pages of %d (-want +got):\n%s", test, size, diff)
			}
		}
	}
}

func TestListObjectsVersion1(t *testing.T) {
	b := start(t)
	for _, key := range []string{"a/1", "a/2", "b", "c d+e"} {
		b.put(t, key, "x")
	}
	out, err := b.ListObjects(t.Context(), &sdk.ListObjectsInput{
		Bucket: new(bucket), Delimiter: new("/"), MaxKeys: new(int32(1)), EncodingType: "url",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.CommonPrefixes) != 1 || !*out.IsTruncated || *out.NextMarker != "a/" {
		t.Errorf("first page: got %v, truncated %v, next %v, want a/", out.CommonPrefixes, *out.IsTruncated, *out.NextMarker)
	}
	out, err = b.ListObjects(t.Context(), &sdk.ListObjectsInput{
		Bucket: new(bucket), Delimiter: new("/"), Marker: out.NextMarker, EncodingType: "url",
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range out.Contents {
		got = append(got, *o.Key)
	}
	if diff := cmp.Diff([]string{"b", "c%20d%2Be"}, got); diff != "" {
		t.Errorf("second page (-want +got):\n%s", diff)
	}
}

// A listing reads what it answers, however much lies beside it.
func BenchmarkListMillion(b *testing.B) {
	bed := start(b)
	if err := bed.store.Update(b.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO s3_object (bucket, key, size, etag, modified, file, attributes)
			WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999999)
			SELECT 'things', CAST(printf('runs/%04d/results/1/%06d.json', i / 1000, i % 1000) AS BLOB), 100,
				'0123456789abcdef0123456789abcdef', 1700000000000, 'some file name of usual length~ABCDEFGHIJKLMNOPQRSTUVWXYZ',
				CAST('{"Headers":{"Content-Type":"application/json"},"Checksum":{"Algorithm":"CRC32"}}' AS BLOB)
			FROM n`)
		return err
	}); err != nil {
		b.Fatal(err)
	}
	for name, in := range map[string]*sdk.ListObjectsV2Input{
		"1000keys":     {Prefix: new("runs/0500/")},
		"1000prefixes": {Prefix: new("runs/"), Delimiter: new("/")},
		"onekey":       {Prefix: new("runs/0500/results/1/000500")},
	} {
		b.Run(name, func(b *testing.B) {
			in.Bucket = new(bucket)
			for b.Loop() {
				out, err := bed.ListObjectsV2(b.Context(), in)
				if err != nil || *out.KeyCount == 0 {
					b.Fatal(fmt.Errorf("listing: got %v and error %w", out, err))
				}
			}
		})
	}
}
