package job

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// A job's name is also a stack's, and the beginning of its bucket's. Bounds make
// a pattern slow to compile: commands that need none of these start without.
var (
	jobName   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,39}$`) })
	paramName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,99}$`) })
)

var (
	envName  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`) })
	schedule = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(cron|rate|at)\(.+\)$`) })
	address  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^@\s]+@[^@\s]+$`) })
)

const (
	nameHint  = "a letter, then letters, digits, _ and -, 100 at most"
	valueHint = "a value is text, a number, true or false"

	objectHint = `write a configuration like {"size": 1, "name": "a"}`
)

func checkName(name string) *Problem {
	if paramName().MatchString(name) {
		return nil
	}
	return &Problem{Fact: brief(name) + " cannot name a parameter", Hint: nameHint}
}

// checkNames says whether the parameters of a configuration can be named so,
// and which of them cannot.
func checkNames(names []string) (at int, _ *Problem) {
	variables := map[string]string{}
	for i, name := range names {
		if p := checkName(name); p != nil {
			return i, p
		}
		other, taken := variables[variable(name)]
		switch {
		case taken && other == name:
			return i, twice(name)
		case taken:
			return i, &Problem{Fact: fmt.Sprintf("parameters %q and %q are both the variable %s", other, name, variable(name)), Hint: "give one of them another name"}
		}
		variables[variable(name)] = name
	}
	return 0, nil
}

func twice(name string) *Problem {
	return &Problem{Fact: fmt.Sprintf("parameter %s is there twice", brief(name)), Hint: "give one of them another name"}
}

// variable is the environment variable in which a job finds a parameter.
func variable(name string) string {
	return "SPATE_PARAM_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// checkText says whether a parameter's value can stand in a command and in a
// variable.
func checkText(name, text string) *Problem {
	switch {
	case strings.IndexByte(text, 0) >= 0:
		return &Problem{Fact: fmt.Sprintf("parameter %q holds a NUL character", name), Hint: "neither commands nor variables can"}
	case !utf8.ValidString(text):
		return &Problem{Fact: fmt.Sprintf("parameter %q is not UTF-8", name), Hint: utf8Hint}
	}
	return nil
}

// sameNames says whether a configuration, in which no name is there twice, has
// exactly the given parameters in any order.
func sameNames(names []string, c Config) *Problem {
	if slices.EqualFunc(names, c, func(name string, p Param) bool { return name == p.Name }) {
		return nil
	}
	for _, p := range c {
		if !slices.Contains(names, p.Name) {
			return &Problem{Fact: fmt.Sprintf("parameter %s is not in the first configuration", brief(p.Name)), Hint: didYouMean(p.Name, names)}
		}
	}
	for _, name := range names {
		if _, ok := c.Get(name); !ok {
			return &Problem{Fact: fmt.Sprintf("parameter %q is missing", name), Hint: "every configuration has the parameters of the first"}
		}
	}
	return nil
}
