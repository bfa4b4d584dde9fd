package sts_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/sts"
	"github.com/spate-run/spate/internal/wire"
)

func newClient() *sdk.Client {
	account := wire.Account{ID: "000000000000", Region: "us-east-1"}
	keys := wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	service := sts.New(sts.Config{Account: account, Keys: keys})
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{service.Wire()}, Keys: &keys})
	return sdk.NewFromConfig(wire.Client(h, &keys, account))
}

func identity(t *testing.T, c *sdk.Client, options ...func(*sdk.Options)) []string {
	t.Helper()
	out, err := c.GetCallerIdentity(t.Context(), &sdk.GetCallerIdentityInput{}, options...)
	if err != nil {
		t.Fatal(err)
	}
	return []string{*out.Account, *out.Arn, *out.UserId}
}

func TestGetCallerIdentity(t *testing.T) {
	want := []string{"000000000000", "arn:aws:iam::000000000000:root", "000000000000"}
	if diff := cmp.Diff(want, identity(t, newClient())); diff != "" {
		t.Errorf("account, ARN, user (-want +got):\n%s", diff)
	}
}

func TestAssumedRoleIsTheCaller(t *testing.T) {
	c := newClient()
	out, err := c.AssumeRole(t.Context(), &sdk.AssumeRoleInput{
		RoleArn: new("arn:aws:iam::000000000000:role/a/path/deploy"), RoleSessionName: new("aws-cdk-me"), DurationSeconds: new(int32(900)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(*out.Credentials.Expiration); left < 14*time.Minute || left > 15*time.Minute {
		t.Errorf("credentials expire in %v, want 15 min", left)
	}
	taken := out.Credentials
	got := identity(t, c, func(o *sdk.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(*taken.AccessKeyId, *taken.SecretAccessKey, *taken.SessionToken)
	})
	want := []string{"000000000000", "arn:aws:sts::000000000000:assumed-role/deploy/aws-cdk-me", *out.AssumedRoleUser.AssumedRoleId}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("account, ARN, user (-want +got):\n%s", diff)
	}
}

func TestRolesThatCannotBeAssumed(t *testing.T) {
	c := newClient()
	for _, test := range []struct {
		role, session string
		seconds       int32
		want          string
	}{
		{"deploy", "me", 900, "ValidationError: deploy is invalid"},
		{"arn:aws:iam::000000000000:user/me", "me", 900, "ValidationError: arn:aws:iam::000000000000:user/me is invalid"},
		{"arn:aws:iam::000000000000:role/r", "a b", 900, `ValidationError: 1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{"arn:aws:iam::000000000000:role/r", "me", 899, "ValidationError: 1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200"},
		{"arn:aws:iam::111111111111:role/r", "me", 900, "AccessDenied: User: arn:aws:iam::000000000000:root is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111111111111:role/r"},
	} {
		_, err := c.AssumeRole(t.Context(), &sdk.AssumeRoleInput{RoleArn: &test.role, RoleSessionName: &test.session, DurationSeconds: &test.seconds})
		got := "no error"
		if fault, ok := errors.AsType[smithy.APIError](err); ok {
			got = fault.ErrorCode() + ": " + fault.ErrorMessage()
		}
		if got != test.want {
			t.Errorf("AssumeRole(%s, %s, %d): got %s, want %s", test.role, test.session, test.seconds, got, test.want)
		}
	}
}
