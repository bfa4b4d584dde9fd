package runner

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// GPUs are none: containers on this machine cannot have them.
func GPUs() []string { return nil }

// Machine tells the size of this machine.
func Machine() (Size, error) {
	bytes, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return Size{}, fmt.Errorf("asking for this machine's memory: %w", err)
	}
	return Size{CPU: runtime.NumCPU() * cpuUnits, Memory: int(bytes >> 20)}, nil
}
