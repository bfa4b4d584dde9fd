package ecs

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/wire"
)

// restartPeriod is how long a container must have run, in seconds, to be started
// again where its restart policy does not say.
const restartPeriod = 300

// again starts a container that has ended once more, if its restart policy says
// so. It returns nil for one that has ended for good; why it could not start is
// in its exit then.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-restart-policy.html
func (x *execution) again(ctx context.Context, m *member, began time.Time) (runner.Running, io.WriteCloser) {
	if ctx.Err() != nil || !restarts(m.definition.RestartPolicy, m.exit.Code, time.Since(began)) {
		return nil, nil
	}
	m.survived = false
	running, output, err := x.open(ctx, m)
	if err != nil {
		m.exit.Reason = cmp.Or(m.exit.Reason, err.Error())
		return nil, nil
	}
	return running, output
}

// restarts says whether a container is started again that has ended with a code
// after a time.
func restarts(policy *types.ContainerRestartPolicy, code int, ran time.Duration) bool {
	if policy == nil || !aws.ToBool(policy.Enabled) || slices.Contains(policy.IgnoredExitCodes, int32(code)) {
		return false
	}
	period := cmp.Or(aws.ToInt32(policy.RestartAttemptPeriod), restartPeriod)
	return ran >= time.Duration(period)*time.Second
}

// restarted is the task after one of its containers has been started again.
func (t task) restarted(i int, place runner.Place) task {
	t.Containers = slices.Clone(t.Containers)
	t.Containers[i].Place = place
	t.Containers[i].Restarts++
	return t
}

func validateRestart(c types.ContainerDefinition) error {
	if c.RestartPolicy == nil {
		return nil
	}
	if p := aws.ToInt32(c.RestartPolicy.RestartAttemptPeriod); p != 0 && (p < 60 || p > 1800) {
		return wire.Faultf("ClientException", "Invalid setting for container '%s'. The restartAttemptPeriod must be between 60 and 1800 seconds.", *c.Name)
	}
	if len(c.RestartPolicy.IgnoredExitCodes) > 50 {
		return wire.Faultf("ClientException", "Invalid setting for container '%s'. A restart policy can have at most 50 ignoredExitCodes.", *c.Name)
	}
	return nil
}
