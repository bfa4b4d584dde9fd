package job_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/job"
)

func TestParse(t *testing.T) {
	got, err := job.Parse("spate.yaml", []byte(`
name: retrain
image: .
command: [python3, train.py, --sector, "{sector}", --horizon, "{horizon}"]
params: {grid: {sector: [construction, utilities], horizon: [1, 3]}}
cpu: .5
memory: 1.5GiB
timeout: 90m
retries: 0
max: 20
spot: true
env: {LOG: info, VERSION: 3.10}
permissions:
- {Effect: Allow, Action: s3:GetObject, Resource: ["arn:aws:s3:::data/*"]}
network: {subnets: [subnet-1], assignPublicIp: false}
scaling: {steps: [{change: -1, upper: 0}, {change: 2, lower: 1}]}
tolerate: 5%
`))
	if err != nil {
		t.Fatal(err)
	}
	want := job.Job{
		Name:    "retrain",
		Image:   ".",
		Command: []string{"python3", "train.py", "--sector", "{sector}", "--horizon", "{horizon}"},
		Params: job.Params{Grid: job.Grid{
			{Name: "sector", Values: []job.Value{job.Text("construction"), job.Text("utilities")}},
			{Name: "horizon", Values: []job.Value{{Text: "1", Literal: true}, {Text: "3", Literal: true}}},
		}},
		CPU:          .5,
		Memory:       1536 << 20,
		Arch:         "x86_64",
		Timeout:      job.Duration(90 * time.Minute),
		Retries:      0,
		RetryBackoff: job.Duration(job.DefaultRetryBackoff),
		Max:          20,
		Spot:         true,
		Env:          map[string]string{"LOG": "info", "VERSION": "3.10"},
		Permissions: []job.Statement{
			{Effect: "Allow", Action: job.Strings{"s3:GetObject"}, Resource: job.Strings{"arn:aws:s3:::data/*"}},
		},
		Network:     job.Network{Subnets: []string{"subnet-1"}, AssignPublicIP: new(false)},
		Scaling:     job.Scaling{Steps: []job.ScalingStep{{Change: -1, Upper: new(0)}, {Change: 2, Lower: new(1)}}},
		StopTimeout: job.Duration(job.DefaultStopTimeout),
		Keep:        job.DefaultKeep,
		Tolerate:    .05,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("job (-want +got):\n%s", diff)
	}

	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var back job.Job
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	want.Params = job.Params{} // a run's record keeps its configurations beside the job
	if diff := cmp.Diff(want, back); diff != "" {
		t.Errorf("job from its JSON %s (-want +got):\n%s", text, diff)
	}
}

func TestLoadFolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := job.Load(dir); err == nil {
		t.Error("a folder without a job file: got no error")
	}
	if err := os.WriteFile(filepath.Join(dir, job.FileName), []byte("name: x\ncommand: [a]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := job.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if j.Dir != dir {
		t.Errorf("Dir: got %q, want %q", j.Dir, dir)
	}
}

func TestExpand(t *testing.T) {
	config := job.Config{{Name: "a", Value: job.Text("x y")}, {Name: "n", Value: job.Value{Text: "1", Literal: true}}}
	tests := []struct {
		in, want string
		wantErr  string
	}{
		{in: "plain", want: "plain"},
		{in: "{a}", want: "x y"},
		{in: "--n={n},{a}", want: "--n=1,x y"},
		{in: "{{a}", want: "{a}"},
		{in: "{{{n}}", want: "{1}"},
		{in: "}", want: "}"},
		{in: "{b}", wantErr: "command: placeholder {b} is no parameter"},
		{in: "{", wantErr: `command: "{" has a { that begins no placeholder`},
		{in: "{}", wantErr: `command: "{}" has a { that begins no placeholder`},
	}
	for _, tt := range tests {
		got, err := job.Expand([]string{tt.in}, config)
		if tt.wantErr != "" {
			if err == nil || err.Error() != tt.wantErr {
				t.Errorf("Expand(%q): got error %v, want %s", tt.in, err, tt.wantErr)
			}
			continue
		}
		if err != nil || got[0] != tt.want {
			t.Errorf("Expand(%q): got %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestUnitsRoundTrip(t *testing.T) {
	for _, text := range []string{"512MiB", "2GiB", "1TiB", "1B", "1536KiB"} {
		var b job.Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, _ := b.MarshalText(); string(got) != text {
			t.Errorf("size: got %s, want %s", got, text)
		}
	}
	for _, text := range []string{"90s", "-1GB", "2gib", ""} {
		if err := new(job.Bytes).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("size %q: got no error", text)
		}
	}
	for _, text := range []string{"30s", "1h30m", "2h", "10ms", "0s"} {
		var d job.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if d.String() != text {
			t.Errorf("duration: got %s, want %s", d, text)
		}
	}
}
