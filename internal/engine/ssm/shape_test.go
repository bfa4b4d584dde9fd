package ssm_test

import (
	"reflect"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/spate-run/spate/internal/engine/ssm"
)

func TestShapesAreTheSDKs(t *testing.T) {
	for _, pair := range [][2]any{
		{ssm.PutParameterInput{}, sdk.PutParameterInput{}}, {ssm.PutParameterOutput{}, sdk.PutParameterOutput{}},
		{ssm.GetParameterInput{}, sdk.GetParameterInput{}}, {ssm.GetParameterOutput{}, sdk.GetParameterOutput{}},
		{ssm.GetParametersInput{}, sdk.GetParametersInput{}}, {ssm.GetParametersOutput{}, sdk.GetParametersOutput{}},
		{ssm.GetParametersByPathInput{}, sdk.GetParametersByPathInput{}}, {ssm.GetParametersByPathOutput{}, sdk.GetParametersByPathOutput{}},
		{ssm.GetParameterHistoryInput{}, sdk.GetParameterHistoryInput{}}, {ssm.GetParameterHistoryOutput{}, sdk.GetParameterHistoryOutput{}},
		{ssm.DescribeParametersInput{}, sdk.DescribeParametersInput{}}, {ssm.DescribeParametersOutput{}, sdk.DescribeParametersOutput{}},
		{ssm.DeleteParameterInput{}, sdk.DeleteParameterInput{}}, {ssm.DeleteParameterOutput{}, sdk.DeleteParameterOutput{}},
		{ssm.DeleteParametersInput{}, sdk.DeleteParametersInput{}}, {ssm.DeleteParametersOutput{}, sdk.DeleteParametersOutput{}},
		{ssm.AddTagsToResourceInput{}, sdk.AddTagsToResourceInput{}}, {ssm.AddTagsToResourceOutput{}, sdk.AddTagsToResourceOutput{}},
		{ssm.RemoveTagsFromResourceInput{}, sdk.RemoveTagsFromResourceInput{}}, {ssm.RemoveTagsFromResourceOutput{}, sdk.RemoveTagsFromResourceOutput{}},
		{ssm.ListTagsForResourceInput{}, sdk.ListTagsForResourceInput{}}, {ssm.ListTagsForResourceOutput{}, sdk.ListTagsForResourceOutput{}},
	} {
		got, want := reflect.TypeOf(pair[0]), reflect.TypeOf(pair[1])
		if members(got) != members(want) || got.Name() != want.Name() {
			t.Errorf("%s has %s, want %s", got, members(got), members(want))
		}
	}
}

// members writes out what a type is on the wire.
func members(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return members(t.Elem())
	case t.Kind() == reflect.Slice:
		return "[" + members(t.Elem()) + "]"
	case t.Kind() != reflect.Struct || t.PkgPath() == "time":
		return t.Kind().String()
	}
	text := "{"
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && f.Name != "ResultMetadata" {
			text += f.Name + ":" + members(f.Type) + " "
		}
	}
	return text + "}"
}
