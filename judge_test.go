package spate

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/job"
)

// Others' judgement of the templates: AWS's linter and moto's CloudFormation.

// installed skips the test, and says so, where a program is not there.
func installed(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("SKIPPED: %s is not installed, so nobody but us has checked the templates", program)
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	installed(t, "cfn-lint")
	var goldens []string
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(variants())), slices.Sorted(maps.Keys(constructs()))) {
		goldens = append(goldens, golden(name))
	}
	ours, cdks := map[string]*Stack{}, cdkConstructs()
	for name, describe := range corners() {
		ours[name], cdks["corner-"+name] = NewStack("Corner"), NewStack("Corner")
		cdks["corner-"+name].CDKDefaults = true
		describe(ours[name])
		describe(cdks["corner-"+name])
	}
	ours["job-with-everything"] = JobStack(with(func(j *job.Job) {
		j.Spot, j.Arch, j.Schedule, j.Notify = true, "arm64", "rate(7 days)", "team@example.com"
		j.Network = job.Network{VPC: "vpc-0a1b2c3d", Subnets: []string{"subnet-0a1b2c3d"}, SecurityGroups: []string{"sg-0a1b2c3d"}, AssignPublicIP: new(false)}
		j.Secrets = map[string]string{"API_KEY": "ssm:/train/key"}
		j.Inputs = []string{"s3://prices/"}
	}))
	cdks["corner-instances"] = NewStack("Corner")
	cdks["corner-instances"].CDKDefaults = true
	instances(cdks["corner-instances"])
	t.Run("spate", func(t *testing.T) {
		t.Parallel()
		lint(t, append(goldens, written(t, ours)...))
	})
	// I3013 would have MessageRetentionPeriod, which CDK leaves to SQS.
	t.Run("cdk", func(t *testing.T) {
		t.Parallel()
		lint(t, written(t, cdks), "--ignore-checks", "I3013")
	})
}

// written are the files of stacks' templates.
func written(t *testing.T, stacks map[string]*Stack) (paths []string) {
	t.Helper()
	folder := t.TempDir()
	for name, stack := range stacks {
		path := filepath.Join(folder, name+".template.json")
		if err := os.WriteFile(path, indented(t, stack), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func lint(t *testing.T, paths []string, options ...string) {
	t.Helper()
	args := slices.Concat([]string{"--non-zero-exit-code", "informational", "--include-checks", "I"}, options, []string{"--"}, paths)
	if out, err := exec.CommandContext(t.Context(), "cfn-lint", args...).CombinedOutput(); err != nil {
		t.Errorf("got %v from cfn-lint, want no finding:\n%s", err, out)
	}
}

// moto starts moto's server and returns its address.
func moto(t *testing.T) string {
	t.Helper()
	installed(t, "moto_server")
	server := exec.CommandContext(t.Context(), "moto_server", "-H", "127.0.0.1", "-p", "0")
	out, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatalf("starting moto_server: %v", err)
	}
	var reading sync.WaitGroup
	t.Cleanup(func() {
		_ = server.Process.Kill()
		reading.Wait()
		_ = server.Wait()
	})
	running := regexp.MustCompile(`Running on (http://\S+)`)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := running.FindStringSubmatch(lines.Text()); m != nil {
			reading.Go(func() { _, _ = io.Copy(io.Discard, out) }) // so that it never waits to log
			return m[1]
		}
	}
	t.Fatalf("moto_server ended before it ran: %v", lines.Err())
	return ""
}

func motoClient(t *testing.T) *cloudformation.Client {
	t.Helper()
	return cloudformation.New(cloudformation.Options{
		BaseEndpoint: aws.String(moto(t)),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// created makes a stack and returns the names of the outputs that have a value.
func created(t *testing.T, client *cloudformation.Client, input *cloudformation.CreateStackInput) []string {
	t.Helper()
	if _, err := client.CreateStack(t.Context(), input); err != nil {
		t.Fatalf("creating the stack: %v", err)
	}
	out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: input.StackName})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Stacks[0].StackStatus; got != types.StackStatusCreateComplete {
		t.Errorf("got %s (%s), want CREATE_COMPLETE", got, aws.ToString(out.Stacks[0].StackStatusReason))
	}
	var outputs []string
	for _, o := range out.Stacks[0].Outputs {
		if aws.ToString(o.OutputValue) != "" {
			outputs = append(outputs, aws.ToString(o.OutputKey))
		}
	}
	slices.Sort(outputs)
	return outputs
}

func TestMotoCreatesStack(t *testing.T) {
	t.Parallel()
	client := motoClient(t)
	for name, j := range variants() {
		t.Run(name, func(t *testing.T) {
			got := created(t, client, &cloudformation.CreateStackInput{
				StackName:    aws.String(name),
				TemplateBody: aws.String(string(synthesise(t, j))),
				Capabilities: []types.Capability{types.CapabilityCapabilityIam},
				Parameters: []types.Parameter{
					{ParameterKey: aws.String(imageParameter), ParameterValue: aws.String("python:3.12-slim")},
				},
			})
			want := []string{"BucketName", "ClusterName", "DeadLetterQueueUrl", "LogGroupName", "QueueUrl", "RepositoryUri", "ServiceName"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("outputs with a value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMotoCreatesConstructs(t *testing.T) {
	t.Parallel()
	client := motoClient(t)
	for name, stack := range constructs() {
		t.Run(name, func(t *testing.T) {
			var body bytes.Buffer
			if err := stack.Write(&body); err != nil {
				t.Fatal(err)
			}
			written, err := stack.Template()
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, o := range written.Outputs {
				want = append(want, o.Name)
			}
			slices.Sort(want)
			got := created(t, client, &cloudformation.CreateStackInput{
				StackName:    aws.String(name),
				TemplateBody: aws.String(body.String()),
				Capabilities: []types.Capability{types.CapabilityCapabilityIam},
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("outputs with a value (-want +got):\n%s", diff)
			}
		})
	}
}
