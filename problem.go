package spate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/job"
)

// A Problem is something in a description that cannot be, and the mend.
type Problem struct {
	Where string // the construct and its field, such as "FargateService.ScalingSteps[1]"
	Fact  string
	Hint  string // what would be right, or empty
}

func (p Problem) Error() string {
	text := p.Where + ": " + p.Fact
	if p.Hint != "" {
		text += "\nhint: " + p.Hint
	}
	return text
}

// check notes an error where there is one.
func (s *Stack) check(err error) {
	if err != nil {
		s.problems = append(s.problems, err)
	}
}

// warn notes what is right and may still surprise.
func (s *Stack) warn(where, format string, args ...any) {
	s.warnings = append(s.warnings, where+": "+fmt.Sprintf(format, args...))
}

// A field is a prop of a construct, by which problems are told.
type field struct {
	stack *Stack
	where string
}

func (s *Stack) at(id logicalID, name string) field {
	return field{s, string(id) + "." + name}
}

func (f field) problem(hint, format string, args ...any) {
	f.stack.check(Problem{Where: f.where, Fact: fmt.Sprintf(format, args...), Hint: hint})
}

// oneOf checks a text that AWS has a list of; empty stands for a default.
func (f field) oneOf(value string, known ...string) {
	if value == "" || slices.Contains(known, value) {
		return
	}
	hint := "known here: " + strings.Join(known, ", ")
	if near, ok := job.Nearest(value, known); ok {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	f.problem(hint, "there is no %q", value)
}

// between checks a number.
func (f field) between(value, least, most int) {
	if value < least || value > most {
		f.problem(fmt.Sprintf("%d to %d", least, most), "%d is out of range", value)
	}
}

// lasts checks a duration; 0 stands for a default. AWS counts in whole seconds.
func (f field) lasts(value, least, most time.Duration) {
	switch {
	case value == 0:
	case value < least || value > most:
		f.problem(fmt.Sprintf("%v to %v", least, most), "%v is out of range", value)
	case value%time.Second != 0:
		f.problem(value.Round(time.Second).String(), "%v is not a whole number of seconds", value)
	}
}

// A naming is what AWS lets a thing be called.
type naming struct {
	pattern *regexp.Regexp
	rule    string
}

// The names of each service's API reference, such as
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
var (
	queueNaming   = naming{regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`), "1 to 80 letters, digits, hyphens and underscores"}
	fifoNaming    = naming{regexp.MustCompile(`^[A-Za-z0-9_-]{1,75}\.fifo$`), "1 to 75 letters, digits, hyphens and underscores, then .fifo"}
	ecsNaming     = naming{regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`), "1 to 255 letters, digits, hyphens and underscores"}
	ruleNaming    = naming{regexp.MustCompile(`^[.A-Za-z0-9_-]{1,64}$`), "1 to 64 letters, digits, periods, hyphens and underscores"}
	logicalNaming = naming{regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`), "1 to 255 letters and digits"}
	stackNaming   = naming{regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,127}$`), "a letter, then letters, digits and hyphens, 128 at most"}
	groupNaming   = naming{regexp.MustCompile(`^[.A-Za-z0-9_/#-]{1,512}$`), "1 to 512 letters, digits and . _ / # -"}
)

// named checks a name; empty stands for CloudFormation's own, and what is in a
// token only a deployed stack knows.
func (f field) named(name Text, as naming) {
	if name != "" && !name.open() && !as.pattern.MatchString(string(name)) {
		f.problem("write "+as.rule, "%q cannot be a name here", string(name))
	}
}
