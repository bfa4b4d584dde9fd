package template

import (
	"slices"
	"strings"
)

// Validate checks what the template says: functions and their arguments,
// references to what is not there, cycles, and resource types that need more
// than an engine can give. It does not know the properties of resource types.
// The first fault is returned, in AWS's words, as an [*Error].
func (t *Template) Validate() error {
	checks := []func() error{
		t.checkTypes, t.checkTransforms, t.checkFunctions, t.checkRules, t.checkConditions, t.checkResources, t.checkOutputs,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	_, err := t.Levels()
	return err
}

// checkTypes refuses the resources that stand for other templates or for
// somebody's Lambda function.
func (t *Template) checkTypes() error {
	for _, r := range t.Resources {
		why := ""
		switch {
		case r.Type == "AWS::CloudFormation::Stack":
			why = "nested stacks are not supported"
		case r.Type == "AWS::CloudFormation::Macro":
			why = "macros are not supported"
		case strings.HasSuffix(r.Type, "::MODULE"):
			why = "modules are not supported"
		case strings.HasPrefix(r.Type, "AWS::Serverless::"):
			why = "the transform AWS::Serverless-2016-10-31 is not supported"
		case r.Type == "AWS::CloudFormation::CustomResource", strings.HasPrefix(r.Type, "Custom::"):
			why = "custom resources are not supported"
		}
		if why != "" {
			return errorf(r.Pos, "Template format error: [/Resources/%s] has the type %s: %s", r.ID, r.Type, why)
		}
	}
	return nil
}

func (t *Template) checkTransforms() error {
	for _, name := range t.Transforms {
		if name != languageExtensions {
			return errorf(t.root.Get("Transform").Pos, "Template format error: the transform %q is not supported: macros need a Lambda function", name)
		}
	}
	return nil
}

// checkFunctions checks that functions exist and have arguments of the right
// form wherever they may stand.
func (t *Template) checkFunctions() error {
	for _, c := range t.Conditions {
		if err := t.checkFunctionsIn("Conditions/"+c.Name, c.Value); err != nil {
			return err
		}
	}
	for _, r := range t.Resources {
		if err := t.checkFunctionsIn("Resources/"+r.ID, r.Properties); err != nil {
			return err
		}
	}
	for _, o := range t.Outputs {
		if err := t.checkFunctionsIn("Outputs/"+o.Name, o.Value, o.Export); err != nil {
			return err
		}
	}
	return nil
}

func (t *Template) checkFunctionsIn(path string, values ...*Node) error {
	for _, value := range values {
		for n := range value.All() {
			for _, m := range n.Members {
				if m.Name == "Fn::Transform" || strings.HasPrefix(m.Name, "Fn::ForEach::") {
					return errorf(m.Pos, "Template format error: [/%s] calls %s, which is not supported", path, m.Name)
				}
			}
			if err := t.checkFunction(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Template) checkFunction(n *Node) error {
	name, argument, ok := n.Call()
	if !ok {
		return checkNoFunction(n)
	}
	if !slices.Contains(functions, name) && !(t.extensions && slices.Contains(extensionFunctions, name)) {
		return unsupportedFunction(name, n.Pos)
	}
	return t.checkFunctionArgument(name, argument, n.Pos)
}

// checkFunctionArgument checks the form of what a function is given.
func (t *Template) checkFunctionArgument(name string, argument *Node, at Pos) error {
	fits := true
	switch name {
	case "Ref", "Fn::RefAll":
		fits = argument.Kind == String
	case "Fn::GetAtt":
		return t.checkGetAtt(argument)
	case "Fn::Sub":
		text, _, err := splitSub(argument)
		if err == nil {
			_, err = parseSub(text, argument.Pos)
		}
		return err
	case "Fn::Join", "Fn::Split":
		fits = len(argument.Items) == 2 && argument.Items[0].Kind == String
	case "Fn::ValueOf", "Fn::ValueOfAll":
		fits = len(argument.Items) == 2 && argument.Items[0].Kind == String && argument.Items[1].Kind == String
	case "Fn::Select", "Fn::Equals", "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn":
		fits = len(argument.Items) == 2
	case "Fn::Not":
		fits = len(argument.Items) == 1
	case "Fn::And", "Fn::Or":
		fits = len(argument.Items) >= 2 && len(argument.Items) <= 10
	case "Fn::Cidr":
		fits = len(argument.Items) == 2 || len(argument.Items) == 3
	case "Fn::FindInMap":
		return t.checkFindInMap(argument)
	case "Fn::If":
		return t.checkIf(argument)
	case "Fn::ImportValue":
		fits = t.settled(argument)
	}
	if !fits {
		return malformed(name, at)
	}
	return nil
}

// checkGetAtt allows an attribute's name to be a parameter's value, and with
// language extensions the value of any function.
func (t *Template) checkGetAtt(argument *Node) error {
	_, attribute, err := splitGetAtt(argument)
	if err != nil {
		return err
	}
	call, _, _ := attribute.Call()
	if attribute.Kind != String && call != "Ref" && !(t.extensions && call != "") {
		return errorf(attribute.Pos, "Template error: the attribute of Fn::GetAtt has to be a string or a Ref")
	}
	return nil
}

// settled reports whether a value depends on the parameters alone.
func (t *Template) settled(value *Node) bool {
	for n := range value.All() {
		if name, _, ok := n.Call(); ok && (name == "Fn::ImportValue" || name == "Fn::GetAZs") {
			return false
		}
	}
	return !slices.ContainsFunc(references(value), func(ref reference) bool {
		return ref.attribute || t.Resource(ref.name) != nil
	})
}

// checkNoFunction refuses functions that stand beside other members, where
// they would be taken for plain names.
func checkNoFunction(n *Node) error {
	for _, m := range n.Members {
		if strings.HasPrefix(m.Name, "Fn::") {
			return errorf(m.Pos, "Template error: %s has to be the only member of its object", m.Name)
		}
	}
	return nil
}

func (t *Template) checkFindInMap(argument *Node) error {
	count := len(argument.Items)
	if count != 3 && !(t.extensions && count == 4) {
		return malformed("Fn::FindInMap", argument.Pos)
	}
	var keys []string
	for _, item := range argument.Items[:3] {
		call, _, _ := item.Call()
		switch {
		case item.Kind == String || item.Kind == Number:
			keys = append(keys, item.Text)
		case call != "Ref" && call != "Fn::FindInMap" && !(t.extensions && call != ""):
			return malformed("Fn::FindInMap", argument.Pos)
		}
	}
	name, ok := argument.Items[0].text()
	switch {
	case count == 4:
	case ok && t.Mappings.Get(name) == nil:
		return errorf(argument.Pos, "Template error: Mapping named '%s' is not present in the 'Mappings' section of template.", name)
	case len(keys) == 3 && t.Mappings.Get(keys[0]).Get(keys[1]).Get(keys[2]) == nil:
		return noMapping(argument.Pos, keys)
	}
	return nil
}

func (t *Template) checkIf(argument *Node) error {
	if len(argument.Items) != 3 || argument.Items[0].Kind != String {
		return malformed("Fn::If", argument.Pos)
	}
	if name := argument.Items[0].Text; t.Condition(name) == nil {
		return errorf(argument.Pos, "Template error: unresolved condition dependency %s in Fn::If", name)
	}
	return nil
}

// checkCondition checks that the condition of an entry, if any, is there.
func (t *Template) checkCondition(name, block string, at Pos) error {
	if name == "" || t.Condition(name) != nil {
		return nil
	}
	return errorf(at, "Template format error: Unresolved condition dependency %s in the %s block of the template", name, block)
}

// checkConditions checks what conditions refer to: parameters and each other,
// not in a circle.
func (t *Template) checkConditions() error {
	needs := map[string][]string{}
	for _, c := range t.Conditions {
		if !isCondition(c.Value) {
			return errorf(c.Pos, "Template format error: Conditions can only be boolean operations on parameters and other conditions")
		}
		for _, ref := range references(c.Value) {
			if t.Parameter(ref.name) == nil && !isPseudo(ref.name) {
				return errorf(ref.pos, "Template format error: Unresolved dependencies [%s]. "+
					"Cannot reference resources in the Conditions block of the template", ref.name)
			}
		}
		for n := range c.Value.All() {
			name, ok := conditionName(n)
			if call, argument, _ := n.Call(); call == "Fn::If" {
				name, ok = argument.Items[0].Text, true
			}
			if !ok {
				continue
			}
			if t.Condition(name) == nil {
				return t.checkCondition(name, "Conditions", n.Pos)
			}
			needs[c.Name] = append(needs[c.Name], name)
		}
	}
	deep := depths{}
	for _, c := range t.Conditions {
		if circle := deep.visit(c.Name, needs, nil); circle != nil {
			return errorf(t.Condition(slices.Min(circle)).Pos, "Template format error: Circular dependency between conditions: %s", round(circle))
		}
	}
	return nil
}

// isCondition reports whether a value is one that is true or false.
func isCondition(n *Node) bool {
	if _, ok := conditionName(n); ok {
		return true
	}
	call, _, _ := n.Call()
	return slices.Contains([]string{"Fn::And", "Fn::Equals", "Fn::If", "Fn::Not", "Fn::Or"}, call)
}

func (t *Template) checkResources() error {
	lost := names{}
	positions := t.positions()
	for _, r := range t.Resources {
		if err := t.checkCondition(r.Condition, "Resources", r.Pos); err != nil {
			return err
		}
		for _, id := range r.DependsOn {
			if _, ok := positions[id]; !ok {
				lost.add(id, r.Pos)
			}
		}
		for _, ref := range references(r.Properties) {
			if err := t.checkReference(ref, positions); err != nil {
				return err
			}
			if !t.known(ref, positions) {
				lost.add(ref.name, ref.pos)
			}
		}
	}
	if lost.list != nil {
		return unresolved(lost.at, "Resources", lost.list...)
	}
	return nil
}

func (t *Template) checkOutputs() error {
	positions := t.positions()
	for _, o := range t.Outputs {
		if err := t.checkCondition(o.Condition, "Outputs", o.Pos); err != nil {
			return err
		}
		call, _, _ := o.Value.Call()
		if o.Value.Kind == List || o.Value.Kind == Map && call == "" || isCondition(o.Value) && call != "Fn::If" {
			return errorf(o.Value.Pos, "Template format error: The Value field of every Outputs member must evaluate to a String.")
		}
		for _, ref := range append(references(o.Value), references(o.Export)...) {
			if err := t.checkReference(ref, positions); err != nil {
				return err
			}
			if !t.known(ref, positions) {
				return unresolved(ref.pos, "Outputs", ref.name)
			}
		}
	}
	return nil
}

// checkReference refuses attributes of resources that are not there; AWS has
// words of its own for them where Fn::GetAtt names them.
func (t *Template) checkReference(ref reference, positions map[string]int) error {
	if _, ok := positions[ref.name]; !ok && ref.call == "Fn::GetAtt" {
		return errorf(ref.pos, "Template error: instance of Fn::GetAtt references undefined resource %s", ref.name)
	}
	return nil
}

// known reports whether what is referred to is there.
func (t *Template) known(ref reference, positions map[string]int) bool {
	if _, ok := positions[ref.name]; ok {
		return true
	}
	return !ref.attribute && (t.Parameter(ref.name) != nil || isPseudo(ref.name))
}

// An Attribute is a mention of a resource's attribute, by Fn::GetAtt or Fn::Sub.
type Attribute struct {
	Resource, Name string
	Pos            Pos
}

// Attributes lists the attributes that resources and outputs mention by name.
func (t *Template) Attributes() []Attribute {
	var all []Attribute
	add := func(values ...*Node) {
		for _, value := range values {
			for _, ref := range references(value) {
				if ref.of != "" {
					all = append(all, Attribute{ref.name, ref.of, ref.pos})
				}
			}
		}
	}
	for _, r := range t.Resources {
		add(r.Properties)
	}
	for _, o := range t.Outputs {
		add(o.Value, o.Export)
	}
	return all
}
