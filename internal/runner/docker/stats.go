package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/moby/moby/client"
)

// Stats are Docker's own statistics of a container, with those of a second
// before.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerStats
func (r *Runner) Stats(ctx context.Context, id string) (stats json.RawMessage, err error) {
	found, err := r.api.ContainerStats(ctx, name(id), client.ContainerStatsOptions{IncludePreviousSample: true})
	if err != nil {
		return nil, fmt.Errorf("measuring container %s: %w", id, err)
	}
	defer func() { err = errors.Join(err, found.Body.Close()) }()
	if err := json.NewDecoder(found.Body).Decode(&stats); err != nil {
		return nil, fmt.Errorf("measuring container %s: %w", id, err)
	}
	return stats, nil
}
