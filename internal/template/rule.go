package template

import (
	"slices"
	"strings"
)

// A Rule says what has to hold of the parameters' values before anything is
// made. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
type Rule struct {
	Name       string
	Condition  *Node // when the rule applies; nil means always
	Assertions []Assertion
	Pos        Pos
}

// An Assertion is one thing that has to hold.
type Assertion struct {
	Assert      *Node
	Description string
	Pos         Pos
}

// memberFunctions compare lists in rules, accountFunctions ask what is in the
// account, and both are functions of rules alone.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html
var (
	memberFunctions  = []string{"Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn"}
	accountFunctions = []string{"Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll"}
	// ruleFunctions are all that a rule may call; AWS's pages name Fn::If too,
	// but it is refused (aws-cloudformation/cloudformation-coverage-roadmap#921).
	ruleFunctions = slices.Concat([]string{"Ref", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or"}, memberFunctions, accountFunctions)
)

func readRule(m Member) (*Rule, error) {
	r := &Rule{Name: m.Name, Pos: m.Pos}
	path := "/Rules/" + m.Name
	if m.Value.Kind != Map {
		return nil, errorf(m.Pos, "Template format error: [%s] Rules must be objects", path)
	}
	for _, a := range m.Value.Members {
		switch a.Name {
		case "RuleCondition":
			r.Condition = a.Value
		case "Assertions":
			for _, item := range a.Value.Items {
				assertion, err := readAssertion(path, item)
				if err != nil {
					return nil, err
				}
				r.Assertions = append(r.Assertions, assertion)
			}
		default:
			return nil, errorf(a.Pos, "Invalid template rule property '%s'", a.Name)
		}
	}
	if r.Assertions == nil {
		return nil, errorf(m.Pos, "Template format error: [%s] Every Rules object must contain a list of Assertions", path)
	}
	return r, nil
}

func readAssertion(path string, n *Node) (Assertion, error) {
	a := Assertion{Assert: n.Get("Assert"), Pos: n.Pos}
	if a.Assert == nil {
		return a, errorf(n.Pos, "Template format error: [%s/Assertions] Every Assertions member must contain an Assert", path)
	}
	for _, m := range n.Members {
		switch m.Name {
		case "Assert":
		case "AssertDescription":
			if err := readText(&a.Description, path+"/Assertions/AssertDescription", m.Value); err != nil {
				return a, err
			}
		default:
			return a, errorf(m.Pos, "Invalid template rule property '%s'", m.Name)
		}
	}
	return a, nil
}

// expressions are the parts of a rule that are evaluated.
func (r *Rule) expressions() []*Node {
	var all []*Node
	if r.Condition != nil {
		all = append(all, r.Condition)
	}
	for _, a := range r.Assertions {
		all = append(all, a.Assert)
	}
	return all
}

// checkRules checks which functions rules call, on what, and that they refer
// to parameters only.
func (t *Template) checkRules() error {
	unsupported, undeclared := names{}, names{}
	for _, r := range t.Rules {
		for _, expression := range r.expressions() {
			for n := range expression.All() {
				if _, ok := conditionName(n); ok {
					unsupported.add("Condition", n.Pos)
				}
				name, argument, ok := n.Call()
				if !ok {
					continue
				}
				if !slices.Contains(ruleFunctions, name) {
					unsupported.add(name, n.Pos)
					continue
				}
				if err := t.checkFunctionArgument(name, argument, n.Pos); err != nil {
					return err
				}
				if parameter := ruleParameter(name, argument); parameter != "" && t.Parameter(parameter) == nil && !isPseudo(parameter) {
					undeclared.add(parameter, n.Pos)
				}
			}
		}
	}
	if unsupported.list != nil {
		return errorf(unsupported.at, "Template format error: Following functions are not supported in the Rules block of the template: [%s]", unsupported)
	}
	if undeclared.list != nil {
		return errorf(undeclared.at, "Template format error: Rules block references undeclared parameters: [%s]", undeclared)
	}
	return nil
}

// ruleParameter is the parameter that a function of a rule refers to, if any.
func ruleParameter(name string, argument *Node) string {
	switch name {
	case "Ref":
		return argument.Text
	case "Fn::ValueOf":
		return argument.Items[0].Text
	}
	return ""
}

// names are names, each once, and the place of the first.
type names struct {
	list []string
	at   Pos
}

func (n *names) add(name string, at Pos) {
	if n.list == nil {
		n.at = at
	}
	if !slices.Contains(n.list, name) {
		n.list = append(n.list, name)
	}
}

func (n names) String() string { return strings.Join(n.list, ", ") }

// CheckRules evaluates the template's rules, for which the parameters and the
// pseudo parameters have to be known. The error of the first assertion that
// does not hold has the template author's words.
func (s *Scope) CheckRules() error {
	for _, r := range s.Template.Rules {
		if r.Condition != nil {
			applies, err := s.truth(r.Condition)
			if err != nil {
				return err
			}
			if !applies {
				continue
			}
		}
		for _, a := range r.Assertions {
			holds, err := s.truth(a.Assert)
			if err != nil {
				return err
			}
			if !holds {
				return errorf(a.Pos, "Template error: Rule %s failed: %s", r.Name, orDefault(a.Description, "an assertion is false"))
			}
		}
	}
	return nil
}

// compareMembers evaluates Fn::Contains, Fn::EachMemberEquals and
// Fn::EachMemberIn.
func (s *Scope) compareMembers(name string, argument *Node) (bool, error) {
	if len(argument.Items) != 2 {
		return false, malformed(name, argument.Pos)
	}
	members, err := s.texts(argument.Items[0], name)
	if err != nil {
		return false, err
	}
	if name == "Fn::EachMemberIn" {
		allowed, err := s.texts(argument.Items[1], name)
		return !slices.ContainsFunc(members, func(m string) bool { return !slices.Contains(allowed, m) }), err
	}
	text, err := s.text(argument.Items[1])
	if err != nil {
		return false, err
	}
	if name == "Fn::Contains" {
		return slices.Contains(members, text), nil
	}
	return !slices.ContainsFunc(members, func(m string) bool { return m != text }), nil
}
