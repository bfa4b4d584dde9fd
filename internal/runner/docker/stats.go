package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Stats are Docker's own statistics of a container, with those of a second
// before, and how much comes and goes on its network each second, as ECS adds
// it. That network may be one that is held for the task.
// https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerStats
func (r *Runner) Stats(ctx context.Context, id string) (json.RawMessage, error) {
	found := r.sample(ctx, name(id))
	if found.err != nil {
		return nil, fmt.Errorf("measuring container %s: %w", id, found.err)
	}
	if found.stats["networks"] != nil {
		found.stats["network_rate_stats"], _ = json.Marshal(found.rate) // numbers
	}
	return json.Marshal(found.stats)
}

// A sample is what Docker tells of a container.
type sample struct {
	stats map[string]json.RawMessage
	rate  networkRate
	err   error
}

// A networkRate is in bytes a second.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-examples.html
type networkRate struct {
	Received float64 `json:"rx_bytes_per_sec"`
	Sent     float64 `json:"tx_bytes_per_sec"`
}

// sample takes the second of the samples that Docker takes each second: what
// went over the network before it only the first one tells.
func (r *Runner) sample(ctx context.Context, id string) (s sample) {
	found, err := r.api.ContainerStats(ctx, id, client.ContainerStatsOptions{Stream: true})
	if err != nil {
		return sample{err: err}
	}
	defer func() { s.err = errors.Join(s.err, found.Body.Close()) }()
	stream := json.NewDecoder(found.Body)
	var counts [2]counted
	for i := range counts {
		s.stats = nil
		if s.err = stream.Decode(&s.stats); s.err != nil {
			return s
		}
		if counts[i], s.err = count(s.stats); s.err != nil {
			return s
		}
	}
	s.rate = counts[1].since(counts[0])
	return s
}

// A counted is what has come and gone on a network until a moment.
type counted struct {
	at             time.Time
	received, sent uint64
}

func count(stats map[string]json.RawMessage) (counted, error) {
	var c counted
	if err := json.Unmarshal(stats["read"], &c.at); err != nil {
		return c, err
	}
	if stats["networks"] == nil {
		return c, nil
	}
	var networks map[string]container.NetworkStats
	if err := json.Unmarshal(stats["networks"], &networks); err != nil {
		return c, err
	}
	for _, n := range networks {
		c.received += n.RxBytes
		c.sent += n.TxBytes
	}
	return c, nil
}

func (c counted) since(before counted) networkRate {
	seconds := c.at.Sub(before.at).Seconds()
	if seconds <= 0 || c.received < before.received || c.sent < before.sent {
		return networkRate{}
	}
	return networkRate{float64(c.received-before.received) / seconds, float64(c.sent-before.sent) / seconds}
}
