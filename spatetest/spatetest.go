package spatetest

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/spate-run/spate/internal/engine"
)

// An Engine is what a test has of AWS.
type Engine struct {
	// Config is for the SDK's clients. Clients of S3 need UsePathStyle as well.
	Config aws.Config
	// Endpoint is the base URL of all services.
	Endpoint string
	address  engine.Address
}

// Environ returns the variables by which AWS's SDKs and its command reach the
// engine, as NAME=value.
func (e *Engine) Environ() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + e.Endpoint,
		"AWS_REGION=" + e.address.Region,
		"AWS_DEFAULT_REGION=" + e.address.Region,
		"AWS_ACCESS_KEY_ID=" + e.address.Keys.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + e.address.Keys.SecretAccessKey,
	}
}

// Start runs an engine until the test has ended. Alarm periods and cooldowns are
// a sixtieth of AWS's. What the engine has to say is shown with a test that failed.
//
// Services of stacks run their tasks as processes, of which those that work
// through a queue for spate need the program spate in PATH.
func Start(t testing.TB) *Engine {
	t.Helper()
	home, err := os.MkdirTemp("", "spate-test-*") // not TempDir: its names are too long for sockets
	if err != nil {
		t.Fatalf("making a home for the engine: %v", err)
	}
	worker, _ := exec.LookPath("spate") // "" is this program
	said := &log{}
	e, err := engine.Open(t.Context(), engine.Config{
		Home: home, Cadence: engine.FastCadence, Worker: worker, Log: slog.New(slog.NewTextHandler(said, nil)),
	})
	if err != nil {
		t.Fatalf("opening the engine: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the engine ended with %v", err)
		}
		if err := os.RemoveAll(home); err != nil {
			t.Errorf("removing the engine's home: %v", err)
		}
		if t.Failed() && said.text.Len() > 0 {
			t.Logf("the engine said:\n%s", said.text.String())
		}
	})
	at := e.Address()
	return &Engine{
		Config: aws.Config{
			Region:       at.Region,
			BaseEndpoint: &at.Endpoint,
			Credentials:  credentials.NewStaticCredentialsProvider(at.Keys.AccessKeyID, at.Keys.SecretAccessKey, ""),
		},
		Endpoint: at.Endpoint,
		address:  at,
	}
}

// A log keeps what an engine says until its test is over.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}
