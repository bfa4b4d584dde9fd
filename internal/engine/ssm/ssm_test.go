package ssm_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/ssm"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

var account = wire.Account{ID: "000000000000", Region: "us-east-1"}

// open starts a service on a home. Opened again it finds what was there.
func open(t testing.TB, home string) *sdk.Client {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(home, "spate.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	service, err := ssm.New(t.Context(), ssm.Config{Store: db, Account: account, Fixed: map[string]string{"/fixed/version": "33"}})
	if err != nil {
		t.Fatal(err)
	}
	return sdk.NewFromConfig(wire.Client(wire.NewHandler(wire.Config{Services: []*wire.Service{service.Wire()}}), nil, account))
}

// fault is what a service answers an error with: code and message.
func fault(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return fmt.Sprint(err)
}

func put(t testing.TB, c *sdk.Client, name, value string, kind types.ParameterType) {
	t.Helper()
	if _, err := c.PutParameter(t.Context(), &sdk.PutParameterInput{Name: &name, Value: &value, Type: kind, Overwrite: new(true)}); err != nil {
		t.Fatal(err)
	}
}

// get is a parameter's type, version and value, or the fault.
func get(t testing.TB, c *sdk.Client, name string, decrypt bool) string {
	t.Helper()
	out, err := c.GetParameter(t.Context(), &sdk.GetParameterInput{Name: &name, WithDecryption: &decrypt})
	if err != nil {
		return fault(err)
	}
	p := out.Parameter
	selector := ""
	if p.Selector != nil {
		selector = *p.Selector
	}
	return fmt.Sprintf("%s%s %s v%d %s", *p.Name, selector, p.Type, p.Version, *p.Value)
}

func TestGetParameter(t *testing.T) {
	home := t.TempDir()
	c := open(t, home)
	put(t, c, "/app/url", "one", types.ParameterTypeString)
	put(t, c, "/app/url", "two", "")
	put(t, c, "plain", "a,b", types.ParameterTypeStringList)
	put(t, c, "/app/password", "hunter2", types.ParameterTypeSecureString)
	tests := map[string]string{
		"/app/url":   "/app/url String v2 two",
		"/app/url:1": "/app/url:1 String v1 one",
		"/app/url:3": "ParameterVersionNotFound: Systems Manager could not find version 3 of /app/url. Verify the version and try again.",
		"arn:aws:ssm:us-east-1:000000000000:parameter/app/url":   "/app/url String v2 two",
		"arn:aws:ssm:us-east-1:000000000000:parameter/app/url:1": "/app/url:1 String v1 one",
		"arn:aws:ssm:us-east-1:000000000000:parameter/plain":     "plain StringList v1 a,b",
		"/app/none":      "ParameterNotFound: ",
		"/app/password":  "/app/password SecureString v1 hunter2",
		"/fixed/version": "/fixed/version String v1 33",
	}
	for range 2 { // before and after a restart
		for name, want := range tests {
			if diff := cmp.Diff(want, get(t, c, name, true)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if got := get(t, c, "/app/password", false); strings.Contains(got, "hunter2") {
			t.Errorf("without decryption: got %s, want something opaque", got)
		}
		c = open(t, home)
	}
}

func TestPutParameterRules(t *testing.T) {
	c := open(t, t.TempDir())
	put(t, c, "/there", "v", types.ParameterTypeString)
	tests := []struct {
		in   sdk.PutParameterInput
		want string
	}{
		{sdk.PutParameterInput{Name: new("/there"), Type: "String"}, "ParameterAlreadyExists: The parameter already exists. To overwrite this value, set the overwrite option in the request to true."},
		{sdk.PutParameterInput{Name: new("/there"), Type: "SecureString", Overwrite: new(true)}, "HierarchyTypeMismatchException: Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change a parameter from a String type to a SecureString type. You must create a new, unique parameter."},
		{sdk.PutParameterInput{Name: new("/new")}, "ValidationException: A parameter type is required when you create a parameter."},
		{sdk.PutParameterInput{Name: new("/new"), Type: "Text"}, "ValidationException: 1 validation error detected: Value 'Text' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [SecureString, StringList, String]"},
		{sdk.PutParameterInput{Name: new("a/b"), Type: "String"}, "ValidationException: Parameter name must be a fully qualified name."},
		{sdk.PutParameterInput{Name: new("awsome"), Type: "String"}, `ValidationException: Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`},
		{sdk.PutParameterInput{Name: new("/aws/x"), Type: "String"}, "AccessDeniedException: No access to reserved parameter name: /aws/x."},
		{sdk.PutParameterInput{Name: new("/a b"), Type: "String"}, `ValidationException: Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`},
		{sdk.PutParameterInput{Name: new(strings.Repeat("/x", 16)), Type: "String"}, "HierarchyLevelLimitExceededException: Hierarchy level of parameter name is limited to 15 levels."},
		{sdk.PutParameterInput{Name: new("/new"), Type: "String", AllowedPattern: new(`\d+`)}, `ParameterPatternMismatchException: Parameter value, cannot be validated against allowedPattern: \d+`},
		{sdk.PutParameterInput{Name: new("/new"), Type: "String", AllowedPattern: new(`(`)}, "InvalidAllowedPatternException: Invalid allowed pattern: ("},
		{sdk.PutParameterInput{Name: new("/new"), Type: "String", Value: new(strings.Repeat("v", 8193)), Tier: "Advanced"}, "ValidationException: Advanced tier parameters support a maximum parameter value of 8192 characters."},
		{sdk.PutParameterInput{Name: new("/new"), Type: "String", DataType: new("number")}, "ValidationException: The following data type is not supported: number (Data type names are all lowercase.)"},
		{sdk.PutParameterInput{Name: new("/there"), Overwrite: new(true), Tags: []types.Tag{{Key: new("k"), Value: new("v")}}}, "ValidationException: Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource."},
	}
	for _, test := range tests {
		if test.in.Value == nil {
			test.in.Value = new("v")
		}
		_, err := c.PutParameter(t.Context(), &test.in)
		if diff := cmp.Diff(test.want, fault(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", *test.in.Name, diff)
		}
	}
}

func TestTierFollowsTheValue(t *testing.T) {
	c := open(t, t.TempDir())
	for size, want := range map[int]types.ParameterTier{4096: types.ParameterTierStandard, 4097: types.ParameterTierAdvanced} {
		out, err := c.PutParameter(t.Context(), &sdk.PutParameterInput{
			Name: new("/p"), Value: new(strings.Repeat("v", size)), Type: "String", Tier: "Intelligent-Tiering", Overwrite: new(true),
		})
		if err != nil || out.Tier != want {
			t.Errorf("%d bytes: got %v, %v, want %s", size, out, err, want)
		}
	}
}

func TestVersionsBeyondAHundredGo(t *testing.T) {
	c := open(t, t.TempDir())
	for i := range 103 {
		put(t, c, "/p", fmt.Sprint(i+1), types.ParameterTypeString)
	}
	var got []int64
	for pages := sdk.NewGetParameterHistoryPaginator(c, &sdk.GetParameterHistoryInput{Name: new("/p"), MaxResults: new(int32(30))}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Parameters {
			if *v.Value != fmt.Sprint(v.Version) {
				t.Errorf("version %d: got value %s", v.Version, *v.Value)
			}
			got = append(got, v.Version)
		}
	}
	if len(got) != 100 || got[0] != 4 || got[99] != 103 {
		t.Errorf("got %d versions %d, want 4 to 103", len(got), got)
	}
}

func TestListings(t *testing.T) {
	c := open(t, t.TempDir())
	for _, name := range []string{"/a/b/c", "/a/b/d", "/a/x", "/ab", "top"} {
		put(t, c, name, "v", types.ParameterTypeString)
	}
	put(t, c, "/a/secret", "v", types.ParameterTypeSecureString)
	if _, err := c.AddTagsToResource(t.Context(), &sdk.AddTagsToResourceInput{
		ResourceType: "Parameter", ResourceId: new("top"), Tags: []types.Tag{{Key: new("team"), Value: new("red")}},
	}); err != nil {
		t.Fatal(err)
	}
	byPath := func(path string, recursive bool) string {
		var names []string
		for pages := sdk.NewGetParametersByPathPaginator(c, &sdk.GetParametersByPathInput{Path: &path, Recursive: &recursive, MaxResults: new(int32(1))}); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				return fault(err)
			}
			for _, p := range page.Parameters {
				names = append(names, *p.Name)
			}
		}
		return strings.Join(names, " ")
	}
	described := func(key, option string, values ...string) string {
		filter := types.ParameterStringFilter{Key: &key, Values: values}
		if option != "" {
			filter.Option = &option
		}
		var names []string
		for pages := sdk.NewDescribeParametersPaginator(c, &sdk.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{filter}, MaxResults: new(int32(2))}); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				return fault(err)
			}
			for _, p := range page.Parameters {
				names = append(names, *p.Name)
			}
		}
		return strings.Join(names, " ")
	}
	for _, test := range []struct{ what, got, want string }{
		{"/a", byPath("/a", false), "/a/secret /a/x"},
		{"/a/ recursive", byPath("/a/", true), "/a/b/c /a/b/d /a/secret /a/x"},
		{"/", byPath("/", false), "/ab top"},
		{"no path", byPath("a", false), `ValidationException: The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.`},
		{"Name Equals", described("Name", "", "top", "/ab"), "/ab top"},
		{"Name BeginsWith", described("Name", "BeginsWith", "/a/b"), "/a/b/c /a/b/d"},
		{"Name Contains", described("Name", "Contains", "b"), "/a/b/c /a/b/d /ab"},
		{"Type", described("Type", "", "SecureString"), "/a/secret"},
		{"Path", described("Path", "Recursive", "/fixed"), "/fixed/version"},
		{"tag", described("tag:team", "", "red"), "top"},
		{"no such key", described("Size", "", "1"), "InvalidFilterKey: "}, // the SDK drops its message
		{"no such option", described("Type", "Contains", "S"), "InvalidFilterOption: The following filter option is not valid: Contains. Valid options include: [BeginsWith, Equals]."},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.what, diff)
		}
	}
}

func TestTags(t *testing.T) {
	home := t.TempDir()
	c := open(t, home)
	ctx := t.Context()
	if _, err := c.PutParameter(ctx, &sdk.PutParameterInput{
		Name: new("/p"), Value: new("v"), Type: "String", Tags: []types.Tag{{Key: new("a"), Value: new("1")}, {Key: new("b"), Value: new("2")}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddTagsToResource(ctx, &sdk.AddTagsToResourceInput{ResourceType: "Parameter", ResourceId: new("/p"), Tags: []types.Tag{{Key: new("b"), Value: new("3")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RemoveTagsFromResource(ctx, &sdk.RemoveTagsFromResourceInput{ResourceType: "Parameter", ResourceId: new("/p"), TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	put(t, c, "/p", "w", "") // keeps them
	out, err := open(t, home).ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceType: "Parameter", ResourceId: new("/p")})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.TagList) != 1 || *out.TagList[0].Key+*out.TagList[0].Value != "b3" {
		t.Errorf("got tags %v, want b 3", out.TagList)
	}
	_, err = c.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceType: "Parameter", ResourceId: new("/none")})
	if got := fault(err); got != "InvalidResourceId: " {
		t.Errorf("tags of nothing: got %s, want InvalidResourceId", got)
	}
}

func TestDelete(t *testing.T) {
	home := t.TempDir()
	c := open(t, home)
	put(t, c, "/a", "v", types.ParameterTypeString)
	put(t, c, "/b", "v", types.ParameterTypeString)
	put(t, c, "/fixed/version", "99", types.ParameterTypeString)
	out, err := c.DeleteParameters(t.Context(), &sdk.DeleteParametersInput{Names: []string{"/a", "/c", "/fixed/version"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"/a", "/fixed/version"}, {"/c"}}, [][]string{out.DeletedParameters, out.InvalidParameters}); diff != "" {
		t.Errorf("deleted and invalid (-want +got):\n%s", diff)
	}
	for _, name := range []string{"/a", "/fixed/version"} {
		if _, err := c.DeleteParameter(t.Context(), &sdk.DeleteParameterInput{Name: &name}); fault(err) != "ParameterNotFound: " {
			t.Errorf("deleting %s again: got %v, want ParameterNotFound", name, err)
		}
	}
	c = open(t, home)
	got := []string{get(t, c, "/a", false), get(t, c, "/b", false), get(t, c, "/fixed/version", false)}
	if diff := cmp.Diff([]string{"ParameterNotFound: ", "/b String v1 v", "/fixed/version String v1 33"}, got); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
}
