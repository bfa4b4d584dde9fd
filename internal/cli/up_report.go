package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/engine"
)

// An upReport is what there is of a stack that is up.
type upReport struct {
	Stack   string            `json:"stack"`
	Queues  map[string]string `json:"queues"` // their URLs by their logical ids
	Outputs map[string]string `json:"outputs"`
	Inert   map[string]int    `json:"inert"` // how many of each type
}

func reportOn(ctx context.Context, s *client.Session, u upStack, outputs deploy.Outputs) (upReport, error) {
	r := upReport{Stack: u.name, Queues: map[string]string{}, Outputs: outputs, Inert: map[string]int{}}
	resources, err := deploy.Resources(ctx, s.CloudFormation, u.name)
	for _, resource := range resources {
		switch {
		case resource.Type == "AWS::SQS::Queue":
			r.Queues[resource.LogicalID] = resource.PhysicalID
		case engine.Inert(resource.Type):
			r.Inert[resource.Type]++
		}
	}
	return r, err
}

// printUp prints what is up, and what is amiss with it.
func (a *app) printUp(s *client.Session, p *upPlan, reports []upReport, output outputFlag) error {
	if output == "json" {
		doc := struct {
			Endpoint string     `json:"endpoint"`
			Region   string     `json:"region"`
			Stacks   []upReport `json:"stacks"`
		}{s.Address.Endpoint, s.Address.Region, reports}
		if err := printJSON(a.stdout, doc); err != nil {
			return err
		}
	} else {
		var rows [][]string
		for _, r := range reports {
			for _, id := range slices.Sorted(maps.Keys(r.Queues)) {
				rows = append(rows, []string{r.Stack, "queue", id, r.Queues[id]})
			}
			for _, name := range slices.Sorted(maps.Keys(r.Outputs)) {
				rows = append(rows, []string{r.Stack, "output", name, r.Outputs[name]})
			}
		}
		if err := printTable(a.stdout, []string{"STACK", "WHAT", "NAME", "VALUE"}, rows); err != nil {
			return err
		}
		fmt.Fprintln(a.stdout)
		printExports(a.stdout, s.Address)
	}
	for i, u := range p.stacks {
		a.tellAmiss(u, reports[i])
	}
	fmt.Fprintln(a.stderr, "up until Ctrl-C")
	return nil
}

// tellAmiss tells what of a stack does nothing here, and what is wrong with it.
func (a *app) tellAmiss(u upStack, r upReport) {
	if len(r.Inert) > 0 {
		var types []string
		for _, name := range slices.Sorted(maps.Keys(r.Inert)) {
			types = append(types, fmt.Sprintf("%d %s", r.Inert[name], name))
		}
		fmt.Fprintf(a.stderr, "%s: kept without effect: %s\n", u.name, strings.Join(types, ", "))
	}
	for _, advice := range u.advice {
		at := u.file
		if u.written {
			at = fmt.Sprintf("%s:%d:%d", u.file, advice.Pos.Line, advice.Pos.Column)
		}
		fmt.Fprintf(a.stderr, "warning: %s: %s\n", at, advice)
	}
	for _, why := range u.idle {
		a.tell("warning: "+why.Fact, why.Hint)
	}
}

// serviceEvery is the time between two looks at the services of stacks.
const serviceEvery = 500 * time.Millisecond

// watchServices tells how many tasks services run, and why others failed. What
// it cannot find out is for others to tell.
func (a *app) watchServices(ctx context.Context, s *client.Session, p *upPlan) {
	known := map[string]deploy.Service{}
	tick := time.NewTicker(serviceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, u := range p.stacks {
			resources, err := deploy.Resources(ctx, s.CloudFormation, u.name)
			if err != nil {
				continue // it is not there yet
			}
			for _, r := range resources {
				if r.Type != "AWS::ECS::Service" {
					continue
				}
				if now, err := deploy.DescribeService(ctx, s.ECS, r.PhysicalID); err == nil {
					a.tellService(r.LogicalID, known[r.PhysicalID], now)
					known[r.PhysicalID] = now
				}
			}
		}
	}
}

func (a *app) tellService(name string, before, now deploy.Service) {
	if now.Running != before.Running {
		fmt.Fprintf(a.stderr, "%s: %s\n", name, count(now.Running, "task")+" running")
	}
	for _, f := range now.Failures {
		if slices.Contains(before.Failures, f) {
			continue
		}
		hint := ""
		if f.Container != "" {
			hint = "Ctrl-C, and name a folder, or an image that docker has: --image " + shellQuote([]string{f.Container + "=FOLDER"}) +
				"; or have it here, and it is tried again: " + shellQuote([]string{"docker", "pull", f.Image})
		}
		a.tell(fmt.Sprintf("%s: a task failed: %s", name, f.Reason), hint)
	}
}
