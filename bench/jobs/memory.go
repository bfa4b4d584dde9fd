package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spate-run/spate/bench/internal/measure"
)

// idleFor is how long an engine is left alone before its memory is read.
const idleFor = 5 * time.Second

// idle measures an engine that has nothing to do.
func (b *bench) idle(ctx context.Context, t *measure.Table) (err error) {
	measure.Tell("idle engine")
	cmd := b.command(ctx, "home", "serve")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, cmd.Process.Signal(os.Interrupt))
		_ = cmd.Wait() // told to end, it may say so
	}()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // the first of its exports
		return fmt.Errorf("spate serve printed nothing: %w", err)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(idleFor):
	}
	text, err := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(cmd.Process.Pid)).Output()
	if err != nil {
		return fmt.Errorf("asking for an engine's memory: %w", err)
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return err
	}
	t.AddMemory("idle engine, resident", kib<<10, 40*measure.MB)
	return nil
}

// memory measures the memory of a run of very many jobs.
func (b *bench) memory(ctx context.Context, t *measure.Table) error {
	if b.huge == 0 {
		return nil
	}
	measure.Tell("%d jobs", b.huge)
	s, err := b.runTrue(ctx, "home-huge", b.huge)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d jobs of true: ", b.huge)
	t.Add(what+"the run itself", measure.Short(s.wall))
	t.AddMemory(what+"spate run, most resident", s.memory, 300*measure.MB)
	return nil
}
