package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// writer is the only goroutine that writes. It ends when the store is closed
// and every change that was taken has been answered.
func (s *Store) writer() {
	defer close(s.done)
	for {
		select {
		case c := <-s.queue:
			s.commit(s.gather(c))
		case <-s.closed:
			if group := s.gather(nil); len(group) > 0 {
				s.commit(group)
				continue
			}
			return
		}
	}
}

// gather returns first, if there is one, and all changes that wait behind it.
func (s *Store) gather(first *change) []*change {
	var group []*change
	if first != nil {
		group = append(group, first)
	}
	for len(group) < groupLimit {
		select {
		case c := <-s.queue:
			group = append(group, c)
		default:
			return group
		}
	}
	return group
}

// commit makes the changes of a group durable with one fsync. When any of them
// fails it takes them one by one, so that each gets its own answer.
func (s *Store) commit(group []*change) {
	err := s.transact(group)
	if err != nil && len(group) > 1 {
		for _, c := range group {
			s.answer(c, s.transact([]*change{c}))
		}
		return
	}
	for _, c := range group {
		s.answer(c, err)
	}
}

func (s *Store) answer(c *change, err error) {
	c.err = err
	close(c.done)
}

func (s *Store) transact(group []*change) (err error) {
	// The writer outlives every caller's context: a commit is never cut short.
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
		if err := c.apply(tx); err != nil {
			return err
		}
	}
	_, err = tx.Exec("COMMIT")
	return err
}

// ignoreInactive drops the complaint that there is nothing to roll back: after
// a full disk or an I/O error SQLite has done so itself.
func ignoreInactive(err error) error {
	if err != nil && err.Error() == "SQL logic error: cannot rollback - no transaction is active (1)" {
		return nil
	}
	return err
}
