package template

import (
	"slices"
	"strconv"
	"strings"
)

// Validate checks what the template says: functions and their arguments,
// references to what is not there, cycles, and resource types that need more
// than an engine can give. It does not know the properties of resource types.
// The first fault is returned, in AWS's words, as an [*Error].
func (t *Template) Validate() error {
	checks := []func() error{
		t.checkTypes, t.checkNulls, t.checkFunctions, t.checkConditions, t.checkResources, t.checkOutputs,
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
		case r.Type == "AWS::CloudFormation::CustomResource", strings.HasPrefix(r.Type, "Custom::"):
			why = "custom resources are not supported"
		}
		if why != "" {
			return errorf(r.Pos, "Template format error: [/Resources/%s] has the type %s: %s", r.ID, r.Type, why)
		}
	}
	return nil
}

func (t *Template) checkNulls() error {
	return nullIn(t.root, "")
}

func nullIn(n *Node, path string) error {
	if n.Kind == Null {
		return errorf(n.Pos, "[%s] 'null' values are not allowed in templates", path)
	}
	for i, item := range n.Items {
		if err := nullIn(item, path+"/"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	for _, m := range n.Members {
		if err := nullIn(m.Value, path+"/"+m.Name); err != nil {
			return err
		}
	}
	return nil
}

// checkFunctions checks that functions exist and have arguments of the right
// form wherever they may stand.
func (t *Template) checkFunctions() error {
	var places []*Node
	for _, c := range t.Conditions {
		places = append(places, c.Value)
	}
	for _, r := range t.Resources {
		places = append(places, r.Properties)
	}
	for _, o := range t.Outputs {
		places = append(places, o.Value, o.Export)
	}
	for _, place := range places {
		for n := range place.All() {
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
	fits := true
	switch name {
	case "Ref":
		fits = argument.Kind == String
	case "Fn::GetAtt":
		_, _, err := splitGetAtt(argument)
		return err
	case "Fn::Sub":
		text, _, err := splitSub(argument)
		if err == nil {
			_, err = parseSub(text, argument.Pos)
		}
		return err
	case "Fn::Join", "Fn::Split":
		fits = len(argument.Items) == 2 && argument.Items[0].Kind == String
	case "Fn::Select", "Fn::Equals":
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
	}
	if !fits {
		return malformed(name, n.Pos)
	}
	return nil
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
	name, ok := argument.Items[0].text()
	if ok && t.Mappings.Get(name) == nil && count == 3 {
		return errorf(argument.Pos, "Template error: Mapping named '%s' is not present in the 'Mappings' section of template.", name)
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
	return t.checkConditionCycles(needs)
}

func (t *Template) checkConditionCycles(needs map[string][]string) error {
	done := map[string]bool{}
	var path []string
	var visit func(name string) error
	visit = func(name string) error {
		if start := slices.Index(path, name); start >= 0 {
			circle := slices.Sorted(slices.Values(path[start:]))
			return errorf(t.Condition(name).Pos, "Template format error: Circular dependency between conditions: [%s]", strings.Join(circle, ", "))
		}
		if done[name] {
			return nil
		}
		path = append(path, name)
		for _, next := range needs[name] {
			if err := visit(next); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		done[name] = true
		return nil
	}
	for _, c := range t.Conditions {
		if err := visit(c.Name); err != nil {
			return err
		}
	}
	return nil
}

func (t *Template) checkResources() error {
	var lost []string
	var at Pos
	miss := func(name string, pos Pos) {
		if lost == nil {
			at = pos
		}
		if !slices.Contains(lost, name) {
			lost = append(lost, name)
		}
	}
	positions := t.positions()
	for _, r := range t.Resources {
		if err := t.checkCondition(r.Condition, "Resources", r.Pos); err != nil {
			return err
		}
		for _, id := range r.DependsOn {
			if _, ok := positions[id]; !ok {
				miss(id, r.Pos)
			}
		}
		for _, ref := range references(r.Properties) {
			if err := t.checkReference(ref, positions); err != nil {
				return err
			}
			if !t.known(ref, positions) {
				miss(ref.name, ref.pos)
			}
		}
	}
	if lost != nil {
		return unresolved(at, "Resources", lost...)
	}
	return nil
}

func (t *Template) checkOutputs() error {
	positions := t.positions()
	for _, o := range t.Outputs {
		if err := t.checkCondition(o.Condition, "Outputs", o.Pos); err != nil {
			return err
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
