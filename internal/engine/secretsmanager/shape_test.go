package secretsmanager_test

import (
	"reflect"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/spate-run/spate/internal/engine/secretsmanager"
)

func TestShapesAreTheSDKs(t *testing.T) {
	for _, pair := range [][2]any{
		{secretsmanager.CreateSecretInput{}, sdk.CreateSecretInput{}}, {secretsmanager.CreateSecretOutput{}, sdk.CreateSecretOutput{}},
		{secretsmanager.PutSecretValueInput{}, sdk.PutSecretValueInput{}}, {secretsmanager.PutSecretValueOutput{}, sdk.PutSecretValueOutput{}},
		{secretsmanager.UpdateSecretInput{}, sdk.UpdateSecretInput{}}, {secretsmanager.UpdateSecretOutput{}, sdk.UpdateSecretOutput{}},
		{secretsmanager.GetSecretValueInput{}, sdk.GetSecretValueInput{}}, {secretsmanager.GetSecretValueOutput{}, sdk.GetSecretValueOutput{}},
		{secretsmanager.BatchGetSecretValueInput{}, sdk.BatchGetSecretValueInput{}}, {secretsmanager.BatchGetSecretValueOutput{}, sdk.BatchGetSecretValueOutput{}},
		{secretsmanager.DescribeSecretInput{}, sdk.DescribeSecretInput{}}, {secretsmanager.DescribeSecretOutput{}, sdk.DescribeSecretOutput{}},
		{secretsmanager.ListSecretsInput{}, sdk.ListSecretsInput{}}, {secretsmanager.ListSecretsOutput{}, sdk.ListSecretsOutput{}},
		{secretsmanager.ListSecretVersionIdsInput{}, sdk.ListSecretVersionIdsInput{}}, {secretsmanager.ListSecretVersionIdsOutput{}, sdk.ListSecretVersionIdsOutput{}},
		{secretsmanager.DeleteSecretInput{}, sdk.DeleteSecretInput{}}, {secretsmanager.DeleteSecretOutput{}, sdk.DeleteSecretOutput{}},
		{secretsmanager.RestoreSecretInput{}, sdk.RestoreSecretInput{}}, {secretsmanager.RestoreSecretOutput{}, sdk.RestoreSecretOutput{}},
		{secretsmanager.TagResourceInput{}, sdk.TagResourceInput{}}, {secretsmanager.TagResourceOutput{}, sdk.TagResourceOutput{}},
		{secretsmanager.UntagResourceInput{}, sdk.UntagResourceInput{}}, {secretsmanager.UntagResourceOutput{}, sdk.UntagResourceOutput{}},
		{secretsmanager.GetRandomPasswordInput{}, sdk.GetRandomPasswordInput{}}, {secretsmanager.GetRandomPasswordOutput{}, sdk.GetRandomPasswordOutput{}},
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
