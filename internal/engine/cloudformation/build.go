package cloudformation

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/template"
)

// A build makes a stack's resources those of a template.
type build struct {
	*operation
	template *template.Template
	scope    *template.Scope
	// after lists, for the resources whose condition holds, what they need.
	after map[string][]string
	tags  map[string]string // the stack's
	made  []string          // the resources that a failure is one of creating
}

// build brings the resources to what the stack's target says, those that it no
// longer has excepted, and works out the outputs. What went wrong is a reason.
func (op *operation) build(ctx, stop context.Context) (made outputs, why string, err error) {
	d := op.stack.target()
	t, err := template.Parse([]byte(d.Template))
	if err != nil {
		return made, err.Error(), nil
	}
	scope, err := op.scope(d, t)
	if err != nil {
		return made, err.Error(), nil
	}
	b := &build{operation: op, template: t, scope: scope, tags: tagMap(d.Tags)}
	ids, err := active(scope)
	if err != nil {
		return made, err.Error(), nil
	}
	b.after = order(t, ids)
	scope.Export = func(name string) (string, bool) {
		if !slices.Contains(made.imports, name) {
			made.imports = append(made.imports, name)
		}
		return op.exported(name)
	}
	w := &walk{after: b.after, begin: b.begin, record: op.write}
	failed, err := w.run(ctx, stop)
	if err != nil || ctx.Err() != nil {
		return made, "", err
	}
	if len(failed) > 0 || stop.Err() != nil {
		return made, b.explain(failed), nil
	}
	made.values, err = scope.Outputs()
	if err == nil {
		err = op.checkExports(made.values)
	}
	if err != nil {
		return made, err.Error(), nil
	}
	return made, "", nil
}

// outputs are what a build has beside its resources.
type outputs struct {
	values  []template.OutputValue
	imports []string
}

// active evaluates the conditions of a template's resources.
func active(scope *template.Scope) (map[string]bool, error) {
	all := map[string]bool{}
	for _, r := range scope.Template.Resources {
		holds, err := scope.Active(r.ID)
		if err != nil {
			return nil, err
		}
		if holds {
			all[r.ID] = true
		}
	}
	return all, nil
}

// order lists what each of a template's resources needs.
func order(t *template.Template, ids map[string]bool) map[string][]string {
	after := map[string][]string{}
	for id := range ids {
		after[id] = slices.DeleteFunc(t.Dependencies(id), func(need string) bool { return !ids[need] })
	}
	return after
}

// explain words what failed.
func (b *build) explain(failed []string) string {
	var updated []string
	made := slices.DeleteFunc(slices.Clone(failed), func(id string) bool {
		if !slices.Contains(b.made, id) {
			updated = append(updated, id)
		}
		return !slices.Contains(b.made, id)
	})
	return failures("create", made) + failures("update", updated)
}

// begin compares a resource with what it should be, and does what is needed.
func (b *build) begin(id string) (*act, error) {
	declared := b.template.Resource(id)
	old, exists := b.resources[id]
	exists = exists && !old.gone() && old.ID != ""
	want := resource{
		Logical:             id,
		Type:                declared.Type,
		After:               b.after[id],
		DeletionPolicy:      declared.DeletionPolicy,
		UpdateReplacePolicy: declared.UpdateReplacePolicy,
		Metadata:            textOfNode(declared.Metadata),
	}
	k, known := kindOf(declared.Type)
	p, err := b.scope.Properties(id)
	if err == nil && !known {
		err = reasonf("Resource %s has the type %s, which the embedded engine does not support", id, declared.Type)
	}
	want.Properties, want.Tags = p, b.tags
	if !exists {
		if err != nil {
			b.made = append(b.made, id)
			want.Change = added
			return nil, b.fail(want, types.ResourceStatusCreateFailed, asReason(err))
		}
		want.Change = added
		return b.create(k, want)
	}
	if err != nil {
		return nil, b.fail(old, types.ResourceStatusUpdateFailed, asReason(err))
	}
	return b.change(k, old, want)
}

// asReason keeps the words of an error that came from the template.
func asReason(err error) error { return reason(err.Error()) }

// change turns a resource into what it should be.
func (b *build) change(k kind, old, want resource) (*act, error) {
	changed := changes(k, old.instance, want.instance)
	if old.failed() && !k.replaces(changed) { // once more, whatever had been done
		changed = slices.DeleteFunc(sortedKeys(want.Properties), func(name string) bool { return k.replaces([]string{name}) })
	}
	want.Change, want.Before = modified, &old
	want.ID, want.Name, want.Attributes = old.ID, old.Name, old.Attributes
	want.Status, want.Reason, want.Changed = old.Status, old.Reason, old.Changed
	if len(changed) == 0 && !old.failed() {
		if want.Metadata != old.Metadata || want.DeletionPolicy != old.DeletionPolicy ||
			want.UpdateReplacePolicy != old.UpdateReplacePolicy || !slices.Equal(want.After, old.After) {
			b.put(want)
		}
		return nil, nil
	}
	if !k.replaces(changed) {
		b.mark(want, types.ResourceStatusUpdateInProgress, "")
		return b.updateAct(k, want, old.instance, changed), nil
	}
	if k.name != "" && !k.scoped && want.Properties[k.name] != nil && !slices.Contains(changed, k.name) {
		return nil, b.fail(want, types.ResourceStatusUpdateFailed, reasonf("CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename %s and update the stack again.", old.ID))
	}
	want.Change, want.instance = replaced, instance{Properties: want.Properties, Tags: want.Tags}
	return b.create(k, want)
}

// changes are the names of the properties in which two instances differ. What
// the stack's tags are is part of the property Tags.
func changes(k kind, before, after instance) []string {
	changed := template.Diff(before.Properties, after.Properties)
	if k.tag != nil && !maps.Equal(before.Tags, after.Tags) && !slices.Contains(changed, "Tags") {
		changed = append(changed, "Tags")
	}
	return changed
}

// create begins the creation of a resource, or of its replacement.
func (b *build) create(k kind, want resource) (*act, error) {
	want.Name, _ = textOf(want.Properties[k.name])
	if want.Name == "" {
		want.Name = madeUpName(b.stack.Name, want.Logical, k)
	}
	v := verbs{types.ResourceStatusCreateInProgress, types.ResourceStatusCreateComplete, types.ResourceStatusCreateFailed, "creation"}
	if want.Change == replaced {
		v = verbs{types.ResourceStatusUpdateInProgress, types.ResourceStatusUpdateComplete, types.ResourceStatusUpdateFailed, "update"}
		b.mark(want, v.begun, "Requested update requires the creation of a new physical resource; hence creating one.")
	} else {
		b.made = append(b.made, want.Logical)
		b.mark(want, v.begun, "")
	}
	r := b.request(want)
	return &act{
		inert: k.inert,
		do: func(ctx, _ context.Context) (made, error) {
			if err := r.resolve(ctx, b.clients); err != nil {
				return made{}, err
			}
			if name := r.text(k.name); name != "" {
				r.Name = name
			}
			if err := refuseExisting(ctx, b.clients, k, r); err != nil {
				return made{}, err
			}
			return k.create(ctx, b.clients, r)
		},
		end: func(m made, err error) (*act, error) {
			if m.ID != "" {
				want.ID, want.Name, want.Attributes = m.ID, r.Name, m.Attributes
				b.mark(want, v.begun, "Resource creation Initiated")
			}
			return b.ended(k, want, v, m, err)
		},
	}, nil
}

// verbs are how the statuses of a resource are called while something is done.
type verbs struct {
	begun, complete, failed types.ResourceStatus
	noun                    string
}

// refuseExisting keeps a resource that is somebody else's from being taken
// over by its name.
func refuseExisting(ctx context.Context, c *clients, k kind, r request) error {
	if k.exists == nil || r.Properties[k.name] == nil {
		return nil
	}
	exists, err := k.exists(ctx, c, r.Name)
	if err == nil && exists {
		err = reasonf("Resource of type '%s' with identifier '%s' already exists.", r.Type, r.Name)
	}
	return err
}

// updateAct changes a resource in place.
func (op *operation) updateAct(k kind, want resource, before instance, changed []string) *act {
	v := verbs{types.ResourceStatusUpdateInProgress, types.ResourceStatusUpdateComplete, types.ResourceStatusUpdateFailed, "update"}
	r := op.request(want)
	r.Before, r.Changed = before.Properties, changed
	return &act{
		inert: k.inert,
		do: func(ctx, _ context.Context) (made, error) {
			if err := r.resolve(ctx, op.clients); err != nil {
				return made{}, err
			}
			if r.changed("Tags") {
				if err := k.retag(ctx, op.clients, r, before.Tags); err != nil {
					return made{}, err
				}
			}
			if k.update == nil || slices.Equal(changed, []string{"Tags"}) {
				return made{}, nil
			}
			return k.update(ctx, op.clients, r)
		},
		end: func(m made, err error) (*act, error) {
			if m.Attributes != nil {
				want.Attributes = m.Attributes
			}
			return op.ended(k, want, v, m, err)
		},
	}
}

// ended takes the outcome of a creation or an update; a resource that has to
// be waited for is not complete yet.
func (op *operation) ended(k kind, r resource, v verbs, m made, err error) (*act, error) {
	if err != nil {
		return nil, op.fail(r, v.failed, err)
	}
	if k.steady == nil || m.Settled {
		op.mark(r, v.complete, "")
		return nil, nil
	}
	request := op.request(r)
	return &act{
		do: func(_, stop context.Context) (made, error) { return made{}, k.steady(stop, op.clients, request) },
		end: func(_ made, err error) (*act, error) {
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				err = reasonf("Resource %s cancelled", v.noun)
			}
			if err != nil {
				return nil, op.fail(r, v.failed, err)
			}
			op.mark(r, v.complete, "")
			return nil, nil
		},
	}, nil
}

func textOfNode(n *template.Node) string {
	if n == nil {
		return ""
	}
	text, _ := n.MarshalJSON() // never fails
	return string(text)
}
