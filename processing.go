package spate

import (
	"cmp"
	"maps"
	"time"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/scaling"
)

// A ScalingStep changes the number of tasks by Change while the backlog lies
// between Lower and Upper; a bound that is nil is the neighbour's, or open.
//
//	{Change: -1, Upper: new(0)}, {Change: +1, Lower: new(1)}, {Change: +20, Lower: new(100)}
type ScalingStep struct {
	Change       int
	Lower, Upper *int
}

// A DeploymentCircuitBreaker gives a deployment up whose tasks do not start.
type DeploymentCircuitBreaker struct {
	Enable   *bool // default true
	Rollback bool  // to the last deployment that worked
}

// A DeploymentController is who deploys a service: ECS, the default,
// CODE_DEPLOY or EXTERNAL.
type DeploymentController struct{ Type string }

// A QueueProcessingService is a service that works on a queue's messages.
type QueueProcessingService struct {
	// SQSQueue is what it works on; DeadLetterQueue is where messages go that
	// were received too often, or nil.
	SQSQueue, DeadLetterQueue *Queue
	Cluster                   *Cluster
	TaskDefinition            *TaskDefinition

	id logicalID
}

// ServiceName is the ECS service's name.
func (q *QueueProcessingService) ServiceName() Text { return q.id.att("Name") }

// ServiceARN is the ECS service's ARN.
func (q *QueueProcessingService) ServiceARN() Text { return q.id.ref() }

// A processing is what the services of both launch types have in common.
type processing struct {
	id                          logicalID
	serviceName                 Text
	cluster                     *Cluster
	vpc                         *VPC
	queue                       *Queue
	maxReceiveCount             int
	visibilityTimeout           time.Duration
	retentionPeriod             time.Duration
	maxScalingCapacity          int
	minScalingCapacity          *int
	scalingSteps                []ScalingStep
	cooldown                    time.Duration
	propagateTags               string
	enableECSManagedTags        *bool
	maxHealthyPercent           *int
	minHealthyPercent           *int
	deploymentController        *DeploymentController
	circuitBreaker              *DeploymentCircuitBreaker
	capacityProviderStrategies  []CapacityProviderStrategy
	enableExecuteCommand        bool
	disableCPUBasedScaling      bool
	cpuTargetUtilizationPercent int
}

// The defaults of a service's capacity, and CDK's.
const (
	defaultMost    = job.DefaultMax
	cdkLeast       = 1
	cdkMost        = 2
	cdkCPUTarget   = 50
	maxCooldown    = 999_999_999 * time.Second
	newAccountCPUs = 6 // vCPU of Fargate, on demand and Spot each; Service Quotas
)

func (p processing) capacity(s *Stack) (least, most int) {
	least, most = 0, defaultMost
	if s.CDKDefaults {
		least, most = cdkLeast, cdkMost
	}
	if p.minScalingCapacity != nil {
		least = *p.minScalingCapacity
	}
	return least, cmp.Or(p.maxScalingCapacity, most)
}

func (s *Stack) checkProcessing(p processing) {
	least, most := p.capacity(s)
	s.at(p.id, "ServiceName").named(p.serviceName, ecsNaming())
	s.at(p.id, "MaxScalingCapacity").between(most, 1, job.MaxTasks)
	s.at(p.id, "MinScalingCapacity").between(least, 0, max(most, 0))
	s.at(p.id, "Cooldown").lasts(p.cooldown, time.Second, maxCooldown)
	s.at(p.id, "PropagateTags").oneOf(p.propagateTags, "SERVICE", "TASK_DEFINITION", "NONE")
	s.at(p.id, "RetentionPeriod").lasts(p.retentionPeriod, time.Minute, retention)
	s.at(p.id, "CPUTargetUtilizationPercent").between(p.cpuTargetUtilizationPercent, 0, 100)
	if p.minHealthyPercent != nil {
		s.at(p.id, "MinHealthyPercent").between(*p.minHealthyPercent, 0, 100)
	}
	if p.maxHealthyPercent != nil {
		s.at(p.id, "MaxHealthyPercent").between(*p.maxHealthyPercent, 100, 200)
	}
	if p.deploymentController != nil {
		s.at(p.id, "DeploymentController.Type").oneOf(p.deploymentController.Type, "ECS", "CODE_DEPLOY", "EXTERNAL")
	}
	if p.cpuTargetUtilizationPercent > 0 && p.disableCPUBasedScaling {
		s.at(p.id, "CPUTargetUtilizationPercent").problem("leave one out", "it is given, and DisableCPUBasedScaling is true")
	}
	if d := p.deploymentController; d != nil && p.circuitBreaker != nil && d.Type != "" && d.Type != "ECS" {
		s.at(p.id, "CircuitBreaker").problem("leave it out, or the DeploymentController", "%s has none", d.Type)
	}
	if p.queue == nil {
		return
	}
	for _, of := range []struct {
		name  string
		given bool
	}{
		{"MaxReceiveCount", p.maxReceiveCount != 0}, {"VisibilityTimeout", p.visibilityTimeout != 0},
		{"RetentionPeriod", p.retentionPeriod != 0},
	} {
		if of.given {
			s.at(p.id, of.name).problem("set it in the queue's own props", "it is given beside Queue")
		}
	}
}

// processingQueue is the queue that a service works on.
func (s *Stack) processingQueue(p processing) *Queue {
	q := s.ourQueue(s.at(p.id, "Queue"), p.queue)
	if q == nil {
		q = s.ownQueue(p)
	}
	if q.made && q.visibility == 0 && !s.CDKDefaults {
		s.warn(string(p.id)+".VisibilityTimeout",
			"a message comes back after %d s, to be worked on again, unless the container extends it: give the queue a VisibilityTimeout above the longest job", seconds(visibility))
	}
	return q
}

// ownQueue adds the queue of a service that is given none. RetentionPeriod is
// the dead-letter queue's, as in CDK.
func (s *Stack) ownQueue(p processing) *Queue {
	dead := p.id + "DeadLetterQueue"
	props := QueueProps{
		VisibilityTimeout: p.visibilityTimeout,
		DeadLetterQueue:   &DeadLetterQueue{MaxReceiveCount: p.maxReceiveCount},
	}
	s.checkQueue(p.id, props)
	q := s.queue(p.id+"Queue", dead, props)
	if p.retentionPeriod != 0 {
		s.resource(dead).Properties["MessageRetentionPeriod"] = seconds(p.retentionPeriod)
	}
	return q
}

// queueEnvironment is how a container learns of its queue.
func (s *Stack) queueEnvironment(own map[string]Text, q *Queue) map[string]Text {
	environment := maps.Clone(own)
	if environment == nil {
		environment = map[string]Text{}
	}
	environment["QUEUE_NAME"] = q.name
	if !s.CDKDefaults {
		environment["QUEUE_URL"] = q.url
	}
	return environment
}

// serviceProperties are the properties of the ECS service that do not depend
// on its launch type.
func (s *Stack) serviceProperties(p processing, c *Cluster, t *TaskDefinition) props {
	least, _ := p.capacity(s)
	var properties props
	if s.CDKDefaults {
		properties = cdkService(c.name, t.arn)
	} else {
		properties = s.spateService(c.name, t.arn, least)
	}
	deployment := properties["DeploymentConfiguration"].(props)
	setGiven(deployment, "MaximumPercent", p.maxHealthyPercent)
	setGiven(deployment, "MinimumHealthyPercent", p.minHealthyPercent)
	if b := p.circuitBreaker; b != nil {
		deployment["DeploymentCircuitBreaker"] = props{"Enable": b.Enable == nil || *b.Enable, "Rollback": b.Rollback}
	}
	if d := p.deploymentController; d != nil {
		properties["DeploymentController"] = props{"Type": cmp.Or(d.Type, "ECS")}
		if d.Type == "CODE_DEPLOY" || d.Type == "EXTERNAL" {
			delete(deployment, "DeploymentCircuitBreaker") // which is ECS's own
		}
	}
	setGiven(properties, "EnableECSManagedTags", p.enableECSManagedTags)
	set(properties, "EnableExecuteCommand", p.enableExecuteCommand)
	set(properties, "ServiceName", p.serviceName)
	switch p.propagateTags {
	case "":
	case "NONE":
		delete(properties, "PropagateTags")
	default:
		properties["PropagateTags"] = p.propagateTags
	}
	if strategies := c.strategy(s.at(p.id, "CapacityProviderStrategies"), p.capacityProviderStrategies); strategies != nil {
		properties["CapacityProviderStrategy"] = strategies
	}
	return properties
}

// finish gives a service's tasks their rights, scales it, and shows its queue.
func (s *Stack) finish(p processing, q *Queue, c *Cluster, t *TaskDefinition) *QueueProcessingService {
	if p.enableExecuteCommand {
		t.grantTask(allow("*", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
			"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"),
			allow("*", "logs:DescribeLogGroups"),
			allow("*", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"))
	}
	t.grantTask(consume(q.arn))
	if !s.CDKDefaults {
		t.grantTask(protectTasks(c.name, c.arn))
	}
	s.scaleProcessing(p, q, c)
	if !s.CDKDefaults && q.made {
		s.heartbeat(p.id, q)
	}
	s.queueOutputs(p, q)
	return &QueueProcessingService{SQSQueue: q, DeadLetterQueue: q.deadLetter, Cluster: c, TaskDefinition: t, id: p.id}
}

// scaleProcessing lets the number of tasks follow the queue, and their CPU
// where that is asked for.
func (s *Stack) scaleProcessing(p processing, q *Queue, c *Cluster) {
	least, most := p.capacity(s)
	a := autoscaling{
		prefix: p.id, cluster: c.name, service: p.id.att("Name"), queue: q.name,
		least: least, most: most, cooldown: p.cooldown, adjustment: scaling.ChangeInCapacity,
	}
	steps := make([]job.ScalingStep, len(p.scalingSteps))
	for i, step := range p.scalingSteps {
		steps[i] = job.ScalingStep(step)
	}
	percent := p.cpuTargetUtilizationPercent
	var err error
	switch {
	case s.CDKDefaults:
		percent = cmp.Or(percent, cdkCPUTarget)
		err = s.scaleAsCDK(a, steps)
	case len(steps) > 0:
		if a.out, a.in, err = ownSteps(steps, goWords(p.id)); err == nil {
			s.scale(a)
		}
	default:
		a.adjustment = scaling.ExactCapacity
		a.out, a.in = scaling.Burst(max(most, 1))
		s.scale(a)
	}
	s.check(err)
	if percent > 0 && !p.disableCPUBasedScaling {
		s.cpuScaling(p.id, percent)
	}
}

// queueOutputs shows where messages are sent, or what CDK shows.
func (s *Stack) queueOutputs(p processing, q *Queue) {
	id := string(p.id)
	if !s.CDKDefaults {
		s.output(id+"QueueUrl", "Where messages are sent", q.url)
		if q.deadLetter != nil {
			s.output(id+"DeadLetterQueueUrl", "Where messages go that were received too often", q.deadLetter.url)
		}
		return
	}
	if p.queue == nil {
		s.output(id+"SQSDeadLetterQueue", "", q.deadLetter.name)
		s.output(id+"SQSDeadLetterQueueArn", "", q.deadLetter.arn)
	}
	s.output(id+"SQSQueue", "", q.name)
	s.output(id+"SQSQueueArn", "", q.arn)
}

// warnOfQuota tells when a new account cannot start as many tasks.
func (s *Stack) warnOfQuota(where string, most int, cpu float64) {
	if all := float64(most) * cpu; all > newAccountCPUs {
		s.warn(where, "%d tasks need %v vCPU of Fargate, and a new account has %d: see Service Quotas", most, all, newAccountCPUs)
	}
}
