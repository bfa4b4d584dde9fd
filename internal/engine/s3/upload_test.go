package s3_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

const partSize = 5 << 20

// upload starts an upload and sends its parts.
func (b *bed) upload(t testing.TB, in *sdk.CreateMultipartUploadInput, parts ...string) (id *string, sent []types.CompletedPart) {
	t.Helper()
	in.Bucket = new(bucket)
	created, err := b.CreateMultipartUpload(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i, content := range parts {
		number := new(int32(i + 1))
		out, err := b.UploadPart(t.Context(), &sdk.UploadPartInput{
			Bucket: in.Bucket, Key: in.Key, UploadId: created.UploadId, PartNumber: number,
			Body: strings.NewReader(content), ChecksumAlgorithm: in.ChecksumAlgorithm,
		})
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, types.CompletedPart{
			PartNumber: number, ETag: out.ETag,
			ChecksumCRC32: out.ChecksumCRC32, ChecksumSHA256: out.ChecksumSHA256, ChecksumCRC64NVME: out.ChecksumCRC64NVME,
		})
	}
	return created.UploadId, sent
}

func (b *bed) complete(t testing.TB, key string, id *string, parts []types.CompletedPart, ifNoneMatch *string) (*sdk.CompleteMultipartUploadOutput, error) {
	return b.CompleteMultipartUpload(t.Context(), &sdk.CompleteMultipartUploadInput{
		Bucket: new(bucket), Key: &key, UploadId: id, IfNoneMatch: ifNoneMatch,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
}

func TestMultipartUpload(t *testing.T) {
	content := []string{strings.Repeat("a", partSize), strings.Repeat("b", partSize+1), "c"}
	for _, algorithm := range []types.ChecksumAlgorithm{"", types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmSha256, types.ChecksumAlgorithmCrc64nvme} {
		t.Run(string(algorithm), func(t *testing.T) {
			b := start(t)
			id, parts := b.upload(t, &sdk.CreateMultipartUploadInput{
				Key: new("k"), ChecksumAlgorithm: algorithm, ContentType: new("text/plain"),
			}, content...)
			out, err := b.complete(t, "k", id, parts, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(*out.ETag, `-3"`) {
				t.Errorf("got ETag %s, want one of three parts", *out.ETag)
			}
			if got := b.content(t, "k"); got != strings.Join(content, "") {
				t.Errorf("got another content of %d bytes", len(got))
			}
			head, err := b.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: new(bucket), Key: new("k"), ChecksumMode: "ENABLED"})
			if err != nil {
				t.Fatal(err)
			}
			if *head.ETag != *out.ETag || *head.ContentType != "text/plain" || head.ChecksumType != out.ChecksumType {
				t.Errorf("head: got %s, %s, %s, want what completion said", *head.ETag, *head.ContentType, head.ChecksumType)
			}
			again, err := b.complete(t, "k", id, parts, nil)
			if err != nil || *again.ETag != *out.ETag {
				t.Errorf("completing again: got %v and error %v, want the same answer", again, err)
			}
		})
	}
}

func TestMultipartUploadOutlivesTheService(t *testing.T) {
	home := t.TempDir()
	var id *string
	var parts []types.CompletedPart
	t.Run("begin", func(t *testing.T) {
		b := open(t, home)
		if _, err := b.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: new(bucket)}); err != nil {
			t.Fatal(err)
		}
		id, parts = b.upload(t, &sdk.CreateMultipartUploadInput{Key: new("k")}, strings.Repeat("a", partSize), "b")
	})
	b := open(t, home)
	listed, err := b.ListParts(t.Context(), &sdk.ListPartsInput{Bucket: new(bucket), Key: new("k"), UploadId: id, MaxParts: new(int32(1))})
	if err != nil {
		t.Fatal(err)
	}
	if len(listed.Parts) != 1 || !*listed.IsTruncated || *listed.NextPartNumberMarker != "1" || *listed.Parts[0].Size != partSize {
		t.Errorf("first page of parts: got %v, truncated %v, next %s", listed.Parts, *listed.IsTruncated, *listed.NextPartNumberMarker)
	}
	uploads, err := b.ListMultipartUploads(t.Context(), &sdk.ListMultipartUploadsInput{Bucket: new(bucket)})
	if err != nil || len(uploads.Uploads) != 1 || *uploads.Uploads[0].UploadId != *id {
		t.Errorf("uploads: got %v and error %v, want %s", uploads, err, *id)
	}
	if _, err := b.complete(t, "k", id, parts, nil); err != nil {
		t.Fatal(err)
	}
	if got := b.content(t, "k"); len(got) != partSize+1 {
		t.Errorf("got %d bytes, want %d", len(got), partSize+1)
	}
}

func TestPartsOfAnUploadThatNamedNoChecksum(t *testing.T) {
	b := start(t)
	in := &sdk.CreateMultipartUploadInput{Bucket: new(bucket), Key: new("k")}
	created, err := b.CreateMultipartUpload(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	content := []string{strings.Repeat("a", partSize), "b", "c"}
	var parts []types.CompletedPart
	for i, algorithm := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc32, types.ChecksumAlgorithmSha256, ""} {
		part := &sdk.UploadPartInput{
			Bucket: in.Bucket, Key: in.Key, UploadId: created.UploadId, PartNumber: new(int32(i + 1)),
			Body: strings.NewReader(content[i]), ChecksumAlgorithm: algorithm,
		}
		out, err := b.UploadPart(t.Context(), part)
		if err != nil {
			t.Fatalf("a part with %q: %v", algorithm, err)
		}
		if came := out.ChecksumCRC32 != nil || out.ChecksumSHA256 != nil; came != (algorithm != "") {
			t.Errorf("a part with %q: got a checksum back: %t", algorithm, came)
		}
		if i == 1 { // EntityTooSmall, unless it is left out
			continue
		}
		parts = append(parts, types.CompletedPart{PartNumber: part.PartNumber, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32})
	}
	if _, err := b.UploadPart(t.Context(), &sdk.UploadPartInput{
		Bucket: in.Bucket, Key: in.Key, UploadId: created.UploadId, PartNumber: new(int32(4)),
		Body: strings.NewReader("d"), ChecksumCRC32: new(crc("other")),
	}); code(err) != "BadDigest" {
		t.Errorf("a part that is not as it says: got %q, want BadDigest", code(err))
	}
	out, err := b.complete(t, "k", created.UploadId, parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out.ChecksumCRC64NVME == nil || out.ChecksumCRC32 != nil || out.ChecksumType != types.ChecksumTypeFullObject {
		t.Errorf("got %+v, want the checksum that S3 adds by itself", out)
	}
	if got := b.content(t, "k"); got != content[0]+content[2] {
		t.Errorf("got another content of %d bytes", len(got))
	}
}

func TestThePartsOfAnUploadThatNamedAChecksumHaveIt(t *testing.T) {
	b := start(t)
	for _, algorithm := range []types.ChecksumAlgorithm{types.ChecksumAlgorithmCrc64nvme, types.ChecksumAlgorithmSha256} {
		id, _ := b.upload(t, &sdk.CreateMultipartUploadInput{Key: new("k"), ChecksumAlgorithm: algorithm})
		if _, err := b.UploadPart(t.Context(), &sdk.UploadPartInput{
			Bucket: new(bucket), Key: new("k"), UploadId: id, PartNumber: new(int32(1)),
			Body: strings.NewReader("a"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		}); code(err) != "InvalidRequest" {
			t.Errorf("a part with CRC32 where %s is named: got %q, want InvalidRequest", algorithm, code(err))
		}
	}
}

func TestCompletionVerifiesTheWholeObject(t *testing.T) {
	b := start(t)
	const right, other = "whole", "other"
	id, parts := b.upload(t, &sdk.CreateMultipartUploadInput{
		Key: new("k"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32, ChecksumType: types.ChecksumTypeFullObject,
	}, right)
	for _, test := range []struct{ content, want string }{{other, "BadDigest"}, {right, ""}} {
		_, err := b.CompleteMultipartUpload(t.Context(), &sdk.CompleteMultipartUploadInput{
			Bucket: new(bucket), Key: new("k"), UploadId: id, ChecksumCRC32: new(crc(test.content)),
			MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		})
		if code(err) != test.want {
			t.Errorf("the checksum of %q: got %q, want %q", test.content, code(err), test.want)
		}
		if _, err := b.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: new(bucket), Key: new("k")}); (err == nil) != (test.want == "") {
			t.Errorf("the object after the checksum of %q: got %v", test.content, err)
		}
	}
}

func TestCompletionLeavesNoFileOpen(t *testing.T) {
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		t.Skip("nothing lists this process's open files:", err)
	}
	for name, breakPart := range map[string]func(file string) error{
		"whole": func(string) error { return nil },
		// It opens, and cannot be read.
		"broken": func(file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o700)) },
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			id, parts := b.upload(t, &sdk.CreateMultipartUploadInput{Key: new("k")}, strings.Repeat("a", partSize))
			folder := filepath.Join(b.home, "objects", "buckets", bucket)
			entries, err := os.ReadDir(folder)
			if err != nil || len(entries) != 1 {
				t.Fatalf("got %v and error %v, want the part's file", entries, err)
			}
			if err := breakPart(filepath.Join(folder, entries[0].Name())); err != nil {
				t.Fatal(err)
			}
			if _, err := b.complete(t, "k", id, parts, nil); (err == nil) != (name == "whole") {
				t.Fatalf("completing: got %v", err)
			}
			if open := openFiles(t, folder); len(open) > 0 {
				t.Errorf("left open: %q", open)
			}
		})
	}
}

// openFiles lists those of this process that are in a folder.
func openFiles(t *testing.T, folder string) (open []string) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if path, err := os.Readlink(link); err == nil && strings.HasPrefix(path, folder) {
			open = append(open, path)
		}
	}
	return open
}

func TestMultipartErrors(t *testing.T) {
	b := start(t)
	b.put(t, "taken", "x")
	id, parts := b.upload(t, &sdk.CreateMultipartUploadInput{Key: new("taken")}, strings.Repeat("a", partSize), "b", "c")
	other := parts[0]
	other.ETag = parts[1].ETag
	tests := []struct {
		name        string
		id          *string
		parts       []types.CompletedPart
		ifNoneMatch *string
		want        string
	}{
		{"unknown upload", new("nope"), parts, nil, "NoSuchUpload"},
		{"no parts", id, nil, nil, "MalformedXML"},
		{"wrong order", id, []types.CompletedPart{parts[1], parts[0]}, nil, "InvalidPartOrder"},
		{"wrong ETag", id, []types.CompletedPart{other}, nil, "InvalidPart"},
		{"small part", id, parts, nil, "EntityTooSmall"},
		{"taken key", id, parts[:2], new("*"), "PreconditionFailed"},
		{"good at last", id, parts[:2], nil, ""},
	}
	for _, test := range tests {
		if _, err := b.complete(t, "taken", test.id, test.parts, test.ifNoneMatch); code(err) != test.want {
			t.Errorf("%s: got %q, want %q", test.name, code(err), test.want)
		}
	}
	id, _ = b.upload(t, &sdk.CreateMultipartUploadInput{Key: new("k")}, "a")
	abort := func() error {
		_, err := b.AbortMultipartUpload(t.Context(), &sdk.AbortMultipartUploadInput{Bucket: new(bucket), Key: new("k"), UploadId: id})
		return err
	}
	if got := []string{code(abort()), code(abort())}; !cmp.Equal(got, []string{"", "NoSuchUpload"}) {
		t.Errorf("aborting twice: got %q", got)
	}
}

func TestUploadPartCopy(t *testing.T) {
	b := start(t)
	b.put(t, "source", strings.Repeat("0123456789", 1<<20))
	id, _ := b.upload(t, &sdk.CreateMultipartUploadInput{Key: new("k")})
	var parts []types.CompletedPart
	for i, span := range []string{"bytes=0-5242879", "bytes=5-7"} {
		out, err := b.UploadPartCopy(t.Context(), &sdk.UploadPartCopyInput{
			Bucket: new(bucket), Key: new("k"), UploadId: id, PartNumber: new(int32(i + 1)),
			CopySource: new(bucket + "/source"), CopySourceRange: &span,
		})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{PartNumber: new(int32(i + 1)), ETag: out.CopyPartResult.ETag})
	}
	if _, err := b.complete(t, "k", id, parts, nil); err != nil {
		t.Fatal(err)
	}
	got := []byte(b.content(t, "k"))
	if len(got) != partSize+3 || !bytes.HasSuffix(got, []byte("9567")) {
		t.Errorf("got %d bytes that end in %q", len(got), got[len(got)-min(4, len(got)):])
	}
}
