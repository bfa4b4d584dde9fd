package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/plan"
)

// The largest that is asked about: images, and the vCPU of an account.
const (
	mostImage = 100_000 // MB
	mostQuota = 1_000_000
)

// check says what is wrong with the flags by themselves.
func (o planOptions) check() error {
	say := func(hint, format string, args ...any) error {
		return plan.Problem{Fact: fmt.Sprintf(format, args...), Hint: hint}
	}
	switch {
	case o.given("within") && o.within <= 0:
		return say("write --within 1h", "nothing is done within %s", o.within)
	case o.given("seeds") && (o.seeds < 1 || o.seeds > 1_000_000):
		return say("write --seeds 1000", "there cannot be %d seeds", o.seeds)
	case o.given("max") && (o.max < 1 || o.max > job.MaxTasks):
		return say("leave it out for the template's", "--max %d is not between 1 and %d", o.max, job.MaxTasks)
	case o.given("timeout") && (o.timeout <= 0 || o.timeout > job.MaxTimeout):
		return say("leave it out for the job file's", "--timeout %s is not above 0 and at most %s", o.timeout, job.MaxTimeout)
	case !(o.image > 0 && o.image <= mostImage):
		return say("write the image's size in MB, such as --image-size 800", "--image-size %g is not above 0 and at most %d", o.image, mostImage)
	case o.given("quota") && !(o.quota > 0 && o.quota <= mostQuota):
		return say("write the account's vCPU, such as --quota 6", "--quota %g is not above 0 and at most %d", o.quota, mostQuota)
	case o.duration != "" && o.from != "":
		return say("leave one of the two out", "--duration and --from do not go together")
	}
	for flag, value := range map[string]string{"duration": o.duration, "from": o.from, "report": o.report, "service": o.service} {
		if o.given(flag) && strings.TrimSpace(value) == "" {
			return say("spate plan --help shows examples", "--%s says nothing", flag)
		}
	}
	return nil
}

// ignoredByJobs refuses flags that tell nothing about a job file.
func (o planOptions) ignoredByJobs() error {
	for _, flag := range []struct{ name, why string }{
		{"service", "a job has one service"},
		{"parameter", "a job file has no parameters of a template"},
		{"extends-visibility", "spate's worker extends the visibility of its messages always"},
	} {
		if o.given(flag.name) {
			return plan.Problem{Fact: "--" + flag.name + " is for templates: " + flag.why, Hint: "leave --" + flag.name + " out"}
		}
	}
	return nil
}

// ignoredBy refuses flags that change nothing for a model.
func (o planOptions) ignoredBy(m *plan.Model) error {
	ignored := func(flag, why string) error {
		return plan.Problem{Fact: "--" + flag + " would change nothing: " + why, Hint: "leave --" + flag + " out"}
	}
	switch {
	case o.given("timeout") && !m.Task.Worker:
		return ignored("timeout", "the template's container is not spate's worker, and holds no job to a timeout")
	case o.given("scheduled") && !m.Task.Worker:
		return ignored("scheduled", "only spate run raises the minimum, and the template's container is not spate's worker")
	case o.given("extends-visibility") && m.Task.Worker:
		return ignored("extends-visibility", "spate's worker extends the visibility of its messages always")
	case o.given("interruptions") && m.Task.Spot == 0:
		return ignored("interruptions", "no task is on Spot")
	case o.given("cpu") && !m.WatchesCPU() && !o.compare && o.report == "":
		return ignored("cpu", "no policy watches how much CPU the tasks use")
	}
	return nil
}

// readPlan reads a template or a job, whose file may have any name.
func (a *app) readPlan(ctx context.Context, path string) (*upPlan, error) {
	if !looksLikeJob(path) {
		return a.readUp(ctx, path)
	}
	u := upStack{file: path}
	err := u.fromJob(path)
	return &upPlan{stacks: []upStack{u}}, asProblem(err)
}

// looksLikeJob says whether a YAML file has a job's members and not a template's.
func looksLikeJob(path string) bool {
	if !slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(path)) {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	found := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		switch name, _, _ := strings.Cut(lines.Text(), ":"); name {
		case "Resources", "AWSTemplateFormatVersion", "Transform":
			return false
		case "image", "command", "params":
			found = true
		}
	}
	return found
}

// A pageFile is where a report goes. It is opened before the simulation, so that a
// path that cannot be written to is told at once.
type pageFile struct {
	file *os.File
	made bool // the file was not there before
}

// openPage opens a report's file; an empty path is none.
func openPage(path string) (*pageFile, error) {
	if path == "" {
		return &pageFile{}, nil
	}
	_, err := os.Lstat(path)
	p := &pageFile{made: os.IsNotExist(err)}
	if p.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666); err != nil {
		return nil, plan.Problem{Fact: fmt.Sprintf("writing the report: %s", err), Hint: "name a file in a folder that is there: --report plan.html"}
	}
	return p, nil
}

// abandon leaves things as they were.
func (p *pageFile) abandon() {
	if p.file != nil {
		p.file.Close()
		if p.made {
			os.Remove(p.file.Name())
		}
	}
}

// write puts a page into the file.
func (p *pageFile) write(page func() []byte) error {
	if p.file == nil {
		return nil
	}
	text := page()
	_, err := p.file.Write(text)
	if info, statErr := p.file.Stat(); err == nil && statErr == nil && info.Mode().IsRegular() {
		err = p.file.Truncate(int64(len(text)))
	}
	if closeErr := p.file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
