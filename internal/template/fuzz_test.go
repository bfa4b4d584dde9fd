package template

import (
	"bytes"
	"fmt"
	"testing"
)

// What comes out of the parsers goes through them again unchanged, and what is
// valid is evaluated without a panic. Seeds are small: the fuzzer would spend
// its time on making large ones smaller.
func FuzzParse(f *testing.F) {
	f.Add([]byte(parameters))
	f.Add(fmt.Appendf(nil, evaluated, `{"a": {"Fn::Sub": ["${x}", {"x": 1}]}, "b": {"Fn::Cidr": ["::/0", 3, 64]}}`))
	f.Add([]byte(resources(`"Q": {"Type": "T", "Properties": {"a": [1e5, -0, "\ud800", {"Ref": "Q"}]}}`)))
	f.Add([]byte(resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::Sub": "${a${!b}"}, "b": {"Fn::GetAtt": []}}}`)))
	f.Add([]byte(`{"Parameters": {"P": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "p"}}, "Rules": {"R": {"RuleCondition":
		{"Fn::Contains": [{"Ref": "P"}, "x"]}, "Assertions": [{"Assert": {"Fn::EachMemberIn": [["1"], {"Fn::RefAll": "x"}]}}]}}, "Resources": {"Q": {"Type": "T"}}}`))
	fuzz(f, parseJSON)
}

func FuzzParseYAML(f *testing.F) {
	f.Add([]byte(shortForms))
	f.Add([]byte(scalars))
	f.Add([]byte("a: &x [1]\nb: *x\n<<: {c: !!set {d}}\n? [e]\n: !<!Ref> f\n"))
	f.Add([]byte("Resources:\n  Q: {Type: T, Properties: {a: !GetAtt [Q, !Ref P], b: ! x, c: !Sub ['', {}]}}\nRules: {R: {Assertions: [{Assert: !Not [!Contains [[a], b]]}]}}\n"))
	fuzz(f, parseYAML)
}

func fuzz(f *testing.F, parse func([]byte) (*Node, error)) {
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := parse(data)
		if err != nil {
			return
		}
		for n := range root.All() {
			if n.Pos.Line < 1 || n.Pos.Column < 1 {
				t.Fatalf("got %q at %v, want a place", n.Text, n.Pos)
			}
		}
		first := root.Indented()
		again, err := parseJSON(first)
		if err != nil {
			t.Fatalf("reading what was written: %v\n%s", err, first)
		}
		if second := again.Indented(); !bytes.Equal(first, second) {
			t.Fatalf("got %q the second time, want %q", second, first)
		}
		parsed, err := New(root)
		if err != nil || parsed.Validate() != nil {
			return
		}
		stored := map[string]string{}
		for _, name := range parsed.ParameterStoreNames(nil) {
			stored[name] = "x,1"
		}
		values, err := parsed.ParameterValues(nil, stored)
		if err != nil {
			return
		}
		scope := &Scope{Template: parsed, Parameters: values}
		_ = scope.CheckRules() // none of this must panic
		_, _ = scope.Outputs()
		for _, r := range parsed.Resources {
			_, _ = scope.Properties(r.ID)
		}
	})
}
