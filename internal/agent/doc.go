// Package agent is the worker: the process that stands in front of a job's
// command inside a task, takes messages from the stack's queue one at a time,
// and executes the command once for each.
//
// It owns everything between a message and its job's result: the hold on the
// message and on the task, the command's surroundings, the attempt's records,
// and the decision whether to try again. It promises that a job's result is
// recorded once, that a message is deleted only when its result is there (or
// needs none), and that nothing a job has started outlives it. How jobs are
// sent, and what becomes of their results, is left to package run.
//
//	           ┌───────────────────────── back, visible at once or later ──────────┐
//	           ▼                                                                   │
//	queue ─► receive ─► prepare ─► claim attempt ─► execute ─► record ─► result ─► delete
//	           │           ├─► has a result, is cancelled: delete, unrun
//	           │           ├─► attempts used up, lost, or unrecorded: record failed, delete
//	           │           └─► cannot be understood, or no protection: back
//	           └─► empty: give up protection, write done
//
// An attempt ends in one of these states:
//
//	exit 0               done         result, delete
//	exit 65              failed       for good
//	exit 75              interrupted  back later, without counting
//	any other, timeout   failed       back later while retries are left, then for good
//	no such command      failed       for good, with a shell's code 127 or 126
//	worker told to stop  interrupted  back at once, without counting
//	run cancelled        interrupted  delete
//	(start without end)  lost         three in a row: failed for good
//
// While the records of one job are written, the next message is already asked
// for; its job starts when the records of the one before are complete. Messages
// are deleted some at a time, within a fraction of a second.
//
// Messages that are not spate's have no records. Their failures count by the
// queue's own receive count, and one that fails for good is deleted and told in
// the log: left in the queue it would keep tasks running until it expired.
package agent
