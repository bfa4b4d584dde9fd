// Package autoscaling is the embedded engine's Application Auto Scaling:
// scalable targets, step and target tracking policies and scheduled actions for
// the desired count of ECS services.
//
//	alarm in ALARM ──► Invoke ──► policy ──────┐
//	scheduled action ──► min, max ─────────────┼─► SetCapacity ─► activity
//	RegisterScalableTarget ──► min, max ───────┘
//
// It promises that everything it answers is on disk: targets, policies,
// scheduled actions, cooldowns, and the newest 500 scaling activities. A change
// of a target's range moves the current capacity into it at once, whether it
// comes from RegisterScalableTarget or from a scheduled action. Of policies
// that are invoked at the same time, the one that asks for the largest capacity
// wins; policies that track a target scale in only when all of them would.
//
// # Alarms of policies
//
// A policy that tracks a target has alarms of its own in CloudWatch: AlarmHigh,
// and AlarmLow unless it never scales in. They are put before their policy is
// stored and deleted after it is, so an engine that dies between leaves alarms
// too many, never too few; Run deletes those that no policy has.
//
// # Time
//
// Cooldowns are divided by the cadence; scheduled actions fire at their true
// times. A one-time action whose time came while the engine was down fires when
// Run begins; the missed occurrences of a recurring one do not. A time that has
// passed already when its action is put never comes.
//
//	put ──► waiting ──► fired (at) or waiting for the next (rate, cron)
//	           └─ target deregistered, or action deleted ──► gone
//
// Left to others: deciding (package scaling), watching metrics and invoking
// policies (CloudWatch), and the services themselves (Capacity, SetCapacity).
// Predictive scaling is refused with a ValidationException, as is every
// namespace but ecs and the metric of a load balancer. Activities that did not
// scale are kept in memory alone.
package autoscaling
