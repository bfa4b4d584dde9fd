package spate

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

var update = flag.Bool("update", false, "rewrite the golden templates")

// plainJob is a job file with nothing but what it must say, defaults filled in.
func plainJob() job.Job {
	return job.Job{
		Name:         "retrain",
		Image:        "python:3.12-slim",
		Command:      []string{"python3", "train.py", "--sector", "{sector}"},
		CPU:          1,
		Memory:       2 << 30,
		Arch:         "x86_64",
		Timeout:      job.Duration(90 * time.Minute),
		Retries:      2,
		RetryBackoff: job.Duration(10 * time.Second),
		Max:          100,
		StopTimeout:  job.Duration(2 * time.Minute),
		Keep:         30,
	}
}

// with returns the plain job with something changed.
func with(change func(*job.Job)) job.Job {
	j := plainJob()
	change(&j)
	return j
}

// variants are the jobs with a golden template each.
func variants() map[string]job.Job {
	return map[string]job.Job{
		"plain": plainJob(),
		"spot":  with(func(j *job.Job) { j.Spot = true }),
		"arm": with(func(j *job.Job) {
			j.Arch = "arm64"
			j.CPU = 3
			j.Memory = 9 << 30
			j.EphemeralStorage = 100 << 30
		}),
		"network": with(func(j *job.Job) {
			j.Network = job.Network{VPC: "vpc-0a1b2c3d", Subnets: []string{"subnet-0a1b2c3d", "subnet-1a2b3c4d"}, AssignPublicIP: new(true)}
		}),
		"groups": with(func(j *job.Job) {
			j.Network = job.Network{Subnets: []string{"subnet-0a1b2c3d"}, SecurityGroups: []string{"sg-0a1b2c3d"}}
		}),
		"secrets": with(func(j *job.Job) {
			j.Image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/train:v1"
			j.Env = map[string]string{"LOG": "info", "A": "1"}
			j.Secrets = map[string]string{
				"DB_URL":  "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-a1b2c3:url::",
				"API_KEY": "ssm:/train/key",
				"OTHER":   "arn:aws:ssm:us-east-1:123456789012:parameter/train/other",
			}
			j.Permissions = []job.Statement{{
				Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: []string{"arn:aws:s3:::prices/*"},
				Condition: map[string]any{"StringEquals": map[string]any{"aws:RequestedRegion": "us-east-1"}},
			}}
		}),
		"notify": with(func(j *job.Job) { j.Notify = "team@example.com" }),
		"steps": with(func(j *job.Job) {
			j.Max = 50
			j.Scaling.Steps = []job.ScalingStep{
				{Change: -50, Upper: new(0)},
				{Change: 5, Lower: new(1)},
				{Change: 20, Lower: new(10)},
				{Change: 50, Lower: new(100)},
			}
		}),
		"schedule": with(func(j *job.Job) {
			j.Notify = "team@example.com"
			j.Schedule = "cron(0 6 ? * MON *)"
			j.Env = map[string]string{"LOG": "info"}
			j.Inputs = []string{"report.csv", "s3://prices/latest.csv", "s3://models/base/"}
		}),
		"folder": with(func(j *job.Job) { j.Image = "." }),
		"one": with(func(j *job.Job) {
			j.Max = 1
			j.CPU = .25
			j.Memory = 600 << 20
			j.Command = nil
		}),
	}
}

func synthesise(t testing.TB, j job.Job) []byte {
	t.Helper()
	synthesised, err := JobStack(j).Template()
	if err != nil {
		t.Fatalf("synthesising: %v", err)
	}
	return synthesised.JSON()
}

func golden(name string) string { return filepath.Join("testdata", name+".template.json") }

func TestGolden(t *testing.T) {
	for name, j := range variants() {
		t.Run(name, func(t *testing.T) {
			got := synthesise(t, j)
			if *update {
				if err := os.WriteFile(golden(name), got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden(name))
			if err != nil {
				t.Fatalf("reading what is wanted (go test . -update writes it): %v", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("template (-want +got):\n%s", diff)
			}
			if again := synthesise(t, j); !bytes.Equal(got, again) {
				t.Error("got another template the second time")
			}
		})
	}
}

// evaluate works out a resource's properties as a stack that is made, or
// updated, would.
func evaluate(t *testing.T, j job.Job, id logicalID, update string) map[string]any {
	t.Helper()
	return evaluateWith(t, j, id, map[string]string{imageParameter: "python:3.12-slim", updateParameter: update})
}

func evaluateWith(t *testing.T, j job.Job, id logicalID, parameters map[string]string) map[string]any {
	t.Helper()
	synthesised, err := JobStack(j).Template()
	if err != nil {
		t.Fatal(err)
	}
	values, err := synthesised.ParameterValues(parameters, nil)
	if err != nil {
		t.Fatal(err)
	}
	scope := template.Scope{
		Template:   synthesised,
		Parameters: values,
		Pseudo:     template.Pseudo{AccountID: "000000000000", Region: "us-east-1", StackName: "retrain"},
		Ref:        func(id string) (any, error) { return id, nil },
		GetAtt:     func(id, attribute string) (any, error) { return id + "." + attribute, nil },
	}
	properties, err := scope.Properties(string(id))
	if err != nil {
		t.Fatal(err)
	}
	return properties
}

func TestUpdateLeavesTheCountAlone(t *testing.T) {
	made := evaluate(t, plainJob(), service, "false")
	if got := made["DesiredCount"]; got != json.Number("0") {
		t.Errorf("made: got a count of %v, want 0", got)
	}
	updated := evaluate(t, plainJob(), service, "true")
	if diff := cmp.Diff([]string{"DesiredCount"}, template.Diff(made, updated)); diff != "" {
		t.Errorf("what an update changes (-want +got):\n%s", diff)
	}
	if got, there := updated["DesiredCount"]; there {
		t.Errorf("updated: got a count of %v, want none", got)
	}
}

// The worker's contract: what deploy, the runners and the worker look for.
func TestContainer(t *testing.T) {
	j := with(func(j *job.Job) {
		j.Env = map[string]string{"LOG": "info"}
		j.StopTimeout = job.Duration(90*time.Second + 1)
	})
	containers, _ := evaluate(t, j, taskDefinition, "false")["ContainerDefinitions"].([]any)
	want := []any{map[string]any{
		"Name":         "job",
		"Image":        "python:3.12-slim",
		"Essential":    true,
		"Command":      []any{"python3", "train.py", "--sector", "{sector}"},
		"DockerLabels": map[string]any{"spate.worker": "1"},
		"Environment": []any{
			map[string]any{"Name": "SPATE_BUCKET", "Value": "Bucket"},
			map[string]any{"Name": "SPATE_QUEUE_URL", "Value": "Queue"},
			map[string]any{"Name": "LOG", "Value": "info"},
		},
		"LogConfiguration": map[string]any{
			"LogDriver": "awslogs",
			"Options": map[string]any{
				"awslogs-group": "LogGroup", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "spate",
			},
		},
		"StopTimeout": json.Number("91"),
	}}
	if diff := cmp.Diff(want, containers); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
}

func TestRepositoryName(t *testing.T) {
	for name, want := range map[string]string{"retrain": "retrain", "Re-Train--2-": "re-train-2"} {
		if got := repositoryName(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestProblems(t *testing.T) {
	step := func(change int, lower, upper *int) job.ScalingStep {
		return job.ScalingStep{Change: change, Lower: lower, Upper: upper}
	}
	steps := func(all ...job.ScalingStep) job.Job {
		return with(func(j *job.Job) { j.Scaling.Steps = all })
	}
	tests := []struct {
		name string
		job  job.Job
		want string
	}{
		{"cpu", with(func(j *job.Job) { j.CPU = 32 }), "cpu: Fargate has no 32 vCPU\nhint: cpu: 16 is the most"},
		{"memory", with(func(j *job.Job) { j.Memory = 40 << 30 }),
			"memory: Fargate has at most 8192 MiB with 1 vCPU, not 40960 MiB\nhint: memory: 8GiB, or cpu: 8 with memory: 40GiB"},
		{"more memory than there is", with(func(j *job.Job) { j.CPU = 16; j.Memory = 200 << 30 }),
			"memory: Fargate has at most 122880 MiB with 16 vCPU, not 204800 MiB\nhint: memory: 120GiB"},
		{"secret", with(func(j *job.Job) { j.Secrets = map[string]string{"A": "hunter2"} }),
			"secrets.A: \"hunter2\" says not where the secret is\nhint: write ssm:/path, or the ARN of a secret or of a parameter"},
		{"secret in env", with(func(j *job.Job) {
			j.Env = map[string]string{"A": "1"}
			j.Secrets = map[string]string{"A": "ssm:/a"}
		}), "secrets.A: env has a variable of this name too"},
		{"permission", with(func(j *job.Job) { j.Permissions = []job.Statement{{Effect: "allow"}} }),
			`permissions[0]: Effect is Allow or Deny, not "allow"`},
		{"schedule", with(func(j *job.Job) { j.Schedule = "cron(0 6 * * MON *)" }),
			"schedule: \"0 6 * * MON *\" must have ? for exactly one of day-of-month and day-of-week\nhint: write it like cron(0 6 ? * MON *), rate(7 days) or at(2027-01-31T06:00:00)"},
		{"vpc", with(func(j *job.Job) { j.Network.VPC = "vpc-1" }),
			"network: there are no subnets\nhint: add subnets: [subnet-…]"},
		{"no way out", with(func(j *job.Job) { j.Network.AssignPublicIP = new(false) }),
			"network.assignPublicIp: without a public address tasks in the stack's own VPC reach nothing, since it has no NAT\nhint: leave it out, or give subnets that have a way out"},
		{"the pattern's own steps", steps(step(-1, nil, new(0)), step(1, new(0), nil)),
			"scaling.steps[1]: overlaps with scaling.steps[0]: at 0 the service would scale out and in at once\nhint: lower: 1"},
		{"overlap", steps(step(-1, nil, new(0)), step(1, new(1), new(10)), step(5, new(5), nil)),
			"scaling.steps[2]: overlaps with scaling.steps[1]\nhint: lower: 10"},
		{"second gap", steps(step(-1, nil, new(0)), step(1, new(1), new(10)), step(5, new(20), nil)),
			"scaling.steps[2]: leaves a gap from 10 to 20\nhint: lower: 10"},
		{"twice", steps(step(-1, nil, new(0)), step(1, new(1), nil), step(2, new(1), nil)),
			"scaling.steps[1]: covers nothing beside the other steps\nhint: give it a lower and an upper bound of its own"},
		{"nothing", steps(step(0, nil, new(0))), "scaling.steps[0]: changes nothing\nhint: leave it out"},
		{"no in", steps(step(1, new(1), nil)), "scaling.steps: no step scales in, so tasks would never end\nhint: add {change: -1, upper: 0}"},
		{"no out", steps(step(-1, nil, new(0))), "scaling.steps: no step scales out, so tasks would never start\nhint: add {change: +1, lower: 1}"},
		{"open in", steps(step(-1, new(0), nil), step(1, new(1), nil)), "scaling.steps[0]: a step that scales in needs an upper bound\nhint: upper: 0"},
		{"open out", steps(step(-1, nil, new(3)), step(1, nil, new(9))), "scaling.steps[1]: a step that scales out needs a lower bound\nhint: lower: 4"},
		{"upside down", steps(step(-1, new(10), new(20)), step(1, new(1), new(9))),
			"scaling.steps[1]: overlaps with scaling.steps[0]: at 1 the service would scale out and in at once\nhint: lower: 21"},
		{"short", steps(step(-1, nil, new(0)), step(1, new(1), new(9))), "scaling.steps[1]: nothing scales out above 9\nhint: leave upper out"},
		{"high", steps(step(-1, new(1), new(2)), step(1, new(3), nil)), "scaling.steps[0]: nothing scales in below 1\nhint: leave lower out"},
		{"two at once", with(func(j *job.Job) { j.CPU = 32; j.Network.VPC = "vpc-1" }),
			"network: there are no subnets\nhint: add subnets: [subnet-…]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := JobStack(test.job).Template()
			if err == nil || !strings.Contains("\n"+err.Error()+"\n", "\n"+test.want+"\n") {
				t.Errorf("got error %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestTooManySteps(t *testing.T) {
	j := plainJob()
	j.Scaling.Steps = []job.ScalingStep{{Change: -1, Upper: new(0)}}
	for i := range 21 {
		j.Scaling.Steps = append(j.Scaling.Steps, job.ScalingStep{Change: i + 1, Lower: new(i + 1)})
	}
	_, err := JobStack(j).Template()
	const want = "scaling.steps: a policy has at most 20 steps, not 21\nhint: make one of several"
	if err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}

func TestJobWarnings(t *testing.T) {
	stack := JobStack(with(func(j *job.Job) {
		j.Max, j.CPU = 7, 1
	}))
	if _, err := stack.Template(); err != nil {
		t.Fatal(err)
	}
	want := []string{"max: 7 tasks need 7 vCPU of Fargate, and a new account has 6: see Service Quotas"}
	if diff := cmp.Diff(want, stack.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// A size is never less than what was asked for, and always one of Fargate's.
func TestFargate(t *testing.T) {
	tests := []struct {
		cpu         float64
		memory      job.Bytes
		units, want string
	}{
		{.1, 100 << 20, "256", "512"},
		{.25, 513 << 20, "256", "1024"},
		{.25, 2 << 30, "256", "2048"},
		{.3, 1 << 30, "512", "1024"},
		{1, 1 << 30, "1024", "2048"},
		{1, 2049 << 20, "1024", "3072"},
		{4, 30 << 30, "4096", "30720"},
		{5, 17 << 30, "8192", "20480"},
		{16, 33 << 30, "16384", "40960"},
		{16, 120 << 30, "16384", "122880"},
	}
	for _, test := range tests {
		units, memory, err := fargate(test.cpu, test.memory)
		if err != nil || units != test.units || memory != test.want {
			t.Errorf("%v vCPU, %d MiB: got %s and %s (%v), want %s and %s",
				test.cpu, test.memory.MiB(), units, memory, err, test.units, test.want)
		}
	}
}

func BenchmarkJob(b *testing.B) {
	j := plainJob()
	for b.Loop() {
		synthesise(b, j)
	}
}

// An image that was pushed is run in place of the one that was given.
func TestAPushedImageIsNamedByItsDigest(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	properties := evaluateWith(t, plainJob(), taskDefinition, map[string]string{imageParameter: "python:3.12-slim", digestParameter: digest})
	containers, _ := properties["ContainerDefinitions"].([]any)
	container, _ := containers[0].(map[string]any)
	if want := "Repository.RepositoryUri@" + digest; container["Image"] != want {
		t.Errorf("got image %v, want %s", container["Image"], want)
	}
	synthesised, err := JobStack(plainJob()).Template()
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"latest", digest[:20], digest + "0"} {
		if _, err := synthesised.ParameterValues(map[string]string{imageParameter: "x", digestParameter: wrong}, nil); err == nil {
			t.Errorf("%q was taken for a digest", wrong)
		}
	}
}
