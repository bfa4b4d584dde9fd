package group

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// marked lists the processes whose environment has a variable that begins with
// prefix. Those of other users cannot be read, nor be ended.
func marked(prefix string) []int {
	want := []byte("\x00" + prefix)
	return processes(func(folder string) bool {
		environ, err := os.ReadFile(filepath.Join(folder, "environ"))
		return err == nil && bytes.Contains(append([]byte{0}, environ...), want)
	})
}

// processes lists this machine's processes, other than this one, for which
// match holds; it is handed the process's folder in /proc.
func processes(match func(folder string) bool) []int {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1) // what could be read
	var pids []int
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err == nil && pid != os.Getpid() && match(filepath.Join("/proc", name)) {
			pids = append(pids, pid)
		}
	}
	return pids
}
