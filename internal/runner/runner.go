package runner

import (
	"context"
	"io"
	"time"
)

// A Runner starts containers. Process and Docker are runners; one conformance
// suite holds for both.
type Runner interface {
	// Start starts a container and returns once its process exists. An error
	// says in ECS's words why it could not (CannotPullContainerError: …); it
	// becomes the task's stopped reason.
	Start(ctx context.Context, c Container) (Running, error)
}

// A Container is what a runner needs to start one container of a task.
type Container struct {
	// ID is unique on this engine: the task's id and the container's name.
	ID string
	// Task is the task's id; containers of one task share its volumes.
	Task string
	// Image is an image reference; for the process runner the absolute path of
	// the folder in which the command runs.
	Image string
	// Entrypoint and Command override the image's own where they are not nil.
	Entrypoint, Command []string
	// Worker says that the spate worker stands in front of the entry point
	// (the definition carries the label spate.worker).
	Worker bool
	// Env are the container's own variables, NAME=value, of the definition.
	Env []string
	// Engine are the variables by which AWS clients in the container reach the
	// engine (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID …). A worker gets them under
	// the prefix SPATE_, so that the job keeps the person's own AWS settings.
	Engine []string
	// WorkingDirectory overrides the image's own where it is not empty.
	WorkingDirectory string
	// StopTimeout is the time between SIGTERM and SIGKILL; 0 means 30 s.
	StopTimeout time.Duration
	// Stdout and Stderr take the container's output as it comes.
	Stdout, Stderr io.Writer

	Box
}

// A Keeper is a runner whose containers outlive the engine that started them.
type Keeper interface {
	Runner
	// Survivors returns the containers of earlier engines of the same owner,
	// those that have ended since among them.
	Survivors(ctx context.Context) ([]Survivor, error)
	// Adopt takes a survivor back. Its output is what it wrote from then on; all of
	// it where from is zero.
	Adopt(ctx context.Context, c Container, from time.Time) (Running, error)
	// Clear removes the volumes of a task, and what containers of it are left.
	Clear(ctx context.Context, task string) error
}

// A Running is a container that has started.
type Running interface {
	// Wait returns when the container has ended and all its output has been
	// written. It may be called more than once and from several goroutines.
	Wait() Exit
	// Stop asks the container to end (SIGTERM), ends it after its StopTimeout
	// (SIGKILL, and everything it started), and returns when it has ended.
	Stop()
	// PID is the process on this machine, or 0 where there is none.
	PID() int
}

// An Exit is how a container ended.
type Exit struct {
	// Code is the exit code; 128 + the signal's number where a signal ended it.
	Code int
	// Reason is ECS's container reason ("OutOfMemoryError: …"), often empty.
	Reason string
}
