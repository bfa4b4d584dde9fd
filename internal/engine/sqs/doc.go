// Package sqs is Amazon SQS: standard and FIFO queues, as the SQS API Reference and
// Developer Guide describe them
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/).
//
// It owns queues and messages. It promises that
//
//   - a reply is sent only when its change is on disk: sends, receptions
//     (receive count and visibility deadline), visibility changes, deletions.
//     A batch is one change;
//   - a message is with one receiver at a time, until its visibility timeout;
//   - a message taken for a client that has gone meanwhile is visible again at
//     once, as if it had not been received;
//   - so is one that a task of the engine's own held, which ended with the
//     engine, though its reception counts ([Config.Tasks]), and what the engine
//     hands back for a task that was killed ([Service.HandBack]);
//   - receivers that wait are served in the order they came, and no more of
//     them are woken than there are messages for;
//   - a standard queue gives from the message group that has the fewest messages
//     in flight. Beside that its order is first in, first out by the moment of
//     becoming visible, as far as the clock and concurrent commits allow. Nobody
//     may rely on it;
//   - a FIFO queue gives the messages of a group in the order of their sequence
//     numbers, which is that of their commits, and none that comes after one of
//     its group that is in flight. Who sends a message twice within five minutes is told of
//     the first one, after a restart too.
//
// What a message goes through:
//
//	SendMessage ──► delayed ──► ready ──► in flight ──► deleted
//	     └────────────────────────▲  ◄──────────┘
//	                              │   visibility timeout, or a change of it to 0
//	             retention over: expired, from everywhere
//	             received too often: ready in the dead-letter queue
//	             moved by a task: a new message, elsewhere
//
// While a commit is under way its messages are claimed: they are in no order,
// nobody else can take them, and counts show them in flight.
//
// Messages live in the store. Memory holds their order, about 130 bytes a
// message, and bodies up to a fixed budget; others are read when they are
// received.
//
// It leaves to others: wire protocols and signatures (wire), and CloudWatch's
// metrics, for which it counts ([Service.Counts]).
//
// Where it differs from AWS: Policy and the encryption attributes are kept and
// answered, and have no effect: there is one user, and the disk is theirs. The
// age of a dead letter counts from its sending, where CloudWatch counts from its
// move. FIFO queues are not throttled: FifoThroughputLimit is kept without
// effect, and a ReceiveRequestAttemptId is forgotten at a restart. A message move
// task without a rate moves as fast as the disk allows, one that is cancelled is
// so at once, and it ends when it has moved as many messages as were visible at
// its start; any number of them run at the same time, since AWS does not document
// with which error the 101st of an account is refused. A queue's bare name serves
// as its URL, whose host does not matter.
package sqs
