package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	if damaged, ok := errors.AsType[*engine.DamagedError](err); ok {
		err = damaged // which says where it is
	}
	what := hint(err)
	if a.placed != "" && strings.Contains(what, "spate ") && !strings.Contains(what, " --on ") {
		what += " (with" + a.placed + ")"
	}
	a.tell("spate: "+err.Error(), what)
}

func (a *app) tell(fact, hint string) {
	fmt.Fprintln(a.stderr, fact)
	if hint != "" {
		fmt.Fprintln(a.stderr, "hint: "+hint)
	}
}

// next names commands to type now, one a line.
func (a *app) next(commands ...string) {
	for i := range commands {
		commands[i] += a.placed
	}
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
	return cmp.Or(runHint(err), homeHint(err), imageHint(err), awsHint(err), systemHint(err))
}

// runHint says what to type about a run.
func runHint(err error) string {
	if _, ok := errors.AsType[*run.UnknownError](err); ok {
		return "`spate runs` lists them"
	}
	if e, ok := errors.AsType[*run.AmbiguousError](err); ok {
		return "type more of it: " + strings.Join(e.Runs[:min(3, len(e.Runs))], ", ")
	}
	if e, ok := errors.AsType[*run.NoJobError](err); ok {
		return "spate results " + shortID(e.Run) + " lists its jobs"
	}
	if e, ok := errors.AsType[*run.NoLogError](err); ok {
		return fmt.Sprintf("how the job stands: spate show %s %d", shortID(e.Run), e.Index)
	}
	if e, ok := errors.AsType[*run.NothingToRetryError](err); ok {
		return "name the jobs to run again: spate retry " + shortID(e.Run) + " 0"
	}
	if e, ok := errors.AsType[*run.RetriedError](err); ok {
		return "follow it: spate watch " + shortID(e.Run)
	}
	if e, ok := errors.AsType[*run.EndedError](err); ok {
		return "spate show " + shortID(e.Run)
	}
	return ""
}

const (
	otherHome = "export SPATE_HOME=/path/to/folder"
	otherTemp = "choose another: export TMPDIR=/path/to/folder"
)

// homeHint says what to type about an engine and its home.
func homeHint(err error) string {
	if _, ok := errors.AsType[*client.LonelyError](err); ok {
		return "start `spate serve` in another terminal; run and retry need none without --detach"
	}
	if e, ok := errors.AsType[*client.OverdueError](err); ok {
		if e.PID != 0 {
			return fmt.Sprintf("end it: kill %d", e.PID)
		}
		return "look at it: spate doctor"
	}
	if e, ok := errors.AsType[*engine.BusyError](err); ok {
		if e.By.PID != 0 {
			return fmt.Sprintf("stop it with kill %d, or choose another home: %s", e.By.PID, otherHome)
		}
		return "try again, or choose another home: " + otherHome
	}
	if _, ok := errors.AsType[*store.NewerError](err); ok {
		return "use the newer spate, or choose another home: " + otherHome
	}
	if _, ok := errors.AsType[*engine.DamagedError](err); ok {
		return "restore it from a backup, or choose another home: " + otherHome
	}
	if _, ok := errors.AsType[*engine.FullError](err); ok {
		return "nothing that was recorded is lost: make room, and `spate run --resume last` goes on"
	}
	if refused, ok := errors.AsType[*store.RefusedError](err); ok {
		return refusalHint(refused)
	}
	if _, ok := errors.AsType[*engine.UnusableError](err); ok {
		return "choose another: " + otherHome
	}
	return ""
}

// refusalHint says what to type about a store whose file cannot be used.
func refusalHint(refused *store.RefusedError) string {
	switch refused.Reason {
	case store.IsFolder:
		return fmt.Sprintf("move it away: mv '%s' '%[1]s.old', or choose another home: %s", refused.Path, otherHome)
	case store.Limited:
		return "take the limit away: ulimit -f unlimited"
	case store.Held:
		return fmt.Sprintf("look who has it: fuser '%s', or choose another home: %s", refused.Path, otherHome)
	case store.NoRoom:
		return "make room, or choose another home: " + otherHome
	}
	return fmt.Sprintf("look who may write there: ls -la '%s', or choose another home: %s", filepath.Dir(refused.Path), otherHome)
}

func systemHint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "choose another address: spate serve --listen 127.0.0.1:0"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full; make room and try again"
	case isTemp(err):
		return otherTemp
	case errors.Is(err, fs.ErrPermission):
		return "look at who may write there: spate doctor"
	}
	return ""
}

// isTemp says whether it was the folder for temporary files that could not be
// used.
func isTemp(err error) bool {
	path, ok := errors.AsType[*fs.PathError](err)
	return ok && filepath.Dir(path.Path) == filepath.Clean(os.TempDir())
}
