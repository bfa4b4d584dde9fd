package wire_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/spate-run/spate/internal/wire"
)

var credentials = aws.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey}

// newRequest makes a request that clients of the named protocol send. Its body
// is part of its signature.
func newRequest(t *testing.T, protocol, endpoint string) (*http.Request, string, string) {
	t.Helper()
	method, path, body, service := http.MethodPost, "/", "{}", "sqs"
	header := http.Header{}
	switch protocol {
	case "json":
		header.Set("X-Amz-Target", "AmazonSQS.ListQueues")
		header.Set("Content-Type", "application/x-amz-json-1.0")
	case "query":
		body, service = "Action=GetCallerIdentity&Version=2011-06-15", "sts"
		header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	case "cbor":
		path, body, service = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms", "\xa0", "monitoring"
		header.Set("Smithy-Protocol", "rpc-v2-cbor")
	case "s3":
		method, path, body, service = http.MethodPut, "/b/a%20b/%C3%A9%2B%25?x-id=Put%20Object&a=%2F&a=", "object", "s3"
	default:
		t.Fatalf("no protocol %q", protocol)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, endpoint+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	return r, body, service
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

func sign(t *testing.T, r *http.Request, body, service string, c aws.Credentials, at time.Time) {
	t.Helper()
	if service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", hashOf(body))
	}
	err := v4.NewSigner().SignHTTP(t.Context(), c, r, hashOf(body), service, "us-east-1", at, func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = service == "s3"
	})
	if err != nil {
		t.Fatal(err)
	}
}

var codePattern = regexp.MustCompile(`<Code>(.+)</Code>`)

// codeOf returns a reply's status and error code.
func codeOf(t *testing.T, reply *http.Response) string {
	t.Helper()
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	if reply.StatusCode == http.StatusOK {
		return reply.Status
	}
	code := strings.TrimSpace(string(body))
	switch kind := reply.Header.Get("Content-Type"); {
	case kind == "application/cbor":
		value, err := cbor.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		code = string(value.(cbor.Map)["__type"].(cbor.String))
	case strings.HasPrefix(kind, "application/x-amz-json"):
		var fault struct {
			Code string `json:"__type"`
		}
		if err := json.Unmarshal(body, &fault); err != nil {
			t.Fatal(err)
		}
		code = fault.Code
	case strings.HasSuffix(kind, "xml"):
		code = string(codePattern.FindSubmatch(body)[1])
	}
	return reply.Status[:3] + " " + code
}

var protocols = []string{"json", "query", "cbor", "s3"}

func TestSignedRequests(t *testing.T) {
	server := httptest.NewServer(sampleHandler())
	defer server.Close()
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			r, body, service := newRequest(t, protocol, server.URL)
			r.Header.Set("X-Amz-Meta-Folded", "  a   b ")
			r.Header.Add("X-Amz-Meta-Twice", "1")
			r.Header.Add("X-Amz-Meta-Twice", "2")
			sign(t, r, body, service, credentials, time.Now())
			reply, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := codeOf(t, reply), "200 OK"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestDeniedRequests(t *testing.T) {
	const (
		anonymousCodes = "400 MissingAuthenticationTokenException, 403 MissingAuthenticationToken, 400 MissingAuthenticationTokenException, 403 AccessDenied"
		mismatchCodes  = "400 InvalidSignatureException, 403 SignatureDoesNotMatch, 400 InvalidSignatureException, 403 SignatureDoesNotMatch"
	)
	wrongSecret, unknownID := credentials, credentials
	wrongSecret.SecretAccessKey, unknownID.AccessKeyID = "wrong", "AKIDUNKNOWN"
	tests := []struct {
		name   string
		with   aws.Credentials
		tamper func(*http.Request) // after signing
		want   string              // one code for each of protocols
	}{
		{"no signature", credentials, func(r *http.Request) { r.Header.Del("Authorization") }, anonymousCodes},
		{"wrong secret", wrongSecret, func(*http.Request) {}, mismatchCodes},
		{
			"unknown key", unknownID, func(*http.Request) {},
			"400 UnrecognizedClientException, 403 InvalidClientTokenId, 400 UnrecognizedClientException, 403 InvalidAccessKeyId",
		},
		{"other query", credentials, func(r *http.Request) { r.URL.RawQuery = "x=y" }, mismatchCodes},
		{"other host", credentials, func(r *http.Request) { r.Host = "example.com" }, mismatchCodes},
		{"other date", credentials, func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().UTC().Add(time.Second).Format("20060102T150405Z"))
		}, mismatchCodes},
		{"other signed header", credentials, func(r *http.Request) { r.Header.Set("X-Amz-Meta-A", "2") }, mismatchCodes},
		{
			"unsigned header", credentials, func(r *http.Request) { r.Header.Set("X-Amz-Meta-B", "1") },
			"400 InvalidSignatureException, 403 SignatureDoesNotMatch, 400 InvalidSignatureException, 403 AccessDenied",
		},
		{
			"other body", credentials, func(r *http.Request) {
				r.Body = io.NopCloser(strings.NewReader(strings.Repeat(" ", int(r.ContentLength))))
				r.GetBody = nil
			},
			"400 InvalidSignatureException, 403 SignatureDoesNotMatch, 400 InvalidSignatureException, 400 XAmzContentSHA256Mismatch",
		},
		{"other signature", credentials, func(r *http.Request) {
			r.Header.Set("Authorization", r.Header.Get("Authorization")+"0")
		}, mismatchCodes},
		{
			"other algorithm", credentials, func(r *http.Request) { r.Header.Set("Authorization", "AWS AKID:signature") },
			"400 IncompleteSignatureException, 400 IncompleteSignature, 400 IncompleteSignatureException, 400 InvalidRequest",
		},
		{
			"no signed headers", credentials, func(r *http.Request) {
				r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/s3/aws4_request, Signature=0")
			},
			"400 IncompleteSignatureException, 400 IncompleteSignature, 400 IncompleteSignatureException, 400 AuthorizationHeaderMalformed",
		},
	}
	server := httptest.NewServer(sampleHandler())
	defer server.Close()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, protocol := range protocols {
				r, body, service := newRequest(t, protocol, server.URL)
				r.Header.Set("X-Amz-Meta-A", "1")
				sign(t, r, body, service, test.with, time.Now())
				test.tamper(r)
				reply, err := server.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, codeOf(t, reply))
			}
			if got := strings.Join(got, ", "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestCredentialOfAnotherService(t *testing.T) {
	r, body, _ := newRequest(t, "json", "http://localhost")
	sign(t, r, body, "ecs", credentials, time.Now())
	reply, err := wire.Transport(sampleHandler()).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := codeOf(t, reply), "400 InvalidSignatureException"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSkew(t *testing.T) {
	tests := []struct {
		name string
		skew time.Duration
		want string
	}{
		{"behind", -15 * time.Minute, "200 OK, 200 OK, 200 OK, 200 OK"},
		{"ahead", 15 * time.Minute, "200 OK, 200 OK, 200 OK, 200 OK"},
		{
			"too far behind", -15*time.Minute - time.Second,
			"400 InvalidSignatureException, 403 SignatureDoesNotMatch, 400 InvalidSignatureException, 403 RequestTimeTooSkewed",
		},
		{
			"too far ahead", 15*time.Minute + time.Second,
			"400 InvalidSignatureException, 403 SignatureDoesNotMatch, 400 InvalidSignatureException, 403 RequestTimeTooSkewed",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got []string
				for _, protocol := range protocols {
					r, body, service := newRequest(t, protocol, "http://localhost")
					sign(t, r, body, service, credentials, time.Now().Add(test.skew))
					reply, err := wire.Transport(sampleHandler()).RoundTrip(r)
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, codeOf(t, reply))
				}
				if got := strings.Join(got, ", "); got != test.want {
					t.Errorf("got  %s\nwant %s", got, test.want)
				}
			})
		})
	}
}

func TestPresignedURLs(t *testing.T) {
	tests := []struct {
		name   string
		method string
		change func(url.Values)
		body   string
		after  time.Duration
		want   string
	}{
		{name: "get", method: http.MethodGet, want: "200 OK"},
		{name: "put", method: http.MethodPut, body: "x", want: "200 OK"},
		{name: "the last second", method: http.MethodGet, after: time.Minute, want: "200 OK"},
		{name: "expired", method: http.MethodGet, after: time.Minute + time.Second, want: "403 AccessDenied"},
		{name: "another method", method: http.MethodDelete, want: "403 SignatureDoesNotMatch"},
		{name: "another parameter", method: http.MethodGet, change: func(q url.Values) { q.Set("versionId", "1") }, want: "403 SignatureDoesNotMatch"},
		{name: "longer", method: http.MethodGet, change: func(q url.Values) { q.Set("X-Amz-Expires", "61") }, want: "403 SignatureDoesNotMatch"},
		{
			name: "of version 2", method: http.MethodGet, want: "400 InvalidRequest",
			change: func(q url.Values) {
				clear(q)
				q.Set("AWSAccessKeyId", "A")
				q.Set("Signature", "0")
				q.Set("Expires", "1")
			},
		},
		{name: "more than a week", method: http.MethodGet, change: func(q url.Values) { q.Set("X-Amz-Expires", "604801") }, want: "400 AuthorizationHeaderMalformed"},
		{name: "no signature", method: http.MethodGet, change: func(q url.Values) { q.Del("X-Amz-Signature") }, want: "400 AuthorizationHeaderMalformed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				presigned, err := url.Parse(presign(t, test.method))
				if err != nil {
					t.Fatal(err)
				}
				if test.change != nil {
					query := presigned.Query()
					test.change(query)
					presigned.RawQuery = query.Encode()
				}
				time.Sleep(test.after) // the bubble's clock
				r, err := http.NewRequestWithContext(t.Context(), test.method, presigned.String(), strings.NewReader(test.body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("X-Amz-Content-Sha256", hashOf(test.body)) // which the URL does not sign
				reply, err := wire.Transport(sampleHandler()).RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				if got := codeOf(t, reply); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
			})
		})
	}
}

// presign returns a URL for an object that lasts a minute; one for a GET where
// the method is not PUT.
func presign(t *testing.T, method string) string {
	t.Helper()
	client := s3.NewPresignClient(s3.NewFromConfig(wire.Client(sampleHandler(), keys, account), func(o *s3.Options) { o.UsePathStyle = true }),
		s3.WithPresignExpires(time.Minute))
	bucket, key := aws.String("b"), aws.String("a b/é+%.txt")
	if method == http.MethodPut {
		r, err := client.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return r.URL
	}
	r, err := client.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return r.URL
}

// TestObjectsOverSDK sends what the SDK sends by default: checksums, and
// bodies in chunks with trailers.
func TestObjectsOverSDK(t *testing.T) {
	client := s3.NewFromConfig(wire.Client(sampleHandler(), keys, account), func(o *s3.Options) { o.UsePathStyle = true })
	out, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("b"), Key: aws.String("a b/(é)"), Body: bytes.NewReader([]byte("hello")),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *out.ETag, `"/b/a%20b/%28%C3%A9%29 hello"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
