package docker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// builtPrefix begins the names of images that spate has built. No registry has
// them.
const builtPrefix = "localhost/spate/"

// BuiltName is what an image is called that spate has built for a job, by its
// digest in hexadecimal. Each home has a name of its own for it, by which it is
// removed: the image is there for as long as one home has one.
func BuiltName(job, digest, home string) string {
	return builtPrefix + strings.ToLower(job) + ":" + digest[:12] + "-" + home
}

// IsBuilt says whether an image's name is one that spate gave for a home.
func IsBuilt(image, home string) bool {
	return strings.HasPrefix(image, builtPrefix) && strings.HasSuffix(image, "-"+home)
}

// DiscardOthers removes the images that were built for the same job and home as
// one, as far as that goes: they are in nobody's way.
func DiscardOthers(ctx context.Context, image string) {
	api, err := dial(ctx, defaultHosts())
	if err != nil {
		return
	}
	defer api.Close()
	job, version, _ := strings.Cut(image, ":")
	_, home, _ := strings.Cut(version, "-")
	found, err := api.ImageList(ctx, client.ImageListOptions{Filters: client.Filters{}.Add("reference", job+":*-"+home)})
	if err != nil {
		return
	}
	for _, f := range found.Items {
		for _, name := range f.RepoTags {
			if name != image && strings.HasPrefix(name, job+":") && IsBuilt(name, home) {
				_, _ = api.ImageRemove(ctx, name, client.ImageRemoveOptions{PruneChildren: true})
			}
		}
	}
}

// Discard removes an image by its name, unless it was given that name, anew
// perhaps, after a moment. (Podman does not tell when that was.)
func (r *Runner) Discard(ctx context.Context, image string, unused time.Time) error {
	found, err := r.api.ImageInspect(ctx, image)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err == nil && !found.Metadata.LastTagTime.After(unused) {
		_, err = r.api.ImageRemove(ctx, image, client.ImageRemoveOptions{PruneChildren: true})
	}
	if err != nil {
		return fmt.Errorf("removing image %s: %w", image, err)
	}
	return nil
}
