package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
	"github.com/spate-run/spate/internal/store"
)

// A usageError reports a command that was called wrongly. The command is named
// where its help says more than the error.
type usageError struct {
	err     error
	command string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// A hintedError is a fact and the command that mends it.
type hintedError struct{ fact, hint string }

func (e *hintedError) Error() string { return e.fact }

// errUnsuccessful ends a command whose output has said already what is wrong.
var errUnsuccessful = errors.New("the run did not succeed")

// complain tells a person what is wrong: a line of fact, then hints.
func (a *app) complain(err error) {
	if errors.Is(err, errUnsuccessful) {
		return
	}
	if problems, ok := errors.AsType[job.Problems](err); ok {
		for _, p := range problems {
			a.tell(p.Error(), p.Hint)
		}
		return
	}
	if full, ok := errors.AsType[*engine.FullError](err); ok {
		err = full // whatever else failed did so for want of room
	}
	a.tell("spate: "+err.Error(), hint(err))
}

func (a *app) tell(fact, hint string) {
	fmt.Fprintln(a.stderr, fact)
	if hint != "" {
		fmt.Fprintln(a.stderr, "hint: "+hint)
	}
}

// next names commands to type now, one a line.
func (a *app) next(commands ...string) {
	fmt.Fprintln(a.stderr, "next: "+strings.Join(commands, "\n      "))
}

// hint says what to type next.
func hint(err error) string {
	if e, ok := errors.AsType[*hintedError](err); ok {
		return e.hint
	}
	if e, ok := errors.AsType[job.Problem](err); ok {
		return e.Hint
	}
	if e, ok := errors.AsType[*usageError](err); ok && e.command != "" {
		return "see " + e.command + " --help"
	}
	if _, ok := errors.AsType[*run.UnknownError](err); ok {
		return "`spate runs` lists them"
	}
	if e, ok := errors.AsType[*run.AmbiguousError](err); ok {
		return "type more of it: " + strings.Join(e.Runs[:min(3, len(e.Runs))], ", ")
	}
	if _, ok := errors.AsType[*client.LonelyError](err); ok {
		return "start `spate serve` in another terminal, or leave --detach out"
	}
	if e, ok := errors.AsType[*run.OpenJobError](err); ok {
		return "follow it: spate watch " + shortID(e.Run)
	}
	if e, ok := errors.AsType[*run.NothingToRetryError](err); ok {
		return "name the jobs to run again: spate retry " + shortID(e.Run) + " 0"
	}
	if e, ok := errors.AsType[*run.EndedError](err); ok {
		return "spate show " + shortID(e.Run)
	}
	if _, ok := errors.AsType[*engine.BusyError](err); ok {
		return "stop it, or choose another home: SPATE_HOME=… spate serve"
	}
	if _, ok := errors.AsType[*store.NewerError](err); ok {
		return "use the newer spate, or another home: SPATE_HOME=… spate run"
	}
	if _, ok := errors.AsType[*engine.FullError](err); ok {
		return "nothing that was recorded is lost: make room, and `spate run --resume last` goes on"
	}
	if _, ok := errors.AsType[*engine.UnusableError](err); ok {
		return "choose a home that can be written: SPATE_HOME=… spate run"
	}
	return systemHint(err)
}

func systemHint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "choose another address: spate serve --listen 127.0.0.1:0"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full; make room and try again"
	case errors.Is(err, fs.ErrPermission):
		return "choose a home that can be written: SPATE_HOME=… spate run"
	}
	return ""
}
