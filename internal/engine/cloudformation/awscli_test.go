package cloudformation_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// awsCLI runs the aws CLI against the engine.
func (e *engine) awsCLI(t *testing.T) func(args ...string) (output string, err error) {
	t.Helper()
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("SKIPPED: the aws CLI is not installed, so nobody but SDKs has deployed stacks")
	}
	server := httptest.NewServer(e.handler)
	t.Cleanup(server.Close)
	home := t.TempDir()
	return func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program, append([]string{"cloudformation"}, args...)...)
		foreign := func(variable string) bool { return strings.HasPrefix(variable, "AWS_") }
		cmd.Env = append(slices.DeleteFunc(os.Environ(), foreign),
			"AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey,
			"AWS_DEFAULT_REGION="+account.Region, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
			"AWS_CONFIG_FILE="+filepath.Join(home, "config"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(home, "credentials"),
		)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

func TestTheAWSCLIDeploys(t *testing.T) {
	e := start(t)
	cli := e.awsCLI(t)
	file := filepath.Join(t.TempDir(), "template.json")
	e.must(os.WriteFile(file, []byte(queues), 0o600))
	_, err := e.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: new("templates")})
	e.must(err)
	deploy := []string{"deploy", "--stack-name", "s", "--template-file", file, "--s3-bucket", "templates", "--parameter-overrides", "Timeout=45", "--tags", "team=a"}

	if out, err := cli(deploy...); err != nil || !strings.Contains(out, "Successfully created/updated stack - s") {
		t.Fatalf("deploying: got %v and\n%s", err, out)
	}
	s := e.describe("s")
	if s.StackStatus != types.StackStatusCreateComplete || *s.Parameters[0].ParameterValue != "45" || *s.Tags[0].Value != "a" {
		t.Errorf("got stack %+v", s)
	}
	out, err := cli(append(deploy, "--no-fail-on-empty-changeset")...)
	if err != nil || !strings.Contains(out, "No changes to deploy. Stack s is up to date") {
		t.Errorf("deploying again: got %v and\n%s", err, out)
	}
	if out, err := cli("delete-stack", "--stack-name", "s"); err != nil {
		t.Fatalf("deleting: got %v and\n%s", err, out)
	}
	if out, err := cli("wait", "stack-delete-complete", "--stack-name", "s"); err != nil {
		t.Fatalf("waiting: got %v and\n%s", err, out)
	}
	list, err := e.cfn.ListStacks(t.Context(), &cloudformation.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusDeleteComplete}})
	e.must(err)
	if len(list.StackSummaries) != 1 || aws.ToString(list.StackSummaries[0].StackName) != "s" {
		t.Errorf("got deleted stacks %+v", list.StackSummaries)
	}
}
