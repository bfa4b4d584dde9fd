package cloudformation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

// propose creates a change set and describes it.
func (e *engine) propose(in *cloudformation.CreateChangeSetInput) *cloudformation.DescribeChangeSetOutput {
	e.t.Helper()
	if in.ChangeSetName == nil {
		in.ChangeSetName = new("set")
	}
	in.Capabilities = []types.Capability{types.CapabilityCapabilityIam}
	made, err := e.cfn.CreateChangeSet(e.t.Context(), in)
	e.must(err)
	return e.changeSet(*made.Id)
}

func (e *engine) changeSet(id string) *cloudformation.DescribeChangeSetOutput {
	e.t.Helper()
	out, err := e.cfn.DescribeChangeSet(e.t.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: &id, IncludePropertyValues: new(true)})
	e.must(err)
	return out
}

func (e *engine) execute(id string) types.Stack {
	e.t.Helper()
	_, err := e.cfn.ExecuteChangeSet(e.t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: &id})
	e.must(err)
	return e.settled(*e.changeSet(id).StackId)
}

// listed are the names of a stack's change sets with their execution statuses.
func (e *engine) listed(stack string) []string {
	e.t.Helper()
	out, err := e.cfn.ListChangeSets(e.t.Context(), &cloudformation.ListChangeSetsInput{StackName: &stack})
	e.must(err)
	var all []string
	for _, s := range out.Summaries {
		all = append(all, *s.ChangeSetName+" "+string(s.ExecutionStatus))
	}
	slices.Sort(all)
	return all
}

// told writes changes and their details one a line.
func told(changes []types.Change) []string {
	var lines []string
	for _, c := range changes {
		r := c.ResourceChange
		line := fmt.Sprintf("%s %s %s", r.Action, *r.LogicalResourceId, *r.ResourceType)
		if r.Replacement != "" {
			line += " replacement " + string(r.Replacement)
		}
		if r.PolicyAction != "" {
			line += " " + string(r.PolicyAction)
		}
		lines = append(lines, line)
		for _, d := range r.Details {
			line := fmt.Sprintf("  %s %s %s", d.ChangeSource, d.Evaluation, aws.ToString(d.Target.Path))
			if d.CausingEntity != nil {
				line += " because of " + *d.CausingEntity
			}
			if d.Target.BeforeValue != nil || d.Target.AfterValue != nil {
				line += fmt.Sprintf(": %s -> %s", aws.ToString(d.Target.BeforeValue), aws.ToString(d.Target.AfterValue))
			}
			lines = append(lines, line)
		}
	}
	return lines
}

func TestAChangeSetCreatesAStack(t *testing.T) {
	e := start(t)
	set := e.propose(&cloudformation.CreateChangeSetInput{
		StackName: new("s"), TemplateBody: new(queues), ChangeSetType: types.ChangeSetTypeCreate, Description: new("first"),
		Parameters: params([]string{"Timeout=7", "Secret=hush"}), Tags: []types.Tag{{Key: new("a"), Value: new("b")}},
	})
	if s := e.describe("s"); s.StackStatus != types.StackStatusReviewInProgress || *s.StackId != *set.StackId {
		t.Errorf("got stack %s %s", *s.StackId, s.StackStatus)
	}
	if diff := cmp.Diff([]string{"Add Dead AWS::SQS::Queue", "Add Queue AWS::SQS::Queue"}, told(set.Changes)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	wantContext := `{"Properties":{"RedrivePolicy":{"deadLetterTargetArn":"{{changeSet:KNOWN_AFTER_APPLY}}","maxReceiveCount":5},"VisibilityTimeout":"7"}}`
	if got := aws.ToString(set.Changes[1].ResourceChange.AfterContext); got != wantContext {
		t.Errorf("got context %s, want %s", got, wantContext)
	}
	if set.Status != types.ChangeSetStatusCreateComplete || set.ExecutionStatus != types.ExecutionStatusAvailable ||
		*set.Description != "first" || *set.Parameters[1].ParameterValue != "****" || *set.Tags[0].Key != "a" {
		t.Errorf("got change set %+v", set)
	}
	if left := e.queues(); len(left) > 0 {
		t.Errorf("before the execution: got queues %v", left)
	}

	s := e.execute(*set.ChangeSetId)
	if s.StackStatus != types.StackStatusCreateComplete || *s.ChangeSetId != *set.ChangeSetId || *s.Parameters[0].ParameterValue != "7" {
		t.Errorf("got stack %+v", s)
	}
	if got := e.events("s")[:2]; !slices.Equal(got, []string{"s REVIEW_IN_PROGRESS User Initiated", "s CREATE_IN_PROGRESS User Initiated"}) {
		t.Errorf("got events %q", got)
	}
	if got := e.changeSet(*set.ChangeSetId).ExecutionStatus; got != types.ExecutionStatusExecuteComplete {
		t.Errorf("got execution status %s", got)
	}
	if got := e.listed("s"); got != nil {
		t.Errorf("after the execution: got change sets %v, want none", got)
	}
}

func TestAChangeSetWithoutChanges(t *testing.T) {
	e := start(t)
	e.create("s", queues)
	in := &cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("same"), TemplateBody: new(queues)}
	made, err := e.cfn.CreateChangeSet(t.Context(), in)
	e.must(err)
	waiter := cloudformation.NewChangeSetCreateCompleteWaiter(e.cfn)
	if err := waiter.Wait(t.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: made.Id}, time.Minute); err == nil {
		t.Error("the waiter took a change set without changes for a complete one")
	}
	set := e.changeSet(*made.Id)
	want := "The submitted information didn't contain changes. Submit different information to create a change set."
	if set.Status != types.ChangeSetStatusFailed || set.ExecutionStatus != types.ExecutionStatusUnavailable || *set.StatusReason != want {
		t.Errorf("got %s, %s, %s", set.Status, set.ExecutionStatus, aws.ToString(set.StatusReason))
	}
	_, err = e.cfn.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{StackName: new("s"), ChangeSetName: new("same")})
	if got, want := code(err), "InvalidChangeSetStatus: ChangeSet ["+*made.Id+"] cannot be executed in its current status of [FAILED]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for range 2 { // the second time there is none
		_, err = e.cfn.DeleteChangeSet(t.Context(), &cloudformation.DeleteChangeSetInput{StackName: new("s"), ChangeSetName: new("same")})
		e.must(err)
	}
	if got := e.listed("s"); got != nil {
		t.Errorf("got change sets %v, want none", got)
	}
	set = e.propose(&cloudformation.CreateChangeSetInput{StackName: new("s"), TemplateBody: new(strings.Replace(queues, "the-queue", "other", 1))})
	if set.Status != types.ChangeSetStatusCreateComplete || len(set.Changes) != 0 {
		t.Errorf("with another output alone: got %s and changes %v", set.Status, told(set.Changes))
	}
}

func TestChangesTold(t *testing.T) {
	const before = `{
		"Parameters": {"Delay": {"Type": "Number", "Default": 1}, "Secret": {"Type": "String", "NoEcho": true, "Default": "one"}},
		"Resources": {
			"Named": {"Type": "AWS::SQS::Queue", "UpdateReplacePolicy": "Retain", "Properties": {"QueueName": "old"}},
			"User": {"Type": "AWS::IAM::Role", "Properties": {"Description": {"Fn::GetAtt": ["Named", "Arn"]}, "Path": "/"}},
			"Timed": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": {"Ref": "Delay"}}},
			"Watcher": {"Type": "AWS::CloudWatch::Alarm", "Properties": {
				"AlarmName": {"Fn::Sub": "on ${Timed.QueueName}"}, "MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Period": 60,
				"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}},
			"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Secret"}}},
			"Gone": {"Type": "AWS::SQS::Queue"},
			"Left": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"},
			"Noted": {"Type": "AWS::SQS::Queue", "Metadata": {"a": 1}},
			"Tagged": {"Type": "AWS::SQS::Queue", "Properties": {"Tags": [{"Key": "k", "Value": "1"}]}},
			"Same": {"Type": "AWS::SQS::Queue"}
		}}`
	after := strings.NewReplacer(
		`"QueueName": "old"`, `"QueueName": "new", "VisibilityTimeout": 5`,
		`"Gone": {"Type": "AWS::SQS::Queue"},`, `"Fresh": {"Type": "AWS::SQS::Queue"},`,
		`"Left": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"},`, ``,
		`"a": 1`, `"a": 2`, `"Value": "1"`, `"Value": "2"`,
	).Replace(before)
	e := start(t)
	e.create("s", before)
	set := e.propose(&cloudformation.CreateChangeSetInput{
		StackName: new("s"), TemplateBody: &after, Parameters: params([]string{"Delay=2", "Secret=two"}),
	})
	want := []string{
		"Add Fresh AWS::SQS::Queue",
		"Remove Gone AWS::SQS::Queue Delete",
		"Remove Left AWS::SQS::Queue Retain",
		"Modify Named AWS::SQS::Queue replacement True ReplaceAndRetain",
		"  DirectModification Static /Properties/QueueName: old -> new",
		"  DirectModification Static /Properties/VisibilityTimeout:  -> 5",
		"Modify Noted AWS::SQS::Queue replacement False",
		"  DirectModification Static /Metadata",
		"Modify Tagged AWS::SQS::Queue replacement False",
		`  DirectModification Static /Properties/Tags: [{"Key":"k","Value":"1"}] -> [{"Key":"k","Value":"2"}]`,
		"Modify Timed AWS::SQS::Queue replacement False",
		"  ParameterReference Static /Properties/DelaySeconds because of Delay: 1 -> 2",
		"Modify Topic AWS::SNS::Topic replacement False",
		"  ParameterReference Static /Properties/DisplayName because of Secret: **** -> ****",
		"Modify User AWS::IAM::Role replacement False",
		"  ResourceAttribute Static /Properties/Description because of Named.Arn: arn:aws:sqs:us-east-1:000000000000:old -> {{changeSet:KNOWN_AFTER_APPLY}}",
		"Modify Watcher AWS::CloudWatch::Alarm replacement Conditional",
		"  ResourceAttribute Dynamic /Properties/AlarmName because of Timed.QueueName: on " + name(e.physical("s", "Timed")) + " -> on " + name(e.physical("s", "Timed")),
	}
	if diff := cmp.Diff(want, told(set.Changes)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if text := fmt.Sprint(*set.Changes[7].ResourceChange.AfterContext); text != `{"Properties":{"DisplayName":"****"}}` {
		t.Errorf("got context %s", text)
	}
	plain, err := e.cfn.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{StackName: new("s"), ChangeSetName: new("set")})
	e.must(err)
	got := plain.Changes[3].ResourceChange
	if d := got.Details[0]; got.AfterContext != nil || d.Target.AfterValue != nil || *d.Target.Name != "QueueName" ||
		d.Target.RequiresRecreation != types.RequiresRecreationAlways || !slices.Equal(got.Scope, []types.ResourceAttribute{"Properties"}) {
		t.Errorf("without values: got %+v", got)
	}
	if s := e.execute(*set.ChangeSetId); s.StackStatus != types.StackStatusUpdateComplete {
		t.Errorf("got %s and events\n%s", s.StackStatus, strings.Join(e.events("s"), "\n"))
	}
	if got := e.queues(); !slices.Contains(got, "new") || !slices.Contains(got, "old") {
		t.Errorf("got queues %v, want the new one and the retained old one", got)
	}
}

func TestChangeSetRefuses(t *testing.T) {
	e := start(t)
	s := e.create("s", queues)
	failed := e.create("failed", `{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": -1}}}}`)
	e.propose(&cloudformation.CreateChangeSetInput{StackName: new("s"), TemplateBody: new(service("/a", "0"))})
	const other = `{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}`
	cases := []struct {
		why  string
		in   cloudformation.CreateChangeSetInput
		want string
	}{
		{"no stack", cloudformation.CreateChangeSetInput{StackName: new("none")}, "ValidationError: Stack [none] does not exist"},
		{"stack is there", cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetType: types.ChangeSetTypeCreate},
			"ValidationError: Stack [s] already exists and cannot be created again with the changeSet [c]."},
		{"failed stack", cloudformation.CreateChangeSetInput{StackName: new("failed")},
			"ValidationError: Stack:" + *failed.StackId + " is in ROLLBACK_COMPLETE state and can not be updated."},
		{"import", cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetType: types.ChangeSetTypeImport},
			"ValidationError: Importing resources is not supported by the embedded engine"},
		{"name", cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("1")},
			"ValidationError: 1 validation error detected: Value '1' at 'changeSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"},
		{"name taken", cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("set")},
			"AlreadyExistsException: ChangeSet set cannot be created due to a mismatch with existing attribute Template"},
		{"other type", cloudformation.CreateChangeSetInput{StackName: new("s"), TemplateBody: new(`{"Resources": {"Queue": {"Type": "AWS::SNS::Topic"}}}`)},
			"ValidationError: Update of resource type is not permitted. The new template modifies resource type of the following resources: [Queue]"},
		{"deletion of an update", cloudformation.CreateChangeSetInput{StackName: new("s"), OnStackFailure: types.OnStackFailureDelete},
			"ValidationError: OnStackFailure DELETE is only valid when ChangeSetType is CREATE"},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			if c.in.ChangeSetName == nil {
				c.in.ChangeSetName = new("c")
			}
			if c.in.TemplateBody == nil {
				c.in.TemplateBody = new(other)
			}
			_, err := e.cfn.CreateChangeSet(t.Context(), &c.in)
			if got := code(err); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	describe := func(in cloudformation.DescribeChangeSetInput) string {
		_, err := e.cfn.DescribeChangeSet(t.Context(), &in)
		return code(err)
	}
	for want, in := range map[string]cloudformation.DescribeChangeSetInput{
		"ChangeSetNotFound: ChangeSet [none] does not exist":                                        {ChangeSetName: new("none"), StackName: s.StackId},
		"ChangeSetNotFound: ChangeSet [arn:none] does not exist":                                    {ChangeSetName: new("arn:none")},
		"ValidationError: Stack [none] does not exist":                                              {ChangeSetName: new("set"), StackName: new("none")},
		"ValidationError: StackName must be specified if ChangeSetName is not specified as an ARN.": {ChangeSetName: new("set")},
	} {
		if got := describe(in); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestOneChangeSetIsExecuted(t *testing.T) {
	e := start(t)
	more := func(n string) *string {
		return new(`{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}, "` + n + `": {"Type": "AWS::SQS::Queue"}}}`)
	}
	first := e.propose(&cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("a"), TemplateBody: more("A"), ChangeSetType: types.ChangeSetTypeCreate})
	again := e.propose(&cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("a"), TemplateBody: more("A"), ChangeSetType: types.ChangeSetTypeCreate})
	if *again.ChangeSetId != *first.ChangeSetId {
		t.Errorf("the same again: got %s, want %s", *again.ChangeSetId, *first.ChangeSetId)
	}
	e.propose(&cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("b"), TemplateBody: more("B"), ChangeSetType: types.ChangeSetTypeCreate})
	if diff := cmp.Diff([]string{"a AVAILABLE", "b AVAILABLE"}, e.listed("s")); diff != "" {
		t.Errorf("change sets (-want +got):\n%s", diff)
	}
	in := &cloudformation.ExecuteChangeSetInput{ChangeSetName: first.ChangeSetId, ClientRequestToken: new("once")}
	for range 2 {
		_, err := e.cfn.ExecuteChangeSet(t.Context(), in)
		e.must(err)
	}
	e.settled("s")
	in.ClientRequestToken = new("twice")
	_, err := e.cfn.ExecuteChangeSet(t.Context(), in)
	if got, want := code(err), "InvalidChangeSetStatus: ChangeSet ["+*first.ChangeSetId+"] cannot be executed in its current execution status of [EXECUTE_COMPLETE]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := e.listed("s"); got != nil {
		t.Errorf("after an execution: got change sets %v, want none", got)
	}

	set := e.propose(&cloudformation.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("a"), TemplateBody: more("C")})
	e.update("s", *more("D"))
	if diff := cmp.Diff([]string{"a OBSOLETE"}, e.listed("s")); diff != "" {
		t.Errorf("after an update: change sets (-want +got):\n%s", diff)
	}
	_, err = e.cfn.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	if got, want := code(err), "InvalidChangeSetStatus: ChangeSet ["+*set.ChangeSetId+"] cannot be executed in its current execution status of [OBSOLETE]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCreatingAStackInReview(t *testing.T) {
	e := start(t)
	set := e.propose(&cloudformation.CreateChangeSetInput{StackName: new("s"), TemplateBody: new(queues), ChangeSetType: types.ChangeSetTypeCreate})
	_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(queues)})
	if got, want := code(err), "ValidationError: Stack:"+*set.StackId+" is in REVIEW_IN_PROGRESS state and can not be updated."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if s := e.create("s", queues); s.StackStatus != types.StackStatusCreateComplete || *s.StackId != *set.StackId {
		t.Errorf("got %s %s, want the stack that was in review", *s.StackId, s.StackStatus)
	}
	if got := e.changeSet(*set.ChangeSetId).ExecutionStatus; got != types.ExecutionStatusObsolete {
		t.Errorf("got execution status %s", got)
	}

	e.propose(&cloudformation.CreateChangeSetInput{StackName: new("other"), TemplateBody: new(queues), ChangeSetType: types.ChangeSetTypeCreate})
	if s := e.delete("other"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("deleting a stack in review: got %s", s.StackStatus)
	}
}

func TestChangeSetsOnFailure(t *testing.T) {
	cases := []struct {
		in      cloudformation.CreateChangeSetInput
		execute cloudformation.ExecuteChangeSetInput
		want    types.StackStatus
		queues  []string
	}{
		{cloudformation.CreateChangeSetInput{}, cloudformation.ExecuteChangeSetInput{}, types.StackStatusRollbackComplete, []string{"kept"}},
		{cloudformation.CreateChangeSetInput{}, cloudformation.ExecuteChangeSetInput{RetainExceptOnCreate: new(true)}, types.StackStatusRollbackComplete, nil},
		{cloudformation.CreateChangeSetInput{}, cloudformation.ExecuteChangeSetInput{DisableRollback: new(true)}, types.StackStatusCreateFailed, []string{"gone", "good", "kept"}},
		{cloudformation.CreateChangeSetInput{OnStackFailure: types.OnStackFailureDoNothing}, cloudformation.ExecuteChangeSetInput{}, types.StackStatusCreateFailed, []string{"gone", "good", "kept"}},
		{cloudformation.CreateChangeSetInput{OnStackFailure: types.OnStackFailureDelete}, cloudformation.ExecuteChangeSetInput{}, types.StackStatusDeleteComplete, []string{"kept"}},
	}
	for _, c := range cases {
		e := start(t)
		c.in.StackName, c.in.TemplateBody, c.in.ChangeSetType = new("s"), new(failing), types.ChangeSetTypeCreate
		set := e.propose(&c.in)
		c.execute.ChangeSetName = set.ChangeSetId
		_, err := e.cfn.ExecuteChangeSet(t.Context(), &c.execute)
		e.must(err)
		if s := e.settled(*set.StackId); s.StackStatus != c.want {
			t.Errorf("%q, %v: got %s, want %s", c.in.OnStackFailure, c.execute.DisableRollback, s.StackStatus, c.want)
		}
		if diff := cmp.Diff(c.queues, e.queues()); diff != "" {
			t.Errorf("%q, %v: queues (-want +got):\n%s", c.in.OnStackFailure, c.execute.DisableRollback, diff)
		}
		if got := e.changeSet(*set.ChangeSetId).ExecutionStatus; got != types.ExecutionStatusExecuteFailed {
			t.Errorf("got execution status %s", got)
		}
	}
	e := start(t)
	set := e.propose(&cloudformation.CreateChangeSetInput{
		StackName: new("s"), TemplateBody: new(failing), ChangeSetType: types.ChangeSetTypeCreate, OnStackFailure: types.OnStackFailureRollback,
	})
	_, err := e.cfn.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId, DisableRollback: new(false)})
	want := "ValidationError: Either DisableRollback or OnStackFailure can be specified, but not both. Validation error as OnStackFailure parameter was specified during CreateChangeSet."
	if got := code(err); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestChangeSetsOutliveTheEngine(t *testing.T) {
	e := start(t)
	set := e.propose(&cloudformation.CreateChangeSetInput{StackName: new("s"), TemplateBody: new(queues), ChangeSetType: types.ChangeSetTypeCreate})
	e.restart()
	if diff := cmp.Diff(told(set.Changes), told(e.changeSet(*set.ChangeSetId).Changes)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if s := e.execute(*set.ChangeSetId); s.StackStatus != types.StackStatusCreateComplete {
		t.Errorf("got %s", s.StackStatus)
	}
	got, err := e.cfn.GetTemplate(t.Context(), &cloudformation.GetTemplateInput{ChangeSetName: set.ChangeSetId})
	e.must(err)
	if *got.TemplateBody != queues {
		t.Errorf("got template %s", *got.TemplateBody)
	}

	next := e.propose(&cloudformation.CreateChangeSetInput{StackName: new("s"), TemplateBody: new(`{"Resources": {"Slow": {"Type": "AWS::SQS::Queue"}}}`)})
	arrived := e.hold("CreateQueue", "s-Slow-")
	_, err = e.cfn.ExecuteChangeSet(t.Context(), &cloudformation.ExecuteChangeSetInput{ChangeSetName: next.ChangeSetId})
	e.must(err)
	<-arrived
	if got := e.changeSet(*next.ChangeSetId).ExecutionStatus; got != types.ExecutionStatusExecuteInProgress {
		t.Errorf("while it is executed: got %s", got)
	}
	e.restart()
	if s := e.settled("s"); s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Errorf("got %s", s.StackStatus)
	}
	if got := e.changeSet(*next.ChangeSetId).ExecutionStatus; got != types.ExecutionStatusExecuteFailed {
		t.Errorf("after it was cut: got %s", got)
	}
}

func TestLongChangeSetsComeInPages(t *testing.T) {
	e := start(t)
	set := e.propose(&cloudformation.CreateChangeSetInput{
		StackName: new("s"), ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: new(`{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}` + manyTopics(149) + `}}`),
	})
	if len(set.Changes) != 100 || set.NextToken == nil {
		t.Errorf("got %d changes on the first page, and the token %v", len(set.Changes), set.NextToken)
	}
	total := 0
	pages := cloudformation.NewDescribeChangeSetPaginator(e.cfn, &cloudformation.DescribeChangeSetInput{ChangeSetName: set.ChangeSetId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		e.must(err)
		total += len(page.Changes)
	}
	if total != 150 {
		t.Errorf("got %d changes on all pages, want 150", total)
	}
}

func TestWaiters(t *testing.T) {
	e := start(t)
	ctx, stack := t.Context(), &cloudformation.DescribeStacksInput{StackName: new("s")}
	_, err := e.cfn.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: new("s"), ChangeSetName: new("c"), TemplateBody: new(queues), ChangeSetType: types.ChangeSetTypeCreate,
	})
	e.must(err)
	e.must(cloudformation.NewChangeSetCreateCompleteWaiter(e.cfn).Wait(ctx, &cloudformation.DescribeChangeSetInput{StackName: new("s"), ChangeSetName: new("c")}, time.Minute))
	e.must(cloudformation.NewStackExistsWaiter(e.cfn).Wait(ctx, stack, time.Minute))
	_, err = e.cfn.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{StackName: new("s"), ChangeSetName: new("c")})
	e.must(err)
	e.must(cloudformation.NewStackCreateCompleteWaiter(e.cfn).Wait(ctx, stack, time.Minute))
	update := func(template string) {
		_, err := e.cfn.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: &template})
		e.must(err)
	}
	update(strings.Replace(queues, "60", "61", 1))
	e.must(cloudformation.NewStackUpdateCompleteWaiter(e.cfn).Wait(ctx, stack, time.Minute))
	update(strings.Replace(queues, `"60"`, `"-1"`, 1))
	e.must(cloudformation.NewStackRollbackCompleteWaiter(e.cfn).Wait(ctx, stack, time.Minute))
	_, err = e.cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: new("s")})
	e.must(err)
	e.must(cloudformation.NewStackDeleteCompleteWaiter(e.cfn).Wait(ctx, stack, time.Minute))
}
