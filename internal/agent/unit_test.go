package agent

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spate-run/spate/internal/job"
)

func TestBackoff(t *testing.T) {
	for _, test := range []struct {
		first    time.Duration
		attempts int
		want     time.Duration
	}{
		{10 * time.Second, 1, 10 * time.Second},
		{10 * time.Second, 2, 20 * time.Second},
		{10 * time.Second, 4, 80 * time.Second},
		{10 * time.Second, 100, maxBackoff},
		{time.Hour, 3, time.Hour},
		{0, 5, 0},
	} {
		got := backoff(job.Job{RetryBackoff: job.Duration(test.first)}, test.attempts)
		if got != test.want {
			t.Errorf("%v after %d attempts: got %v, want %v", test.first, test.attempts, got, test.want)
		}
	}
}

func TestSecondsAreRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]int32{0: 0, 1: 1, time.Second: 1, 1001 * time.Millisecond: 2, time.Hour: 3600} {
		if got := seconds(d); got != want {
			t.Errorf("%v: got %d, want %d", d, got, want)
		}
	}
}

func TestVariableName(t *testing.T) {
	for name, want := range map[string]string{"sector": "SECTOR", "learning-rate": "LEARNING_RATE", "A_1": "A_1", "ü x": "__X"} {
		if got := variableName(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestJobsDoNotSeeTheWorkersVariables(t *testing.T) {
	got := jobEnviron([]string{
		"PATH=/bin", "AWS_PROFILE=work", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x", "SPATE_BUCKET=b",
		"SPATE_AWS_REGION=r", "SPATE_PARENT=1", "ECS_AGENT_URI=u", "SPATE_CONTAINER=c", "LOG=SPATE_X=1",
	})
	want := []string{"PATH=/bin", "AWS_PROFILE=work", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x", "SPATE_CONTAINER=c", "LOG=SPATE_X=1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// FuzzObjectName holds that keys are what S3 takes, and that no two names
// become one: what is escaped comes back, and nothing else looks so.
func FuzzObjectName(f *testing.F) {
	for _, name := range []string{"a/b", "100%", "a\nb%", "latin\xe9", "\ufffd", "\x00"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		key := objectName(name)
		if !utf8.ValidString(key) || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("%q becomes %q, want UTF-8 without control characters", name, key)
		}
		if key == name && escaped().MatchString(key) {
			t.Errorf("%q stays, and is what another name becomes", name)
		}
		if key != name && unescape(key) != name {
			t.Errorf("%q becomes %q, which does not come back", name, key)
		}
	})
}

func unescape(key string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(key); i++ {
		if key[i] != '%' {
			b.WriteByte(key[i])
			continue
		}
		b.WriteByte(byte(strings.IndexByte(digits, key[i+1])<<4 | strings.IndexByte(digits, key[i+2])))
		i += 2
	}
	return b.String()
}
