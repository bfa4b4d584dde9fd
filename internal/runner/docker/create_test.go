package docker

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"github.com/spate-run/spate/internal/runner"
)

func TestGPUsAreAskedForByTheirIDs(t *testing.T) {
	for name, test := range map[string]struct {
		box  runner.Box
		want container.DeviceRequest
	}{
		"known":   {runner.Box{GPUs: 1, GPUIDs: []string{"GPU-1"}}, container.DeviceRequest{DeviceIDs: []string{"GPU-1"}}},
		"unknown": {runner.Box{GPUs: 2}, container.DeviceRequest{Count: 2}},
	} {
		test.want.Capabilities = [][]string{{"gpu"}}
		got := resources(runner.Container{Box: test.box}).DeviceRequests
		if diff := cmp.Diff([]container.DeviceRequest{test.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
