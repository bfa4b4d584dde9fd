package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	docker "github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/runner/docker/dockertest"
)

// base is the image that the example is made FROM. Where there is no registry,
// .ci/python-image makes one.
const base = "python:3.12-slim"

// TestRetrainAsContainers runs the example's hundred configurations as
// containers of its Dockerfile's image, and wants nothing of them left.
func TestRetrainAsContainers(t *testing.T) {
	api := dockertest.Client(t)
	if testing.Short() {
		t.Skip("SKIPPED: it takes two minutes")
	}
	if _, err := api.ImageInspect(t.Context(), base); err != nil {
		t.Skipf("SKIPPED: there is no image %s: make it with .ci/python-image", base)
	}
	run := exec.CommandContext(t.Context(), dockertest.Program(t, "github.com/spate-run/spate/cmd/spate"),
		"run", "../../examples/retrain", "--runner", "docker", "-o", "csv")
	run.Env = append(os.Environ(), "SPATE_HOME="+filepath.Join(t.TempDir(), "home"))
	var table, said strings.Builder
	run.Stdout, run.Stderr = &table, &said
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	seen, err := containersUntil(t, api, ended)
	if err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	if got := strings.Count(table.String(), ",done,"); got != 100 {
		t.Errorf("got %d configurations done, want 100:\n%s\n%s", got, &table, &said)
	}
	if seen.owner == "" {
		t.Fatalf("there was no container of the example's image:\n%s", &said)
	}
	dockertest.Remove(t, api, seen.image) // it is kept for the next run
	if left := leftOf(t, api, seen.owner); len(left) > 0 {
		t.Errorf("left in Docker: %q", left)
	}
}

// A sight is what is seen of a run in Docker.
type sight struct{ owner, image string }

// containersUntil looks for containers of the example's image until the run has
// ended.
func containersUntil(t *testing.T, api *docker.Client, ended <-chan error) (seen sight, err error) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return seen, err
		case <-tick.C:
		}
		found, err := api.ContainerList(t.Context(), docker.ContainerListOptions{Filters: docker.Filters{}.Add("label", "spate.job=retrain")})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range found.Items {
			seen = sight{c.Labels["spate.owner"], c.Image}
		}
	}
}

// leftOf is what of an engine there is in Docker.
func leftOf(t *testing.T, api *docker.Client, owner string) (left []string) {
	t.Helper()
	own := docker.Filters{}.Add("label", "spate.owner="+owner)
	containers, err := api.ContainerList(t.Context(), docker.ContainerListOptions{All: true, Filters: own})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers.Items {
		left = append(left, "container "+strings.Join(c.Names, " "))
	}
	volumes, err := api.VolumeList(t.Context(), docker.VolumeListOptions{Filters: own})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes.Items {
		left = append(left, "volume "+v.Name)
	}
	networks, err := api.NetworkList(t.Context(), docker.NetworkListOptions{Filters: own})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range networks.Items {
		left = append(left, "network "+n.Name)
	}
	return left
}
