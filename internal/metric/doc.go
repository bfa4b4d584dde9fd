// Package metric computes: statistics of the values of a metric, and
// CloudWatch's metric math over time series. It is pure: no clock, no I/O, no
// SDK. Who calls it has the data, so the embedded engine and a simulator get the
// same numbers from the same template.
//
//	queries ─► Compile ─► Program ─► On(grid, load) ─► Evaluation ─► lines
//	                                        ▲
//	values ─► Sample ─► Statistic ──────────┘ one number a period
//
// A [Program] is parsed and checked once: what an expression can be (a number, a
// time series, an array of them) is known before there is data, so that an alarm
// that cannot work is refused when it is made. An [Evaluation] computes each
// query at most once, however many refer to it.
//
// Errors are worded as CloudWatch words them where that is known from a report,
// and name the expression: "Error in expression 'e1': Invalid syntax".
//
// Left to others: where data comes from, labels, limits of requests, and what an
// alarm makes of the result (package scaling). There is no SEARCH, no anomaly
// detection and no Metrics Insights; asking for one is an error that says so.
package metric
