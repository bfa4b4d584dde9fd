package scaling

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/spate-run/spate/internal/sorting"
)

// A StepsError says in AWS's words why it refuses a policy's steps.
type StepsError string

func (e StepsError) Error() string { return string(e) }

// CheckSteps holds a policy's steps to what AWS asks of them: intervals that
// neither overlap nor leave gaps, and that are open where they reach away from
// the threshold. Its errors are [StepsError]s.
// https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
func CheckSteps(steps []Step) error {
	switch {
	case len(steps) == 0:
		return StepsError("At least one StepAdjustment is required.")
	case len(steps) > MaxSteps:
		return StepsError(fmt.Sprintf("There can be at most %d step adjustments per scaling policy", MaxSteps))
	}
	steps = sorting.All(slices.Values(steps), func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.Lower, b.Lower), cmp.Compare(a.Upper, b.Upper))
	})
	for i, step := range steps {
		switch {
		case math.IsInf(step.Lower, -1) && math.IsInf(step.Upper, 1):
			return StepsError("A StepAdjustment must have a lower bound or an upper bound.")
		case step.Lower >= step.Upper:
			return StepsError("The lower bound must be less than the upper bound for a StepAdjustment.")
		case i > 0 && step.Lower < steps[i-1].Upper:
			return StepsError("StepAdjustment intervals can't overlap")
		case i > 0 && step.Lower > steps[i-1].Upper:
			return StepsError("StepAdjustment intervals can't have gaps between them")
		}
	}
	first, last := steps[0].Lower, steps[len(steps)-1].Upper
	switch {
	case first < 0 && !math.IsInf(first, -1):
		return StepsError("There must be a StepAdjustment with an unspecified lower bound (i.e., lower bound is null) when one StepAdjustment has a negative lower bound")
	case last > 0 && !math.IsInf(last, 1):
		return StepsError("There must be a StepAdjustment with an unspecified upper bound (i.e., upper bound is null) when one StepAdjustment has a positive upper bound")
	}
	return nil
}
