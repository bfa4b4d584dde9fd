package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cloudformationtypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/wire"
)

var (
	keys    = &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	account = wire.Account{ID: "000000000000", Region: "us-east-1"}
	moment  = time.UnixMilli(1_700_000_000_123).UTC()
)

// sampleServices answer what tests ask for.
func sampleServices() []*wire.Service {
	queues := &wire.Service{
		Name: "sqs", Target: "AmazonSQS", JSONVersion: "1.0",
		QueryVersion: "2012-11-05", Namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
	}
	wire.Handle(queues, func(ctx context.Context, in *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
		id := fmt.Sprintf("%s %s %d %v", *in.QueueUrl, *in.MessageBody, in.DelaySeconds, wire.Present(ctx, "DelaySeconds"))
		return &sqs.SendMessageOutput{MessageId: &id}, nil
	})
	wire.Handle(queues, func(context.Context, *sqs.GetQueueUrlInput) (*sqs.GetQueueUrlOutput, error) {
		return nil, &wire.Fault{
			Code: "QueueDoesNotExist", QueryCode: "AWS.SimpleQueueService.NonExistentQueue",
			Message: "The specified queue does not exist.",
		}
	})
	wire.Handle(queues, func(context.Context, *sqs.ListQueuesInput) (*sqs.ListQueuesOutput, error) {
		return &sqs.ListQueuesOutput{QueueUrls: []string{}}, nil
	})
	metrics := &wire.Service{
		Name: "monitoring", Target: "GraniteServiceVersion20100801", JSONVersion: "1.0", CBOR: "GraniteServiceVersion20100801",
		QueryVersion: "2010-08-01", Namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
	}
	wire.Handle(metrics, func(_ context.Context, in *cloudwatch.PutMetricDataInput) (*cloudwatch.PutMetricDataOutput, error) {
		if len(in.MetricData) == 0 {
			return nil, errors.New("no data arrived")
		}
		return &cloudwatch.PutMetricDataOutput{}, nil
	})
	wire.Handle(metrics, func(context.Context, *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
		return &cloudwatch.DescribeAlarmsOutput{MetricAlarms: []cloudwatchtypes.MetricAlarm{{
			AlarmName: aws.String("a"), Threshold: aws.Float64(1.5), StateUpdatedTimestamp: &moment,
		}}}, nil
	})
	groups := &wire.Service{Name: "logs", Target: "Logs_20140328", JSONVersion: "1.1", LowerCamel: true}
	wire.Handle(groups, func(context.Context, *cloudwatchlogs.PutLogEventsInput) (*cloudwatchlogs.PutLogEventsOutput, error) {
		return nil, wire.Faultf("ResourceNotFoundException", "The specified log group does not exist.")
	})
	stacks := &wire.Service{
		Name: "cloudformation", QueryVersion: "2010-05-15", Namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/",
	}
	wire.Handle(stacks, func(_ context.Context, in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
		if aws.ToString(in.StackName) == "panic" {
			panic("a bug")
		}
		return &cloudformation.DescribeStacksOutput{Stacks: []cloudformationtypes.Stack{{
			StackName: in.StackName, CreationTime: &moment, Capabilities: []cloudformationtypes.Capability{},
			Tags: []cloudformationtypes.Tag{{Key: aws.String("k"), Value: aws.String("<&>")}},
		}}}, nil
	})
	wire.Handle(stacks, func(context.Context, *cloudformation.DeleteStackInput) (*cloudformation.DeleteStackOutput, error) {
		return nil, nil
	})
	callers := &wire.Service{Name: "sts", QueryVersion: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/"}
	wire.Handle(callers, func(context.Context, *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
		return &sts.GetCallerIdentityOutput{Account: &account.ID}, nil
	})
	return []*wire.Service{queues, metrics, groups, stacks, callers}
}

// sampleObjects answers with what it read.
func sampleObjects(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if fault, ok := errors.AsType[*wire.Fault](err); ok {
		http.Error(w, fault.Code, fault.Status)
		return
	}
	if r.Method == http.MethodPut {
		w.Header().Set("Etag", fmt.Sprintf("%q", r.URL.EscapedPath()+" "+string(body)))
		return
	}
	fmt.Fprintf(w, "%s %s", r.Method, r.URL.Path)
}

func sampleHandler() http.Handler {
	return wire.NewHandler(wire.Config{Services: sampleServices(), Objects: http.HandlerFunc(sampleObjects), Keys: keys})
}

// TestBoto3 has the other great client of AWS parse the replies.
func TestBoto3(t *testing.T) {
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		t.Skip("SKIPPED: python3 with boto3 is not installed; replies are checked with the Go SDK alone")
	}
	server := httptest.NewServer(sampleHandler())
	defer server.Close()
	command := exec.CommandContext(t.Context(), "python3", "testdata/clients.py", server.URL)
	var stderr strings.Builder
	command.Stderr = &stderr
	stdout, err := command.Output()
	if err != nil {
		t.Fatalf("running clients.py: %v\n%s", err, &stderr)
	}
	got := strings.Split(strings.TrimSpace(string(stdout)), "\n")
	presigned := got[len(got)-1]
	if diff := cmp.Diff(got[:len(got)-1], boto3Understood); diff != "" {
		t.Error("what boto3 understood (-got +want):\n", diff)
	}
	reply, err := server.Client().Get(presigned)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if got, want := string(body), "GET /b/a b/é+.txt"; got != want || err != nil {
		t.Errorf("presigned URL: got %q, %v, want %q", got, err, want)
	}
}

var boto3Understood = []string{
	`{"MessageId": "http://localhost/000000000000/q h\u00e9 <&> 0 true"}`,
	`{"Error": "AWS.SimpleQueueService.NonExistentQueue", "Status": 400, "Type": "QueueDoesNotExist"}`,
	`{"Error": "InvalidAction", "Status": 400, "Type": "ClientError"}`,
	`{"Error": "SignatureDoesNotMatch", "Status": 400, "Type": "ClientError"}`,
	`{}`,
	`{"MetricAlarms": [{"AlarmName": "a", "StateUpdatedTimestamp": "2023-11-14 22:13:20.123000+00:00", "Threshold": 1.5}]}`,
	`{"Error": "ResourceNotFoundException", "Status": 400, "Type": "ResourceNotFoundException"}`,
	`{"Stacks": [{"Capabilities": [], "CreationTime": "2023-11-14 22:13:20.123000+00:00", "StackName": "s", "Tags": [{"Key": "k", "Value": "<&>"}]}]}`,
	`{}`,
	`{"Error": "InvalidAction", "Status": 400, "Type": "ClientError"}`,
	`{"Account": "000000000000"}`,
	`{"ETag": "\"/b/a%20b/%C3%A9%2B%26%3D%28~%29.txt hello\""}`,
	`{"ContentLength": 9, "ContentType": "text/plain; charset=utf-8", "Metadata": {}}`,
	`{"Error": "SignatureDoesNotMatch", "Status": 403, "Type": "ClientError"}`,
}
