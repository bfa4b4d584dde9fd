package ecs

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/spate-run/spate/internal/wire"
)

// validateDefinition checks a task definition as RegisterTaskDefinition does,
// and answers the first thing that is wrong with it.
func validateDefinition(in *ecs.RegisterTaskDefinitionInput) error {
	if aws.ToString(in.Family) == "" {
		return wire.Faultf("ClientException", "Family should not be null or empty.")
	}
	if !validName().MatchString(*in.Family) {
		return wire.Faultf("ClientException", "Family contains invalid characters.")
	}
	if err := validateSizes(in); err != nil {
		return err
	}
	if len(in.ContainerDefinitions) == 0 {
		return wire.Faultf("ClientException", "Container list cannot be empty.")
	}
	for _, c := range in.ContainerDefinitions {
		if err := validateContainer(in, c); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(in.ContainerDefinitions, essential) {
		return wire.Faultf("ClientException", "A task definition must have at least one essential container.")
	}
	if err := validateDependencies(in.ContainerDefinitions); err != nil {
		return err
	}
	if slices.Contains(in.RequiresCompatibilities, types.CompatibilityFargate) {
		return fargateFault(in)
	}
	return nil
}

func essential(c types.ContainerDefinition) bool {
	return c.Essential == nil || *c.Essential
}

func validateSizes(in *ecs.RegisterTaskDefinitionInput) error {
	if in.Cpu != nil {
		if n, ok := cpuUnits(*in.Cpu); !ok || n < 128 {
			return wire.Faultf("ClientException", "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.")
		}
	}
	if in.Memory != nil {
		if n, ok := memoryMiB(*in.Memory); !ok || n < 4 {
			return wire.Faultf("ClientException", "Invalid 'memory' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.")
		}
	}
	return nil
}

// cpuUnits reads a task's cpu: "1024" units, or "1 vCPU".
func cpuUnits(size string) (int, bool) { return units(size, "vcpu") }

// memoryMiB reads a task's memory: "2048" MiB, or "2 GB".
func memoryMiB(size string) (int, bool) { return units(size, "gb") }

// units reads a whole number, or a number of units worth 1024 each.
func units(size, unit string) (int, bool) {
	large, ok := strings.CutSuffix(strings.ToLower(strings.TrimSpace(size)), unit)
	if !ok {
		n, err := strconv.Atoi(strings.TrimSpace(size))
		return n, err == nil
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(large), 64)
	if err != nil || n < 0 || n > 1<<20 {
		return 0, false
	}
	return int(math.Round(n * 1024)), true
}

func validateContainer(in *ecs.RegisterTaskDefinitionInput, c types.ContainerDefinition) error {
	name := aws.ToString(c.Name)
	memory, reservation := aws.ToInt32(c.Memory), aws.ToInt32(c.MemoryReservation)
	switch {
	case name == "":
		return wire.Faultf("ClientException", "Container.name should not be null or empty.")
	case !validName().MatchString(name):
		return wire.Faultf("ClientException", "Container.name contains invalid characters.")
	case count(in.ContainerDefinitions, name) > 1:
		return wire.Faultf("ClientException", "Container.name must be unique within a task definition: '%s'.", name)
	case aws.ToString(c.Image) == "":
		return wire.Faultf("ClientException", "Container.image should not be null or empty.")
	case in.Memory == nil && memory == 0 && reservation == 0:
		return wire.Faultf("ClientException", "Invalid setting for container '%s'. At least one of 'memory' or 'memoryReservation' must be specified.", name)
	case memory > 0 && memory < reservation:
		return wire.Faultf("ClientException", "Invalid setting for container '%s'. The 'memory' setting must be greater than or equal to the 'memoryReservation' setting.", name)
	}
	if err := validatePorts(in.NetworkMode, c); err != nil {
		return err
	}
	for _, r := range c.ResourceRequirements {
		n, err := strconv.Atoi(aws.ToString(r.Value))
		if r.Type == types.ResourceTypeGpu && (err != nil || n < 1) {
			return wire.Faultf("ClientException", "Invalid setting for container '%s'. The value of the GPU resource requirement must be a positive number.", name)
		}
		if r.Type != types.ResourceTypeGpu {
			return wire.Faultf("ClientException", "Invalid setting for container '%s'. The resource type %s is not supported.", name, r.Type)
		}
	}
	if err := validateRestart(c); err != nil {
		return err
	}
	return validateLogs(c)
}

func count(containers []types.ContainerDefinition, name string) int {
	n := 0
	for _, c := range containers {
		if aws.ToString(c.Name) == name {
			n++
		}
	}
	return n
}

func validateLogs(c types.ContainerDefinition) error {
	if c.LogConfiguration == nil || c.LogConfiguration.LogDriver != types.LogDriverAwslogs {
		return nil
	}
	var lacking []string
	for _, option := range []string{optionRegion, optionGroup} {
		if c.LogConfiguration.Options[option] == "" {
			lacking = append(lacking, option)
		}
	}
	if lacking != nil {
		return wire.Faultf("ClientException", "Log driver awslogs requires options: %s", strings.Join(lacking, ", "))
	}
	return nil
}

// validateDependencies checks that every container can come to start.
func validateDependencies(containers []types.ContainerDefinition) error {
	byName := map[string]types.ContainerDefinition{}
	for _, c := range containers {
		byName[*c.Name] = c
	}
	for _, c := range containers {
		for _, d := range c.DependsOn {
			on, ok := byName[aws.ToString(d.ContainerName)]
			if !ok {
				return wire.Faultf("ClientException", "Invalid setting for container '%s'. The container '%s' that it depends on is not in the task definition.", *c.Name, aws.ToString(d.ContainerName))
			}
			ends := d.Condition == types.ContainerConditionComplete || d.Condition == types.ContainerConditionSuccess
			if ends && essential(on) {
				return wire.Faultf("ClientException", "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container")
			}
		}
	}
	for _, c := range containers {
		if dependsOnItself(byName, *c.Name, *c.Name, map[string]bool{}) {
			return wire.Faultf("ClientException", "Invalid setting for container '%s'. Its dependencies have a cycle.", *c.Name)
		}
	}
	return nil
}

func dependsOnItself(byName map[string]types.ContainerDefinition, start, at string, seen map[string]bool) bool {
	for _, d := range byName[at].DependsOn {
		if *d.ContainerName == start {
			return true
		}
		if !seen[*d.ContainerName] {
			seen[*d.ContainerName] = true
			if dependsOnItself(byName, start, *d.ContainerName, seen) {
				return true
			}
		}
	}
	return false
}

// fargateFault says why a task definition cannot run on Fargate, or nil.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
func fargateFault(in *ecs.RegisterTaskDefinitionInput) error {
	switch {
	case in.NetworkMode != types.NetworkModeAwsvpc:
		return wire.Faultf("ClientException", "Fargate only supports network mode ‘awsvpc’.")
	case in.Cpu == nil:
		return wire.Faultf("ClientException", "Fargate requires that 'cpu' be defined at the task level.")
	case in.Memory == nil:
		return wire.Faultf("ClientException", "Fargate requires that 'memory' be defined at the task level.")
	}
	cpu, _ := cpuUnits(*in.Cpu)
	memory, _ := memoryMiB(*in.Memory)
	if !fargateSize(cpu, memory) {
		return wire.Faultf("ClientException", "No Fargate configuration exists for given values: %d CPU, %d memory. See the Amazon ECS documentation for the valid values.", cpu, memory)
	}
	if g := in.EphemeralStorage; g != nil && (g.SizeInGiB < 21 || g.SizeInGiB > 200) {
		return wire.Faultf("ClientException", "Ephemeral storage size must be between 21 and 200 GiB.")
	}
	return fargateContainersFault(in, cpu, memory)
}

func fargateContainersFault(in *ecs.RegisterTaskDefinitionInput, cpu, memory int) error {
	total := 0
	for _, c := range in.ContainerDefinitions {
		total += int(c.Cpu)
		logs := c.LogConfiguration != nil && c.LogConfiguration.LogDriver == types.LogDriverAwslogs
		switch {
		case int(aws.ToInt32(c.Memory)) > memory:
			return wire.Faultf("ClientException", "Invalid setting for container '%s'. The 'memory' setting for container is greater than for the task.", *c.Name)
		case aws.ToInt32(c.StopTimeout) > 120:
			return wire.Faultf("ClientException", "Invalid setting for container '%s'. The 'stopTimeout' setting must be at most 120 seconds on Fargate.", *c.Name)
		case len(c.ResourceRequirements) > 0:
			return wire.Faultf("ClientException", "Fargate does not support GPU resource requirements.")
		case aws.ToBool(c.Privileged):
			return wire.Faultf("ClientException", "Fargate does not support privileged containers.")
		case logs && in.ExecutionRoleArn == nil:
			return wire.Faultf("ClientException", "Fargate requires task definition to have execution role ARN to support log driver awslogs.")
		}
	}
	if total > cpu {
		return wire.Faultf("ClientException", "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.")
	}
	return nil
}

// fargateSize reports whether Fargate has tasks of this many CPU units and MiB.
func fargateSize(cpu, memory int) bool {
	if cpu == 256 {
		return memory == 512 || memory == 1024 || memory == 2048
	}
	sizes := map[int]struct{ least, most, step int }{
		512:   {1024, 4096, 1024},
		1024:  {2048, 8192, 1024},
		2048:  {4096, 16384, 1024},
		4096:  {8192, 30720, 1024},
		8192:  {16384, 61440, 4096},
		16384: {32768, 122880, 8192},
	}
	size, ok := sizes[cpu]
	return ok && memory >= size.least && memory <= size.most && (memory-size.least)%size.step == 0
}
