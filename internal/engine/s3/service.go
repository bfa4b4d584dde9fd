package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

const (
	headerRequestID = "x-amz-request-id"
	namespace       = "http://s3.amazonaws.com/doc/2006-03-01/"
)

// Config says where a Service keeps things. All fields but Ready are needed.
type Config struct {
	Store *store.Store
	// Dir is the folder of the objects' files. It belongs to the Service.
	Dir string
	Log *slog.Logger
	// Ready is a bucket that nobody has to make: it comes to be when it is
	// first used. Empty: there is none.
	Ready string
}

// A Service is S3 as an http.Handler.
type Service struct {
	store     *store.Store
	files     *files
	log       *slog.Logger
	ready     string
	unsettled chan struct{} // wakes Run
}

// A request is one with its address taken apart.
type request struct {
	*http.Request
	bucket, key string
	query       url.Values
}

// New opens the objects in Dir, and completes what an earlier process that was
// killed left under way.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{store: config.Store, log: config.Log, ready: config.Ready, unsettled: make(chan struct{}, 1)}
	var err error
	if s.files, err = newFiles(config.Dir, config.Log); err != nil {
		return nil, fmt.Errorf("opening objects %q: %w", config.Dir, err)
	}
	if err := s.store.Migrate(ctx, schema); err != nil {
		return nil, fmt.Errorf("opening the index of objects: %w", err)
	}
	if err := s.recover(ctx); err != nil {
		return nil, fmt.Errorf("recovering objects in %q: %w", config.Dir, err)
	}
	s.wakeSettler()
	return s, nil
}

// routes are the operations, by method, level and the query parameter that
// selects them.
var routes = map[string]route{
	"GET /":                  {(*Service).listBuckets, []string{"ListBuckets"}},
	"PUT bucket":             {(*Service).createBucket, []string{"CreateBucket"}},
	"HEAD bucket":            {(*Service).headBucket, []string{"HeadBucket"}},
	"DELETE bucket":          {(*Service).deleteBucket, []string{"DeleteBucket"}},
	"GET bucket?location":    {(*Service).getBucketLocation, []string{"GetBucketLocation"}},
	"GET bucket":             {(*Service).listObjects, []string{"ListObjects"}},
	"GET bucket?list-type":   {(*Service).listObjectsV2, []string{"ListObjectsV2"}},
	"GET bucket?uploads":     {(*Service).listUploads, []string{"ListMultipartUploads"}},
	"POST bucket?delete":     {(*Service).deleteObjects, []string{"DeleteObjects"}},
	"GET object":             {(*Service).getObject, []string{"GetObject"}},
	"HEAD object":            {(*Service).headObject, []string{"HeadObject"}},
	"PUT object":             {(*Service).putObject, []string{"PutObject", "CopyObject"}},
	"DELETE object":          {(*Service).deleteObject, []string{"DeleteObject"}},
	"POST object?uploads":    {(*Service).createUpload, []string{"CreateMultipartUpload"}},
	"PUT object?partNumber":  {(*Service).uploadPart, []string{"UploadPart", "UploadPartCopy"}},
	"GET object?uploadId":    {(*Service).listParts, []string{"ListParts"}},
	"POST object?uploadId":   {(*Service).completeUpload, []string{"CompleteMultipartUpload"}},
	"DELETE object?uploadId": {(*Service).abortUpload, []string{"AbortMultipartUpload"}},
}

// A route is how requests of one form are answered.
type route struct {
	answer func(*Service, http.ResponseWriter, *request) error
	names  []string // of the operations, as AWS calls them
}

// Operations lists the names of the operations that are there, sorted.
func Operations() []string {
	var names []string
	for _, r := range routes {
		names = append(names, r.names...)
	}
	slices.Sort(names)
	return names
}

// ServeHTTP answers a request whose signature has been verified, and whose
// reply carries the id that wire gave it.
func (s *Service) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	w.Header().Set("Server", "AmazonS3")
	r := newRequest(hr)
	if err := s.route(w, r); err != nil {
		s.answerFault(w, r, err)
	}
}

func (s *Service) route(w http.ResponseWriter, r *request) error {
	level := "object"
	switch {
	case r.bucket == "":
		level = "/"
	case r.key == "":
		level = "bucket"
	case len(r.key) > 1024:
		return faultOf("KeyTooLongError")
	}
	name := r.Method + " " + level
	if sub := subresource(r.query); sub != "" {
		name += "?" + sub
	}
	found, ok := routes[name]
	if !ok {
		return faultOf("NotImplemented")
	}
	if err := unsupportedHeader(r.Header); err != nil {
		return err
	}
	if r.bucket == s.ready && r.bucket != "" && name != "PUT bucket" && name != "DELETE bucket" {
		if err := s.makeReady(r.Context()); err != nil {
			return err
		}
	}
	return found.answer(s, w, r)
}

// newRequest takes an address apart: /bucket/key on any host, or /key on the
// host bucket.localhost.
func newRequest(hr *http.Request) *request {
	r := &request{Request: hr, query: hr.URL.Query()}
	path := strings.TrimPrefix(hr.URL.Path, "/")
	host, _, err := net.SplitHostPort(hr.Host)
	if err != nil {
		host = hr.Host
	}
	if bucket, ok := strings.CutSuffix(host, ".localhost"); ok {
		r.bucket, r.key = bucket, path
		return r
	}
	r.bucket, r.key, _ = strings.Cut(path, "/")
	return r
}

// subresource returns the query parameter that selects the operation, if there
// is one. Those that S3 has and spate has not are named so that they are not
// taken for plain requests: DELETE ?policy must not delete the bucket.
func subresource(query url.Values) string {
	for _, name := range []string{
		"partNumber", "uploadId", "uploads", "list-type", "location", "delete",
		"accelerate", "acl", "analytics", "attributes", "cors", "encryption", "intelligent-tiering",
		"inventory", "legal-hold", "lifecycle", "logging", "metadataConfiguration", "metadataTable",
		"metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
		"publicAccessBlock", "renameObject", "replication", "requestPayment", "restore", "retention",
		"select", "session", "tagging", "torrent", "versioning", "versions", "website", "abac",
	} {
		if query.Has(name) {
			return name
		}
	}
	if id := query.Get("versionId"); id != "" && id != "null" {
		return "versionId"
	}
	return ""
}

// unsupportedHeader refuses headers that would change what an operation does,
// rather than to pretend that they did.
func unsupportedHeader(h http.Header) error {
	for name, values := range h {
		name, ok := strings.CutPrefix(name, "X-Amz-")
		if !ok {
			continue
		}
		harmless := values[0] == ""
		switch name {
		case "Acl":
			harmless = values[0] == "private" || values[0] == "bucket-owner-full-control"
		case "Storage-Class":
			harmless = values[0] == "STANDARD"
		case "Server-Side-Encryption":
			harmless = values[0] == "AES256" // what S3 does to every object, unseen
		case "Tagging", "Bucket-Object-Lock-Enabled", "Write-Offset-Bytes":
		default:
			harmless = !strings.HasPrefix(name, "Grant-") && !strings.HasPrefix(name, "Object-Lock-") &&
				!strings.HasPrefix(name, "Server-Side-Encryption-") && !strings.HasPrefix(name, "Copy-Source-Server-Side-")
		}
		if !harmless {
			return faultOf("NotImplemented")
		}
	}
	return nil
}

// reply writes an XML document.
func reply(w http.ResponseWriter, status int, document any) error {
	text, err := xml.Marshal(document)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	// A client that has gone needs no answer.
	_, _ = w.Write(append([]byte(xml.Header), text...))
	return nil
}

func isFault(err error, code string) bool {
	fault, ok := errors.AsType[*wire.Fault](err)
	return ok && fault.Code == code
}
