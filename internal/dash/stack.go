package dash

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/spate-run/spate/internal/engine/cloudformation"
	"github.com/spate-run/spate/internal/run"
)

// A stackView is what the page of a stack shows.
type stackView struct {
	Name  string
	Every string // milliseconds between looks at it
	Parts []stackPart
	// Scaled is how the service of a job's stack was scaled, and Dead how many
	// messages no worker could read.
	Scaled []decision
	Dead   int
	Ours   bool
}

// A stackPart is one table of it.
type stackPart struct {
	ID, Title string
	Table     tableView
}

func (s *Server) stackPage(w http.ResponseWriter, r *http.Request) {
	v, err := s.viewStack(r.Context(), r.PathValue("stack"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, stackPage(s.frame(v.Name), v))
}

// stackParts sends what has changed on the page of a stack.
func (s *Server) stackParts(w http.ResponseWriter, r *http.Request) {
	v, err := s.viewStack(r.Context(), r.PathValue("stack"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	parts := map[string]string{}
	if v.Ours {
		parts["dead"] = rendered(r.Context(), deadPart(v.Dead))
		parts["decisions"] = rendered(r.Context(), decisionsPart(v.Scaled))
	}
	for _, p := range v.Parts {
		parts[p.ID] = rendered(r.Context(), table(p.ID, p.Table))
	}
	sendParts(w, parts)
}

func (s *Server) viewStack(ctx context.Context, name string) (stackView, error) {
	v := stackView{Name: name, Every: "2000"}
	if s.Remote {
		v.Every = "30000" // CloudWatch bills each metric that is asked for
	}
	resources, err := s.resources(ctx, name)
	if err != nil {
		return v, err
	}
	alarms, err := s.alarms(ctx, name)
	if err != nil {
		return v, err
	}
	v.Parts = []stackPart{{"alarms", "Alarms", alarms}, {"resources", "Resources", resources}}
	stack, err := run.FindStack(ctx, s.AWS, name)
	if err != nil || stack == nil {
		return v, err
	}
	v.Ours = true
	if v.Dead, err = stack.CountDead(ctx); err != nil {
		return v, err
	}
	activities, err := stack.Activities(ctx)
	for _, a := range activities {
		v.Scaled = append(v.Scaled, decide(a))
	}
	return v, err
}

// alarms lists the alarms whose names begin with the stack's.
func (s *Server) alarms(ctx context.Context, name string) (tableView, error) {
	t := tableView{Head: []string{"Alarm", "State", "Metric and threshold", "Why"}, None: "It has none."}
	all, err := s.AWS.Alarms(ctx, name+"-")
	for _, a := range all {
		class := map[string]string{"OK": "done", "ALARM": "running"}[a.State]
		if class == "" {
			class = "waiting"
		}
		points, missing := s.AWS.Points(ctx, a.Gauge, graphed)
		if err == nil {
			err = missing
		}
		g := draw(points, a.Threshold)
		t.Rows = append(t.Rows, []cell{
			{Text: a.Name}, {Text: a.State, Badge: class},
			{Text: g.Last + ", alarm " + inSigns(a.Comparison, a.Threshold), Graph: g}, {Text: a.Reason, Class: "text"},
		})
	}
	return t, err
}

// redrive has SQS move the stack's dead letters back to its queue.
func (s *Server) redrive(w http.ResponseWriter, r *http.Request) {
	stack, err := run.FindStack(r.Context(), s.AWS, r.PathValue("stack"))
	if err == nil && stack == nil {
		http.Error(w, "there is no such stack of a job", http.StatusNotFound)
		return
	}
	if err == nil {
		var moved run.Redriven
		if moved, err = stack.Redrive(r.Context()); err == nil {
			fmt.Fprintf(w, "%s moved to the queue", count(moved.Moved, "message is", "messages are"))
			return
		}
	}
	s.fail(w, r, err)
}

// resources lists the resources of a stack.
func (s *Server) resources(ctx context.Context, name string) (tableView, error) {
	t := tableView{Head: []string{"Resource", "Type", "Here", "Status", "Id"}, None: "It has none."}
	inert := inertTypes()
	pages := cfn.NewListStackResourcesPaginator(s.AWS.CloudFormation, &cfn.ListStackResourcesInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return t, fmt.Errorf("listing the resources of %s: %w", name, err)
		}
		for _, found := range page.StackResourceSummaries {
			kind, status := aws.ToString(found.ResourceType), string(found.ResourceStatus)
			here := cell{Text: "works"}
			if !s.Remote && slices.Contains(inert, kind) {
				here = cell{Text: "inert", Badge: "inert", Title: "The embedded engine keeps it, and it does nothing here."}
			}
			t.Rows = append(t.Rows, []cell{
				{Text: aws.ToString(found.LogicalResourceId)}, {Text: kind}, here,
				{Text: status, Badge: statusClass(status), Note: aws.ToString(found.ResourceStatusReason)},
				{Text: aws.ToString(found.PhysicalResourceId), Class: "text id"},
			})
		}
	}
	return t, nil
}

// inertTypes are the resource types that do nothing on the embedded engine.
func inertTypes() []string {
	var names []string
	for _, t := range cloudformation.ResourceTypes() {
		if t.Inert {
			names = append(names, t.Name)
		}
	}
	return names
}
