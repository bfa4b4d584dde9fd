// Package scheduler is the embedded engine's EventBridge Scheduler: schedules
// and their groups.
//
// It promises that a schedule is on disk when its request is answered, and that
// each of its occurrences calls its target at least once: the occurrence and
// the call that it owes are stored in one step, and the call stays until it is
// made (package delivery). A target may be called twice, as by AWS; its input
// can name the occasion, <aws.scheduler.scheduled-time>.
//
//	              ┌──── next occurrence (rate, cron) ───┐
//	put ──► ENABLED ──► occurrence ──► delivery ──► target
//	   ▲  │             │ the last one: kept, or deleted (ActionAfterCompletion)
//	   └─ DISABLED      └──► retries ──► dead-letter queue
//
// # Time
//
// Time is real at every cadence. Occurrences come at their second, where AWS
// promises their minute; a flexible window moves each by a random while. A
// one-time schedule whose time came while the engine was down fires when Run
// begins; the missed occurrences of a recurring one do not.
//
// # Targets
//
// Queues of SQS, tasks of ECS, and universal targets for the operations that
// the engine has. Schedules may name any other target; the log says that it is
// not called. Roles and keys are kept without effect.
package scheduler
