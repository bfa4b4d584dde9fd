// Package sns is the embedded engine's Simple Notification Service: topics,
// their subscriptions, and what is published to them.
//
//	Publish ─► topic ─► each subscription ─► filter ─┬─► sqs: sent before the reply
//	                                                 ├─► http on loopback: stored, then posted
//	                                                 └─► email, sms and the rest: a line of the log
//
// It promises that topics and subscriptions are on disk when their requests are
// answered; that a message whose publication is answered is in every queue that
// is subscribed, or in the subscription's dead-letter queue, or that the log
// says why not; and that a message for an HTTP endpoint survives the engine.
// Who publishes again because an answer was lost delivers again, as on AWS.
//
//	Subscribe ─► pending ── ConfirmSubscription ─► confirmed ── Unsubscribe ─► gone
//	    └── sqs, lambda, application, firehose, sms ──▲
//
// It posts to loopback addresses alone: the endpoints of a template that is
// tried out on this machine may be somebody's pager. It does not mail, send
// text messages or call functions; for those the log has the notice.
//
// Which messages of a FIFO topic came twice is known for five minutes, and
// forgotten when the engine ends. Policies, keys, delivery status logging and
// signatures of notices are kept without effect.
//
// It leaves to others: the queues (Config.Send), and which events are published
// (alarms by the engine, all else by clients).
package sns
