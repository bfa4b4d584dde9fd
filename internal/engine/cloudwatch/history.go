package cloudwatch

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// historyLimit is how many items of history are kept, of all alarms together.
const historyLimit = 1000

// record adds an item to the history. The caller holds s.mu.
func (s *Service) record(alarm string, kind types.HistoryItemType, summary string, data any) {
	text, _ := json.Marshal(data) // of strings and maps only
	s.history = append(s.history, types.AlarmHistoryItem{
		AlarmName:       &alarm,
		AlarmType:       types.AlarmTypeMetricAlarm,
		HistoryItemType: kind,
		HistorySummary:  &summary,
		HistoryData:     new(string(text)),
		Timestamp:       new(time.Now().UTC()),
	})
	if len(s.history) > historyLimit {
		s.history = s.history[1:]
	}
}

func (s *Service) recordState(from, to types.MetricAlarm) {
	state := func(m types.MetricAlarm) map[string]string {
		return map[string]string{"stateValue": string(m.StateValue), "stateReason": aws.ToString(m.StateReason)}
	}
	s.record(*to.AlarmName, types.HistoryItemTypeStateUpdate,
		"Alarm updated from "+string(from.StateValue)+" to "+string(to.StateValue),
		map[string]any{"version": "1.0", "oldState": state(from), "newState": state(to)})
}

// recordAction tells apart an action's success and failure. Repeats of an
// action that succeeded are not recorded: the newest item says it all.
func (s *Service) recordAction(alarm, arn string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	summary, outcome := "Successfully executed action "+arn, "Succeeded"
	if err != nil {
		outcome = "Failed"
		summary = "Failed to execute action " + arn + ". Received error: \"" + err.Error() + "\""
	}
	for _, item := range slices.Backward(s.history) {
		if *item.AlarmName == alarm && item.HistoryItemType == types.HistoryItemTypeStateUpdate {
			break
		}
		if *item.AlarmName == alarm && *item.HistorySummary == summary {
			return
		}
	}
	s.record(alarm, types.HistoryItemTypeAction, summary,
		map[string]any{"version": "1.0", "actionExecutionState": outcome, "notificationResource": arn})
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
func (s *Service) describeAlarmHistory(_ context.Context, in *cw.DescribeAlarmHistoryInput) (*cw.DescribeAlarmHistoryOutput, error) {
	s.mu.Lock()
	items := slices.Clone(s.history)
	s.mu.Unlock()
	items = slices.DeleteFunc(items, func(item types.AlarmHistoryItem) bool {
		return in.AlarmName != nil && *in.AlarmName != *item.AlarmName ||
			len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, item.AlarmType) ||
			in.HistoryItemType != "" && in.HistoryItemType != item.HistoryItemType ||
			in.StartDate != nil && item.Timestamp.Before(*in.StartDate) ||
			in.EndDate != nil && item.Timestamp.After(*in.EndDate)
	})
	if in.ScanBy != types.ScanByTimestampAscending {
		slices.Reverse(items)
	}
	page, next, err := paged(items, in.NextToken, in.MaxRecords, 100)
	if err != nil {
		return nil, err
	}
	return &cw.DescribeAlarmHistoryOutput{AlarmHistoryItems: page, NextToken: next}, nil
}

// paged cuts a page from a list. Tokens count what earlier pages had.
func paged[T any](all []T, token *string, size *int32, most int) (page []T, next *string, err error) {
	begin := 0
	if token != nil {
		if begin, err = strconv.Atoi(*token); err != nil || begin < 0 || begin > len(all) {
			return nil, nil, invalidToken()
		}
	}
	if size != nil {
		if *size < 1 || int(*size) > most {
			return nil, nil, validation("1 validation error detected: Value '%d' at 'maxRecords' failed to satisfy constraint: Member must have value between 1 and %d", *size, most)
		}
		most = int(*size)
	}
	end := min(begin+most, len(all))
	if end < len(all) {
		next = new(strconv.Itoa(end))
	}
	return all[begin:end], next, nil
}
