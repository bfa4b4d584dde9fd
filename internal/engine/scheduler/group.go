package scheduler

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/spate-run/spate/internal/store"
)

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateScheduleGroup.html
func (s *Service) createScheduleGroup(ctx context.Context, in *sdk.CreateScheduleGroupInput) (*sdk.CreateScheduleGroupOutput, error) {
	if err := checkName("name", *in.Name); err != nil {
		return nil, err
	}
	if len(in.Tags) > 200 {
		return nil, validation("A schedule group has at most 200 tags.")
	}
	out := &sdk.CreateScheduleGroupOutput{ScheduleGroupArn: new(s.groupARN(*in.Name))}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.group[*in.Name]; ok {
		if in.ClientToken != nil && old.Token == *in.ClientToken {
			return out, nil
		}
		return nil, conflict("Schedule group", *in.Name)
	}
	now := time.Now().UTC()
	g := group{Name: *in.Name, Created: now, Modified: now, Tags: tagMap(in.Tags), Token: aws.ToString(in.ClientToken)}
	if err := s.groups.Save(ctx, g.Name, g); err != nil {
		return nil, err
	}
	s.group[g.Name] = g
	return out, nil
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_GetScheduleGroup.html
func (s *Service) getScheduleGroup(_ context.Context, in *sdk.GetScheduleGroupInput) (*sdk.GetScheduleGroupOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.group[*in.Name]
	if !ok {
		return nil, noGroup(*in.Name)
	}
	return &sdk.GetScheduleGroupOutput{
		Arn: new(s.groupARN(g.Name)), Name: &g.Name, State: types.ScheduleGroupStateActive,
		CreationDate: &g.Created, LastModificationDate: &g.Modified,
	}, nil
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListScheduleGroups.html
func (s *Service) listScheduleGroups(_ context.Context, in *sdk.ListScheduleGroupsInput) (*sdk.ListScheduleGroupsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []types.ScheduleGroupSummary
	for _, name := range slices.Sorted(maps.Keys(s.group)) {
		if g := s.group[name]; strings.HasPrefix(name, aws.ToString(in.NamePrefix)) {
			list = append(list, types.ScheduleGroupSummary{
				Arn: new(s.groupARN(name)), Name: &g.Name, State: types.ScheduleGroupStateActive,
				CreationDate: &g.Created, LastModificationDate: &g.Modified,
			})
		}
	}
	page, next, err := paged(list, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	return &sdk.ListScheduleGroupsOutput{ScheduleGroups: page, NextToken: next}, nil
}

// deleteScheduleGroup deletes a group with its schedules.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_DeleteScheduleGroup.html
func (s *Service) deleteScheduleGroup(ctx context.Context, in *sdk.DeleteScheduleGroupInput) (*sdk.DeleteScheduleGroupOutput, error) {
	name := *in.Name
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.group[name]; !ok {
		return nil, noGroup(name)
	}
	if name == defaultGroup {
		return nil, validation("The default schedule group cannot be deleted.")
	}
	within := func(key string, _ schedule) bool { return strings.HasPrefix(key, name+"/") }
	if err := s.config.Store.Update(ctx, func(tx *store.Tx) error {
		for key, sch := range s.schedule {
			if within(key, sch) {
				if err := s.schedules.Delete(tx, key); err != nil {
					return err
				}
			}
		}
		return s.groups.Delete(tx, name)
	}); err != nil {
		return nil, err
	}
	delete(s.group, name)
	maps.DeleteFunc(s.schedule, within)
	s.clock.Wake()
	return &sdk.DeleteScheduleGroupOutput{}, nil
}

func (s *Service) tagResource(ctx context.Context, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	return &sdk.TagResourceOutput{}, s.retag(ctx, *in.ResourceArn, func(tags map[string]string) {
		maps.Copy(tags, tagMap(in.Tags))
	})
}

func (s *Service) untagResource(ctx context.Context, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	return &sdk.UntagResourceOutput{}, s.retag(ctx, *in.ResourceArn, func(tags map[string]string) {
		maps.DeleteFunc(tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
	})
}

func (s *Service) listTagsForResource(_ context.Context, in *sdk.ListTagsForResourceInput) (*sdk.ListTagsForResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.tagged(*in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListTagsForResourceOutput{Tags: []types.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(g.Tags)) {
		out.Tags = append(out.Tags, types.Tag{Key: &key, Value: new(g.Tags[key])})
	}
	return out, nil
}

func (s *Service) retag(ctx context.Context, arn string, change func(map[string]string)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.tagged(arn)
	if err != nil {
		return err
	}
	tags := map[string]string{}
	maps.Copy(tags, g.Tags)
	change(tags)
	if len(tags) > 200 {
		return validation("A schedule group has at most 200 tags.")
	}
	g.Tags = tags
	if err := s.groups.Save(ctx, g.Name, g); err != nil {
		return err
	}
	s.group[g.Name] = g
	return nil
}

// tagged returns the group with an ARN; only groups have tags. The caller holds
// s.mu.
func (s *Service) tagged(arn string) (group, error) {
	name, ok := strings.CutPrefix(arn, s.groupARN(""))
	if !ok {
		return group{}, validation("Invalid resource ARN: %s. Only schedule groups have tags.", arn)
	}
	g, ok := s.group[name]
	if !ok {
		return group{}, noGroup(name)
	}
	return g, nil
}
