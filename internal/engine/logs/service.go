package logs

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// Times are Unix milliseconds. A stream's times are 0 while it has no events.
// Ids of groups and streams are never used again, so that events of a deleted
// one can wait for their removal.
const schema = `
CREATE TABLE IF NOT EXISTS logs_group (
	id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
	created INTEGER NOT NULL, retention INTEGER NOT NULL, class TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS logs_tag (
	grp INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (grp, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs_stream (
	id INTEGER PRIMARY KEY AUTOINCREMENT, grp INTEGER NOT NULL, name TEXT NOT NULL,
	created INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, ingested INTEGER NOT NULL,
	UNIQUE (grp, name)
);
CREATE INDEX IF NOT EXISTS logs_stream_last ON logs_stream (grp, last, name);
CREATE TABLE IF NOT EXISTS logs_event (
	id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, stream INTEGER NOT NULL,
	time INTEGER NOT NULL, ingested INTEGER NOT NULL, message TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS logs_event_stream ON logs_event (stream, time);
CREATE INDEX IF NOT EXISTS logs_event_group ON logs_event (grp, time);
CREATE TABLE IF NOT EXISTS logs_gone (stream INTEGER PRIMARY KEY);`

// Config says what a Service stands on. All fields are needed.
type Config struct {
	Store   *store.Store
	Account wire.Account
	Log     *slog.Logger
}

// A Service is CloudWatch Logs.
type Service struct {
	store   *store.Store
	account wire.Account
	log     *slog.Logger
	wire    *wire.Service
	gone    chan struct{} // wakes Run
}

// New opens the logs in the store.
func New(ctx context.Context, config Config) (*Service, error) {
	s := &Service{
		store: config.Store, account: config.Account, log: config.Log,
		wire: &wire.Service{Name: "logs", Target: "Logs_20140328", JSONVersion: "1.1", LowerCamel: true},
		gone: make(chan struct{}, 1),
	}
	if err := s.store.Migrate(ctx, schema); err != nil {
		return nil, fmt.Errorf("opening logs: %w", err)
	}
	wire.Handle(s.wire, s.createLogGroup)
	wire.Handle(s.wire, s.deleteLogGroup)
	wire.Handle(s.wire, s.describeLogGroups)
	wire.Handle(s.wire, s.putRetentionPolicy)
	wire.Handle(s.wire, s.deleteRetentionPolicy)
	wire.Handle(s.wire, s.tagResource)
	wire.Handle(s.wire, s.untagResource)
	wire.Handle(s.wire, s.listTagsForResource)
	wire.Handle(s.wire, s.createLogStream)
	wire.Handle(s.wire, s.deleteLogStream)
	wire.Handle(s.wire, s.describeLogStreams)
	wire.Handle(s.wire, s.putLogEvents)
	wire.Handle(s.wire, s.getLogEvents)
	wire.Handle(s.wire, s.filterLogEvents)
	return s, nil
}

// Wire is the service as wire serves it.
func (s *Service) Wire() *wire.Service { return s.wire }
