package wire

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Transport returns a transport whose requests h answers in this process. The
// round trip is a plain call of h: it starts no goroutine, and holds the whole
// reply in memory.
func Transport(h http.Handler) http.RoundTripper {
	return transport{h}
}

type transport struct{ handler http.Handler }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	w := &recorder{header: http.Header{}}
	t.handler.ServeHTTP(w, incoming(r))
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.response(r), nil
}

// incoming turns a client's request into the one that a server would see.
func incoming(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if in.ContentLength > 0 {
		in.Header.Set("Content-Length", strconv.FormatInt(in.ContentLength, 10))
	}
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	in.URL.Scheme, in.URL.Host = "", ""
	return in
}

// A recorder keeps a reply.
type recorder struct {
	header http.Header
	sent   http.Header // as it was when the status was written
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, maps.Clone(w.header)
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

func (w *recorder) response(r *http.Request) *http.Response {
	w.WriteHeader(http.StatusOK)
	length := int64(w.body.Len())
	if r.Method == http.MethodHead {
		if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil {
			length = n
		}
		w.body.Reset()
	}
	return &http.Response{
		Status:        strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode:    w.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        w.sent,
		Body:          io.NopCloser(&w.body),
		ContentLength: length,
		Request:       r,
	}
}

// inProcess is the host that clients in this process ask.
const inProcess = "engine.local"

// Client returns a configuration for the SDK's clients that calls h in this
// process, once a call. Requests are not signed where keys is nil. S3 clients
// need UsePathStyle beside it.
func Client(h http.Handler, keys *Keys, account Account) aws.Config {
	c := aws.Config{
		Region:       account.Region,
		BaseEndpoint: aws.String("http://" + inProcess),
		HTTPClient:   &http.Client{Transport: Transport(h)},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
		Credentials:  aws.AnonymousCredentials{},
	}
	if keys != nil {
		c.Credentials = credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, "")
	}
	return c
}
