package spate

import (
	"cmp"
	"math"
	"time"
)

// QueueProcessingFargateServiceProps describe a service on Fargate that works
// on a queue's messages: the props of AWS CDK's construct of this name.
// https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_ecs_patterns.QueueProcessingFargateServiceProps.html
type QueueProcessingFargateServiceProps struct {
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
	// stopped, at most 2 minutes, the default; with CDKDefaults ECS's 30 s.
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
	// as FARGATE_SPOT; default all on FARGATE.
	CapacityProviderStrategies []CapacityProviderStrategy
	// EnableExecuteCommand lets people run commands in the containers.
	EnableExecuteCommand bool
	// TaskDefinition is what tasks are, instead of Image and the props below.
	TaskDefinition *TaskDefinition
	// CPU, MemoryLimitMiB, EphemeralStorageGiB and RuntimePlatform are a task's,
	// as in [FargateTaskDefinitionProps].
	CPU, MemoryLimitMiB, EphemeralStorageGiB int
	RuntimePlatform                          RuntimePlatform
	// PlatformVersion is LATEST, the default, or Fargate's 1.4.0, 1.3.0 …
	PlatformVersion string
	// HealthCheck is how ECS sees whether the container is well.
	// HealthCheckGracePeriod is for how long it does not mind, for services
	// with a load balancer.
	HealthCheck            *HealthCheck
	HealthCheckGracePeriod time.Duration
	// TaskSubnets is where tasks run; default the VPC's private subnets, or its
	// public ones where there are no others.
	TaskSubnets *SubnetSelection
	// SecurityGroups are the ids of the tasks' groups; default one of spate's
	// own, which lets everything out and nothing in.
	SecurityGroups []Text
	// AssignPublicIP gives each task an address, which it needs in public
	// subnets, and has there by default.
	AssignPublicIP *bool
}

// QueueProcessingFargateService adds a service on Fargate that works on a
// queue's messages, with as many tasks as they need. Its resources are the id,
// which is the ECS service, and the id with TaskDefinition, TaskRole,
// ExecutionRole, LogGroup, SecurityGroup, Queue, DeadLetterQueue,
// ScalableTarget, ScaleOutPolicy, ScaleOutAlarm, ScaleInPolicy, ScaleInAlarm,
// CpuScalingPolicy, HeartbeatRole and HeartbeatSchedule behind.
//
// Without CDKDefaults the template has a parameter Update, which is for later
// deployments: given true, they leave the number of tasks alone.
func (s *Stack) QueueProcessingFargateService(id string, p QueueProcessingFargateServiceProps) *QueueProcessingService {
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
	s.checkFargate(b, p)
	c := s.clusterOf(b.id, p.Cluster, p.VPC)
	q := s.processingQueue(b)
	t := s.ourTask(s.at(b.id, "TaskDefinition"), p.TaskDefinition)
	if t == nil {
		t = s.fargateWorker(b, p, q)
	}
	_, most := b.capacity(s)
	s.warnOfQuota(string(b.id)+".MaxScalingCapacity", most, float64(t.units)/1024)
	place := s.place(location{
		owner: b.id, vpc: c.vpc, subnets: p.TaskSubnets, subnetsField: "TaskSubnets",
		securityGroups: p.SecurityGroups, assignPublicIP: p.AssignPublicIP,
	})
	properties := s.serviceProperties(b, c, t)
	properties["NetworkConfiguration"] = props{"AwsvpcConfiguration": place.configuration}
	set(properties, "PlatformVersion", p.PlatformVersion)
	set(properties, "HealthCheckGracePeriodSeconds", seconds(p.HealthCheckGracePeriod))
	if properties["CapacityProviderStrategy"] == nil {
		properties["LaunchType"] = "FARGATE"
	}
	c.serviceResource(b.id, properties, place.dependsOn)
	return s.finish(b, q, c, t)
}

// fargateWorker adds the task definition of a service that is given none.
func (s *Stack) fargateWorker(b processing, p QueueProcessingFargateServiceProps, q *Queue) *TaskDefinition {
	t := s.fargateTask(b.id+"TaskDefinition", b.id, FargateTaskDefinitionProps{
		CPU: p.CPU, MemoryLimitMiB: p.MemoryLimitMiB, EphemeralStorageGiB: p.EphemeralStorageGiB,
		Family: p.Family, RuntimePlatform: p.RuntimePlatform,
	})
	t.addContainer(b.id, cmp.Or(p.ContainerName, defaultContainer), ContainerProps{
		Image: p.Image, Command: p.Command, Environment: s.queueEnvironment(p.Environment, q), Secrets: p.Secrets,
		Logging: p.LogDriver, NoLogging: s.unlogged(b.id, p.EnableLogging, p.LogDriver), HealthCheck: p.HealthCheck,
		StopTimeout: p.StopTimeout,
	})
	return t
}

// maxGrace is ECS's longest grace period: 2,147,483,647 s.
const maxGrace = math.MaxInt32 * time.Second

const defaultContainer = "QueueProcessingContainer"

// unlogged checks a service's logging, and reports whether its output goes
// nowhere.
func (s *Stack) unlogged(owner logicalID, enabled *bool, driver *LogDriver) bool {
	if enabled == nil || *enabled {
		return false
	}
	if driver != nil {
		s.at(owner, "LogDriver").problem("leave one out", "it is given, and EnableLogging is false")
	}
	return driver == nil
}

func (s *Stack) checkFargate(b processing, p QueueProcessingFargateServiceProps) {
	if p.TaskDefinition != nil && p.Image.reference != "" {
		s.at(b.id, "Image").problem("leave one out", "Image and TaskDefinition are both given")
	}
	s.at(b.id, "PlatformVersion").oneOf(p.PlatformVersion, "LATEST", "1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0")
	s.at(b.id, "HealthCheckGracePeriod").lasts(p.HealthCheckGracePeriod, time.Second, maxGrace)
	if p.HealthCheckGracePeriod != 0 {
		s.warn(string(b.id)+".HealthCheckGracePeriod", "ECS takes it only from services with a load balancer")
	}
	platform := p.RuntimePlatform
	if p.TaskDefinition != nil {
		platform = p.TaskDefinition.platform
	}
	if usesSpot(p.CapacityProviderStrategies) && platform.windows() {
		s.at(b.id, "CapacityProviderStrategies").problem("leave FARGATE_SPOT out", "Fargate Spot has no Windows")
	}
}
