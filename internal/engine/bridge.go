package engine

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// A bridge is the engine's door to containers: an address of this machine that
// Docker's network has, opened when Docker is first used. Others on that network
// knock there too, so it takes signed requests only, whatever the engine's own
// address does.
type bridge struct {
	listeners chan net.Listener // one at most, until it is served
}

func newBridge() *bridge { return &bridge{listeners: make(chan net.Listener, 1)} }

// listen binds an address, with the port of the engine's own where that is free
// there, and returns the base URL. Requests wait until the bridge is served.
func (b *bridge) listen(at netip.Addr, endpoint string) (string, error) {
	own, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	port, err := strconv.ParseUint(own.Port(), 10, 16)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", netip.AddrPortFrom(at, uint16(port)).String())
	if errors.Is(err, syscall.EADDRINUSE) {
		listener, err = net.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	}
	if err != nil {
		return "", err
	}
	select {
	case b.listeners <- listener:
		return "http://" + listener.Addr().String(), nil
	default:
		return "", errors.Join(errors.New("the bridge is open"), listener.Close())
	}
}

// serve answers on the bridge, once it is open, until ctx ends.
func (b *bridge) serve(ctx context.Context, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	select {
	case <-ctx.Done():
		return nil
	case listener := <-b.listeners:
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}
}

// close closes a bridge that nobody has served.
func (b *bridge) close() error {
	select {
	case listener := <-b.listeners:
		return listener.Close()
	default:
		return nil
	}
}
