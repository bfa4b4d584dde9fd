package secretsmanager_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/secretsmanager"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

var account = wire.Account{ID: "000000000000", Region: "us-east-1"}

// open starts a service on a home. Opened again it finds what was there.
func open(t testing.TB, home string) *sdk.Client {
	t.Helper()
	return sdk.NewFromConfig(wire.Client(wire.NewHandler(wire.Config{Services: []*wire.Service{service(t, home).Wire()}}), nil, account))
}

func service(t testing.TB, home string) *secretsmanager.Service {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(home, "spate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := secretsmanager.New(t.Context(), secretsmanager.Config{Store: db, Account: account})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fault is what a service answers an error with: code and message.
func fault(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return fmt.Sprint(err)
}

func create(t testing.TB, c *sdk.Client, name, value string) (arn string) {
	t.Helper()
	out, err := c.CreateSecret(t.Context(), &sdk.CreateSecretInput{Name: &name, SecretString: &value})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

func put(t testing.TB, c *sdk.Client, id, value string, stages ...string) (version string) {
	t.Helper()
	out, err := c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: &id, SecretString: &value, VersionStages: stages})
	if err != nil {
		t.Fatal(err)
	}
	return *out.VersionId
}

// get is the value of a stage, or the fault.
func get(t testing.TB, c *sdk.Client, id, stage string) string {
	t.Helper()
	in := &sdk.GetSecretValueInput{SecretId: &id}
	if stage != "" {
		in.VersionStage = &stage
	}
	out, err := c.GetSecretValue(t.Context(), in)
	if err != nil {
		return fault(err)
	}
	return *out.SecretString
}

const notFound = "ResourceNotFoundException: Secrets Manager can't find the specified secret."

func TestSecretIsFoundByNameAndARN(t *testing.T) {
	home := t.TempDir()
	c := open(t, home)
	arn := create(t, c, "app/db-abcdef", "one")
	if !regexp.MustCompile(`^arn:aws:secretsmanager:us-east-1:000000000000:secret:app/db-abcdef-[A-Za-z0-9]{6}$`).MatchString(arn) {
		t.Errorf("got ARN %s, want the name and six more characters", arn)
	}
	tests := map[string]string{
		"app/db-abcdef":                       "one",
		arn:                                   "one",
		arn[:len(arn)-len("-xxxxxx")]:         "one",
		arn[:len(arn)-1]:                      notFound,
		"app/db":                              notFound,
		strings.Replace(arn, "000", "111", 1): notFound,
	}
	for range 2 { // before and after a restart
		for id, want := range tests {
			if got := get(t, c, id, ""); got != want {
				t.Errorf("%s: got %s, want %s", id, got, want)
			}
		}
		c = open(t, home)
	}
}

func TestStagesMove(t *testing.T) {
	home := t.TempDir()
	c := open(t, home)
	create(t, c, "s", "one")
	put(t, c, "s", "two")
	put(t, c, "s", "three")
	put(t, c, "s", "candidate", "AWSPENDING", "mine")
	c = open(t, home)
	got := map[string]string{}
	for _, stage := range []string{"", "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING", "mine", "none"} {
		got[stage] = get(t, c, "s", stage)
	}
	want := map[string]string{
		"": "three", "AWSCURRENT": "three", "AWSPREVIOUS": "two", "AWSPENDING": "candidate", "mine": "candidate",
		"none": "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: none",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values by stage (-want +got):\n%s", diff)
	}
	list := func(deprecated bool) int {
		out, err := c.ListSecretVersionIds(t.Context(), &sdk.ListSecretVersionIdsInput{SecretId: new("s"), IncludeDeprecated: &deprecated})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Versions)
	}
	if with, without := list(true), list(false); with != 4 || without != 3 {
		t.Errorf("got %d versions and %d with labels, want 4 and 3", with, without)
	}
}

func TestVersionsBeyondAHundredGo(t *testing.T) {
	c := open(t, t.TempDir())
	create(t, c, "s", "first")
	put(t, c, "s", "kept", "keep")
	for i := range 105 {
		put(t, c, "s", fmt.Sprint(i))
	}
	out, err := c.ListSecretVersionIds(t.Context(), &sdk.ListSecretVersionIdsInput{SecretId: new("s"), IncludeDeprecated: new(true)})
	if err != nil || len(out.Versions) != 100 {
		t.Errorf("got %d versions, %v, want 100", len(out.Versions), err)
	}
	if got := get(t, c, "s", "keep"); got != "kept" {
		t.Errorf("a labelled version: got %s, want kept", got)
	}
}

func TestRequestsMadeTwice(t *testing.T) {
	c := open(t, t.TempDir())
	token := strings.Repeat("t", 32)
	in := &sdk.CreateSecretInput{Name: new("s"), SecretString: new("one"), ClientRequestToken: &token}
	first, err := c.CreateSecret(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.CreateSecret(t.Context(), in)
	if err != nil || *again.ARN != *first.ARN || *again.VersionId != token {
		t.Errorf("the same creation again: got %v, %v, want %s", again, err, *first.ARN)
	}
	in.SecretString = new("two")
	if _, err = c.CreateSecret(t.Context(), in); fault(err) != "ResourceExistsException: The operation failed because the secret s already exists." {
		t.Errorf("another creation: got %v", err)
	}
	_, err = c.PutSecretValue(t.Context(), &sdk.PutSecretValueInput{SecretId: new("s"), SecretString: new("two"), ClientRequestToken: &token})
	if got, want := fault(err), "ResourceExistsException: A resource with the ID you requested already exists."; got != want {
		t.Errorf("another value of a version: got %s, want %s", got, want)
	}
}

func TestRefusals(t *testing.T) {
	c := open(t, t.TempDir())
	create(t, c, "s", "v")
	ctx := t.Context()
	tests := []struct {
		what string
		call func() error
		want string
	}{
		{"name", func() error { _, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: new("a b")}); return err }, "ValidationException: Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"},
		{"two values", func() error {
			_, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: new("n"), SecretString: new("v"), SecretBinary: []byte("v")})
			return err
		}, "InvalidParameterException: You can't specify both a binary secret value and a string secret value in the same secret."},
		{"token", func() error {
			_, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: new("n"), ClientRequestToken: new("short")})
			return err
		}, "InvalidParameterException: ClientRequestToken must be 32-64 characters long."},
		{"window", func() error {
			_, err := c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: new("s"), RecoveryWindowInDays: new(int64(6))})
			return err
		}, "InvalidParameterException: The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."},
		{"force and window", func() error {
			_, err := c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: new("s"), RecoveryWindowInDays: new(int64(7)), ForceDeleteWithoutRecovery: new(true)})
			return err
		}, "InvalidParameterException: You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."},
		{"no value", func() error {
			if _, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: new("empty")}); err != nil {
				return err
			}
			_, err := c.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: new("empty")})
			return err
		}, "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"},
		{"version", func() error {
			_, err := c.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: new("s"), VersionId: new(strings.Repeat("x", 32))})
			return err
		}, "ResourceNotFoundException: Secrets Manager can't find the specified secret value for VersionId: " + strings.Repeat("x", 32)},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, fault(test.call())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.what, diff)
		}
	}
}

func TestDeletedSecretComesBackOrGoes(t *testing.T) {
	home := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := open(t, home)
		ctx := t.Context()
		arn := create(t, c, "s", "one")
		out, err := c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: new("s"), RecoveryWindowInDays: new(int64(7))})
		if err != nil || !out.DeletionDate.Equal(time.Now().AddDate(0, 0, 7)) {
			t.Fatalf("deleting: got %v, %v, want a date in seven days", out, err)
		}
		const marked = "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion."
		if got := get(t, c, "s", ""); got != marked {
			t.Errorf("reading a deleted secret: got %s, want %s", got, marked)
		}
		_, err = c.CreateSecret(ctx, &sdk.CreateSecretInput{Name: new("s")})
		if got, want := fault(err), "InvalidRequestException: You can't create this secret because a secret with this name is already scheduled for deletion."; got != want {
			t.Errorf("making it anew: got %s, want %s", got, want)
		}
		if _, err := c.RestoreSecret(ctx, &sdk.RestoreSecretInput{SecretId: new("s")}); err != nil {
			t.Fatal(err)
		}
		if got := get(t, c, arn, ""); got != "one" {
			t.Errorf("after its restoration: got %s, want one", got)
		}
		if _, err := c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: new("s"), RecoveryWindowInDays: new(int64(7))}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * 24 * time.Hour)
		if got := get(t, c, "s", ""); got != notFound {
			t.Errorf("after its window: got %s, want %s", got, notFound)
		}
		if again := create(t, c, "s", "two"); again == arn {
			t.Errorf("a secret of the same name has the ARN %s too", arn)
		}
	})
}

func TestForceDelete(t *testing.T) {
	home := t.TempDir()
	c := open(t, home)
	create(t, c, "s", "one")
	for range 2 { // the second time there is none
		if _, err := c.DeleteSecret(t.Context(), &sdk.DeleteSecretInput{SecretId: new("s"), ForceDeleteWithoutRecovery: new(true)}); err != nil {
			t.Error(err)
		}
	}
	if got := get(t, open(t, home), "s", ""); got != notFound {
		t.Errorf("after a restart: got %s, want %s", got, notFound)
	}
}

func TestUpdateAndDescribe(t *testing.T) {
	home := t.TempDir()
	c := open(t, home)
	ctx := t.Context()
	if _, err := c.CreateSecret(ctx, &sdk.CreateSecretInput{
		Name: new("s"), Description: new("before"), SecretBinary: []byte{0, 1}, Tags: []types.Tag{{Key: new("a"), Value: new("1")}},
	}); err != nil {
		t.Fatal(err)
	}
	if out, err := c.UpdateSecret(ctx, &sdk.UpdateSecretInput{SecretId: new("s"), Description: new("after")}); err != nil || out.VersionId != nil {
		t.Errorf("a new description: got %v, %v, want no new version", out, err)
	}
	if out, err := c.UpdateSecret(ctx, &sdk.UpdateSecretInput{SecretId: new("s"), SecretString: new("two")}); err != nil || out.VersionId == nil {
		t.Errorf("a new value: got %v, %v, want a version", out, err)
	}
	if _, err := c.TagResource(ctx, &sdk.TagResourceInput{SecretId: new("s"), Tags: []types.Tag{{Key: new("b"), Value: new("2")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.UntagResource(ctx, &sdk.UntagResourceInput{SecretId: new("s"), TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	c = open(t, home)
	out, err := c.DescribeSecret(ctx, &sdk.DescribeSecretInput{SecretId: new("s")})
	if err != nil {
		t.Fatal(err)
	}
	stages := slices.Sorted(maps.Values(joined(out.VersionIdsToStages)))
	if diff := cmp.Diff([]string{"AWSCURRENT", "AWSPREVIOUS"}, stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	if *out.Description != "after" || len(out.Tags) != 1 || *out.Tags[0].Key != "b" {
		t.Errorf("got description %s, tags %v, want after, b", *out.Description, out.Tags)
	}
	previous, err := c.GetSecretValue(ctx, &sdk.GetSecretValueInput{SecretId: new("s"), VersionStage: new("AWSPREVIOUS")})
	if err != nil || string(previous.SecretBinary) != "\x00\x01" {
		t.Errorf("binary value: got %v, %v", previous, err)
	}
}

func joined(all map[string][]string) map[string]string {
	flat := map[string]string{}
	for id, stages := range all {
		flat[id] = strings.Join(stages, " ")
	}
	return flat
}

func TestListSecrets(t *testing.T) {
	c := open(t, t.TempDir())
	ctx := t.Context()
	for _, s := range []sdk.CreateSecretInput{
		{Name: new("app/one"), Description: new("Database login")},
		{Name: new("app/two"), Tags: []types.Tag{{Key: new("team"), Value: new("red")}}},
		{Name: new("other")},
	} {
		s.SecretString = new("value of " + *s.Name)
		if _, err := c.CreateSecret(ctx, &s); err != nil {
			t.Fatal(err)
		}
	}
	create(t, c, "gone", "v")
	if _, err := c.DeleteSecret(ctx, &sdk.DeleteSecretInput{SecretId: new("gone")}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		in   sdk.ListSecretsInput
		want string
	}{
		{sdk.ListSecretsInput{}, "other app/two app/one"},
		{sdk.ListSecretsInput{SortOrder: "asc", IncludePlannedDeletion: new(true)}, "app/one app/two other gone"},
		{sdk.ListSecretsInput{Filters: []types.Filter{{Key: "name", Values: []string{"app/"}}}}, "app/two app/one"},
		{sdk.ListSecretsInput{Filters: []types.Filter{{Key: "name", Values: []string{"!app/"}}}}, "other"},
		{sdk.ListSecretsInput{Filters: []types.Filter{{Key: "description", Values: []string{"database"}}}}, "app/one"},
		{sdk.ListSecretsInput{Filters: []types.Filter{{Key: "tag-key", Values: []string{"team"}}, {Key: "tag-value", Values: []string{"red"}}}}, "app/two"},
		{sdk.ListSecretsInput{Filters: []types.Filter{{Key: "all", Values: []string{"RED", "login"}}}}, "app/two app/one"},
	}
	for _, test := range tests {
		for _, size := range []*int32{nil, new(int32(1))} {
			test.in.MaxResults = size
			var names []string
			for pages := sdk.NewListSecretsPaginator(c, &test.in); pages.HasMorePages(); {
				page, err := pages.NextPage(ctx)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range page.SecretList {
					names = append(names, *s.Name)
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(names, " ")); diff != "" {
				t.Errorf("filters %v (-want +got):\n%s", test.in.Filters, diff)
			}
		}
	}
	out, err := c.BatchGetSecretValue(ctx, &sdk.BatchGetSecretValueInput{SecretIdList: []string{"other", "none", "app/one"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.SecretValues) != 2 || *out.SecretValues[1].SecretString != "value of app/one" || len(out.Errors) != 1 || *out.Errors[0].ErrorCode != "ResourceNotFoundException" {
		t.Errorf("got values %v, errors %v, want two and one", out.SecretValues, out.Errors)
	}
}

func TestRandomPassword(t *testing.T) {
	c := open(t, t.TempDir())
	password := func(in sdk.GetRandomPasswordInput) string {
		out, err := c.GetRandomPassword(t.Context(), &in)
		if err != nil {
			return fault(err)
		}
		return *out.RandomPassword
	}
	for range 50 {
		for _, test := range []struct {
			in   sdk.GetRandomPasswordInput
			want string
		}{
			{sdk.GetRandomPasswordInput{}, `^[!-~]{32}$`},
			{sdk.GetRandomPasswordInput{PasswordLength: new(int64(12)), ExcludePunctuation: new(true), ExcludeUppercase: new(true)}, `^[a-z0-9]{12}$`},
			{sdk.GetRandomPasswordInput{ExcludePunctuation: new(true), ExcludeUppercase: new(true), ExcludeLowercase: new(true), ExcludeCharacters: new("0123456")}, `^[789]{32}$`},
			{sdk.GetRandomPasswordInput{PasswordLength: new(int64(5)), IncludeSpace: new(true)}, ` `},
			{sdk.GetRandomPasswordInput{PasswordLength: new(int64(4))}, `[0-9]`},
			{sdk.GetRandomPasswordInput{PasswordLength: new(int64(1)), RequireEachIncludedType: new(false)}, `^.$`},
			{sdk.GetRandomPasswordInput{PasswordLength: new(int64(3))}, `^InvalidParameterException: Password length is too short based on the required types\.$`},
			{sdk.GetRandomPasswordInput{PasswordLength: new(int64(4097))}, `^ValidationException: .* less than or equal to 4096$`},
		} {
			if got := password(test.in); !regexp.MustCompile(test.want).MatchString(got) {
				t.Errorf("got %q, want it to match %s", got, test.want)
			}
		}
	}
}
