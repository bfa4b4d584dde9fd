package sts_test

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/sts"
	"github.com/spate-run/spate/internal/wire"
)

func TestGetCallerIdentity(t *testing.T) {
	account := wire.Account{ID: "000000000000", Region: "us-east-1"}
	keys := &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	service := sts.New(sts.Config{Account: account})
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{service.Wire()}, Keys: keys})
	out, err := sdk.NewFromConfig(wire.Client(h, keys, account)).GetCallerIdentity(t.Context(), &sdk.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{*out.Account, *out.Arn, *out.UserId}
	want := []string{"000000000000", "arn:aws:iam::000000000000:root", "000000000000"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("account, ARN, user (-want +got):\n%s", diff)
	}
}
