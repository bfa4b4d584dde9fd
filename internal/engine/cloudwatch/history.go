package cloudwatch

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/store"
)

// History is kept for 30 days, but no more than so many items, of all alarms
// together.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
const (
	historyAge   = 30 * 24 * time.Hour
	historyLimit = 1000
)

// newItem is an item of the history, at this moment.
func newItem(alarm string, kind types.HistoryItemType, summary string, data any) types.AlarmHistoryItem {
	text, _ := json.Marshal(data) // of strings and maps only
	return types.AlarmHistoryItem{
		AlarmName:       &alarm,
		AlarmType:       types.AlarmTypeMetricAlarm,
		HistoryItemType: kind,
		HistorySummary:  &summary,
		HistoryData:     new(string(text)),
		Timestamp:       new(time.Now().UTC()),
	}
}

// remember adds an item that is not in the store yet. The caller holds s.mu.
func (s *Service) remember(item types.AlarmHistoryItem) {
	s.history = append(s.history, item)
	if len(s.history) > historyLimit {
		s.history = s.history[1:]
	}
	s.unsaved = min(s.unsaved+1, len(s.history))
}

// openHistory reads the items that are in the store.
func (s *Service) openHistory(ctx context.Context) error {
	rows, err := s.config.Store.Query(ctx, "SELECT item FROM cloudwatch_history ORDER BY id")
	if err != nil {
		return fmt.Errorf("reading alarm history: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var text []byte
		var item types.AlarmHistoryItem
		if err := rows.Scan(&text); err != nil {
			return fmt.Errorf("reading alarm history: %w", err)
		}
		if err := json.Unmarshal(text, &item); err != nil {
			return fmt.Errorf("reading alarm history: %w", err)
		}
		s.history = append(s.history, item)
	}
	s.history = s.history[max(0, len(s.history)-historyLimit):]
	return rows.Err()
}

// saveHistory writes the items that are not in the store, and those that come
// with a change.
func (s *Service) saveHistory(tx *store.Tx, items []types.AlarmHistoryItem) error {
	for _, item := range slices.Concat(s.history[len(s.history)-s.unsaved:], items) {
		text, err := json.Marshal(item)
		if err != nil {
			return fmt.Errorf("writing alarm history: %w", err)
		}
		if _, err := tx.Exec("INSERT INTO cloudwatch_history (at, item) VALUES (?, ?)", item.Timestamp.UnixMilli(), string(text)); err != nil {
			return err
		}
	}
	return nil
}

// forgetHistory removes the items that are too old. The caller holds s.mu.
func (s *Service) forgetHistory(now time.Time) {
	s.history = slices.DeleteFunc(s.history, func(item types.AlarmHistoryItem) bool {
		return item.Timestamp.Before(now.Add(-historyAge))
	})
	s.unsaved = min(s.unsaved, len(s.history))
}

// deleteHistory removes from the store what is too old or too much.
func deleteHistory(tx *store.Tx, now time.Time) error {
	if _, err := tx.Exec("DELETE FROM cloudwatch_history WHERE at < ?", now.Add(-historyAge).UnixMilli()); err != nil {
		return err
	}
	_, err := tx.Exec("DELETE FROM cloudwatch_history WHERE id <= (SELECT MAX(id) FROM cloudwatch_history) - ?", historyLimit)
	return err
}

func stateItem(from, to types.MetricAlarm) types.AlarmHistoryItem {
	state := func(m types.MetricAlarm) map[string]any {
		said := map[string]any{"stateValue": m.StateValue, "stateReason": aws.ToString(m.StateReason)}
		if data := aws.ToString(m.StateReasonData); data != "" {
			said["stateReasonData"] = json.RawMessage(data)
		}
		return said
	}
	return newItem(*to.AlarmName, types.HistoryItemTypeStateUpdate,
		"Alarm updated from "+string(from.StateValue)+" to "+string(to.StateValue),
		map[string]any{"version": "1.0", "oldState": state(from), "newState": state(to)})
}

func configurationItem(name, what string) types.AlarmHistoryItem {
	return newItem(name, types.HistoryItemTypeConfigurationUpdate, "Alarm \""+name+"\" "+what,
		map[string]string{"version": "1.0", "type": strings.ToUpper(what[:1]) + what[1:len(what)-1]})
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
	s.remember(newItem(alarm, types.HistoryItemTypeAction, summary,
		map[string]any{"version": "1.0", "actionExecutionState": outcome, "notificationResource": arn}))
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
func (s *Service) describeAlarmHistory(_ context.Context, in *cw.DescribeAlarmHistoryInput) (*cw.DescribeAlarmHistoryOutput, error) {
	switch {
	case in.HistoryItemType != "" && !slices.Contains(in.HistoryItemType.Values(), in.HistoryItemType):
		return nil, notOneOf(in.HistoryItemType, "historyItemType", in.HistoryItemType.Values())
	case in.ScanBy != "" && !slices.Contains(in.ScanBy.Values(), in.ScanBy):
		return nil, notOneOf(in.ScanBy, "scanBy", in.ScanBy.Values())
	case in.StartDate != nil && in.EndDate != nil && in.EndDate.Before(*in.StartDate):
		return nil, validation("The parameter StartDate must be less than the parameter EndDate.")
	}
	s.mu.Lock()
	items := slices.Clone(s.history)
	s.mu.Unlock()
	items = slices.DeleteFunc(items, func(item types.AlarmHistoryItem) bool {
		return in.AlarmName != nil && *in.AlarmName != *item.AlarmName ||
			len(in.AlarmTypes) > 0 && !slices.Contains(in.AlarmTypes, item.AlarmType) || in.AlarmContributorId != nil ||
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
