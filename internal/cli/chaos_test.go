package cli_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	chaosJobs  = flag.Int("chaos.jobs", 2000, "jobs of the chaos test")
	chaosKills = flag.Int("chaos.kills", 30, "how often the chaos test kills the engine")
	chaosSeed  = flag.Uint64("chaos.seed", 0, "the chaos test's seed; 0 takes another each time")
)

// TestChaos kills the engine again and again while it works through a run, and
// then counts: every job has one result, and none was started after that.
func TestChaos(t *testing.T) {
	jobs, kills := *chaosJobs, *chaosKills
	if testing.Short() {
		jobs, kills = min(jobs, 200), min(kills, 4)
	}
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("again with: go test ./internal/cli -run TestChaos -chaos.seed %d", seed)
	c := newChaos(t, jobs, rand.New(rand.NewPCG(seed, 0)))
	c.apart = min(2*runtime.NumCPU()+2, jobs/(2*kills))
	for left := kills; left > 0; left-- {
		c.killOnce(left)
	}
	c.finish()
	c.check(kills)
}

// A chaos is a run whose engine is killed.
type chaos struct {
	t     *testing.T
	dir   string
	jobs  int
	rand  *rand.Rand
	mark  string // a variable that everything the test starts has
	run   string // the run's id, once it is known
	round int
	apart int // attempts that begin between two kills
}

func newChaos(t *testing.T, jobs int, r *rand.Rand) *chaos {
	dir, err := os.MkdirTemp("", "chaos") // short, so that workers have their folders in the home
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &chaos{t: t, dir: dir, jobs: jobs, rand: r, mark: fmt.Sprintf("CHAOS=%d.%d", os.Getpid(), time.Now().UnixNano())}
	file := "name: chaos\n" + `command: [sh, -c, 'echo $SPATE_INDEX $SPATE_ATTEMPT >> ` + c.startedPath() + `']` + "\n"
	if err := os.WriteFile(filepath.Join(c.dir, "spate.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, pid := range c.processes() {
			_ = kill(pid) // of a test that failed
		}
	})
	return c
}

func kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Kill()
	}
	return err
}

// startedPath is the file to which every attempt adds its job and its number.
func (c *chaos) startedPath() string { return filepath.Join(c.dir, "started") }

// started counts the attempts.
func (c *chaos) started() int {
	text, _ := os.ReadFile(c.startedPath()) // there is none before the first
	return bytes.Count(text, []byte("\n"))
}

// A spawned is a spate that was started.
type spawned struct {
	cmd   *exec.Cmd
	log   string // the file of its standard error
	ended chan struct{}
	err   error
}

func (c *chaos) spawn(args ...string) *spawned {
	c.t.Helper()
	c.round++
	s := &spawned{log: filepath.Join(c.dir, fmt.Sprintf("%03d-%s.log", c.round, args[0])), ended: make(chan struct{})}
	log, err := os.Create(s.log)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	s.cmd = exec.Command("spate", args...)
	s.cmd.Dir = c.dir
	s.cmd.Env = append(os.Environ(), c.mark, "SPATE_HOME="+filepath.Join(c.dir, "home"))
	s.cmd.Stderr = log
	if err := s.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		s.err = s.cmd.Wait()
	}()
	return s
}

func (s *spawned) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.ended
}

// work is the command that begins the run, or goes on with it.
func (c *chaos) work() []string {
	if c.run == "" {
		return []string{"run", "-p", fmt.Sprintf("i=1..%d", c.jobs)}
	}
	return []string{"run", "--resume", c.run}
}

var runID = regexp.MustCompile(`run ([0-9A-Z]{26})`)

// learn takes the run's id from what the command that began it has said.
func (c *chaos) learn(s *spawned) {
	if found := runID.FindStringSubmatch(readIfThere(s.log)); c.run == "" && found != nil {
		c.run = found[1]
	}
}

// killOnce brings an engine up and kills it, where so many kills are left: in
// a run of its own process, or in a server's with a run beside it.
func (c *chaos) killOnce(left int) {
	c.t.Helper()
	victim, client := c.bringUp(c.rand.IntN(2) == 1)
	c.awaitMoment(victim, left)
	victim.kill()
	c.learn(client)
	client.kill()
}

// bringUp starts what works on the run: one command with an engine of its own,
// or a server and a command beside it.
func (c *chaos) bringUp(serve bool) (engine, client *spawned) {
	c.t.Helper()
	if !serve {
		engine = c.spawn(c.work()...)
		return engine, engine
	}
	engine = c.spawn("serve")
	c.await(engine, "that it serves", func() bool { return strings.Contains(readIfThere(engine.log), "spate serves") })
	return engine, c.spawn(c.work()...)
}

// awaitMoment returns at the moment to kill: soon after the start, or when some
// more jobs were started, so that the kills spread over the whole run.
func (c *chaos) awaitMoment(victim *spawned, left int) {
	c.t.Helper()
	moment := time.Duration(c.rand.Int64N(int64(600 * time.Millisecond)))
	more := 0
	// At least every second kill lets the jobs end that the one before has hit, and
	// leaves others for those to come: a job that is lost three times in a row fails
	// for good, of which another test is.
	if left%2 == 0 || c.rand.IntN(3) > 0 {
		moment = time.Duration(c.rand.Int64N(int64(20 * time.Millisecond)))
		room := c.jobs - c.started() - left*c.apart
		more = c.apart + c.rand.IntN(max(1, 2*room/(left+1)))
	}
	until := min(c.started()+more, c.jobs)
	c.await(victim, fmt.Sprintf("attempt %d", until), func() bool { return c.started() >= until })
	time.Sleep(moment)
}

// await waits for something that an engine brings about.
func (c *chaos) await(engine *spawned, what string, holds func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		select {
		case <-engine.ended:
			c.t.Fatalf("the engine has ended by itself: %v\n%s", engine.err, readIfThere(engine.log))
		default:
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("waited in vain: %s\n%s", what, readIfThere(engine.log))
		}
	}
}

// finish goes on with the run to its end.
func (c *chaos) finish() {
	c.t.Helper()
	began := time.Now()
	s := c.spawn(c.work()...)
	select {
	case <-s.ended:
	case <-time.After(2 * time.Minute):
		c.t.Errorf("the run does not come to its end: %d attempts", c.started())
		s.kill()
	}
	c.learn(s)
	if s.err != nil {
		c.t.Fatalf("the last command of the run: %v\n%s", s.err, readIfThere(s.log))
	}
	c.t.Logf("the last command took %v", time.Since(began).Round(time.Millisecond))
}

// check counts results, attempts and processes.
func (c *chaos) check(kills int) {
	c.t.Helper()
	cmd := exec.Command("spate", "results", c.run, "-o", "json")
	cmd.Env = append(os.Environ(), c.mark, "SPATE_HOME="+filepath.Join(c.dir, "home"))
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatal(err)
	}
	var results []struct {
		Index    int
		State    string
		Attempts int
	}
	if err := json.Unmarshal(out, &results); err != nil {
		c.t.Fatal(err)
	}
	last := c.lastAttempts()
	seen := map[int]bool{}
	for _, r := range results {
		if seen[r.Index] || r.Index < 0 || r.Index >= c.jobs || r.State != "done" {
			c.t.Errorf("got %+v (seen before: %t), want every job done once", r, seen[r.Index])
		}
		seen[r.Index] = true
		if last[r.Index] != r.Attempts {
			c.t.Errorf("job %d: attempt %d was the last to start, and %d has the result", r.Index, last[r.Index], r.Attempts)
		}
	}
	if len(results) != c.jobs {
		c.t.Errorf("got %d results, want %d", len(results), c.jobs)
	}
	c.checkRemains()
	c.t.Logf("%d jobs, %d kills, %d attempts more than jobs", c.jobs, kills, c.started()-c.jobs)
}

// checkRemains complains of what a run has left that has ended: processes, and
// folders of workers.
func (c *chaos) checkRemains() {
	c.t.Helper()
	if left := c.processes(); len(left) > 0 {
		c.t.Errorf("processes %v are left", left)
	}
	// An engine takes the folder away when it starts; where it found nothing to do,
	// nobody has made it again.
	left, err := os.ReadDir(filepath.Join(c.dir, "home", "work"))
	if len(left) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.t.Errorf("of workers' folders: got %v, %v, want an empty one", left, err)
	}
}

// lastAttempts reads which attempt of each job started last, and complains of
// those that started twice.
func (c *chaos) lastAttempts() map[int]int {
	c.t.Helper()
	last := map[int]int{}
	twice := map[string]bool{}
	for line := range strings.Lines(readIfThere(c.startedPath())) {
		if twice[line] {
			c.t.Errorf("attempt %q started twice", line)
		}
		twice[line] = true
		var index, attempt int
		if _, err := fmt.Sscan(line, &index, &attempt); err != nil {
			c.t.Fatalf("attempt %q: %v", line, err)
		}
		last[index] = max(last[index], attempt)
	}
	return last
}

// processes lists what is left of all that the test has started.
func (c *chaos) processes() (pids []int) {
	if runtime.GOOS != "linux" {
		c.t.Log("NOT CHECKED here: what processes are left")
		return nil
	}
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		env, err := os.ReadFile(path)
		if err == nil && bytes.Contains(env, []byte(c.mark)) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}
