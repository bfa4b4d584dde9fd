package dash

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/spate-run/spate/internal/engine/cloudformation"
)

// A stackView is what the page of a stack shows.
type stackView struct {
	Name  string
	Parts []stackPart
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

func (s *Server) viewStack(ctx context.Context, name string) (stackView, error) {
	v := stackView{Name: name}
	resources, err := s.resources(ctx, name)
	if err != nil {
		return v, err
	}
	v.Parts = append(v.Parts, stackPart{"resources", "Resources", resources})
	return v, nil
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
