package sns_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// clientEnv is how boto3 and the aws CLI reach a server.
func clientEnv() []string {
	return append(os.Environ(), "AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey,
		"AWS_DEFAULT_REGION="+account.Region, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
}

const botoScript = `
import sys, boto3
sns = boto3.client("sns", endpoint_url=sys.argv[1])
topic = sns.create_topic(Name="boto", Attributes={"DisplayName": "<d>"}, Tags=[{"Key": "k", "Value": "v"}])["TopicArn"]
sub = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:q",
    Attributes={"FilterPolicy": '{"n":[{"numeric":[">",1]}]}', "RawMessageDelivery": "true"})["SubscriptionArn"]
for n in "12":
    sns.publish(TopicArn=topic, Message="m" + n, MessageAttributes={"n": {"DataType": "Number", "StringValue": n}})
batch = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[
    {"Id": "a", "Message": "b", "MessageAttributes": {"n": {"DataType": "Number", "StringValue": "3"}}}])
print([e["Id"] for e in batch["Successful"]], batch["Failed"])
print(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"], sns.list_tags_for_resource(ResourceArn=topic)["Tags"])
print(sns.get_subscription_attributes(SubscriptionArn=sub)["Attributes"]["FilterPolicy"])
try:
    sns.publish(TopicArn=topic + "x", Message="m")
except sns.exceptions.NotFoundException as e:
    print(e.response["Error"]["Code"], e.response["Error"]["Message"], e.response["ResponseMetadata"]["HTTPStatusCode"])
sns.unsubscribe(SubscriptionArn=sub)
print(sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"])
`

func TestBoto3(t *testing.T) {
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		t.Skip("SKIPPED: python3 with boto3 is not installed; SNS is checked with the Go SDK alone")
	}
	b := start(t)
	b.queue("q", "", nil)
	server := httptest.NewServer(b.handler)
	defer server.Close()
	command := exec.CommandContext(t.Context(), "python3", "-c", botoScript, server.URL)
	command.Env = clientEnv()
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	want := "['a'] []\n<d> [{'Key': 'k', 'Value': 'v'}]\n{\"n\":[{\"numeric\":[\">\",1]}]}\nNotFound Topic does not exist 404\n[]\n"
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Errorf("what boto3 understood (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"m2", "b"}, b.bodies("q")); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestAWSCommand(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("SKIPPED: the aws CLI is not installed; SNS is checked with the Go SDK alone")
	}
	b := start(t)
	b.queue("q", b.topic("cli"), map[string]string{"RawMessageDelivery": "true"})
	server := httptest.NewServer(b.handler)
	defer server.Close()
	arn := account.ARN("sns", "cli")
	for _, args := range [][]string{
		{"publish", "--topic-arn", arn, "--message", "hello"},
		{"set-topic-attributes", "--topic-arn", arn, "--attribute-name", "DisplayName", "--attribute-value", "News"},
		{"delete-topic", "--topic-arn", arn},
	} {
		command := exec.CommandContext(t.Context(), "aws", append([]string{"--endpoint-url", server.URL, "sns"}, args...)...)
		command.Env = clientEnv()
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("aws sns %v: %v\n%s", args, err, out)
		}
	}
	if diff := cmp.Diff([]string{"hello"}, b.bodies("q")); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}
