package logs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

const (
	// flushBytes is how much a writer holds before it writes by itself.
	flushBytes = 256 << 10
	// flushEvery is the longest that a line waits.
	flushEvery = time.Second
	// lineBytes is where longer lines are cut, as the awslogs driver does: an
	// event has at most 256 KiB.
	lineBytes = 256<<10 - eventBytes
)

// MakeGroup makes a group that is not there yet, as the awslogs driver does where
// it is told to (awslogs-create-group).
func (s *Service) MakeGroup(ctx context.Context, group string) error {
	_, err := s.createLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: &group})
	if fault, ok := errors.AsType[*wire.Fault](err); ok && fault.Code == "ResourceAlreadyExistsException" {
		return nil
	}
	return err
}

// Open makes a stream where it is not there yet, and returns the way into it, and
// the end of the millisecond in which its last line came; zero where there is none.
// A group that is not there is a fault.
func (s *Service) Open(ctx context.Context, group, stream string) (w io.WriteCloser, last time.Time, err error) {
	var written int64
	err = s.change(ctx, group, func(tx *store.Tx, id int64) error {
		found, err := streamID(tx, id, stream)
		if _, missing := errors.AsType[*wire.Fault](err); missing {
			_, err = makeStream(tx, id, stream)
			return err
		}
		if err != nil {
			return err
		}
		row, err := tx.QueryRow("SELECT last FROM logs_stream WHERE id = ?", found)
		if err != nil {
			return err
		}
		return row.Scan(&written)
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	if written > 0 {
		last = time.UnixMilli(written + 1)
	}
	return s.Writer(group, stream), last, nil
}

// Writer returns the way into a stream for what a container prints, as the
// awslogs driver provides it: each line becomes an event. A stream that is not there
// is made with the first of them. While the group does not exist lines are dropped,
// with one warning.
//
// Lines are written in batches, at the latest after a second and on Close.
// Write waits while a full batch is written, so that a flood of lines is held
// back by the disk and never in memory. It always succeeds: a container must
// not die of its logs. What could not be written is dropped and logged.
func (s *Service) Writer(group, stream string) io.WriteCloser {
	return &writer{service: s, group: group, stream: stream}
}

type writer struct {
	service       *Service
	group, stream string

	mu      sync.Mutex
	partial []byte // the beginning of a line
	batch   []event
	size    int         // of batch, in bytes
	last    int64       // time of the last line: a clock put back must not mix lines up
	timer   *time.Timer // runs while batch has lines
	warned  bool        // that the group does not exist
	closed  bool
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, io.ErrClosedPipe
	}
	for rest := p; len(rest) > 0; {
		take := min(len(rest), lineBytes-len(w.partial))
		end := bytes.IndexByte(rest[:take], '\n')
		if end >= 0 {
			take = end + 1
		}
		w.partial = append(w.partial, rest[:take]...)
		rest = rest[take:]
		if end >= 0 || len(w.partial) == lineBytes {
			w.line()
		}
	}
	return len(p), nil
}

// line adds the line that is complete to the batch.
func (w *writer) line() {
	text := strings.ToValidUTF8(string(bytes.TrimSuffix(w.partial, []byte("\n"))), "\uFFFD")
	w.partial = w.partial[:0]
	if text == "" {
		return // an event cannot be empty
	}
	w.last = max(w.last, millis(time.Now()))
	w.batch = append(w.batch, event{w.last, text})
	w.size += eventBytes + len(text)
	switch {
	case w.size >= flushBytes:
		w.flush()
	case len(w.batch) == 1:
		w.timer = time.AfterFunc(flushEvery, w.tick)
	}
}

func (w *writer) tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
}

func (w *writer) flush() {
	if w.timer != nil {
		w.timer.Stop()
	}
	if len(w.batch) == 0 {
		return
	}
	// A container's last lines are written also when all else has been told to end.
	err := w.service.write(context.Background(), w.group, w.stream, w.batch)
	if fault, ok := errors.AsType[*wire.Fault](err); ok && !w.warned {
		w.warned = true
		w.service.log.Warn("dropping log lines", "group", w.group, "stream", w.stream, "reason", fault.Message)
	} else if err != nil && !ok {
		w.service.log.Error("dropping log lines", "group", w.group, "stream", w.stream, "lines", len(w.batch), "error", err)
	}
	clear(w.batch)
	w.batch, w.size = w.batch[:0], 0
}

// Close writes what is left, a last line without its end too.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	w.line()
	w.flush()
	return nil
}

// write adds events to a stream, which it makes if need be.
func (s *Service) write(ctx context.Context, group, stream string, events []event) error {
	return s.change(ctx, group, func(tx *store.Tx, groupID int64) error {
		id, err := streamID(tx, groupID, stream)
		if _, missing := errors.AsType[*wire.Fault](err); missing {
			id, err = makeStream(tx, groupID, stream)
		}
		if err != nil {
			return err
		}
		return insert(tx, groupID, id, events, time.Now())
	})
}
