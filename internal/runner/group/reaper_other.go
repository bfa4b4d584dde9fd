//go:build !linux

package group

import "os/exec"

// awaitExit returns when a command has ended; there is no way here to leave it
// to be collected.
func awaitExit(cmd *exec.Cmd) { _ = cmd.Wait() }

// A Reaper does nothing here: only Linux gives a process the strays of its
// children.
type Reaper struct{}

// NewReaper returns nil, which is a Reaper that does nothing.
func NewReaper() (*Reaper, error) { return nil, nil }

func (*Reaper) start(cmd *exec.Cmd) error { return cmd.Start() }

func (*Reaper) forget(int) {}

// Close does nothing.
func (*Reaper) Close() {}
