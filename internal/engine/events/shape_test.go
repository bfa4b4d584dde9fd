package events_test

import (
	"reflect"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/spate-run/spate/internal/engine/events"
)

// Every member here is one of the SDK's, and what is not here is for services
// that are not here.
func TestShapesAreTheSDKs(t *testing.T) {
	elsewhere := map[string]bool{
		"AppSyncParameters": true, "BatchParameters": true, "HttpParameters": true, "KinesisParameters": true, "ManagedBy": true,
		"RedshiftDataParameters": true, "ResultMetadata": true, "RunCommandParameters": true, "SageMakerPipelineParameters": true,
	}
	var compare func(path string, got, want reflect.Type)
	compare = func(path string, got, want reflect.Type) {
		if got.Kind() != want.Kind() {
			t.Errorf("%s: got %s, want %s", path, got.Kind(), want.Kind())
			return
		}
		switch got.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			compare(path, got.Elem(), want.Elem())
		case reflect.Struct:
			if got.Name() != want.Name() {
				t.Errorf("%s: got the name %s, want %s", path, got.Name(), want.Name())
			}
			for f := range want.Fields() {
				if !f.IsExported() || elsewhere[f.Name] {
					continue
				}
				mine, ok := got.FieldByName(f.Name)
				if !ok {
					t.Errorf("%s has no %s", path, f.Name)
					continue
				}
				compare(path+"."+f.Name, mine.Type, f.Type)
			}
			for f := range got.Fields() {
				if _, ok := want.FieldByName(f.Name); !ok {
					t.Errorf("%s has a %s", path, f.Name)
				}
			}
		}
	}
	for _, pair := range [][2]any{
		{events.PutRuleInput{}, sdk.PutRuleInput{}}, {events.PutRuleOutput{}, sdk.PutRuleOutput{}},
		{events.DescribeRuleInput{}, sdk.DescribeRuleInput{}}, {events.DescribeRuleOutput{}, sdk.DescribeRuleOutput{}},
		{events.ListRulesInput{}, sdk.ListRulesInput{}}, {events.ListRulesOutput{}, sdk.ListRulesOutput{}},
		{events.DeleteRuleInput{}, sdk.DeleteRuleInput{}}, {events.DeleteRuleOutput{}, sdk.DeleteRuleOutput{}},
		{events.EnableRuleInput{}, sdk.EnableRuleInput{}}, {events.DisableRuleInput{}, sdk.DisableRuleInput{}},
		{events.PutTargetsInput{}, sdk.PutTargetsInput{}}, {events.PutTargetsOutput{}, sdk.PutTargetsOutput{}},
		{events.RemoveTargetsInput{}, sdk.RemoveTargetsInput{}}, {events.RemoveTargetsOutput{}, sdk.RemoveTargetsOutput{}},
		{events.ListTargetsByRuleInput{}, sdk.ListTargetsByRuleInput{}}, {events.ListTargetsByRuleOutput{}, sdk.ListTargetsByRuleOutput{}},
		{events.TagResourceInput{}, sdk.TagResourceInput{}}, {events.UntagResourceInput{}, sdk.UntagResourceInput{}},
		{events.ListTagsForResourceInput{}, sdk.ListTagsForResourceInput{}}, {events.ListTagsForResourceOutput{}, sdk.ListTagsForResourceOutput{}},
	} {
		got, want := reflect.TypeOf(pair[0]), reflect.TypeOf(pair[1])
		compare(want.Name(), got, want)
	}
}
