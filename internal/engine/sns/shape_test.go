package sns_test

import (
	"reflect"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/spate-run/spate/internal/engine/sns"
)

func TestShapesAreTheSDKs(t *testing.T) {
	for _, pair := range [][2]any{
		{sns.CreateTopicInput{}, sdk.CreateTopicInput{}}, {sns.CreateTopicOutput{}, sdk.CreateTopicOutput{}},
		{sns.GetTopicAttributesInput{}, sdk.GetTopicAttributesInput{}}, {sns.GetTopicAttributesOutput{}, sdk.GetTopicAttributesOutput{}},
		{sns.SetTopicAttributesInput{}, sdk.SetTopicAttributesInput{}}, {sns.SetTopicAttributesOutput{}, sdk.SetTopicAttributesOutput{}},
		{sns.ListTopicsInput{}, sdk.ListTopicsInput{}}, {sns.ListTopicsOutput{}, sdk.ListTopicsOutput{}},
		{sns.DeleteTopicInput{}, sdk.DeleteTopicInput{}}, {sns.DeleteTopicOutput{}, sdk.DeleteTopicOutput{}},
		{sns.SubscribeInput{}, sdk.SubscribeInput{}}, {sns.SubscribeOutput{}, sdk.SubscribeOutput{}},
		{sns.ConfirmSubscriptionInput{}, sdk.ConfirmSubscriptionInput{}}, {sns.ConfirmSubscriptionOutput{}, sdk.ConfirmSubscriptionOutput{}},
		{sns.UnsubscribeInput{}, sdk.UnsubscribeInput{}}, {sns.UnsubscribeOutput{}, sdk.UnsubscribeOutput{}},
		{sns.ListSubscriptionsInput{}, sdk.ListSubscriptionsInput{}}, {sns.ListSubscriptionsOutput{}, sdk.ListSubscriptionsOutput{}},
		{sns.ListSubscriptionsByTopicInput{}, sdk.ListSubscriptionsByTopicInput{}}, {sns.ListSubscriptionsByTopicOutput{}, sdk.ListSubscriptionsByTopicOutput{}},
		{sns.GetSubscriptionAttributesInput{}, sdk.GetSubscriptionAttributesInput{}}, {sns.GetSubscriptionAttributesOutput{}, sdk.GetSubscriptionAttributesOutput{}},
		{sns.SetSubscriptionAttributesInput{}, sdk.SetSubscriptionAttributesInput{}}, {sns.SetSubscriptionAttributesOutput{}, sdk.SetSubscriptionAttributesOutput{}},
		{sns.PublishInput{}, sdk.PublishInput{}}, {sns.PublishOutput{}, sdk.PublishOutput{}},
		{sns.PublishBatchInput{}, sdk.PublishBatchInput{}}, {sns.PublishBatchOutput{}, sdk.PublishBatchOutput{}},
		{sns.TagResourceInput{}, sdk.TagResourceInput{}}, {sns.TagResourceOutput{}, sdk.TagResourceOutput{}},
		{sns.UntagResourceInput{}, sdk.UntagResourceInput{}}, {sns.UntagResourceOutput{}, sdk.UntagResourceOutput{}},
		{sns.ListTagsForResourceInput{}, sdk.ListTagsForResourceInput{}}, {sns.ListTagsForResourceOutput{}, sdk.ListTagsForResourceOutput{}},
		{sns.AddPermissionInput{}, sdk.AddPermissionInput{}}, {sns.AddPermissionOutput{}, sdk.AddPermissionOutput{}},
		{sns.RemovePermissionInput{}, sdk.RemovePermissionInput{}}, {sns.RemovePermissionOutput{}, sdk.RemovePermissionOutput{}},
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
