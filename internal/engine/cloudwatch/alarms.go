package cloudwatch

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
func (s *Service) describeAlarms(_ context.Context, in *cw.DescribeAlarmsInput) (*cw.DescribeAlarmsOutput, error) {
	if err := s.checkDescribe(in); err != nil {
		return nil, err
	}
	var matching []types.MetricAlarm
	// There are no composite alarms, so no alarm has a parent.
	if in.ParentsOfAlarmName == nil && (len(in.AlarmTypes) == 0 || slices.Contains(in.AlarmTypes, types.AlarmTypeMetricAlarm)) {
		matching = s.list(func(m types.MetricAlarm) bool {
			return (len(in.AlarmNames) == 0 || slices.Contains(in.AlarmNames, *m.AlarmName)) &&
				strings.HasPrefix(*m.AlarmName, aws.ToString(in.AlarmNamePrefix)) &&
				(in.StateValue == "" || in.StateValue == m.StateValue) &&
				(in.ActionPrefix == nil || actsOn(m, *in.ActionPrefix))
		})
	}
	most := 50
	if in.MaxRecords != nil || len(in.AlarmNames) > 0 {
		most = namesLimit
	}
	page, next, err := paged(matching, in.NextToken, in.MaxRecords, most)
	if err != nil {
		return nil, err
	}
	return &cw.DescribeAlarmsOutput{
		MetricAlarms: page, CompositeAlarms: []types.CompositeAlarm{}, LogAlarms: []types.LogAlarm{}, NextToken: next,
	}, nil
}

func (s *Service) checkDescribe(in *cw.DescribeAlarmsInput) error {
	others := len(in.AlarmNames) > 0 || in.AlarmNamePrefix != nil || in.StateValue != "" || in.ActionPrefix != nil || len(in.AlarmTypes) > 0
	switch {
	case len(in.AlarmNames) > 0 && in.AlarmNamePrefix != nil:
		return validation("AlarmNames and AlarmNamePrefix must not be used together.")
	case (in.ChildrenOfAlarmName != nil || in.ParentsOfAlarmName != nil) && (others || in.ChildrenOfAlarmName != nil && in.ParentsOfAlarmName != nil):
		return validation("ChildrenOfAlarmName and ParentsOfAlarmName must not be used together with other parameters than MaxRecords and NextToken.")
	case in.ChildrenOfAlarmName != nil:
		return noAlarm(*in.ChildrenOfAlarmName) // no composite alarm
	case in.ParentsOfAlarmName != nil && len(s.list(func(m types.MetricAlarm) bool { return *m.AlarmName == *in.ParentsOfAlarmName })) == 0:
		return noAlarm(*in.ParentsOfAlarmName)
	case in.StateValue != "" && !slices.Contains(in.StateValue.Values(), in.StateValue):
		return notOneOf(in.StateValue, "stateValue", in.StateValue.Values())
	}
	for _, kind := range in.AlarmTypes {
		if !slices.Contains(kind.Values(), kind) {
			return notOneOf(kind, "alarmTypes", kind.Values())
		}
	}
	return checkNames(in.AlarmNames)
}

// namesLimit is how many alarms a request may name.
const namesLimit = 100

func checkNames(names []string) error {
	if len(names) > namesLimit {
		return tooLong("alarmNames", namesLimit)
	}
	return nil
}

func tooLong(member string, most int) error {
	return validation("1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", member, most)
}

func actsOn(m types.MetricAlarm, prefix string) bool {
	return slices.ContainsFunc(slices.Concat(m.AlarmActions, m.OKActions, m.InsufficientDataActions),
		func(arn string) bool { return strings.HasPrefix(arn, prefix) })
}

// list returns the alarms that match, by name.
func (s *Service) list(matches func(types.MetricAlarm) bool) []types.MetricAlarm {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []types.MetricAlarm{}
	for _, name := range slices.Sorted(maps.Keys(s.alarms)) {
		if m := s.alarms[name].Alarm; matches(m) {
			list = append(list, m)
		}
	}
	return list
}

// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmsForMetric.html
func (s *Service) describeAlarmsForMetric(_ context.Context, in *cw.DescribeAlarmsForMetricInput) (*cw.DescribeAlarmsForMetricOutput, error) {
	switch {
	case in.MetricName == nil:
		return nil, required("MetricName")
	case in.Namespace == nil:
		return nil, required("Namespace")
	}
	if in.Statistic != "" && in.ExtendedStatistic != nil {
		return nil, invalidCombination("Statistic and ExtendedStatistic are mutually exclusive.")
	}
	wanted := trackKey(*in.Namespace, *in.MetricName, sorted(in.Dimensions))
	return &cw.DescribeAlarmsForMetricOutput{MetricAlarms: s.list(func(m types.MetricAlarm) bool {
		return m.MetricName != nil && wanted == trackKey(*m.Namespace, *m.MetricName, sorted(m.Dimensions)) &&
			(in.Statistic == "" || in.Statistic == m.Statistic) &&
			(in.ExtendedStatistic == nil || *in.ExtendedStatistic == aws.ToString(m.ExtendedStatistic)) &&
			(in.Period == nil || *in.Period == aws.ToInt32(m.Period)) &&
			(in.Unit == "" || in.Unit == m.Unit)
	})}, nil
}

// deleteAlarms deletes the alarms of the names that there are; AWS passes over
// the others.
func (s *Service) deleteAlarms(ctx context.Context, in *cw.DeleteAlarmsInput) (*cw.DeleteAlarmsOutput, error) {
	if len(in.AlarmNames) == 0 {
		return nil, required("AlarmNames")
	}
	if err := checkNames(in.AlarmNames); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var items []types.AlarmHistoryItem
	for _, name := range in.AlarmNames {
		if s.alarms[name] != nil {
			items = append(items, configurationItem(name, "deleted"))
		}
	}
	if err := s.update(ctx, items, func(tx *store.Tx) error {
		for _, name := range in.AlarmNames {
			if err := s.table.Delete(tx, name); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	for _, name := range in.AlarmNames {
		delete(s.alarms, name)
	}
	return &cw.DeleteAlarmsOutput{}, nil
}

// setAlarmState sets a state until the next evaluation, and performs the
// actions of a change.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
func (s *Service) setAlarmState(ctx context.Context, in *cw.SetAlarmStateInput) (*cw.SetAlarmStateOutput, error) {
	switch {
	case in.AlarmName == nil:
		return nil, required("AlarmName")
	case in.StateReason == nil:
		return nil, required("StateReason")
	case !slices.Contains(in.StateValue.Values(), in.StateValue):
		return nil, notOneOf(in.StateValue, "stateValue", in.StateValue.Values())
	case len(*in.StateReason) > 1023:
		return nil, tooLong("stateReason", 1023)
	case len(aws.ToString(in.StateReasonData)) > 4000:
		return nil, tooLong("stateReasonData", 4000)
	case in.StateReasonData != nil && !json.Valid([]byte(*in.StateReasonData)):
		return nil, &wire.Fault{Code: "InvalidFormatFault", QueryCode: "InvalidFormat", Message: "StateReasonData is not valid JSON."}
	}
	due, err := s.setState(ctx, in)
	if err != nil {
		return nil, err
	}
	s.act(context.WithoutCancel(ctx), due)
	return &cw.SetAlarmStateOutput{}, nil
}

func (s *Service) setState(ctx context.Context, in *cw.SetAlarmStateInput) (deed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.alarms[*in.AlarmName]
	if !ok {
		return deed{}, noAlarm(*in.AlarmName)
	}
	if a.Alarm.StateValue == in.StateValue {
		return deed{}, nil
	}
	doc := a.moved(in.StateValue, *in.StateReason, aws.ToString(in.StateReasonData))
	if err := s.move(ctx, map[string]document{*in.AlarmName: doc}); err != nil {
		return deed{}, err
	}
	return deed{a.breach(), a.entered(in.StateValue)}, nil
}

func (s *Service) enableAlarmActions(ctx context.Context, in *cw.EnableAlarmActionsInput) (*cw.EnableAlarmActionsOutput, error) {
	return &cw.EnableAlarmActionsOutput{}, s.able(ctx, in.AlarmNames, true)
}

func (s *Service) disableAlarmActions(ctx context.Context, in *cw.DisableAlarmActionsInput) (*cw.DisableAlarmActionsOutput, error) {
	return &cw.DisableAlarmActionsOutput{}, s.able(ctx, in.AlarmNames, false)
}

// able lets the actions of the alarms that there are be performed, or not.
func (s *Service) able(ctx context.Context, names []string, enabled bool) error {
	if len(names) == 0 {
		return required("AlarmNames")
	}
	if err := checkNames(names); err != nil {
		return err
	}
	return s.rewrite(ctx, names, func(d *document) { d.Alarm.ActionsEnabled = &enabled })
}

// rewrite changes what is not evaluated of the alarms that there are.
func (s *Service) rewrite(ctx context.Context, names []string, change func(*document)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	docs := map[string]document{}
	for _, name := range names {
		if a, ok := s.alarms[name]; ok {
			doc := a.document
			change(&doc)
			docs[name] = doc
		}
	}
	return s.replace(ctx, docs, nil)
}

func (s *Service) tagResource(ctx context.Context, in *cw.TagResourceInput) (*cw.TagResourceOutput, error) {
	if len(in.Tags) == 0 {
		return nil, required("Tags")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if _, tags, err := s.tagged(in.ResourceARN); err != nil {
		return nil, err
	} else if len(tags)+len(in.Tags) > tagsLimit {
		set := maps.Clone(tags)
		for _, tag := range in.Tags {
			set[*tag.Key] = *tag.Value
		}
		if len(set) > tagsLimit {
			return nil, tooLong("tags", tagsLimit)
		}
	}
	return &cw.TagResourceOutput{}, s.retag(ctx, in.ResourceARN, func(tags map[string]string) {
		for _, tag := range in.Tags {
			tags[*tag.Key] = *tag.Value
		}
	})
}

// tagsLimit is how many tags an alarm can have.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Tag.html
const tagsLimit = 50

func checkTags(tags []types.Tag) error {
	if len(tags) > tagsLimit {
		return tooLong("tags", tagsLimit)
	}
	for _, tag := range tags {
		switch key := aws.ToString(tag.Key); {
		case tag.Key == nil:
			return required("Tags.member.Key")
		case tag.Value == nil:
			return required("Tags.member.Value")
		case key == "" || len(key) > 128 || strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalidValue("The value %s for parameter Tags.member.Key is invalid.", key)
		case len(*tag.Value) > 256:
			return invalidValue("The value %s for parameter Tags.member.Value is invalid.", *tag.Value)
		}
	}
	return nil
}

func (s *Service) untagResource(ctx context.Context, in *cw.UntagResourceInput) (*cw.UntagResourceOutput, error) {
	return &cw.UntagResourceOutput{}, s.retag(ctx, in.ResourceARN, func(tags map[string]string) {
		maps.DeleteFunc(tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
	})
}

func (s *Service) retag(ctx context.Context, arn *string, change func(map[string]string)) error {
	name, _, err := s.tagged(arn)
	if err != nil {
		return err
	}
	return s.rewrite(ctx, []string{name}, func(d *document) {
		d.Tags = maps.Clone(d.Tags)
		change(d.Tags)
	})
}

func (s *Service) listTagsForResource(_ context.Context, in *cw.ListTagsForResourceInput) (*cw.ListTagsForResourceOutput, error) {
	_, tags, err := s.tagged(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	out := &cw.ListTagsForResourceOutput{Tags: []types.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out.Tags = append(out.Tags, types.Tag{Key: &key, Value: new(tags[key])})
	}
	return out, nil
}

// tagged returns the name and the tags of the alarm with an ARN.
func (s *Service) tagged(arn *string) (string, map[string]string, error) {
	if arn == nil {
		return "", nil, required("ResourceARN")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name, ok := strings.CutPrefix(*arn, s.config.Account.ARN("cloudwatch", "alarm:"))
	if a := s.alarms[name]; ok && a != nil {
		return name, a.Tags, nil
	}
	return "", nil, noResource(*arn)
}
