package runner

import "sync"

// cpuUnits is ECS's measure of one core.
const cpuUnits = 1024

// A Size is what a task takes of a machine.
type Size struct {
	CPU    int // CPU units, 1024 to a core
	Memory int // MiB
	GPUs   int
}

// A Capacity accounts for the cores, the memory and the GPUs of this machine. A task
// that does not fit waits; one larger than the whole machine is counted as the
// machine, so that it runs alone rather than never.
type Capacity struct {
	total Size

	mu   sync.Mutex
	free Size
}

// NewCapacity returns the capacity of a machine on which nothing runs.
func NewCapacity(total Size) *Capacity {
	return &Capacity{total: total, free: total}
}

// Total is what the machine has.
func (c *Capacity) Total() Size { return c.total }

// Reserve takes what a task needs, or reports that it does not fit now.
func (c *Capacity) Reserve(need Size) bool {
	need = c.capped(need)
	c.mu.Lock()
	defer c.mu.Unlock()
	if need.CPU > c.free.CPU || need.Memory > c.free.Memory || need.GPUs > c.free.GPUs {
		return false
	}
	c.free.CPU -= need.CPU
	c.free.Memory -= need.Memory
	c.free.GPUs -= need.GPUs
	return true
}

// Release gives back what Reserve took for the same need.
func (c *Capacity) Release(need Size) {
	need = c.capped(need)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free.CPU += need.CPU
	c.free.Memory += need.Memory
	c.free.GPUs += need.GPUs
}

func (c *Capacity) capped(need Size) Size {
	return Size{CPU: min(need.CPU, c.total.CPU), Memory: min(need.Memory, c.total.Memory), GPUs: min(need.GPUs, c.total.GPUs)}
}
