package run

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/record"
)

// newTask makes a task, which waits: nothing runs here.
func newTask(t *testing.T, s *Stack) string {
	t.Helper()
	if _, err := s.aws.ECS.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: &s.Cluster}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.aws.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family:               new("f"),
		ContainerDefinitions: []types.ContainerDefinition{{Name: new("job"), Image: new(t.TempDir()), Memory: new(int32(8))}},
	}); err != nil {
		t.Fatal(err)
	}
	out, err := s.aws.ECS.RunTask(t.Context(), &ecs.RunTaskInput{Cluster: &s.Cluster, TaskDefinition: new("f")})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Tasks[0].TaskArn
}

func TestAttemptsWhoseTasksAreGoneDoNotRun(t *testing.T) {
	r := newRun(t, newStack(t), 3)
	task := newTask(t, r.Stack)
	start := func(index int, task string) {
		t.Helper()
		key := record.AttemptPrefix(r.ID, index, 1, 1) + "start.json"
		if err := r.Stack.Records().PutJSON(t.Context(), key, record.Start{Run: r.ID, Index: index, Task: task}); err != nil {
			t.Fatal(err)
		}
	}
	start(0, task)
	start(1, task+"0") // ECS has forgotten it
	start(2, "")       // which nothing is known of
	f := r.Follow()
	running := func(later time.Duration) (indices [3]bool) {
		t.Helper()
		if _, err := f.count(t.Context()); err != nil {
			t.Fatal(err)
		}
		all, err := f.running(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all, err = f.losses.leaveOut(t.Context(), r, all, time.Now().Add(later))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			indices[a.Index] = true
		}
		return indices
	}
	if got, want := running(0), [3]bool{true, true, true}; got != want {
		t.Errorf("at first: got %v, want %v", got, want)
	}
	if got, want := running(time.Minute), [3]bool{true, false, true}; got != want {
		t.Errorf("after a minute: got %v, want %v", got, want)
	}
	if _, err := r.Stack.aws.ECS.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: &r.Stack.Cluster, Task: &task}); err != nil {
		t.Fatal(err)
	}
	if got, want := running(time.Minute), [3]bool{true, false, true}; got != want {
		t.Errorf("before it asks again: got %v, want %v", got, want)
	}
	if got, want := running(2*time.Minute), [3]bool{false, false, true}; got != want {
		t.Errorf("after its task has stopped: got %v, want %v", got, want)
	}
}
