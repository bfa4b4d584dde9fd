//go:build unix

package measure

import (
	"os"
	"runtime"
	"syscall"
)

// MostMemory is the most that a process, or one of those it waited for, held
// of memory, in bytes.
func MostMemory(p *os.ProcessState) int64 {
	usage := p.SysUsage().(*syscall.Rusage)
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss << 10
}
