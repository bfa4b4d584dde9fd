// Package runner starts the containers of tasks on this machine and accounts
// for its cores and memory.
//
// It owns what happens between "start this container" and "it ended with this
// code, and nothing of it is left". It promises that whatever a container
// started ends with it, and that its output has been handed over when
// [Running.Wait] returns. When tasks start, and what their end means, is left
// to the ECS service.
//
//	Start ─► running ─► ended ─► Wait returns
//	   │        │ Stop: SIGTERM, StopTimeout, SIGKILL
//	   └─► error: CannotPullContainerError, CannotStartContainerError …
//
// A runner is one way of doing it: [Process] takes a folder for an image and a
// process group for a container, and does without a [Box]; package docker has
// containers. The suite in runnertest holds for all.
package runner
