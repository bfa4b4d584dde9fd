package docker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/spate-run/spate/internal/runner/docker"
)

func TestBuiltImagesAreDiscarded(t *testing.T) {
	r := newRig(t, nil)
	image := r.image()
	mine, theirs := docker.BuiltName("Job", strings.Repeat("ab", 32), "mine"), docker.BuiltName("Job", strings.Repeat("ab", 32), "theirs")
	if mine != "localhost/spate/job:abababababab-mine" {
		t.Errorf("got name %s, want localhost/spate/job:abababababab-mine", mine)
	}
	for image, want := range map[string]bool{mine: true, theirs: false, "job:1-mine": false} {
		if got := docker.IsBuilt(image, "mine"); got != want {
			t.Errorf("%s is built for the home: got %t, want %t", image, got, want)
		}
	}
	before := time.Now()
	for _, name := range []string{mine, theirs} {
		if _, err := r.api.ImageTag(t.Context(), client.ImageTagOptions{Source: image, Target: name}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = r.api.ImageRemove(context.Background(), name, client.ImageRemoveOptions{}) })
	}
	there := func(name string, want bool) {
		t.Helper()
		if _, err := r.api.ImageInspect(t.Context(), name); (err == nil) != want {
			t.Errorf("%s is there: got %v, want %t", name, err, want)
		}
	}
	if err := r.Discard(t.Context(), mine, before); err != nil {
		t.Error(err)
	}
	if found, err := r.api.ImageInspect(t.Context(), image); err == nil && found.Metadata.LastTagTime.IsZero() {
		t.Skip("SKIPPED: this engine does not tell when an image got its name, as Podman")
	}
	there(mine, true) // it was built again since
	docker.DiscardOthers(t.Context(), docker.BuiltName("job", strings.Repeat("cd", 32), "theirs"))
	there(theirs, false)
	there(mine, true)
	for range 2 { // the second has nothing to do
		if err := r.Discard(t.Context(), mine, time.Now()); err != nil {
			t.Error(err)
		}
	}
	there(mine, false)
}
