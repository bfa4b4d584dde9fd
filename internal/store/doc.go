// Package store is the one durable store of the embedded engine: a SQLite
// database in write-ahead mode that one at a time writes to.
//
// It promises that when [Store.Update] returns nil its change is on disk, and
// stays there through kill -9 and power loss (WAL with synchronous=FULL, see
// https://www.sqlite.org/pragma.html#pragma_synchronous). Updates that wait at
// the same time share one transaction and so one fsync.
//
//	Update ─┐
//	Update ─┼─► the first leads ─► BEGIN, every waiting change, COMMIT ─► all answered
//	Update ─┘                 ▲                                        │
//	                          └── the first that has come since leads ─┘
//
// So a change that comes alone is committed without another goroutine.
//
// Services keep what they need for answering in memory, load it when they
// start, and write through. Documents go into a [Table]; what has to be read by
// range (log events, object listings) gets SQL tables of its own through
// [Store.Migrate]. What deletions free is used again, and goes back to the disk
// by [Store.Shrink].
package store
