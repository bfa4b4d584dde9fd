package record_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/s3"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/store"
)

// newRecords returns a store on a bucket of a real S3 service; wrap, where it
// is not nil, stands in front of the service.
func newRecords(t *testing.T, wrap func(http.Handler) http.Handler) *record.Store {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(t.Context(), filepath.Join(dir, "spate.db"))
	if err != nil {
		t.Fatal(err)
	}
	service, err := s3.New(t.Context(), s3.Config{Store: st, Dir: filepath.Join(dir, "objects"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	records := on(t, service)
	if _, err := records.S3.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: &records.Bucket}); err != nil {
		t.Fatal(err)
	}
	if wrap != nil {
		records = on(t, wrap(service))
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return records
}

func on(t *testing.T, h http.Handler) *record.Store {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &record.Store{Bucket: "records", S3: sdk.New(sdk.Options{
		BaseEndpoint: &server.URL, Region: "us-east-1", UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	})}
}

func put(t *testing.T, records *record.Store, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := records.Put(t.Context(), key, strings.NewReader(key)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneOfManyWritesWhatIsAbsent(t *testing.T) {
	records := newRecords(t, nil)
	var created atomic.Int32
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			ok, err := records.PutIfAbsent(t.Context(), "key", fmt.Append(nil, i))
			if err != nil {
				t.Error(err)
			}
			if ok {
				created.Add(1)
			}
		})
	}
	all.Wait()
	if got := created.Load(); got != 1 {
		t.Errorf("%d of 16 wrote it, want 1", got)
	}
}

func TestAConflictIsTriedAgain(t *testing.T) {
	var conflicts atomic.Int32
	records := newRecords(t, func(service http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if conflicts.Add(1) <= 3 {
				w.WriteHeader(http.StatusConflict)
				fmt.Fprint(w, `<Error><Code>ConditionalRequestConflict</Code><Message>…</Message></Error>`)
				return
			}
			service.ServeHTTP(w, r)
		})
	})
	created, err := records.PutIfAbsent(t.Context(), "key", []byte("{}"))
	if !created || err != nil {
		t.Errorf("got %t, %v, want it written", created, err)
	}
}

// losingOneReply stands in front of a service and breaks the connection
// instead of passing on the reply to the first request.
func losingOneReply(service http.Handler) http.Handler {
	var lost atomic.Bool
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lost.CompareAndSwap(false, true) {
			service.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		service.ServeHTTP(w, r)
	})
}

func TestALostReplyIsNotALostRace(t *testing.T) {
	records := newRecords(t, losingOneReply)
	created, err := records.PutIfAbsent(t.Context(), "key", []byte("mine"))
	if !created || err != nil {
		t.Errorf("got %t, %v, want it written", created, err)
	}
	created, err = records.PutIfAbsent(t.Context(), "key", []byte("mine"))
	if created || err != nil {
		t.Errorf("the second time: got %t, %v, want it there", created, err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	records := newRecords(t, nil)
	want := &record.NotFoundError{Bucket: "records", Key: "runs/R/run.json"}
	err := records.GetJSON(t.Context(), want.Key, &record.Run{})
	if got, ok := errors.AsType[*record.NotFoundError](err); !ok || *got != *want {
		t.Errorf("got error %v, want %v", err, want)
	}
	if there, err := records.Exists(t.Context(), want.Key); there || err != nil {
		t.Errorf("exists: got %t, %v, want false", there, err)
	}
	if err := records.Delete(t.Context(), want.Key); err != nil {
		t.Errorf("deleting it: %v", err)
	}
}

func TestADenialNamesThePermission(t *testing.T) {
	records := on(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		if r.Method != http.MethodHead {
			fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)
		}
	}))
	_, head := records.Exists(t.Context(), "key")
	for name, err := range map[string]error{"head": head, "get": records.GetJSON(t.Context(), "key", nil)} {
		if err == nil || !strings.Contains(err.Error(), "s3:ListBucket") {
			t.Errorf("%s: got error %v, want one that names s3:ListBucket", name, err)
		}
	}
}

func TestDocumentsComeBack(t *testing.T) {
	records := newRecords(t, nil)
	want := record.Result{
		Index: 3, Generation: 1, Attempt: 2, Attempts: 2, State: record.Done,
		Started: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Ended: time.Date(2026, 1, 2, 3, 5, 5, 0, time.UTC),
		Metrics: map[string]float64{"mape": 3.25}, Outputs: []record.Output{{Name: "a/b.csv", Size: 7}},
	}
	if err := records.PutJSON(t.Context(), "key", want); err != nil {
		t.Fatal(err)
	}
	var got record.Result
	if err := records.GetJSON(t.Context(), "key", &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestListings(t *testing.T) {
	records := newRecords(t, nil)
	prefix := record.ResultsPrefix("R", 1)
	put(t, records,
		record.ResultKey("R", 1, 0), record.ResultKey("R", 1, 2), record.ResultKey("R", 1, 11), prefix+"notes.txt",
		record.ResultKey("R", 2, 5), record.ResultKey("S", 1, 7))
	var indices []int
	for index, err := range records.Indices(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		indices = append(indices, index)
	}
	if want := []int{0, 2, 11}; !slices.Equal(indices, want) {
		t.Errorf("got indices %v, want %v", indices, want)
	}
	var after []string
	for object, err := range records.List(t.Context(), prefix, record.ResultKey("R", 1, 2)) {
		if err != nil {
			t.Fatal(err)
		}
		after = append(after, object.Key)
	}
	if want := []string{record.ResultKey("R", 1, 11), prefix + "notes.txt"}; !slices.Equal(after, want) {
		t.Errorf("got %q after index 2, want %q", after, want)
	}
	folders, err := records.Folders(t.Context(), record.RunsPrefix)
	if want := []string{"R", "S"}; err != nil || !slices.Equal(folders, want) {
		t.Errorf("got folders %q, %v, want %q", folders, err, want)
	}
}

func TestAFailedListingEndsWithItsError(t *testing.T) {
	records := on(t, http.NotFoundHandler())
	seen := 0
	for _, err := range records.Indices(t.Context(), "runs/") {
		if seen++; err == nil {
			t.Error("got an index of a bucket that is not there")
		}
	}
	if seen != 1 {
		t.Errorf("got %d entries, want the error alone", seen)
	}
}

func TestTails(t *testing.T) {
	records := newRecords(t, nil)
	put(t, records, "0123456789")
	if err := records.Put(t.Context(), "empty", strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		key  string
		n    int64
		want string
	}{{"0123456789", 4, "6789"}, {"0123456789", 100, "0123456789"}, {"empty", 4, ""}} {
		body, err := records.OpenTail(t.Context(), test.key, test.n)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if body.Close(); err != nil || string(got) != test.want {
			t.Errorf("the last %d of %s: got %q, %v, want %q", test.n, test.key, got, err, test.want)
		}
	}
}

func TestALargeFileGoesInParts(t *testing.T) {
	var parts atomic.Int32
	records := newRecords(t, func(service http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("partNumber") {
				parts.Add(1)
			}
			service.ServeHTTP(w, r)
		})
	})
	f, err := os.Create(filepath.Join(t.TempDir(), "model"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 64<<20 + 5 // one part and a little, the most of it a hole
	if _, err := f.WriteAt([]byte("begin"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("end"), size-3); err != nil {
		t.Fatal(err)
	}
	if err := records.Put(t.Context(), "model", f); err != nil {
		t.Fatal(err)
	}
	if got := parts.Load(); got != 2 {
		t.Errorf("got %d parts, want 2", got)
	}
	out, err := records.S3.HeadObject(t.Context(), &sdk.HeadObjectInput{Bucket: &records.Bucket, Key: aws.String("model")})
	if err != nil || *out.ContentLength != size {
		t.Fatalf("got %v bytes, %v, want %d", out, err, size)
	}
	tail, err := records.OpenTail(t.Context(), "model", 5)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.Close()
	if got, err := io.ReadAll(tail); err != nil || !bytes.Equal(got, []byte("\x00\x00end")) {
		t.Errorf("got tail %q, %v, want the file's", got, err)
	}
}

func TestAPutThatIsCancelledEnds(t *testing.T) {
	records := newRecords(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := records.PutIfAbsent(ctx, "key", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
}
