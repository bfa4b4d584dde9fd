package client_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/spate-run/spate/internal/client"
)

func open(t *testing.T, home string, p client.Purpose) *client.Session {
	t.Helper()
	s, err := client.Local(t.Context(), home, p, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func answers(t *testing.T, s *client.Session) {
	t.Helper()
	if _, err := s.SQS.ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil {
		t.Errorf("the engine does not answer: %v", err)
	}
}

func TestAnEngineStaysUpWhileOthersUseIt(t *testing.T) {
	home := t.TempDir()
	own := open(t, home, client.Work)
	if shared, err := own.Shared(); shared || err != nil {
		t.Errorf("alone: got shared %t, %v", shared, err)
	}
	other := open(t, home, client.Work)
	if other.Own || other.Address != own.Address {
		t.Fatalf("got a second engine at %s, want the one at %s", other.Address.Endpoint, own.Address.Endpoint)
	}
	if shared, err := own.Shared(); !shared || err != nil {
		t.Errorf("with another: got shared %t, %v", shared, err)
	}

	waiting, closed := make(chan struct{}), make(chan error, 1)
	go func() { closed <- own.Close(context.Background(), func() { close(waiting) }) }()
	<-waiting
	answers(t, other)
	if other.Ended() {
		t.Error("the engine has ended under the other session")
	}
	if err := other.Close(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if !other.Ended() {
		t.Error("the engine runs on when nobody uses it")
	}
}

func TestCloseDoesNotWaitBeyondItsContext(t *testing.T) {
	home := t.TempDir()
	own, other := open(t, home, client.Work), open(t, home, client.Look)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := own.Close(ctx, func() {}); err != nil {
		t.Error(err)
	}
	if !other.Ended() {
		t.Error("the engine runs on")
	}
	if err := other.Close(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestWorkIsNotGivenToAnEngineThatOnlyShows(t *testing.T) {
	home := t.TempDir()
	quiet := open(t, home, client.Look)
	look := open(t, home, client.Look)
	if look.Own {
		t.Error("two that look use engines of their own")
	}
	if err := look.Close(t.Context(), nil); err != nil {
		t.Error(err)
	}
	work := make(chan *client.Session, 1)
	go func() {
		s, err := client.Local(context.Background(), home, client.Work, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Error(err)
		}
		work <- s
	}()
	if err := quiet.Close(t.Context(), func() {}); err != nil {
		t.Error(err)
	}
	s := <-work
	if s == nil || !s.Own || s.Address.Quiet {
		t.Fatalf("got %+v, want an engine of its own that works", s)
	}
	answers(t, s)
	if err := s.Close(t.Context(), func() {}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsLeftAloneNeedsAnEngineThatStays(t *testing.T) {
	home := t.TempDir()
	lonely := func() {
		t.Helper()
		_, err := client.Local(t.Context(), home, client.Leave, slog.New(slog.DiscardHandler))
		if _, ok := errors.AsType[*client.LonelyError](err); !ok {
			t.Errorf("got %v, want a LonelyError", err)
		}
	}
	lonely()
	own := open(t, home, client.Work)
	lonely()
	if err := own.Close(t.Context(), func() {}); err != nil {
		t.Error(err)
	}
}
