package template

import (
	"fmt"
	"os"
	"testing"
)

const ruled = `
Parameters:
  Env: {Type: String, Default: prod}
  Zones: {Type: CommaDelimitedList, Default: 'a, b'}
  Vpc: {Type: AWS::EC2::VPC::Id, Default: vpc-1}
Rules:
  Other:
    RuleCondition: !Equals [!Ref Env, other]
    Assertions: [{Assert: !Equals [1, 2]}]
  Tested:
    Assertions:
      - Assert: %s
        AssertDescription: it has to be so
Resources:
  Q: {Type: AWS::SQS::Queue}
`

func checkRules(t *testing.T, text string, given, stored map[string]string) error {
	t.Helper()
	parsed := parse(t, text)
	values, err := parsed.ParameterValues(given, stored)
	if err != nil {
		t.Fatal(err)
	}
	scope := Scope{Template: parsed, Parameters: values, Pseudo: Pseudo{Region: "us-east-1"}}
	return scope.CheckRules()
}

func TestRules(t *testing.T) {
	const failed = "Template error: Rule Tested failed: it has to be so"
	tests := []struct{ assert, want string }{
		{`!Contains [[dev, prod], !Ref Env]`, ""},
		{`!Contains [[dev], !Ref Env]`, failed},
		{`!Contains [!Ref Zones, b]`, ""},
		{`!Not [!Contains [!Ref Zones, b]]`, failed},
		{`!EachMemberEquals [[prod, prod], !Ref Env]`, ""},
		{`!EachMemberEquals [!Ref Zones, a]`, failed},
		{`!EachMemberEquals [[], a]`, ""},
		{`!EachMemberIn [!Ref Zones, [a, b, c]]`, ""},
		{`!EachMemberIn [[a, d], !Ref Zones]`, failed},
		{`!And [!Equals [!Ref Env, prod], !Or [!Equals [a, b], !Equals [!Ref AWS::Region, us-east-1]]]`, ""},
		{`!Equals [!Ref Env, test]`, failed},
		{`!EachMemberIn [!Ref Zones, !RefAll AWS::EC2::VPC::Id]`,
			"Template error: Fn::RefAll asks what the account has, which is not known here"},
		{`!Contains [!ValueOfAll [AWS::EC2::VPC::Id, Tags.Name], x]`,
			"Template error: Fn::ValueOfAll asks what the account has, which is not known here"},
		{`!Equals [!ValueOf [Vpc, DefaultVpc], x]`,
			"Template error: Fn::ValueOf asks what the account has, which is not known here"},
		{`!Contains [a, b]`, "Template error: every Fn::Contains object requires a list of strings and a string."},
		{`!Ref Env`, "Template format error: Conditions can only be boolean operations on parameters and other conditions"},
	}
	for _, test := range tests {
		t.Run(test.assert, func(t *testing.T) {
			got := ""
			if err := checkRules(t, fmt.Sprintf(ruled, test.assert), nil, nil); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got error %q, want %q", got, test.want)
			}
		})
	}
}

func TestRulesApply(t *testing.T) {
	text := fmt.Sprintf(ruled, "!Equals [1, 1]")
	const want = "Template error: Rule Other failed: an assertion is false"
	if err := checkRules(t, text, map[string]string{"Env": "other"}, nil); err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestRulesOfCDK(t *testing.T) {
	text, err := os.ReadFile("../../testdata/cdk/defaults.template.json")
	if err != nil {
		t.Fatal(err)
	}
	const name = "/cdk-bootstrap/hnb659fds/version"
	if err := checkRules(t, string(text), nil, map[string]string{name: "21"}); err != nil {
		t.Errorf("version 21: got error %v, want none", err)
	}
	const want = "Template error: Rule CheckBootstrapVersion failed: CDK bootstrap stack version 6 required. " +
		"Please run 'cdk bootstrap' with a recent version of the CDK CLI."
	if err := checkRules(t, string(text), nil, map[string]string{name: "5"}); err == nil || err.Error() != want {
		t.Errorf("version 5: got error %v, want %s", err, want)
	}
}

func TestRuleErrors(t *testing.T) {
	tests := []struct{ name, rule, want string }{
		{"text", `x`, "Template format error: [/Rules/R] Rules must be objects"},
		{"no assertions", `{}`, "Template format error: [/Rules/R] Every Rules object must contain a list of Assertions"},
		{"no assert", `{Assertions: [{AssertDescription: x}]}`, "Template format error: [/Rules/R/Assertions] Every Assertions member must contain an Assert"},
		{"description", `{Assertions: [{Assert: !Not [x], AssertDescription: [x]}]}`, "Template format error: [/Rules/R/Assertions/AssertDescription] must be a string"},
		{"property", `{Condition: x}`, "Invalid template rule property 'Condition'"},
		{"assertion's property", `{Assertions: [{Assert: !Not [x], Description: x}]}`, "Invalid template rule property 'Description'"},
		{"functions", `{Assertions: [{Assert: !Equals [!If [a, b, c], !Sub x]}, {Assert: !Not [!Condition C]}, {Assert: !Not [!Sub x]}]}`,
			"Template format error: Following functions are not supported in the Rules block of the template: [Fn::If, Fn::Sub, Condition]"},
		{"parameters", `{RuleCondition: !Equals [!Ref A, !Ref B], Assertions: [{Assert: !Equals [!ValueOf [A, x], !ValueOf [C, x]]}]}`,
			"Template format error: Rules block references undeclared parameters: [A, B, C]"},
		{"resource", `{Assertions: [{Assert: !Equals [!Ref Q, x]}]}`, "Template format error: Rules block references undeclared parameters: [Q]"},
		{"one list", `{Assertions: [{Assert: !EachMemberIn [[a]]}]}`, "Template error: every Fn::EachMemberIn object requires two lists of strings."},
		{"function in ValueOf", `{Assertions: [{Assert: !Equals [!ValueOf [!Ref A, x], x]}]}`,
			"Template error: every Fn::ValueOf object requires two strings, a parameter's name and an attribute."},
		{"function in RefAll", `{Assertions: [{Assert: !Contains [!RefAll [x], x]}]}`,
			"Template error: every Fn::RefAll object must have the name of a parameter type."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parsed, err := Parse([]byte("Resources: {Q: {Type: T}}\nRules:\n  R: " + test.rule))
			if err == nil {
				err = parsed.Validate()
			}
			if err == nil || err.Error() != test.want {
				t.Errorf("got error %v\nwant %s", err, test.want)
			}
		})
	}
}
