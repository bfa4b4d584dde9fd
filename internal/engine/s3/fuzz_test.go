package s3_test

import (
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzRequests: whatever a request says, the answer is the operation's or an
// error as S3 writes it, and nothing is written outside of the home.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][4]string{
		{"PUT", "/bucket/k", "Content-Type: text/plain\nIf-None-Match: *\nX-Amz-Meta-A: b", "content"},
		{"PUT", "/bucket/../../etc/passwd", "", "x"},
		{"PUT", "/bucket/a%2f..%2F%00b", "Content-MD5: x", "x"},
		{"PUT", "/bucket/k", "X-Amz-Copy-Source: /bucket/there\nX-Amz-Metadata-Directive: REPLACE", ""},
		{"PUT", "/bucket/k", "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\nX-Amz-Trailer: x-amz-checksum-crc32\nX-Amz-Decoded-Content-Length: 1", "1\r\nx\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"},
		{"PUT", "/bucket/k?partNumber=1&uploadId=x", "", "part"},
		{"PUT", "/bucket/k?tagging", "", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"},
		{"GET", "/bucket/there", "Range: bytes=1-2,-1", ""},
		{"GET", "/bucket/there?response-content-type=a%0d%0ab&partNumber=9", "If-Modified-Since: x", ""},
		{"HEAD", "/bucket/there", "If-Match: \"x\"", ""},
		{"GET", "/bucket?list-type=2&delimiter=/&prefix=t&max-keys=-1&continuation-token=x&encoding-type=url", "", ""},
		{"GET", "/bucket?uploads&key-marker=a&max-uploads=0", "", ""},
		{"GET", "/bucket?location", "", ""}, {"GET", "/bucket?versioning", "", ""}, {"GET", "/", "", ""},
		{"PUT", "/another-bucket", "", "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>"},
		{"POST", "/bucket/k?uploads", "X-Amz-Checksum-Algorithm: CRC32", ""},
		{"POST", "/bucket/k?uploadId=x", "", "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"},
		{"POST", "/bucket?delete", "", "<Delete><Object><Key>a</Key></Object><Quiet>true</Quiet></Delete>"},
		{"DELETE", "/bucket/k?uploadId=x", "", ""}, {"DELETE", "/bucket", "", ""}, {"PATCH", "/bucket/k", "", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	above := f.TempDir()
	if err := os.Mkdir(filepath.Join(above, "home"), 0o700); err != nil {
		f.Fatal(err)
	}
	_, service := still(f, filepath.Join(above, "home"))
	ask := func(r *http.Request) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		service.ServeHTTP(answer, r)
		return answer
	}
	f.Fuzz(func(t *testing.T, method, target, header, body string) {
		at, err := url.ParseRequestURI(target)
		if err != nil || strings.ContainsAny(method, " \r\n") || method == "" {
			return // net/http lets no such request in
		}
		for _, path := range []string{"/bucket", "/bucket/there"} {
			ask(httptest.NewRequestWithContext(t.Context(), http.MethodPut, path, strings.NewReader("")))
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", strings.NewReader(body))
		r.Method, r.URL, r.RequestURI = method, at, target
		for line := range strings.Lines(header) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				r.Header.Add(name, strings.TrimSpace(value))
			}
		}
		answer := ask(r)
		if answer.Code >= 500 && answer.Code != http.StatusNotImplemented {
			t.Errorf("%s %q: got %d %s", method, target, answer.Code, answer.Body)
		}
		if text := answer.Body.Bytes(); answer.Code >= 400 && method != http.MethodHead {
			var fault struct{ Code, Message string }
			if err := xml.Unmarshal(text, &fault); err != nil || fault.Code == "" {
				t.Errorf("%s %q: got %d and %q, want an error as S3 writes it (%v)", method, target, answer.Code, text, err)
			}
		}
		if found, err := os.ReadDir(above); err != nil || len(found) != 1 {
			t.Fatalf("%s %q: got %v, %v beside the home", method, target, found, err)
		}
	})
}
