package cloudformation

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/template"
	"github.com/spate-run/spate/internal/wire"
)

// exported returns the value of an export of any stack.
func (s *Service) exported(name string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exportedLocked(name)
}

func (s *Service) exportedLocked(name string) (string, bool) {
	for _, e := range s.exportsLocked() {
		if *e.Name == name {
			return *e.Value, true
		}
	}
	return "", false
}

// exportsLocked lists the exports of all stacks, by name.
func (s *Service) exportsLocked() []types.Export {
	var all []types.Export
	for _, r := range s.records {
		for _, o := range r.stack.Outputs {
			if o.Export != "" && r.stack.live() {
				all = append(all, types.Export{ExportingStackId: &r.stack.ID, Name: &o.Export, Value: &o.Value})
			}
		}
	}
	sorting.By(all, func(a, b types.Export) int { return strings.Compare(*a.Name, *b.Name) })
	return all
}

// importersLocked lists the names of the stacks that use an export.
func (s *Service) importersLocked(export string) []string {
	var names []string
	for _, r := range s.records {
		if r.stack.live() && slices.Contains(r.stack.Imports, export) {
			names = append(names, r.stack.Name)
		}
	}
	slices.Sort(names)
	return names
}

// checkExports says whether the stack may have these outputs: export names are
// one stack's, and an export that others use can neither change nor go.
func (op *operation) checkExports(values []template.OutputValue) error {
	op.mu.Lock()
	defer op.mu.Unlock()
	next := map[string]string{}
	for _, v := range values {
		if v.Export != "" {
			next[v.Export] = v.Value
		}
	}
	for _, e := range op.exportsLocked() {
		if _, again := next[*e.Name]; again && *e.ExportingStackId != op.stack.ID {
			return reasonf("Export with name %s is already exported by stack %s", *e.Name, op.records[*e.ExportingStackId].stack.Name)
		}
	}
	for _, o := range op.stack.Outputs {
		users := op.importersLocked(o.Export)
		if o.Export == "" || users == nil {
			continue
		}
		value, kept := next[o.Export]
		if !kept {
			return inUse(o.Export, "deleted", users)
		}
		if value != o.Value {
			return inUse(o.Export, "updated", users)
		}
	}
	return nil
}

func inUse(export, verb string, users []string) error {
	return reasonf("Export %s cannot be %s as it is in use by %s", export, verb, strings.Join(users, " and "))
}

func (s *Service) listExports(_ context.Context, in *cloudformation.ListExportsInput) (*cloudformation.ListExportsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	exports, next, err := page(s.exportsLocked(), in.NextToken)
	return &cloudformation.ListExportsOutput{Exports: exports, NextToken: next}, err
}

func (s *Service) listImports(_ context.Context, in *cloudformation.ListImportsInput) (*cloudformation.ListImportsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	users := s.importersLocked(aws.ToString(in.ExportName))
	if users == nil {
		return nil, wire.Faultf("ValidationError", "Export '%s' is not imported by any stack.", aws.ToString(in.ExportName))
	}
	imports, next, err := page(users, in.NextToken)
	return &cloudformation.ListImportsOutput{Imports: imports, NextToken: next}, err
}
