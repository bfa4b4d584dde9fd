package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const evaluated = `{
  "Transform": "AWS::LanguageExtensions",
  "Parameters": {
    "Name": {"Type": "String", "Default": "retrain"},
    "Zones": {"Type": "CommaDelimitedList", "Default": "x, y"},
    "Index": {"Type": "Number", "Default": 1}
  },
  "Mappings": {"Sizes": {"small": {"cpu": 256, "tags": ["a"]}}},
  "Conditions": {
    "Yes": {"Fn::Equals": [{"Ref": "Name"}, "retrain"]},
    "No": {"Fn::Not": [{"Condition": "Yes"}]},
    "Chosen": {"Fn::If": ["No", {"Condition": "No"}, {"Condition": "Yes"}]},
    "Both": {"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]},
    "Either": {"Fn::Or": [{"Condition": "No"}, {"Fn::Equals": [1, "1"]}]}
  },
  "Resources": {
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Gone": {"Type": "AWS::SQS::Queue", "Condition": "No"},
    "Subject": {"Type": "T", "Properties": %s}
  },
  "Outputs": {
    "Url": {"Value": {"Ref": "Queue"}, "Description": "where", "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-url"}}},
    "Lost": {"Value": {"Ref": "Gone"}, "Condition": "No"}
  }
}`

// scope evaluates the template above with the properties of Subject.
func scope(t *testing.T, properties string) *Scope {
	t.Helper()
	parsed := parse(t, fmt.Sprintf(evaluated, properties))
	values, err := parsed.ParameterValues(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Scope{
		Template:   parsed,
		Parameters: values,
		Pseudo:     Pseudo{AccountID: "000000000000", Region: "us-east-1", StackName: "weekly", NotificationARNs: []string{"arn"}},
		Ref:        func(id string) (any, error) { return "ref-" + id, nil },
		GetAtt:     func(id, attribute string) (any, error) { return id + "." + attribute, nil },
		Export: func(name string) (string, bool) {
			return "vpc-1", name == "shared-vpc"
		},
	}
}

func TestFunctions(t *testing.T) {
	number := func(s string) json.Number { return json.Number(s) }
	tests := []struct {
		name, call string
		want       any
	}{
		{"literals", `[1, 1.50, "x", true, {"a": []}]`, []any{number("1"), number("1.50"), "x", true, map[string]any{"a": []any{}}}},
		{"parameter", `{"Ref": "Name"}`, "retrain"},
		{"list parameter", `{"Ref": "Zones"}`, []any{"x", "y"}},
		{"pseudo", `[{"Ref": "AWS::Region"}, {"Ref": "AWS::Partition"}, {"Ref": "AWS::URLSuffix"}, {"Ref": "AWS::NotificationARNs"}]`,
			[]any{"us-east-1", "aws", "amazonaws.com", []any{"arn"}}},
		{"resource", `{"Ref": "Queue"}`, "ref-Queue"},
		{"getatt list", `{"Fn::GetAtt": ["Queue", "Arn"]}`, "Queue.Arn"},
		{"getatt text", `{"Fn::GetAtt": "Queue.Outputs.Arn"}`, "Queue.Outputs.Arn"},
		{"getatt computed", `{"Fn::GetAtt": ["Queue", {"Ref": "Name"}]}`, "Queue.retrain"},
		{"no value", `{"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}]}`, map[string]any{"b": []any{number("1")}}},
		{"sub", `{"Fn::Sub": "${Name}/${Queue}/${Queue.Arn}/${AWS::Region}/${!Name}$"}`, "retrain/ref-Queue/Queue.Arn/us-east-1/${Name}$"},
		{"sub values", `{"Fn::Sub": ["${a}-${Name}", {"a": {"Ref": "Queue"}, "Name": 5}]}`, "ref-Queue-5"},
		{"sub of sub of nothing", strings.Repeat(`{"Fn::Sub": ["${a}${a}", {"a": `, 60) + `""` + strings.Repeat("}]}", 60), ""},
		{"sub nothing", `{"Fn::Sub": ["a${AWS::NoValue}${x}b", {"x": {"Fn::If": ["No", "x", {"Ref": "AWS::NoValue"}]}}]}`, "ab"},
		{"json of a list parameter", `{"Fn::ToJsonString": [{"Ref": "Zones"}]}`, `[["x","y"]]`},
		{"map key of a map", `{"Fn::FindInMap": ["Sizes", {"Fn::Join": ["", ["sm", "all"]]}, "tags"]}`, []any{"a"}},
		{"select the last", `{"Fn::Select": [{"Ref": "Index"}, {"Fn::Split": ["|", "a||c"]}]}`, ""},
		{"join", `{"Fn::Join": [":", ["a", 1, true, {"Ref": "Name"}, {"Ref": "AWS::NoValue"}]]}`, "a:1:true:retrain"},
		{"join list", `{"Fn::Join": ["", {"Ref": "Zones"}]}`, "xy"},
		{"split", `{"Fn::Split": [".", {"Fn::GetAtt": "Queue.Arn"}]}`, []any{"Queue", "Arn"}},
		{"select", `{"Fn::Select": ["1", {"Ref": "Zones"}]}`, "y"},
		{"map", `{"Fn::FindInMap": ["Sizes", "small", "cpu"]}`, number("256")},
		{"map default", `{"Fn::FindInMap": ["Sizes", "large", "cpu", {"DefaultValue": 1}]}`, number("1")},
		{"if", `[{"Fn::If": ["Yes", 1, 2]}, {"Fn::If": ["No", 1, 2]}, {"Fn::If": ["Both", 1, 2]}, {"Fn::If": ["Either", 1, 2]}, {"Fn::If": ["Chosen", 1, 2]}]`,
			[]any{number("1"), number("2"), number("2"), number("1"), number("1")}},
		{"if no value", `{"a": {"Fn::If": ["Yes", {"Ref": "AWS::NoValue"}, 0]}}`, map[string]any{}},
		{"base64", `{"Fn::Base64": "hi"}`, "aGk="},
		{"cidr", `{"Fn::Cidr": ["10.0.0.0/16", 3, 8]}`, []any{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"}},
		{"cidr carries", `{"Fn::Select": [255, {"Fn::Cidr": ["10.0.0.0/16", "256", "5"]}]}`, "10.0.31.224/27"},
		{"cidr v6", `{"Fn::Cidr": ["2001:db8::/56", 2, 64]}`, []any{"2001:db8::/64", "2001:db8:0:1::/64"}},
		{"zones", `{"Fn::GetAZs": ""}`, []any{"us-east-1a", "us-east-1b", "us-east-1c"}},
		{"zones elsewhere", `{"Fn::Select": [0, {"Fn::GetAZs": "eu-central-1"}]}`, "eu-central-1a"},
		{"import", `{"Fn::ImportValue": {"Fn::Sub": "shared-vpc"}}`, "vpc-1"},
		{"length", `{"Fn::Length": {"Ref": "Zones"}}`, number("2")},
		{"json", `{"Fn::ToJsonString": {"b": {"Ref": "Name"}, "a": [1.0, {"Ref": "AWS::NoValue"}], "c": {"Ref": "AWS::NoValue"}, "d": "<&>"}}`, `{"b":"retrain","a":[1.0],"d":"<&>"}`},
		{"a condition of a policy is none", `{"Condition": {"Bool": {"x": "y"}}}`, map[string]any{"Condition": map[string]any{"Bool": map[string]any{"x": "y"}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := scope(t, `{"p": `+test.call+`}`).Properties("Subject")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]any{"p": test.want}, got); diff != "" {
				t.Errorf("properties (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFunctionErrors(t *testing.T) {
	tests := []struct{ name, call, want string }{
		{"select", `{"Fn::Select": [2, {"Ref": "Zones"}]}`, "Template error: Fn::Select  cannot select nonexistent value at index 2"},
		{"select none", `{"Fn::Select": [0, "x"]}`, "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"},
		{"map", `{"Fn::FindInMap": ["Sizes", {"Ref": "Name"}, "cpu"]}`, "Template error: Unable to get mapping for Sizes::retrain::cpu"},
		{"import", `{"Fn::ImportValue": "other"}`, "No export named other found."},
		{"gone", `{"Ref": "Gone"}`, "Template format error: Unresolved resource dependencies [Gone] in the Resources block of the template"},
		{"gone attribute", `{"Fn::Sub": "${Gone.Arn}"}`, "Template format error: Unresolved resource dependencies [Gone] in the Resources block of the template"},
		{"sub list", `{"Fn::Sub": "${Zones}"}`, "Template error: Fn::Sub cannot put Zones into a string: it has more than one value"},
		{"growing text", strings.Repeat(`{"Fn::Base64": `, 100) + `"x"` + strings.Repeat("}", 100), "Template error: Fn::Base64 gives a string of more than 1048576 bytes"},
		{"growing sub", strings.Repeat(`{"Fn::Sub": ["${a}${a}", {"a": `, 60) + `"x"` + strings.Repeat("}]}", 60), "Template error: Fn::Sub gives a string of more than 1048576 bytes"},
		{"cidr", `{"Fn::Cidr": ["10.0.0.0/24", 2, 8]}`, "Template error: Fn::Cidr: 10.0.0.0/24 does not hold 2 blocks with 8 bits for hosts"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := scope(t, `{"p": `+test.call+`}`).Properties("Subject")
			if err == nil || err.Error() != test.want {
				t.Errorf("got error %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestOutputs(t *testing.T) {
	got, err := scope(t, "{}").Outputs()
	if err != nil {
		t.Fatal(err)
	}
	want := []OutputValue{{Name: "Url", Description: "where", Value: "ref-Queue", Export: "weekly-url"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestErrorsFromResources(t *testing.T) {
	broken := errors.New("not made yet")
	s := scope(t, `{"p": {"Ref": "Queue"}}`)
	s.Ref = func(string) (any, error) { return nil, broken }
	if _, err := s.Properties("Subject"); !errors.Is(err, broken) {
		t.Errorf("got error %v, want %v", err, broken)
	}
	s.Ref = nil
	const want = "Ref of Queue is not known here"
	if _, err := s.Properties("Subject"); err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestDiff(t *testing.T) {
	before := map[string]any{"same": "5", "list": []any{"a"}, "map": map[string]any{"x": true}, "gone": "1", "type": "x"}
	later := map[string]any{"same": json.Number("5"), "list": []any{"a", "b"}, "map": map[string]any{"x": "true"}, "new": nil, "type": []any{}}
	if diff := cmp.Diff([]string{"gone", "list", "new", "type"}, Diff(before, later)); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if got := Diff(before, before); got != nil {
		t.Errorf("got %v changed from itself, want nothing", got)
	}
}

// A condition is worked out once, however many others refer to it.
func TestConditionsThatFanOut(t *testing.T) {
	conditions := many(100, `"C%d": {"Fn::And": [{"Condition": "C#"}, {"Condition": "C#"}]}, `)
	for i := range 100 {
		conditions = strings.Replace(conditions, "C#", fmt.Sprintf("C%d", i+1), 2)
	}
	parsed := parse(t, `{"Conditions": {`+conditions+`"C100": {"Fn::Equals": ["x", "x"]}}, "Resources": {"Q": {"Type": "T", "Condition": "C0"}}}`)
	made, err := (&Scope{Template: parsed}).Active("Q")
	if err != nil || !made {
		t.Errorf("got made %t (%v), want true", made, err)
	}
}
