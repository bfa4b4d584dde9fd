package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spate-run/spate/bench/internal/measure"
)

// A bench is where measuring takes place: a folder of its own.
type bench struct {
	options
	dir   string
	spate string
}

func newBench(ctx context.Context, o options) (*bench, error) {
	dir, err := os.MkdirTemp("", "spate-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, dir: dir, spate: o.spate}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

func (b *bench) close() {
	if err := os.RemoveAll(b.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench/jobs:", err)
	}
}

// prepare builds the program as it is released, and writes the jobs' folders.
func (b *bench) prepare(ctx context.Context) (err error) {
	if b.spate == "" {
		b.spate, err = measure.Build(ctx, "github.com/spate-run/spate/cmd/spate", b.dir)
	} else {
		b.spate, err = filepath.Abs(b.spate)
	}
	if err != nil {
		return err
	}
	if err := b.writeJob("true", `["true"]`); err != nil {
		return err
	}
	return b.writeJob("touch", fmt.Sprintf(`[touch, %q]`, b.path("touched")))
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// writeJob writes the folder of a job with a command and no parameters.
func (b *bench) writeJob(name, command string) error {
	if err := os.Mkdir(b.path(name), 0o777); err != nil {
		return err
	}
	text := fmt.Sprintf("name: %s\nimage: .\ncommand: %s\nmax: %d\ncpu: 1\n", name, command, b.slots)
	return os.WriteFile(filepath.Join(b.path(name), "spate.yaml"), []byte(text), 0o666)
}

// command is spate with a home of the bench.
func (b *bench) command(ctx context.Context, home string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.spate, args...)
	cmd.Env = append(os.Environ(), "SPATE_HOME="+b.path(home))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// A sample is a run of spate as it was measured.
type sample struct {
	whole  time.Duration // of the process
	wall   time.Duration // of the run, as spate tells it
	memory int64         // most that one of its processes held, in bytes
}

var wallTime = regexp.MustCompile(`wall time ([0-9.a-zµ]+)`)

// runTrue runs jobs of `true` with spate.
func (b *bench) runTrue(ctx context.Context, home string, jobs int) (sample, error) {
	cmd := b.command(ctx, home, "run", b.path("true"), "-p", "n=1.."+strconv.Itoa(jobs))
	began := time.Now()
	out, err := cmd.CombinedOutput()
	whole := time.Since(began)
	if err != nil {
		return sample{}, fmt.Errorf("spate run: %w\n%s", err, out)
	}
	told := wallTime.FindSubmatch(out)
	if told == nil {
		return sample{}, fmt.Errorf("spate run told no wall time:\n%s", out)
	}
	wall, err := time.ParseDuration(string(told[1]))
	return sample{whole, wall, measure.MostMemory(cmd.ProcessState)}, err
}

// compare runs the same jobs with everybody, in turn.
func (b *bench) compare(ctx context.Context, t *measure.Table) error {
	if _, err := b.runTrue(ctx, "home", 1); err != nil { // makes the home and the stack
		return err
	}
	var whole, wall, parallel, xargs measure.Series
	for round := range b.rounds {
		measure.Tell("round %d of %d: %d jobs", round+1, b.rounds, b.jobs)
		s, err := b.runTrue(ctx, "home", b.jobs)
		if err != nil {
			return err
		}
		whole, wall = append(whole, s.whole), append(wall, s.wall)
		if parallel, err = b.rival(ctx, parallel, "parallel", "-j"+strconv.Itoa(b.slots),
			"--joblog", b.path("joblog"), "--results", b.path("results"), "true", "{}"); err != nil {
			return err
		}
		if xargs, err = b.rival(ctx, xargs, "xargs", "-P"+strconv.Itoa(b.slots), "-n1", "true"); err != nil {
			return err
		}
	}
	what := fmt.Sprintf("%d jobs of true, %d at once: ", b.jobs, b.slots)
	t.Add(what+"spate run, the whole process", whole.String())
	t.Add(what+"the run itself", wall.String())
	t.Add(what+"GNU parallel with joblog and results", parallel.String())
	t.Add(what+"xargs", xargs.String())
	if len(parallel) > 0 {
		t.AddRatio("the run itself / GNU parallel", measure.Ratio(wall, parallel), 0.6)
		t.AddRatio("spate run, the whole process / GNU parallel", measure.Ratio(whole, parallel), 0.6)
	}
	if b.many == 0 {
		return nil
	}
	return b.grow(ctx, t, wall)
}

// rival adds the time that another program takes for the jobs, or nothing where
// it is not installed.
func (b *bench) rival(ctx context.Context, times measure.Series, name string, args ...string) (measure.Series, error) {
	if _, err := exec.LookPath(name); err != nil {
		measure.Tell("%s IS NOT INSTALLED, AND LEFT OUT", strings.ToUpper(name))
		return nil, nil
	}
	for _, left := range []string{"joblog", "results"} {
		if err := os.RemoveAll(b.path(left)); err != nil {
			return nil, err
		}
	}
	var numbers, complaints bytes.Buffer
	for i := range b.jobs {
		fmt.Fprintln(&numbers, i+1)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin, cmd.Stderr = &numbers, &complaints
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", name, err, &complaints)
	}
	return append(times, time.Since(began)), nil
}

// grow tells whether ten times the jobs take ten times as long.
func (b *bench) grow(ctx context.Context, t *measure.Table, few measure.Series) error {
	measure.Tell("%d jobs", b.many)
	s, err := b.runTrue(ctx, "home-many", b.many)
	if err != nil {
		return err
	}
	t.Add(fmt.Sprintf("%d jobs of true, %d at once: the run itself", b.many, b.slots), measure.Short(s.wall))
	each := float64(s.wall) / float64(b.many) / (float64(few.Median()) / float64(b.jobs))
	t.AddRatio(fmt.Sprintf("a job of %d / a job of %d", b.many, b.jobs), each, 1.2)
	return nil
}

// first measures the time to a first job's process.
func (b *bench) first(ctx context.Context, t *measure.Table) error {
	measure.Tell("first job")
	var times measure.Series
	for range b.rounds + 1 {
		began := time.Now()
		if out, err := b.command(ctx, "home", "run", b.path("touch"), "-p", "n=1").CombinedOutput(); err != nil {
			return fmt.Errorf("spate run: %w\n%s", err, out)
		}
		info, err := os.Stat(b.path("touched"))
		if err != nil {
			return err
		}
		times = append(times, info.ModTime().Sub(began))
	}
	// The first of them made the stack.
	t.AddTime("spate run to the first job's process, warm", times[1:], 300*time.Millisecond)
	return nil
}

// commands measures commands that start nothing.
func (b *bench) commands(ctx context.Context, t *measure.Table) error {
	measure.Tell("small commands")
	for _, c := range []struct {
		args []string
		most time.Duration
	}{
		{[]string{"synth", b.path("true")}, 30 * time.Millisecond},
		{[]string{"--help"}, 20 * time.Millisecond},
	} {
		var times measure.Series
		for range b.starts {
			began := time.Now()
			if out, err := b.command(ctx, "home", c.args...).CombinedOutput(); err != nil {
				return fmt.Errorf("spate %s: %w\n%s", c.args[0], err, out)
			}
			times = append(times, time.Since(began))
		}
		t.AddTime("spate "+c.args[0], times, c.most)
	}
	return nil
}
