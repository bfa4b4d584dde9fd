package spate

import (
	"cmp"
	"time"
)

// QueueProcessingEC2ServiceProps describe a service on EC2 instances that works
// on a queue's messages: the props of AWS CDK's QueueProcessingEc2Service.
// https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_ecs_patterns.QueueProcessingEc2ServiceProps.html
type QueueProcessingEC2ServiceProps struct {
	// ServiceName names the service; default CloudFormation's own.
	ServiceName Text
	// Cluster is where the service runs, VPC where its tasks do: give one of
	// them, or neither for a cluster and a VPC of spate's own.
	Cluster *Cluster
	VPC     *VPC
	// Queue holds the messages; default one of spate's own, which
	// MaxReceiveCount (default 3), VisibilityTimeout (default 2 minutes) and
	// RetentionPeriod (of the dead-letter queue; default 14 days) describe as
	// [QueueProps] and [DeadLetterQueue] do.
	Queue             *Queue
	MaxReceiveCount   int
	VisibilityTimeout time.Duration
	RetentionPeriod   time.Duration
	// Image is what the container is made of, Command what it runs instead of
	// the image's own. ContainerName is what it is called; default
	// QueueProcessingContainer.
	Image         Image
	Command       []Text
	ContainerName string
	// Environment and Secrets are its variables, beside QUEUE_NAME and, with
	// spate's defaults, QUEUE_URL.
	Environment map[string]Text
	Secrets     map[string]Secret
	// EnableLogging sends its output to LogDriver, by default CloudWatch Logs;
	// default true.
	EnableLogging *bool
	LogDriver     *LogDriver
	// StopTimeout is the time between SIGTERM and SIGKILL when a task is
	// stopped, 2 minutes by default; with CDKDefaults ECS's 30 s.
	StopTimeout time.Duration
	// MinScalingCapacity and MaxScalingCapacity are the fewest tasks, default 0,
	// and the most, default 100; CDK's are 1 and 2.
	MinScalingCapacity *int
	MaxScalingCapacity int
	// ScalingSteps change the number of tasks by the messages that are
	// outstanding: visible, in flight or delayed. Default a burst, from none to
	// what the backlog needs in one step and back. With CDKDefaults the visible
	// messages count, and the default is -1 at 0, +1 at 100, +5 at 500.
	ScalingSteps []ScalingStep
	// Cooldown is how long a step rests after one, at least 1 s; default none,
	// CDK's 5 minutes.
	Cooldown time.Duration
	// CPUTargetUtilizationPercent adds a policy that starts and stops tasks by
	// their CPU, which may stop busy ones; default none, CDK's 50.
	// DisableCPUBasedScaling leaves it out.
	CPUTargetUtilizationPercent int
	DisableCPUBasedScaling      bool
	// PropagateTags is SERVICE, the default, TASK_DEFINITION or NONE, CDK's.
	PropagateTags string
	// EnableECSManagedTags tells costs of tasks apart; default true, CDK's false.
	EnableECSManagedTags *bool
	// Family names the task definition; default CloudFormation's own.
	Family Text
	// MinHealthyPercent and MaxHealthyPercent bound the tasks while one
	// deployment follows another; default 0 and 100, so that the most tasks stay
	// the most; CDK's are 50 and 200.
	MinHealthyPercent, MaxHealthyPercent *int
	DeploymentController                 *DeploymentController
	// CircuitBreaker gives up deployments whose tasks do not start; default one
	// that rolls back, CDK's none.
	CircuitBreaker *DeploymentCircuitBreaker
	// CapacityProviderStrategies share the tasks between capacity providers, such
	// as FARGATE_SPOT; default all on the cluster's own instances.
	CapacityProviderStrategies []CapacityProviderStrategy
	// EnableExecuteCommand lets people run commands in the containers.
	EnableExecuteCommand bool
	// CPU, in units, is the container's share of an instance. MemoryLimitMiB is
	// the memory at which it is stopped, MemoryReservationMiB what is kept for
	// it; default 512 of the former. GPUCount is its GPUs.
	CPU, MemoryLimitMiB, MemoryReservationMiB, GPUCount int
	// PlacementConstraints and PlacementStrategies choose tasks' instances.
	PlacementConstraints []PlacementConstraint
	PlacementStrategies  []PlacementStrategy
}

// A PlacementConstraint is a rule for the instances of tasks: distinctInstance,
// or memberOf with an Expression.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html
type PlacementConstraint struct{ Type, Expression string }

// A PlacementStrategy is an aim for them: binpack or spread by a Field, such as
// CPU, MEMORY, instanceId or attribute:ecs.availability-zone, or random.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-strategies.html
type PlacementStrategy struct{ Type, Field string }

// QueueProcessingEC2Service adds a service on EC2 instances that works on a
// queue's messages, with as many tasks as they need. A cluster without
// instances is given an Auto Scaling group, from none to what the tasks need.
// Its resources are named as those of [Stack.QueueProcessingFargateService].
func (s *Stack) QueueProcessingEC2Service(id string, p QueueProcessingEC2ServiceProps) *QueueProcessingService {
	b := processing{
		id: logicalID(id), serviceName: p.ServiceName, cluster: p.Cluster, vpc: p.VPC, queue: p.Queue,
		maxReceiveCount: p.MaxReceiveCount, visibilityTimeout: p.VisibilityTimeout, retentionPeriod: p.RetentionPeriod,
		minScalingCapacity: p.MinScalingCapacity, maxScalingCapacity: p.MaxScalingCapacity,
		scalingSteps: p.ScalingSteps, cooldown: p.Cooldown,
		cpuTargetUtilizationPercent: p.CPUTargetUtilizationPercent, disableCPUBasedScaling: p.DisableCPUBasedScaling,
		propagateTags: p.PropagateTags, enableECSManagedTags: p.EnableECSManagedTags,
		minHealthyPercent: p.MinHealthyPercent, maxHealthyPercent: p.MaxHealthyPercent,
		deploymentController: p.DeploymentController, circuitBreaker: p.CircuitBreaker,
		capacityProviderStrategies: p.CapacityProviderStrategies, enableExecuteCommand: p.EnableExecuteCommand,
	}
	s.checkProcessing(b)
	s.checkPlacement(b.id, p)
	c := s.clusterOf(b.id, p.Cluster, p.VPC)
	if c.capacity == "" && !c.imported {
		c.addCapacity(AddCapacityOptions{})
	}
	if len(b.capacityProviderStrategies) == 0 && c.capacity != "" {
		b.capacityProviderStrategies = []CapacityProviderStrategy{{CapacityProvider: c.capacity, Weight: 1}}
	}
	q := s.processingQueue(b)
	t := s.ec2Worker(b, p, q)
	properties := s.serviceProperties(b, c, t)
	setList(properties, "PlacementConstraints", constraints(p.PlacementConstraints))
	setList(properties, "PlacementStrategies", aims(p.PlacementStrategies))
	if properties["CapacityProviderStrategy"] == nil {
		properties["LaunchType"] = "EC2"
	}
	c.serviceResource(b.id, properties, nil)
	return s.finish(b, q, c, t)
}

func (s *Stack) ec2Worker(b processing, p QueueProcessingEC2ServiceProps, q *Queue) *TaskDefinition {
	t := s.task(b.id+"TaskDefinition", b.id, p.Family, "", "")
	t.properties["NetworkMode"] = "bridge"
	t.properties["RequiresCompatibilities"] = list{"EC2"}
	memory := p.MemoryLimitMiB
	if memory == 0 && p.MemoryReservationMiB == 0 {
		memory = 512
	}
	t.addContainer(b.id, cmp.Or(p.ContainerName, defaultContainer), ContainerProps{
		Image: p.Image, Command: p.Command, Environment: s.queueEnvironment(p.Environment, q), Secrets: p.Secrets,
		Logging: p.LogDriver, NoLogging: s.unlogged(b.id, p.EnableLogging, p.LogDriver), StopTimeout: p.StopTimeout,
		CPU: p.CPU, MemoryLimitMiB: memory, MemoryReservationMiB: p.MemoryReservationMiB, GPUCount: p.GPUCount,
	})
	return t
}

func (s *Stack) checkPlacement(id logicalID, p QueueProcessingEC2ServiceProps) {
	for _, c := range p.PlacementConstraints {
		at := s.at(id, "PlacementConstraints")
		at.oneOf(cmp.Or(c.Type, "nothing"), "distinctInstance", "memberOf")
		if c.Type == "memberOf" && c.Expression == "" {
			at.problem(`Expression: "attribute:ecs.instance-type =~ m5.*"`, "memberOf needs an Expression")
		}
	}
	for _, a := range p.PlacementStrategies {
		at := s.at(id, "PlacementStrategies")
		at.oneOf(cmp.Or(a.Type, "nothing"), "binpack", "spread", "random")
		if a.Type == "binpack" {
			at.oneOf(cmp.Or(a.Field, "nothing"), "CPU", "MEMORY")
		}
	}
	if p.MemoryLimitMiB != 0 && p.MemoryReservationMiB > p.MemoryLimitMiB {
		s.at(id, "MemoryReservationMiB").problem("keep it below MemoryLimitMiB", "%d MiB are more than the limit of %d", p.MemoryReservationMiB, p.MemoryLimitMiB)
	}
}

func constraints(from []PlacementConstraint) (to list) {
	for _, c := range from {
		item := props{"Type": c.Type}
		set(item, "Expression", c.Expression)
		to = append(to, item)
	}
	return to
}

func aims(from []PlacementStrategy) (to list) {
	for _, a := range from {
		item := props{"Type": a.Type}
		set(item, "Field", a.Field)
		to = append(to, item)
	}
	return to
}
