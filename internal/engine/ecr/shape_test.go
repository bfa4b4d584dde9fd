package ecr_test

import (
	"reflect"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/spate-run/spate/internal/engine/ecr"
)

func TestShapesAreTheSDKs(t *testing.T) {
	for _, pair := range [][2]any{
		{ecr.CreateRepositoryInput{}, sdk.CreateRepositoryInput{}}, {ecr.CreateRepositoryOutput{}, sdk.CreateRepositoryOutput{}},
		{ecr.DescribeRepositoriesInput{}, sdk.DescribeRepositoriesInput{}}, {ecr.DescribeRepositoriesOutput{}, sdk.DescribeRepositoriesOutput{}},
		{ecr.DeleteRepositoryInput{}, sdk.DeleteRepositoryInput{}}, {ecr.DeleteRepositoryOutput{}, sdk.DeleteRepositoryOutput{}},
		{ecr.PutImageTagMutabilityInput{}, sdk.PutImageTagMutabilityInput{}}, {ecr.PutImageTagMutabilityOutput{}, sdk.PutImageTagMutabilityOutput{}},
		{ecr.PutImageScanningConfigurationInput{}, sdk.PutImageScanningConfigurationInput{}}, {ecr.PutImageScanningConfigurationOutput{}, sdk.PutImageScanningConfigurationOutput{}},
		{ecr.PutLifecyclePolicyInput{}, sdk.PutLifecyclePolicyInput{}}, {ecr.PutLifecyclePolicyOutput{}, sdk.PutLifecyclePolicyOutput{}},
		{ecr.GetLifecyclePolicyInput{}, sdk.GetLifecyclePolicyInput{}}, {ecr.GetLifecyclePolicyOutput{}, sdk.GetLifecyclePolicyOutput{}},
		{ecr.DeleteLifecyclePolicyInput{}, sdk.DeleteLifecyclePolicyInput{}}, {ecr.DeleteLifecyclePolicyOutput{}, sdk.DeleteLifecyclePolicyOutput{}},
		{ecr.SetRepositoryPolicyInput{}, sdk.SetRepositoryPolicyInput{}}, {ecr.SetRepositoryPolicyOutput{}, sdk.SetRepositoryPolicyOutput{}},
		{ecr.GetRepositoryPolicyInput{}, sdk.GetRepositoryPolicyInput{}}, {ecr.GetRepositoryPolicyOutput{}, sdk.GetRepositoryPolicyOutput{}},
		{ecr.DeleteRepositoryPolicyInput{}, sdk.DeleteRepositoryPolicyInput{}}, {ecr.DeleteRepositoryPolicyOutput{}, sdk.DeleteRepositoryPolicyOutput{}},
		{ecr.TagResourceInput{}, sdk.TagResourceInput{}}, {ecr.TagResourceOutput{}, sdk.TagResourceOutput{}},
		{ecr.UntagResourceInput{}, sdk.UntagResourceInput{}}, {ecr.UntagResourceOutput{}, sdk.UntagResourceOutput{}},
		{ecr.ListTagsForResourceInput{}, sdk.ListTagsForResourceInput{}}, {ecr.ListTagsForResourceOutput{}, sdk.ListTagsForResourceOutput{}},
		{ecr.ListImagesInput{}, sdk.ListImagesInput{}}, {ecr.ListImagesOutput{}, sdk.ListImagesOutput{}},
		{ecr.DescribeImagesInput{}, sdk.DescribeImagesInput{}}, {ecr.DescribeImagesOutput{}, sdk.DescribeImagesOutput{}},
		{ecr.BatchGetImageInput{}, sdk.BatchGetImageInput{}}, {ecr.BatchGetImageOutput{}, sdk.BatchGetImageOutput{}},
		{ecr.BatchDeleteImageInput{}, sdk.BatchDeleteImageInput{}}, {ecr.BatchDeleteImageOutput{}, sdk.BatchDeleteImageOutput{}},
		{ecr.GetAuthorizationTokenInput{}, sdk.GetAuthorizationTokenInput{}}, {ecr.GetAuthorizationTokenOutput{}, sdk.GetAuthorizationTokenOutput{}},
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
	case t.Kind() == reflect.Map:
		return "map " + members(t.Elem())
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
