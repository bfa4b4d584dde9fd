package deploy_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/runner/docker/dockertest"
)

// dockerfile makes a folder with a Dockerfile FROM an image that has a shell,
// and other files.
func dockerfile(t *testing.T, api *client.Client, steps string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("Dockerfile", "FROM "+dockertest.Image(t, api, dockertest.Shell(t))+"\n"+steps)
	for name, text := range files {
		write(name, text)
	}
	return dir
}

func TestAFolderBecomesAnImage(t *testing.T) {
	api := dockertest.Client(t)
	dir := dockerfile(t, api, "COPY . /job/\nRUN [\"sh\", \"-c\", \"echo made > /made; cat /job/secret > /leaked || echo none > /leaked\"]\nCMD [\"sh\"]\n",
		map[string]string{"train": "x", "secret": "hush", ".dockerignore": "secret\n"})
	build := deploy.Build{Folder: dir, Name: "Some-Job"}
	name, err := build.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dockertest.Remove(t, api, name)
	if !strings.HasPrefix(name, "localhost/spate/some-job:") {
		t.Errorf("got name %s, want one of no registry, after the job", name)
	}
	made, err := api.ContainerCreate(t.Context(), client.ContainerCreateOptions{Image: name})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := api.ContainerRemove(t.Context(), made.ID, client.ContainerRemoveOptions{}); err != nil {
			t.Error(err)
		}
	}()
	for path, want := range map[string]bool{"/made": true, "/job/train": true, "/job/secret": false} {
		_, err := api.ContainerStatPath(t.Context(), made.ID, client.ContainerStatPathOptions{Path: path})
		if got := err == nil; got != want {
			t.Errorf("%s is in the image: got %t (%v), want %t", path, got, err, want)
		}
	}

	again, err := build.Run(t.Context())
	if err != nil || again != name {
		t.Errorf("the same folder: got %s, %v, want %s", again, err, name)
	}
	if err := os.WriteFile(filepath.Join(dir, "train"), []byte("y"), 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := build.Run(t.Context())
	if err != nil || other == name {
		t.Errorf("another folder: got %s, %v, want another name", other, err)
	}
	dockertest.Remove(t, api, other)
}

func TestAStepThatFailsIsShown(t *testing.T) {
	api := dockertest.Client(t)
	dir := dockerfile(t, api, "RUN [\"sh\", \"-c\", \"echo no such module: pandas; exit 7\"]\n", nil)
	_, err := deploy.Build{Folder: dir, Name: "j"}.Run(t.Context())
	failed, ok := errors.AsType[*deploy.BuildError](err)
	if !ok {
		t.Fatalf("got error %v, want a BuildError", err)
	}
	for _, want := range []string{"RUN", "no such module: pandas", "7"} {
		if !strings.Contains(failed.Step, want) {
			t.Errorf("got step %q, want %q in it", failed.Step, want)
		}
	}
	if strings.Contains(failed.Step, "FROM") {
		t.Errorf("got step %q, want the step that failed alone", failed.Step)
	}
}

func TestAFolderWithoutADockerfile(t *testing.T) {
	dir := t.TempDir()
	_, err := deploy.Build{Folder: dir, Name: "j"}.Run(t.Context())
	if want := "building the image of " + dir + ": there is no Dockerfile"; err == nil || err.Error() != want {
		t.Errorf("got error %v, want %s", err, want)
	}
}
