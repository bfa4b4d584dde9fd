package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/image"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

// unasked is the verdict on what could not be found out: it is no ok.
const unasked verdict = "not asked"

// examineAWS looks at all that a job's run on AWS stands on, the first things
// first: without credentials nothing more can be asked.
func (a *app) examineAWS(ctx context.Context, args []string) ([]finding, error) {
	s, err := client.OnAWS(ctx, a.place.remote)
	if err != nil {
		return []finding{{Check: "credentials", State: trouble, Fact: err.Error(), Hint: hint(err)}}, nil
	}
	findings := []finding{checkIdentity(ctx, s), {Check: "region", State: fine, Fact: s.Region()}}
	if findings[0].State == trouble {
		return findings, nil
	}
	folder := "."
	if len(args) == 1 {
		folder = args[0]
	} else if _, err := os.Stat(filepath.Join(folder, job.FileName)); errors.Is(err, fs.ErrNotExist) {
		return append(findings, checkQuota(ctx, s, job.Job{Max: 1, CPU: 1})), nil
	}
	j, err := job.Load(folder)
	if err != nil {
		return append(findings, checkJob(folder)...), nil
	}
	findings = append(findings, finding{Check: "job", State: fine, Fact: j.Name + " in " + j.Dir}, checkParams(j), checkQuota(ctx, s, j))
	return append(findings, checkStack(ctx, s, j)...), nil
}

// cannotAsk is the finding on what could not be found out.
func cannotAsk(check string, err error) finding {
	f := finding{Check: check, State: unasked, Fact: "could not be asked: " + err.Error(), Hint: hint(err)}
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		f.Fact = fmt.Sprintf("could not be asked: %s: %s", fault.ErrorCode(), fault.ErrorMessage())
	}
	return f
}

func checkIdentity(ctx context.Context, s *client.Session) finding {
	arn, err := s.Identity(ctx)
	if err == nil {
		return finding{Check: "credentials", State: fine, Fact: "they are those of " + arn}
	}
	f := cannotAsk("credentials", err)
	if fault, ok := errors.AsType[smithy.APIError](err); ok && awsHint(err) != "" {
		f.State, f.Fact = trouble, fault.ErrorCode()+": "+fault.ErrorMessage()
	} else if !ok {
		f.State, f.Fact, f.Hint = trouble, "AWS does not answer: "+err.Error(), "look at the network, and at --region"
	}
	return f
}

// checkQuota compares what the job's tasks have of CPU with what the account
// may have at once.
func checkQuota(ctx context.Context, s *client.Session, j job.Job) finding {
	f := finding{Check: "quota", State: fine}
	code, what := client.QuotaOnDemand, "on demand"
	if j.Spot {
		code, what = client.QuotaSpot, "on Spot"
	}
	quota, err := s.Quota(ctx, code)
	if err != nil {
		return cannotAsk("quota", err)
	}
	wanted := float64(j.Max) * j.CPU
	f.Fact = fmt.Sprintf("the account has %g vCPU of Fargate %s, and %s want %g", quota, what, count(j.Max, "task"), wanted)
	if quota >= wanted {
		return f
	}
	f.State = doubt
	f.Fact += fmt.Sprintf(": %g run at once", math.Floor(quota/j.CPU))
	if quota < j.CPU {
		f.State = trouble
	}
	f.Hint = fmt.Sprintf("aws service-quotas request-service-quota-increase --service-code fargate --quota-code %s --desired-value %g --region %s", code, wanted, s.Region())
	return f
}

// checkStack looks at the stack of a job, and all that is in it.
func checkStack(ctx context.Context, s *client.Session, j job.Job) []finding {
	f := finding{Check: "stack", State: fine}
	state, err := deploy.Look(ctx, s.CloudFormation, j.Name)
	if err != nil {
		return []finding{cannotAsk("stack", err)}
	}
	if state == nil {
		f.State, f.Fact, f.Hint = doubt, "there is none of the name "+j.Name, "spate deploy makes it, and so does spate run, after asking"
		return []finding{f}
	}
	f.Fact = j.Name + " is in " + string(state.Status)
	stack, ours := run.NewStack(s.AWS, j.Name, state.Outputs)
	switch {
	case state.Busy():
		f.State, f.Hint = doubt, "wait until that is over; what happens: aws cloudformation describe-stack-events --stack-name "+j.Name
	case state.Problem != nil:
		f.State, f.Hint = trouble, state.Problem.Mend()
	case !ours:
		f.State, f.Fact, f.Hint = trouble, notOurs(j.Name).Error(), "give the job another `name:`"
	}
	if !ours {
		return []finding{f}
	}
	findings := []finding{f, checkImage(ctx, s, j, state)}
	findings = append(findings, checkService(ctx, s, stack)...)
	return append(findings, checkQueue(ctx, stack), checkDead(ctx, stack), checkScaling(ctx, stack), checkAlarms(ctx, s, j.Name))
}

// checkImage looks for the image that tasks pull, and what it is for.
func checkImage(ctx context.Context, s *client.Session, j job.Job, state *deploy.State) finding {
	f := finding{Check: "image", State: fine}
	digest, repository := state.Parameters[paramDigest], state.Outputs[outputRepository]
	if digest == "" || repository == "" {
		f.State, f.Fact = doubt, "tasks run "+state.Parameters[paramImage]+", without the worker that deploy puts in front"
		f.Hint = "spate deploy"
		return f
	}
	user, password, err := s.RegistryLogin(ctx)
	if err != nil {
		return cannotAsk("image", err)
	}
	got, err := image.Platform(ctx, repository, digest, image.Login{User: user, Password: password})
	if _, missing := errors.AsType[*image.MissingError](err); missing {
		f.State, f.Fact, f.Hint = trouble, err.Error(), "spate deploy pushes it"
		return f
	}
	if err != nil {
		return cannotAsk("image", err)
	}
	want := "linux/amd64"
	if j.Arch == "arm64" {
		want = "linux/arm64"
	}
	f.Fact = fmt.Sprintf("%s…, for %s, is in the stack's repository", digest[:min(len(digest), 19)], got)
	if got != want {
		f.State, f.Fact = trouble, fmt.Sprintf("the image is for %s, and the job for %s", got, want)
		f.Hint = "say `arch:` in the job file as the image is, and spate deploy"
	}
	return f
}

func checkQueue(ctx context.Context, stack *run.Stack) finding {
	n, err := stack.Outstanding(ctx)
	if err != nil {
		return cannotAsk("queue", err)
	}
	if n == 0 {
		return finding{Check: "queue", State: fine, Fact: "it is empty: no task is wanted"}
	}
	return finding{Check: "queue", State: fine, Fact: count(n, "message") + " wait, are worked on, or are delayed"}
}

func checkDead(ctx context.Context, stack *run.Stack) finding {
	f := finding{Check: "dead letters", State: fine, Fact: "there are none"}
	if stack.Dead == "" {
		f.State, f.Fact = unasked, "the stack does not say where they are"
		return f
	}
	n, err := stack.CountDead(ctx)
	if err != nil {
		return cannotAsk("dead letters", err)
	}
	if n > 0 {
		f.State, f.Fact, f.Hint = doubt, count(n, "message")+" could not be read by any worker", "spate dlq list"
	}
	return f
}

func checkScaling(ctx context.Context, stack *run.Stack) finding {
	f := finding{Check: "scaling", State: fine}
	c, err := stack.Scaling(ctx)
	switch {
	case err != nil:
		return cannotAsk("scaling", err)
	case c == nil:
		f.State, f.Fact, f.Hint = trouble, "the service does not scale", "spate deploy --force"
	case c.Suspended:
		f.State, f.Fact = trouble, "its scaling is suspended: no task is started for messages"
		f.Hint = "aws application-autoscaling register-scalable-target --service-namespace ecs --scalable-dimension ecs:service:DesiredCount --resource-id " +
			c.Resource + " --suspended-state DynamicScalingInSuspended=false,DynamicScalingOutSuspended=false,ScheduledScalingSuspended=false"
	case c.Max == 0:
		f.State, f.Fact, f.Hint = trouble, "its maximum is 0 tasks", "spate deploy --force"
	default:
		f.Fact = fmt.Sprintf("from %d to %s", c.Min, count(c.Max, "task"))
	}
	return f
}

// checkAlarms looks at the alarms of a stack. That metrics are missing is usual
// where nothing ran for hours.
func checkAlarms(ctx context.Context, s *client.Session, name string) finding {
	f := finding{Check: "alarms", State: fine}
	alarms, err := s.Alarms(ctx, name+"-")
	if err != nil {
		return cannotAsk("alarms", err)
	}
	if len(alarms) == 0 {
		f.State, f.Fact, f.Hint = trouble, "there are none: no task is started for messages", "spate deploy --force"
		return f
	}
	var states, off []string
	for _, alarm := range alarms {
		short := strings.TrimPrefix(alarm.Name, name+"-")
		if i := strings.LastIndexByte(short, '-'); i > 0 {
			short = short[:i] // what CloudFormation appends
		}
		states = append(states, short+" "+alarm.State)
		if !alarm.Enabled {
			off = append(off, alarm.Name)
		}
		if alarm.State == "ALARM" && (strings.Contains(short, "Stuck") || strings.Contains(short, "DeadLetter")) {
			f.State, f.Hint = doubt, short+": "+alarm.Reason
		}
	}
	f.Fact = strings.Join(states, ", ")
	if len(off) > 0 {
		f.State, f.Fact = trouble, "the actions of "+strings.Join(off, ", ")+" are switched off"
		f.Hint = "aws cloudwatch enable-alarm-actions --alarm-names " + strings.Join(off, " ")
	}
	return f
}
