package cloudformation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// manyResources is a template of as many resources as a stack may have: a
// hundred times a queue, a log group, an alarm, a task definition and a role,
// which depend on each other.
func manyResources() string {
	var b strings.Builder
	b.WriteString(`{"Resources": {"Role0": {"Type": "AWS::IAM::Role"}`)
	for i := range 100 {
		if i > 0 {
			fmt.Fprintf(&b, `, "Role%d": {"Type": "AWS::IAM::Role"}`, i)
		}
		fmt.Fprintf(&b, `,
			"Queue%[1]d": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}},
			"Group%[1]d": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
			"Alarm%[1]d": {"Type": "AWS::CloudWatch::Alarm", "Properties": {
				"Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible", "Statistic": "Maximum",
				"Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
				"Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Queue%[1]d", "QueueName"]}}]}},
			"Task%[1]d": {"Type": "AWS::ECS::TaskDefinition", "Properties": {
				"Cpu": 256, "Memory": 512, "TaskRoleArn": {"Fn::GetAtt": ["Role%[1]d", "Arn"]},
				"ContainerDefinitions": [{"Name": "c", "Image": "/a", "LogConfiguration": {
					"LogDriver": "awslogs", "Options": {"awslogs-group": {"Ref": "Group%[1]d"}, "awslogs-region": {"Ref": "AWS::Region"}}}}]}}`, i)
	}
	b.WriteString("}}")
	return b.String()
}

// createFrom creates a stack from a template in a bucket and waits for it as
// SDKs do, only more impatiently.
func (e *engine) createFrom(name, url string) {
	e.t.Helper()
	_, err := e.cfn.CreateStack(e.t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateURL: &url, Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	})
	e.must(err)
	for {
		switch s := e.describe(name); s.StackStatus {
		case types.StackStatusCreateInProgress:
			<-time.After(time.Millisecond)
		case types.StackStatusCreateComplete:
			return
		default:
			e.t.Fatalf("got %s and events\n%s", s.StackStatus, strings.Join(e.events(name), "\n"))
		}
	}
}

// upload puts a template into a bucket and returns its URL.
func (e *engine) upload(template string) string {
	e.t.Helper()
	_, err := e.s3.CreateBucket(e.t.Context(), &s3.CreateBucketInput{Bucket: new("templates")})
	e.must(err)
	_, err = e.s3.PutObject(e.t.Context(), &s3.PutObjectInput{Bucket: new("templates"), Key: new("stack"), Body: strings.NewReader(template)})
	e.must(err)
	return "https://s3.us-east-1.amazonaws.com/templates/stack"
}

func TestFiveHundredResources(t *testing.T) {
	e := start(t)
	url := e.upload(manyResources())
	began := time.Now()
	e.createFrom("many", url)
	t.Logf("500 resources took %v", time.Since(began).Round(time.Millisecond))
	made := e.inventory("many")
	if got := len(e.queues()); len(made) != 500 || got != 100 {
		t.Errorf("got %d resources and %d queues, want 500 and 100", len(made), got)
	}
	for logical, physical := range made {
		if physical == "" {
			t.Errorf("%s has no physical id", logical)
		}
	}
	if s := e.delete("many"); s.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("deleting: got %s", s.StackStatus)
	}
	if left := e.left(); len(left) > 0 {
		t.Errorf("got %v left, want nothing", left)
	}
}

// BenchmarkStack500 measures from CreateStack of 500 resources until
// CREATE_COMPLETE is seen.
func BenchmarkStack500(b *testing.B) {
	e := start(b)
	url := e.upload(manyResources())
	for b.Loop() {
		e.createFrom("many", url)
		b.StopTimer()
		e.delete("many")
		b.StartTimer()
	}
}
