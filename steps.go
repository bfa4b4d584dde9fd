package spate

import (
	"cmp"
	"fmt"
	"math"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/scaling"
	"github.com/spate-run/spate/internal/sorting"
)

// ownSteps turns the steps of a job into the two alarms of CDK's queue
// processing pattern: steps that scale in lie below those that scale out. A
// step goes from lower to upper; where two of the same direction meet, the
// bound belongs to the one that is farther from the other direction. A bound
// that is left out is the neighbour's.
// https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_applicationautoscaling.ScalingInterval.html
func ownSteps(steps []job.ScalingStep, words stepWords) (outRule, inRule scaling.Rule, err error) {
	out, in, err := connected(steps, words)
	if err != nil {
		return outRule, inRule, err
	}
	if err := checkEnds(in, out); err != nil {
		return outRule, inRule, err
	}
	return rule(out, scaling.AtLeast, out[0].lower), rule(in, scaling.AtMost, in[len(in)-1].upper), nil
}

// connected splits steps by direction, with every bound filled in.
func connected(steps []job.ScalingStep, words stepWords) (out, in []interval, err error) {
	if err := inRange(steps, words); err != nil {
		return nil, nil, err
	}
	for i, step := range steps {
		n := interval{words: words, index: i, change: step.Change, lower: math.Inf(-1), upper: math.Inf(1)}
		if step.Lower != nil {
			n.lower = float64(*step.Lower)
		}
		if step.Upper != nil {
			n.upper = float64(*step.Upper)
		}
		switch {
		case step.Change < 0:
			in = append(in, n)
		case step.Change > 0:
			out = append(out, n)
		default:
			return nil, nil, n.problem("changes nothing", "leave it out")
		}
	}
	if len(in) == 0 {
		return nil, nil, words.problem("no step scales in, so tasks would never end", "add "+words.first(-1, words.upper(0)))
	}
	if len(out) == 0 {
		return nil, nil, words.problem("no step scales out, so tasks would never start", "add "+words.first(+1, words.lower(1)))
	}
	if err := connect(in, words); err != nil {
		return nil, nil, err
	}
	return out, in, connect(out, words)
}

// inRange checks the numbers of steps, which AWS keeps in 32 bits.
// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html
func inRange(steps []job.ScalingStep, words stepWords) error {
	for i, step := range steps {
		n := interval{words: words, index: i}
		if step.Change > math.MaxInt32 || step.Change < -math.MaxInt32 {
			some := 100
			if step.Change < 0 {
				some = -some
			}
			return n.problem(fmt.Sprintf("a step changes %d tasks at most, not %d", math.MaxInt32, step.Change), fmt.Sprintf("%s: %+d", words.change, some))
		}
		for _, bound := range []struct {
			name, mend string
			value      *int
		}{{words.low, "leave " + words.low + " out", step.Lower}, {words.high, words.upper(0), step.Upper}} {
			switch {
			case bound.value == nil:
			case *bound.value < 0:
				return n.problem(fmt.Sprintf("a backlog is never below 0, and %s is %d", bound.name, *bound.value), bound.mend)
			case *bound.value > math.MaxInt32:
				return n.problem(fmt.Sprintf("a bound is %d at most, and %s is %d", math.MaxInt32, bound.name, *bound.value), "leave the step out")
			}
		}
	}
	return nil
}

// stepWords is how a description spells its steps.
type stepWords struct {
	where     string // the list of them
	change    string // how a step is written: change and one bound
	low, high string // the bounds' names
	number    string // how a bound is written
}

func jobFileWords() stepWords {
	return stepWords{where: "scaling.steps", change: "change", low: "lower", high: "upper", number: "%s: %v"}
}

func goWords(id logicalID) stepWords {
	return stepWords{where: string(id) + ".ScalingSteps", change: "Change", low: "Lower", high: "Upper", number: "%s: new(%v)"}
}

func (w stepWords) lower(bound any) string { return fmt.Sprintf(w.number, w.low, bound) }
func (w stepWords) upper(bound any) string { return fmt.Sprintf(w.number, w.high, bound) }

func (w stepWords) first(change int, bound string) string {
	return fmt.Sprintf("{%s: %+d, %s}", w.change, change, bound)
}

func (w stepWords) problem(fact, hint string) Problem { return Problem{w.where, fact, hint} }

// An interval is a step with both bounds.
type interval struct {
	words        stepWords
	index        int // in the description
	change       int
	lower, upper float64
}

func (n interval) problem(fact, hint string) Problem {
	return Problem{Where: n.name(), Fact: fact, Hint: hint}
}

func (n interval) name() string { return fmt.Sprintf("%s[%d]", n.words.where, n.index) }

func (n interval) empty() bool { return n.lower >= n.upper }

func (n interval) emptyProblem() Problem {
	return n.problem("covers nothing beside the other steps", "give it a lower and an upper bound of its own")
}

// connect sorts the steps of one direction, fills in bounds that are left out,
// and checks that each begins where the last one ends.
func connect(steps []interval, words stepWords) error {
	if len(steps) > scaling.MaxSteps {
		return words.problem(fmt.Sprintf("a policy has at most %d steps, not %d", scaling.MaxSteps, len(steps)), "make one of several")
	}
	sorting.By(steps, func(a, b interval) int {
		return cmp.Or(cmp.Compare(a.lower, b.lower), cmp.Compare(a.upper, b.upper))
	})
	for i := 1; i < len(steps); i++ {
		below, above := &steps[i-1], &steps[i]
		if math.IsInf(above.lower, -1) {
			above.lower = below.upper
		}
		if math.IsInf(below.upper, 1) {
			below.upper = above.lower
		}
		switch {
		case below.empty():
			return below.emptyProblem()
		case above.empty():
			return above.emptyProblem()
		case below.upper > above.lower:
			return above.problem("overlaps with "+below.name(), words.lower(below.upper))
		case below.upper < above.lower:
			return above.problem(fmt.Sprintf("leaves a gap from %v to %v", below.upper, above.lower), words.lower(below.upper))
		}
	}
	return nil
}

// checkEnds checks that the steps reach from 0 to any backlog and that the two
// directions do not meet: at a bound that both have, both alarms would go off.
func checkEnds(in, out []interval) error {
	words := in[0].words
	lowest, turn, start, highest := in[0], in[len(in)-1], out[0], out[len(out)-1]
	switch {
	case math.IsInf(turn.upper, 1):
		return turn.problem("a step that scales in needs an upper bound", words.upper(0))
	case math.IsInf(start.lower, -1):
		return start.problem("a step that scales out needs a lower bound", words.lower(turn.upper+1))
	case start.lower <= turn.upper:
		return start.problem(
			fmt.Sprintf("overlaps with %s: at %v the service would scale out and in at once", turn.name(), start.lower),
			words.lower(turn.upper+1))
	case lowest.lower > 0:
		return lowest.problem(fmt.Sprintf("nothing scales in below %v", lowest.lower), "leave "+words.low+" out")
	case !math.IsInf(highest.upper, 1):
		return highest.problem(fmt.Sprintf("nothing scales out above %v", highest.upper), "leave "+words.high+" out")
	}
	return nil
}

// rule makes an alarm's rule of steps; its bounds are relative to the
// threshold.
func rule(steps []interval, comparison scaling.Comparison, threshold float64) scaling.Rule {
	r := scaling.Rule{Comparison: comparison, Threshold: threshold}
	for _, n := range steps {
		r.Steps = append(r.Steps, scaling.Step{Lower: n.lower - threshold, Upper: n.upper - threshold, Adjustment: n.change})
	}
	if comparison == scaling.AtMost {
		r.Steps[0].Lower = math.Inf(-1)
	}
	return r
}
