// Package delivery makes the calls that schedules and rules owe their targets.
//
// It owns a durable queue of calls, each an operation of a service with its
// input, and promises that one which is stored is made at least once: an engine
// that dies between a call and its record makes it again. What fails is tried
// again with growing pauses, within the limits of its policy; what fails for
// good, or because of the request itself, becomes a message of its dead-letter
// queue, or a line of the log.
//
//	put ──► waiting ──► attempt ──► delivered
//	           ▲           │
//	           └── failed ─┴─► dead letter
//
// Left to others: when calls are owed (package cron), what they say, and how a
// service is called (Config.Do).
package delivery
