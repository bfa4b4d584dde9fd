package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/delivery"
)

// A notice is what an alarm publishes to a topic, as CloudWatch writes it.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Acting_Alarm_Changes.html
type notice struct {
	AlarmName                          string
	AlarmDescription                   *string
	AWSAccountId                       string
	AlarmConfigurationUpdatedTimestamp string
	NewStateValue, NewStateReason      string
	StateChangeTime                    string
	Region                             string
	AlarmArn                           string
	OldStateValue                      string
	OKActions, AlarmActions            []string
	InsufficientDataActions            []string
	Trigger                            trigger
}

// A trigger is what an alarm looks at.
type trigger struct {
	MetricName         *string             `json:",omitempty"`
	Namespace          *string             `json:",omitempty"`
	StatisticType      string              `json:",omitempty"`
	Statistic          string              `json:",omitempty"`
	ExtendedStatistic  string              `json:",omitempty"`
	Unit               *types.StandardUnit `json:",omitempty"`
	Dimensions         []triggerDimension  `json:",omitempty"`
	Metrics            []triggerQuery      `json:",omitempty"`
	Period             *int32
	EvaluationPeriods  *int32
	DatapointsToAlarm  *int32 `json:",omitempty"`
	ComparisonOperator types.ComparisonOperator
	Threshold          *float64
	TreatMissingData   string

	EvaluateLowSampleCountPercentile string
}

type triggerDimension struct {
	Value string `json:"value"`
	Name  string `json:"name"`
}

type triggerQuery struct {
	Id         string
	Expression *string            `json:",omitempty"`
	Label      *string            `json:",omitempty"`
	MetricStat *triggerMetricStat `json:",omitempty"`
	ReturnData bool
}

type triggerMetricStat struct {
	Metric struct {
		Dimensions            []triggerDimension
		MetricName, Namespace string
	}
	Period int32
	Stat   string
}

// regionName is the engine's region as notices name it.
const regionName = "US East (N. Virginia)"

// subjectLimit is how long the subject of a message may be.
const subjectLimit = 100

// notify publishes to a topic that an alarm went to another state.
func (e *Engine) notify(ctx context.Context, topicARN, alarm string) error {
	n, err := e.newNotice(ctx, alarm)
	if err != nil {
		return fmt.Errorf("describing the alarm: %w", err)
	}
	text, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("describing the alarm: %w", err)
	}
	input, err := json.Marshal(map[string]string{"TopicArn": topicARN, "Subject": n.subject(), "Message": string(text)})
	if err != nil {
		return err
	}
	return e.deliver(ctx, delivery.Call{Service: "sns", Operation: "Publish", Input: string(input)})
}

// subject is a notice in a line, which has to be short, and of ASCII.
func (n notice) subject() string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, n.AlarmName)
	const form = `%s: "%s" in ` + regionName
	if room := subjectLimit - len(fmt.Sprintf(form, n.NewStateValue, "")); len(name) > room {
		name = name[:room-3] + "..."
	}
	return fmt.Sprintf(form, n.NewStateValue, name)
}

// newNotice tells of the last change of an alarm.
func (e *Engine) newNotice(ctx context.Context, name string) (notice, error) {
	service := e.services.cloudwatch.Wire()
	call := func(operation string, input any) (any, error) {
		text, err := json.Marshal(input)
		if err != nil {
			return nil, err
		}
		return service.Call(ctx, operation, text)
	}
	out, err := call("DescribeAlarms", map[string]any{"AlarmNames": []string{name}})
	if err != nil {
		return notice{}, err
	}
	described := out.(*awscloudwatch.DescribeAlarmsOutput)
	if len(described.MetricAlarms) == 0 {
		return notice{}, fmt.Errorf("there is no alarm %q", name)
	}
	n := noticeOf(described.MetricAlarms[0])
	out, err = call("DescribeAlarmHistory", map[string]any{"AlarmName": name, "HistoryItemType": "StateUpdate", "MaxRecords": 1})
	if err != nil {
		return notice{}, err
	}
	for _, item := range out.(*awscloudwatch.DescribeAlarmHistoryOutput).AlarmHistoryItems {
		var change struct{ OldState struct{ StateValue string } }
		if err := json.Unmarshal([]byte(aws.ToString(item.HistoryData)), &change); err != nil {
			return notice{}, err
		}
		n.OldStateValue = change.OldState.StateValue
	}
	return n, nil
}

func noticeOf(m types.MetricAlarm) notice {
	return notice{
		AlarmName: aws.ToString(m.AlarmName), AlarmDescription: m.AlarmDescription, AWSAccountId: AccountID,
		AlarmConfigurationUpdatedTimestamp: moment(m.AlarmConfigurationUpdatedTimestamp),
		NewStateValue:                      string(m.StateValue),
		NewStateReason:                     aws.ToString(m.StateReason),
		StateChangeTime:                    moment(m.StateUpdatedTimestamp),
		Region:                             regionName,
		AlarmArn:                           aws.ToString(m.AlarmArn),
		OKActions:                          append([]string{}, m.OKActions...),
		AlarmActions:                       append([]string{}, m.AlarmActions...),
		InsufficientDataActions:            append([]string{}, m.InsufficientDataActions...),
		Trigger:                            triggerOf(m),
	}
}

func triggerOf(m types.MetricAlarm) trigger {
	t := trigger{
		MetricName: m.MetricName, Namespace: m.Namespace, Dimensions: triggerDimensions(m.Dimensions),
		Period: m.Period, EvaluationPeriods: m.EvaluationPeriods, DatapointsToAlarm: m.DatapointsToAlarm,
		ComparisonOperator: m.ComparisonOperator, Threshold: m.Threshold,
		TreatMissingData:                 aws.ToString(m.TreatMissingData),
		EvaluateLowSampleCountPercentile: aws.ToString(m.EvaluateLowSampleCountPercentile),
	}
	if m.Unit != "" {
		t.Unit = &m.Unit
	}
	switch {
	case m.Statistic == types.StatisticSampleCount:
		t.StatisticType, t.Statistic = "Statistic", "SAMPLE_COUNT"
	case m.Statistic != "":
		t.StatisticType, t.Statistic = "Statistic", strings.ToUpper(string(m.Statistic))
	case m.ExtendedStatistic != nil:
		t.StatisticType, t.ExtendedStatistic = "ExtendedStatistic", *m.ExtendedStatistic
	}
	for _, q := range m.Metrics {
		query := triggerQuery{
			Id: aws.ToString(q.Id), Expression: q.Expression, Label: q.Label, ReturnData: q.ReturnData == nil || *q.ReturnData,
		}
		if s := q.MetricStat; s != nil {
			query.MetricStat = &triggerMetricStat{Period: aws.ToInt32(s.Period), Stat: aws.ToString(s.Stat)}
			query.MetricStat.Metric.Dimensions = triggerDimensions(s.Metric.Dimensions)
			query.MetricStat.Metric.MetricName = aws.ToString(s.Metric.MetricName)
			query.MetricStat.Metric.Namespace = aws.ToString(s.Metric.Namespace)
		}
		t.Metrics = append(t.Metrics, query)
	}
	return t
}

func triggerDimensions(all []types.Dimension) []triggerDimension {
	list := []triggerDimension{}
	for _, d := range all {
		list = append(list, triggerDimension{Value: aws.ToString(d.Value), Name: aws.ToString(d.Name)})
	}
	return list
}

// moment is a time as notices have it.
func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000-0700")
}
