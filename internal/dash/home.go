package dash

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"golang.org/x/sync/errgroup"

	"github.com/spate-run/spate/internal/run"
)

// runsListed is how many runs the first page lists, and counted how many are
// counted at once.
const (
	runsListed = 25
	counted    = 4
)

// A homeView is what the first page shows.
type homeView struct {
	Runs   tableView
	Stacks tableView
	Facts  [][2]string
}

func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	h, err := s.viewHome(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, homePage(s.frame("Runs"), h, s.Exports))
}

// homeParts sends what has changed on the first page.
func (s *Server) homeParts(w http.ResponseWriter, r *http.Request) {
	h, err := s.viewHome(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	sendParts(w, map[string]string{
		"runs":   rendered(r.Context(), table("runs", h.Runs)),
		"stacks": rendered(r.Context(), table("stacks", h.Stacks)),
		"engine": rendered(r.Context(), enginePart(h)),
	})
}

// sendParts sends parts of a page by their ids, for the script to put in.
func sendParts(w http.ResponseWriter, parts map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(lookView{Parts: parts})
}

func (s *Server) viewHome(ctx context.Context) (homeView, error) {
	began := time.Now()
	stacks, err := s.stacks(ctx)
	if err != nil {
		return homeView{}, err
	}
	health := fmt.Sprintf("answers within %s", took(time.Since(began)))
	runs, err := run.List(ctx, s.AWS, runsListed)
	if err != nil {
		return homeView{}, err
	}
	h := homeView{Stacks: stacks, Runs: tableView{
		Head: []string{"Job", "State", "Jobs", "Progress", "Sent", "Took", "Run"},
		Rows: make([][]cell, len(runs)),
		None: "There are no runs yet. `spate run` in a job's folder sends one, and `spate init` writes such a folder.",
	}}
	h.Facts = append(append(h.Facts, s.Facts...), [2]string{"health", health})
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(counted)
	for i, r := range runs {
		group.Go(func() (err error) {
			h.Runs.Rows[i], err = lineOf(ctx, r)
			return err
		})
	}
	return h, group.Wait()
}

func lineOf(ctx context.Context, r *run.Run) ([]cell, error) {
	p, err := r.Count(ctx)
	if err != nil {
		return nil, err
	}
	lasted, err := r.Took(ctx, p)
	if err != nil {
		return nil, err
	}
	word, class := stateOf(r, p)
	return []cell{
		{Text: r.Job.Name, Link: runURL(r.ID, "")},
		{Text: word, Badge: class},
		{Text: strconv.Itoa(r.Jobs), Class: "n"},
		{Text: fmt.Sprintf("%d done, %d failed", p.Done, p.Failed), Bar: barOf(p), Class: "progress"},
		{Text: clock(r.Created)},
		{Text: took(lasted), Class: "n"},
		{Text: r.ID, Link: runURL(r.ID, ""), Class: "id"},
	}, nil
}

// stacks lists every stack of the account and region.
func (s *Server) stacks(ctx context.Context) (tableView, error) {
	all := tableView{Head: []string{"Stack", "Status", "Changed"}, None: "None is deployed."}
	pages := cloudformation.NewDescribeStacksPaginator(s.AWS.CloudFormation, &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return all, fmt.Errorf("listing stacks: %w", err)
		}
		for _, found := range page.Stacks {
			changed := aws.ToTime(found.CreationTime)
			if found.LastUpdatedTime != nil {
				changed = *found.LastUpdatedTime
			}
			name, status := aws.ToString(found.StackName), string(found.StackStatus)
			all.Rows = append(all.Rows, []cell{
				{Text: name, Link: stackURL(name)}, {Text: status, Badge: statusClass(status)}, {Text: clock(changed)},
			})
		}
	}
	return all, nil
}

// statusClass colours a status of CloudFormation.
func statusClass(status string) string {
	switch {
	case strings.Contains(status, "FAILED"), strings.Contains(status, "ROLLBACK"):
		return "failed"
	case strings.HasSuffix(status, "_IN_PROGRESS"):
		return "running"
	case strings.HasPrefix(status, "DELETE"):
		return "cancelled"
	}
	return "done"
}
