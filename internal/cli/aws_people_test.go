package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// least is the fewest tasks that the service of the cloud's only stack may have.
func (c *cloud) least() int {
	c.Helper()
	client := applicationautoscaling.New(applicationautoscaling.Options{BaseEndpoint: new("http://" + c.registry), Region: "us-east-1", Credentials: c.credentials()})
	out, err := client.DescribeScalableTargets(c.Context(), &applicationautoscaling.DescribeScalableTargetsInput{ServiceNamespace: "ecs"})
	if err != nil || len(out.ScalableTargets) != 1 {
		c.Fatalf("got %+v, %v, want one scalable target", out, err)
	}
	return int(*out.ScalableTargets[0].MinCapacity)
}

// until waits for what an engine brings about.
func (c *cloud) until(what string, holds func() bool) {
	c.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			c.Fatalf("waited in vain: %s", what)
		}
	}
}

// folderJob deploys a job whose tasks are processes. A job ends once a file is
// there that is called as its parameter says.
func (c *cloud) folderJob(max int) {
	c.Helper()
	c.write("spate.yaml", fmt.Sprintf(`name: shared
max: %d
cpu: .25
memory: 64MiB
command: [sh, -c, 'echo job {n}; cp "$SPATE_PARAMS" "$SPATE_OUT/params.json"; until [ -e %s/go-{who} ]; do sleep 0.05; done']
params: {grid: {n: [1, 2, 3], who: [nobody]}}
`, max, c.job))
	c.must("deploy", "--yes", "--on", "local")
}

// A client that dies before it has raised the service's minimum leaks nothing,
// and one that dies right after it neither: the release is there first.
func TestAKickIsTakenBackWithoutTheClient(t *testing.T) {
	c, s := newStand(t)
	c.env = append(c.env, "AWS_MAX_ATTEMPTS=1")
	c.folderJob(3)
	s.answer(t, map[string][]answer{"application-autoscaling:RegisterScalableTarget": {{cut: true}}})
	_, said, err := c.spate("run", "--detach", "-p", "who=a")
	if err == nil || s.count("application-autoscaling:PutScheduledAction") != 1 {
		t.Errorf("got %v and %d scheduled releases, want a failure after one:\n%s", err, s.count("application-autoscaling:PutScheduledAction"), said)
	}
	c.saysInOneLine(t, said, "setting the least tasks of .* to 3", "spate run --resume ")
	if got := c.least(); got != 0 {
		t.Errorf("got at least %d tasks, want 0", got)
	}

	s.answer(t, map[string][]answer{"application-autoscaling:PutScheduledAction": {{cut: true}}})
	if _, said, err := c.spate("run", "--detach", "-p", "who=a"); err == nil || s.count("application-autoscaling:RegisterScalableTarget") != 0 {
		t.Errorf("got %v, want no raised minimum without a scheduled release:\n%s", err, said)
	}

	s.answer(t, nil)
	c.must("run", "--detach", "-p", "who=a", "--on", "local") // whose release comes after seconds, not minutes
	if got := c.least(); got != 3 {
		t.Errorf("got at least %d tasks after sending, want 3", got)
	}
	c.until("that the minimum is taken back", func() bool { return c.least() == 0 })
	c.write("go-a", "")
	c.must("watch", "last")
}

// Two people send to one stack, and one of them gives up: each has the results
// of their own run. One whose laptop was closed picks up with watch.
func TestTwoPeopleOnOneStack(t *testing.T) {
	c := newServed(t)
	c.folderJob(6)
	start := func(who string) (command *exec.Cmd, said *strings.Builder) {
		t.Helper()
		command = exec.CommandContext(t.Context(), c.program, "run", "-p", "who="+who, "-o", "csv", "--on", "aws", "--endpoint-url", "http://"+c.registry)
		said = &strings.Builder{}
		command.Env, command.Dir, command.Stdout = c.env, c.job, said
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		return command, said
	}
	type listed struct {
		ID      string
		Jobs    int
		Running int
	}
	runs := func() (all []listed) {
		t.Helper()
		out, _ := c.must("runs", "-o", "json")
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			t.Fatalf("got %s: %v", out, err)
		}
		return all
	}
	one, _ := start("one")
	c.until("the first run", func() bool { return len(runs()) == 1 })
	first := runs()[0].ID
	two, saidTwo := start("two")
	c.until("the second run", func() bool { return len(runs()) == 2 })
	c.until("that all jobs run", func() bool {
		out, _ := c.must("show", first)
		return strings.Contains(out, "3 running")
	})

	// The laptop is closed; the jobs go on, and what they print is there.
	_ = one.Process.Kill()
	_ = one.Wait()
	logs := exec.CommandContext(t.Context(), c.program, "logs", "-f", first, "--on", "aws", "--endpoint-url", "http://"+c.registry)
	logs.Env, logs.Dir = c.env, c.job
	var printed []byte
	var following sync.WaitGroup
	following.Go(func() { printed, _ = logs.Output() })
	c.write("go-one", "")
	out, _ := c.must("watch", first, "-o", "csv")
	if got := strings.Count(out, ",one,done,"); got != 3 {
		t.Errorf("got\n%s\nwant the 3 jobs of the first run done", out)
	}
	following.Wait()
	for _, want := range []string{"job 1", "job 2", "job 3"} {
		c.wants(string(printed), want)
	}
	c.must("results", first, "--download", "out")
	if files := must(filepath.Glob(filepath.Join(c.job, "out", "*", "params.json"))); len(files) != 3 {
		t.Errorf("got the files %q, want one of each job", files)
	}
	_, said := c.must("retry", first, "1")
	c.wants(said, "running 1 job again")
	c.must("watch", first)

	// Cancelling one leaves the other alone.
	third, _ := c.must("run", "--detach", "-p", "who=three")
	began := time.Now()
	_, said = c.must("cancel", strings.TrimSpace(third))
	c.wants(said, "cancelled 3 jobs")
	c.until("the end of the third run", func() bool {
		out, _ := c.must("show", strings.TrimSpace(third), "-o", "json")
		return strings.Contains(out, `"cancelled": 3`) && strings.Contains(out, `"running": 0`)
	})
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("cancelling took %v, want seconds", took)
	}
	c.write("go-two", "")
	if err := two.Wait(); err != nil || strings.Count(saidTwo.String(), ",two,done,") != 3 {
		t.Errorf("got %v and\n%s\nwant the 3 jobs of the second run done", err, saidTwo)
	}
	_ = os.Remove(filepath.Join(c.job, "go-two"))
}

// A deploy while jobs run, which is refused unless it is forced, leaves the number
// of tasks as it is.
func TestADeployLeavesTheTasksAlone(t *testing.T) {
	c := newServed(t)
	c.folderJob(3)
	c.must("run", "--detach", "-p", "who=a", "--on", "local")
	c.until("that all jobs run", func() bool {
		out, _ := c.must("show", "last")
		return strings.Contains(out, "3 running")
	})
	file := string(must(os.ReadFile(filepath.Join(c.job, "spate.yaml"))))
	c.write("spate.yaml", strings.Replace(file, "max: 3", "max: 4", 1))
	_, said, err := c.spate("deploy", "--yes", "--on", "local")
	if err == nil {
		t.Error("got a stack that was changed while jobs run")
	}
	c.saysInOneLine(t, said, "3 jobs of stack shared wait or run", "wait for them .*, or add --force")
	c.must("deploy", "--yes", "--force", "--on", "local")
	client := ecs.New(ecs.Options{BaseEndpoint: new("http://" + c.registry), Region: "us-east-1", Credentials: c.credentials()})
	clusters, err := client.ListClusters(t.Context(), &ecs.ListClustersInput{})
	if err != nil {
		t.Fatal(err)
	}
	services, err := client.ListServices(t.Context(), &ecs.ListServicesInput{Cluster: &clusters.ClusterArns[0]})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &clusters.ClusterArns[0], Services: services.ServiceArns})
	if err != nil || len(out.Services) != 1 || out.Services[0].DesiredCount != 3 {
		t.Errorf("got %+v, %v, want a service of 3 tasks", out, err)
	}
	c.write("go-a", "")
	c.must("watch", "last")
}

// Two people deploy one job for the first time: the stack is there, and who came
// too late is told what to do.
func TestTwoPeopleDeployAtOnce(t *testing.T) {
	c, _ := newStand(t)
	awsJob(t, c, "amd64")
	var both sync.WaitGroup
	said, errs := make([]string, 2), make([]error, 2)
	for i := range said {
		both.Go(func() { _, said[i], errs[i] = c.spate("deploy", "--yes") })
	}
	both.Wait()
	if errs[0] != nil && errs[1] != nil {
		t.Errorf("got\n%s\n%s\nwant one deployment to come to its end", said[0], said[1])
	}
	for i, err := range errs {
		if err != nil {
			c.saysInOneLine(t, said[i], "", "somebody else changes this stack|spate deploy")
		}
	}
	_, again := c.must("deploy", "--yes")
	c.wants(again, "stack looked is as the job file says")
}
