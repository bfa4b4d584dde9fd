package run

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/user"

	"github.com/oklog/ulid/v2"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// Record writes the record of a run of the job for every configuration of the
// source. Send sends them.
func (s *Stack) Record(ctx context.Context, j job.Job, source *job.Source) (*Run, error) {
	spool, jobs, err := spoolParams(ctx, source)
	if err != nil {
		return nil, err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()

	r := &Run{Stack: s, Run: record.Run{
		ID:      ulid.Make().String(),
		Job:     j,
		Jobs:    jobs,
		Params:  source.Names,
		Stack:   s.Name,
		Queue:   s.Queue,
		User:    userName(),
		Host:    hostName(),
		Created: now(),
	}}
	records := s.Records()
	if err := records.Put(ctx, record.ParamsKey(r.ID), spool); err != nil {
		return nil, err
	}
	if err := s.putInputs(ctx, j, record.InPrefix(r.ID)); err != nil {
		return nil, err
	}
	return r, records.PutJSON(ctx, record.RunKey(r.ID), r.Run)
}

// spoolParams writes the configurations to a file, one a line, and counts
// them: neither their number nor their size is known before.
func spoolParams(ctx context.Context, source *job.Source) (_ *os.File, jobs int, err error) {
	spool, err := os.CreateTemp("", "spate-params-*.jsonl")
	if err != nil {
		return nil, 0, fmt.Errorf("spooling configurations: %w", err)
	}
	if jobs, err = writeParams(ctx, spool, source); err == nil {
		_, err = spool.Seek(0, 0)
	}
	if err != nil {
		_ = spool.Close() // it is given up
		_ = os.Remove(spool.Name())
		return nil, 0, err
	}
	return spool, jobs, nil
}

func writeParams(ctx context.Context, spool *os.File, source *job.Source) (jobs int, err error) {
	w := bufio.NewWriter(spool)
	for c, err := range source.Each(ctx) {
		if err != nil {
			return 0, err
		}
		line, err := json.Marshal(c)
		if err != nil {
			return 0, err
		}
		if len(line) > maxBody {
			return 0, job.Problem{
				File: "params", Fact: fmt.Sprintf("configuration %d has %d bytes, and a message holds at most %d", jobs, len(line), maxBody),
				Hint: "keep large values in files, and name these; `inputs:` in the job file brings them along",
			}
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return 0, fmt.Errorf("spooling configurations: %w", err)
		}
		jobs++
	}
	if err := w.Flush(); err != nil {
		return 0, fmt.Errorf("spooling configurations: %w", err)
	}
	return jobs, nil
}

// Who sends a run is only told, never relied on.

func hostName() string {
	name, _ := os.Hostname()
	return name
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}
