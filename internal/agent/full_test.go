package agent_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/agent"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// A fullDisk is an engine that has no room for one object.
type fullDisk struct {
	http.RoundTripper
	key string // the end of its key
}

func (f fullDisk) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, f.key) {
		return f.RoundTripper.RoundTrip(r)
	}
	if r.Body != nil {
		r.Body.Close()
	}
	const body = "<Error><Code>InsufficientStorage</Code><Message>There is no room.</Message></Error>"
	return &http.Response{
		StatusCode: http.StatusInsufficientStorage, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func TestOutputsWithoutRoomFailTheJob(t *testing.T) {
	const reason = "the disk of the engine is full: there is no room for the job's outputs (6 bytes); make room, then `spate retry`"
	for code, want := range map[int]string{0: reason, 3: "exit code 3; " + reason} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			b := newBed(t)
			b.run(1, func(j *job.Job) { j.Retries = 1 })
			b.send(0, 1, `{}`)
			b.work(fmt.Sprintf(`echo said; echo a > $SPATE_OUT/a; echo big > $SPATE_OUT/big; exit %d`, code), func(c *agent.Config) {
				c.AWS.HTTPClient = &http.Client{Transport: fullDisk{http.DefaultTransport, "/out/big"}}
			})
			got := b.result(0, 1)
			if got.State != record.Failed || got.Reason != want || got.Attempts != 2 || got.ExitCode != code || len(got.Outputs) > 0 {
				t.Errorf("got %+v, want it failed at attempt 2 with exit code %d, no outputs, and the reason\n%s", got, code, want)
			}
			prefix := record.AttemptPrefix(runID, 0, 1, 2)
			if keys := b.keys(prefix + "out/"); len(keys) > 0 {
				t.Errorf("got outputs %v, want none", keys)
			}
			if log := b.text(prefix + "log.txt"); log != "said\nspate: "+reason+"\n" {
				t.Errorf("got the log %q, want what was said and the reason", log)
			}
		})
	}
}
