// Package cloudformation is the engine's CloudFormation: it makes, changes and
// deletes the resources of stacks.
//
// It owns stacks, their resources as a template declares them, and their
// events. Resources themselves belong to other services: a stack makes them
// through the services' APIs, as AWS does, so that a queue of a stack is a queue
// like any other. Types that the embedded engine has no service for are inert:
// kept, referable, and without effect ([ResourceTypes] lists them). What
// templates mean is left to package template.
//
// # Operations
//
// A stack has one operation at a time, which Run carries out in the
// background. Its phase is the stack's status, and nothing else:
//
//	CreateChangeSet ─► REVIEW_IN_PROGRESS ─ ExecuteChangeSet ─┐
//	CreateStack ─► CREATE_IN_PROGRESS ◄───────────────────────┘
//	                 ├─► CREATE_COMPLETE
//	                 │ a resource failed
//	                 ├─► ROLLBACK_IN_PROGRESS ──► ROLLBACK_COMPLETE | ROLLBACK_FAILED
//	                 ├─► CREATE_FAILED        (DisableRollback, OnFailure DO_NOTHING)
//	                 │     ├─ RollbackStack ─► ROLLBACK_IN_PROGRESS
//	                 │     └─ UpdateStack ──► UPDATE_IN_PROGRESS, whose rollback is ROLLBACK_IN_PROGRESS
//	                 └─► DELETE_IN_PROGRESS   (OnFailure DELETE)
//
//	UpdateStack, ExecuteChangeSet
//	  └─► UPDATE_IN_PROGRESS ──► UPDATE_COMPLETE_CLEANUP_IN_PROGRESS ──► UPDATE_COMPLETE
//	        │ a resource failed, or CancelUpdateStack
//	        ├─► UPDATE_FAILED         (DisableRollback)
//	        │     ├─ RollbackStack ─► UPDATE_ROLLBACK_IN_PROGRESS
//	        │     └─ UpdateStack ──► UPDATE_IN_PROGRESS
//	        └─► UPDATE_ROLLBACK_IN_PROGRESS ◄──── ContinueUpdateRollback ─┐
//	              ├─► UPDATE_ROLLBACK_FAILED ─────────────────────────────┘
//	              └─► UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS ──► UPDATE_ROLLBACK_COMPLETE
//
//	DeleteStack ─► DELETE_IN_PROGRESS ──► DELETE_COMPLETE | DELETE_FAILED
//
// A stack whose creation or rollback is under way can be deleted; every other
// status in progress refuses what would change the stack.
//
// Resources are made in the order of their dependencies and as many at a time
// as that allows; they are deleted the other way round. An update compares
// what a resource's properties come to with what they were. Where AWS replaces
// a resource its successor is made first, and it goes in the cleanup.
//
// # Change sets
//
// A change set is a plan: what an update would do, worked out from the template
// and from what is known of the resources before anything is done. It is there
// at once, and its execution is an operation like any other:
//
//	CreateChangeSet ─► AVAILABLE ── ExecuteChangeSet ──► EXECUTE_IN_PROGRESS ──► EXECUTE_COMPLETE | EXECUTE_FAILED
//	      │                └─ the stack is created or updated otherwise ──► OBSOLETE
//	      └─► UNAVAILABLE (FAILED: there is nothing to change)
//
// The execution of one, and the deletion of the stack, delete the others. An
// executed one stays, for those who know its id.
//
// # Durability
//
// What an operation is about to do to a resource is on disk before it is done,
// and what came of it before anything builds on it. When the engine ends during
// an operation, the next one takes it up: a creation is rolled back (or left
// CREATE_FAILED, or deleted, as its OnFailure says), an update is rolled back,
// and rollbacks, cleanups and deletions go on where they stood. A resource of
// which only the intention was known is deleted by the name that was made up
// for it; one that the template names is left alone, for it may be another's.
//
// Deleted stacks are remembered for 90 days.
//
// # Differences from AWS
//
//   - There are no stack policies (a request with one is refused), imports,
//     nested stacks, macros, drift detection or stack sets.
//   - RoleARN, NotificationARNs, rollback triggers and deployment
//     configurations are taken and do nothing. Only IAM resources need a
//     capability.
//   - The properties of inert types are not checked. Resources do not get the
//     tags aws:cloudformation:*, and inert ones ignore all tags.
//   - A resource type that does not exist fails its resource, not the request.
//   - Change sets are there when CreateChangeSet answers. Their details name
//     properties and not what is inside them, and tell what another condition
//     brings about as a change of the template itself.
//   - DescribeStacks waits up to a second for the operation of the stack that
//     it is asked about: clients look again only many seconds later.
package cloudformation
