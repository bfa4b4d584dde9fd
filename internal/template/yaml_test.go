package template

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const shortForms = `---
AWSTemplateFormatVersion: 2010-09-09
Description: >
  folded
  text
Parameters:
  P: {Type: String, Default: 010, AllowedValues: [yes, no, 8]}
Mappings:
  M: {a: {b: &unused 1}}
Conditions:
  C: !Or [!Equals [!Ref P, 8], !And [!Condition D, !Not [!Condition D]]]
  D: !Equals [a, 'b']
Resources:
  Q: # a comment
    Type: AWS::SQS::Queue
  R:
    Type: T
    DependsOn: [Q]
    Properties:
      dotted: !GetAtt Q.Outputs.Arn
      list: !GetAtt [Q, !Ref P]
      sub: !Sub ${Q.Arn}/${!x}
      values: !Sub
        - ${x}-${P}
        - x: !Join ['-', [!Ref P, !Base64 "1"]]
      select: !Select [0, !Split [',', !ImportValue a]]
      map: !FindInMap [M, a, b]
      if: !If [C, !Ref AWS::NoValue, !Cidr [10.0.0.0/16, 1, 8]]
      zones: !GetAZs
      text: !Base64 |
        #!/bin/sh
        echo "$1"
      long: {Fn::Base64: !Sub "${P}"}
`

// What YAML says in its short forms is the same as JSON.
func TestShortForms(t *testing.T) {
	const want = `{"AWSTemplateFormatVersion":"2010-09-09","Description":"folded text\n",` +
		`"Parameters":{"P":{"Type":"String","Default":8,"AllowedValues":[true,false,8]}},"Mappings":{"M":{"a":{"b":1}}},` +
		`"Conditions":{"C":{"Fn::Or":[{"Fn::Equals":[{"Ref":"P"},8]},{"Fn::And":[{"Condition":"D"},{"Fn::Not":[{"Condition":"D"}]}]}]},` +
		`"D":{"Fn::Equals":["a","b"]}},"Resources":{"Q":{"Type":"AWS::SQS::Queue"},"R":{"Type":"T","DependsOn":["Q"],"Properties":{` +
		`"dotted":{"Fn::GetAtt":["Q","Outputs.Arn"]},"list":{"Fn::GetAtt":["Q",{"Ref":"P"}]},"sub":{"Fn::Sub":"${Q.Arn}/${!x}"},` +
		`"values":{"Fn::Sub":["${x}-${P}",{"x":{"Fn::Join":["-",[{"Ref":"P"},{"Fn::Base64":"1"}]]}}]},` +
		`"select":{"Fn::Select":[0,{"Fn::Split":[",",{"Fn::ImportValue":"a"}]}]},"map":{"Fn::FindInMap":["M","a","b"]},` +
		`"if":{"Fn::If":["C",{"Ref":"AWS::NoValue"},{"Fn::Cidr":["10.0.0.0/16",1,8]}]},"zones":{"Fn::GetAZs":""},` +
		`"text":{"Fn::Base64":"#!/bin/sh\necho \"$1\"\n"},"long":{"Fn::Base64":{"Fn::Sub":"${P}"}}}}}}`
	got, err := parse(t, shortForms).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
}

func TestShortFormsOfExtensions(t *testing.T) {
	got, err := read([]byte("a: !Length [!ToJsonString {b: 1}]\nc: !Transform {Name: x}\nd: !Contains [[x], y]\n"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"a":{"Fn::Length":[{"Fn::ToJsonString":{"b":1}}]},"c":{"Fn::Transform":{"Name":"x"}},"d":{"Fn::Contains":[["x"],"y"]}}`
	if diff := cmp.Diff(want, string(got.appendJSON(nil, noIndent))); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestYAMLPositions(t *testing.T) {
	parsed := parse(t, shortForms)
	properties := parsed.Resource("R").Properties
	for name, want := range map[string]Pos{"dotted": {20, 15}, "values": {23, 15}, "long": {33, 13}} {
		if got := properties.Get(name).Pos; got != want {
			t.Errorf("%s: got it at %v, want %v", name, got, want)
		}
	}
	if got, want := properties.Get("if").Members[0].Value.Items[2].Pos, (Pos{28, 38}); got != want {
		t.Errorf("the last of !If: got it at %v, want %v", got, want)
	}
	if got, want := parsed.Resource("Q").Pos, (Pos{14, 3}); got != want {
		t.Errorf("Q: got it at %v, want %v", got, want)
	}
}

const scalars = `[true, Yes, on, False, NO, off, y, n, '1', "no", !!str 010, ! 5,
  0, -0, +5, 010, 0o10, 08, 0x1F, 0b101, 1_000, 190:20:30, 22:22, 00:30, 123456789012, 99999999999999999999,
  012345678901, 1.50, 5.10, .5, 1., 1e3, 1.5e-7, -1e9, 0.001, 12345678.9, 1.0, .inf, .nan, 1e999,
  2010-09-09, 2012-10-17T00:00:00Z, 10.0.0.0/16, 1.2.3, '', !!int '7', !!float 1, !!bool yes, =, 1-2, --]`

// Numbers and dates are read as YAML 1.1 has them, and told as AWS tells them.
func TestYAMLScalars(t *testing.T) {
	const want = `[true,true,true,false,false,false,"y","n","1","no","010","5",` +
		`0,0,5,8,"0o10",8.0,31,5,1000,685230,1342,"00:30",123456789012,99999999999999999999,` +
		`1.2345678901E10,1.5,5.1,0.5,1.0,1000.0,1.5E-7,-1.0E9,0.001,1.23456789E7,1.0,".inf",".nan","1e999",` +
		`"2010-09-09","2012-10-17T00:00:00Z","10.0.0.0/16","1.2.3","",7,1,true,"=","1-2","--"]`
	got, err := parseYAML([]byte(scalars))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got.appendJSON(nil, noIndent))); diff != "" {
		t.Errorf("scalars (-want +got):\n%s", diff)
	}
}

func TestYAMLKeys(t *testing.T) {
	got, err := parseYAML([]byte("123456789012: a\n'01': b\n01: c\nyes: d\n2010-09-09: e\n'<<': f\n\"é\": g\n"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"123456789012":"a","01":"b","1":"c","true":"d","2010-09-09":"e","<<":"f","é":"g"}`
	if diff := cmp.Diff(want, string(got.appendJSON(nil, noIndent))); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestYAMLErrors(t *testing.T) {
	malformed := func(line, column int) string {
		return fmt.Sprintf("Template format error: YAML not well-formed. (line %d, column %d)", line, column)
	}
	const (
		aliases = "Template error: YAML aliases are not allowed in CloudFormation templates"
		merges  = "Template error: YAML merge keys are not allowed in CloudFormation templates"
	)
	bomb := "a: &a [x]\n" + many(30, "b%[1]d: &b%[1]d [*a, *a]\n")
	tests := []struct {
		name, text, want string
		at               Pos
	}{
		{"text", "template.yaml", "Template format error: unsupported structure.", Pos{1, 1}},
		{"comment", "# nothing", "Template format error: unsupported structure.", Pos{1, 1}},
		{"list", "\n- a", "Template format error: unsupported structure.", Pos{2, 1}},
		{"colon", "Resources:\n  Q:\n    Type AWS::SQS::Queue\n    P: 1", malformed(4, 6), Pos{4, 6}},
		{"tab", "Resources:\n\tQ: x", malformed(2, 1), Pos{2, 1}},
		{"bracket", "Resources:\n  Q: [a,\n", malformed(3, 1), Pos{3, 1}},
		{"two tags", "a: !Base64 !Sub x", malformed(1, 12), Pos{1, 12}},
		{"two documents", "a: 1\n---\nb: 1", malformed(2, 1), Pos{2, 1}},
		{"broken second document", "a: 1\n---\n[", malformed(4, 1), Pos{4, 1}},
		{"control character", "a: é\nb: é\x01", malformed(2, 5), Pos{2, 5}},
		{"not UTF-8", "a: é\nb: \xff", malformed(2, 4), Pos{2, 4}},
		{"list as key", "? [a]\n: b", malformed(1, 3), Pos{1, 3}},
		{"null as key", "~: b", malformed(1, 1), Pos{1, 1}},
		{"binary", "a: !!binary aGk=", malformed(1, 4), Pos{1, 4}},
		{"set", "a: !!set {b}", malformed(1, 4), Pos{1, 4}},
		{"omap", "a: !!omap [b: 1]", malformed(1, 4), Pos{1, 4}},
		{"timestamp", "a: !!timestamp 2010-09-09", malformed(1, 4), Pos{1, 4}},
		{"no number", "a: !!int x", malformed(1, 4), Pos{1, 4}},
		{"duplicate", "Resources:\n  A: {Type: T}\n  A: {}", `Template format error: duplicate key "A". (line 3, column 3)`, Pos{3, 3}},
		{"duplicate numbers", "8: a\n010: b", `Template format error: duplicate key "8". (line 2, column 1)`, Pos{2, 1}},
		{"alias", "a: &x 1\nb: *x", aliases, Pos{2, 4}},
		{"alias as key", "a: &x y\n*x : 1", aliases, Pos{2, 1}},
		{"alias in itself", "a: &x [*x]", aliases, Pos{1, 8}},
		{"bomb", bomb, aliases, Pos{2, 10}},
		{"merge", "a: 1\n<<: {b: 1}", merges, Pos{2, 1}},
		{"deep", "Resources: " + strings.Repeat("[", 300) + strings.Repeat("]", 300), "Template format error: values are nested more than 200 deep", Pos{1, 212}},
		{"null", "Resources:\n  Q:\n    Type: T\n    Properties:", "[/Resources/Q/Properties] 'null' values are not allowed in templates", Pos{4, 16}},
		{"section", "Resources: {Q: {Type: T}}\nResorces: {}", "Invalid template property or properties [Resorces]", Pos{2, 1}},
		{"version", "AWSTemplateFormatVersion: 2010-09-10", "Template format error: unsupported value for AWSTemplateFormatVersion.", Pos{1, 27}},
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

// Functions that are misspelt are found where all others are.
func TestUnknownShortForms(t *testing.T) {
	parsed, err := Parse([]byte("Resources:\n  Q:\n    Type: T\n    Properties: {a: !Reff b}"))
	if err != nil {
		t.Fatal(err)
	}
	fault, _ := errors.AsType[*Error](parsed.Validate())
	if fault == nil || !strings.HasPrefix(fault.Message, "Template error: Encountered unsupported function: Fn::Reff Supported functions are: [") || fault.Pos != (Pos{4, 21}) {
		t.Errorf("got %+v, want an unsupported function at line 4, column 21", fault)
	}
}
