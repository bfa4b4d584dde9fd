package cli_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	docker "github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/runner/docker/dockertest"
)

// A cloud is an embedded engine in place of AWS, and the program that is told
// to take it for that.
type cloud struct {
	*testing.T
	program, job string
	env          []string
	registry     string // host and port of the engine's
	stop         func() // ends the engine
}

// newCloud serves an engine whose containers are Docker's.
func newCloud(t *testing.T) *cloud {
	t.Helper()
	api := dockertest.Client(t)
	c := newServed(t)
	t.Cleanup(func() {
		c.stop()
		c.clear(api)
	})
	return c
}

// newServed serves an engine.
func newServed(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{T: t, program: dockertest.Program(t, "github.com/spate-run/spate/cmd/spate"), job: t.TempDir()}
	c.env = append(os.Environ(), "SPATE_HOME="+filepath.Join(t.TempDir(), "home"), "SPATE_ON=", "AWS_PROFILE=", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/nowhere", "AWS_SHARED_CREDENTIALS_FILE=/nowhere")
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	serve := exec.CommandContext(ctx, c.program, "serve")
	serve.Env, serve.Stderr = c.env, os.Stderr
	serve.Cancel = func() error { return serve.Process.Signal(os.Interrupt) }
	out, err := serve.StdoutPipe()
	if err == nil {
		err = serve.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c.stop = sync.OnceFunc(func() {
		stop()
		_ = serve.Wait()
	})
	t.Cleanup(c.stop)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		variable := strings.TrimPrefix(lines.Text(), "export ")
		c.env = append(c.env, variable)
		if url, ok := strings.CutPrefix(variable, "AWS_ENDPOINT_URL="); ok {
			c.registry = strings.TrimPrefix(url, "http://")
		}
		if strings.HasPrefix(variable, "AWS_SECRET_ACCESS_KEY=") {
			return c
		}
	}
	t.Fatal("the engine did not come up")
	return nil
}

// clear takes out of Docker what came from the engine's registry, and wants no
// container of it.
func (c *cloud) clear(api *docker.Client) {
	ctx := context.Background()
	found, err := api.ContainerList(ctx, docker.ContainerListOptions{All: true})
	if err != nil {
		c.Fatal(err)
	}
	for _, container := range found.Items {
		if strings.HasPrefix(container.Image, c.registry) {
			c.Errorf("left in Docker: container %v", container.Names)
			_, _ = api.ContainerRemove(ctx, container.ID, docker.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		}
	}
	images, err := api.ImageList(ctx, docker.ImageListOptions{})
	if err != nil {
		c.Fatal(err)
	}
	for _, image := range images.Items {
		for _, name := range append(image.RepoDigests, image.RepoTags...) {
			if strings.HasPrefix(name, c.registry) || strings.HasPrefix(name, "localhost/spate/square:") {
				_, _ = api.ImageRemove(ctx, name, docker.ImageRemoveOptions{Force: true})
			}
		}
	}
}

// spate runs the program on the cloud, in the job's folder.
func (c *cloud) spate(args ...string) (stdout, stderr string, err error) {
	c.Helper()
	if !slices.Contains(args, "--on") {
		args = append(args, "--on", "aws", "--endpoint-url", "http://"+c.registry)
	}
	command := exec.CommandContext(c.Context(), c.program, args...)
	var out, said strings.Builder
	command.Env, command.Dir, command.Stdout, command.Stderr = c.env, c.job, &out, &said
	err = command.Run()
	return out.String(), said.String(), err
}

// must is spate for what has to work.
func (c *cloud) must(args ...string) (stdout, stderr string) {
	c.Helper()
	stdout, stderr, err := c.spate(args...)
	if err != nil {
		c.Fatalf("spate %s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout, stderr
}

func (c *cloud) write(name, text string) {
	c.Helper()
	if err := os.WriteFile(filepath.Join(c.job, name), []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
}

func (c *cloud) wants(said, want string) {
	c.Helper()
	if !strings.Contains(said, want) {
		c.Errorf("got\n%s\nwant %q in it", said, want)
	}
}

// A folder whose image is FROM scratch is deployed, run, looked at, changed and
// destroyed. Tasks pull their image from the engine's own registry.
func TestTheWholeWayOnAWS(t *testing.T) {
	c := newCloud(t)
	square, err := os.ReadFile(dockertest.Program(t, "./testdata/square"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.job, "square"), square, 0o755); err != nil {
		t.Fatal(err)
	}
	c.write("Dockerfile", "FROM scratch\nCOPY square /square\nENTRYPOINT [\"/square\"]\n")
	list := make([]string, 100)
	for i := range list {
		list[i] = strconv.Itoa(i + 1)
	}
	file := "name: square\nimage: .\ncommand: [\"{n}\"]\nmax: 4\ncpu: .25\nmemory: 64MiB\nparams: {grid: {n: [" + strings.Join(list, ", ") + "]}}\n"
	c.write("spate.yaml", file)

	out, said := c.must("deploy", "--yes", "-o", "json")
	c.wants(said, "stack square would be made")
	c.wants(said, "of compute and network, $0.70 of alarms")
	c.wants(out, `"RepositoryUri": "`+c.registry+`/square-`)
	_, said = c.must("deploy", "--yes")
	c.wants(said, "stack square is as the job file says") // the same folder is the same image

	out, said = c.must("run", "-o", "csv")
	if got := strings.Count(out, ",done,"); got != 100 {
		t.Errorf("got %d jobs done, want 100:\n%s\n%s", got, out, said)
	}
	out, _ = c.must("results", "last", "-o", "csv")
	c.wants(out, ",10000")
	out, _ = c.must("logs", "last", "6")
	c.wants(out, "the square of 7")
	out, _, _ = c.spate("doctor") // the engine has no quota to ask for
	c.wants(out, ", for linux/"+runtime.GOARCH+", is in the stack's repository")
	c.wants(out, "from 0 to 4 tasks")
	out, _ = c.must("cost", "last", "-o", "json")
	c.wants(out, `"tasks": `)
	out, _ = c.must("show", "last", "-o", "json")
	c.wants(out, `"square"`)
	_, said = c.must("retry", "last", "3")
	c.wants(said, "running 1 job again")
	c.must("watch", "last")

	if _, said, err := c.spate("cancel", "last"); err == nil || strings.Contains(said, "serve") {
		t.Errorf("got %v from cancelling what is over:\n%s", err, said)
	}

	// The job goes by itself, from an image of the stack's repository.
	at := time.Now().UTC().Add(10 * time.Second).Format("2006-01-02T15:04:05")
	few := strings.Replace(file, "[1, 2, 3, ", "[1]}}\n# ", 1) + "schedule: at(" + at + ")\n"
	c.write("spate.yaml", few)
	_, said = c.must("deploy", "--yes")
	c.wants(said, "+ add          Schedule ")
	c.until("a run by schedule", func() bool {
		out, _ := c.must("runs")
		return strings.Contains(out, " by schedule")
	})
	c.must("watch", "last")
	out, _ = c.must("show", "last")
	c.wants(out, "scheduled")
	c.wants(out, "1 done")

	c.write("spate.yaml", strings.Replace(few, "max: 4", "max: 5\nenv: {A: b}", 1))
	_, said = c.must("diff")
	c.wants(said, "stack square would change: 0 to add")
	c.wants(said, "with all 5 tasks  ! was ")
	_, said = c.must("destroy", "--yes", "--delete-results")
	c.wants(said, "stack square is deleted")
	_, said, err = c.spate("run") // nobody answers
	if err == nil {
		t.Error("a stack was made without asking")
	}
	c.wants(said, "stack square is not there yet")
	out, _ = c.must("run", "--yes", "-p", "n=21", "-o", "csv")
	c.wants(out, ",441")
	c.must("destroy", "--yes", "--delete-results")
}
