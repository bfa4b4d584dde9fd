package ecs

import (
	"context"
	"maps"
	"path/filepath"
	"slices"

	"github.com/spate-run/spate/internal/runner"
)

// survivors are the containers that an engine which was killed left with a
// runner that keeps them: by their tasks, by their ids. The runner is asked only
// where there may be any.
func (s *Service) survivors(ctx context.Context, tasks []task) map[string]map[string]bool {
	keeper, ok := s.config.Runner.(runner.Keeper)
	if !ok || !slices.ContainsFunc(tasks, task.mayHaveSurvived) {
		return nil
	}
	found, err := keeper.Survivors(ctx)
	if err != nil {
		s.log.Warn("looking for containers that an earlier engine left", "error", err)
		return nil
	}
	left := map[string]map[string]bool{}
	for _, c := range found {
		if left[c.Task] == nil {
			left[c.Task] = map[string]bool{}
		}
		left[c.Task][c.ID] = true
	}
	return left
}

// mayHaveSurvived reports whether a task had containers that were not a
// folder's processes.
func (t task) mayHaveSurvived() bool {
	return t.Placed && t.Status != statusStopped &&
		slices.ContainsFunc(t.Containers, func(c container) bool { return !filepath.IsAbs(c.Image) })
}

// adopt takes a task back whose running containers are all among those that
// are left. It reports false for one that cannot go on.
func (s *Service) adopt(t *task, left map[string]bool) bool {
	if left == nil {
		return false
	}
	x := s.newExecution(t)
	for i, c := range t.Containers {
		m := x.members[i]
		m.survived = left[x.id(c.Name)]
		switch {
		case c.Status == statusRunning && !m.survived:
			return false
		case c.Status == statusStopped:
			if c.ExitCode != nil {
				m.exit = runner.Exit{Code: *c.ExitCode, Reason: c.Reason}
				close(m.up)
			}
			close(m.over)
		}
	}
	if !s.config.Capacity.Reserve(t.Size) {
		return false
	}
	t.execution = x
	s.launches = append(s.launches, x)
	if !t.wanted() {
		s.halts = append(s.halts, x)
	}
	return true
}

// clear removes the containers of tasks that do not go on.
func (s *Service) clear(ctx context.Context, left map[string]map[string]bool) {
	for _, id := range slices.Sorted(maps.Keys(left)) {
		if err := s.config.Runner.(runner.Keeper).Clear(ctx, id); err != nil {
			s.log.Warn("removing containers that an earlier engine left", "task", id, "error", err)
		}
	}
}
