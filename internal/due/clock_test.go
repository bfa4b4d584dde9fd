package due_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/due"
)

// What is due is fired at its time, the earliest first, what failed a second
// later, and what is new without waiting for what was next before.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		times := map[string]time.Time{"late": began.Add(3 * time.Hour), "b": began.Add(time.Hour), "a": began.Add(time.Hour)}
		type fired struct {
			Key   string
			After time.Duration
		}
		var got []fired
		failed := false
		clock := due.NewClock(due.Config{
			Kind: "thing", Lock: &mu, Log: slog.New(slog.DiscardHandler),
			Next: func() (string, time.Time) {
				return due.Earliest(times, func(at time.Time) time.Time { return at })
			},
			Fire: func(_ context.Context, key string, _ time.Time) error {
				got = append(got, fired{key, time.Since(began)})
				if key == "b" && !failed {
					failed = true
					return errors.New("not now")
				}
				delete(times, key)
				return nil
			},
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- clock.Run(ctx) }()
		time.Sleep(2 * time.Hour)
		mu.Lock()
		times["new"] = time.Now().Add(time.Millisecond)
		mu.Unlock()
		clock.Wake()
		time.Sleep(24 * time.Hour)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := []fired{{"a", time.Hour}, {"b", time.Hour}, {"b", time.Hour + time.Second}, {"new", 2*time.Hour + time.Millisecond}, {"late", 3 * time.Hour}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("fired (-want +got):\n%s", diff)
		}
	})
}
