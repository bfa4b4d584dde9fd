package ecs

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/wire"
)

// A deployment is one task definition that a service has, or had, to run.
type deployment struct {
	ID         string
	Definition string // ARN
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Rollout    types.DeploymentRolloutState
	Why        string // of a rollout that failed, or that follows one
	Failed     int    // tasks that could not start, in a row
	NoGPU      bool   // a task of it waits for a GPU, and it was said
	Capped     bool   // its tasks are larger than the machine, and it was said
	Stuck      bool   // the service's percentages keep it from going on, and it was said
}

func newDeployment(definition string, now time.Time) deployment {
	return deployment{
		ID:         fmt.Sprintf("ecs-svc/%d", 1e18+rand.Int64N(8e18)),
		Definition: definition,
		CreatedAt:  now,
		UpdatedAt:  now,
		Rollout:    types.DeploymentRolloutStateInProgress,
	}
}

// validateDeployments checks that a service can be deployed to.
func validateDeployments(c *types.DeploymentConfiguration) error {
	least, most := *c.MinimumHealthyPercent, *c.MaximumPercent
	switch {
	case c.Strategy != types.DeploymentStrategyRolling:
		return wire.Faultf("UnsupportedFeatureException", "Deployment strategy %s is not available.", c.Strategy)
	case least < 0 || most <= 0:
		return wire.Faultf("InvalidParameterException", "Both maximumPercent and minimumHealthyPercent must be positive.")
	case least == 100 && most == 100:
		return wire.Faultf("InvalidParameterException", "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.")
	case least > most:
		return wire.Faultf("InvalidParameterException", "maximumPercent must be greater than minimumHealthyPercent.")
	}
	return nil
}

// deploymentConfiguration is a service's own, changed by what a request says.
func deploymentConfiguration(own, change *types.DeploymentConfiguration) *types.DeploymentConfiguration {
	next := types.DeploymentConfiguration{
		MinimumHealthyPercent:    aws.Int32(100),
		MaximumPercent:           aws.Int32(200),
		DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{},
		Strategy:                 types.DeploymentStrategyRolling,
	}
	if own != nil {
		next = *own
	}
	if change == nil {
		return &next
	}
	next.MinimumHealthyPercent = cmp.Or(change.MinimumHealthyPercent, next.MinimumHealthyPercent)
	next.MaximumPercent = cmp.Or(change.MaximumPercent, next.MaximumPercent)
	next.DeploymentCircuitBreaker = cmp.Or(change.DeploymentCircuitBreaker, next.DeploymentCircuitBreaker)
	next.Alarms = cmp.Or(change.Alarms, next.Alarms)
	next.Strategy = cmp.Or(change.Strategy, next.Strategy)
	return &next
}

func (v *service) describeDeployments() []types.Deployment {
	described := make([]types.Deployment, len(v.Deployments))
	at := map[string]*types.Deployment{}
	for i, d := range v.Deployments {
		described[i] = types.Deployment{
			CapacityProviderStrategy: v.Detail.CapacityProviderStrategy,
			CreatedAt:                aws.Time(d.CreatedAt),
			FailedTasks:              int32(d.Failed),
			Id:                       aws.String(d.ID),
			LaunchType:               v.Detail.LaunchType,
			NetworkConfiguration:     v.Detail.NetworkConfiguration,
			PlatformFamily:           v.Detail.PlatformFamily,
			PlatformVersion:          v.Detail.PlatformVersion,
			RolloutState:             d.Rollout,
			RolloutStateReason:       aws.String(d.rolloutReason()),
			Status:                   new("ACTIVE"),
			TaskDefinition:           aws.String(d.Definition),
			UpdatedAt:                aws.Time(d.UpdatedAt),
		}
		at[d.ID] = &described[i]
	}
	described[0].Status = new("PRIMARY")
	described[0].DesiredCount = int32(v.Desired)
	for t := range v.tasks {
		switch d := at[t.Deployment]; {
		case d == nil:
		case t.Status == statusRunning:
			d.RunningCount++
		case t.Status.starting():
			d.PendingCount++
		}
	}
	return described
}

func (d deployment) rolloutReason() string {
	switch {
	case d.Rollout == types.DeploymentRolloutStateCompleted:
		return fmt.Sprintf("ECS deployment %s completed.", d.ID)
	case d.Why != "":
		return d.Why
	}
	return fmt.Sprintf("ECS deployment %s in progress.", d.ID)
}
