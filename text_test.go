package spate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/template"
)

func TestText(t *testing.T) {
	queue := NewStack("Test").Queue("Queue", QueueProps{})
	tests := []struct {
		text Text
		want string
	}{
		{"", `""`},
		{"plain", `"plain"`},
		{"a ${literal} stays", `"a ${literal} stays"`},
		{queue.URL(), `{"Ref":"Queue"}`},
		{queue.ARN(), `{"Fn::GetAtt":["Queue","Arn"]}`},
		{Region, `{"Ref":"AWS::Region"}`},
		{Ref("A") + Ref("B"), `{"Fn::Sub":"${A}${B}"}`},
		{"s3://" + Ref("Bucket") + "/x", `{"Fn::Sub":"s3://${Bucket}/x"}`},
		{"${HOME} is not " + queue.Name(), `{"Fn::Sub":"${!HOME} is not ${Queue.QueueName}"}`},
		{"${" + Ref("A") + "}", `{"Fn::Join":["",["${",{"Ref":"A"},"}"]]}`},
		{"$" + Ref("A"), `{"Fn::Join":["",["$",{"Ref":"A"}]]}`},
		{Text(fmt.Sprintf("%s?x=%d", queue.URL(), 1)), `{"Fn::Sub":"${Queue}?x=1"}`},
		{Text(string(queue.URL())), `{"Ref":"Queue"}`},
	}
	for _, test := range tests {
		got, err := json.Marshal(test.text)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: got %s (%v), want %s", test.text, got, err, test.want)
		}
	}
	if printed := fmt.Sprint("url: " + queue.URL()); !strings.Contains(printed, "url: ") || !strings.Contains(printed, "${Queue}") {
		t.Errorf("got %q printed, want something that reads url: ${Queue}", printed)
	}
}

// What a text says when the stack is there is what was written, with the
// tokens' values in it.
func FuzzText(f *testing.F) {
	f.Add("${x}", "$", "${!y}")
	f.Fuzz(func(t *testing.T, before, between, after string) {
		for _, literal := range []string{before, between, after} {
			if strings.ContainsAny(literal, "\x02\x03") || !json.Valid([]byte(quoted(literal))) || strings.ToValidUTF8(literal, "") != literal {
				t.Skip("no text of AWS's")
			}
		}
		s := NewStack("Test")
		s.Resource("Queue", "AWS::SQS::Queue", map[string]any{
			"QueueName": Text(before) + Ref("AWS::Region") + Text(between) + Ref("AWS::AccountId") + Text(after),
		})
		written, err := s.Template()
		if err != nil {
			t.Fatal(err)
		}
		scope := template.Scope{Template: written, Pseudo: template.Pseudo{AccountID: "123456789012", Region: "us-east-1"}}
		got, err := scope.Properties("Queue")
		if err != nil {
			t.Fatal(err)
		}
		if want := before + "us-east-1" + between + "123456789012" + after; got["QueueName"] != want {
			t.Errorf("got %q, want %q", got["QueueName"], want)
		}
	})
}

func quoted(s string) string {
	text, _ := json.Marshal(s) // a string always marshals
	return string(text)
}

// Tokens resolve wherever a string may stand in a resource.
func TestTokensInRawResources(t *testing.T) {
	s := NewStack("Test")
	q := s.Queue("Queue", QueueProps{})
	s.Resource("Topic", "AWS::SNS::Topic", map[string]any{
		"Subscription": []any{map[string]any{"Endpoint": q.ARN(), "Protocol": "sqs"}, map[string]string{"Endpoint": string(q.ARN()), "Protocol": "sqs"}},
		"DisplayName":  []Text{"x"}[0],
	})
	s.Override("Topic", "Properties.TopicName", "on-"+q.Name())
	written, err := s.Template()
	if err != nil {
		t.Fatal(err)
	}
	got, err := written.Resource("Topic").Properties.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const endpoint = `{"Endpoint":{"Fn::GetAtt":["Queue","Arn"]},"Protocol":"sqs"}`
	const want = `{"DisplayName":"x","Subscription":[` + endpoint + `,` + endpoint + `],"TopicName":{"Fn::Sub":"on-${Queue.QueueName}"}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
