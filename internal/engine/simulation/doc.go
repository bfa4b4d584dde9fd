// Package simulation holds tests alone: the services that make a stack scale,
// joined as the engine joins them, driven through hours of a virtual clock by
// what goes wrong in reality.
//
//	seed ─► plan: jobs, limit, faults
//	           │
//	        agenda ─► one driver ─► SQS, S3, ECS, the protection endpoint
//	                                 ▲        CloudWatch ─► Auto Scaling ─► ECS
//	                                 └─ workers ◄─ a machine in memory ◄─┘
//
// Workers are not internal/agent, which starts processes and would leave the
// bubble: they keep to its contract step by step. One driver does all that
// clients do, in the order of an agenda, and draws everything from the seed, so
// a seed that fails fails again:
//
//	go test ./internal/engine/simulation -run Seeds -seed 17
//
// What must hold, whatever happens: no message is lost, each job gets one
// result, never are there more tasks than the limit, no protected task is
// stopped by the service's scheduler, and once all is done there are 0 tasks.
package simulation
