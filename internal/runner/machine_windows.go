package runner

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

// GPUs are none: containers on this machine cannot have them.
func GPUs() []string { return nil }

// Machine tells the size of this machine.
// https://learn.microsoft.com/windows/win32/api/sysinfoapi/ns-sysinfoapi-memorystatusex
func Machine() (Size, error) {
	status := struct {
		Length, Load uint32
		Total        uint64
		_            [6]uint64
	}{}
	status.Length = uint32(unsafe.Sizeof(status))
	ask := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	if ok, _, err := ask.Call(uintptr(unsafe.Pointer(&status))); ok == 0 {
		return Size{}, fmt.Errorf("asking for this machine's memory: %w", err)
	}
	return Size{CPU: runtime.NumCPU() * cpuUnits, Memory: int(status.Total >> 20)}, nil
}
