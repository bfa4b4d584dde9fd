package ecs

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
)

// A meter is a runner that knows what its containers use.
type meter interface {
	// Stats are a container's, in the words of Docker's own API.
	Stats(ctx context.Context, id string) (json.RawMessage, error)
}

// A measured container is one that runs, by the names that the endpoint and the
// runner have for it.
type measured struct{ runtime, id string }

// measured are a task's containers that run. The caller holds mu.
func (t *task) measured() []measured {
	var found []measured
	for _, c := range t.Containers {
		if c.Status == statusRunning {
			found = append(found, measured{c.RuntimeID, t.ID + "-" + c.Name})
		}
	}
	return found
}

func (s *Service) stats(ctx context.Context, id string) (json.RawMessage, error) {
	m, ok := s.config.Runner.(meter)
	if !ok {
		return nil, errors.New("nothing measures it")
	}
	return m.Stats(ctx, id)
}

// containerStats answers with Docker's statistics of one container, which take
// seconds: they compare two moments.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
func (s *Service) containerStats(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t, i, ok := s.secretContainer(r)
	var c container
	var id string
	if ok {
		c, id = t.Containers[i], t.ID
	}
	s.mu.Unlock()
	if !ok {
		answer(w, http.StatusNotFound, "V4 container stats handler: unable to get task arn from request")
		return
	}
	stats, err := s.stats(r.Context(), id+"-"+c.Name)
	if err != nil {
		s.log.Debug("measuring a container", "task", id, "container", c.Name, "error", err)
		answer(w, http.StatusInternalServerError, "Unable to get container stats for: "+c.RuntimeID)
		return
	}
	answer(w, http.StatusOK, stats)
}

// taskStats answers with the statistics of all of a task's containers by their
// ids: null for one that nothing measures.
func (s *Service) taskStats(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t, _, ok := s.secretContainer(r)
	body := map[string]json.RawMessage{}
	var running []measured
	if ok {
		for _, c := range t.Containers {
			body[c.RuntimeID] = nil
		}
		running = t.measured()
	}
	s.mu.Unlock()
	if !ok {
		answer(w, http.StatusNotFound, "V4 task stats handler: unable to get task arn from request")
		return
	}
	var mu sync.Mutex // guards body
	var group sync.WaitGroup
	for _, c := range running {
		group.Go(func() {
			stats, err := s.stats(r.Context(), c.id)
			if err != nil {
				s.log.Debug("measuring a container", "container", c.id, "error", err)
			}
			mu.Lock()
			defer mu.Unlock()
			body[c.runtime] = stats
		})
	}
	group.Wait()
	answer(w, http.StatusOK, body)
}
