package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A faulty stands between the program and the engine, and does to requests what
// networks and AWS do.
type faulty struct {
	engine string // URL

	mu   sync.Mutex
	rand *rand.Rand
	did  map[string]int
}

// The faults: of how many percent of the requests, and how many at most.
var faults = []struct {
	name    string
	percent int
	most    int // the SDK takes long to trust a service again that throttles
}{
	{"throttled", 10, 2}, {"unavailable", 4, 20}, {"cut before", 4, 20}, {"cut after", 4, 20}, {"twice", 5, 20}, {"late", 8, 20},
}

// choose picks a fault, or none.
func (f *faulty) choose() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.rand.IntN(100)
	for _, fault := range faults {
		if n -= fault.percent; n >= 0 {
			continue
		}
		if f.did[fault.name] == fault.most {
			return ""
		}
		f.did[fault.name]++
		return fault.name
	}
	return ""
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	switch fault := f.choose(); fault {
	case "throttled":
		refuse(w, r, http.StatusBadRequest, "ThrottlingException", "Throttling")
	case "unavailable":
		refuse(w, r, http.StatusServiceUnavailable, "ServiceUnavailable", "ServiceUnavailable")
	case "cut before":
		panic(http.ErrAbortHandler)
	case "cut after":
		f.pass(nil, r, body)
		panic(http.ErrAbortHandler)
	case "twice":
		f.pass(nil, r, body)
		f.pass(w, r, body)
	case "late":
		select {
		case <-r.Context().Done():
		case <-time.After(200 * time.Millisecond):
		}
		f.pass(w, r, body)
	default:
		f.pass(w, r, body)
	}
}

// refuse answers as the service does that is asked.
func refuse(w http.ResponseWriter, r *http.Request, status int, code, old string) {
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"__type": %q, "message": "Rate exceeded"}`, code)
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		w.WriteHeader(status)
		fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>Rate exceeded</Message></Error></ErrorResponse>", old)
	default: // S3
		if old == "Throttling" {
			old = "SlowDown"
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>Reduce your request rate.</Message></Error>", old)
	}
}

// pass has the engine answer; w is nil for an answer that gets lost.
func (f *faulty) pass(w http.ResponseWriter, r *http.Request, body []byte) {
	request, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, f.engine+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	request.Header, request.Host = r.Header.Clone(), r.Host // which are signed
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer response.Body.Close()
	if w == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		return
	}
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

// Throttles, 5xx, connections that are cut before and after the engine has acted,
// requests that arrive twice and late answers change no outcome of a run: every
// job has one result, and it is the right one.
func TestFaultsOnTheWayChangeNothing(t *testing.T) {
	c := newServed(t)
	list := make([]string, 40)
	for i := range list {
		list[i] = strconv.Itoa(i)
	}
	c.write("spate.yaml", `name: square
max: 4
cpu: .25
memory: 64MiB
command: [sh, -c, 'echo "{{\"square\": $(({n} * {n}))}" > $SPATE_OUT/metrics.json']
params: {grid: {n: [`+strings.Join(list, ", ")+"]}}\n")
	c.must("deploy", "--yes", "--on", "local")

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	f := &faulty{engine: "http://" + c.registry, rand: rand.New(rand.NewPCG(seed, 0)), did: map[string]int{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	c.registry = strings.TrimPrefix(server.URL, "http://")

	out, said := c.must("run", "-o", "csv")
	if got := strings.Count(out, ",done,"); got != len(list) {
		t.Errorf("got %d jobs done, want %d:\n%s\n%s", got, len(list), out, said)
	}
	out, _ = c.must("results", "last", "-o", "csv")
	for i := range list {
		if want := fmt.Sprintf("%d,%d,done,", i, i); !strings.Contains(out, "\n"+want) || !strings.Contains(out, fmt.Sprintf(",%d\n", i*i)) {
			t.Errorf("got\n%s\nwant %s… and its square in it", out, want)
		}
	}
	out, _ = c.must("show", "last", "-o", "json")
	c.wants(out, `"waiting": 0`)
	_, said = c.must("retry", "last", "3")
	c.wants(said, "running 1 job again")
	c.must("watch", "last")
	out, _ = c.must("runs", "-o", "json")
	if got := strings.Count(out, `"id"`); got != 1 {
		t.Errorf("got %d runs, want 1:\n%s", got, out)
	}
	for _, fault := range faults {
		if f.did[fault.name] == 0 {
			t.Errorf("nothing was %s, of %v", fault.name, f.did)
		}
	}
	t.Logf("faults: %v", f.did)
}

// They change no deployment either: a stack is made once, is as the job file
// says, and is gone in the end.
func TestFaultsOnTheWayChangeNoDeployment(t *testing.T) {
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	c := newServed(t)
	awsJob(t, c, "amd64")
	engine := c.registry
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	total := map[string]int{}
	for range 2 {
		f := &faulty{engine: "http://" + engine, rand: random, did: map[string]int{}}
		server := httptest.NewServer(f)
		c.registry = strings.TrimPrefix(server.URL, "http://")
		_, said := c.must("deploy", "--yes")
		c.wants(said, "stack looked would be made")
		_, said = c.must("deploy", "--yes")
		c.wants(said, "stack looked is as the job file says")
		_, said = c.must("destroy", "--yes", "--delete-results")
		c.wants(said, "stack looked is deleted")
		server.Close()
		for name, n := range f.did {
			total[name] += n
		}
	}
	t.Logf("faults: %v", total)
}
