package ecs

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/spate-run/spate/internal/store"
)

// A discarder is a runner that has images which nobody else would remove.
type discarder interface {
	// Discard removes an image that has been unused since a moment, if it is the
	// runner's to remove.
	Discard(ctx context.Context, image string, unused time.Time) error
}

// discardTime bounds how long the end of an engine waits for a runner that does
// not answer.
const discardTime = 20 * time.Second

// ran takes note that nothing of an execution is left.
func (s *Service) ran(x *execution) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.task.execution = nil
	s.untidy = true
	s.rouse()
}

// discard removes the images of definitions that are INACTIVE, when no other
// definition has them, nor a service or a task that goes on with one.
func (s *Service) discard(ctx context.Context) {
	runs, ok := s.config.Runner.(discarder)
	if !ok || !s.untidy {
		return
	}
	s.untidy = false
	inactive := s.discardable()
	if len(inactive) == 0 {
		return
	}
	needed := s.neededImages()
	for _, d := range inactive {
		images := imagesOf(d)
		if slices.ContainsFunc(images, func(image string) bool { return needed[image] }) {
			continue
		}
		d.Discarded = true
		unused := *d.Detail.DeregisteredAt
		s.executions.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, discardTime)
			defer cancel()
			for _, image := range images {
				if err := runs.Discard(ctx, image, unused); err != nil { // the next engine tries again
					s.log.Warn("removing an image that nothing uses", "image", image, "error", err)
					return
				}
			}
			s.discarded(d)
		})
	}
}

// discarded has it written that a definition's images are gone.
func (s *Service) discarded(d *definition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty.others = append(s.dirty.others, func(tx *store.Tx) error { return s.tables.definitions.Put(tx, d.revision(), *d) })
	s.rouse()
}

// discardable are definitions that are INACTIVE, and still have images.
func (s *Service) discardable() []*definition {
	var found []*definition
	for _, f := range s.families {
		for _, d := range f.revisions {
			if !d.active() && !d.Discarded && len(imagesOf(d)) > 0 {
				found = append(found, d)
			}
		}
	}
	return found
}

// imagesOf are a definition's images, folders apart.
func imagesOf(d *definition) []string {
	var images []string
	for _, c := range d.Detail.ContainerDefinitions {
		if !filepath.IsAbs(*c.Image) {
			images = append(images, *c.Image)
		}
	}
	return images
}

// neededImages are those of definitions that tasks may be made of, or are.
func (s *Service) neededImages() map[string]bool {
	definitions := map[*definition]bool{}
	for _, f := range s.families {
		for _, d := range f.revisions {
			definitions[d] = d.active()
		}
	}
	for _, v := range s.services {
		for _, d := range v.Deployments {
			if v.Status != serviceInactive {
				definitions[s.definition(&d.Definition)] = true
			}
		}
	}
	for _, t := range s.tasks {
		if t.Status != statusStopped || t.execution != nil {
			definitions[s.definition(&t.Definition)] = true
		}
	}
	needed := map[string]bool{}
	for d, needs := range definitions {
		if needs {
			for _, image := range imagesOf(d) {
				needed[image] = true
			}
		}
	}
	return needed
}
