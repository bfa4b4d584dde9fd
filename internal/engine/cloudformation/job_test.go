package cloudformation_test

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// jobTemplate is what spate compiles a job to.
func jobTemplate(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../../testdata/plain.template.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAJobsStack(t *testing.T) {
	e := start(t)
	template := jobTemplate(t)
	s := e.create("job", template, "Image=/a/folder")
	if s.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("got %s and events\n%s", s.StackStatus, strings.Join(e.events("job"), "\n"))
	}
	out := outputs(s)
	services, err := e.ecs.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: new(out["ClusterName"]), Services: []string{out["ServiceName"]}})
	e.must(err)
	if got := services.Services[0].DesiredCount; got != 0 {
		t.Errorf("got %d tasks wanted, want 0 in a stack that was made just now", got)
	}
	definition, err := e.ecs.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: new(e.physical("job", "TaskDefinition"))})
	e.must(err)
	c := definition.TaskDefinition.ContainerDefinitions[0]
	if *c.Image != "/a/folder" || *c.StopTimeout != 120 || c.LogConfiguration.Options["awslogs-group"] != out["LogGroupName"] {
		t.Errorf("got container %+v", c)
	}
	alarms, err := cloudwatch.NewFromConfig(e.config).DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{})
	e.must(err)
	scaling := applicationautoscaling.NewFromConfig(e.config)
	policies, err := scaling.DescribeScalingPolicies(t.Context(), &applicationautoscaling.DescribeScalingPoliciesInput{ServiceNamespace: "ecs"})
	e.must(err)
	if len(alarms.MetricAlarms) != 3 || len(policies.ScalingPolicies) != 2 {
		t.Errorf("got %d alarms and %d policies, want 3 (out, in, dead letters) and 2", len(alarms.MetricAlarms), len(policies.ScalingPolicies))
	}

	// An update leaves the task count alone.
	e.must(e.setCapacity(t.Context(), "service/"+out["ClusterName"]+"/"+out["ServiceName"], 2))
	s = e.update("job", template, "Image=/another", "Update=true")
	if s.StackStatus != types.StackStatusUpdateComplete {
		t.Fatalf("updating: got %s and events\n%s", s.StackStatus, strings.Join(e.events("job"), "\n"))
	}
	services, err = e.ecs.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: new(out["ClusterName"]), Services: []string{out["ServiceName"]}})
	e.must(err)
	if got := services.Services[0]; got.DesiredCount != 2 || got.RunningCount != 2 || *got.TaskDefinition != e.physical("job", "TaskDefinition") {
		t.Errorf("after an update: got %d of %d tasks of %s", got.RunningCount, got.DesiredCount, *got.TaskDefinition)
	}
	if s := e.delete("job"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("deleting: got %s and events\n%s", s.StackStatus, strings.Join(e.events(*s.StackId), "\n"))
	}
}

// service is a stack with a service of some tasks.
func service(image string, tasks string) string {
	return `{"Resources": {
		"Cluster": {"Type": "AWS::ECS::Cluster"},
		"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {
			"Cpu": 256, "Memory": 512, "ContainerDefinitions": [{"Name": "c", "Image": "` + image + `", "Essential": true}]}},
		"Service": {"Type": "AWS::ECS::Service", "Properties": {
			"Cluster": {"Ref": "Cluster"}, "TaskDefinition": {"Ref": "Task"}, "DesiredCount": ` + tasks + `}}}}`
}

func TestAServiceIsWaitedFor(t *testing.T) {
	e := start(t)
	s := e.create("s", service("/a", "2"))
	if s.StackStatus != types.StackStatusCreateComplete {
		t.Fatalf("got %s and events\n%s", s.StackStatus, strings.Join(e.events("s"), "\n"))
	}
	cluster := e.physical("s", "Cluster")
	running := func() int32 {
		out, err := e.ecs.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{e.physical("s", "Service")}})
		e.must(err)
		return out.Services[0].RunningCount
	}
	if got := running(); got != 2 {
		t.Errorf("got %d tasks running, want 2", got)
	}
	e.update("s", service("/a", "1"))
	if got := running(); got != 1 {
		t.Errorf("after an update: got %d tasks running, want 1", got)
	}
	if s := e.delete("s"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("deleting: got %s and events\n%s", s.StackStatus, strings.Join(e.events(*s.StackId), "\n"))
	}
}

func TestAStackCanBeDeletedWhileItIsCreated(t *testing.T) {
	e := start(t)
	e.machine.broken.Store(true)
	template := service("/a", "1")
	out, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: &template})
	e.must(err)
	for e.resourceStatus("s", "Service") == "" || e.physical("s", "Service") == "" {
		select {
		case <-t.Context().Done():
			t.Fatal("the service did not come")
		case <-time.After(time.Millisecond):
		}
	}
	_, err = e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: &template})
	if got, want := code(err), "ValidationError: Stack:"+*out.StackId+" is in CREATE_IN_PROGRESS state and can not be updated."; got != want {
		t.Errorf("updating: got %s, want %s", got, want)
	}
	if s := e.delete("s"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("deleting: got %s", s.StackStatus)
	}
	got := strings.Join(e.events(*out.StackId), "\n")
	for _, want := range []string{"s DELETE_IN_PROGRESS User Initiated", "Service CREATE_FAILED Resource creation cancelled", "Service DELETE_COMPLETE", "Cluster DELETE_COMPLETE"} {
		if !strings.Contains(got, want) {
			t.Errorf("got events\n%s\nwant among them %s", got, want)
		}
	}
}

func TestAServiceThatCannotStartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := start(t)
		e.machine.broken.Store(true)
		s := e.create("s", service("/a", "1"))
		got := strings.Join(e.events("s"), "\n")
		if s.StackStatus != types.StackStatusRollbackComplete || !strings.Contains(got, "Service CREATE_FAILED Resource handler returned message: \"Exceeded attempts to wait\" (RequestToken: ") {
			t.Errorf("got %s and events\n%s", s.StackStatus, got)
		}
	})
}

// BenchmarkCreate measures from CreateStack until CREATE_COMPLETE is seen.
func BenchmarkCreate(b *testing.B) {
	e := start(b)
	template := jobTemplate(b)
	for b.Loop() {
		_, err := e.cfn.CreateStack(b.Context(), &cloudformation.CreateStackInput{
			StackName: new("job"), TemplateBody: &template, Parameters: params([]string{"Image=/a/folder"}),
			Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		})
		e.must(err)
		for e.describe("job").StackStatus != types.StackStatusCreateComplete {
			<-time.After(time.Millisecond / 2)
		}
		b.StopTimer()
		e.delete("job")
		b.StartTimer()
	}
}
