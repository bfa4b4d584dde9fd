package cloudformation_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/google/go-cmp/cmp"
)

// A cdkTemplate is a template that AWS CDK synthesised, to be edited.
type cdkTemplate map[string]any

func readCDK(t *testing.T, name string) cdkTemplate {
	t.Helper()
	text, err := os.ReadFile("../../../testdata/cdk/" + name + ".template.json")
	if err != nil {
		t.Fatal(err)
	}
	var template cdkTemplate
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	return template
}

func (c cdkTemplate) resources() map[string]map[string]any {
	all := map[string]map[string]any{}
	for id, r := range c["Resources"].(map[string]any) {
		all[id] = r.(map[string]any)
	}
	return all
}

// of lists the logical ids of a type.
func (c cdkTemplate) of(kind string) []string {
	var ids []string
	for id, r := range c.resources() {
		if r["Type"] == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// set sets a property of the last resource of a type.
func (c cdkTemplate) set(kind, property string, value any) {
	ids := c.of(kind)
	r := c.resources()[ids[len(ids)-1]]
	if r["Properties"] == nil {
		r["Properties"] = map[string]any{}
	}
	r["Properties"].(map[string]any)[property] = value
}

func (c cdkTemplate) text() string {
	text, _ := json.Marshal(c) // of values that came from JSON
	return string(text)
}

// keyed gives every-prop's secret the key that its task reads. CDK's template has
// a random word there, which is no JSON object: on AWS, as here, no task of it
// starts, and the stack waits for one.
func (c cdkTemplate) keyed() {
	if c.of("AWS::SecretsManager::Secret") != nil {
		c.set("AWS::SecretsManager::Secret", "GenerateSecretString", map[string]any{"SecretStringTemplate": "{}", "GenerateStringKey": "tok"})
	}
}

// inventory are the physical ids of a stack's resources.
func (e *engine) inventory(stack string) map[string]string {
	e.t.Helper()
	all := map[string]string{}
	pages := cloudformation.NewListStackResourcesPaginator(e.cfn, &cloudformation.ListStackResourcesInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(e.t.Context())
		e.must(err)
		for _, r := range page.StackResourceSummaries {
			all[*r.LogicalResourceId] = aws.ToString(r.PhysicalResourceId)
		}
	}
	return all
}

// left lists what there is of queues, clusters, alarms, scaling policies and
// log groups.
func (e *engine) left() map[string]int {
	e.t.Helper()
	ctx := e.t.Context()
	clusters, err := e.ecs.ListClusters(ctx, &ecs.ListClustersInput{})
	e.must(err)
	alarms, err := cloudwatch.NewFromConfig(e.config).DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{})
	e.must(err)
	policies, err := applicationautoscaling.NewFromConfig(e.config).DescribeScalingPolicies(ctx, &applicationautoscaling.DescribeScalingPoliciesInput{ServiceNamespace: "ecs"})
	e.must(err)
	groups, err := cloudwatchlogs.NewFromConfig(e.config).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{})
	e.must(err)
	all := map[string]int{
		"queues": len(e.queues()), "clusters": len(clusters.ClusterArns), "alarms": len(alarms.MetricAlarms),
		"policies": len(policies.ScalingPolicies), "log groups": len(groups.LogGroups),
	}
	maps.DeleteFunc(all, func(_ string, n int) bool { return n == 0 })
	return all
}

func TestWhatCDKWroteLives(t *testing.T) {
	for _, name := range []string{"as-written", "defaults", "every-prop"} {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			template := readCDK(t, name)
			template.keyed()
			e.createAsCDK(template)
			first := e.inventory("s")

			template.set("AWS::SQS::Queue", "VisibilityTimeout", 77)
			e.updateTo(template)
			if diff := cmp.Diff(first, e.inventory("s")); diff != "" {
				t.Errorf("after an update in place: resources (-want +got):\n%s", diff)
			}

			template.set("AWS::SQS::Queue", "QueueName", "renamed")
			template.set("AWS::ECS::TaskDefinition", "EphemeralStorage", map[string]any{"SizeInGiB": 42})
			e.updateTo(template)
			second := e.inventory("s")
			queues, definitions := template.of("AWS::SQS::Queue"), template.of("AWS::ECS::TaskDefinition")
			for id, physical := range second {
				replaced := id == queues[len(queues)-1] || id == definitions[0]
				if (first[id] != physical) != replaced {
					t.Errorf("after a replacement: %s was %s and is %s", id, first[id], physical)
				}
			}

			e.failToUpdate(template)
			if diff := cmp.Diff(second, e.inventory("s")); diff != "" {
				t.Errorf("after a rollback: resources (-want +got):\n%s", diff)
			}
			if got := e.attribute("renamed", "VisibilityTimeout"); got != "77" {
				t.Errorf("after a rollback: got a timeout of %s, want 77", got)
			}
			_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
				StackName: new("s"), TemplateBody: new(template.text()), Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
			})
			if got, want := code(err), "ValidationError: No updates are to be performed."; got != want {
				t.Errorf("after a rollback: got %s, want %s", got, want)
			}

			if s := e.delete("s"); s.StackStatus != types.StackStatusDeleteComplete {
				t.Errorf("got %s: %s", s.StackStatus, aws.ToString(s.StackStatusReason))
			}
			if diff := cmp.Diff(map[string]int{"log groups": 1}, e.left()); diff != "" {
				t.Errorf("left of the stack, of which only the log group is to be retained (-want +got):\n%s", diff)
			}
		})
	}
}

// createAsCDK creates a stack by a change set, as CDK does.
func (e *engine) createAsCDK(template cdkTemplate) {
	e.t.Helper()
	made, err := e.cfn.CreateChangeSet(e.t.Context(), &cloudformation.CreateChangeSetInput{
		StackName: new("s"), ChangeSetName: new("cdk-deploy-change-set"), ChangeSetType: types.ChangeSetTypeCreate,
		TemplateBody: new(template.text()), IncludeNestedStacks: new(true), ClientToken: new("create"),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand},
	})
	e.must(err)
	if s := e.execute(*made.Id); s.StackStatus != types.StackStatusCreateComplete || aws.ToString(s.Parameters[0].ResolvedValue) != "21" {
		e.t.Fatalf("got %s, parameters %+v and events\n%s", s.StackStatus, s.Parameters, strings.Join(e.events("s"), "\n"))
	}
}

func (e *engine) updateTo(template cdkTemplate) {
	e.t.Helper()
	_, err := e.cfn.UpdateStack(e.t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), TemplateBody: new(template.text()), Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
		Parameters: []types.Parameter{{ParameterKey: new("BootstrapVersion"), UsePreviousValue: new(true)}},
	})
	e.must(err)
	if s := e.settled("s"); s.StackStatus != types.StackStatusUpdateComplete {
		e.t.Fatalf("got %s and events\n%s", s.StackStatus, strings.Join(e.events("s"), "\n"))
	}
}

// failToUpdate changes and replaces resources, and then something fails.
func (e *engine) failToUpdate(template cdkTemplate) {
	e.t.Helper()
	var next cdkTemplate
	e.must(json.Unmarshal([]byte(template.text()), &next))
	next.set("AWS::SQS::Queue", "VisibilityTimeout", 88)
	next.set("AWS::ECS::TaskDefinition", "EphemeralStorage", map[string]any{"SizeInGiB": 43})
	next.set("AWS::EC2::VPC", "CidrBlock", "10.9.0.0/16")
	next["Resources"].(map[string]any)["Bad"] = map[string]any{
		"Type": "AWS::SQS::Queue", "Properties": map[string]any{"VisibilityTimeout": -1},
		"DependsOn": append(next.of("AWS::ECS::Service"), next.of("AWS::ApplicationAutoScaling::ScalingPolicy")...),
	}
	_, err := e.cfn.UpdateStack(e.t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), TemplateBody: new(next.text()), Capabilities: []types.Capability{types.CapabilityCapabilityNamedIam},
	})
	e.must(err)
	if s := e.settled("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
		e.t.Fatalf("got %s and events\n%s", s.StackStatus, strings.Join(e.events("s"), "\n"))
	}
}

func TestRulesAndTheParameterStore(t *testing.T) {
	e := start(t)
	create := func(parameters ...string) string {
		_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
			StackName: new("s"), TemplateBody: new(readCDK(t, "as-written").text()), Parameters: params(parameters),
			Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		})
		return code(err)
	}
	if got, want := create("BootstrapVersion=/none"), "ValidationError: Unable to fetch parameters [/none] from parameter store for this account."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	old := readCDK(t, "as-written")
	old["Parameters"].(map[string]any)["BootstrapVersion"] = map[string]any{"Type": "String", "Default": "3"}
	_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: new("s"), TemplateBody: new(old.text()), Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	})
	if got := code(err); !strings.Contains(got, "CDK bootstrap stack version 6 required.") {
		t.Errorf("got %s, want the rule's words", got)
	}
}
