// Package plan answers when a run is done and what it costs before it is sent:
// it simulates the template that the run would use, not a formula for it.
//
//	template ─► Read ─► Model ┐
//	jobs, durations ─► Load ──┼─► Simulate ─► Outcome ─┐ a seed each
//	AWS's figures ─► Cloud ───┘                        ├─► Study ─► quantiles
//	                                                   │      ├─► least max, cheapest size
//	prices ────────────────────────────────────────────┘      └─► comparison ─► report
//
// A simulation goes from event to event: a task is up, an attempt ends, a
// message becomes visible again, a minute is over. At each minute it takes the
// samples that SQS and ECS would send, evaluates the template's alarms on them
// and has its policies decide; that is the code of packages metric and scaling
// which the embedded engine runs too.
//
// It promises that the same question with the same seed has the same answer,
// and memory for the tasks and the messages that are in use, not for the jobs.
// A job takes equally long whatever the template, so that two of them can be
// compared seed by seed.
//
// Every figure of AWS's is in [Figures], every price in [Prices], each with its
// source. What a template has that is not simulated is an error, or one of the
// model's Notes; nothing is passed over.
//
// Left to others: reading job files and past runs, and showing tables (cli).
package plan
