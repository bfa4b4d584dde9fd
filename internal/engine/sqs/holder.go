package sqs

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// A holder is the task that a message was delivered to.
type holder struct {
	queue   *queue
	token   string // the session token of its credentials
	seconds int    // the visibility timeout that it asked for
}

// isTask says whether a session token is that of a task which ends with the
// engine.
func (s *Service) isTask(token string) bool {
	return s.tasks != "" && (token == s.tasks || strings.HasPrefix(token, s.tasks+"/"))
}

// holderOf is the task that receives messages, or none.
func (s *Service) holderOf(q *queue, r reception) holder {
	if s.tasks == "" || !strings.HasPrefix(r.token, s.tasks) {
		return holder{}
	}
	return holder{queue: q, token: r.token, seconds: r.visibility}
}

// lasting is a holder that outlives the engine, or none: what others hold is
// visible when it starts again, whoever they were.
func (s *Service) lasting(h holder) holder {
	if s.isTask(h.token) {
		return holder{}
	}
	return h
}

// String is a holder as the store has it; none is empty.
func (h holder) String() string {
	if h.token == "" {
		return ""
	}
	return strconv.Itoa(h.seconds) + " " + h.token
}

// recall remembers who held a message before the engine started. The caller
// holds mu.
func (s *Service) recall(q *queue, m *message, written string) {
	if m.visible() {
		return // they have held it
	}
	seconds, token, ok := strings.Cut(written, " ")
	n, err := strconv.Atoi(seconds)
	if ok && err == nil && s.tasks != "" && strings.HasPrefix(token, s.tasks) {
		s.holders[m] = holder{queue: q, token: token, seconds: n}
	}
}

// note remembers who holds a message that was just delivered. The caller holds
// mu.
func (s *Service) note(q *queue, m *message, r reception) {
	if h := s.holderOf(q, r); h.token != "" {
		s.holders[m] = h
		return
	}
	delete(s.holders, m)
}

// renewed takes note of a message's new visibility timeout. Who hides it for
// another time than it received it for has no use for it until then. The caller
// holds mu.
func (s *Service) renewed(m *message, seconds int) {
	if h, held := s.holders[m]; held && h.seconds != seconds {
		delete(s.holders, m)
	}
}

// HandBack makes visible what a task holds that has ended, by the change of
// visibility to 0 that it would have asked for. The task is told by the session
// token of its credentials, which begins with [Config.Tasks]; what has longer
// tokens, with a slash between, has ended with it.
func (s *Service) HandBack(ctx context.Context, token string) error {
	s.mu.Lock()
	held := map[*queue][]change{}
	for m, h := range s.holders {
		if h.token != token && !strings.HasPrefix(h.token, token+"/") {
			continue
		}
		delete(s.holders, m)
		if !m.visible() {
			receipt := handle{queue: h.queue.ID, message: m.id, received: m.received, uuid: m.uuid}
			held[h.queue] = append(held[h.queue], change{handle: receipt})
		}
	}
	s.mu.Unlock()
	var errs []error
	for q, changes := range held {
		_, err := s.changeVisibility(ctx, q, changes) // no fault: what is gone needs no change
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
