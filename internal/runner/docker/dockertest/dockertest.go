// Package dockertest makes images for tests, out of this machine's files: there
// is no registry to take them from.
package dockertest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// Client returns a client of this machine's Docker engine, and skips the test
// where there is none.
func Client(t testing.TB) *client.Client {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: images for tests are made of Linux's files")
	}
	api, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	if _, err := api.Ping(t.Context(), client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		t.Skipf("SKIPPED: there is no Docker engine: %v", err)
	}
	return api
}

// Image makes an image FROM scratch that holds files, by their paths without a
// leading slash, all of which may be executed. Changes are lines of a
// Dockerfile. The image is the test's own, and goes when it ends.
func Image(t testing.TB, api *client.Client, files map[string][]byte, changes ...string) string {
	t.Helper()
	sum := sha256.New()
	fmt.Fprintln(sum, os.Getpid(), t.Name()) // packages are tested at once
	for _, path := range slices.Sorted(maps.Keys(files)) {
		content := sha256.Sum256(files[path])
		sum.Write([]byte(path + "\x00" + string(content[:])))
	}
	sum.Write([]byte(strings.Join(changes, "\n")))
	tag := hex.EncodeToString(sum.Sum(nil)[:12])
	name := "spate-test:" + tag
	_, err := api.ImageInspect(t.Context(), name)
	if err == nil {
		return name
	}
	if !errdefs.IsNotFound(err) {
		t.Fatal(err)
	}
	Remove(t, api, name)
	response, err := api.ImageImport(context.WithoutCancel(t.Context()),
		client.ImageImportSource{Source: archive(t, files), SourceName: "-"}, name, client.ImageImportOptions{Changes: changes}) // Podman takes no tag apart
	if err != nil {
		t.Fatalf("importing an image: %v", err)
	}
	defer response.Close()
	text, err := io.ReadAll(response)
	if err != nil || bytes.Contains(text, []byte(`"error"`)) {
		t.Fatalf("importing an image: %s, %v", text, err)
	}
	return name
}

// Remove removes an image when the test ends, if it is there then.
func Remove(t testing.TB, api *client.Client, name string) {
	t.Helper()
	t.Cleanup(func() {
		_, err := api.ImageRemove(context.Background(), name, client.ImageRemoveOptions{Force: true, PruneChildren: true})
		if err != nil && !errdefs.IsNotFound(err) {
			t.Errorf("removing image %s: %v", name, err)
		}
	})
}

func archive(t testing.TB, files map[string][]byte) io.Reader {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o755, Size: int64(len(files[path]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(files[path]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

// library is a path in what ldd prints.
func library() *regexp.Regexp { return regexp.MustCompile(`(?m)(/\S+) \(0x`) }

// Shell is this machine's sh with a few commands and the libraries of all.
func Shell(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, command := range []string{"sh", "cat", "sleep", "id", "head"} {
		path, err := exec.LookPath(command)
		if err != nil {
			t.Skipf("SKIPPED: %v", err)
		}
		add(t, files, "bin/"+command, path)
		libraries, err := exec.Command("ldd", path).Output()
		if err != nil {
			continue // it is linked statically
		}
		for _, found := range library().FindAllStringSubmatch(string(libraries), -1) {
			add(t, files, strings.TrimPrefix(found[1], "/"), found[1])
		}
	}
	return files
}

func add(t testing.TB, files map[string][]byte, as, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files[as] = content
}

// Program builds a Go package of this module into a program that needs no
// libraries, and returns its path.
func Program(t testing.TB, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(pkg))
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return path
}

// Files is a program at a path of an image.
func Files(t testing.TB, as, path string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	add(t, files, as, path)
	return files
}
