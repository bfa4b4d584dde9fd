package runner

import (
	"testing"
	"testing/fstest"
)

func TestLimited(t *testing.T) {
	whole := Size{CPU: 8 * 1024, Memory: 16_000}
	tests := []struct {
		name  string
		files map[string]string
		want  Size
	}{
		{"no control groups", nil, whole},
		{"unlimited", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/cpu.max":    "max 100000\n",
			"sys/fs/cgroup/memory.max": "max\n",
		}, whole},
		{"of a group", map[string]string{
			"proc/self/cgroup":              "0::/app\n",
			"sys/fs/cgroup/app/cpu.max":     "150000 100000\n",
			"sys/fs/cgroup/app/memory.max":  "2147483648\n",
			"sys/fs/cgroup/app/cpu.weight":  "100\n",
			"sys/fs/cgroup/app/memory.high": "max\n",
		}, Size{CPU: 1536, Memory: 2048}},
		{"of a group's parent", map[string]string{
			"proc/self/cgroup":               "0::/a/b\n",
			"sys/fs/cgroup/a/cpu.max":        "50000 100000\n",
			"sys/fs/cgroup/a/b/cpu.max":      "max 100000\n",
			"sys/fs/cgroup/a/b/memory.max":   "1073741824\n",
			"sys/fs/cgroup/a/memory.max":     "2147483648\n",
			"sys/fs/cgroup/memory.something": "1\n",
		}, Size{CPU: 512, Memory: 1024}},
		{"version 1", map[string]string{
			"proc/self/cgroup":                           "3:cpu,cpuacct:/docker/x\n2:memory:/docker/x\n1:cpuset:/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "200000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":        "100000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
		}, Size{CPU: 2048, Memory: 512}},
		{"version 1, unlimited", map[string]string{
			"proc/self/cgroup":                           "3:cpu,cpuacct:/\n2:memory:/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":        "100000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, whole},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := fstest.MapFS{}
			for name, content := range test.files {
				root[name] = &fstest.MapFile{Data: []byte(content)}
			}
			if got := limited(root, whole); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestMemTotal(t *testing.T) {
	root := fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal:       24683520 kB\nMemFree: 1 kB\n")}}
	if got, want := memTotal(root), 24105; got != want {
		t.Errorf("got %d MiB, want %d", got, want)
	}
}

func TestMachineHasASize(t *testing.T) {
	got, err := Machine()
	if err != nil {
		t.Fatal(err)
	}
	if got.CPU < 1 || got.Memory < 64 {
		t.Errorf("got %+v, want a core's share and 64 MiB at least", got)
	}
}

func TestGPUsOfTheMachine(t *testing.T) {
	root := fstest.MapFS{
		"proc/driver/nvidia/gpus/0000:00:1e.0/information": {Data: []byte("Model: \t\t Tesla T4\nIRQ:   \t\t 33\nGPU UUID: \t GPU-fe0c\nBus Location: \t 0000:00:1e.0\n")},
		"proc/driver/nvidia/gpus/0000:00:1f.0/information": {Data: []byte("GPU UUID: \t GPU-fe0d\n")},
	}
	if got := gpus(root); len(got) != 2 || got[0] != "GPU-fe0c" || got[1] != "GPU-fe0d" {
		t.Errorf("got GPUs %q, want GPU-fe0c and GPU-fe0d", got)
	}
	if got := gpus(fstest.MapFS{}); got != nil {
		t.Errorf("got GPUs %q of a machine without the driver, want none", got)
	}
}
