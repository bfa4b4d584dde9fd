package template

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parse reads a template that has to be right.
func parse(t *testing.T, text string) *Template {
	t.Helper()
	parsed, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("parsing: %v", err)
	}
	if err := parsed.Validate(); err != nil {
		t.Fatalf("validating: %v", err)
	}
	return parsed
}

func TestJSONKeepsOrder(t *testing.T) {
	const text = `{
  "Description": "zürich \u2028 <b>",
  "Resources": {
    "B": {
      "Type": "AWS::SQS::Queue",
      "Properties": {
        "z": 1.50,
        "a": [],
        "m": {},
        "l": [
          true,
          "x"
        ]
      }
    },
    "A": {
      "Type": "AWS::SQS::Queue"
    }
  }
}
`
	got := string(parse(t, text).JSON())
	if diff := cmp.Diff(text, got); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, text, want string
		at               Pos
	}{
		{"empty", "", "Template format error: JSON not well-formed. (line 1, column 1)", Pos{1, 1}},
		{"comma", "{\n  \"Resources\": {},\n}", "Template format error: JSON not well-formed. (line 3, column 1)", Pos{3, 1}},
		{"after", "{} x", "Template format error: JSON not well-formed. (line 1, column 4)", Pos{1, 4}},
		{"duplicate", "{\"Resources\": {\"A\": {\"Type\": \"T\"},\n \"A\": {}}}", `Template format error: duplicate key "A". (line 2, column 2)`, Pos{2, 2}},
		{"list", "[]", "Template format error: unsupported structure.", Pos{1, 1}},
		{"nothing", "{}", "Template format error: At least one Resources member must be defined.", Pos{1, 1}},
		{"section", "{\"Resourcess\": {}}", "Invalid template property or properties [Resourcess]", Pos{1, 2}},
		{"version", `{"AWSTemplateFormatVersion": "2011"}`, "Template format error: unsupported value for AWSTemplateFormatVersion.", Pos{1, 30}},
		{"id", `{"Resources": {"my-queue": {}}}`, "Template format error: Resource name my-queue is non alphanumeric.", Pos{1, 16}},
		{"type", "{\"Resources\":\n {\"Q\": {}}}", "Template format error: [/Resources/Q] Every Resources object must contain a Type member.", Pos{2, 3}},
		{"attribute", `{"Resources": {"Q": {"Type": "T", "Propertys": {}}}}`, "Invalid template resource property 'Propertys'", Pos{1, 35}},
		{"transform", `{"Transform": "AWS::Serverless-2016-10-31"}`, `Template format error: the transform "AWS::Serverless-2016-10-31" is not supported: macros need a Lambda function`, Pos{1, 15}},
		{"umlauts count once", `{"Ümläut": 1}`, "Invalid template property or properties [Ümläut]", Pos{1, 2}},
		{"output", `{"Outputs": {"O": {}}}`, "Template format error: [/Outputs/O] Every Outputs member must contain a Value object", Pos{1, 14}},
		{"parameter type", `{"Parameters": {"P": {"Type": "Int"}}}`, "Template format error: Unrecognized parameter type: Int", Pos{1, 17}},
		{"policy", `{"Resources": {"Q": {"Type": "T", "DeletionPolicy": "Keep"}}}`, "Template format error: Unrecognized DeletionPolicy Keep for resource Q", Pos{1, 53}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse([]byte(test.text))
			fault, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("got error %v, want an *Error", err)
			}
			if fault.Message != test.want || fault.Pos != test.at {
				t.Errorf("got %q at %v, want %q at %v", fault.Message, fault.Pos, test.want, test.at)
			}
		})
	}
}

// resources wraps resources of a template.
func resources(text string) string { return `{"Resources": {` + text + `}}` }

func TestValidateErrors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"ref", resources(`"Q": {"Type": "T", "Properties": {"a": {"Ref": "X"}, "b": [{"Ref": "Y"}], "c": {"Ref": "X"}}}`),
			"Template format error: Unresolved resource dependencies [X, Y] in the Resources block of the template"},
		{"depends", resources(`"Q": {"Type": "T", "DependsOn": "X"}`),
			"Template format error: Unresolved resource dependencies [X] in the Resources block of the template"},
		{"sub", resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::Sub": "${!No}${X.Arn}"}}}`),
			"Template format error: Unresolved resource dependencies [X] in the Resources block of the template"},
		{"getatt", resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::GetAtt": "X.Arn"}}}`),
			"Template error: instance of Fn::GetAtt references undefined resource X"},
		{"getatt of a parameter", `{"Parameters": {"P": {"Type": "String"}}, "Resources": {"Q": {"Type": "T", "Properties": {"a": {"Fn::GetAtt": ["P", "Arn"]}}}}}`,
			"Template error: instance of Fn::GetAtt references undefined resource P"},
		{"output", `{"Resources": {"Q": {"Type": "T"}}, "Outputs": {"O": {"Value": {"Ref": "X"}}}}`,
			"Template format error: Unresolved resource dependencies [X] in the Outputs block of the template"},
		{"condition", resources(`"Q": {"Type": "T", "Condition": "C"}`),
			"Template format error: Unresolved condition dependency C in the Resources block of the template"},
		{"if", resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::If": ["C", 1, 2]}}}`),
			"Template error: unresolved condition dependency C in Fn::If"},
		{"condition's ref", `{"Conditions": {"C": {"Fn::Equals": [{"Ref": "Q"}, ""]}}, "Resources": {"Q": {"Type": "T"}}}`,
			"Template format error: Unresolved dependencies [Q]. Cannot reference resources in the Conditions block of the template"},
		{"condition cycle", `{"Conditions": {"B": {"Fn::Not": [{"Condition": "A"}]}, "A": {"Fn::Not": [{"Condition": "B"}]}}, "Resources": {"Q": {"Type": "T"}}}`,
			"Template format error: Circular dependency between conditions: [A, B]"},
		{"cycle", resources(`"Z": {"Type": "T", "DependsOn": "B"}, "B": {"Type": "T", "Properties": {"a": {"Ref": "A"}}}, "A": {"Type": "T", "Properties": {"b": {"Fn::Sub": "${B}"}}}`),
			"Circular dependency between resources: [A, B]"},
		{"self", resources(`"A": {"Type": "T", "DependsOn": "A"}`), "Circular dependency between resources: [A]"},
		{"null", resources(`"Q": {"Type": "T", "Properties": {"a": [1, null]}}`),
			"[/Resources/Q/Properties/a/1] 'null' values are not allowed in templates"},
		{"function", resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::Length": []}}}`),
			"Template error: Encountered unsupported function: Fn::Length Supported functions are: [Fn::And, Fn::Base64, Fn::Cidr, Fn::Equals, Fn::FindInMap, Fn::GetAZs, Fn::GetAtt, Fn::If, Fn::ImportValue, Fn::Join, Fn::Not, Fn::Or, Fn::Select, Fn::Split, Fn::Sub, Ref]"},
		{"function beside others", resources(`"Q": {"Type": "T", "Properties": {"a": {"b": 1, "Fn::Sub": "x"}}}`),
			"Template error: Fn::Sub has to be the only member of its object"},
		{"mapping", resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::FindInMap": ["M", "a", "b"]}}}`),
			"Template error: Mapping named 'M' is not present in the 'Mappings' section of template."},
		{"join", resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::Join": ["a"]}}}`), "Template error: " + arguments["Fn::Join"]},
		{"sub name", resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::Sub": "${a b}"}}}`),
			"Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and colons"},
		{"nested", resources(`"Inner": {"Type": "AWS::CloudFormation::Stack"}`),
			"Template format error: [/Resources/Inner] has the type AWS::CloudFormation::Stack: nested stacks are not supported"},
		{"custom", resources(`"Mine": {"Type": "Custom::Thing"}`),
			"Template format error: [/Resources/Mine] has the type Custom::Thing: custom resources are not supported"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parsed, err := Parse([]byte(test.text))
			if err != nil {
				t.Fatalf("parsing: %v", err)
			}
			err = parsed.Validate()
			if err == nil || err.Error() != test.want {
				t.Errorf("got error %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	parsed := parse(t, `{"Parameters": {"P": {"Type": "String"}}, "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, ""]}}, "Resources": {
		"Service": {"Type": "T", "DependsOn": ["Route"], "Properties": {"a": {"Ref": "Queue"}, "b": {"Ref": "AWS::Region"}}},
		"Route": {"Type": "T", "Properties": {"a": {"Fn::If": ["C", {"Fn::GetAtt": ["Vpc", "Id"]}, 1]}}},
		"Vpc": {"Type": "T"},
		"Queue": {"Type": "T", "Properties": {"a": {"Fn::Sub": ["${Vpc}${local}", {"local": "x"}]}}}}}`)
	levels, err := parsed.Levels()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"Vpc"}, {"Route", "Queue"}, {"Service"}}
	if diff := cmp.Diff(want, levels); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Route", "Queue"}, parsed.Dependencies("Service")); diff != "" {
		t.Errorf("dependencies (-want +got):\n%s", diff)
	}
}

func TestTemplatesOfJobsStayAsTheyAre(t *testing.T) {
	files, err := filepath.Glob("../../testdata/*.template.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d templates (%v), want those that jobs compile to", len(files), err)
	}
	for _, name := range files {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(parse(t, string(want)).JSON())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What comes out of the parser goes through it again unchanged, and what is
// valid is evaluated without a panic. Seeds are small: the fuzzer would spend
// its time on making large ones smaller.
func FuzzParse(f *testing.F) {
	f.Add([]byte(parameters))
	f.Add(fmt.Appendf(nil, evaluated, `{"a": {"Fn::Sub": ["${x}", {"x": 1}]}, "b": {"Fn::Cidr": ["::/0", 3, 64]}}`))
	f.Add([]byte(resources(`"Q": {"Type": "T", "Properties": {"a": [1e5, -0, "\ud800", {"Ref": "Q"}]}}`)))
	f.Add([]byte(resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::Sub": "${a${!b}"}, "b": {"Fn::GetAtt": []}}}`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := parseJSON(data)
		if err != nil {
			return
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
		values, err := parsed.ParameterValues(nil, nil)
		if err != nil {
			return
		}
		scope := &Scope{Template: parsed, Parameters: values}
		for _, r := range parsed.Resources {
			_, _ = scope.Properties(r.ID) // must not panic
		}
	})
}
