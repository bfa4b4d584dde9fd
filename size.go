package spate

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spate-run/spate/internal/job"
)

// The ephemeral storage, in GiB, that every Fargate task has, and the most that
// one can; a task definition may only ask for more than the former.
const (
	freeStorage = 20
	mostStorage = 200
)

// A fargateSize is a number of vCPU and the memory, in MiB, that Fargate has
// with it.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
type fargateSize struct {
	cpu             float64
	least, most, by int
}

// fargateSizes are in order. A quarter vCPU has 512, 1024 and 2048 MiB.
var fargateSizes = []fargateSize{
	{cpu: .25, least: 512, most: 2048},
	{cpu: .5, least: 1024, most: 4096, by: 1024},
	{cpu: 1, least: 2048, most: 8192, by: 1024},
	{cpu: 2, least: 4096, most: 16384, by: 1024},
	{cpu: 4, least: 8192, most: 30720, by: 1024},
	{cpu: 8, least: 16384, most: 61440, by: 4096},
	{cpu: 16, least: 32768, most: 122880, by: 8192},
}

// memory rounds MiB, at most the most, up to what Fargate has with the vCPU.
func (f fargateSize) memory(mib int) int {
	if mib <= f.least {
		return f.least
	}
	if f.by == 0 {
		size := f.least
		for size < mib {
			size *= 2
		}
		return size
	}
	return f.least + (mib-f.least+f.by-1)/f.by*f.by
}

// units is the size's CPU as a task definition writes it.
func (f fargateSize) units() string { return strconv.Itoa(f.cpuUnits()) }

func (f fargateSize) cpuUnits() int { return int(f.cpu * 1024) }

func (f fargateSize) String() string { return strconv.FormatFloat(f.cpu, 'g', -1, 64) + " vCPU" }

// fargate rounds what a job asks for up to what Fargate has.
func fargate(cpu float64, memory job.Bytes) (units, mib string, err error) {
	i := slices.IndexFunc(fargateSizes, func(f fargateSize) bool { return f.cpu >= cpu })
	if i < 0 {
		return "", "", Problem{Where: "cpu", Fact: fmt.Sprintf("Fargate has no %v vCPU", cpu), Hint: "cpu: 16 is the most"}
	}
	size := fargateSizes[i]
	if memory.MiB() > size.most {
		return "", "", tooMuchMemory(size, memory)
	}
	return size.units(), strconv.Itoa(size.memory(memory.MiB())), nil
}

// tooMuchMemory names the nearest sizes: less memory, or more vCPU.
func tooMuchMemory(size fargateSize, memory job.Bytes) error {
	problem := Problem{
		Where: "memory",
		Fact:  fmt.Sprintf("Fargate has at most %d MiB with %s, not %d MiB", size.most, size, memory.MiB()),
		Hint:  fmt.Sprintf("memory: %dGiB", size.most/1024),
	}
	i := slices.IndexFunc(fargateSizes, func(f fargateSize) bool { return f.most >= memory.MiB() })
	if i >= 0 {
		larger := fargateSizes[i]
		problem.Hint += fmt.Sprintf(", or cpu: %v with memory: %dGiB", larger.cpu, larger.memory(memory.MiB())/1024)
	}
	return problem
}

// exactFargate checks the size that a task definition asks for, and fills in
// what is left out: the least that Fargate has with the rest.
func (s *Stack) exactFargate(owner logicalID, p FargateTaskDefinitionProps) (units, mib int) {
	units, mib = p.CPU, p.MemoryLimitMiB
	if units == 0 {
		i := slices.IndexFunc(fargateSizes, func(f fargateSize) bool { return f.most >= mib })
		units = fargateSizes[max(i, 0)].cpuUnits()
	}
	i := slices.IndexFunc(fargateSizes, func(f fargateSize) bool { return f.cpuUnits() == units })
	if i < 0 {
		s.at(owner, "CPU").problem("256, 512, 1024, 2048, 4096, 8192 or 16384", "Fargate has no %d units of CPU", units)
		return units, mib
	}
	size := fargateSizes[i]
	if mib == 0 {
		mib = size.least
	}
	if p.RuntimePlatform.windows() && (size.cpu < 1 || size.cpu > 4) {
		s.at(owner, "CPU").problem("1024, 2048 or 4096", "Fargate has Windows with 1, 2 and 4 vCPU, not %s", size)
	}
	switch near := size.memory(min(mib, size.most)); {
	case mib > size.most:
		hint := fmt.Sprintf("MemoryLimitMiB: %d", size.most)
		if j := slices.IndexFunc(fargateSizes, func(f fargateSize) bool { return f.most >= mib }); j >= 0 {
			hint += fmt.Sprintf(", or CPU: %d with MemoryLimitMiB: %d", fargateSizes[j].cpuUnits(), fargateSizes[j].memory(mib))
		}
		s.at(owner, "MemoryLimitMiB").problem(hint, "Fargate has at most %d MiB with %s, not %d MiB", size.most, size, mib)
	case near != mib:
		s.at(owner, "MemoryLimitMiB").problem(fmt.Sprintf("MemoryLimitMiB: %d", near), "Fargate has no %d MiB with %s", mib, size)
	}
	return units, mib
}
