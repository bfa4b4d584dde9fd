package sqs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
)

func TestRedriveAllowPolicy(t *testing.T) {
	e := open(t)
	url := e.create(t, "dead")
	source := e.create(t, "b")
	redrive := map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, account.ARN("sqs", "dead")),
	}
	set := func(url, name, value string) error {
		_, err := e.SetQueueAttributes(t.Context(), &sdk.SetQueueAttributesInput{
			QueueUrl: &url, Attributes: map[string]string{name: value},
		})
		return err
	}
	for i, tt := range []struct {
		policy string
		ok     bool // for b
	}{
		{`{"redrivePermission":"denyAll"}`, false},
		{`{"redrivePermission":"allowAll"}`, true},
		{`{"redrivePermission":"byQueue","sourceQueueArns":["` + account.ARN("sqs", "other") + `"]}`, false},
		{`{"redrivePermission":"byQueue","sourceQueueArns":["` + account.ARN("sqs", "b") + `"]}`, true},
		{``, true},
	} {
		if err := set(url, "RedriveAllowPolicy", tt.policy); err != nil {
			t.Fatal(err)
		}
		e = e.crash(t)
		err := set(source, "RedrivePolicy", redrive["RedrivePolicy"])
		if (err == nil) != tt.ok || err != nil && code(err) != "InvalidParameterValue" {
			t.Errorf("%s: got %v, want allowed: %t", tt.policy, err, tt.ok)
		}
		// A queue that is refused is not made.
		name := fmt.Sprint("new", i)
		_, err = e.CreateQueue(t.Context(), &sdk.CreateQueueInput{QueueName: &name, Attributes: redrive})
		_, missing := e.GetQueueUrl(t.Context(), &sdk.GetQueueUrlInput{QueueName: aws.String(name)})
		open := tt.policy == "" || strings.Contains(tt.policy, "allowAll")
		if (err == nil) != open || (missing == nil) != open {
			t.Errorf("%s: creating a source: got %v, and finding it %v, want allowed: %t", tt.policy, err, missing, open)
		}
	}
}

func TestRedriveAllowPolicyRefusals(t *testing.T) {
	e := open(t)
	arns := `"` + strings.Repeat(account.ARN("sqs", "b")+`","`, 10) + account.ARN("sqs", "b") + `"`
	for _, tt := range []struct{ policy, want string }{
		{`denyAll`, "as it’s in an unsupported format."},
		{`{"redrivePermission":"allowAll","more":1}`, "as it’s in an unsupported format."},
		{`{}`, "as it’s in an unsupported format."},
		{`{"redrivePermission":"some"}`, "as it’s in an unsupported format."},
		{`{"redrivePermission":"byQueue"}`, "you must also specify one or more sourceQueueArns values."},
		{`{"redrivePermission":"byQueue","sourceQueueArns":[` + arns + `]}`, "The maximum number of source queue ARNs you can specify is 10."},
		{`{"redrivePermission":"denyAll","sourceQueueArns":["x"]}`, "you must set redrivePermission to byQueue."},
	} {
		_, err := e.CreateQueue(t.Context(), &sdk.CreateQueueInput{
			QueueName: aws.String("q"), Attributes: map[string]string{"RedriveAllowPolicy": tt.policy},
		})
		if code(err) != "InvalidParameterValue" || !strings.Contains(message(err), tt.want) {
			t.Errorf("%s: got %v, want InvalidParameterValue: %s", tt.policy, err, tt.want)
		}
	}
}
