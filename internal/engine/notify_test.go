package engine_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine"
)

// A queue that is subscribed to an alarm's topic hears of the alarm.
func TestAlarmsPublishToTopics(t *testing.T) {
	e, err := engine.Open(t.Context(), engine.Config{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, e)
	at := config(e.Address())
	alarms, topics, queues := cloudwatch.NewFromConfig(at), sns.NewFromConfig(at), sqs.NewFromConfig(at)
	topic, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: new("news")})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new("q")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topics.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: new("sqs"), Endpoint: new("arn:aws:sqs:us-east-1:000000000000:q"),
	}); err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("long ", 30)
	if _, err := alarms.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{
		AlarmName: &name, AlarmDescription: new("d"), AlarmActions: []string{*topic.TopicArn},
		Namespace: new("N"), MetricName: new("M"), Statistic: types.StatisticSampleCount, Period: new(int32(300)),
		Dimensions:        []types.Dimension{{Name: new("k"), Value: new("v")}},
		EvaluationPeriods: new(int32(1)), Threshold: new(1.0), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold,
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := alarms.SetAlarmState(t.Context(), &cloudwatch.SetAlarmStateInput{
		AlarmName: &name, StateValue: types.StateValueAlarm, StateReason: new("because"),
	}); err != nil {
		t.Fatal(err)
	}
	var envelope struct{ Subject, Message string }
	out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 20})
	if err != nil || len(out.Messages) != 1 {
		t.Fatalf("got %v, %v, want a message", out, err)
	}
	if err := json.Unmarshal([]byte(*out.Messages[0].Body), &envelope); err != nil {
		t.Fatal(err)
	}
	if s := envelope.Subject; len(s) != 100 || !strings.HasPrefix(s, `ALARM: "long `) || !strings.HasSuffix(s, `..." in US East (N. Virginia)`) {
		t.Errorf("got the subject %q", s)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(envelope.Message), &got); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"StateChangeTime", "AlarmConfigurationUpdatedTimestamp"} {
		if text, _ := got[when].(string); !strings.HasSuffix(text, "+0000") {
			t.Errorf("got %s %q", when, text)
		}
		delete(got, when)
	}
	if diff := cmp.Diff(map[string]any{
		"AlarmName": name, "AlarmDescription": "d", "AWSAccountId": "000000000000", "NewStateValue": "ALARM",
		"NewStateReason": "because", "OldStateValue": "INSUFFICIENT_DATA", "Region": "US East (N. Virginia)",
		"AlarmArn":  "arn:aws:cloudwatch:us-east-1:000000000000:alarm:" + name,
		"OKActions": []any{}, "AlarmActions": []any{*topic.TopicArn}, "InsufficientDataActions": []any{},
		"Trigger": map[string]any{
			"MetricName": "M", "Namespace": "N", "StatisticType": "Statistic", "Statistic": "SAMPLE_COUNT",
			"Dimensions": []any{map[string]any{"name": "k", "value": "v"}}, "Period": 300., "EvaluationPeriods": 1.,
			"ComparisonOperator": "GreaterThanThreshold", "Threshold": 1., "TreatMissingData": "", "EvaluateLowSampleCountPercentile": "",
		},
	}, got); diff != "" {
		t.Errorf("notice (-want +got):\n%s", diff)
	}
}
