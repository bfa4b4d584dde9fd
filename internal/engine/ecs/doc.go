// Package ecs is Amazon ECS on one machine: clusters, task definitions,
// services and tasks, with task scale-in protection.
//
// It owns which tasks there shall be and what state each is in. How a
// container comes to run is the runner's, how many tasks a service wants is
// said by whoever calls UpdateService, and where output goes is up to
// [Config.Logs].
//
// A task passes through ECS's own states
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html):
//
//	PROVISIONING ──► PENDING ──► ACTIVATING ──► RUNNING
//	     │ waits        │ containers   │            │
//	     │ for cores    │ start        ▼            ▼
//	     │ and memory   │          DEACTIVATING ◄───┘  wanted no longer, or an
//	     │              ▼              │               essential container ended
//	     │          STOPPING ◄─────────┘
//	     ▼              ▼ every container has ended
//	DEPROVISIONING ◄────┘
//	     ▼
//	  STOPPED, described for an hour
//
// A task is a value and each transition is a method that returns the next one
// (lifecycle.go). What a service's tasks should become is decided as a value
// too, from a census of them (rollout.go). One goroutine, [Service.Run], acts
// on that: it is woken by changes, decides for the services that changed,
// gives waiting tasks their place in the order in which they came, writes all
// of it in one commit, and only then starts and stops containers.
//
// It promises:
//   - A task whose protection was granted is not stopped by scale-in or by a
//     deployment before the protection ends: granting it and choosing what to
//     stop happen under one lock.
//   - Never more tasks of a service are wanted than its desired count, or
//     during a deployment maximumPercent of it, protected tasks apart.
//   - A deployment comes to its end on a full machine too: it then replaces
//     task by task, whatever minimumHealthyPercent says.
//   - A task larger than the machine runs alone, and a service event says so.
//   - When Run's context ends, every container has ended and every task is
//     recorded STOPPED before it returns. Tasks that a crash interrupted go on
//     at the next start where their containers do; others are recorded STOPPED
//     then, and services replace them.
//
// Tasks see the metadata and agent endpoints under [Service.AgentHandler], at
// addresses that cannot be guessed.
package ecs
