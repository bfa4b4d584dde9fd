package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/runner/group"
)

// checkHome looks whether the home can be written. Where it is not there, the
// folder counts in which it would be made.
func checkHome(home string) finding {
	f := finding{Check: "home", State: fine, Fact: home + " can be written"}
	at := existing(home)
	probe, err := os.CreateTemp(at, ".spate-doctor-*")
	if err != nil {
		f.State, f.Fact, f.Hint = trouble, fmt.Sprintf("%s cannot be written: %v", home, errors.Unwrap(err)), "choose another: "+otherHome
		return f
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		f.State, f.Fact = doubt, err.Error()
	}
	return f
}

// checkStore reads all that an engine has recorded.
func checkStore(ctx context.Context) finding {
	home, err := defaultHome()
	var size int64
	if err == nil {
		size, err = engine.CheckStore(ctx, home)
	}
	if err != nil {
		return finding{Check: "store", State: trouble, Fact: err.Error(), Hint: hint(err)}
	}
	return finding{Check: "store", State: fine, Fact: fmt.Sprintf("all %d kB are as they were written", (size+1023)/1024)}
}

// existing is a folder, or the nearest one above it that is there.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// Below these the disk counts as full, and as nearly full.
const (
	noRoom     = 100 << 20
	littleRoom = 1 << 30
)

func checkDisk(home string) finding {
	f := finding{Check: "disk", State: fine}
	free, _, err := engine.Room(existing(home))
	if err != nil {
		f.State, f.Fact = doubt, "the room left at "+home+" cannot be told: "+err.Error()
		return f
	}
	f.Fact = fmt.Sprintf("%s are free for results and logs", bytesText(free))
	if free < littleRoom {
		f.State, f.Hint = doubt, "make room, or choose a home on another disk: "+otherHome
	}
	if free < noRoom {
		f.State = trouble
	}
	return f
}

func bytesText(n uint64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

func checkTemp() finding {
	f := finding{Check: "temp", State: fine, Fact: os.TempDir() + " can be written"}
	dir, err := os.MkdirTemp("", "spate-doctor-*")
	if err == nil {
		err = os.Remove(dir)
	}
	if err != nil {
		f.State, f.Fact, f.Hint = trouble, "workers keep jobs' files in "+os.TempDir()+": "+err.Error(), otherTemp
	}
	return f
}

// clockSlack is how far a clock may be behind what it said before.
const clockSlack = time.Minute

// checkClock compares the clock with the time at which the home was written
// last: runs are ordered by time.
func checkClock(home string) finding {
	f := finding{Check: "clock", State: fine, Fact: time.Now().Format(time.RFC3339)}
	entries, err := os.ReadDir(home)
	if err != nil {
		return f
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			continue
		}
		if ahead := time.Until(info.ModTime()); ahead > clockSlack {
			f.State, f.Hint = doubt, "set the clock, or new runs sort before old ones"
			f.Fact = fmt.Sprintf("the clock is %s behind what it was when the home was written last", took(ahead))
		}
	}
	return f
}

// checkPort looks whether the port that the home keeps is free, where no
// engine runs.
func checkPort(home string) finding {
	port := engine.KeptPort(home)
	f := finding{Check: "port", State: fine, Fact: fmt.Sprintf("%d is this home's", port)}
	if port == 0 {
		f.Fact = "any free one is taken, and kept"
		return f
	}
	if _, running, err := engine.Find(home); err != nil || running {
		return f
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		f.State, f.Fact = doubt, fmt.Sprintf("%d, which this home had, is taken by another program: the engine takes another", port)
		f.Hint = "AWS clients need the exports that `spate serve` prints then"
		return f
	}
	_ = l.Close()
	return f
}

// checkEngine brings up an engine that only answers, or asks the one that runs.
func (a *app) checkEngine(ctx context.Context, home string) finding {
	f := finding{Check: "engine", State: fine}
	s, err := client.Local(ctx, home, client.Look, a.log())
	if err != nil {
		f.State, f.Fact, f.Hint = trouble, err.Error(), hint(err)
		return f
	}
	switch at := s.Address; {
	case s.Own:
		f.Fact = "none runs; `spate run` brings one up"
	case at.Brief:
		f.Fact = fmt.Sprintf("process %d runs one at %s until its command is done", at.PID, at.Endpoint)
	default:
		f.Fact = fmt.Sprintf("`spate serve` runs one at %s (process %d)", at.Endpoint, at.PID)
	}
	if _, err := s.CloudFormation.DescribeStacks(ctx, nil); err != nil {
		f.State, f.Fact, f.Hint = trouble, fmt.Sprintf("process %d does not answer at %s: %v", s.Address.PID, s.Address.Endpoint, err), fmt.Sprintf("end it: kill %d", s.Address.PID)
	}
	if err := s.Close(ctx, func() {}); err != nil && f.State == fine {
		f.State, f.Fact = trouble, err.Error()
	}
	return f
}

func checkMachine() finding {
	size, err := runner.Machine()
	if err != nil {
		return finding{Check: "machine", State: trouble, Fact: err.Error()}
	}
	return finding{Check: "machine", State: fine, Fact: machineText(size)}
}

func machineText(size runner.Size) string {
	return fmt.Sprintf("%g cores, %s of memory", float64(size.CPU)/1024, bytesText(uint64(size.Memory)<<20))
}

// checkJob looks at a job file and all that it names.
func checkJob(folder string) []finding {
	j, err := job.Load(folder)
	if problems, ok := errors.AsType[job.Problems](err); ok {
		var findings []finding
		for _, p := range problems {
			findings = append(findings, finding{Check: "job", State: trouble, Fact: p.Error(), Hint: p.Hint})
		}
		return findings
	}
	if err != nil {
		return []finding{{Check: "job", State: trouble, Fact: err.Error(), Hint: hint(err)}}
	}
	findings := []finding{{Check: "job", State: fine, Fact: j.Name + " in " + j.Dir}, checkParams(j)}
	if _, err := synthesise(j); err != nil {
		return append(findings, finding{Check: "image", State: trouble, Fact: err.Error(), Hint: hint(err)})
	}
	if len(j.Command) > 0 {
		findings = append(findings, checkCommand(j.Command[0], resolveFolder(j), "the job"))
	}
	for _, input := range j.Inputs {
		if !strings.HasPrefix(input, "s3://") {
			findings = append(findings, checkInput(j, input))
		}
	}
	return append(findings, checkSize(j))
}

// checkParams reads the first configuration; the others may be many.
func checkParams(j job.Job) finding {
	f := finding{Check: "params", State: fine}
	source, err := j.Source()
	if err == nil {
		err = job.CheckCommand(j.Command, source.Names)
	}
	if err == nil {
		for c, first := range source.Configs {
			f.Fact, err = "the first configuration is "+orNone(c.String()), first
			break
		}
	}
	if err != nil {
		f.State, f.Fact, f.Hint = trouble, err.Error(), hint(err)
	}
	return f
}

func orNone(text string) string {
	if text == "" {
		return "without parameters"
	}
	return text
}

// checkCommand looks for a command as workers do, which run in folder.
func checkCommand(name, folder, whose string) finding {
	f := finding{Check: "command", State: fine, Fact: name + " depends on the parameters"}
	if strings.Contains(name, "{") {
		return f
	}
	path, err := group.Lookup(name, folder, os.Environ())
	if err == nil {
		f.Fact = name + " is " + path
		return f
	}
	f.State, f.Fact, f.Hint = trouble, fmt.Sprintf("%s, which starts %s, is not in PATH", name, whose), "install it, or add its folder to PATH"
	if strings.Contains(name, "/") {
		f.Fact, f.Hint = fmt.Sprintf("%s, which starts %s, is not there in %s", name, whose, folder), "mend `command:` in the job file"
	}
	if errors.Is(err, fs.ErrPermission) {
		f.Fact, f.Hint = fmt.Sprintf("%s, which starts %s, cannot be executed", name, whose), "chmod +x "+name
	}
	return f
}

func checkInput(j job.Job, input string) finding {
	path := input
	if !filepath.IsAbs(path) {
		path = filepath.Join(j.Dir, input)
	}
	if _, err := os.Stat(path); err != nil {
		return finding{Check: "input", State: trouble, Fact: err.Error(), Hint: "mend `inputs:` in the job file"}
	}
	return finding{Check: "input", State: fine, Fact: path}
}

// checkSize says how many tasks of the job this machine holds.
func checkSize(j job.Job) finding {
	f := finding{Check: "size", State: fine}
	machine, err := runner.Machine()
	if err != nil {
		return finding{Check: "size", State: trouble, Fact: err.Error()}
	}
	cpu, memory := int(j.CPU*1024), j.Memory.MiB()
	if cpu > machine.CPU || memory > machine.Memory {
		f.State, f.Hint = doubt, "lower `cpu:` and `memory:` in the job file to what the job needs"
		f.Fact = fmt.Sprintf("a task asks for %g vCPU and %s, and the machine has %s: one runs at a time, with what there is",
			j.CPU, bytesText(uint64(memory)<<20), machineText(machine))
		return f
	}
	atOnce := min(machine.CPU/max(1, cpu), machine.Memory/max(1, memory), j.Max)
	f.Fact = fmt.Sprintf("this machine runs %s at once, of %g vCPU and %s each", count(atOnce, "task"), j.CPU, bytesText(uint64(memory)<<20))
	return f
}
