package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
		{"empty", "", "Template format error: unsupported structure.", Pos{1, 1}},
		{"brace", " {", "Template format error: JSON not well-formed. (line 1, column 2)", Pos{1, 2}},
		{"null", "{\n\"Resources\": {\"Q\": {\"Type\": \"T\", \"Properties\": {\"a\": [1, null]}}}}",
			"[/Resources/Q/Properties/a/1] 'null' values are not allowed in templates", Pos{2, 58}},
		{"description", `{"Description": "` + strings.Repeat("é", 513) + `", "Resources": {"Q": {"Type": "T"}}}`,
			"Template format error: 'Description' length is greater than 1024.", Pos{1, 17}},
		{"parameters", `{"Resources": {"Q": {"Type": "T"}}, "Parameters": {` + strings.TrimSuffix(many(201, `"P%d": {"Type": "String"},`), ",") + `}}`,
			"Template format error: Number of parameters, 201, is greater than maximum allowed, 200", Pos{1, 51}},
		{"resources", `{"Resources": {` + strings.TrimSuffix(many(501, `"Q%d": {"Type": "T"},`), ",") + `}}`,
			"Template format error: Number of resources, 501, is greater than maximum allowed, 500", Pos{1, 15}},
		{"mapping's function", `{"Mappings": {"M": {"a": {"b": {"Fn::FindInMap": ["M", "a", "b"]}}}}}`,
			"Template format error: Every Mappings attribute must be a String or a List.", Pos{1, 27}},
		{"condition", resources(`"Q": {"Type": "T", "Condition": {"Fn::Not": []}}`), "Template format error: Every Condition member must be a string.", Pos{1, 48}},
		{"policy's function", resources(`"Q": {"Type": "T", "UpdateReplacePolicy": {"Ref": "P"}}`),
			"Template format error: UpdateReplacePolicy of resource Q is a function, which is not supported", Pos{1, 58}},
		{"macro for resources", resources(`"Fn::ForEach::Queues": []`), "Template format error: [/Resources] calls Fn::ForEach::Queues, which is not supported", Pos{1, 16}},
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
		{"transform", `{"Transform": {"Name": "AWS::Include"}}`, "Template format error: [/Transform/0] must be a string", Pos{1, 15}},
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

// mapped wraps a property of a resource beside a mapping.
func mapped(property string) string {
	return `{"Mappings": {"M": {"a": {"b": 1}}}, "Resources": {"Q": {"Type": "T", "Properties": {"a": ` + property + `}}}}`
}

// many repeats a text with numbers from 0.
func many(count int, text string) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, text, i)
	}
	return b.String()
}

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
			"Template format error: Circular dependency between conditions: [A, B] (A → B → A)"},
		{"cycle", resources(`"Z": {"Type": "T", "DependsOn": "B"}, "B": {"Type": "T", "Properties": {"a": {"Ref": "A"}}}, "A": {"Type": "T", "Properties": {"b": {"Fn::Sub": "${B}"}}}`),
			"Circular dependency between resources: [A, B] (A → B → A)"},
		{"self", resources(`"A": {"Type": "T", "DependsOn": "A"}`), "Circular dependency between resources: [A] (A → A)"},
		{"long cycle", resources(`"C": {"Type": "T", "DependsOn": "A"}, "B": {"Type": "T", "DependsOn": "C"}, "A": {"Type": "T", "DependsOn": "B"}`),
			"Circular dependency between resources: [A, B, C] (A → B → C → A)"},
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
		{"module", resources(`"Mine": {"Type": "My::S3::Bucket::MODULE"}`),
			"Template format error: [/Resources/Mine] has the type My::S3::Bucket::MODULE: modules are not supported"},
		{"serverless", `{"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Mine": {"Type": "AWS::Serverless::Function"}}}`,
			"Template format error: [/Resources/Mine] has the type AWS::Serverless::Function: the transform AWS::Serverless-2016-10-31 is not supported"},
		{"transform", `{"Transform": ["AWS::LanguageExtensions", "Mine"], "Resources": {"Q": {"Type": "T"}}}`,
			`Template format error: the transform "Mine" is not supported: macros need a Lambda function`},
		{"macro", resources(`"Q": {"Type": "T", "Properties": {"a": 1, "Fn::Transform": {"Name": "AWS::Include"}}}`),
			"Template format error: [/Resources/Q] calls Fn::Transform, which is not supported"},
		{"mapping's keys", mapped(`{"Fn::FindInMap": ["M", "a", "c"]}`), "Template error: Unable to get mapping for M::a::c"},
		{"mapping's functions", mapped(`{"Fn::FindInMap": ["M", {"Fn::Sub": "a"}, "b"]}`), "Template error: " + arguments["Fn::FindInMap"]},
		{"mapping's default", mapped(`{"Fn::FindInMap": ["M", "a", "c", {"DefaultValue": 1}]}`), "Template error: " + arguments["Fn::FindInMap"]},
		{"import of a resource", resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::ImportValue": {"Fn::Sub": "x-${R}"}}}}, "R": {"Type": "T"}`),
			"Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs"},
		{"import of an import", resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::ImportValue": {"Fn::ImportValue": "x"}}}}`),
			"Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs"},
		{"attribute", resources(`"Q": {"Type": "T", "Properties": {"a": {"Fn::GetAtt": ["R", {"Fn::Sub": "Arn"}]}}}, "R": {"Type": "T"}`),
			"Template error: the attribute of Fn::GetAtt has to be a string or a Ref"},
		{"literal condition", `{"Conditions": {"C": true}, "Resources": {"Q": {"Type": "T"}}}`,
			"Template format error: Conditions can only be boolean operations on parameters and other conditions"},
		{"output's condition", `{"Resources": {"Q": {"Type": "T"}}, "Outputs": {"O": {"Value": {"Fn::Equals": [1, 2]}}}}`,
			"Template format error: The Value field of every Outputs member must evaluate to a String."},
		{"output's list", `{"Resources": {"Q": {"Type": "T"}}, "Outputs": {"O": {"Value": ["x"]}}}`,
			"Template format error: The Value field of every Outputs member must evaluate to a String."},
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

// Names that are also functions' are names all the same.
func TestNamesOfFunctions(t *testing.T) {
	parsed := parse(t, `{"Parameters": {"Ref": {"Type": "String"}}, "Mappings": {"Ref": {"Ref": {"Ref": "x"}}},
		"Conditions": {"Condition": {"Fn::Equals": [1, 1]}}, "Resources": {"Condition": {"Type": "T", "Condition": "Condition"}, "Q": {"Type": "T"}},
		"Outputs": {"Ref": {"Value": {"Ref": "Q"}}, "GetAtt": {"Value": {"Fn::FindInMap": ["Ref", "Ref", "Ref"]}}, "Condition": {"Value": "x"}}}`)
	if err := parsed.Validate(); err != nil {
		t.Fatal(err)
	}
	if _, err := Parse([]byte(`{"Resources": {"Ref": {"Type": "T"}}, "Outputs": {"Ref": {"Value": {"Ref": "Ref"}}}}`)); err != nil {
		t.Error(err)
	}
	scope := Scope{Template: parsed, Ref: func(id string) (any, error) { return "ref of " + id, nil }}
	got, err := scope.Outputs()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, o := range got {
		all = append(all, fmt.Sprint(o.Name, "=", o.Value))
	}
	if diff := cmp.Diff([]string{"Ref=ref of Q", "GetAtt=x", "Condition=x"}, all); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
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

func TestTemplatesStayAsTheyAre(t *testing.T) {
	for _, pattern := range []string{"../../testdata/*.template.json", "../../testdata/cdk/*.template.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("got %d templates (%v) of %s, want those that are kept", len(files), err, pattern)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer // not everybody indents with two spaces
			if err := json.Indent(&want, append(bytes.TrimSpace(text), '\n'), "", "  "); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.String(), string(parse(t, string(text)).JSON())); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}
