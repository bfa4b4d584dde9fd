package docker

import (
	"context"
	"time"

	moby "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
)

// watchHealth tells of a container's health until ctx ends.
func (r *Runner) watchHealth(ctx context.Context, id string, tell func(well bool)) {
	var last moby.HealthStatus
	for ctx.Err() == nil {
		// The subscription stands before the look, so that nothing is missed
		// between the two.
		changes := r.api.Events(ctx, client.EventsListOptions{Filters: client.Filters{}.
			Add("container", id).Add("event", string(events.ActionHealthStatus))})
		for lost := false; !lost; {
			found, err := r.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
			if err == nil && found.Container.State != nil && found.Container.State.Health != nil {
				status := found.Container.State.Health.Status
				if status != last && (status == moby.Healthy || status == moby.Unhealthy) {
					last = status
					tell(status == moby.Healthy)
				}
			}
			select {
			case <-changes.Messages:
			case <-changes.Err:
				lost = true
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
