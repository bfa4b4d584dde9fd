package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// protectedFor is how long protection is asked for. It is renewed at half of
// that; longer protection can hold up CloudFormation.
const protectedFor = time.Hour

// A protection keeps ECS from scaling the task in while it has a job.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
//
//	idle ─ set ─► protected ─ renew, at half-life ─► protected ─ clear ─► idle
//	  └─ refused: the message goes back
type protection struct {
	uri    string // empty: there is nothing to protect from
	client *http.Client
	log    *slog.Logger

	mu      sync.Mutex
	renewAt time.Time // zero: not protected
}

// A refusedError reports that ECS does not protect the task now.
type refusedError struct{ code, message string }

func (e *refusedError) Error() string {
	return fmt.Sprintf("task protection was refused: %s: %s", e.code, e.message)
}

func newProtection(c Config) *protection {
	p := &protection{log: c.Log, client: &http.Client{Transport: &http.Transport{}, Timeout: 5 * time.Second}}
	if c.Agent != "" {
		p.uri = c.Agent + "/task-protection/v1/state"
	}
	return p
}

func (p *protection) close() { p.client.CloseIdleConnections() }

// on says whether the task is protected.
func (p *protection) on() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.renewAt.IsZero()
}

// set protects the task, unless it is protected. The error is a refusedError,
// or says why the agent did not answer.
func (p *protection) set(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.uri == "" || !p.renewAt.IsZero() {
		return nil
	}
	return p.put(ctx, true)
}

// renew prolongs protection from its half-life on.
func (p *protection) renew(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.renewAt.IsZero() || time.Now().Before(p.renewAt) {
		return nil
	}
	return p.put(ctx, true)
}

// clear gives protection up.
func (p *protection) clear(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.renewAt.IsZero() {
		return nil
	}
	return p.put(ctx, false)
}

// A protectionRequest and a protectionReply are the endpoint's bodies.
type protectionRequest struct {
	ProtectionEnabled bool
	ExpiresInMinutes  int `json:",omitempty"`
}

type protectionReply struct {
	Protection *struct{ ProtectionEnabled bool } `json:"protection"`
	Failure    *struct{ Detail, Reason string }  `json:"failure"`
	Error      *struct{ Code, Message string }   `json:"error"`
}

func (p *protection) put(ctx context.Context, enabled bool) error {
	want := protectionRequest{ProtectionEnabled: enabled}
	if enabled {
		want.ExpiresInMinutes = int(protectedFor.Minutes())
	}
	reply, err := p.call(ctx, want)
	switch {
	case err != nil:
		return fmt.Errorf("asking for task protection: %w", err)
	case reply.Failure != nil && reply.Failure.Reason == "TASK_NOT_VALID":
		// A task of no service: nothing scales it in.
		p.log.Debug("this task needs no protection", "detail", reply.Failure.Detail)
		p.uri = ""
		return nil
	case reply.Failure != nil:
		return &refusedError{reply.Failure.Reason, reply.Failure.Detail}
	case reply.Error != nil:
		return &refusedError{reply.Error.Code, reply.Error.Message}
	}
	p.renewAt = time.Time{}
	if enabled {
		p.renewAt = time.Now().Add(protectedFor / 2)
	}
	return nil
}

func (p *protection) call(ctx context.Context, want protectionRequest) (protectionReply, error) {
	var reply protectionReply
	body, err := json.Marshal(want)
	if err != nil {
		return reply, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, p.uri, bytes.NewReader(body))
	if err != nil {
		return reply, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return reply, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return reply, err
	}
	if err := json.Unmarshal(text, &reply); err != nil {
		return reply, fmt.Errorf("%s: %q", response.Status, text)
	}
	if reply.Protection == nil && reply.Failure == nil && reply.Error == nil {
		return reply, fmt.Errorf("%s: %q", response.Status, text)
	}
	return reply, nil
}
