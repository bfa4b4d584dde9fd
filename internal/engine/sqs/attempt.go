package sqs

import "context"

// An attempt is a reception that its client may repeat, since the answer may not
// have reached it. It is remembered in memory only.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-receiverequestattemptid-request-parameter.html
type attempt struct {
	id    string
	at    int64 // Unix milliseconds: the first reception
	given []revision
}

// attempts are those of a queue.
type attempts struct {
	byID  map[string]*attempt
	inAge []*attempt // the oldest first
}

// note remembers what an attempt was given, and forgets attempts whose time is
// over.
func (a *attempts) note(made *attempt) {
	if a.byID == nil {
		a.byID = map[string]*attempt{}
	}
	a.forget(made.at)
	a.byID[made.id] = made
	a.inAge = append(a.inAge, made)
}

func (a *attempts) forget(now int64) {
	for len(a.inAge) > 0 && now-a.inAge[0].at >= dedupWindow.Milliseconds() {
		old := a.inAge[0]
		a.inAge = a.inAge[1:]
		if a.byID[old.id] == old {
			delete(a.byID, old.id)
		}
	}
}

// intact says whether all messages of an attempt are still in flight as it left
// them: only then it can be repeated.
func (a *attempt) intact(q *queue) bool {
	for _, g := range a.given {
		m := g.message
		if m.gone || m.in != &q.inFlight || m.received != g.received || m.due != g.due {
			return false
		}
	}
	return true
}

func checkAttempt(id *string, settings settings) error {
	switch {
	case id == nil:
		return nil
	case !settings.fifo:
		return invalidValue(*id, "ReceiveRequestAttemptId", wrongQueueType)
	case !groupID().MatchString(*id):
		return invalidValue(*id, "ReceiveRequestAttemptId",
			"ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	return nil
}

// repeat gives a client again what it has been given under the same id, and hides
// it for another visibility timeout. It returns nothing where there is nothing
// to repeat.
func (s *Service) repeat(ctx context.Context, q *queue, r reception) ([]received, error) {
	if r.attempt == nil {
		return nil, nil
	}
	s.mu.Lock()
	now := nowMilli()
	s.advance(q, now)
	q.attempts.forget(now)
	before := q.attempts.byID[*r.attempt]
	if before == nil || !before.intact(q) {
		s.mu.Unlock()
		return nil, nil
	}
	var claimed []*message
	for _, g := range before.given {
		q.claim(g.message)
		claimed = append(claimed, g.message)
	}
	s.mu.Unlock()
	r.again = before
	return s.deliver(ctx, q, r, claimed)
}
