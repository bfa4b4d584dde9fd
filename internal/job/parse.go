package job

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
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
		return Job{}, fmt.Errorf("reading the job file: %w", err)
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

// A name is also a stack's, and the beginning of its bucket's.
var (
	jobName   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,39}$`)
	paramName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
	envName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// validate reports what is well formed and still wrong.
func (d *decoder) validate(j Job) {
	if d.at["name"] == nil {
		d.report(d.at[""], "name is missing", `add a line like "name: retrain"`)
	} else {
		d.check("name", jobName.MatchString(j.Name), fmt.Sprintf("%q is not a name", j.Name),
			"a letter, then letters, digits and hyphens, 40 at most")
	}
	if len(j.Command) == 0 && j.Image == "" {
		d.report(d.at[""], "there is neither a command nor an image", "add a line like `command: [python3, train.py]`")
	}
	d.validateSize(j)
	d.validateLimits(j)
	d.validateEnvironment(j)
	d.validateParams(j)
	d.validateScaling(j)
}

// check reports a problem with a field unless ok.
func (d *decoder) check(path string, ok bool, fact, hint string) {
	if !ok {
		d.report(d.at[path], path+": "+fact, hint)
	}
}

func (d *decoder) validateSize(j Job) {
	d.check("cpu", j.CPU > 0, "is more than 0", "Fargate has .25, .5, 1, 2, 4, 8 and 16")
	d.check("memory", j.Memory >= 6<<20, "is at least 6MiB", "")
	d.check("arch", j.Arch == "x86_64" || j.Arch == "arm64", fmt.Sprintf("unknown architecture %q", j.Arch),
		didYouMean(j.Arch, []string{"x86_64", "arm64"}))
	disk := j.EphemeralStorage
	d.check("ephemeralStorage", disk == 0 || disk >= 20<<30 && disk <= 200<<30,
		"Fargate has 20GiB to 200GiB", "leave it out for 20GiB")
}

func (d *decoder) validateLimits(j Job) {
	d.check("timeout", j.Timeout > 0 && time.Duration(j.Timeout) <= MaxTimeout,
		fmt.Sprintf("%v is not between 0 and %v", j.Timeout, Duration(MaxTimeout)),
		"a message lives at most 12 hours in flight")
	d.check("stopTimeout", j.StopTimeout > 0 && time.Duration(j.StopTimeout) <= MaxStopTimeout,
		fmt.Sprintf("%v is not between 0 and %v", j.StopTimeout, Duration(MaxStopTimeout)), "")
	d.check("retryBackoff", j.RetryBackoff >= 0 && time.Duration(j.RetryBackoff) <= time.Hour,
		fmt.Sprintf("%v is not between 0 and 1h", j.RetryBackoff), "")
	d.check("retries", j.Retries >= 0 && j.Retries <= 100, "is between 0 and 100", "")
	d.check("max", j.Max >= 1 && j.Max <= 5000, "is between 1 and 5000", "an ECS service runs at most 5,000 tasks")
	d.check("keep", j.Keep >= 1, "is at least 1 day", "leave it out for 30 days")
}

func (d *decoder) validateEnvironment(j Job) {
	for _, m := range []struct {
		path  string
		names map[string]string
	}{{"env", j.Env}, {"secrets", j.Secrets}} {
		for name := range m.names {
			d.check(m.path, envName.MatchString(name), fmt.Sprintf("%q cannot name a variable", name), "")
			d.check(m.path, !strings.HasPrefix(name, "SPATE_"), fmt.Sprintf("%s is spate's own", name),
				"choose a name that does not begin with SPATE_")
		}
	}
}

func (d *decoder) validateParams(j Job) {
	p := j.Params
	sources := 0
	for _, set := range []bool{p.Grid != nil, p.File != "", p.List != nil} {
		if set {
			sources++
		}
	}
	d.check("params", sources <= 1, "takes one of grid, file and list", "")
	if sources > 1 || p.File != "" || len(d.problems) > 0 {
		return // a file's names are known when it is read
	}
	source, err := j.Source()
	if err != nil {
		d.report(d.at["params"], err.Error(), "")
		return
	}
	for i, word := range j.Command {
		if err := checkWord(word, source.Names); err != nil {
			d.report(d.at[fmt.Sprintf("command[%d]", i)], err.Fact, err.Hint)
		}
	}
}

func (d *decoder) validateScaling(j Job) {
	for i, s := range j.Scaling.Steps {
		ordered := s.Lower == nil || s.Upper == nil || *s.Lower <= *s.Upper
		d.check(fmt.Sprintf("scaling.steps[%d]", i), ordered, "lower is above upper", "")
	}
	d.check("network", j.Network.VPC == "" || len(j.Network.Subnets) > 0,
		"a vpc needs its subnets", "add subnets: [subnet-…]")
}

// checkNames says whether parameters can be named so.
func checkNames(names []string) error {
	for i, name := range names {
		if !paramName.MatchString(name) {
			return fmt.Errorf("%q cannot name a parameter: a letter, then letters, digits, _ and -", name)
		}
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("parameter %q is there twice", name)
		}
	}
	return nil
}
