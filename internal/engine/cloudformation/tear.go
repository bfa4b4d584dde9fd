package cloudformation

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// A removal is what of a resource is to be deleted.
type removal struct {
	resource  resource
	instances []resource // one after the other
	// forget says that the stack no longer has the resource afterwards;
	// otherwise its status stays as it is when only old instances go.
	forget bool
}

// instances are all physical resources behind a resource: its own, and those
// that it had before.
func (r resource) instances() []resource {
	return append([]resource{r}, r.superseded()...)
}

// everything is the removal of all that a stack has.
func (op *operation) everything() map[string]removal {
	all := map[string]removal{}
	for id, r := range op.resources {
		if !r.gone() {
			all[id] = removal{resource: r, instances: r.instances()}
		}
	}
	return all
}

// tear deletes resources, those first that need others, and returns the ids of
// those that could not be.
func (op *operation) tear(ctx context.Context, removals map[string]removal) ([]string, error) {
	after := map[string][]string{}
	for id := range removals {
		after[id] = nil
	}
	for id, r := range removals {
		for _, i := range r.instances {
			for _, need := range i.After {
				after[need] = append(after[need], id)
			}
		}
	}
	for id := range after {
		if _, ok := removals[id]; !ok {
			delete(after, id)
		}
	}
	w := &walk{
		after:   after,
		begin:   func(id string) (*act, error) { return op.beginRemoval(removals[id], 0) },
		record:  op.write,
		patient: true,
	}
	return w.run(ctx, ctx)
}

// beginRemoval begins to delete an instance of a resource; the others follow.
func (op *operation) beginRemoval(whole removal, index int) (*act, error) {
	for ; index < len(whole.instances); index++ {
		i := whole.instances[index]
		note := op.tell
		if i.ID == whole.resource.ID { // the resource itself goes
			note = func(r resource) { op.put(r); op.tell(r) }
		}
		if status, why, skip := op.skips(i, whole); skip {
			i.Status, i.Reason = status, why
			note(i)
			continue
		}
		i.Status, i.Reason = types.ResourceStatusDeleteInProgress, ""
		note(i)
		return op.removeAct(whole, index, i, note), nil
	}
	return nil, nil
}

// skips reports whether an instance is not to be deleted, and what becomes of
// it then.
func (op *operation) skips(i resource, whole removal) (types.ResourceStatus, string, bool) {
	policy := i.DeletionPolicy
	if i.ID != whole.resource.ID {
		policy = i.UpdateReplacePolicy
	}
	if policy == "RetainExceptOnCreate" || op.stack.Bare && policy == "Retain" {
		if policy = "Retain"; i.Change == added { // by what failed
			policy = "Delete"
		}
	}
	if policy == "Retain" || policy == "Snapshot" || slices.Contains(op.stack.Retain, i.Logical) {
		return types.ResourceStatusDeleteSkipped, "", true
	}
	if i.ID != "" {
		return "", "", false
	}
	k, _ := kindOf(i.Type)
	switch {
	case !i.underWay():
		return types.ResourceStatusDeleteComplete, "", true // it never was
	case k.name != "" && i.Properties[k.name] != nil:
		return types.ResourceStatusDeleteSkipped, "The creation was cut short; whether a resource named " +
			i.Name + " is the stack's own is not known", true
	}
	return "", "", false
}

func (op *operation) removeAct(whole removal, index int, i resource, note func(resource)) *act {
	k, _ := kindOf(i.Type)
	r := op.request(i)
	return &act{
		inert: k.inert,
		do: func(ctx, _ context.Context) (made, error) {
			if k.remove == nil {
				return made{}, nil
			}
			return made{}, k.remove(ctx, op.clients, r)
		},
		end: func(_ made, err error) (*act, error) {
			if err != nil {
				i.Status, i.Reason = types.ResourceStatusDeleteFailed, explain(err, uuid())
				note(i)
				return nil, err
			}
			i.Status, i.Reason = types.ResourceStatusDeleteComplete, ""
			note(i)
			return op.beginRemoval(whole, index+1)
		},
	}
}
