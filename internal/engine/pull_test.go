package engine_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	docker "github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/runner/docker/dockertest"
)

// TestTasksPullFromTheEnginesRegistry has an image that is in a repository of
// ECR's and nowhere else. Docker is logged in by the engine.
func TestTasksPullFromTheEnginesRegistry(t *testing.T) {
	c := newContainers(t, `ENTRYPOINT ["/job"]`)
	c.register(t, types.ContainerDefinition{})
	registries := ecr.New(ecr.Options{Region: "us-east-1", BaseEndpoint: c.ECS.Options().BaseEndpoint, Credentials: c.ECS.Options().Credentials})
	login, err := makeRepository(t, registries).Authorization()
	if err != nil {
		t.Fatal(err)
	}
	out, err := registries.DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"app"}})
	if err != nil {
		t.Fatal(err)
	}
	pushed := *out.Repositories[0].RepositoryUri + ":v1"
	c.push(t, pushed, login.Username, login.Password)
	_, err = c.ECS.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: new("t"), ContainerDefinitions: []types.ContainerDefinition{{Name: new("main"), Image: &pushed, Memory: new(int32(64)), Command: []string{"once"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	dockertest.Remove(t, c.docker, pushed)
	task := c.until(t, c.task(t), "STOPPED")
	if code := task.Containers[0].ExitCode; code == nil || *code != 0 {
		t.Errorf("got exit code %v, %s, want 0", code, *task.StoppedReason)
	}
}

// push puts the tests' image into a registry under a name, which Docker forgets.
func (c *containers) push(t *testing.T, name, user, password string) {
	t.Helper()
	auth, err := json.Marshal(map[string]string{"username": user, "password": password})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.docker.ImageTag(t.Context(), docker.ImageTagOptions{Source: c.image, Target: name}); err != nil {
		t.Fatal(err)
	}
	pushing, err := c.docker.ImagePush(t.Context(), name, docker.ImagePushOptions{RegistryAuth: base64.URLEncoding.EncodeToString(auth)})
	if err != nil {
		t.Fatal(err)
	}
	if err := pushing.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.docker.ImageRemove(t.Context(), name, docker.ImageRemoveOptions{}); err != nil {
		t.Fatal(err)
	}
}
