package run

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	aastypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/wire"
)

var monday = time.Date(2027, 2, 1, 6, 0, 0, 0, time.UTC)

// newScheduledStack has a service that scales, too, so that runs are sent whole.
func newScheduledStack(t *testing.T) *Stack {
	t.Helper()
	s := newStack(t)
	ctx := t.Context()
	if _, err := s.aws.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: new("c")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: new("f"), ContainerDefinitions: []ecstypes.ContainerDefinition{{
			Name: new("job"), Image: new(t.TempDir()), Memory: new(int32(64)), Command: []string{"sleep", "60"},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.ECS.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: new("c"), ServiceName: new("s"), TaskDefinition: new("f"), DesiredCount: new(int32(0)),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Call[applicationautoscaling.RegisterScalableTargetOutput](ctx, s.aws.AutoScaling, &applicationautoscaling.RegisterScalableTargetInput{
		ServiceNamespace: aastypes.ServiceNamespaceEcs, ScalableDimension: aastypes.ScalableDimensionECSServiceDesiredCount,
		ResourceId: new("service/c/s"), MinCapacity: new(int32(0)), MaxCapacity: new(int32(2)),
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// deployed is a job of three configurations whose inputs are a file beside it,
// and an object of another bucket.
func deployed(t *testing.T, s *Stack, dir string) job.Job {
	t.Helper()
	j := job.Job{
		Name: "s", Command: []string{"true"}, Dir: dir, Inputs: []string{"a b+c.csv", "s3://prices/latest.csv"},
		Params: job.Params{List: []job.Config{
			{{Name: "n", Value: job.Text("x")}}, {{Name: "n", Value: job.Text("y")}}, {{Name: "n", Value: job.Text("z")}},
		}},
	}
	putSchedule(t, s, j)
	return j
}

func putSchedule(t *testing.T, s *Stack, j job.Job) {
	t.Helper()
	source, err := j.Source()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.PutSchedule(t.Context(), j, source); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func putPrice(t *testing.T, s *Stack, text string) {
	t.Helper()
	records := &record.Store{S3: s.aws.S3, Bucket: "prices"}
	if err := records.Put(t.Context(), "latest.csv", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

// inputs are the names and contents of a run's inputs.
func inputs(t *testing.T, r *Run) map[string]string {
	t.Helper()
	found := map[string]string{}
	for object, err := range r.Stack.Records().List(t.Context(), record.InPrefix(r.ID), "") {
		if err != nil {
			t.Fatal(err)
		}
		body, err := r.Stack.Records().Open(t.Context(), object.Key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		if err := errors.Join(err, body.Close()); err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(object.Key, record.InPrefix(r.ID))] = string(text)
	}
	return found
}

func fire(t *testing.T, s *Stack, at time.Time) (*Run, bool) {
	t.Helper()
	r, sent, err := s.SendScheduled(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	return r, sent
}

func TestAScheduleThatFiresTwiceSendsOnce(t *testing.T) {
	s := newScheduledStack(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a b+c.csv"), "deployed")
	if _, err := s.aws.S3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: new("prices")}); err != nil {
		t.Fatal(err)
	}
	deployed(t, s, dir)
	// What is in S3 is taken when the schedule fires, and files are as deployed.
	write(t, filepath.Join(dir, "a b+c.csv"), "not deployed")
	putPrice(t, s, "of monday")

	r, sent := fire(t, s, monday)
	if !sent || r.Jobs != 3 || !r.Scheduled.Equal(monday) || r.User != "schedule" {
		t.Errorf("got %+v, sent %v; want a sent run of 3 jobs for %v", r.Run, sent, monday)
	}
	want := map[string]string{"a b+c.csv": "deployed", "latest.csv": "of monday"}
	if diff := cmp.Diff(want, inputs(t, r)); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	putPrice(t, s, "of tuesday")
	again, sent := fire(t, s, monday)
	if sent || again.ID != r.ID {
		t.Errorf("got run %s, sent %v, the second time; want %s and nothing sent", again.ID, sent, r.ID)
	}
	if diff := cmp.Diff(want, inputs(t, r)); diff != "" {
		t.Errorf("inputs after it fired twice (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(names(r, 1, 0, 1, 2), receive(t, s)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	next, sent := fire(t, s, monday.AddDate(0, 0, 7))
	if !sent || next.ID <= r.ID {
		t.Errorf("got run %s, sent %v, a week later; want one that sorts behind %s", next.ID, sent, r.ID)
	}
	if got := inputs(t, next)["latest.csv"]; got != "of tuesday" {
		t.Errorf("got input %q a week later, want the newest", got)
	}
}

// A task that ended in the midst of sending leaves the rest to the schedule's
// next call for the same time.
func TestWhatAScheduleLeftUnsentIsSent(t *testing.T) {
	s := newScheduledStack(t)
	j := job.Job{Name: "s", Command: []string{"true"}}
	putSchedule(t, s, j)
	id, err := ScheduledID(s.Name, monday)
	if err != nil {
		t.Fatal(err)
	}
	r, first, err := s.recordScheduled(t.Context(), id, monday)
	if err != nil || !first {
		t.Fatalf("got %v, first %v", err, first)
	}
	sent, err := r.takeOver(t.Context(), patience{})
	if err != nil || !sent {
		t.Errorf("got %v, sent %v; want the rest sent", err, sent)
	}
	if diff := cmp.Diff(names(r, 1, 0), receive(t, s)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestScheduledIDs(t *testing.T) {
	id := func(stack string, at time.Time) string {
		t.Helper()
		id, err := ScheduledID(stack, at)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	at := id("a", monday)
	if again := id("a", monday.In(time.FixedZone("", 3600))); again != at || len(at) != 26 {
		t.Errorf("got %s and %s, want the same ULID", at, again)
	}
	if other := id("b", monday); other == at || other[:10] != at[:10] {
		t.Errorf("got %s beside %s, want another id of the same time", other, at)
	}
}

func TestPuttingAScheduleAgain(t *testing.T) {
	s := newScheduledStack(t)
	dir := t.TempDir()
	_, _, err := s.SendScheduled(t.Context(), monday)
	if _, none := errors.AsType[*NoScheduleError](err); !none {
		t.Errorf("got %v before anything was deployed, want a NoScheduleError", err)
	}
	keys := func() (keys []string, newest time.Time) {
		t.Helper()
		for object, err := range s.Records().List(t.Context(), record.SchedulePrefix, "") {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, object.Key)
			if object.Modified.After(newest) {
				newest = object.Modified
			}
		}
		return keys, newest
	}
	write(t, filepath.Join(dir, "a b+c.csv"), "1")
	j := deployed(t, s, dir)
	first, wrote := keys()
	putSchedule(t, s, j)
	if same, again := keys(); !cmp.Equal(first, same) || !again.Equal(wrote) {
		t.Errorf("got %v, written %v, the second time; want %v of %v", same, again, first, wrote)
	}
	for _, content := range []string{"2", "3", "4"} {
		write(t, filepath.Join(dir, "a b+c.csv"), content)
		putSchedule(t, s, j)
	}
	// run.json, and two objects of each of the newest two versions.
	if left, _ := keys(); len(left) != 5 {
		t.Errorf("got %v after four versions, want the newest two", left)
	}
}
