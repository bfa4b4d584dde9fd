package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"

	"modernc.org/sqlite"
)

// A Tx is the transaction that a change is part of. It is valid only while the
// function it was given to runs.
type Tx struct {
	ctx   context.Context
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

// Exec runs one statement. Statements are prepared once and kept, so the query
// must be a constant of the program, with ? for its arguments.
func (tx *Tx) Exec(query string, args ...any) (sql.Result, error) {
	stmt, err := tx.prepare(query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(tx.ctx, args...)
}

// QueryRow reads at most one row as this transaction sees it.
func (tx *Tx) QueryRow(query string, args ...any) (*sql.Row, error) {
	stmt, err := tx.prepare(query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryRowContext(tx.ctx, args...), nil
}

func (tx *Tx) prepare(query string) (*sql.Stmt, error) {
	if stmt, ok := tx.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := tx.conn.PrepareContext(tx.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", query, err)
	}
	tx.stmts[query] = stmt
	return stmt, nil
}

// A change is one Update waiting for its commit.
type change struct {
	apply func(*Tx) error
	next  chan step
	err   error // once it is answered
}

// A step is what becomes of a change that waits.
type step int

const (
	answered step = iota
	lead
)

// lead commits what waits, at least the change of its caller, which came first.
// Then who has come first since leads.
func (s *Store) lead() {
	s.mu.Lock()
	group := s.waiting[:min(len(s.waiting), groupLimit)]
	s.waiting = s.waiting[len(group):]
	s.mu.Unlock()
	s.commit(group)
	for _, c := range group[1:] {
		c.next <- answered
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) > 0 {
		s.waiting[0].next <- lead
		return
	}
	s.led = false
	s.unled.Broadcast()
}

// commit makes the changes of a group durable with one fsync. When one of them
// fails it takes them one by one, so that each gets its own answer. When it is the
// transaction that fails they fail with it: a disk that has not taken them once is
// not asked again, since it may say yes to what it has lost.
func (s *Store) commit(group []*change) {
	err := s.transact(group)
	_, own := errors.AsType[*ownError](err)
	for i, c := range group {
		c.err = err
		if own && len(group) > 1 {
			c.err = s.transact(group[i : i+1])
		}
	}
}

// An ownError is one that a change has returned, and that says nothing about the
// others of its group.
type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }
func (e *ownError) Unwrap() error { return e.err }

func (s *Store) transact(group []*change) (err error) {
	// A commit is never cut short, whoever's context ends.
	tx := &Tx{ctx: context.Background(), conn: s.conn, stmts: s.stmts}
	if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, rollback := tx.Exec("ROLLBACK")
			err = errors.Join(err, ignoreInactive(rollback))
		}
	}()
	for _, c := range group {
		if err := c.run(tx); err != nil {
			return err
		}
	}
	_, err = tx.Exec("COMMIT")
	return err
}

// run applies the change. Its panic must not end the goroutine of another.
func (c *change) run(tx *Tx) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("changing the store: panic: %v\n%s", cause, debug.Stack())
		}
		if fault, ok := errors.AsType[*sqlite.Error](err); err != nil && (!ok || fault.Code()&primaryCodeMask != codeIO) {
			err = &ownError{err}
		}
	}()
	return c.apply(tx)
}

// ignoreInactive drops the complaint that there is nothing to roll back: after
// a full disk or an I/O error SQLite has done so itself.
func ignoreInactive(err error) error {
	if err != nil && err.Error() == "SQL logic error: cannot rollback - no transaction is active (1)" {
		return nil
	}
	return err
}
