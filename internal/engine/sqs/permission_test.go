package sqs_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
)

func (e *engine) wantPolicy(t *testing.T, url, want string) {
	t.Helper()
	if got := e.attributes(t, url, "Policy")["Policy"]; got != want {
		t.Errorf("policy:\n got %s\nwant %s", got, want)
	}
}

func TestPermissions(t *testing.T) {
	e := open(t)
	url := e.create(t, "q")
	allow := func(label string, actions ...string) {
		t.Helper()
		_, err := e.AddPermission(t.Context(), &sdk.AddPermissionInput{
			QueueUrl: &url, Label: &label, AWSAccountIds: []string{"111122223333"}, Actions: actions,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	disallow := func(label string) error {
		_, err := e.RemovePermission(t.Context(), &sdk.RemovePermissionInput{QueueUrl: &url, Label: &label})
		return err
	}
	arn := account.ARN("sqs", "q")
	statement := func(sid, action string) string {
		return `{"Sid":"` + sid + `","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},` +
			`"Action":` + action + `,"Resource":"` + arn + `"}`
	}
	policy := func(statements ...string) string {
		return `{"Version":"2008-10-17","Id":"` + arn + `/SQSDefaultPolicy","Statement":[` + strings.Join(statements, ",") + `]}`
	}
	allow("one", "SendMessage")
	allow("two", "ReceiveMessage", "DeleteMessage")
	one, two := statement("one", `"SQS:SendMessage"`), statement("two", `["SQS:ReceiveMessage","SQS:DeleteMessage"]`)
	e.wantPolicy(t, url, policy(one, two))

	e = e.crash(t)
	if err := disallow("one"); err != nil {
		t.Fatal(err)
	}
	e.wantPolicy(t, url, policy(two))
	err := disallow("one")
	want := "Value one for parameter Label is invalid. Reason: can't find label on existing policy."
	if code(err) != "InvalidParameterValue" || message(err) != want {
		t.Errorf("removing what is not there: got %s %q, want InvalidParameterValue %q", code(err), message(err), want)
	}
	if err := disallow("two"); err != nil {
		t.Fatal(err)
	}
	e.wantPolicy(t, url, "")
	want = "Value two for parameter Label is invalid. Reason: can't find label." // recorded from AWS
	if err := disallow("two"); code(err) != "InvalidParameterValue" || message(err) != want {
		t.Errorf("removing from no policy: got %s %q, want InvalidParameterValue %q", code(err), message(err), want)
	}
}

// What somebody wrote into a policy stays as it is, one statement or many.
func TestPermissionsKeepOtherStatements(t *testing.T) {
	e := open(t)
	own := `{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	for name, written := range map[string]string{"one": own, "many": "[" + own + "]"} {
		url := e.create(t, name, "Policy", `{"Version":"2012-10-17","Statement":`+written+`}`)
		_, err := e.AddPermission(t.Context(), &sdk.AddPermissionInput{
			QueueUrl: &url, Label: aws.String("x"), AWSAccountIds: []string{"111122223333"}, Actions: []string{"*"},
		})
		if err != nil {
			t.Fatal(err)
		}
		e.wantPolicy(t, url, `{"Version":"2012-10-17","Statement":[`+own+`,{"Sid":"x","Effect":"Allow",`+
			`"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"SQS:*","Resource":"`+account.ARN("sqs", name)+`"}]}`)
		if _, err := e.RemovePermission(t.Context(), &sdk.RemovePermissionInput{QueueUrl: &url, Label: aws.String("x")}); err != nil {
			t.Fatal(err)
		}
		e.wantPolicy(t, url, `{"Version":"2012-10-17","Statement":[`+own+`]}`)
	}
}

func TestPermissionRefusals(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	for _, tt := range []struct {
		body   string
		status int
		reply  string
		query  string
	}{
		{`{"QueueUrl": "q", "Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}`, 200, `{}`, ""},
		{`{"QueueUrl": "q", "Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}`, 400,
			"Value l for parameter Label is invalid. Reason: Already exists.", "InvalidParameterValue;Sender"},
		{`{"QueueUrl": "q", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}`, 400,
			"The request must contain the parameter Label.", "MissingParameter;Sender"},
		{`{"QueueUrl": "q", "Label": "a b", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}`, 400,
			"Value a b for parameter Label is invalid.", "InvalidParameterValue;Sender"},
		{`{"QueueUrl": "q", "Label": "m", "AWSAccountIds": ["111122223333"], "Actions": []}`, 400,
			"The request must contain the parameter Actions.", "MissingParameter;Sender"},
		{`{"QueueUrl": "q", "Label": "m", "AWSAccountIds": [], "Actions": ["SendMessage"]}`, 400,
			"Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.", "InvalidParameterValue;Sender"},
		{`{"QueueUrl": "q", "Label": "m", "AWSAccountIds": ["me"], "Actions": ["SendMessage"]}`, 400,
			"Value [me] for parameter PrincipalId is invalid. Reason: Unable to verify.", "InvalidParameterValue;Sender"},
		{`{"QueueUrl": "q", "Label": "m", "AWSAccountIds": ["111122223333"], "Actions": ["Fly"]}`, 400,
			"Value SQS:Fly for parameter ActionName is invalid. Reason: Please refer to the appropriate WSDL", "InvalidParameterValue;Sender"},
		{`{"QueueUrl": "q", "Label": "m", "AWSAccountIds": ["111122223333"], "Actions": ["TagQueue"]}`, 400,
			"Reason: Only the queue owner is allowed to invoke this action.", "InvalidParameterValue;Sender"},
		{`{"QueueUrl": "q", "Label": "m", "AWSAccountIds": ["111122223333"], "Actions": ["*","*","*","*","*","*","*","*"]}`, 403,
			"8 Actions were found, maximum allowed is 7.", "OverLimit;Sender"},
		{`{"QueueUrl": "none", "Label": "m", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}`, 400,
			"The specified queue does not exist.", "AWS.SimpleQueueService.NonExistentQueue;Sender"},
	} {
		got := e.raw(t, "AddPermission", tt.body)
		query := got.header.Get("X-Amzn-Query-Error")
		if got.status != tt.status || !strings.Contains(got.body, tt.reply) || query != tt.query {
			t.Errorf("%s:\n got %d %s (query error %q)\nwant %d %s (query error %q)",
				tt.body, got.status, got.body, query, tt.status, tt.reply, tt.query)
		}
	}
}
