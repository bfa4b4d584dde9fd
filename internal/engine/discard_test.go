package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	moby "github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/runner/docker"
)

// An image that spate built goes with the last definition and the last container
// of it, under the name that this home has for it.
func TestBuiltImagesGoWhenNothingUsesThem(t *testing.T) {
	c := newContainers(t, `ENTRYPOINT ["/job"]`)
	digest := strings.Repeat("0", 64)
	mine, theirs := docker.BuiltName(t.Name(), digest, engine.Mark(c.home)), docker.BuiltName(t.Name(), digest, "another")
	for _, name := range []string{mine, theirs} {
		if _, err := c.docker.ImageTag(t.Context(), moby.ImageTagOptions{Source: c.image, Target: name}); err != nil {
			t.Fatal(err)
		}
	}
	c.image = theirs
	c.register(t, types.ContainerDefinition{Command: []string{"stay"}})
	c.image = mine
	if _, err := c.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: new("t"), ContainerDefinitions: []types.ContainerDefinition{{
			Name: new("main"), Image: &mine, Memory: new(int32(64)), Command: []string{"stay"},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	arn := c.task(t)
	c.until(t, arn, "RUNNING")
	for _, definition := range []string{"t:1", "t:2"} {
		if _, err := c.ECS.DeregisterTaskDefinition(t.Context(), &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &definition}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.docker.ImageInspect(t.Context(), mine); err != nil {
		t.Errorf("an image that a task runs: got %v, want it", err)
	}
	if _, err := c.ECS.StopTask(t.Context(), &ecs.StopTaskInput{Task: &arn}); err != nil {
		t.Fatal(err)
	}
	c.until(t, arn, "STOPPED")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var err error
	for deadline := time.Now().Add(20 * time.Second); err == nil; <-tick.C {
		if _, err = c.docker.ImageInspect(t.Context(), mine); time.Now().After(deadline) {
			t.Fatalf("got image %s after its last task, want none", mine)
		}
	}
	if _, err := c.docker.ImageRemove(t.Context(), theirs, moby.ImageRemoveOptions{}); err != nil {
		t.Errorf("another home's name of the image: got %v, want it there", err)
	}
}
