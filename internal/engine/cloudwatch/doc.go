// Package cloudwatch is the embedded engine's Amazon CloudWatch: metrics,
// metric math and metric alarms.
//
// It promises that an alarm, its configuration and its state, is on disk when
// its request is answered, and that an alarm's actions are invoked as
// CloudWatch does: once when the state changes, and scaling actions once a
// minute for as long as the alarm stays in ALARM.
//
//	               ┌─ Collect (AWS/SQS …) ─┐
//	each minute ───┤                       ├─► rings ─► alarms ─► Act
//	               └─ PutMetricData ───────┘
//
// # Time
//
// Data points keep their true timestamps, and what clients read (GetMetricData,
// GetMetricStatistics) has true periods: 60 is a minute at every cadence. The
// cadence divides durations only where time makes something happen: metrics are
// collected and alarms evaluated every minute / Cadence, over periods of
// Period / Cadence. So at cadence 60 an alarm with a period of a minute looks
// at single seconds, each of which has one collected data point, while
// GetMetricData with a period of 60 still answers the maximum, sum or average
// of that minute; who wants to see each second asks for a period of 1.
//
// Collections happen on whole multiples of the interval and carry that time,
// so that each period has exactly one. The period that has just begun counts
// from its first data point on; until then the alarm's range ends before it.
//
// # What is kept
//
// Metric data lives in memory, the newest 4,096 data points of a metric, and is
// gone when the engine ends; so is the alarm history, of which the newest 1,000
// items are kept. Alarms, their tags and states live in the store.
//
// Left to others: what the actions do (the engine joins Act to Application Auto
// Scaling), and which metrics there are (Collect). Alarms have no percentiles,
// anomaly bands, composites or Metrics Insights queries; asking for one is a
// ValidationError.
package cloudwatch
