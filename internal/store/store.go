package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync"

	_ "modernc.org/sqlite" // the driver named "sqlite"
)

// Format is the version of the home's layout that this program writes. A
// database with a higher one was written by a newer spate.
const Format = 1

// groupLimit bounds the changes of one transaction, and so the memory and the
// time that one commit can take.
const groupLimit = 512

// journalLimit has the log shortened that a long transaction has made large.
const journalLimit = "journal_size_limit(67108864)"

// ErrClosed is returned by every call after Close.
var ErrClosed = errors.New("store is closed")

// A NewerError reports a database that a newer version of spate wrote.
type NewerError struct {
	Path  string
	Found int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("it has format %d, and this spate knows formats up to %d", e.Found, Format)
}

// A Store is an open database. Its methods are safe for concurrent use.
type Store struct {
	read  *sql.DB
	reads sync.Map // of *sql.Stmt, by query
	write *sql.DB
	conn  *sql.Conn            // only who leads uses it
	stmts map[string]*sql.Stmt // and these

	mu      sync.Mutex
	waiting []*change // in the order they came
	led     bool      // one of them leads, or is about to
	closed  bool      // no further change is taken
	unled   sync.Cond // on mu: nobody leads any more
}

// Open opens the database file at path, and makes it if there is none. Close
// must be called.
func Open(ctx context.Context, path string) (*Store, error) {
	s := &Store{stmts: map[string]*sql.Stmt{}}
	s.unled.L = &s.mu
	if err := s.open(ctx, path); err != nil {
		s.closeFiles()
		return nil, fmt.Errorf("opening store %q: %w", path, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) (err error) {
	switch err := inspect(path); {
	case errors.Is(err, fs.ErrNotExist):
		err = create(ctx, path)
		if err != nil {
			return err
		}
	case err != nil:
		return err
	}
	// Nobody else reads it, wherever it is. It is not opened for that: closing it
	// would drop this process's locks. Its other files take over the mode.
	if err := os.Chmod(path, 0o600); err != nil {
		return err
	}
	if s.write, err = sql.Open("sqlite", dsn(path, "synchronous(FULL)")); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if s.conn, err = s.write.Conn(ctx); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", dsn(path, "query_only(1)")); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(4)
	return s.checkFormat(ctx, path)
}

func dsn(path, pragma string) string {
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "auto_vacuum(INCREMENTAL)", "journal_mode(WAL)", journalLimit, pragma}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + pragmas.Encode()
}

func (s *Store) checkFormat(ctx context.Context, path string) error {
	var found int
	if err := s.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&found); err != nil {
		return err
	}
	if found > Format {
		return &NewerError{Path: path, Found: found}
	}
	if found == Format {
		return allowShrinking(ctx, s.conn)
	}
	_, err := s.conn.ExecContext(ctx, fmt.Sprintf(`
		CREATE TABLE IF NOT EXISTS doc (
			kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
			PRIMARY KEY (kind, key)
		) WITHOUT ROWID;
		PRAGMA user_version = %d;`, Format))
	return err
}

// Migrate runs statements that must be harmless when run again (CREATE TABLE
// IF NOT EXISTS …). Services call it once, before they serve.
func (s *Store) Migrate(ctx context.Context, statements string) error {
	return s.Update(ctx, func(tx *Tx) error {
		_, err := tx.conn.ExecContext(tx.ctx, statements)
		return err
	})
}

// Update applies a change and returns when it is on disk. When apply or the
// commit fails nothing of the change remains.
//
// The changes of other callers may share the transaction. When one of them
// fails they are all rolled back and each is applied once more on its own, so
// apply may run twice and must set its results anew each time. When the disk fails
// they all do. Everybody waits
// for it, on whose goroutine it may run: it must be quick, and must not call
// Update. One that panics fails.
//
// A context that ends while the change waits for its turn does not stop it:
// the caller learns whether the change was made.
func (s *Store) Update(ctx context.Context, apply func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &change{apply: apply, next: make(chan step, 1)}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	s.waiting = append(s.waiting, c)
	first := !s.led
	s.led = true
	s.mu.Unlock()
	if first || <-c.next == lead {
		s.lead()
	}
	return c.err
}

// Query reads what has been committed. The caller closes the rows. Statements
// are prepared once and kept, so there must be few different queries: values
// are arguments.
func (s *Store) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// QueryRow reads at most one row of what has been committed. Its statement is
// kept as Query's is.
func (s *Store) QueryRow(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := s.prepare(ctx, query)
	if err != nil { // which only a row can tell
		return s.read.QueryRowContext(ctx, query, args...)
	}
	return stmt.QueryRowContext(ctx, args...)
}

func (s *Store) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if kept, ok := s.reads.Load(query); ok {
		return kept.(*sql.Stmt), nil
	}
	stmt, err := s.read.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", query, err)
	}
	if kept, raced := s.reads.LoadOrStore(query, stmt); raced {
		return kept.(*sql.Stmt), stmt.Close()
	}
	return stmt, nil
}

// Close commits the changes that wait, and closes the database. Changes that
// come later get ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for s.led {
		s.unled.Wait()
	}
	return s.closeFiles()
}

func (s *Store) closeFiles() error {
	var errs []error
	for _, stmt := range s.stmts {
		errs = append(errs, stmt.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
