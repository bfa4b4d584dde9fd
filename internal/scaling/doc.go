// Package scaling decides: whether an alarm is in ALARM, what a scaling policy
// makes of a breach, and which step tables bring a service from 0 to what a
// backlog needs and back. It is pure: no clock, no I/O, no state of its own.
// What happened before and what time it is are arguments, so the embedded
// engine and a simulator reach the same decisions.
//
// # Alarms
//
// [Alarm.Evaluate] follows CloudWatch's rules, missing data included:
//
//	              enough breaching data
//	      ┌─────────────────────────────────┐
//	      │                                 ▼
//	INSUFFICIENT_DATA ◄──── no data ────► ALARM
//	      ▲                                 │
//	      └── no data ──► OK ◄──────────────┘
//	                          not enough breaching data
//
// # Policies
//
// [Policy.Decide] turns a [Breach] into a capacity. A policy of the type
// ExactCapacity follows its alarm's direction: invoked by an alarm with > or >=
// it only ever raises the capacity, by one with < or <= it only lowers it. That
// is a field report, and in no AWS documentation; the tables of [Burst] are
// right either way. A [Tracking] decides for a policy that keeps a metric near
// a target; the thresholds and periods of its two alarms are here as well.
//
// # Burst
//
// [Burst] makes the two step tables of spate's own template. Their alarms are
// both in ALARM while 0 < outstanding < max, so the tables agree: what the one
// raises to, the other does not take away.
//
// Evaluating metrics (periods, statistics, metric math) and invoking actions
// is left to the callers.
package scaling
