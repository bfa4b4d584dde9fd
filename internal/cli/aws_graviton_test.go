package cli_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/spate-run/spate/internal/client"
)

// buildFor builds a program for Linux that does nothing.
func buildFor(t *testing.T, arch, path string) {
	t.Helper()
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "go", "build", "-o", path, source)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building for %s: %v\n%s", arch, err, out)
	}
}

// armCloud is a cloud with a job for arm64, and a copy of the program in a folder
// of its own.
func armCloud(t *testing.T) (c *cloud, beside string) {
	t.Helper()
	c, _ = newStand(t)
	folder := t.TempDir()
	program := filepath.Join(folder, "spate")
	if err := os.Link(c.program, program); err != nil {
		text, err := os.ReadFile(c.program)
		if err == nil {
			err = os.WriteFile(program, text, 0o700)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.program = program
	cache, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	c.env = append(c.env, "XDG_CACHE_HOME="+t.TempDir(), "GOCACHE="+strings.TrimSpace(string(cache)))
	awsJob(t, c, "arm64")
	text, err := os.ReadFile(filepath.Join(c.job, "spate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.write("spate.yaml", string(text)+"arch: arm64\n")
	return c, filepath.Join(folder, "spate-linux-arm64")
}

// An image for arm64 gets a worker for arm64 that lies beside the program, is
// pushed, and runs on such processors.
func TestAJobForARM(t *testing.T) {
	c, beside := armCloud(t)
	_, said, err := c.spate("deploy", "--yes")
	if err == nil {
		t.Error("got a stack without a worker")
	}
	c.saysInOneLine(t, said, "spate-linux-arm64 is not there: an image for arm64 needs it as its worker$", "GOARCH=arm64 go build .*-o spate-linux-arm64")
	buildFor(t, "amd64", beside)
	_, said, err = c.spate("deploy", "--yes")
	if err == nil {
		t.Error("got a stack with a worker for another processor")
	}
	c.saysInOneLine(t, said, "spate-linux-arm64 is not for arm64, as the image is$", "GOARCH=arm64 go build")

	buildFor(t, "arm64", beside)
	c.must("deploy", "--yes")
	checkARM(c, beside)
	out, _, _ := c.spate("doctor")
	c.finds(out, `image +ok +sha256:.*, for linux/arm64, is in the stack's repository`)
	_, said = c.must("deploy", "--yes")
	c.wants(said, "stack looked is as the job file says")
}

// Within a checkout of spate the worker is built.
func TestAWorkerForARMIsBuilt(t *testing.T) {
	c, _ := armCloud(t)
	if err := os.MkdirAll(filepath.Join(c.job, "cmd", "spate"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.write("go.mod", "module github.com/spate-run/spate\n\ngo 1.26\n")
	c.write("cmd/spate/main.go", "package main\n\nfunc main() {}\n")
	c.must("deploy", "--yes")
	checkARM(c, filepath.Join(must(filepath.Glob(filepath.Join(c.getenv("XDG_CACHE_HOME"), "spate", "*")))[0]))
}

// checkARM wants the stack's tasks to run on arm64, and their image to be for
// that, with the worker in front of the job's own command.
func checkARM(c *cloud, worker string) {
	c.Helper()
	t := c.T
	endpoint := "http://" + c.registry
	cfn := cloudformation.New(cloudformation.Options{BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: c.credentials()})
	found, err := cfn.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: new("looked"), LogicalResourceId: new("TaskDefinition")})
	if err != nil {
		t.Fatal(err)
	}
	tasks := ecs.New(ecs.Options{BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: c.credentials()})
	definition, err := tasks.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: found.StackResourceDetail.PhysicalResourceId})
	if err != nil {
		t.Fatal(err)
	}
	if p := definition.TaskDefinition.RuntimePlatform; p == nil || p.CpuArchitecture != types.CPUArchitectureArm64 || p.OperatingSystemFamily != types.OSFamilyLinux {
		t.Errorf("got the platform %+v, want Linux on ARM64", p)
	}

	ref, err := name.NewDigest(*definition.TaskDefinition.ContainerDefinitions[0].Image, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	clients := client.FromConfig(aws.Config{BaseEndpoint: &endpoint, Region: "us-east-1", Credentials: c.credentials()}, 1)
	user, password, err := clients.RegistryLogin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref, remote.WithAuth(&authn.Basic{Username: user, Password: password}))
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if got := config.OS + "/" + config.Architecture; got != "linux/arm64" {
		t.Errorf("got an image for %s, want linux/arm64", got)
	}
	if diff := cmp.Diff([]string{"/.spate/worker", "agent", "--"}, config.Config.Entrypoint); diff != "" {
		t.Errorf("entry point (-want +got):\n%s", diff)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 2 {
		t.Fatalf("got %d layers, %v, want the job's and the worker's", len(layers), err)
	}
	text, err := layers[1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	want := must(os.ReadFile(worker))
	for archive := tar.NewReader(text); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			t.Fatal("the layer has no worker")
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Name != ".spate/worker" {
			continue
		}
		if got := must(io.ReadAll(archive)); string(got) != string(want) {
			t.Errorf("got a worker of %d bytes, want that of %d", len(got), len(want))
		}
		return
	}
}
