package ecs_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// ignoreSerde leaves out the SDK's markers, which say nothing.
var ignoreSerde = cmp.FilterPath(func(p cmp.Path) bool {
	return strings.HasSuffix(p.Last().String(), ".noSmithyDocumentSerde")
}, cmp.Ignore())

// fargate is a task definition that Fargate takes.
func fargate() *sdk.RegisterTaskDefinitionInput {
	return &sdk.RegisterTaskDefinitionInput{
		Family: new("f"), Cpu: new("256"), Memory: new("512"), NetworkMode: types.NetworkModeAwsvpc,
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate},
		ContainerDefinitions:    []types.ContainerDefinition{{Name: new("c"), Image: new("i")}},
	}
}

func TestRegisterTaskDefinitionRefuses(t *testing.T) {
	awslogs := func(options map[string]string) *types.LogConfiguration {
		return &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: options}
	}
	tests := []struct {
		change func(in *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition)
		want   string
	}{
		{func(in *sdk.RegisterTaskDefinitionInput, _ *types.ContainerDefinition) { in.Family = new("a b") }, "Family contains invalid characters."},
		{func(in *sdk.RegisterTaskDefinitionInput, _ *types.ContainerDefinition) {
			in.ContainerDefinitions = []types.ContainerDefinition{}
		}, "Container list cannot be empty."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) { c.Name = nil }, "Container.name should not be null or empty."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) {
			c.ResourceRequirements = []types.ResourceRequirement{{Type: types.ResourceTypeGpu, Value: new("some")}}
		}, "Invalid setting for container 'c'. The value of the GPU resource requirement must be a positive number."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) {
			c.ResourceRequirements = []types.ResourceRequirement{{Type: types.ResourceTypeInferenceAccelerator, Value: new("eia")}}
		}, "Invalid setting for container 'c'. The resource type InferenceAccelerator is not supported."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) {
			c.ResourceRequirements = []types.ResourceRequirement{{Type: types.ResourceTypeGpu, Value: new("1")}}
		}, "Fargate does not support GPU resource requirements."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) { c.Name = new("a.b") }, "Container.name contains invalid characters."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) { c.Image = nil }, "Container.image should not be null or empty."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) { c.Essential = new(false) }, "A task definition must have at least one essential container."},
		{func(in *sdk.RegisterTaskDefinitionInput, _ *types.ContainerDefinition) {
			in.RequiresCompatibilities, in.Memory = nil, nil
		}, "Invalid setting for container 'c'. At least one of 'memory' or 'memoryReservation' must be specified."},
		{func(in *sdk.RegisterTaskDefinitionInput, _ *types.ContainerDefinition) {
			in.NetworkMode = types.NetworkModeBridge
		}, "Fargate only supports network mode ‘awsvpc’."},
		{func(in *sdk.RegisterTaskDefinitionInput, _ *types.ContainerDefinition) { in.Cpu = nil }, "Fargate requires that 'cpu' be defined at the task level."},
		{func(in *sdk.RegisterTaskDefinitionInput, _ *types.ContainerDefinition) { in.Memory = nil }, "Invalid setting for container 'c'. At least one of 'memory' or 'memoryReservation' must be specified."},
		{func(in *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) {
			in.Memory, c.Memory = nil, aws.Int32(1)
		}, "Fargate requires that 'memory' be defined at the task level."},
		{func(in *sdk.RegisterTaskDefinitionInput, _ *types.ContainerDefinition) { in.Memory = new("4096") }, "No Fargate configuration exists for given values: 256 CPU, 4096 memory. See the Amazon ECS documentation for the valid values."},
		{func(in *sdk.RegisterTaskDefinitionInput, _ *types.ContainerDefinition) { in.Cpu = new("lots") }, "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) { c.Cpu = 512 }, "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) { c.Memory = aws.Int32(513) }, "Invalid setting for container 'c'. The 'memory' setting for container is greater than for the task."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) {
			c.LogConfiguration = awslogs(map[string]string{"awslogs-group": "g"})
		}, "Log driver awslogs requires options: awslogs-region"},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) {
			c.LogConfiguration = awslogs(map[string]string{"awslogs-group": "g", "awslogs-region": "r"})
		}, "Fargate requires task definition to have execution role ARN to support log driver awslogs."},
		{func(in *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) {
			in.ContainerDefinitions = append(in.ContainerDefinitions, after(types.ContainerDefinition{Name: new("d"), Image: new("i")}, "c", types.ContainerConditionSuccess))
		}, "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) {
			*c = after(*c, "c", types.ContainerConditionStart)
		}, "Invalid setting for container 'c'. Its dependencies have a cycle."},
		{func(_ *sdk.RegisterTaskDefinitionInput, c *types.ContainerDefinition) {
			*c = after(*c, "x", types.ContainerConditionStart)
		}, "Invalid setting for container 'c'. The container 'x' that it depends on is not in the task definition."},
	}
	in(t, 1, func(r *rig) {
		for _, test := range tests {
			input := fargate()
			test.change(input, &input.ContainerDefinitions[:1][0])
			_, err := r.RegisterTaskDefinition(ctx(r), input)
			if got, want := code(err), "ClientException: "+test.want; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}

func TestFargateSizes(t *testing.T) {
	in(t, 1, func(r *rig) {
		tests := []struct {
			cpu, memory string
			taken       bool
		}{
			{"256", "512", true}, {"256", "2048", true}, {"256", "3072", false},
			{"512", "512", false}, {"512", "4096", true}, {"512", "1536", false},
			{"1 vCPU", "8GB", true}, {"1024", "1024", false}, {"2048", "16384", true},
			{"4096", "30720", true}, {"4096", "31744", false},
			{"8192", "20480", true}, {"8192", "21504", false},
			{"16384", "32768", true}, {"16 vCPU", "120 GB", true}, {"16384", "36864", false}, {"3072", "8192", false},
		}
		for _, test := range tests {
			input := fargate()
			input.Cpu, input.Memory = &test.cpu, &test.memory
			if _, err := r.RegisterTaskDefinition(ctx(r), input); (err == nil) != test.taken {
				t.Errorf("%s and %s: got %v, want it taken to be %v", test.cpu, test.memory, err, test.taken)
			}
		}
	})
}

func TestRevisions(t *testing.T) {
	in(t, 1, func(r *rig) {
		input := fargate()
		input.Tags = []types.Tag{{Key: new("a"), Value: new("b")}}
		for range 3 {
			must(r.RegisterTaskDefinition(ctx(r), input))
		}
		must(r.DeregisterTaskDefinition(ctx(r), &sdk.DeregisterTaskDefinitionInput{TaskDefinition: new("f:3")}))
		must(r.DeregisterTaskDefinition(ctx(r), &sdk.DeregisterTaskDefinitionInput{TaskDefinition: new("f:1")}))
		latest := must(r.DescribeTaskDefinition(ctx(r), &sdk.DescribeTaskDefinitionInput{TaskDefinition: new("f"), Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}}))
		got := fmt.Sprint(latest.TaskDefinition.Revision, latest.TaskDefinition.Compatibilities, *latest.Tags[0].Key)
		if want := "2 [EC2 FARGATE]a"; got != want {
			t.Errorf("got latest %s, want %s", got, want)
		}
		gone := must(r.DescribeTaskDefinition(ctx(r), &sdk.DescribeTaskDefinitionInput{TaskDefinition: new("arn:aws:ecs:us-east-1:000000000000:task-definition/f:3")}))
		if gone.TaskDefinition.Status != types.TaskDefinitionStatusInactive || gone.TaskDefinition.DeregisteredAt == nil || gone.Tags != nil {
			t.Errorf("got %s, want the revision INACTIVE, and no tags unasked for", gone.TaskDefinition.Status)
		}
		_, err := r.RunTask(ctx(r), &sdk.RunTaskInput{TaskDefinition: new("f:3")})
		if got, want := code(err), "ClientException: TaskDefinition is inactive"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		next := must(r.RegisterTaskDefinition(ctx(r), input))
		if got := next.TaskDefinition.Revision; got != 4 {
			t.Errorf("got revision %d, want 4", got)
		}

		var arns []string
		pages := sdk.NewListTaskDefinitionsPaginator(r, &sdk.ListTaskDefinitionsInput{FamilyPrefix: new("f"), MaxResults: aws.Int32(1), Sort: types.SortOrderDesc})
		for pages.HasMorePages() {
			page := must(pages.NextPage(ctx(r)))
			arns = append(arns, page.TaskDefinitionArns...)
		}
		want := []string{"arn:aws:ecs:us-east-1:000000000000:task-definition/f:4", "arn:aws:ecs:us-east-1:000000000000:task-definition/f:2"}
		if diff := cmp.Diff(want, arns); diff != "" {
			t.Errorf("active revisions (-want +got):\n%s", diff)
		}
		families := must(r.ListTaskDefinitionFamilies(ctx(r), &sdk.ListTaskDefinitionFamiliesInput{})).Families
		if diff := cmp.Diff([]string{"f", "job"}, families); diff != "" {
			t.Errorf("families (-want +got):\n%s", diff)
		}
	})
}

func TestDefinitionIsKeptWhole(t *testing.T) {
	in(t, 1, func(r *rig) {
		input := fargate()
		input.EphemeralStorage = &types.EphemeralStorage{SizeInGiB: 50}
		input.RuntimePlatform = &types.RuntimePlatform{CpuArchitecture: types.CPUArchitectureArm64}
		input.TaskRoleArn = new("arn:aws:iam::000000000000:role/t")
		input.Volumes = []types.Volume{{Name: new("scratch"), Host: &types.HostVolumeProperties{}}}
		c := &input.ContainerDefinitions[0]
		c.MountPoints = []types.MountPoint{{SourceVolume: new("scratch"), ContainerPath: new("/tmp")}}
		c.Ulimits = []types.Ulimit{{Name: types.UlimitNameNofile, SoftLimit: 1, HardLimit: 2}}
		c.HealthCheck = &types.HealthCheck{Command: []string{"CMD", "true"}}
		c.ReadonlyRootFilesystem = new(true)
		must(r.RegisterTaskDefinition(ctx(r), input))
		got := must(r.DescribeTaskDefinition(ctx(r), &sdk.DescribeTaskDefinitionInput{TaskDefinition: new("f")})).TaskDefinition
		c.Essential = new(true)
		if diff := cmp.Diff(input.ContainerDefinitions, got.ContainerDefinitions, ignoreSerde, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("containers (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(input.Volumes, got.Volumes, ignoreSerde); diff != "" {
			t.Errorf("volumes (-want +got):\n%s", diff)
		}
		if got.EphemeralStorage.SizeInGiB != 50 || got.RuntimePlatform.CpuArchitecture != "ARM64" || *got.TaskRoleArn != *input.TaskRoleArn {
			t.Errorf("got %+v, want what was registered", got)
		}
	})
}
