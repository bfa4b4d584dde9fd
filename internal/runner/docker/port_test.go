package docker_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/spate-run/spate/internal/runner"
)

// listening is a container that answers at a port, once it does.
func (r *rig) listening(id, at string, box runner.Box) runner.Running {
	r.Helper()
	ready, out := io.Pipe()
	running, err := r.Start(r.Context(), runner.Container{
		ID: id, Task: "t-" + id, Image: r.image(), Entrypoint: []string{"/probe"}, Command: []string{"listen=" + at},
		StopTimeout: time.Second, Stdout: out, Box: box,
	})
	if err != nil {
		r.Fatal(err)
	}
	if _, err := io.ReadFull(ready, make([]byte, len("listening\n"))); err != nil {
		r.Fatal(err)
	}
	return running
}

// port is where this machine has a container's only port, which it tries.
func (r *rig) port(id string) uint16 {
	r.Helper()
	place, err := r.Place(r.Context(), id)
	if err != nil || len(place.Ports) != 1 {
		r.Fatalf("got place %+v, %v, want one port", place, err)
	}
	if !place.Address.IsValid() || !place.Gateway.IsValid() || place.MAC == "" || place.Image == "" {
		r.Errorf("got place %+v, want all of it", place)
	}
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", place.Ports[0].Host))
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	if text, _ := io.ReadAll(c); string(text) != "hello" {
		r.Errorf("got %q, want the container's answer", text)
	}
	return place.Ports[0].Host
}

func TestPortsArePublishedOnLoopbackAlone(t *testing.T) {
	r := newRig(t, nil)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	wish := uint16(free.Addr().(*net.TCPAddr).Port)
	_ = free.Close()
	box := runner.Box{Ports: []runner.Port{{Container: 80, Host: wish, Protocol: "tcp"}}}
	first, second := r.id()+"-1", r.id()+"-2"
	a := r.listening(first, ":80", box)
	b := r.listening(second, ":80", box)
	if got := r.port(first); got != wish {
		t.Errorf("got port %d, want %d, which is free", got, wish)
	}
	if got := r.port(second); got == wish {
		t.Errorf("got port %d, which another container has", got)
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		prefix := netip.MustParsePrefix(address.String())
		if prefix.Addr().IsLoopback() || !prefix.Addr().Is4() {
			continue
		}
		if c, err := net.DialTimeout("tcp", netip.AddrPortFrom(prefix.Addr(), wish).String(), time.Second); err == nil {
			t.Errorf("the container answers at %s too", c.RemoteAddr())
			_ = c.Close()
		}
	}
	a.Stop()
	b.Stop()
}

func TestPortsOfATasksNetwork(t *testing.T) {
	r := newRig(t, nil)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	wish := uint16(taken.Addr().(*net.TCPAddr).Port)
	running := r.listening(r.id(), ":80", runner.Box{Shared: true, Ports: []runner.Port{{Container: 80, Host: wish, Protocol: "tcp"}}})
	if got := r.port(r.id()); got == wish {
		t.Errorf("got port %d, which this process has", got)
	}
	running.Stop()
	if err := r.Clear(t.Context(), "t-"+r.id()); err != nil {
		t.Error(err)
	}
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-examples.html
func TestTheNetworkIsMeasured(t *testing.T) {
	for name, shared := range map[string]bool{"own": false, "task's": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			running := r.listening(r.id(), ":80", runner.Box{Shared: shared, Ports: []runner.Port{{Container: 80, Protocol: "tcp"}}})
			at := fmt.Sprintf("127.0.0.1:%d", r.port(r.id()))
			ended, asked := make(chan struct{}), make(chan struct{})
			go func() { // keep the network busy
				defer close(asked)
				for {
					select {
					case <-ended:
						return
					default:
					}
					if c, err := net.Dial("tcp", at); err == nil {
						_, _ = io.Copy(io.Discard, c)
						_ = c.Close()
					}
				}
			}()
			r.wantTraffic(r.id())
			close(ended)
			<-asked
			running.Stop()
			if err := r.Clear(t.Context(), "t-"+r.id()); err != nil {
				t.Error(err)
			}
		})
	}
}
