package spate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
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
	return field{s, plainText(Text(id)) + "." + name}
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

// A naming is what AWS lets a thing be called: at most so many letters, digits
// and other characters.
type naming struct {
	most  int
	other string
	end   string // what the name ends in
	rule  string
}

// The names of each service's API reference, such as
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
func queueNaming() naming {
	return naming{most: 80, other: "-_", rule: "1 to 80 letters, digits, hyphens and underscores"}
}

func fifoNaming() naming {
	return naming{most: 80, other: "-_", end: ".fifo", rule: "1 to 75 letters, digits, hyphens and underscores, then .fifo"}
}

func ecsNaming() naming {
	return naming{most: 255, other: "-_", rule: "1 to 255 letters, digits, hyphens and underscores"}
}

func ruleNaming() naming {
	return naming{most: 64, other: ".-_", rule: "1 to 64 letters, digits, periods, hyphens and underscores"}
}

func groupNaming() naming {
	return naming{most: 512, other: "._/#-", rule: "1 to 512 letters, digits and . _ / # -"}
}

func logicalNaming() naming { return naming{most: 255, rule: "1 to 255 letters and digits"} }

func stackNaming() naming {
	return naming{most: 128, other: "-", rule: "a letter, then letters, digits and hyphens, 128 at most"}
}

func (n naming) allows(name string) bool {
	begin, ok := strings.CutSuffix(name, n.end)
	return ok && begin != "" && len(name) <= n.most && strings.IndexFunc(begin, func(c rune) bool {
		return !letter(c) && (c < '0' || c > '9') && !strings.ContainsRune(n.other, c)
	}) < 0
}

func letter(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// pattern compiles an expression when it is first needed.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// fixed checks a name that has to be known when the template is written.
func (f field) fixed(name string, as naming) {
	if !as.allows(name) {
		f.problem("write "+as.rule, "%q cannot be a name here", plainText(Text(name)))
	}
}

// named checks a name; empty stands for CloudFormation's own, and what is in a
// token only a deployed stack knows.
func (f field) named(name Text, as naming) {
	if name != "" && !name.open() && !as.allows(string(name)) {
		f.problem("write "+as.rule, "%q cannot be a name here", string(name))
	}
}
