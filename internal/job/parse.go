package job

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// FileName is the name of a job file in its folder.
const FileName = "spate.yaml"

// Load reads the job file at path, or the one in the folder at path.
func Load(path string) (Job, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, FileName)
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Job{}, Problems{{File: path, Fact: "there is no such job file", Hint: "`spate init` writes one"}}
	}
	if err != nil {
		return Job{}, unreadable(path, err)
	}
	j, err := Parse(path, data)
	if err != nil {
		return Job{}, err
	}
	j.Dir, err = filepath.Abs(filepath.Dir(path))
	return j, err
}

// Parse reads a job file; name is what errors call it. The error is Problems.
func Parse(name string, data []byte) (Job, error) {
	d := &decoder{file: name, at: map[string]*yaml.Node{}}
	j := defaults()
	top := d.document(data)
	if top != nil {
		d.value(top, reflect.ValueOf(&j).Elem(), "")
		d.validate(j)
	}
	if len(d.problems) > 0 {
		return Job{}, d.problems.sorted()
	}
	return j, nil
}

func defaults() Job {
	return Job{
		CPU:          DefaultCPU,
		Memory:       DefaultMemory,
		Arch:         "x86_64",
		Timeout:      Duration(DefaultTimeout),
		Retries:      DefaultRetries,
		RetryBackoff: Duration(DefaultRetryBackoff),
		Max:          DefaultMax,
		StopTimeout:  Duration(DefaultStopTimeout),
		Keep:         DefaultKeep,
	}
}

const commandHint = "add a line like `command: [python3, train.py]`"

// validate reports what is well formed and still wrong.
func (d *decoder) validate(j Job) {
	if d.at["name"] == nil {
		d.report(d.at[""], "name is missing", `add a line like "name: retrain"`)
	} else {
		d.check("name", jobName().MatchString(j.Name), brief(j.Name)+" is not a name",
			"a letter, then letters, digits and hyphens, 40 at most")
	}
	if d.at["command"] == nil && d.at["image"] == nil {
		d.report(d.at[""], "there is neither a command nor an image", commandHint)
	}
	if d.at["command"] != nil {
		d.check("command", len(j.Command) > 0 || j.Image != "", "is empty, and there is no image", commandHint)
		d.check("command[0]", len(j.Command) == 0 || j.Command[0] != "", "is empty, and it names the program", "write it like [python3, train.py]")
	}
	d.check("on", j.On == "" || slices.Contains(engines(), j.On), "unknown engine "+brief(j.On), "write local or aws")
	d.validateSize(j)
	d.validateLimits(j)
	d.validateParams(j)
	d.validateScaling(j)
	d.check("schedule", j.Schedule == "" || schedule().MatchString(j.Schedule), brief(j.Schedule)+" is not a schedule",
		"write it like cron(0 6 ? * MON *) or rate(7 days)")
	d.check("notify", j.Notify == "" || address().MatchString(j.Notify), brief(j.Notify)+" is not an e-mail address", "write it like me@example.com")
}

// check reports a problem with a field unless ok, or unless there is one in
// that place already.
func (d *decoder) check(path string, ok bool, fact, hint string) {
	n := d.at[path]
	if ok || n != nil && slices.ContainsFunc(d.problems, func(p Problem) bool { return p.Line == n.Line && p.Column == n.Column }) {
		return
	}
	d.report(n, path+": "+fact, hint)
}

func (d *decoder) validateSize(j Job) {
	d.check("cpu", j.CPU > 0 && j.CPU <= MaxCPU, fmt.Sprintf("is more than 0 and at most %d", MaxCPU), "Fargate has .25, .5, 1, 2, 4, 8 and 16")
	d.check("memory", j.Memory >= MinMemory, "is at least 6MiB", "write it like 512MiB or 2GiB")
	d.check("arch", slices.Contains(archs(), j.Arch), "unknown architecture "+brief(j.Arch), didYouMean(j.Arch, archs()))
	disk := j.EphemeralStorage
	d.check("ephemeralStorage", disk == 0 || disk >= 20<<30 && disk <= 200<<30,
		"Fargate has 20GiB to 200GiB", "leave it out for 20GiB")
}

func (d *decoder) validateLimits(j Job) {
	d.check("timeout", j.Timeout > 0 && time.Duration(j.Timeout) <= MaxTimeout,
		fmt.Sprintf("%v is not between 0 and %v", j.Timeout, Duration(MaxTimeout)),
		"a message lives at most 12 hours in flight")
	d.check("stopTimeout", j.StopTimeout > 0 && time.Duration(j.StopTimeout) <= MaxStopTimeout,
		fmt.Sprintf("%v is not between 0 and %v", j.StopTimeout, Duration(MaxStopTimeout)), "leave it out for 2m")
	d.check("retryBackoff", j.RetryBackoff >= 0 && time.Duration(j.RetryBackoff) <= MaxRetryBackoff,
		fmt.Sprintf("%v is not between 0 and %v", j.RetryBackoff, Duration(MaxRetryBackoff)), "leave it out for 10s")
	d.check("retries", j.Retries >= 0 && j.Retries <= MaxRetries, fmt.Sprintf("is between 0 and %d", MaxRetries), fmt.Sprintf("leave it out for %d", DefaultRetries))
	d.check("max", j.Max >= 1 && j.Max <= MaxTasks, fmt.Sprintf("is between 1 and %d", MaxTasks), "an ECS service runs at most 5,000 tasks")
	d.check("keep", j.Keep >= 1, "is at least 1 day", "leave it out for 30 days")
}

func (d *decoder) validateParams(j Job) {
	p, at := j.Params, d.at["params"]
	sources := 0
	for _, set := range []bool{p.Grid != nil, p.File != "", p.List != nil} {
		if set {
			sources++
		}
	}
	const fact, hint = "takes one of grid, file and list", "write it like {grid: {size: [1, 2, 3]}}, or {file: configs.csv}"
	switch {
	case sources > 1:
		d.check("params", false, fact, hint)
		return
	case at != nil && sources == 0: // what it was meant to be is a problem already
		d.check("params", len(at.Content) > 0, fact, hint)
		return
	case p.File != "" || p.List != nil && len(p.List) == 0:
		return // a file's names are known when it is read
	}
	source, err := j.Source()
	if bad, ok := errors.AsType[Problem](err); ok {
		if !slices.ContainsFunc(d.problems, func(p Problem) bool { return p.Fact == bad.Fact }) {
			d.check("params", false, bad.Fact, bad.Hint)
		}
		return
	}
	for i, word := range j.Command {
		if p := checkWord(word, source.Names); p != nil {
			d.report(d.at[fmt.Sprintf("command[%d]", i)], p.Fact, p.Hint)
		}
	}
}

func (d *decoder) validateScaling(j Job) {
	for i, s := range j.Scaling.Steps {
		ordered := s.Lower == nil || s.Upper == nil || *s.Lower <= *s.Upper
		d.check(fmt.Sprintf("scaling.steps[%d]", i), ordered, "lower is above upper", "exchange the two")
	}
	d.check("network", j.Network.VPC == "" || len(j.Network.Subnets) > 0,
		"a vpc needs its subnets", "add subnets: [subnet-…]")
}
