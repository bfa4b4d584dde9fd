package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/run"
)

// checkService looks at the service, its tasks, where they run and what they may.
func checkService(ctx context.Context, s *client.Session, stack *run.Stack) []finding {
	v, err := stack.Examine(ctx)
	if err != nil {
		return []finding{cannotAsk("service", err)}
	}
	return []finding{serviceFinding(v), tasksFinding(v), checkNetwork(ctx, s, v), checkRoles(ctx, s, v)}
}

// fresh is how old what ECS told last may be, to be what is wrong now.
const fresh = time.Hour

// wrongWords are what ECS's events have in them that tell of something wrong.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
var wrongWords = [...]string{"unable to", "failed", "was stopped", "throttled", "error", "unhealthy", "insufficient"}

func serviceFinding(v *run.Examined) finding {
	f := finding{Check: "service", State: fine}
	f.Fact = fmt.Sprintf("%s, %d running, %d starting, %d wanted", strings.ToLower(v.Status), v.Tasks.Running, v.Tasks.Pending, v.Tasks.Desired)
	if v.Status != "ACTIVE" {
		f.State, f.Hint = trouble, "spate deploy --force"
		return f
	}
	for _, e := range v.Events {
		low := strings.ToLower(e.Message)
		if time.Since(e.At) > fresh {
			break
		}
		for _, word := range wrongWords {
			if strings.Contains(low, word) {
				f.State, f.Hint = doubt, fmt.Sprintf("ECS said at %s: %s", clock(e.At), e.Message)
				return f
			}
		}
	}
	if v.Failed != "" {
		f.State, f.Hint = trouble, "its deployment failed: "+v.Failed
	}
	return f
}

// tasksFinding tells why tasks stopped lately that should not have.
func tasksFinding(v *run.Examined) finding {
	f := finding{Check: "tasks", State: fine, Fact: "none stopped lately that should not have"}
	if len(v.Stopped) == 0 {
		return f
	}
	newest := v.Stopped[0]
	f.State = doubt
	if newest.NeverStarted && v.Tasks.Running == 0 {
		f.State = trouble
	}
	f.Fact = fmt.Sprintf("%s stopped that should not have; the newest, at %s: %s", count(len(v.Stopped), "task"), clock(newest.At), newest.Reason)
	f.Hint = stoppedHint(newest.Reason)
	return f
}

// stoppedHint says what mends the reason of a stopped task.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
func stoppedHint(reason string) string {
	for _, known := range [][2]string{
		{"CannotPullContainerError", "the image is not there, or the subnets have no way to it: see image and network"},
		{"CannotPullECRContainerError", "the image is not there, or the subnets have no way to it: see image and network"},
		{"ResourceInitializationError", "tasks reach neither ECR nor their secrets and logs: see network and roles"},
		{"exec format error", "the image is for another architecture: see image"},
		{"OutOfMemory", "raise `memory:` in the job file, and spate deploy"},
		{"Spot", "AWS took its capacity back; those jobs are tried again by themselves"},
		{"Capacity is unavailable", "AWS has no such capacity now; it is tried again, or choose another `arch:` or `spot: false`"},
		{"limit on the number of vCPUs", "see quota"},
	} {
		if strings.Contains(reason, known[0]) {
			return known[1]
		}
	}
	return "what a task printed: spate logs"
}

// checkNetwork looks whether the subnets have a way out.
func checkNetwork(ctx context.Context, s *client.Session, v *run.Examined) finding {
	f := finding{Check: "network", State: fine}
	if len(v.Subnets) == 0 {
		f.State, f.Fact = unasked, "ECS does not tell the service's subnets"
		return f
	}
	subnets, err := s.Subnets(ctx, v.Subnets)
	// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
	fault, ok := errors.AsType[smithy.APIError](err)
	unknown := ok && fault.ErrorCode() == "InvalidSubnetID.NotFound"
	switch {
	case unknown:
		f.State, f.Fact, f.Hint = trouble, fault.ErrorMessage(), "mend `network:` in the job file, and spate deploy"
		return f
	case err != nil:
		return cannotAsk("network", err)
	case len(subnets) < len(v.Subnets):
		f.State, f.Fact, f.Hint = trouble, fmt.Sprintf("of %s %d are there", count(len(v.Subnets), "subnet"), len(subnets)), "mend `network:` in the job file, and spate deploy"
		return f
	}
	for _, n := range subnets {
		switch {
		case n.Way == "":
			f.State, f.Fact = doubt, "subnet "+n.ID+" has no way out"
			f.Hint = "give it a default route, or the VPC endpoints of ECR (both), S3, SQS, CloudWatch Logs and ECS"
			return f
		case strings.HasPrefix(n.Way, "igw-") && !v.PublicIP:
			f.State, f.Fact = trouble, "subnet "+n.ID+" goes out by "+n.Way+", for which tasks have no public address"
			f.Hint = "`network: {assignPublicIp: true}` in the job file, or subnets behind a NAT gateway; then spate deploy"
			return f
		}
	}
	f.Fact = fmt.Sprintf("%s, out by %s", count(len(subnets), "subnet"), subnets[0].Way)
	return f
}

// checkRoles looks whether the roles are there, and tasks may take them on.
func checkRoles(ctx context.Context, s *client.Session, v *run.Examined) finding {
	f := finding{Check: "roles", State: fine, Fact: "those of the tasks are there, and tasks may take them on"}
	if len(v.Roles) == 0 {
		f.State, f.Fact = unasked, "ECS does not tell the tasks' roles"
		return f
	}
	for _, arn := range v.Roles {
		name := arn[strings.LastIndexByte(arn, '/')+1:]
		trust, err := s.TrustOf(ctx, name)
		if err != nil {
			if strings.Contains(err.Error(), "NoSuchEntity") {
				f.State, f.Fact, f.Hint = trouble, "there is no role "+name, "spate destroy, and spate deploy"
				return f
			}
			return cannotAsk("roles", err)
		}
		if !strings.Contains(trust, "ecs-tasks.amazonaws.com") {
			f.State, f.Fact = trouble, "tasks may not take on role "+name
			f.Hint = "let ecs-tasks.amazonaws.com into its trust policy, or spate destroy and spate deploy"
			return f
		}
	}
	return f
}
