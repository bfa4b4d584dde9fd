package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/sorting"
)

// Last names the newest run wherever an id is asked for.
const Last = "last"

// A Run is a run that was sent, and the stack it was sent to.
type Run struct {
	record.Run
	Stack *Stack
}

// An UnknownError reports an id that no run begins with.
type UnknownError struct{ ID string }

func (e *UnknownError) Error() string {
	if e.ID == Last {
		return "there are no runs"
	}
	return fmt.Sprintf("no run begins with %q", e.ID)
}

// An AmbiguousError reports an id that several runs begin with.
type AmbiguousError struct {
	ID   string
	Runs []string
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("several runs begin with %q", e.ID)
}

// entry is a run of which no more than the id is known.
type entry struct {
	id    string
	stack *Stack
}

// entries lists the runs of all stacks, the newest first: ULIDs sort by time.
func entries(ctx context.Context, aws *client.AWS) ([]entry, error) {
	stacks, err := Stacks(ctx, aws)
	if err != nil {
		return nil, err
	}
	var all []entry
	for _, s := range stacks {
		ids, err := s.Records().Folders(ctx, record.RunsPrefix)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			all = append(all, entry{id, s})
		}
	}
	sorting.By(all, func(a, b entry) int { return cmp.Compare(b.id, a.id) })
	return all, nil
}

// mostNamed is how many runs an AmbiguousError names at most.
const mostNamed = 10

// Find returns the run whose id begins with id, or the newest one for Last.
func Find(ctx context.Context, aws *client.AWS, id string) (*Run, error) {
	all, err := entries(ctx, aws)
	if err != nil {
		return nil, err
	}
	var runs []*Run
	for _, e := range all {
		if len(runs) == mostNamed || id == Last && len(runs) == 1 {
			break
		}
		if id != Last && !strings.HasPrefix(e.id, strings.ToUpper(id)) {
			continue
		}
		r, err := e.load(ctx)
		if err != nil {
			return nil, err
		}
		if r != nil {
			runs = append(runs, r)
		}
	}
	switch len(runs) {
	case 0:
		return nil, &UnknownError{id}
	case 1:
		return runs[0], nil
	}
	ambiguous := &AmbiguousError{ID: id}
	for _, r := range runs {
		ambiguous.Runs = append(ambiguous.Runs, r.ID)
	}
	return nil, ambiguous
}

// List returns the newest runs of all stacks, at most limit of them, which is
// not below 0.
func List(ctx context.Context, aws *client.AWS, limit int) ([]*Run, error) {
	all, err := entries(ctx, aws)
	if err != nil {
		return nil, err
	}
	all = all[:min(limit, len(all))]
	runs := make([]*Run, len(all))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reads)
	for i, e := range all {
		group.Go(func() (err error) {
			runs[i], err = e.load(ctx)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(runs, func(r *Run) bool { return r == nil }), nil
}

// Took is how long the run took, from its sending to its newest result; 0 while
// jobs have none. It was recorded when somebody saw that the run was done; a
// listing, which tells a second, bounds that from both sides.
func (r *Run) Took(ctx context.Context, p Progress) (time.Duration, error) {
	if !p.Finished() || p.newest == 0 {
		return 0, nil
	}
	var seen record.Finish
	err := r.Stack.Records().GetJSON(ctx, record.DoneKey(r.ID, p.newest), &seen)
	if err := ifThere(err); err != nil {
		return 0, err
	}
	end := p.LastEnd.Add(time.Second - time.Millisecond)
	if seen.At.After(p.LastEnd) && seen.At.Before(end) {
		end = seen.At
	}
	return max(time.Millisecond, end.Sub(r.Created)), nil
}

// load reads a run, or returns nil for one whose client ended before it was
// recorded: nothing of it was sent.
func (e entry) load(ctx context.Context) (*Run, error) {
	r := &Run{Stack: e.stack}
	err := e.stack.Records().GetJSON(ctx, record.RunKey(e.id), &r.Run)
	if _, missing := errors.AsType[*record.NotFoundError](err); missing {
		return nil, nil
	}
	return r, err
}
