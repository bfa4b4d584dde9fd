package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

var chaosWorkers = flag.Int("chaos.workers", 40, "how often the chaos test of workers kills one")

// TestChaosOfWorkers kills workers again and again while they work through a run:
// every job has one result all the same.
func TestChaosOfWorkers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: workers are told from other processes by Linux's /proc")
	}
	jobs, kills := *chaosJobs, *chaosWorkers
	if testing.Short() {
		jobs, kills = min(jobs, 200), min(kills, 10)
	}
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("again with: go test ./internal/cli -run TestChaosOfWorkers -chaos.seed %d", seed)
	c := newChaos(t, jobs, rand.New(rand.NewPCG(seed, 1)))
	s := c.spawn(c.work()...)
	for left := kills; left > 0; left-- {
		until := c.started() + 1 + c.rand.IntN(max(1, (c.jobs-c.started())/left))
		c.await(s, fmt.Sprintf("attempt %d", until), func() bool { return c.started() >= min(until, c.jobs-left) })
		c.killWorker(s)
	}
	select {
	case <-s.ended:
	case <-time.After(2 * time.Minute):
		s.kill()
		t.Fatalf("the run does not come to its end: %d attempts", c.started())
	}
	c.learn(s)
	if s.err != nil {
		t.Fatalf("the run ended with %v\n%s", s.err, readIfThere(s.log))
	}
	c.check(kills)
}

// killWorker kills one of the workers that there are, or the next that comes.
func (c *chaos) killWorker(engine *spawned) {
	c.t.Helper()
	c.await(engine, "a worker", func() bool {
		workers := c.workers()
		if len(workers) == 0 {
			return false
		}
		return kill(workers[c.rand.IntN(len(workers))]) == nil
	})
}

// workers lists those of the processes that the test has started.
func (c *chaos) workers() (pids []int) {
	for _, pid := range c.processes() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if words := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00"); err == nil && len(words) > 1 && words[1] == "agent" {
			pids = append(pids, pid)
		}
	}
	return pids
}
