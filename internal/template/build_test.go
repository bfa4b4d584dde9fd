package template

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuilder(t *testing.T) {
	b := Builder{Description: "a test"}
	b.Parameter("Name", map[string]any{"Type": "String"})
	b.Condition("Named", Equals(Ref("Name"), "x"))
	b.Resource("Queue", Draft{Type: "AWS::SQS::Queue", DeletionPolicy: "Retain", Condition: "Named", Metadata: map[string]any{"why": "test"}})
	b.Resource("Policy", Draft{Type: "AWS::SQS::QueuePolicy", DependsOn: []string{"Queue"}, Properties: map[string]any{
		"b": []string{"x"},
		"a": If("Named", Ref(NoValue), 0),
		"c": map[string]string{"z": "<&>"},
		"d": Join("", "a", GetAtt("Queue", "Arn"), Sub("${Queue}")),
		"e": Select(0, GetAZs()),
		"f": struct{ Threshold float64 }{1.5},
		"g": Split("/", Ref("AWS::StackId")),
	}})
	b.Output("Url", map[string]any{"Value": Ref("Queue")})
	built, err := b.Template()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"AWSTemplateFormatVersion":"2010-09-09","Description":"a test",` +
		`"Parameters":{"Name":{"Type":"String"}},"Conditions":{"Named":{"Fn::Equals":[{"Ref":"Name"},"x"]}},` +
		`"Resources":{"Queue":{"Type":"AWS::SQS::Queue","Condition":"Named","DeletionPolicy":"Retain","Metadata":{"why":"test"}},` +
		`"Policy":{"Type":"AWS::SQS::QueuePolicy","DependsOn":["Queue"],"Properties":{"a":{"Fn::If":["Named",{"Ref":"AWS::NoValue"},0]},` +
		`"b":["x"],"c":{"z":"<&>"},"d":{"Fn::Join":["",["a",{"Fn::GetAtt":["Queue","Arn"]},{"Fn::Sub":"${Queue}"}]]},` +
		`"e":{"Fn::Select":[0,{"Fn::GetAZs":""}]},"f":{"Threshold":1.5},"g":{"Fn::Split":["/",{"Ref":"AWS::StackId"}]}}}},` +
		`"Outputs":{"Url":{"Value":{"Ref":"Queue"}}}}`
	got, err := built.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
}

func TestBuilderErrors(t *testing.T) {
	tests := []struct {
		name  string
		build func(*Builder)
		want  string
	}{
		{"nothing", func(*Builder) {}, "Template format error: At least one Resources member must be defined."},
		{"twice", func(b *Builder) {
			b.Resource("Q", Draft{Type: "T"})
			b.Resource("Q", Draft{Type: "T"})
		}, "writing Q: there is another entry of this name"},
		{"value", func(b *Builder) {
			b.Resource("Q", Draft{Type: "T", Properties: map[string]any{"a": []any{make(chan int)}}})
		}, "writing Q: Properties: a: [0]: writing chan int: json: unsupported type: chan int"},
		{"reference", func(b *Builder) {
			b.Resource("Q", Draft{Type: "T", Properties: map[string]any{"a": Ref("X")}})
		}, "Template format error: Unresolved resource dependencies [X] in the Resources block of the template"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var b Builder
			test.build(&b)
			if _, err := b.Template(); err == nil || err.Error() != test.want {
				t.Errorf("got error %v, want %s", err, test.want)
			}
		})
	}
}
