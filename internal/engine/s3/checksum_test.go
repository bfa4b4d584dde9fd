package s3_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestChecksumsAreStoredAndReturned(t *testing.T) {
	b := start(t)
	for _, algorithm := range []types.ChecksumAlgorithm{"", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
		for _, content := range []string{"content", strings.Repeat("content", 10_000)} {
			put, err := b.PutObject(t.Context(), &sdk.PutObjectInput{
				Bucket: new(bucket), Key: new("k"), Body: strings.NewReader(content), ChecksumAlgorithm: algorithm,
			})
			if err != nil {
				t.Fatalf("%s: %v", algorithm, err)
			}
			// The client checks the content against the checksum that comes with it.
			got, err := b.GetObject(t.Context(), &sdk.GetObjectInput{Bucket: new(bucket), Key: new("k"), ChecksumMode: "ENABLED"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(got.Body); err != nil {
				t.Errorf("%s: reading the object: %v", algorithm, err)
			}
			if got.ChecksumType != "FULL_OBJECT" || sums(put.ChecksumCRC32, put.ChecksumCRC32C, put.ChecksumCRC64NVME, put.ChecksumSHA1, put.ChecksumSHA256) !=
				sums(got.ChecksumCRC32, got.ChecksumCRC32C, got.ChecksumCRC64NVME, got.ChecksumSHA1, got.ChecksumSHA256) {
				t.Errorf("%s: get returns another checksum than put", algorithm)
			}
		}
	}
}

func sums(values ...*string) (all string) {
	for _, value := range values {
		if value != nil {
			all += *value
		}
		all += "|"
	}
	return all
}

func crc(content string) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(content))))
}

// framed is a content as aws-chunked, in chunks of size bytes.
func framed(content string, size int, signature, trailer string) string {
	var b strings.Builder
	for len(content) > 0 {
		n := min(size, len(content))
		fmt.Fprintf(&b, "%x%s\r\n%s\r\n", n, signature, content[:n])
		content = content[n:]
	}
	fmt.Fprintf(&b, "0%s\r\n%s\r\n", signature, trailer)
	return b.String()
}

func TestBodiesAreVerified(t *testing.T) {
	b := start(t)
	const content = "some content of an object"
	sum := md5.Sum([]byte(content))
	signature := ";chunk-signature=" + strings.Repeat("0", 64)
	chunked := func(payload, trailer string) http.Header {
		h := http.Header{
			"X-Amz-Content-Sha256": {payload}, "X-Amz-Decoded-Content-Length": {fmt.Sprint(len(content))}, "Content-Encoding": {"aws-chunked"},
		}
		if trailer != "" {
			h["X-Amz-Trailer"] = []string{trailer}
		}
		return h
	}
	const unsigned, signed = "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	tests := []struct {
		name   string
		header http.Header
		body   string
		want   string
	}{
		{"plain", http.Header{}, content, ""},
		{"right MD5", http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(sum[:])}}, content, ""},
		{"wrong MD5", http.Header{"Content-Md5": {base64.StdEncoding.EncodeToString(make([]byte, 16))}}, content, "BadDigest"},
		{"no MD5", http.Header{"Content-Md5": {"x"}}, content, "InvalidDigest"},
		{"right CRC32", http.Header{"X-Amz-Checksum-Crc32": {crc(content)}}, content, ""},
		{"wrong CRC32", http.Header{"X-Amz-Checksum-Crc32": {crc("other")}}, content, "BadDigest"},
		{"no CRC32", http.Header{"X-Amz-Checksum-Crc32": {"AAAA"}}, content, "InvalidRequest"},
		{"two checksums", http.Header{"X-Amz-Checksum-Crc32": {crc(content)}, "X-Amz-Checksum-Crc32c": {crc(content)}}, content, "InvalidRequest"},
		{"announced and absent", http.Header{"X-Amz-Sdk-Checksum-Algorithm": {"CRC32"}}, content, "InvalidRequest"},
		{"unknown checksum", http.Header{"X-Amz-Checksum-Xxhash3": {"AAAA"}}, content, "NotImplemented"},
		{"signed chunks", chunked(signed, ""), framed(content, 7, signature, ""), ""},
		{"chunks without the last line", chunked(signed, ""), strings.TrimSuffix(framed(content, 7, signature, ""), "\r\n"), ""},
		{"right trailer", chunked(unsigned, "x-amz-checksum-crc32"), framed(content, 10, "", "x-amz-checksum-crc32:"+crc(content)+"\r\n"), ""},
		{"right signed trailer", chunked(signed+"-TRAILER", "x-amz-checksum-crc32"), framed(content, 99, signature,
			"x-amz-checksum-crc32:"+crc(content)+"\r\nx-amz-trailer-signature:"+strings.Repeat("0", 64)+"\r\n"), ""},
		{"wrong trailer", chunked(unsigned, "x-amz-checksum-crc32"), framed(content, 10, "", "x-amz-checksum-crc32:"+crc("other")+"\r\n"), "BadDigest"},
		{"missing trailer", chunked(unsigned, "x-amz-checksum-crc32"), framed(content, 10, "", ""), "InvalidRequest"},
		{"malformed trailer", chunked(unsigned, "x-amz-checksum-crc32"), framed(content, 10, "", "nonsense\r\n"), "MalformedTrailerError"},
		{"cut chunks", chunked(unsigned, ""), framed(content, 10, "", "")[:20], "IncompleteBody"},
		{"fewer bytes than said", chunked(unsigned, ""), framed(content[1:], 10, "", ""), "IncompleteBody"},
		{"more bytes than said", chunked(unsigned, ""), framed(content+"!", 10, "", ""), "IncompleteBody"},
		{"no chunk size", chunked(unsigned, ""), "zz\r\n" + content, "InvalidRequest"},
	}
	for i, test := range tests {
		path := fmt.Sprint("/", bucket, "/k", i)
		reply := b.raw(t, http.MethodPut, path, test.header, test.body)
		text, err := io.ReadAll(reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		if test.want != "" {
			if !strings.Contains(string(text), "<Code>"+test.want+"</Code>") {
				t.Errorf("%s: got status %d and %s, want %s", test.name, reply.StatusCode, text, test.want)
			}
			if got := b.raw(t, http.MethodHead, path, nil, "").StatusCode; got != http.StatusNotFound {
				t.Errorf("%s: got status %d for the refused object, want 404", test.name, got)
			}
			continue
		}
		if reply.StatusCode != http.StatusOK {
			t.Errorf("%s: got status %d and %s, want 200", test.name, reply.StatusCode, text)
			continue
		}
		if got := b.content(t, fmt.Sprint("k", i)); got != content {
			t.Errorf("%s: got content %q", test.name, got)
		}
	}
}
