// Package logs is the embedded engine's Amazon CloudWatch Logs: log groups,
// their streams and events, and the awslogs driver's way in ([Service.Writer]).
//
// It owns groups, streams and events, all of them rows of the store. It
// promises that events that were acknowledged are on disk and come back in the
// order of their timestamps, and those of one timestamp in the order they came.
// It leaves to others what awslogs leaves to its caller: which group and stream
// a container writes to.
//
// Deleting a group or a stream takes its name away at once; its events follow
// in the background, as do those that a retention policy has outlived:
//
//	event ──stream deleted──► unreachable ──Run──► gone
//	event ──older than its group's retention──Run, hourly──► gone
package logs
