// Package events is the embedded engine's EventBridge: the rules of its default
// bus, and their targets.
//
// It promises that a rule and its targets are on disk when their request is
// answered, and that each occurrence of a rule's schedule calls each target at
// least once: what an occurrence owes is stored with it and stays until it is
// delivered (package delivery).
//
//	put ──► ENABLED ──► occurrence ──► a delivery for each target
//	   ▲  │                                └──► retries ──► dead-letter queue
//	   └─ DISABLED
//
// Schedules are in UTC and real time, whatever the cadence; the occurrences
// that were missed while the engine was down do not come again. Nothing emits
// events here, so rules with event patterns are kept and never match.
//
// Targets are queues of SQS and tasks of ECS, with a constant input or the
// event of the schedule. Rules may name any other target; the log says that it
// is not called.
//
// The shapes of the operations are here, since the SDK's package is that of all
// of EventBridge; a test holds them against it.
package events
