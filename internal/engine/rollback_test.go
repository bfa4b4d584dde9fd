package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/template"
)

// servedBy is a stack with a service of one task that runs a program in a folder.
func servedBy(t *testing.T, folder, program string) *template.Template {
	t.Helper()
	made, err := template.Parse(fmt.Appendf(nil, `{"Resources": {
		"Cluster": {"Type": "AWS::ECS::Cluster"},
		"Definition": {"Type": "AWS::ECS::TaskDefinition", "Properties": {
			"Family": "work", "ContainerDefinitions": [{"Name": "work", "Image": %q, "Command": [%q, "1000"], "Cpu": 1, "Memory": 16}]}},
		"Service": {"Type": "AWS::ECS::Service", "Properties": {
			"ServiceName": "work", "Cluster": {"Ref": "Cluster"}, "TaskDefinition": {"Ref": "Definition"}, "DesiredCount": 1,
			"DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": true, "Rollback": true}}}}},
		"Outputs": {"Cluster": {"Value": {"Ref": "Cluster"}}}}`, folder, program))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
func TestAStackGoesBackWithTheServiceThatDoes(t *testing.T) {
	aws, _ := start(t, engine.Config{Home: t.TempDir(), Cadence: engine.FastCadence})
	folder := t.TempDir()
	outputs, err := deploy.Apply(t.Context(), aws.CloudFormation, deploy.Stack{Name: "s", Template: servedBy(t, folder, "sleep")})
	if err != nil {
		t.Fatal(err)
	}
	before := definitionOf(t, aws, outputs["Cluster"])

	_, err = deploy.Apply(t.Context(), aws.CloudFormation, deploy.Stack{Name: "s", Template: servedBy(t, folder, "spate-no-such-program")})
	const why = "ECS Deployment Circuit Breaker was triggered"
	if err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("got error %v, want one that says %q", err, why)
	}
	out, err := aws.CloudFormation.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(out.Stacks[0].StackStatus), "UPDATE_ROLLBACK_COMPLETE"; got != want {
		t.Errorf("got stack %s, want %s", got, want)
	}
	if got := definitionOf(t, aws, outputs["Cluster"]); got != before {
		t.Errorf("got a service of %s, want %s as before", got, before)
	}
}

// definitionOf is what the service "work" runs, which must be one task.
func definitionOf(t *testing.T, aws *client.AWS, cluster string) string {
	t.Helper()
	out, err := aws.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{"work"}})
	if err != nil || len(out.Services) != 1 {
		t.Fatalf("got %+v, %v, want one service", out, err)
	}
	s := out.Services[0]
	if s.RunningCount != 1 || *s.Deployments[0].Status != "PRIMARY" || s.Deployments[0].RunningCount != 1 {
		var events []string
		for _, e := range slices.Backward(s.Events) {
			events = append(events, *e.Message)
		}
		t.Errorf("got %d tasks, %d of the primary deployment, want one:\n%s", s.RunningCount, s.Deployments[0].RunningCount, strings.Join(events, "\n"))
	}
	return *s.TaskDefinition
}
