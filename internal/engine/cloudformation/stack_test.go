package cloudformation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

const queues = `{
	"Description": "Two queues",
	"Parameters": {"Timeout": {"Type": "Number", "Default": "60"}, "Secret": {"Type": "String", "Default": "s", "NoEcho": true}},
	"Resources": {
		"Queue": {"Type": "AWS::SQS::Queue", "Properties": {
			"VisibilityTimeout": {"Ref": "Timeout"},
			"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 5}}},
		"Dead": {"Type": "AWS::SQS::Queue"}
	},
	"Outputs": {"Url": {"Value": {"Ref": "Queue"}}, "Name": {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}, "Export": {"Name": "the-queue"}}}
}`

func TestCreateAndDelete(t *testing.T) {
	e := start(t)
	_, err := e.cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: new("jobs"), TemplateBody: new(queues),
		Parameters: params([]string{"Timeout=45"}), Tags: []types.Tag{{Key: new("team"), Value: new("a")}},
	})
	e.must(err)
	waiter := cloudformation.NewStackCreateCompleteWaiter(e.cfn, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, time.Second
	})
	e.must(waiter.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: new("jobs")}, time.Minute))

	s := e.describe("jobs")
	if !strings.HasPrefix(*s.StackId, "arn:aws:cloudformation:us-east-1:000000000000:stack/jobs/") {
		t.Errorf("got stack id %s", *s.StackId)
	}
	got := map[string]any{
		"description": aws.ToString(s.Description), "status": s.StackStatus, "tag": *s.Tags[0].Value,
		"timeout": *s.Parameters[0].ParameterValue, "secret": *s.Parameters[1].ParameterValue, "export": aws.ToString(s.Outputs[1].ExportName),
	}
	want := map[string]any{
		"description": "Two queues", "status": types.StackStatusCreateComplete, "tag": "a",
		"timeout": "45", "secret": "****", "export": "the-queue",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stack (-want +got):\n%s", diff)
	}
	attributes, err := e.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: new(outputs(s)["Url"]), AttributeNames: []sqstypes.QueueAttributeName{"VisibilityTimeout", "RedrivePolicy"},
	})
	e.must(err)
	deadArn := account.ARN("sqs", name(e.physical("jobs", "Dead")))
	wantAttributes := map[string]string{
		"VisibilityTimeout": "45",
		"RedrivePolicy":     `{"deadLetterTargetArn":"` + deadArn + `","maxReceiveCount":5}`,
	}
	if diff := cmp.Diff(wantAttributes, attributes.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}

	s = e.delete("jobs")
	if s.StackStatus != types.StackStatusDeleteComplete || s.DeletionTime == nil {
		t.Errorf("after deletion: got %s at %v", s.StackStatus, s.DeletionTime)
	}
	if left := e.queues(); len(left) > 0 {
		t.Errorf("after deletion: got queues %v, want none", left)
	}
	wantEvents := []string{
		"jobs CREATE_IN_PROGRESS User Initiated",
		"Dead CREATE_IN_PROGRESS",
		"Dead CREATE_IN_PROGRESS Resource creation Initiated",
		"Dead CREATE_COMPLETE",
		"Queue CREATE_IN_PROGRESS",
		"Queue CREATE_IN_PROGRESS Resource creation Initiated",
		"Queue CREATE_COMPLETE",
		"jobs CREATE_COMPLETE",
		"jobs DELETE_IN_PROGRESS User Initiated",
		"Queue DELETE_IN_PROGRESS",
		"Queue DELETE_COMPLETE",
		"Dead DELETE_IN_PROGRESS",
		"Dead DELETE_COMPLETE",
		"jobs DELETE_COMPLETE",
	}
	if diff := cmp.Diff(wantEvents, e.events(*s.StackId)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	_, err = e.cfn.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: new("jobs")})
	if got, want := code(err), "ValidationError: Stack with id jobs does not exist"; got != want {
		t.Errorf("describing a deleted stack by name: got %s, want %s", got, want)
	}
}

// name is a queue's name in its URL.
func name(url string) string { return url[strings.LastIndexByte(url, '/')+1:] }

func TestUpdate(t *testing.T) {
	e := start(t)
	template := func(queue, other string) string {
		return `{"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": ` + queue + `}` + other + `},
			"Outputs": {"Url": {"Value": {"Ref": "Queue"}}}}`
	}
	e.create("s", template(`{"DelaySeconds": 5, "VisibilityTimeout": 60}`, `, "Old": {"Type": "AWS::SQS::Queue"}`))
	first := e.physical("s", "Queue")
	before := len(e.events("s"))

	_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: new("s"), TemplateBody: new(template(`{"VisibilityTimeout": "60", "DelaySeconds": "5"}`, `, "Old": {"Type": "AWS::SQS::Queue"}`)),
	})
	if got, want := code(err), "ValidationError: No updates are to be performed."; got != want {
		t.Errorf("updating to the same: got %s, want %s", got, want)
	}

	s := e.update("s", template(`{"VisibilityTimeout": 90}`, `, "New": {"Type": "AWS::SQS::Queue", "DependsOn": "Queue"}`))
	if s.StackStatus != types.StackStatusUpdateComplete || s.LastUpdatedTime == nil {
		t.Fatalf("got %s", s.StackStatus)
	}
	if got := e.physical("s", "Queue"); got != first {
		t.Errorf("after an update in place: got queue %s, want %s", got, first)
	}
	attributes, err := e.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &first, AttributeNames: []sqstypes.QueueAttributeName{"VisibilityTimeout", "DelaySeconds"},
	})
	e.must(err)
	if diff := cmp.Diff(map[string]string{"VisibilityTimeout": "90", "DelaySeconds": "0"}, attributes.Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}

	s = e.update("s", template(`{"VisibilityTimeout": 90, "QueueName": "named"}`, ""))
	if got, want := outputs(s)["Url"], "http://engine.local/000000000000/named"; got != want {
		t.Errorf("after a replacement: got output %s, want %s", got, want)
	}
	if diff := cmp.Diff([]string{"named"}, e.queues()); diff != "" {
		t.Errorf("queues after a replacement (-want +got):\n%s", diff)
	}
	want := []string{
		"s UPDATE_IN_PROGRESS User Initiated",
		"Queue UPDATE_IN_PROGRESS",
		"Queue UPDATE_COMPLETE",
		"New CREATE_IN_PROGRESS",
		"New CREATE_IN_PROGRESS Resource creation Initiated",
		"New CREATE_COMPLETE",
		"s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
		"Old DELETE_IN_PROGRESS",
		"Old DELETE_COMPLETE",
		"s UPDATE_COMPLETE",
		"s UPDATE_IN_PROGRESS User Initiated",
		"Queue UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence creating one.",
		"Queue UPDATE_IN_PROGRESS Resource creation Initiated",
		"Queue UPDATE_COMPLETE",
		"s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
		"New DELETE_IN_PROGRESS",
		"New DELETE_COMPLETE",
		"Queue DELETE_IN_PROGRESS",
		"Queue DELETE_COMPLETE",
		"s UPDATE_COMPLETE",
	}
	if diff := cmp.Diff(want, e.events("s")[before:]); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	resources, err := e.cfn.DescribeStackResources(t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: new("s")})
	e.must(err)
	if len(resources.StackResources) != 1 || resources.StackResources[0].ResourceStatus != types.ResourceStatusUpdateComplete {
		t.Errorf("got resources %+v, want the queue alone", resources.StackResources)
	}
}

func TestCreationRollsBack(t *testing.T) {
	e := start(t)
	s := e.create("s", `{"Resources": {
		"Good": {"Type": "AWS::SQS::Queue"},
		"Bad": {"Type": "AWS::Glue::Job", "DependsOn": "Good"}}}`)
	if s.StackStatus != types.StackStatusRollbackComplete {
		t.Fatalf("got %s", s.StackStatus)
	}
	if left := e.queues(); len(left) > 0 {
		t.Errorf("after a rollback: got queues %v, want none", left)
	}
	want := []string{
		"s CREATE_IN_PROGRESS User Initiated",
		"Good CREATE_IN_PROGRESS",
		"Good CREATE_IN_PROGRESS Resource creation Initiated",
		"Good CREATE_COMPLETE",
		"Bad CREATE_FAILED Resource Bad has the type AWS::Glue::Job, which the embedded engine does not support",
		"s ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad]. Rollback requested by user.",
		"Bad DELETE_COMPLETE",
		"Good DELETE_IN_PROGRESS",
		"Good DELETE_COMPLETE",
		"s ROLLBACK_COMPLETE",
	}
	if diff := cmp.Diff(want, e.events("s")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	_, err := e.cfn.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: new(queues)})
	if got, want := code(err), "ValidationError: Stack:"+*s.StackId+" is in ROLLBACK_COMPLETE state and can not be updated."; got != want {
		t.Errorf("updating: got %s, want %s", got, want)
	}
}

func TestUpdateRollsBack(t *testing.T) {
	e := start(t)
	e.create("s", `{"Resources": {
		"Changed": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 1}},
		"Replaced": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "one"}},
		"Dropped": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dropped"}}}}`)
	changed := e.physical("s", "Changed")
	before := len(e.events("s"))
	s := e.update("s", `{"Resources": {
		"Changed": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 2}},
		"Replaced": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "two"}, "DependsOn": "Changed"},
		"New": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "new"}, "DependsOn": "Replaced"},
		"Bad": {"Type": "AWS::SQS::Queue", "Properties": {"Colour": "red"}, "DependsOn": "New"}}}`)
	if s.StackStatus != types.StackStatusUpdateRollbackComplete {
		t.Fatalf("got %s", s.StackStatus)
	}
	want := []string{
		"s UPDATE_IN_PROGRESS User Initiated",
		"Changed UPDATE_IN_PROGRESS",
		"Changed UPDATE_COMPLETE",
		"Replaced UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence creating one.",
		"Replaced UPDATE_IN_PROGRESS Resource creation Initiated",
		"Replaced UPDATE_COMPLETE",
		"New CREATE_IN_PROGRESS",
		"New CREATE_IN_PROGRESS Resource creation Initiated",
		"New CREATE_COMPLETE",
		"Bad CREATE_IN_PROGRESS",
		"Bad CREATE_FAILED Encountered unsupported property Colour",
		"s UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad].",
		"Changed UPDATE_IN_PROGRESS",
		"Replaced UPDATE_COMPLETE",
		"Changed UPDATE_COMPLETE",
		"s UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
		"Bad DELETE_COMPLETE",
		"New DELETE_IN_PROGRESS",
		"New DELETE_COMPLETE",
		"Replaced DELETE_IN_PROGRESS",
		"Replaced DELETE_COMPLETE",
		"s UPDATE_ROLLBACK_COMPLETE",
	}
	if diff := cmp.Diff(want, e.events("s")[before:]); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	attributes, err := e.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &changed, AttributeNames: []sqstypes.QueueAttributeName{"DelaySeconds"},
	})
	e.must(err)
	if got := attributes.Attributes["DelaySeconds"]; got != "1" {
		t.Errorf("DelaySeconds after a rollback: got %s, want 1", got)
	}
	if got, want := e.physical("s", "Replaced"), "http://engine.local/000000000000/one"; got != want {
		t.Errorf("after a rollback: got queue %s, want %s", got, want)
	}
	if diff := cmp.Diff([]string{"dropped", "one", name(changed)}, e.queues()); diff != "" {
		t.Errorf("queues after a rollback (-want +got):\n%s", diff)
	}
}

func TestDeletionOfAFullBucketFails(t *testing.T) {
	e := start(t)
	e.create("s", `{"Resources": {
		"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"LifecycleConfiguration": {"Rules": []}}},
		"Queue": {"Type": "AWS::SQS::Queue"},
		"Kept": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"}}}`)
	bucket := e.physical("s", "Bucket")
	_, err := e.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: new("k"), Body: strings.NewReader("x")})
	e.must(err)
	s := e.delete("s")
	if s.StackStatus != types.StackStatusDeleteFailed {
		t.Fatalf("got %s", s.StackStatus)
	}
	if got, want := *s.StackStatusReason, "The following resource(s) failed to delete: [Bucket]. "; got != want {
		t.Errorf("got reason %q, want %q", got, want)
	}
	failed, err := e.cfn.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: new("s"), LogicalResourceId: new("Bucket")})
	e.must(err)
	if got := aws.ToString(failed.StackResourceDetail.ResourceStatusReason); !strings.HasPrefix(got, `Resource handler returned message: "The bucket you tried to delete is not empty (Service: S3, Status Code: 409, Request ID: `) {
		t.Errorf("got reason %s", got)
	}
	if got := e.queues(); len(got) != 1 || !strings.HasPrefix(got[0], "s-Kept-") {
		t.Errorf("got queues %v, want the retained one", got)
	}

	_, err = e.cfn.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: new("s"), RetainResources: []string{"Bucket"}})
	e.must(err)
	if s := e.settled(*s.StackId); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("deleting without the bucket: got %s", s.StackStatus)
	}
	_, err = e.s3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &bucket})
	e.must(err)
}
