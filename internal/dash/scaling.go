package dash

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/spate-run/spate/internal/plan"
	"github.com/spate-run/spate/internal/run"
)

// A decision is one change of how many tasks a service should have.
type decision struct {
	At     int64  `json:"t"` // Unix, in milliseconds
	Wanted int    `json:"w"` // tasks; -1 where it changed something else
	What   string `json:"what"`
	Why    string `json:"why"`
}

// slack is how long before a run's sending and after its end decisions are its
// own: alarms need some minutes to bring the service back to 0.
const (
	slackBefore = time.Second
	slackAfter  = 15 * time.Minute
)

// decisions are those of the time of the run, the newest first.
func decisions(ctx context.Context, r *run.Run) ([]decision, error) {
	all, err := r.Stack.Activities(ctx)
	if err != nil {
		return nil, err
	}
	var own []decision
	for _, a := range all {
		if a.StartTime != nil && a.StartTime.After(r.Created.Add(-slackBefore)) {
			own = append(own, decide(a))
		}
	}
	return own, nil
}

// within leaves out decisions that came long after the run's end.
func within(all []decision, end time.Time) []decision {
	last := end.Add(slackAfter).UnixMilli()
	for len(all) > 0 && !end.IsZero() && all[0].At > last {
		all = all[1:]
	}
	return all
}

func decide(a types.ScalingActivity) decision {
	d := decision{At: a.StartTime.UnixMilli(), Wanted: -1, What: aws.ToString(a.Description), Why: inWords(aws.ToString(a.Cause))}
	if _, err := fmt.Sscanf(d.What, "Setting desired count to %d.", &d.Wanted); err == nil {
		d.What = fmt.Sprintf("%d tasks wanted", d.Wanted)
	}
	if a.StatusCode == types.ScalingActivityStatusCodeFailed {
		d.What += "; " + aws.ToString(a.StatusMessage)
	}
	return d
}

// inWords says what AWS's cause of an activity means.
func inWords(cause string) string {
	var name, state, policy string
	if n, _ := fmt.Sscanf(cause, "monitor alarm %s in state %s triggered policy %s", &name, &state, &policy); n == 3 {
		return "the alarm " + name + " rang, and its policy " + policy + " set the count by what is outstanding"
	}
	if least, ok := strings.CutPrefix(cause, "minimum capacity was set to "); ok {
		return "jobs were sent: the minimum was raised to " + least + ", so that they start before any alarm"
	}
	if most, ok := strings.CutPrefix(cause, "maximum capacity was set to "); ok {
		return "the maximum was set to " + most
	}
	if action, ok := strings.CutPrefix(cause, "scheduled action name "); ok {
		action, _, _ = strings.Cut(action, " ")
		return "the scheduled action " + action + " was due"
	}
	return cause
}

// gib is a gibibyte, in bytes.
const gib = 1 << 30

// costOf is what so much time of the run's tasks costs on Fargate, in dollars.
func costOf(r *run.Run, seconds float64) float64 {
	cpu, memory := plan.USD(plan.FargateCPU), plan.USD(plan.FargateMemory)
	if r.Job.Arch == "arm64" {
		cpu, memory = plan.USD(plan.FargateCPUARM), plan.USD(plan.FargateMemoryARM)
	}
	rate := r.Job.CPU*cpu + float64(r.Job.Memory)/gib*memory
	if r.Job.Spot {
		rate *= plan.USD(plan.SpotShare)
	}
	disk := max(0, float64(r.Job.EphemeralStorage)/gib-20) * plan.USD(plan.FargateDisk)
	return (rate + disk) * seconds / 3600
}
