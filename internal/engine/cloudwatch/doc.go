// Package cloudwatch is the embedded engine's Amazon CloudWatch: metrics,
// metric math and metric alarms.
//
// It promises that an alarm, its configuration and its state, and what clients
// put, is on disk when its request is answered, and that an alarm's actions are
// invoked as CloudWatch does: once when the state changes, and scaling actions
// once a minute for as long as the alarm stays in ALARM.
//
//	               ┌─ Collect (AWS/SQS …) ─┐
//	each minute ───┤                       ├─► tracks ─► alarms ─► Act
//	               └─ PutMetricData ───────┘     │
//	                                             └──► GetMetricData …
//
// # Time
//
// Data points keep their true timestamps, in whole seconds, and what clients
// read (GetMetricData, GetMetricStatistics) has true periods: 60 is a minute at
// every cadence. The cadence divides durations only where time makes something
// happen: metrics are collected and alarms evaluated every minute / Cadence,
// over periods of Period / Cadence. So at cadence 60 an alarm with a period of a
// minute looks at single seconds, each of which has one collected data point,
// while GetMetricData with a period of 60 still answers the maximum, sum or
// average of that minute; who wants to see each second asks for a period of 1.
// The ages at which data is put together are divided, too.
//
// Collections happen on whole multiples of the interval and carry that time,
// so that each period has exactly one. The period that has just begun counts
// from its first data point on; until then the alarm's range ends before it.
// Alarms with a period of less than a minute are evaluated every ten seconds /
// Cadence, but no period is shorter than a second.
//
// # What is kept
//
// A track is a metric; its lanes hold the data of one unit as runs of equal
// samples, so an idle queue takes no room. Collected data is written once a
// minute and when the engine ends: a crash loses no more of it. Data of less
// than a minute is there for 3 hours, of a minute for 15 days, of five minutes
// for 63 days and of an hour for 455 days, all divided by the cadence, but no
// data is gone before 15 days. The history of alarms has its newest 1,000 items.
//
// Left to others: arithmetic (package metric) and judgement (package scaling),
// what the actions do (the engine joins Act to Application Auto Scaling), and
// which metrics there are (Collect). Alarms have no anomaly bands, composites,
// warm-up, wall clock windows or Metrics Insights queries; asking for one is a
// ValidationError.
package cloudwatch
