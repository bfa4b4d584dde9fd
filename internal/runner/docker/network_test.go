package docker_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/runner/docker"
)

// An elsewhere is a Docker engine whose bridge is no interface of this machine,
// as far as containers are made there. It refuses to make any, and keeps what it
// was asked for.
type elsewhere struct {
	info, network string
	asked         struct {
		Env, Cmd   []string
		HostConfig container.HostConfig
	}
}

func (e *elsewhere) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/_ping"):
		w.Header().Set("API-Version", "1.41")
	case strings.HasSuffix(path, "/info"):
		fmt.Fprint(w, e.info)
	case strings.HasSuffix(path, "/networks/"+e.network):
		fmt.Fprint(w, `{"IPAM": {"Config": [{"Subnet": "192.0.2.0/24", "Gateway": "192.0.2.1"}]}}`)
	case strings.HasSuffix(path, "/images/some/json"):
		fmt.Fprint(w, `{"Config": {}}`)
	case strings.HasSuffix(path, "/containers/create"):
		_ = json.NewDecoder(r.Body).Decode(&e.asked) // what is missing, the test misses
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, `{"message": "no"}`)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"message": "none"}`)
	}
}

// Rootless engines, Docker Desktop, and those of other machines have bridges that
// this machine is not on: their containers reach it by a name.
func TestTheEngineIsReachedByName(t *testing.T) {
	for _, c := range []struct{ name, at, info, network string }{
		{"rootless", "unix", `{"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}`, "bridge"},
		{"Docker Desktop", "unix", `{"OperatingSystem": "Docker Desktop"}`, "bridge"},
		{"a virtual machine", "unix", `{}`, "bridge"},
		{"Podman in a virtual machine", "unix", `{}`, "podman"},
		{"another machine", "tcp", `{}`, "bridge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			engine := &elsewhere{info: c.info, network: c.network}
			server := httptest.NewUnstartedServer(engine)
			host := "tcp://" + server.Listener.Addr().String()
			if c.at == "unix" {
				path := filepath.Join(t.TempDir(), "d.sock")
				listener, err := net.Listen("unix", path)
				if err != nil {
					t.Fatal(err)
				}
				server.Listener, host = listener, "unix://"+path
			}
			server.Start()
			defer server.Close()
			r, err := docker.Connect(t.Context(), docker.Config{
				Hosts: []string{host}, Owner: "test", Endpoint: "http://127.0.0.1:4100",
				Listen: func(at netip.Addr) (string, error) {
					t.Errorf("asked to listen on %s, want nothing wider than loopback", at)
					return "", nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			_, err = r.Start(t.Context(), runner.Container{
				ID: "c", Image: "some", Command: []string{"http://127.0.0.1:4100/000000000000/q"},
				Engine: []string{"AWS_ENDPOINT_URL=http://127.0.0.1:4100"},
				Box:    runner.Box{ExtraHosts: []string{"db:10.0.0.2"}},
			})
			if err == nil || !strings.HasPrefix(err.Error(), "CannotCreateContainerError: ") {
				t.Errorf("got %v, want the engine's refusal", err)
			}
			got := [][]string{engine.asked.Env, engine.asked.Cmd, engine.asked.HostConfig.ExtraHosts}
			want := [][]string{
				{"AWS_ENDPOINT_URL=http://host.docker.internal:4100"},
				{"http://host.docker.internal:4100/000000000000/q"},
				{"db:10.0.0.2", "host.docker.internal:host-gateway"},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("variables, command and hosts (-want +got):\n%s", diff)
			}
		})
	}
}
