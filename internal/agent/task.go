package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// A task tells what ECS knows of this task and of earlier ones. All of it is
// told where it can be had, and nothing depends on it.
type task struct {
	ecs      *ecs.Client
	metadata string

	once sync.Once
	arn  string
}

func newTask(c Config, client *ecs.Client) *task {
	return &task{ecs: client, metadata: c.Metadata}
}

// ARN names this task, or is empty.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
func (t *task) ARN(ctx context.Context) string {
	t.once.Do(func() {
		if t.metadata != "" {
			t.arn, _ = fetchARN(ctx, t.metadata+"/task")
		}
	})
	return t.arn
}

func fetchARN(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var metadata struct{ TaskARN string }
	err = json.NewDecoder(response.Body).Decode(&metadata)
	return metadata.TaskARN, err
}

// stopReason tells why a task has stopped, in ECS's words, or is empty. ECS
// forgets a task an hour after its end.
func (t *task) stopReason(ctx context.Context, arn string) string {
	// arn:aws:ecs:region:account:task/cluster/id
	path := strings.Split(arn, "/")
	if len(path) != 3 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := t.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &path[1], Tasks: []string{arn}})
	if err != nil || len(out.Tasks) == 0 {
		return ""
	}
	var reasons []string
	found := out.Tasks[0]
	for _, c := range found.Containers {
		switch {
		case deref(c.Reason) != "":
			reasons = append(reasons, *c.Reason)
		case c.ExitCode != nil && *c.ExitCode != 0:
			reasons = append(reasons, fmt.Sprintf("container %s: exit code %d", deref(c.Name), *c.ExitCode))
		}
	}
	if found.StoppedReason != nil {
		reasons = append(reasons, *found.StoppedReason)
	}
	return strings.Join(reasons, "; ")
}
