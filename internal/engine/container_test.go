package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"
	docker "github.com/moby/moby/client"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
	"github.com/spate-run/spate/internal/runner/docker/dockertest"
	"github.com/spate-run/spate/internal/wire"
)

// containers is an engine that has an image to run.
type containers struct {
	*client.AWS
	home, image string
	cfg         engine.Config
	docker      *docker.Client
	stop        func()
}

func newContainers(t *testing.T, changes ...string) *containers {
	t.Helper()
	return newContainersOn(t, engine.Config{}, changes...)
}

// newContainersOn has an engine of some kind; changes are lines of the image's
// Dockerfile.
func newContainersOn(t *testing.T, cfg engine.Config, changes ...string) *containers {
	t.Helper()
	api := dockertest.Client(t)
	c := &containers{
		home: t.TempDir(), docker: api,
		image: dockertest.Image(t, api, dockertest.Files(t, "job", dockertest.Program(t, "./testdata/job")), changes...),
	}
	c.cfg = cfg
	c.cfg.Home, c.cfg.Cadence, c.cfg.Worker = c.home, engine.FastCadence, dockertest.Program(t, "github.com/spate-run/spate/cmd/spate")
	c.AWS, c.stop = start(t, c.cfg)
	t.Cleanup(func() {
		c.stop()
		if left := c.left(t); len(left) > 0 {
			t.Errorf("left in Docker: %q", left)
			for _, name := range left {
				_, _ = api.ContainerRemove(context.Background(), name, docker.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
			}
		}
	})
	return c
}

// left are the home's containers.
func (c *containers) left(t *testing.T) []string {
	t.Helper()
	found, err := c.docker.ContainerList(context.Background(), docker.ContainerListOptions{
		All: true, Filters: docker.Filters{}.Add("label", "spate.owner="+engine.Owner(t, c.home)),
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range found.Items {
		names = append(names, strings.TrimPrefix(f.Names[0], "/"))
	}
	return names
}

// log is what a group's streams hold, line by line.
func (c *containers) log(t *testing.T, group string) string {
	t.Helper()
	out, err := wire.Call[cloudwatchlogs.FilterLogEventsOutput](t.Context(), c.Logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group})
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, e := range out.Events {
		lines.WriteString(*e.Message + "\n")
	}
	return lines.String()
}

// register makes the task definition "t", whose container writes to group "g".
func (c *containers) register(t *testing.T, definition types.ContainerDefinition) {
	t.Helper()
	definition.Name, definition.Image, definition.Memory = new("main"), &c.image, new(int32(64))
	definition.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
		"awslogs-group": "g", "awslogs-region": engine.Region, "awslogs-stream-prefix": "p",
	}}
	if _, err := c.ECS.CreateCluster(t.Context(), &ecs.CreateClusterInput{}); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Call[cloudwatchlogs.CreateLogGroupOutput](t.Context(), c.Logs, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: new("g")}); err != nil {
		t.Fatal(err)
	}
	_, err := c.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: new("t"), ContainerDefinitions: []types.ContainerDefinition{definition},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// task runs a task of it and returns its ARN.
func (c *containers) task(t *testing.T) string {
	t.Helper()
	out, err := c.ECS.RunTask(t.Context(), &ecs.RunTaskInput{TaskDefinition: new("t")})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Tasks[0].TaskArn
}

// until returns a task once it has a status.
func (c *containers) until(t *testing.T, arn, status string) types.Task {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var task types.Task
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-tick.C {
		out, err := c.ECS.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Tasks: []string{arn}})
		if err != nil || len(out.Tasks) != 1 {
			t.Fatal(out, err)
		}
		if task = out.Tasks[0]; *task.LastStatus == status || *task.LastStatus == "STOPPED" {
			break
		}
	}
	if *task.LastStatus != status {
		t.Fatalf("got task %s, %s, want %s", *task.LastStatus, aws.ToString(task.StoppedReason), status)
	}
	return task
}

func TestAContainerReachesTheEngine(t *testing.T) {
	for name, cfg := range map[string]engine.Config{"that checks": {}, "that does not": {Open: true}} {
		t.Run(name, func(t *testing.T) { reachesTheEngine(t, cfg) })
	}
}

func reachesTheEngine(t *testing.T, cfg engine.Config) {
	c := newContainersOn(t, cfg, `ENTRYPOINT ["/job"]`)
	queue, err := c.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new("answers")})
	if err != nil {
		t.Fatal(err)
	}
	secret := c.secret(t, `{"password":"hush"}`)
	c.register(t, types.ContainerDefinition{
		Command: []string{"talk"}, Secrets: []types.Secret{{Name: new("SECRET"), ValueFrom: new(secret + ":password::")}},
	})
	arn := c.task(t)
	task := c.until(t, arn, "STOPPED")
	got := []any{task.StopCode, *task.StoppedReason, task.Containers[0].ExitCode}
	want := []any{types.TaskStopCodeEssentialContainerExited, "Essential container in task exited", new(int32(0))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("task (-want +got):\n%s", diff)
	}
	if got, want := c.log(t, "g"), "started talk secret: hush out: false key: true\n"; got != want {
		t.Errorf("got log %q, want %q", got, want)
	}
	out, err := c.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	if err != nil || len(out.Messages) != 1 {
		t.Fatalf("got %+v, %v, want the task's message", out, err)
	}
	var metadata struct{ TaskARN string }
	if err := json.Unmarshal([]byte(*out.Messages[0].Body), &metadata); err != nil || metadata.TaskARN != arn {
		t.Errorf("got metadata %s, %v, want that of task %s", *out.Messages[0].Body, err, arn)
	}
}

// secret makes a secret and returns its ARN. Its client is one that any program
// on this machine would make.
func (c *containers) secret(t *testing.T, value string) string {
	t.Helper()
	out, err := secretsmanager.New(secretsmanager.Options{
		Region: engine.Region, BaseEndpoint: c.ECS.Options().BaseEndpoint, Credentials: c.ECS.Options().Credentials,
	}).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: new("secret"), SecretString: &value})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

func TestSecretsThatAreNotThere(t *testing.T) {
	c := newContainers(t)
	c.register(t, types.ContainerDefinition{Command: []string{"/job"}, Secrets: []types.Secret{{Name: new("SECRET"), ValueFrom: new("/none")}}})
	task := c.until(t, c.task(t), "STOPPED")
	want := "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: /none"
	if *task.StoppedReason != want || task.StopCode != types.TaskStopCodeTaskFailedToStart {
		t.Errorf("got %s, %q, want TaskFailedToStart, %q", task.StopCode, *task.StoppedReason, want)
	}
}

// deploy makes the stack of a job with one sector, and returns its log group too.
func (c *containers) deploy(t *testing.T, command string) (stack *run.Stack, group string) {
	t.Helper()
	j, err := job.Parse("spate.yaml", []byte("name: images\nimage: "+c.image+"\ncommand: "+command+"\nparams: {list: [{sector: mining}]}\nmax: 2\ncpu: 0.25\nmemory: 512MiB\n"))
	if err != nil {
		t.Fatal(err)
	}
	template, err := spate.JobStack(j).Template()
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := deploy.Apply(t.Context(), c.CloudFormation, deploy.Stack{Name: j.Name, Template: template, Parameters: map[string]string{"Image": c.image}})
	if err != nil {
		t.Fatal(err)
	}
	stack, ok := run.NewStack(c.AWS, j.Name, outputs)
	if !ok {
		t.Fatalf("the stack's outputs are not a job's: %v", outputs)
	}
	return stack, outputs["LogGroupName"]
}

func (c *containers) send(t *testing.T, queue string) {
	t.Helper()
	_, err := c.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: new(`{"sector":"mining"}`)})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAWorkerInAContainerTakesMessages(t *testing.T) {
	c := newContainers(t, `ENTRYPOINT ["/job"]`, "USER 1000:1000")
	stack, group := c.deploy(t, `["train", "{sector}"]`)
	c.send(t, stack.Queue)
	until(t, stack, "tasks wanted", func(tasks run.Tasks) bool { return tasks.Desired > 0 })
	until(t, stack, "no tasks", func(tasks run.Tasks) bool { return tasks == run.Tasks{} })
	want := "started train mining secret:  out: true key: false\n"
	if got := c.log(t, group); !strings.Contains(got, want) {
		t.Errorf("got log %q, want %q in it", got, want)
	}
}

// TestContainersOutliveAKilledEngine has the engine in a process of its own,
// which is killed.
func TestContainersOutliveAKilledEngine(t *testing.T) {
	c := newContainers(t, `ENTRYPOINT ["/job"]`)
	c.register(t, types.ContainerDefinition{Command: []string{"stay"}})
	served := c.serve(t)
	stays, dies := c.task(t), c.task(t)
	c.until(t, stays, "RUNNING")
	c.until(t, dies, "RUNNING")
	served.kill()
	// One ends while nobody looks.
	name := "spate-" + dies[strings.LastIndex(dies, "/")+1:] + "-main"
	if _, err := c.docker.ContainerStop(t.Context(), name, docker.ContainerStopOptions{}); err != nil {
		t.Fatal(err)
	}

	c.AWS, c.stop = start(t, c.cfg)
	dead := c.until(t, dies, "STOPPED")
	if got := dead.Containers[0].ExitCode; got == nil || *got != 3 {
		t.Errorf("got exit code %v of the task that ended meanwhile, want 3", got)
	}
	if got := *c.until(t, stays, "RUNNING").LastStatus; got != "RUNNING" {
		t.Errorf("got the other task %s, want RUNNING", got)
	}
	if _, err := c.ECS.StopTask(t.Context(), &ecs.StopTaskInput{Task: &stays}); err != nil {
		t.Fatal(err)
	}
	if got := c.until(t, stays, "STOPPED").Containers[0].ExitCode; got == nil || *got != 3 {
		t.Errorf("got exit code %v of the task that was stopped, want 3", got)
	}
	if got := strings.Count(c.log(t, "g"), "told to end"); got != 2 {
		t.Errorf("got the last line of %d containers, want both:\n%s", got, c.log(t, "g"))
	}
}

// A served engine is in a process of its own.
type served struct {
	*exec.Cmd
	kill func() // and wait for its end
}

// serve ends the engine, and starts one in a process of its own on its home.
func (c *containers) serve(t *testing.T) served {
	t.Helper()
	c.stop()
	s := served{Cmd: exec.Command(c.cfg.Worker, "serve")}
	s.Env = append(os.Environ(), "SPATE_HOME="+c.home)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	s.kill = sync.OnceFunc(func() {
		_ = s.Process.Kill()
		_ = s.Wait() // it was killed
	})
	t.Cleanup(s.kill)
	c.AWS = client.New(found(t, c.home))
	return s
}

// What a container writes is in its log once, the lines too that came to an engine
// which was killed before it had written them, and those that came to none.
func TestLogsAreWholeAfterAKill(t *testing.T) {
	c := newContainers(t, `ENTRYPOINT ["/job"]`)
	c.register(t, types.ContainerDefinition{Command: []string{"count"}})
	served := c.serve(t)
	arn := c.task(t)
	c.untilLine(t, 60)
	served.kill()
	c.AWS, c.stop = start(t, c.cfg)
	c.untilLine(t, strings.Count(c.log(t, "g"), "line ")+60)
	if _, err := c.ECS.StopTask(t.Context(), &ecs.StopTaskInput{Task: &arn}); err != nil {
		t.Fatal(err)
	}
	c.until(t, arn, "STOPPED")
	lines := strings.Split(strings.TrimSpace(c.log(t, "g")), "\n")[1:]
	for i, line := range lines {
		if want := fmt.Sprint("line ", i); line != want {
			t.Fatalf("got %q after %d lines, want %q: %q", line, i, want, lines)
		}
	}
}

// untilLine waits for a line of the log.
func (c *containers) untilLine(t *testing.T, number int) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if strings.Contains(c.log(t, "g"), fmt.Sprintf("line %d\n", number)) {
			return
		}
	}
	t.Fatalf("line %d has not come:\n%s", number, c.log(t, "g"))
}

func TestAnEngineThatEndsLeavesNoContainers(t *testing.T) {
	c := newContainers(t, `ENTRYPOINT ["/job"]`)
	c.register(t, types.ContainerDefinition{Command: []string{"stay"}})
	served := c.serve(t)
	for range 2 {
		c.until(t, c.task(t), "RUNNING")
	}
	if got := c.left(t); len(got) != 2 {
		t.Fatalf("got containers %q, want two", got)
	}
	if err := served.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := served.Wait(); err != nil {
		t.Errorf("serve: got %v, want its end", err)
	}
	if got := c.left(t); len(got) > 0 {
		t.Errorf("got containers %q after the end, want none", got)
	}
}

// A worker's container that ends while there is no engine, however it does, gives
// its message back once there is one.
func TestMessagesOfContainersThatDidNotOutliveTheEngine(t *testing.T) {
	for name, end := range map[string]func(api *docker.Client, container string) error{
		"killed": func(api *docker.Client, container string) error {
			_, err := api.ContainerKill(context.Background(), container, docker.ContainerKillOptions{})
			return err
		},
		"told to end": func(api *docker.Client, container string) error {
			_, err := api.ContainerStop(context.Background(), container, docker.ContainerStopOptions{})
			return err
		},
		"removed": func(api *docker.Client, container string) error {
			_, err := api.ContainerRemove(context.Background(), container, docker.ContainerRemoveOptions{Force: true})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newContainers(t, `ENTRYPOINT ["/job"]`)
			stack, group := c.deploy(t, `["stay", "{sector}"]`)
			served := c.serve(t)
			c.send(t, stack.Queue)
			c.attempts(t, group, 1)
			served.kill()
			for _, container := range c.left(t) {
				if err := end(c.docker, container); err != nil {
					t.Fatal(err)
				}
			}
			c.AWS, c.stop = start(t, c.cfg)
			c.attempts(t, group, 2)
		})
	}
}

// attempts returns when the job has begun so many times: long before the
// visibility timeout of a worker's message is over, which is two minutes.
func (c *containers) attempts(t *testing.T, group string, want int) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if strings.Count(c.log(t, group), "started stay mining ") >= want {
			return
		}
	}
	t.Fatalf("the job has not begun %d times:\n%s", want, c.log(t, group))
}

// found returns the address of an engine that another process starts.
func found(t *testing.T, home string) engine.Address {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		at, running, err := engine.Find(home)
		if err != nil {
			t.Fatal(err)
		}
		if running && at.Endpoint != "" {
			return at
		}
	}
	t.Fatal(errors.New("no engine has started"))
	return engine.Address{}
}

func TestContainersOfATaskShareANetwork(t *testing.T) {
	c := newContainers(t, `ENTRYPOINT ["/job"]`)
	c.register(t, types.ContainerDefinition{}) // for the cluster
	_, err := c.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: new("t"), NetworkMode: types.NetworkModeAwsvpc, Cpu: new("256"), Memory: new("512"),
		ContainerDefinitions: []types.ContainerDefinition{
			{Name: new("main"), Image: &c.image, Command: []string{"stay"}},
			{Name: new("side"), Image: &c.image, Command: []string{"stay"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.ECS.RunTask(t.Context(), &ecs.RunTaskInput{
		TaskDefinition: new("t"), NetworkConfiguration: &types.NetworkConfiguration{
			AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-1"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	arn := *out.Tasks[0].TaskArn
	c.until(t, arn, "RUNNING")
	id := arn[strings.LastIndex(arn, "/")+1:]
	holder, err := c.docker.ContainerInspect(t.Context(), "spate-"+id+"-network", docker.ContainerInspectOptions{})
	if err != nil || !holder.Container.State.Running {
		t.Fatalf("the container that holds the network: got %+v, %v, want it running", holder.Container.State, err)
	}
	for _, name := range []string{"main", "side"} {
		found, err := c.docker.ContainerInspect(t.Context(), "spate-"+id+"-"+name, docker.ContainerInspectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(found.Container.HostConfig.NetworkMode), "container:"+holder.Container.ID; got != want {
			t.Errorf("container %s is on network %s, want %s", name, got, want)
		}
	}
	if got := c.stats(t, "spate-"+id+"-main"); len(got) != 2 {
		t.Errorf("got statistics of %d containers, want both", len(got))
	}
	if _, err := c.ECS.StopTask(t.Context(), &ecs.StopTaskInput{Task: &arn}); err != nil {
		t.Fatal(err)
	}
	for _, end := range c.until(t, arn, "STOPPED").Containers {
		if end.ExitCode == nil || *end.ExitCode != 3 {
			t.Errorf("container %s: got exit code %v, want 3", *end.Name, end.ExitCode)
		}
	}
}

// stats asks the task's endpoint, as a container would, for the memory that
// containers use, by their ids; of those that have an answer.
func (c *containers) stats(t *testing.T, container string) map[string]int {
	t.Helper()
	found, err := c.docker.ContainerInspect(t.Context(), container, docker.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var uri string
	for _, variable := range found.Container.Config.Env {
		if value, ok := strings.CutPrefix(variable, "ECS_CONTAINER_METADATA_URI_V4="); ok {
			uri = value
		}
	}
	reply, err := http.Get(uri + "/task/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	var body map[string]*struct {
		Memory struct{ Usage int } `json:"memory_stats"`
	}
	if err := json.NewDecoder(reply.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	used := map[string]int{}
	for id, stats := range body {
		if stats != nil && stats.Memory.Usage > 0 {
			used[id] = stats.Memory.Usage
		}
	}
	return used
}
