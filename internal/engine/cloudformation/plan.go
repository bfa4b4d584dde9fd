package cloudformation

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/template"
)

// A plan works out what an operation would do to a stack's resources.
type plan struct {
	record  *record
	scope   *template.Scope    // what is known before anything is done
	before  *template.Template // what the stack is made from; nil for a new one
	changed map[string]bool    // the parameters whose values change
	secret  map[string]bool    // the parameters that are not to be echoed
	tags    map[string]string  // the stack's
	fates   map[string]fate
	changes []types.ResourceChange
}

// A fate is what becomes of a resource, as far as it is known before.
type fate int

const (
	kept     fate = iota
	altered       // in place: its attributes may become others
	unsure        // altered, or replaced if what it refers to changes
	brandNew      // made, or replaced
)

// afterApply stands for what is known once a resource is there.
const afterApply = "{{changeSet:KNOWN_AFTER_APPLY}}"

// planLocked lists what a definition asks for that a stack is not already, by
// logical id, and whether there is anything at all: outputs and tags alone have
// no entry. The scope is the definition's.
func (s *Service) planLocked(r *record, scope *template.Scope, next definition) ([]types.ResourceChange, bool) {
	made, err := active(scope)
	if err != nil {
		return nil, true
	}
	p := &plan{
		record: r, scope: scope, tags: tagMap(next.Tags), fates: map[string]fate{},
		changed: map[string]bool{}, secret: map[string]bool{},
	}
	if text := r.stack.Definition.Template; text != "" {
		p.before, _ = template.Parse([]byte(text)) // as it was parsed when the stack was made
	}
	for _, value := range next.Parameters {
		p.changed[value.Key] = !slices.Contains(r.stack.Definition.Parameters, value)
		p.secret[value.Key] = value.NoEcho
	}
	scope.Ref, scope.GetAtt, scope.Export = p.ref, p.attribute, s.exportedLocked
	levels, _ := scope.Template.Levels() // it has been validated
	for _, level := range levels {
		for _, id := range level {
			if made[id] {
				p.declared(scope.Template.Resource(id))
			}
		}
	}
	for id, old := range r.resources {
		if !made[id] && !old.gone() && old.ID != "" {
			p.remove(old)
		}
	}
	sorting.By(p.changes, func(a, b types.ResourceChange) int {
		return strings.Compare(*a.LogicalResourceId, *b.LogicalResourceId)
	})
	outputs, err := scope.Outputs()
	same := len(p.changes) == 0 && err == nil && slices.Equal(outputs, r.stack.Outputs) &&
		slices.EqualFunc(next.Tags, r.stack.Definition.Tags, sameTag)
	return p.changes, !same
}

// ref answers Ref for resources.
func (p *plan) ref(id string) (any, error) {
	if p.fates[id] == brandNew {
		return afterApply, nil
	}
	return p.record.resources[id].ID, nil
}

func (p *plan) attribute(id, name string) (any, error) {
	if p.fates[id] == brandNew {
		return afterApply, nil
	}
	value, ok := p.record.resources[id].Attributes[name]
	if !ok {
		return nil, errUnknown
	}
	return value, nil
}

// properties are what a resource's properties come to, as far as is known.
func (p *plan) properties(declared *template.Resource) properties {
	all := properties{}
	if declared.Properties == nil {
		return all
	}
	for _, member := range declared.Properties.Members {
		value, err := p.scope.Value(member.Value)
		switch {
		case err != nil:
			all[member.Name] = afterApply
		case value != nil:
			all[member.Name] = value
		}
	}
	return all
}

// declared notes what happens to a resource of the template.
func (p *plan) declared(declared *template.Resource) {
	after := resource{
		instance: instance{Properties: p.properties(declared), Tags: p.tags}, Metadata: textOfNode(declared.Metadata),
		DeletionPolicy: declared.DeletionPolicy, UpdateReplacePolicy: declared.UpdateReplacePolicy,
	}
	old, exists := p.record.resources[declared.ID]
	if !exists || old.gone() || old.ID == "" {
		p.fates[declared.ID] = brandNew
		p.changes = append(p.changes, types.ResourceChange{
			Action: types.ChangeActionAdd, LogicalResourceId: &declared.ID, ResourceType: &declared.Type,
			Scope: []types.ResourceAttribute{}, Details: []types.ResourceChangeDetail{}, AfterContext: p.context(after, declared),
		})
		return
	}
	details := p.details(declared, old, after)
	if len(details) == 0 {
		return
	}
	change := types.ResourceChange{
		Action: types.ChangeActionModify, LogicalResourceId: &declared.ID, ResourceType: &declared.Type,
		PhysicalResourceId: &old.ID, Details: details, Replacement: replacement(details),
		BeforeContext: p.context(old, declared), AfterContext: p.context(after, declared),
	}
	for _, d := range details {
		if !slices.Contains(change.Scope, d.Target.Attribute) {
			change.Scope = append(change.Scope, d.Target.Attribute)
		}
	}
	p.fates[declared.ID] = altered
	switch change.Replacement {
	case types.ReplacementTrue:
		p.fates[declared.ID] = brandNew
		change.PolicyAction = "ReplaceAnd" + policyAction(old.UpdateReplacePolicy)
	case types.ReplacementConditional:
		p.fates[declared.ID] = unsure
	}
	p.changes = append(p.changes, change)
}

// remove notes that a resource goes.
func (p *plan) remove(old resource) {
	p.changes = append(p.changes, types.ResourceChange{
		Action: types.ChangeActionRemove, LogicalResourceId: &old.Logical, ResourceType: &old.Type, PhysicalResourceId: &old.ID,
		Scope: []types.ResourceAttribute{}, Details: []types.ResourceChangeDetail{},
		PolicyAction: policyAction(old.DeletionPolicy), BeforeContext: p.context(old, p.before.Resource(old.Logical)),
	})
}

// policyAction is what a policy means for the physical resource.
func policyAction(policy string) types.PolicyAction {
	switch policy {
	case "":
		return types.PolicyActionDelete
	case "RetainExceptOnCreate":
		return types.PolicyActionRetain
	}
	return types.PolicyAction(policy)
}

// replacement tells from the details whether a resource is replaced: the one
// with the most impact counts.
func replacement(details []types.ResourceChangeDetail) types.Replacement {
	worst := types.ReplacementFalse
	for _, d := range details {
		switch {
		case d.Target.RequiresRecreation != types.RequiresRecreationAlways:
		case d.Evaluation == types.EvaluationTypeStatic:
			return types.ReplacementTrue
		default:
			worst = types.ReplacementConditional
		}
	}
	return worst
}

// details lists what changes of a resource, and why.
func (p *plan) details(declared *template.Resource, old, after resource) []types.ResourceChangeDetail {
	k, _ := kindOf(old.Type)
	changed := changes(k, old.instance, after.instance)
	names := slices.Collect(maps.Keys(after.Properties))
	for _, name := range changed {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var all []types.ResourceChangeDetail
	for _, name := range names {
		target := p.target(k, declared, name, old, after)
		all = append(all, p.causes(declared, name, target, slices.Contains(changed, name))...)
	}
	for _, a := range []struct {
		name    types.ResourceAttribute
		differs bool
	}{
		{types.ResourceAttributeMetadata, old.Metadata != after.Metadata},
		{types.ResourceAttributeDeletionPolicy, old.DeletionPolicy != after.DeletionPolicy},
		{types.ResourceAttributeUpdateReplacePolicy, old.UpdateReplacePolicy != after.UpdateReplacePolicy},
	} {
		if a.differs {
			all = append(all, direct(&types.ResourceTargetDefinition{
				Attribute: a.name, RequiresRecreation: types.RequiresRecreationNever,
				AttributeChangeType: types.AttributeChangeTypeModify, Path: new("/" + string(a.name)),
			}))
		}
	}
	return all
}

// target describes the change of a property.
func (p *plan) target(k kind, declared *template.Resource, name string, old, after resource) *types.ResourceTargetDefinition {
	t := &types.ResourceTargetDefinition{
		Attribute: types.ResourceAttributeProperties, Name: &name, Path: new("/Properties/" + name),
		RequiresRecreation: types.RequiresRecreationNever, AttributeChangeType: types.AttributeChangeTypeModify,
	}
	if name == "Tags" {
		t.Attribute, t.Name = types.ResourceAttributeTags, nil
	}
	if k.replaces([]string{name}) {
		t.RequiresRecreation = types.RequiresRecreationAlways
	}
	before, was := old.Properties[name]
	next, is := after.Properties[name]
	switch {
	case !was:
		t.AttributeChangeType = types.AttributeChangeTypeAdd
	case !is:
		t.AttributeChangeType = types.AttributeChangeTypeRemove
	}
	if was {
		t.BeforeValue = p.shown(declared, name, before)
	}
	if is {
		t.AfterValue = p.shown(declared, name, next)
	}
	return t
}

// shown is a property's value as text, or stars where a parameter in it is not
// to be echoed.
func (p *plan) shown(declared *template.Resource, name string, value any) *string {
	if p.hidden(declared, name) {
		return new("****")
	}
	text, _ := documentOf(value) // of values that came from JSON
	return &text
}

func (p *plan) hidden(declared *template.Resource, name string) bool {
	return declared != nil && slices.ContainsFunc(references(declared.Properties.Get(name)), func(r string) bool { return p.secret[r] })
}

// causes lists why a property changes: what it refers to, or the template
// itself. One that does not change yet may because of what it refers to.
func (p *plan) causes(declared *template.Resource, name string, target *types.ResourceTargetDefinition, changes bool) []types.ResourceChangeDetail {
	node := declared.Properties.Get(name)
	var all []types.ResourceChangeDetail
	static := false
	for _, reference := range references(node) {
		d := types.ResourceChangeDetail{Target: target, CausingEntity: &reference}
		id, _, isAttribute := strings.Cut(reference, ".")
		f := p.fates[id]
		d.ChangeSource = types.ChangeSourceResourceReference
		if isAttribute {
			d.ChangeSource = types.ChangeSourceResourceAttribute
		}
		switch {
		case p.changed[reference]:
			d.ChangeSource, d.Evaluation = types.ChangeSourceParameterReference, types.EvaluationTypeStatic
		case f == brandNew:
			d.Evaluation = types.EvaluationTypeStatic
		case f == unsure || f == altered && isAttribute:
			d.Evaluation = types.EvaluationTypeDynamic
		default:
			continue
		}
		if d.Evaluation == types.EvaluationTypeDynamic || changes {
			all = append(all, d)
			static = static || d.Evaluation == types.EvaluationTypeStatic
		}
	}
	if changes && (!static || textOfNode(node) != textOfNode(p.node(declared.ID, name))) {
		all = append(all, direct(target))
	}
	return all
}

// node is how a property was written before; nil where it was not.
func (p *plan) node(id, name string) *template.Node {
	if p.before == nil {
		return nil
	}
	if r := p.before.Resource(id); r != nil {
		return r.Properties.Get(name)
	}
	return nil
}

// direct is a change that the template itself makes.
func direct(target *types.ResourceTargetDefinition) types.ResourceChangeDetail {
	return types.ResourceChangeDetail{
		Target: target, Evaluation: types.EvaluationTypeStatic, ChangeSource: types.ChangeSourceDirectModification,
	}
}

// context is a resource's state as JSON.
func (p *plan) context(r resource, declared *template.Resource) *string {
	shown := maps.Clone(r.Properties)
	for name := range shown {
		if p.hidden(declared, name) {
			shown[name] = "****"
		}
	}
	state := map[string]any{"Properties": shown}
	if r.Metadata != "" {
		state["Metadata"] = json.RawMessage(r.Metadata)
	}
	if r.DeletionPolicy != "" {
		state["DeletionPolicy"] = r.DeletionPolicy
	}
	if r.UpdateReplacePolicy != "" {
		state["UpdateReplacePolicy"] = r.UpdateReplacePolicy
	}
	text, _ := json.Marshal(state) // of values that came from JSON
	return new(string(text))
}

// variable finds the variables in the text of Fn::Sub.
var variable = regexp.MustCompile(`\$\{([A-Za-z0-9.]+)\}`)

// references lists what a value refers to: a Name, or a Name.Attribute.
func references(n *template.Node) []string {
	var all []string
	add := func(reference string) {
		if !slices.Contains(all, reference) {
			all = append(all, reference)
		}
	}
	for at := range n.All() {
		name, argument, _ := at.Call()
		switch name {
		case "Ref":
			add(argument.Text)
		case "Fn::GetAtt":
			if len(argument.Items) == 2 {
				add(argument.Items[0].Text + "." + argument.Items[1].Text)
			} else {
				add(argument.Text)
			}
		case "Fn::Sub":
			text := argument.Text
			if len(argument.Items) > 0 {
				text = argument.Items[0].Text
			}
			for _, found := range variable.FindAllStringSubmatch(text, -1) {
				add(found[1])
			}
		}
	}
	return all
}
