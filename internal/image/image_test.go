package image_test

import (
	"archive/tar"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/spate-run/spate/internal/image"
	"github.com/spate-run/spate/internal/worker"
)

// build builds a program for Linux that does nothing, as small as Go makes it.
func build(t *testing.T, arch worker.Arch, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "worker")
	command := exec.CommandContext(t.Context(), "go", append([]string{"build", "-o", path}, append(flags, source)...)...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+string(arch))
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("building a program: %v\n%s", err, out)
	}
	return path
}

// base is an image of one random layer.
func base(t *testing.T, arch worker.Arch, config v1.Config) v1.Image {
	t.Helper()
	layer, err := random.Layer(1024, "application/vnd.docker.image.rootfs.diff.tar.gzip")
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: string(arch), RootFS: v1.RootFS{Type: "layers"}, Config: config})
	if err == nil {
		img, err = mutate.AppendLayers(img, layer)
	}
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// newRegistry serves a registry and returns its host and port.
func newRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// taken is an image that is in a registry.
func taken(t *testing.T, img v1.Image, arch worker.Arch) *image.Image {
	t.Helper()
	where := newRegistry(t) + "/base:v1"
	ref, err := name.ParseReference(where)
	if err == nil {
		err = remote.Write(ref, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := image.Take(t.Context(), where, arch)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// pulled is what others find in a registry that an image was pushed to.
func pulled(t *testing.T, img *image.Image) v1.Image {
	t.Helper()
	repository := newRegistry(t) + "/train"
	digest, err := image.Push(t.Context(), img, repository, image.Login{})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewDigest(repository + "@" + digest)
	if err != nil {
		t.Fatal(err)
	}
	got, err := remote.Image(ref)
	if err == nil {
		err = validate.Image(got)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTheWorkerIsInFront(t *testing.T) {
	program := build(t, worker.AMD64)
	tests := []struct {
		name       string
		image      v1.Config
		command    []string
		entrypoint []string
		cmd        []string
	}{
		{"an entry point and its arguments", v1.Config{Entrypoint: []string{"train"}, Cmd: []string{"--all"}}, nil,
			[]string{"/.spate/worker", "agent", "--", "train"}, []string{"--all"}},
		{"a command alone", v1.Config{Cmd: []string{"python3"}}, []string{"python3", "train.py"},
			[]string{"/.spate/worker", "agent", "--"}, []string{"python3"}},
		{"nothing but the job's command", v1.Config{}, []string{"/train"},
			[]string{"/.spate/worker", "agent", "--"}, nil},
		{"a line for a shell", v1.Config{Entrypoint: []string{"/bin/sh", "-c", "train"}}, nil,
			[]string{"/.spate/worker", "agent", "--", "/bin/sh", "-c", "train"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.image.Env = []string{"LANG=C"}
			test.image.User = "65534"
			img, err := image.WithWorker(taken(t, base(t, worker.AMD64, test.image), worker.AMD64), program, worker.AMD64, test.command, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			file, err := pulled(t, img).ConfigFile()
			if err != nil {
				t.Fatal(err)
			}
			want := v1.Config{Entrypoint: test.entrypoint, Cmd: test.cmd, Env: []string{"LANG=C", "SPATE_DIR=/.spate/work/w"}, User: "65534"}
			if diff := cmp.Diff(want, file.Config); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}

// A file is what a test looks at of a file in an image.
type file struct {
	Mode int64
	Size int
}

func TestTheWorkerIsALayer(t *testing.T) {
	program := build(t, worker.AMD64)
	img, err := image.WithWorker(taken(t, base(t, worker.AMD64, v1.Config{Cmd: []string{"x"}}), worker.AMD64), program, worker.AMD64, nil, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	layers, err := pulled(t, img).Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 2 {
		t.Fatalf("got %d layers, want the image's and the worker's", len(layers))
	}
	content, err := layers[1].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	got := map[string]file{}
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		got[header.Name] = file{Mode: header.Mode, Size: len(text)}
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]file{
		".spate/": {Mode: 0o755}, ".spate/work/": {Mode: 0o755}, ".spate/work/w/": {Mode: 0o1777},
		".spate/worker": {Mode: 0o555, Size: int(info.Size())},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the worker's layer (-want +got):\n%s", diff)
	}
}

func TestWhatCannotHaveAWorker(t *testing.T) {
	program, script := build(t, worker.AMD64), filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		image   v1.Image
		program string
		command []string
		want    string
	}{
		{"other machines", base(t, worker.ARM64, v1.Config{Cmd: []string{"x"}}), program, nil, "the image is for linux/arm64, and the job for linux/amd64"},
		{"nothing to run", base(t, worker.AMD64, v1.Config{}), program, nil, "no command specified"},
		{"a shell's line and a command", base(t, worker.AMD64, v1.Config{Entrypoint: []string{"/bin/sh", "-c", "train"}}), program, []string{"--all"},
			`the image's ENTRYPOINT is a line for a shell, "train", which takes no arguments, and there is a command: write it as a list, ENTRYPOINT ["program", "argument"]`},
		{"a script for a worker", base(t, worker.AMD64, v1.Config{Cmd: []string{"x"}}), script, nil, script + " is no program for Linux, as the worker inside containers must be"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := image.WithWorker(taken(t, test.image, worker.AMD64), test.program, worker.AMD64, test.command, t.TempDir())
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// puts counts what is sent to a registry.
type puts struct {
	http.Handler
	count atomic.Int64
}

func (p *puts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, password, _ := r.BasicAuth(); user != "AWS" || password != "secret" {
		w.Header().Set("WWW-Authenticate", `Basic realm="ECR"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodPut || r.Method == http.MethodPatch || r.Method == http.MethodPost {
		p.count.Add(1)
	}
	p.Handler.ServeHTTP(w, r)
}

func TestAnImageIsPushedOnce(t *testing.T) {
	handler := &puts{Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	server := httptest.NewServer(handler)
	defer server.Close()
	repository := strings.TrimPrefix(server.URL, "http://") + "/retrain"
	program, from := build(t, worker.AMD64), taken(t, base(t, worker.AMD64, v1.Config{Cmd: []string{"x"}}), worker.AMD64)
	push := func() string {
		t.Helper()
		img, err := image.WithWorker(from, program, worker.AMD64, nil, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		digest, err := image.Push(t.Context(), img, repository, image.Login{User: "AWS", Password: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	first := push()
	sent := handler.count.Load()
	if sent == 0 {
		t.Fatal("nothing was sent to the registry")
	}
	if again := push(); again != first || handler.count.Load() != sent {
		t.Errorf("got digest %s and %d requests more, want %s and none: it is there", again, handler.count.Load()-sent, first)
	}
	if _, err := image.Push(t.Context(), from, repository, image.Login{User: "AWS", Password: "wrong"}); err == nil {
		t.Error("a wrong password was taken")
	}
}

func TestAnImageIsTakenFromItsRegistry(t *testing.T) {
	host := newRegistry(t)
	index := mutate.IndexMediaType(empty.Index, "application/vnd.oci.image.index.v1+json")
	for _, arch := range []worker.Arch{worker.AMD64, worker.ARM64} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        base(t, arch, v1.Config{Cmd: []string{string(arch)}}),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: string(arch)}},
		})
	}
	ref, err := name.ParseReference(host + "/train:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	for _, arch := range []worker.Arch{worker.AMD64, worker.ARM64} {
		img, err := image.Take(t.Context(), host+"/train:v1", arch)
		if err != nil {
			t.Fatal(err)
		}
		file, err := pulled(t, img).ConfigFile()
		if err != nil || file.Config.Cmd[0] != string(arch) {
			t.Errorf("%s: got %v and %v, want the image of that architecture", arch, file, err)
		}
	}
	_, err = image.Take(t.Context(), host+"/train:v2", worker.AMD64)
	if missing, ok := errors.AsType[*image.MissingError](err); !ok || missing.Reference != host+"/train:v2" {
		t.Errorf("got %v, want that there is no such image", err)
	}
}

func TestAnImageIsTakenFromAnArchive(t *testing.T) {
	dir := t.TempDir()
	path, from := filepath.Join(dir, "image.tar"), base(t, worker.AMD64, v1.Config{Cmd: []string{"x"}})
	tag, err := name.NewTag("train:v1")
	if err == nil {
		err = tarball.WriteToFile(path, tag, from)
	}
	if err != nil {
		t.Fatal(err)
	}
	img, err := image.FromArchive(path, dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pulled(t, img).ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	want, err := from.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
	if _, err := image.FromArchive(os.Args[0], dir); err == nil {
		t.Error("a program was taken for an archive")
	}
}

// Who pulls is asked for leave elsewhere, and knows it from Docker.
func TestARegistryThatGivesLeaveElsewhere(t *testing.T) {
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("/leave", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "me" || password != "secret:s" || r.URL.Query().Get("scope") != "repository:team/train:pull" || r.URL.Query().Get("service") != "here" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{"token": "leave"}`)
	})
	mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer leave" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+server.URL+`/leave",service="here"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})
	open := httptest.NewServer(inner)
	defer open.Close()
	ref, err := name.ParseReference(strings.TrimPrefix(open.URL, "http://") + "/team/train:v1")
	if err == nil {
		err = remote.Write(ref, base(t, worker.AMD64, v1.Config{Cmd: []string{"x"}}))
	}
	if err != nil {
		t.Fatal(err)
	}
	host, config := strings.TrimPrefix(server.URL, "http://"), t.TempDir()
	t.Setenv("DOCKER_CONFIG", config)
	take := func() error {
		_, err := image.Take(t.Context(), host+"/team/train:v1", worker.AMD64)
		return err
	}
	if err := take(); err == nil {
		t.Error("somebody without a login was let in")
	}
	helper := "#!/bin/sh\nread host\n[ $host = " + host + " ] && echo '{\"Username\": \"me\", \"Secret\": \"secret:s\"}'\n"
	if err := os.WriteFile(filepath.Join(config, "docker-credential-test"), []byte(helper), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", config+":"+os.Getenv("PATH"))
	for what, text := range map[string]string{
		"a login":  `{"auths": {"` + host + `": {"auth": "bWU6c2VjcmV0OnM="}}}`,
		"a store":  `{"auths": {"` + host + `": {}}, "credsStore": "test"}`,
		"a helper": `{"credHelpers": {"` + host + `": "test"}}`,
	} {
		if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := take(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
