// Package run sends runs and reads them back.
//
//	job + configurations ─► Submit ─► run record (S3) ─► messages (SQS) ─► kick (Application Auto Scaling)
//	                                       ▲
//	                     workers write results
//	                                       ▼
//	                  Follower ◄── listings, ECS ──► Results
//
// It promises that a run exists in the record before any of its messages does,
// that a client that dies while sending leaks no tasks, and that following a
// run costs listings, and a read for each job that runs long. It acts through AWS's APIs alone.
// What workers write is left to package agent.
package run
