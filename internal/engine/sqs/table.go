package sqs

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spate-run/spate/internal/store"
)

// A message's row never changes (save for a dead letter's move), so that a
// reception does not rewrite its body: what changes is in a small row beside it.
const schema = `
CREATE TABLE IF NOT EXISTS sqs_message (
	id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, uuid BLOB NOT NULL,
	sent INTEGER NOT NULL, due INTEGER NOT NULL, base INTEGER NOT NULL DEFAULT 0,
	source TEXT NOT NULL DEFAULT '', extra BLOB, body TEXT NOT NULL,
	grp TEXT NOT NULL DEFAULT '', dedup TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS sqs_delivery (
	id INTEGER PRIMARY KEY, due INTEGER NOT NULL, first INTEGER NOT NULL,
	taken INTEGER NOT NULL, received INTEGER NOT NULL, task INTEGER NOT NULL DEFAULT 0,
	holder TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS sqs_dedup (
	queue INTEGER NOT NULL, scope TEXT NOT NULL, id TEXT NOT NULL,
	at INTEGER NOT NULL, message INTEGER NOT NULL, uuid BLOB NOT NULL,
	PRIMARY KEY (queue, scope, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sqs_dedup_at ON sqs_dedup (at);
CREATE TABLE IF NOT EXISTS sqs_last (id INTEGER PRIMARY KEY, message INTEGER NOT NULL);`

// migrate makes the tables, and brings those of an older version up to date.
func (s *Service) migrate(ctx context.Context) error {
	if err := s.store.Migrate(ctx, schema); err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx *store.Tx) error {
		return errors.Join(
			addColumn(tx, "SELECT count(*) FROM pragma_table_info('sqs_delivery') WHERE name = 'task'",
				"ALTER TABLE sqs_delivery ADD COLUMN task INTEGER NOT NULL DEFAULT 0"),
			addColumn(tx, "SELECT count(*) FROM pragma_table_info('sqs_delivery') WHERE name = 'holder'",
				"ALTER TABLE sqs_delivery ADD COLUMN holder TEXT NOT NULL DEFAULT ''"),
			addColumn(tx, "SELECT count(*) FROM pragma_table_info('sqs_message') WHERE name = 'grp'",
				"ALTER TABLE sqs_message ADD COLUMN grp TEXT NOT NULL DEFAULT ''",
				"ALTER TABLE sqs_message ADD COLUMN dedup TEXT NOT NULL DEFAULT ''",
				`UPDATE sqs_message SET grp = json_extract(CAST(extra AS TEXT), '$.Group')
				WHERE json_extract(CAST(extra AS TEXT), '$.Group') IS NOT NULL`))
	})
}

// addColumn makes changes that bring a column into a table, unless it is there.
func addColumn(tx *store.Tx, count string, changes ...string) error {
	row, err := tx.QueryRow(count)
	if err != nil {
		return err
	}
	var there bool
	if err := row.Scan(&there); err != nil || there {
		return err
	}
	for _, change := range changes {
		if _, err := tx.Exec(change); err != nil {
			return err
		}
	}
	return nil
}

func insertMessage(tx *store.Tx, queue int64, group string, m *message) error {
	var encoded []byte
	if !m.payload.extra.empty() {
		var err error
		if encoded, err = json.Marshal(m.payload.extra); err != nil {
			return fmt.Errorf("encoding message attributes: %w", err)
		}
	}
	_, err := tx.Exec("INSERT INTO sqs_message (id, queue, uuid, sent, due, extra, body, grp, dedup) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		m.id, queue, m.uuid[:], m.sent, m.due, encoded, m.payload.body, group, m.payload.dedup)
	return err
}

func saveDelivery(tx *store.Tx, id int64, d delivery, h holder) error {
	_, err := tx.Exec("INSERT OR REPLACE INTO sqs_delivery (id, due, first, taken, received, task, holder) VALUES (?, ?, ?, ?, ?, ?, ?)",
		id, d.due, d.first, d.taken, d.received, d.task, h.String())
	return err
}

// moveMessage makes a message a dead letter of another queue.
func moveMessage(tx *store.Tx, queue int64, m *message, source string) error {
	if err := saveDelivery(tx, m.id, m.delivery, holder{}); err != nil {
		return err
	}
	_, err := tx.Exec("UPDATE sqs_message SET queue = ?, base = ?, source = ? WHERE id = ?", queue, m.base, source, m.id)
	return err
}

// moveInOrder makes a message of a FIFO queue a dead letter of another one, the
// last of its group.
func moveInOrder(tx *store.Tx, id, queue int64, m *message, source, dedup string) error {
	if _, err := tx.Exec("UPDATE sqs_delivery SET id = ?, due = ?, task = 0, holder = '' WHERE id = ?", m.id, m.due, id); err != nil {
		return err
	}
	_, err := tx.Exec("UPDATE sqs_message SET id = ?, queue = ?, sent = ?, due = ?, base = ?, source = ?, dedup = ? WHERE id = ?",
		m.id, queue, m.sent, m.due, m.base, source, dedup, id)
	return err
}

// carryMessage makes a message a new one, of another queue.
func carryMessage(tx *store.Tx, id, queue int64, m *message) error {
	if _, err := tx.Exec("DELETE FROM sqs_delivery WHERE id = ?", id); err != nil {
		return err
	}
	_, err := tx.Exec("UPDATE sqs_message SET id = ?, queue = ?, uuid = ?, sent = ?, due = ?, base = 0, source = '' WHERE id = ?",
		m.id, queue, m.uuid[:], m.sent, m.due, id)
	return err
}

// deleteMessages deletes messages, as many by one statement as a batch has.
func deleteMessages(tx *store.Tx, messages []*message) error {
	for some := range slices.Chunk(messages, maxBatch) {
		ids := make([]any, maxBatch)
		for i := range ids {
			ids[i] = some[min(i, len(some)-1)].id // the last one fills up
		}
		deliveries, rows := "DELETE FROM sqs_delivery WHERE id IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			"DELETE FROM sqs_message WHERE id IN (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		if len(some) == 1 {
			ids, deliveries, rows = ids[:1], "DELETE FROM sqs_delivery WHERE id = ?", "DELETE FROM sqs_message WHERE id = ?"
		}
		if _, err := tx.Exec(deliveries, ids...); err != nil {
			return err
		}
		if _, err := tx.Exec(rows, ids...); err != nil {
			return err
		}
	}
	return nil
}

// emptyQueue deletes all messages of a queue.
func emptyQueue(tx *store.Tx, queue int64) error {
	_, err := tx.Exec("DELETE FROM sqs_delivery WHERE id IN (SELECT id FROM sqs_message WHERE queue = ?)", queue)
	if err != nil {
		return err
	}
	_, err = tx.Exec("DELETE FROM sqs_message WHERE queue = ?", queue)
	return err
}

// readPayload reads what memory does not hold of a message.
func readPayload(tx *store.Tx, id int64) (*payload, error) {
	row, err := tx.QueryRow("SELECT body, extra, source, dedup FROM sqs_message WHERE id = ?", id)
	if err != nil {
		return nil, err
	}
	var p payload
	var encoded []byte
	if err := row.Scan(&p.body, &encoded, &p.source, &p.dedup); err != nil {
		return nil, fmt.Errorf("reading message %d: %w", id, err)
	}
	p.md5 = md5Text(p.body)
	if encoded != nil {
		if err := json.Unmarshal(encoded, &p.extra); err != nil {
			return nil, fmt.Errorf("reading attributes of message %d: %w", id, err)
		}
	}
	return &p, nil
}

// load reads queues, and all of their messages but the payloads.
func (s *Service) load(ctx context.Context) error {
	documents, err := s.table.All(ctx)
	if err != nil {
		return err
	}
	if s.deleted, err = s.graves.All(ctx); err != nil {
		return err
	}
	byID := map[int64]*queue{}
	for name, doc := range documents {
		q := newQueue(name, doc)
		s.queues[name], byID[doc.ID] = q, q
		s.lastQueue = max(s.lastQueue, doc.ID)
	}
	if err := s.loadMoves(ctx, byID); err != nil {
		return err
	}
	rows, err := s.store.Query(ctx, `
		SELECT m.id, m.queue, m.uuid, m.grp, m.sent, m.base, coalesce(d.due, m.due),
			coalesce(d.first, 0), coalesce(d.taken, 0), coalesce(d.received, 0), coalesce(d.task, 0), coalesce(d.holder, '')
		FROM sqs_message m LEFT JOIN sqs_delivery d ON d.id = m.id ORDER BY m.id`)
	if err != nil {
		return fmt.Errorf("reading messages: %w", err)
	}
	if err := errors.Join(s.loadMessages(rows, byID), rows.Close()); err != nil {
		return err
	}
	var last int64
	if err := s.store.QueryRow(ctx, "SELECT coalesce(max(message), 0) FROM sqs_last").Scan(&last); err != nil {
		return fmt.Errorf("reading the last sequence number: %w", err)
	}
	s.lastMessage = max(s.lastMessage, last)
	return nil
}

func (s *Service) loadMessages(rows *sql.Rows, byID map[int64]*queue) error {
	now := nowMilli()
	for rows.Next() {
		var m message
		var queue int64
		var id, group, held sql.RawBytes
		if err := rows.Scan(&m.id, &queue, &id, &group, &m.sent, &m.base, &m.due, &m.first, &m.taken, &m.received, &m.task, &held); err != nil {
			return fmt.Errorf("reading messages: %w", err)
		}
		copy(m.uuid[:], id)
		s.lastMessage = max(s.lastMessage, m.id)
		if m.task && s.tasks != "" {
			m.due = min(m.due, now) // its receiver has ended
		}
		q := byID[queue]
		if q == nil {
			continue
		}
		if q.fifo && m.received == m.base {
			m.due = m.sent + int64(q.delay)*1000 // the queue's, whenever it was set
		}
		s.add(q, string(group), &m, now)
		s.recall(q, &m, string(held))
	}
	return rows.Err()
}

// loadMoves reads the message move tasks. Those that were running go on.
func (s *Service) loadMoves(ctx context.Context, byID map[int64]*queue) error {
	tasks, err := s.moves.All(ctx)
	if err != nil {
		return err
	}
	for _, task := range tasks {
		if q := byID[task.Queue]; q != nil {
			task.pace.start(nowMilli())
			q.moves = append(q.moves, &task)
		}
	}
	for _, q := range byID {
		slices.SortFunc(q.moves, func(a, b *moveTask) int { return cmp.Compare(a.Number, b.Number) })
	}
	return nil
}
