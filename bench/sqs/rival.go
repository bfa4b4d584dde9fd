package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spate-run/spate/bench/internal/measure"
)

// A rival is a server in a process of its own.
type rival struct {
	name    string
	address string
	keys    keys
	process *os.Process
}

// keys are what requests are signed with.
type keys struct{ id, secret string }

// start brings the rivals up; stop ends those that came.
func start(ctx context.Context, o options) (rivals []*rival, stop func(), err error) {
	dir, err := os.MkdirTemp("", "bench-sqs")
	if err != nil {
		return nil, func() {}, err
	}
	stop = func() {
		for _, r := range rivals {
			_ = r.process.Signal(syscall.SIGTERM)
			_, _ = r.process.Wait()
		}
		os.RemoveAll(dir)
	}
	if o.spate == "" {
		measure.Tell("building spate")
		if o.spate, err = measure.Build(ctx, "./cmd/spate", dir); err != nil {
			return rivals, stop, err
		}
	}
	for _, begin := range []func() (*rival, error){
		func() (*rival, error) { return startFloor() },
		func() (*rival, error) { return startSpate(o.spate, dir) },
		func() (*rival, error) { return startGoaws(o.goaws, dir) },
	} {
		r, err := begin()
		if err != nil {
			return rivals, stop, err
		}
		if r != nil {
			rivals = append(rivals, r)
		}
	}
	return rivals, stop, nil
}

func startFloor() (*rival, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return launch("floor", exec.Command(self, "-floor", "127.0.0.1:4199"), "127.0.0.1:4199")
}

// startSpate reads what serve says of itself.
func startSpate(program, dir string) (*rival, error) {
	serve := exec.Command(program, "serve")
	serve.Env = append(os.Environ(), "SPATE_HOME="+filepath.Join(dir, "home"))
	out, err := serve.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := serve.Start(); err != nil {
		return nil, err
	}
	r := &rival{name: "spate", process: serve.Process}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		value = strings.Trim(value, "'")
		switch name {
		case "AWS_ENDPOINT_URL":
			r.address = strings.TrimPrefix(value, "http://")
		case "AWS_ACCESS_KEY_ID":
			r.keys.id = value
		case "AWS_SECRET_ACCESS_KEY":
			r.keys.secret = value
			go io.Copy(io.Discard, out) //nolint:errcheck // nobody reads the rest
			return r, nil
		}
	}
	return nil, errors.New("spate serve did not say where it is")
}

func startGoaws(program, dir string) (*rival, error) {
	if program == "" {
		return nil, nil
	}
	config := filepath.Join(dir, "goaws.yaml")
	text := "Local:\n  Host: localhost\n  Port: 4198\n  Region: us-east-1\n  AccountId: \"000000000000\"\n  Queues: []\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return launch("goaws", exec.Command(program, "-config", config, "-loglevel", "error", "Local"), "127.0.0.1:4198")
}

// launch starts a rival and waits until it takes connections.
func launch(name string, command *exec.Cmd, address string) (*rival, error) {
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			return &rival{name: name, address: address, keys: keys{"AKID", "secret"}, process: command.Process}, c.Close()
		}
	}
	return nil, errors.Join(fmt.Errorf("%s does not answer at %s", name, address), command.Process.Kill())
}

// processor is the processor time that the rival has used.
// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
func (r *rival) processor() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // a hundredth of a second each
}

// memory is how many bytes of it are resident.
func (r *rival) memory() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", r.process.Pid))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// serveFloor reads requests and answers what never changes.
func serveFloor(ctx context.Context, address string) error {
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(canned)}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func canned(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	_, _ = io.WriteString(w, cannedReply(operation, bytes.Contains(body, []byte("MaxNumberOfMessages"))))
}
