package autoscaling_test

import (
	"errors"
	"testing"

	aas "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/google/go-cmp/cmp"
)

// https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html
func TestRegisterMovesCapacityIntoRange(t *testing.T) {
	f := start(t, 1)
	f.register(t, 0, 10)
	f.register(t, 4, 10)
	if _, err := f.client.RegisterScalableTarget(t.Context(), target(nil, new(int32(20)))); err != nil {
		t.Fatal(err)
	}
	f.register(t, 0, 20) // the minimum again: the capacity stays
	f.register(t, 0, 3)
	if diff := cmp.Diff([]int{4, 3}, f.take()); diff != "" {
		t.Errorf("capacities set (-want +got):\n%s", diff)
	}
	want := []string{
		"minimum capacity was set to 4: Setting desired count to 4. (Successfully set desired count to 4. Change successfully fulfilled by ecs.)",
		"maximum capacity was set to 3: Setting desired count to 3. (Successfully set desired count to 3. Change successfully fulfilled by ecs.)",
	}
	if diff := cmp.Diff(want, f.activities(t)); diff != "" {
		t.Errorf("activities (-want +got):\n%s", diff)
	}
}

func TestFailedCapacityIsAnActivity(t *testing.T) {
	f := start(t, 1)
	f.fail = errors.New("quota exceeded")
	f.register(t, 2, 10)
	want := []string{"minimum capacity was set to 2: Setting desired count to 2. (Failed to set desired count to 2. Reason: quota exceeded)"}
	if diff := cmp.Diff(want, f.activities(t)); diff != "" {
		t.Errorf("activities (-want +got):\n%s", diff)
	}
}

func TestRegisterRefuses(t *testing.T) {
	f := start(t, 1)
	const code = "ValidationException"
	for name, tt := range map[string]struct {
		change  func(*aas.RegisterScalableTargetInput)
		message string
	}{
		"another namespace": {func(in *aas.RegisterScalableTargetInput) { in.ServiceNamespace = types.ServiceNamespaceDynamodb },
			"Unsupported service namespace, resource type or scalable dimension"},
		"another dimension": {func(in *aas.RegisterScalableTargetInput) {
			in.ScalableDimension = types.ScalableDimensionDynamoDBTableReadCapacityUnits
		}, "Unsupported service namespace, resource type or scalable dimension"},
		"another resource": {func(in *aas.RegisterScalableTargetInput) { in.ResourceId = new("table/x") },
			"Unsupported service namespace, resource type or scalable dimension"},
		"no service": {func(in *aas.RegisterScalableTargetInput) { in.ResourceId = new("service/jobs/other") },
			"ECS service doesn't exist: service/jobs/other"},
		"no maximum": {func(in *aas.RegisterScalableTargetInput) { in.MaxCapacity = nil },
			"MinCapacity and MaxCapacity are required to register a new scalable target."},
		"a crossed range": {func(in *aas.RegisterScalableTargetInput) { in.MaxCapacity = new(int32(0)) },
			"Maximum capacity cannot be less than minimum capacity"},
		"a negative minimum": {func(in *aas.RegisterScalableTargetInput) { in.MinCapacity = new(int32(-1)) },
			"Minimum capacity cannot be less than 0"},
	} {
		t.Run(name, func(t *testing.T) {
			in := target(new(int32(1)), new(int32(2)))
			tt.change(in)
			_, err := f.client.RegisterScalableTarget(t.Context(), in)
			wantFault(t, err, code, tt.message)
		})
	}
}

func TestDeregisterTakesAllAlong(t *testing.T) {
	f := start(t, 1)
	f.register(t, 0, 10)
	f.put(t, stepPolicy("out", exact(step(new(0.0), nil, 5))))
	f.schedule(t, "later", "rate(1 day)", new(int32(1)), nil)
	ctx := t.Context()
	in := &aas.DeregisterScalableTargetInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ScalableDimension: types.ScalableDimensionECSServiceDesiredCount, ResourceId: new(resource),
	}
	if _, err := f.client.DeregisterScalableTarget(ctx, in); err != nil {
		t.Fatal(err)
	}
	f.restart(t, 1)
	targets, err := f.client.DescribeScalableTargets(ctx, &aas.DescribeScalableTargetsInput{ServiceNamespace: types.ServiceNamespaceEcs})
	if err != nil || len(targets.ScalableTargets) > 0 {
		t.Errorf("targets: got %v, %v; want none", targets, err)
	}
	policies, err := f.client.DescribeScalingPolicies(ctx, &aas.DescribeScalingPoliciesInput{ServiceNamespace: types.ServiceNamespaceEcs})
	if err != nil || len(policies.ScalingPolicies) > 0 {
		t.Errorf("policies: got %v, %v; want none", policies, err)
	}
	actions, err := f.client.DescribeScheduledActions(ctx, &aas.DescribeScheduledActionsInput{ServiceNamespace: types.ServiceNamespaceEcs})
	if err != nil || len(actions.ScheduledActions) > 0 {
		t.Errorf("scheduled actions: got %v, %v; want none", actions, err)
	}
	_, err = f.client.DeregisterScalableTarget(ctx, in)
	wantFault(t, err, "ObjectNotFoundException",
		"No scalable target found for service namespace: ecs, resource ID: service/jobs/worker, scalable dimension: ecs:service:DesiredCount")
}

func TestDescribeTargetsAndTags(t *testing.T) {
	f := start(t, 1)
	in := target(new(int32(1)), new(int32(2)))
	in.Tags = map[string]string{"team": "a", "cost": "1"}
	out, err := f.client.RegisterScalableTarget(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if _, err := f.client.TagResource(ctx, &aas.TagResourceInput{ResourceARN: out.ScalableTargetARN, Tags: map[string]string{"team": "b"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.UntagResource(ctx, &aas.UntagResourceInput{ResourceARN: out.ScalableTargetARN, TagKeys: []string{"cost"}}); err != nil {
		t.Fatal(err)
	}
	f.restart(t, 1)
	tags, err := f.client.ListTagsForResource(ctx, &aas.ListTagsForResourceInput{ResourceARN: out.ScalableTargetARN})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"team": "b"}, tags.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	list, err := f.client.DescribeScalableTargets(ctx, &aas.DescribeScalableTargetsInput{
		ServiceNamespace: types.ServiceNamespaceEcs, ResourceIds: []string{resource},
	})
	if err != nil || len(list.ScalableTargets) != 1 {
		t.Fatalf("got %v, %v; want one target", list, err)
	}
	got := list.ScalableTargets[0]
	if *got.MinCapacity != 1 || *got.MaxCapacity != 2 || *got.SuspendedState.DynamicScalingInSuspended || got.CreationTime == nil {
		t.Errorf("got %+v", got)
	}
}
