package run

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
)

// PutSchedule writes what a scheduled run of the job sends: the job, every
// configuration of the source, and those inputs that are files here. What is as
// it was is not written again.
func (s *Stack) PutSchedule(ctx context.Context, j job.Job, source *job.Source) error {
	spool, jobs, err := spoolParams(ctx, source)
	if err != nil {
		return err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()

	next := record.Schedule{
		Run:     record.Run{Job: j, Jobs: jobs, Params: source.Names, Stack: s.Name, Queue: s.Queue},
		Cadence: s.aws.Cadence,
	}
	if next.Version, err = version(j, spool); err != nil {
		return err
	}
	var last record.Schedule
	err = s.Records().GetJSON(ctx, record.ScheduleKey, &last)
	if _, missing := errors.AsType[*record.NotFoundError](err); err != nil && !missing {
		return err
	}
	if next.Version == last.Version {
		next.Previous = last.Previous
	} else {
		next.Previous = last.Version
		if err := s.putVersion(ctx, next, spool); err != nil {
			return err
		}
	}
	if same, err := alike(next, last); err != nil || same {
		return err
	}
	if err := s.Records().PutJSON(ctx, record.ScheduleKey, next); err != nil {
		return err
	}
	return s.dropVersions(ctx, next)
}

// version names what a scheduled run has besides its job, by its content.
func version(j job.Job, params io.Reader) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, params); err != nil {
		return "", fmt.Errorf("reading configurations: %w", err)
	}
	for _, input := range j.Inputs {
		if onS3(input) {
			continue
		}
		if err := eachFile(j, input, func(path, name string) error { return sumFile(sum, path, name) }); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// sumFile adds a file's name and content to a sum. Ahead of both is how long
// they are, so that no two lists of files have the same sum.
func sumFile(sum hash.Hash, path, name string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	content := sha256.New()
	if _, err := io.Copy(content, f); err != nil {
		return err
	}
	_, err = fmt.Fprintf(sum, "%d %s%x", len(name), name, content.Sum(nil))
	return err
}

func alike(a, b record.Schedule) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	y, err := json.Marshal(b)
	return bytes.Equal(x, y), err
}

// putVersion writes the parameters and the files of a version.
func (s *Stack) putVersion(ctx context.Context, next record.Schedule, params io.ReadSeeker) error {
	if err := s.Records().Put(ctx, record.ScheduleParamsKey(next.Version), params); err != nil {
		return err
	}
	files := next.Job
	files.Inputs = nil
	for _, input := range next.Job.Inputs {
		if !onS3(input) {
			files.Inputs = append(files.Inputs, input)
		}
	}
	return s.putInputs(ctx, files, record.ScheduleInPrefix(next.Version))
}

// dropVersions deletes all versions but the newest two: a task that was
// started just before may still read the older of them.
func (s *Stack) dropVersions(ctx context.Context, next record.Schedule) error {
	return s.deleteSchedule(ctx, func(key string) bool {
		version, _, _ := strings.Cut(strings.TrimPrefix(key, record.SchedulePrefix), "/")
		return key != record.ScheduleKey && version != next.Version && version != next.Previous
	})
}

// DeleteSchedule deletes what scheduled runs send.
func (s *Stack) DeleteSchedule(ctx context.Context) error {
	return s.deleteSchedule(ctx, func(string) bool { return true })
}

// deleteSchedule deletes those objects of schedule/ that are old.
func (s *Stack) deleteSchedule(ctx context.Context, old func(key string) bool) error {
	for object, err := range s.Records().List(ctx, record.SchedulePrefix, "") {
		if err != nil {
			return err
		}
		if !old(object.Key) {
			continue
		}
		if err := s.Records().Delete(ctx, object.Key); err != nil {
			return err
		}
	}
	return nil
}
