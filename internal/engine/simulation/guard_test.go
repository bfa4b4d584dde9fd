package simulation

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stuckAfter is how long, of the real day, the clock of a world may stand. It
// stands for as long as something in it is at work.
const stuckAfter = 2 * time.Minute

// A clock is a world's time as it is seen from outside.
type clock struct {
	now   atomic.Int64
	world atomic.Pointer[world]
}

// advance notes the time, in the world.
func (c *clock) advance() { c.now.Store(time.Now().UnixNano()) }

// guard calls stuck when the clock has stood for a time. The caller ends it.
func (c *clock) guard(limit time.Duration, stuck func()) (end func()) {
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(limit)
		defer tick.Stop()
		for last := int64(-1); ; {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			now := c.now.Load()
			if now == last {
				stuck()
				return
			}
			last = now
		}
	}()
	return func() { close(over); <-ended }
}

// fail tells where a world is that does not come on, and ends the tests: nothing
// else ends what is at work in it.
func (c *clock) fail(seed uint64) {
	debug.SetTraceback("all")
	state := "it has not begun"
	if w := c.world.Load(); w != nil {
		state = w.chronicle.String()
	}
	panic(fmt.Sprintf("seed %d: the clock stands at %s\n%s\nreplay it: go test ./internal/engine/simulation -run TestSeeds -seed %d",
		seed, time.Unix(0, c.now.Load()).UTC(), state, seed))
}

// TestStandingClocksAreTold holds the guard to what it is for: a seed that does
// not come on fails, and does not hang.
func TestStandingClocksAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		stands bool
		want   int
	}{"a clock that stands": {true, 1}, "a clock that goes": {false, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen clock
				got := 0
				end := seen.guard(stuckAfter, func() { got++ })
				for range 10 {
					time.Sleep(stuckAfter / 2)
					if !c.stands {
						seen.advance()
					}
				}
				end()
				if got != c.want {
					t.Errorf("got %d calls, want %d", got, c.want)
				}
			})
		})
	}
}
