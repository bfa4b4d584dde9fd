package cloudformation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
)

func TestCreateStackRefuses(t *testing.T) {
	e := start(t)
	e.create("taken", queues)
	role := func(properties string) *string {
		return new(`{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {` + properties + `}}}}`)
	}
	cases := []struct {
		why  string
		in   cloudformation.CreateStackInput
		want string
	}{
		{"name taken", cloudformation.CreateStackInput{StackName: new("taken"), TemplateBody: new(queues)},
			"AlreadyExistsException: Stack [taken] already exists"},
		{"bad name", cloudformation.CreateStackInput{StackName: new("a_b"), TemplateBody: new(queues)},
			"ValidationError: 1 validation error detected: Value 'a_b' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"},
		{"no template", cloudformation.CreateStackInput{StackName: new("s")},
			"ValidationError: Either Template URL or Template Body must be specified."},
		{"bad JSON", cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(`{"Resources": `)},
			"ValidationError: Template format error: JSON not well-formed. (line 1, column 14)"},
		{"unknown parameter", cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(queues), Parameters: params([]string{"X=1"})},
			"ValidationError: Parameters: [X] do not exist in the template"},
		{"parameter without value", cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(`{
			"Parameters": {"Image": {"Type": "String"}}, "Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}`)},
			"ValidationError: Parameters: [Image] must have values"},
		{"previous value", cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(queues),
			Parameters: []types.Parameter{{ParameterKey: new("Timeout"), UsePreviousValue: new(true)}}},
			"ValidationError: Invalid input for parameter key Timeout. Cannot specify usePreviousValue as true for a parameter key not in the previous template"},
		{"role", cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: role("")},
			"InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_IAM]"},
		{"named role", cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: role(`"RoleName": "r"`),
			Capabilities: []types.Capability{types.CapabilityCapabilityIam}},
			"InsufficientCapabilitiesException: Requires capabilities : [CAPABILITY_NAMED_IAM]"},
		{"absent resource", cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(`{
			"Conditions": {"No": {"Fn::Equals": ["a", "b"]}},
			"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Condition": "No"},
				"P": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Q"}]}}}}`)},
			"ValidationError: Template format error: Unresolved resource dependencies [Q] in the Resources block of the template"},
		{"too long", cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(queues + strings.Repeat(" ", 51_200))},
			"ValidationError: 1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200"},
		{"too many", cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(`{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}` + manyTopics(500) + `}}`)},
			"ValidationError: Template format error: Number of resources, 501, is greater than maximum allowed, 500 (line 1, column 15)"},
		{"template URL", cloudformation.CreateStackInput{StackName: new("s"), TemplateURL: new("s3://bucket/key")},
			"ValidationError: TemplateURL must be a supported URL."},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			_, err := e.cfn.CreateStack(t.Context(), &c.in)
			if got := code(err); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// manyTopics are resources to be added to others.
func manyTopics(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `, "T%d": {"Type": "AWS::SNS::Topic"}`, i)
	}
	return b.String()
}

func TestAbsentStack(t *testing.T) {
	e := start(t)
	ctx, no := t.Context(), new("no")
	cases := map[string]struct {
		call func() error
		want string
	}{
		"DescribeStacks": {func() error {
			_, err := e.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: no})
			return err
		}, "ValidationError: Stack with id no does not exist"},
		"UpdateStack": {func() error {
			_, err := e.cfn.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: no, TemplateBody: new(queues)})
			return err
		}, "ValidationError: Stack [no] does not exist"},
		"DescribeStackEvents": {func() error {
			_, err := e.cfn.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: no})
			return err
		}, "ValidationError: Stack [no] does not exist"},
		"DescribeStackResource": {func() error {
			_, err := e.cfn.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: no, LogicalResourceId: no})
			return err
		}, "ValidationError: Stack 'no' does not exist"},
		"GetTemplate": {func() error {
			_, err := e.cfn.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: no})
			return err
		}, "ValidationError: Stack with id no does not exist"},
		"DeleteStack": {func() error {
			_, err := e.cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: no})
			return err
		}, "no fault"},
	}
	for operation, c := range cases {
		if got := code(c.call()); got != c.want {
			t.Errorf("%s: got %s, want %s", operation, got, c.want)
		}
	}
}

// What is malformed is told with its line and its column.
func TestMalformedTemplates(t *testing.T) {
	e := start(t)
	const queue = `{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}`
	for text, want := range map[string]string{
		"{\n  \"Resources\": {},\n}":                                             "Template format error: JSON not well-formed. (line 3, column 1)",
		"Resources:\n  Q: [1, 2\n":                                               "Template format error: YAML not well-formed. (line 3, column 1)",
		"{\n \"Resources\": []}":                                                 "Template format error: [/Resources] must be an object (line 2, column 15)",
		"Resources:\n  Q:\n    Properties: {}":                                   "Template format error: [/Resources/Q] Every Resources object must contain a Type member. (line 2, column 3)",
		"Resources:\n  Q: {Type: T}\nOutput: {}":                                 "Invalid template property or properties [Output] (line 3, column 1)",
		"Resources:\n  Q:\n    Type: T\n    Propertys: {}":                       "Invalid template resource property 'Propertys' (line 4, column 5)",
		"Resources: {}":                                                          "Template format error: At least one Resources member must be defined. (line 1, column 1)",
		queue + `, "Outputs": {"O": {"Value": {"Fn::GetAtt": ["Q", "ARN"]}}}}`:   "Template error: resource Q does not support attribute type ARN in Fn::GetAtt",
		queue + `, "Outputs": {"O": {"Value": {"Fn::Sub": "${Q.QueueARN}"}}}}`:   "Template error: resource Q does not support attribute type QueueARN in Fn::GetAtt",
		queue + `, "Outputs": {"Ref": {"Value": {"Fn::GetAtt": ["Q", "Arn"]}}}}`: "no fault",
		`{"Resources": {"V": {"Type": "AWS::EC2::VPC"}, "Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": "V.Id"}}}}}`: "Template error: resource V does not support attribute type Id in Fn::GetAtt",
		`{"Resources": {"V": {"Type": "My::Own::Type"}, "Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::GetAtt": "V.Id"}}}}}`: "no fault",
	} {
		_, err := e.cfn.ValidateTemplate(t.Context(), &cloudformation.ValidateTemplateInput{TemplateBody: &text})
		if want != "no fault" {
			want = "ValidationError: " + want
		}
		if got := code(err); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestTemplates(t *testing.T) {
	e := start(t)
	_, err := e.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: new("templates")})
	e.must(err)
	_, err = e.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("templates"), Key: new("a/b.json"), Body: strings.NewReader(queues)})
	e.must(err)
	for _, url := range []string{
		"http://127.0.0.1:4566/templates/a/b.json",
		"https://templates.s3.us-east-1.amazonaws.com/a/b.json",
		"https://s3.us-east-1.amazonaws.com/templates/a/b.json",
	} {
		out, err := e.cfn.ValidateTemplate(t.Context(), &cloudformation.ValidateTemplateInput{TemplateURL: &url})
		if err != nil || len(out.Parameters) != 2 || *out.Parameters[1].NoEcho != true {
			t.Errorf("validating %s: got %+v and %v", url, out, err)
		}
	}
	_, err = e.cfn.ValidateTemplate(t.Context(), &cloudformation.ValidateTemplateInput{TemplateURL: new("http://127.0.0.1:4566/templates/none")})
	if got := code(err); !strings.HasPrefix(got, "ValidationError: S3 error: The specified key does not exist.") {
		t.Errorf("validating a template that is not there: got %s", got)
	}

	_, err = e.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("templates"), Key: new("long"), Body: strings.NewReader(queues + strings.Repeat(" ", 1_000_000))})
	e.must(err)
	_, err = e.cfn.ValidateTemplate(t.Context(), &cloudformation.ValidateTemplateInput{TemplateURL: new("https://templates.s3.amazonaws.com/long")})
	if got, want := code(err), "ValidationError: Template may not exceed 1000000 bytes in size."; got != want {
		t.Errorf("validating a template that is too long: got %s, want %s", got, want)
	}

	_, err = e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: new("s"), TemplateURL: new("http://127.0.0.1:4566/templates/a/b.json"),
	})
	e.must(err)
	e.settled("s")
	template, err := e.cfn.GetTemplate(t.Context(), &cloudformation.GetTemplateInput{StackName: new("s")})
	e.must(err)
	if *template.TemplateBody != queues {
		t.Errorf("got template %s", *template.TemplateBody)
	}
	summary, err := e.cfn.GetTemplateSummary(t.Context(), &cloudformation.GetTemplateSummaryInput{StackName: new("s")})
	e.must(err)
	if diff := cmp.Diff([]string{"AWS::SQS::Queue"}, summary.ResourceTypes); diff != "" {
		t.Errorf("resource types (-want +got):\n%s", diff)
	}
}

func TestConditionsAndNoValue(t *testing.T) {
	e := start(t)
	const template = `{
		"Parameters": {"Update": {"Type": "String", "Default": "false", "AllowedValues": ["true", "false"]}, "Names": {"Type": "CommaDelimitedList", "Default": "x,y"}},
		"Conditions": {"Updating": {"Fn::Equals": [{"Ref": "Update"}, "true"]}},
		"Resources": {
			"Always": {"Type": "AWS::SQS::Queue", "Properties": {
				"QueueName": {"Fn::Join": ["-", {"Ref": "Names"}]},
				"DelaySeconds": {"Fn::If": ["Updating", {"Ref": "AWS::NoValue"}, 7]}}},
			"Sometimes": {"Type": "AWS::SQS::Queue", "Condition": "Updating", "Properties": {"QueueName": "sometimes"}}
		},
		"Outputs": {"Sometimes": {"Condition": "Updating", "Value": {"Ref": "Sometimes"}}}
	}`
	s := e.create("s", template)
	if diff := cmp.Diff([]string{"x-y"}, e.queues()); diff != "" || len(s.Outputs) != 0 {
		t.Errorf("got outputs %v, queues (-want +got):\n%s", s.Outputs, diff)
	}
	_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), UsePreviousTemplate: new(true), Parameters: params([]string{"Update=perhaps"}),
	})
	if got, want := code(err), "ValidationError: Parameter 'Update' must be one of AllowedValues"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s = e.update("s", template, "Update=true")
	if diff := cmp.Diff([]string{"sometimes", "x-y"}, e.queues()); diff != "" || len(s.Outputs) != 1 {
		t.Errorf("got outputs %v, queues (-want +got):\n%s", s.Outputs, diff)
	}
	_, err = e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), UsePreviousTemplate: new(true),
		Parameters: []types.Parameter{{ParameterKey: new("Update"), UsePreviousValue: new(true)}},
	})
	if got, want := code(err), "ValidationError: No updates are to be performed."; got != want {
		t.Errorf("with the previous value: got %s, want %s", got, want)
	}
	e.update("s", template)
	if diff := cmp.Diff([]string{"x-y"}, e.queues()); diff != "" {
		t.Errorf("with the default again: queues (-want +got):\n%s", diff)
	}
}

func TestExports(t *testing.T) {
	e := start(t)
	e.create("maker", queues)
	user := `{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": ["${N}-2", {"N": {"Fn::ImportValue": "the-queue"}}]}}}}}`
	e.create("user", user)
	if want := name(e.physical("maker", "Queue")) + "-2"; name(e.physical("user", "Q")) != want {
		t.Errorf("got %s, want %s", e.physical("user", "Q"), want)
	}

	exports, err := e.cfn.ListExports(t.Context(), &cloudformation.ListExportsInput{})
	e.must(err)
	if len(exports.Exports) != 1 || *exports.Exports[0].Name != "the-queue" {
		t.Errorf("got exports %+v", exports.Exports)
	}
	imports, err := e.cfn.ListImports(t.Context(), &cloudformation.ListImportsInput{ExportName: new("the-queue")})
	e.must(err)
	if diff := cmp.Diff([]string{"user"}, imports.Imports); diff != "" {
		t.Errorf("imports (-want +got):\n%s", diff)
	}

	s := e.delete("maker")
	if s.StackStatus != types.StackStatusCreateComplete || *s.StackStatusReason != "Export the-queue cannot be deleted as it is in use by user" {
		t.Errorf("deleting an export in use: got %s, %s", s.StackStatus, *s.StackStatusReason)
	}
	s = e.update("maker", strings.Replace(queues, "the-queue", "other", 1))
	if s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("renaming an export in use: got %s", s.StackStatus)
	}
	s = e.create("second", queues)
	if got := strings.Join(e.events("second"), "\n"); !strings.Contains(got, "second ROLLBACK_IN_PROGRESS Export with name the-queue is already exported by stack maker. Rollback requested by user.") {
		t.Errorf("exporting a name again: got %s and events\n%s", s.StackStatus, got)
	}
	s = e.create("third", strings.Replace(user, "the-queue", "none", 1))
	if got := strings.Join(e.events("third"), "\n"); !strings.Contains(got, "Q CREATE_FAILED No export named none found.") {
		t.Errorf("importing what is not there: got %s and events\n%s", s.StackStatus, got)
	}
	e.delete("user")
	if s := e.delete("maker"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("deleting an export that is no longer in use: got %s", s.StackStatus)
	}
}

func TestClientRequestToken(t *testing.T) {
	e := start(t)
	in := &cloudformation.CreateStackInput{StackName: new("s"), TemplateBody: new(queues), ClientRequestToken: new("once")}
	first, err := e.cfn.CreateStack(t.Context(), in)
	e.must(err)
	second, err := e.cfn.CreateStack(t.Context(), in)
	e.must(err)
	if *first.StackId != *second.StackId {
		t.Errorf("got stacks %s and %s, want one", *first.StackId, *second.StackId)
	}
	e.settled("s")
	events, err := e.cfn.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: new("s")})
	e.must(err)
	for _, event := range events.StackEvents {
		if token := event.ClientRequestToken; token == nil || *token != "once" {
			t.Errorf("got an event of %s with the token %v", *event.LogicalResourceId, token)
		}
	}
}

func TestTerminationProtection(t *testing.T) {
	e := start(t)
	_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: new("s"), TemplateBody: new(queues), EnableTerminationProtection: new(true),
	})
	e.must(err)
	e.settled("s")
	_, err = e.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: new("s")})
	if got, want := code(err), "ValidationError: Stack [s] cannot be deleted while TerminationProtection is enabled"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err = e.cfn.UpdateTerminationProtection(t.Context(), &cloudformation.UpdateTerminationProtectionInput{
		StackName: new("s"), EnableTerminationProtection: new(false),
	})
	e.must(err)
	if s := e.delete("s"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("got %s", s.StackStatus)
	}
}

func TestEventsOfOperations(t *testing.T) {
	e := start(t)
	e.create("s", queues)
	updated, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), TemplateBody: new(strings.Replace(queues, `"Dead": {"Type": "AWS::SQS::Queue"}`, `"Dead": {"Type": "AWS::SQS::Queue", "Properties": {"Colour": "red"}}`, 1)),
	})
	e.must(err)
	e.settled("s")
	told := func(in *cloudformation.DescribeEventsInput) []string {
		out, err := e.cfn.DescribeEvents(t.Context(), in)
		e.must(err)
		var lines []string
		for _, o := range slices.Backward(out.OperationEvents) {
			lines = append(lines, strings.TrimSpace(*o.LogicalResourceId+" "+string(o.ResourceStatus)+" "+string(o.EventType)))
		}
		return lines
	}
	want := []string{
		"s UPDATE_IN_PROGRESS STACK_EVENT",
		"Dead UPDATE_IN_PROGRESS PROGRESS_EVENT",
		"Dead UPDATE_FAILED PROVISIONING_ERROR",
		"s UPDATE_ROLLBACK_IN_PROGRESS STACK_EVENT",
		"Dead UPDATE_IN_PROGRESS PROGRESS_EVENT",
		"Dead UPDATE_COMPLETE PROGRESS_EVENT",
		"s UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS STACK_EVENT",
		"s UPDATE_ROLLBACK_COMPLETE STACK_EVENT",
	}
	if diff := cmp.Diff(want, told(&cloudformation.DescribeEventsInput{OperationId: updated.OperationId})); diff != "" {
		t.Errorf("events of the update (-want +got):\n%s", diff)
	}
	failed := told(&cloudformation.DescribeEventsInput{StackName: new("s"), Filters: &types.EventFilter{FailedEvents: new(true)}})
	if diff := cmp.Diff([]string{"Dead UPDATE_FAILED PROVISIONING_ERROR"}, failed); diff != "" {
		t.Errorf("failed events (-want +got):\n%s", diff)
	}
	_, err = e.cfn.DescribeEvents(t.Context(), &cloudformation.DescribeEventsInput{})
	if got, want := code(err), "ValidationError: One of ChangeSetName, OperationId or StackName must be specified"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestListStacks(t *testing.T) {
	e := start(t)
	e.create("gone", queues)
	e.delete("gone")
	e.create("there", queues)
	list := func(filter ...types.StackStatus) []string {
		out, err := e.cfn.ListStacks(t.Context(), &cloudformation.ListStacksInput{StackStatusFilter: filter})
		e.must(err)
		var lines []string
		for _, s := range out.StackSummaries {
			lines = append(lines, *s.StackName+" "+string(s.StackStatus))
		}
		return lines
	}
	if diff := cmp.Diff([]string{"there CREATE_COMPLETE", "gone DELETE_COMPLETE"}, list()); diff != "" {
		t.Errorf("stacks, the newest first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"there CREATE_COMPLETE"}, list(types.StackStatusCreateComplete, types.StackStatusUpdateComplete)); diff != "" {
		t.Errorf("complete stacks (-want +got):\n%s", diff)
	}
	out, err := e.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
	e.must(err)
	if len(out.Stacks) != 1 || *out.Stacks[0].StackName != "there" {
		t.Errorf("got %d stacks described, want the one that is there", len(out.Stacks))
	}
}
