// Package docker runs the containers of tasks on a Docker engine: Docker's own,
// or Podman's, which speaks the same API (1.41 and later).
//
// It owns how a container of a task becomes one of Docker's, how containers
// reach the engine of spate, and what an earlier engine left in Docker. It
// promises that a container is removed, with its output handed over, when
// [runner.Running] says that it has ended, and that its volumes are when its
// task is cleared.
//
//	Start ─► image there? ─no─► pull ─► create ─► attach ─► start ─► running
//	            └──────yes─────────────────┘                            │
//	                                                 remove ◄─ inspect ◄┴ ended
//
// Containers carry labels: whose they are (spate.owner), of which task
// (spate.task), and their own id (spate.container). By these an engine that
// comes after one that was killed finds them.
//
// # The worker
//
// A worker is the spate program of this machine, mounted read-only where no
// image has anything, in front of the image's own entry point:
//
//	Entrypoint  /.spate/worker agent -- <the definition's entryPoint, else the image's>
//	Cmd         <the definition's command, else the image's, which belongs to its entry point>
//
// An image that begins with a worker already, as those do that are made for AWS,
// keeps its own. It has a folder in a volume of its own, which anybody may write to: images
// have users without rights, no /tmp, and roots that are read-only.
//
// # The way to the engine
//
// Containers are on Docker's default bridge. Where that is an interface of this
// machine, the engine is asked to answer at its address too
// ([Config.Listen]); nothing wider. Elsewhere, on Docker Desktop and with
// rootless engines, containers reach it as host.docker.internal. What the
// engine's own address is for the machine's programs becomes that one in a
// container's variables and arguments. (A rootless engine lets containers reach
// the machine's loopback only where it was told to.)
package docker
