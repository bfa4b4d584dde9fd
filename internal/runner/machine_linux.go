package runner

import (
	"bufio"
	"io/fs"
	"iter"
	"math"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Machine tells the size of this machine, or of what the control groups that
// this process is in leave of it.
func Machine() (Size, error) {
	root := os.DirFS("/")
	return limited(root, Size{CPU: runtime.NumCPU() * cpuUnits, Memory: memTotal(root)}), nil
}

// GPUs are the ids of this machine's graphics processors, as NVIDIA's driver
// has them.
// https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html
func GPUs() []string { return gpus(os.DirFS("/")) }

func gpus(root fs.FS) []string {
	const dir = "proc/driver/nvidia/gpus"
	found, _ := fs.ReadDir(root, dir) // no folder: no driver
	var ids []string
	for _, device := range found {
		for line := range lines(root, path.Join(dir, device.Name(), "information")) {
			if id, ok := strings.CutPrefix(line, "GPU UUID:"); ok {
				ids = append(ids, strings.TrimSpace(id))
			}
		}
	}
	return ids
}

// limited returns what of a machine the control groups of this process leave
// to it. The file system is the machine's, from its root; where a limit cannot
// be read there is none.
func limited(root fs.FS, whole Size) Size {
	size := whole
	for line := range lines(root, "proc/self/cgroup") {
		// "hierarchy:controllers:path"; version 2 has hierarchy 0, no controllers.
		fields := strings.SplitN(line, ":", 3)
		if len(fields) != 3 {
			continue
		}
		for dir := path.Clean("/" + fields[2]); ; dir = path.Dir(dir) {
			size = atMost(size, groupLimit(root, fields[1], dir))
			if dir == "/" {
				break
			}
		}
	}
	return size
}

// groupLimit is the limit of one control group; a part that is not limited is
// as large as can be.
// https://docs.kernel.org/admin-guide/cgroup-v2.html
func groupLimit(root fs.FS, controllers, dir string) Size {
	limit := Size{CPU: math.MaxInt, Memory: math.MaxInt}
	names := strings.Split(controllers, ",")
	switch {
	case controllers == "":
		at := path.Join("sys/fs/cgroup", dir)
		quota, period, _ := strings.Cut(first(root, at+"/cpu.max"), " ")
		limit = Size{CPU: share(quota, period), Memory: mebibytes(first(root, at+"/memory.max"))}
	case slices.Contains(names, "cpu"):
		at := path.Join("sys/fs/cgroup/cpu", dir)
		limit.CPU = share(first(root, at+"/cpu.cfs_quota_us"), first(root, at+"/cpu.cfs_period_us"))
	case slices.Contains(names, "memory"):
		limit.Memory = mebibytes(first(root, path.Join("sys/fs/cgroup/memory", dir, "memory.limit_in_bytes")))
	}
	return limit
}

// share turns a quota of each period into CPU units.
func share(quota, period string) int {
	q, errQ := strconv.ParseFloat(quota, 64)
	p, errP := strconv.ParseFloat(period, 64)
	if errQ != nil || errP != nil || q <= 0 || p <= 0 {
		return math.MaxInt // "max", -1, or no such file
	}
	return max(1, int(q/p*cpuUnits))
}

func mebibytes(bytes string) int {
	n, err := strconv.ParseInt(bytes, 10, 64)
	if err != nil || n <= 0 {
		return math.MaxInt // "max", or no such file
	}
	return int(max(1, n>>20))
}

func atMost(a, b Size) Size {
	return Size{CPU: min(a.CPU, b.CPU), Memory: min(a.Memory, b.Memory)}
}

// memTotal is the machine's memory in MiB, 0 where it cannot be told.
func memTotal(root fs.FS) int {
	for line := range lines(root, "proc/meminfo") {
		if value, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, _ := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(value, "kB")))
			return kib >> 10
		}
	}
	return 0
}

// first is a file's first line, empty where there is no such file.
func first(root fs.FS, name string) string {
	for line := range lines(root, name) {
		return line
	}
	return ""
}

func lines(root fs.FS, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		f, err := root.Open(name)
		if err != nil {
			return
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if !yield(s.Text()) {
				return
			}
		}
	}
}
