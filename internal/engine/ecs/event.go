package ecs

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/store"
)

// maxEvents is how many of its last events a service has.
const maxEvents = 100

// An event is a line in the history of a service.
type event struct {
	Service string // its key
	Number  int
	ID      string
	At      time.Time
	Message string
}

func (e event) key() string { return fmt.Sprintf("%s#%010d", e.Service, e.Number) }

// say adds an event to a service's history. Its message begins as ECS's do,
// "(service name) …".
func (s *Service) say(v *service, now time.Time, format string, args ...any) {
	v.Numbered++
	e := event{
		Service: v.key(),
		Number:  v.Numbered,
		ID:      newUUID(),
		At:      now,
		Message: fmt.Sprintf("(service %s) ", v.Name) + fmt.Sprintf(format, args...),
	}
	v.events = append(v.events, e)
	var old []event
	if extra := len(v.events) - maxEvents; extra > 0 {
		old, v.events = slices.Clone(v.events[:extra]), slices.Clone(v.events[extra:])
	}
	s.dirty.services[v] = true
	s.dirty.others = append(s.dirty.others, func(tx *store.Tx) error {
		if err := s.removeEvents(tx, old); err != nil {
			return err
		}
		return s.tables.events.Put(tx, e.key(), e)
	})
	s.log.Info("service event", "cluster", v.Cluster, "message", e.Message)
}

// sayTasks adds events that name tasks, ten at a time.
func (s *Service) sayTasks(v *service, now time.Time, format string, tasks []*task) {
	for some := range slices.Chunk(tasks, 10) {
		var names strings.Builder
		for _, t := range some {
			fmt.Fprintf(&names, " (task %s)", t.ID)
		}
		s.say(v, now, format+":%s.", len(some), names.String())
	}
}

func (s *Service) removeEvents(tx *store.Tx, events []event) error {
	for _, e := range events {
		if err := s.tables.events.Delete(tx, e.key()); err != nil {
			return err
		}
	}
	return nil
}

// loadEvents reads all events, by the keys of their services.
func (s *Service) loadEvents(ctx context.Context) (map[string][]event, error) {
	all, err := s.tables.events.All(ctx)
	if err != nil {
		return nil, err
	}
	byService := map[string][]event{}
	for _, e := range all {
		byService[e.Service] = append(byService[e.Service], e)
	}
	for _, events := range byService {
		sorting.By(events, func(a, b event) int { return cmp.Compare(a.Number, b.Number) })
	}
	return byService, nil
}

// describeEvents lists events as ECS does, the last one first.
func describeEvents(events []event) []types.ServiceEvent {
	described := make([]types.ServiceEvent, 0, len(events))
	for _, e := range slices.Backward(events) {
		described = append(described, types.ServiceEvent{
			CreatedAt: aws.Time(e.At), Id: aws.String(e.ID), Message: aws.String(e.Message),
		})
	}
	return described
}
