package spate

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConstructProblems(t *testing.T) {
	fargate := func(p QueueProcessingFargateServiceProps) func(*Stack) {
		if p.Image == (Image{}) && p.TaskDefinition == nil {
			p.Image = FromRegistry("x")
		}
		return func(s *Stack) { s.QueueProcessingFargateService("Service", p) }
	}
	steps := func(steps ...ScalingStep) func(*Stack) {
		return fargate(QueueProcessingFargateServiceProps{ScalingSteps: steps})
	}
	queue := func(p QueueProps) func(*Stack) { return func(s *Stack) { s.Queue("Queue", p) } }
	schedule := func(when Schedule) func(*Stack) {
		return func(s *Stack) {
			s.ScheduledFargateTask("Task", ScheduledFargateTaskProps{
				Schedule: when, ScheduledFargateTaskImageOptions: ScheduledFargateTaskImageOptions{Image: FromRegistry("x")},
			})
		}
	}
	type P = QueueProcessingFargateServiceProps
	tests := []struct {
		name     string
		describe func(*Stack)
		want     string
	}{
		{"no image", func(s *Stack) { s.QueueProcessingFargateService("Service", P{}) },
			"Service.Image: it is missing\nhint: Image: spate.FromRegistry(\"python:3.12-slim\")"},
		{"cpu", fargate(P{CPU: 300}), "Service.CPU: Fargate has no 300 units of CPU\nhint: 256, 512, 1024, 2048, 4096, 8192 or 16384"},
		{"memory", fargate(P{CPU: 1024, MemoryLimitMiB: 40960}),
			"Service.MemoryLimitMiB: Fargate has at most 8192 MiB with 1 vCPU, not 40960 MiB\nhint: MemoryLimitMiB: 8192, or CPU: 8192 with MemoryLimitMiB: 40960"},
		{"odd memory", fargate(P{CPU: 1024, MemoryLimitMiB: 2500}), "Service.MemoryLimitMiB: Fargate has no 2500 MiB with 1 vCPU\nhint: MemoryLimitMiB: 3072"},
		{"little memory", fargate(P{CPU: 1024, MemoryLimitMiB: 512}), "Service.MemoryLimitMiB: Fargate has no 512 MiB with 1 vCPU\nhint: MemoryLimitMiB: 2048"},
		{"storage", fargate(P{EphemeralStorageGiB: 201}), "Service.EphemeralStorageGiB: 201 is out of range\nhint: 21 to 200"},
		{"windows size", fargate(P{RuntimePlatform: RuntimePlatform{OperatingSystemFamily: "WINDOWS_SERVER_2022_CORE"}}),
			"Service.CPU: Fargate has Windows with 1, 2 and 4 vCPU, not 0.25 vCPU\nhint: 1024, 2048 or 4096"},
		{"windows on spot", fargate(P{
			CPU: 1024, RuntimePlatform: RuntimePlatform{OperatingSystemFamily: "WINDOWS_SERVER_2022_CORE"},
			CapacityProviderStrategies: []CapacityProviderStrategy{{CapacityProvider: "FARGATE_SPOT", Weight: 1}},
		}), "Service.CapacityProviderStrategies: Fargate Spot has no Windows\nhint: leave FARGATE_SPOT out"},
		{"architecture", fargate(P{RuntimePlatform: RuntimePlatform{CPUArchitecture: "arm64"}}),
			"Service.RuntimePlatform.CPUArchitecture: there is no \"arm64\"\nhint: did you mean \"ARM64\"?"},
		{"steps that meet", steps(ScalingStep{Change: -1, Upper: new(0)}, ScalingStep{Change: 1, Lower: new(0)}),
			"Service.ScalingSteps[1]: overlaps with Service.ScalingSteps[0]: at 0 the service would scale out and in at once\nhint: Lower: new(1)"},
		{"steps with a gap", steps(ScalingStep{Change: -1, Upper: new(0)}, ScalingStep{Change: 1, Lower: new(1), Upper: new(5)}, ScalingStep{Change: 9, Lower: new(10)}),
			"Service.ScalingSteps[2]: leaves a gap from 5 to 10\nhint: Lower: new(5)"},
		{"no step in", steps(ScalingStep{Change: 1, Lower: new(1)}),
			"Service.ScalingSteps: no step scales in, so tasks would never end\nhint: add {Change: -1, Upper: new(0)}"},
		{"stop timeout", fargate(P{StopTimeout: 3 * time.Minute}), "Service.StopTimeout: 3m0s is out of range\nhint: 1s to 2m0s"},
		{"visibility", fargate(P{VisibilityTimeout: 13 * time.Hour}), "Service.VisibilityTimeout: 13h0m0s is out of range\nhint: 1s to 12h0m0s"},
		{"fraction", fargate(P{Cooldown: 1500 * time.Millisecond}), "Service.Cooldown: 1.5s is not a whole number of seconds\nhint: 2s"},
		{"max", fargate(P{MaxScalingCapacity: 6000}), "Service.MaxScalingCapacity: 6000 is out of range\nhint: 1 to 5000"},
		{"min", fargate(P{MinScalingCapacity: new(5), MaxScalingCapacity: 4}), "Service.MinScalingCapacity: 5 is out of range\nhint: 0 to 4"},
		{"tags", fargate(P{PropagateTags: "SERVICES"}), "Service.PropagateTags: there is no \"SERVICES\"\nhint: did you mean \"SERVICE\"?"},
		{"service name", fargate(P{ServiceName: "a b"}),
			"Service.ServiceName: \"a b\" cannot be a name here\nhint: write 1 to 255 letters, digits, hyphens and underscores"},
		{"twice", fargate(P{Environment: map[string]Text{"A": "1"}, Secrets: map[string]Secret{"A": SecretFromSSMParameter("/a")}}),
			"Service.Secrets: Environment has a variable A too\nhint: leave one out"},
		{"two bases", fargate(P{CapacityProviderStrategies: []CapacityProviderStrategy{{CapacityProvider: "FARGATE", Base: 1}, {CapacityProvider: "FARGATE_SPOT", Base: 1}}}),
			"Service.CapacityProviderStrategies: only one strategy can have a Base\nhint: leave one out"},
		{"no way out", fargate(P{AssignPublicIP: new(false)}),
			"Service.AssignPublicIP: without a public address tasks in public subnets reach nothing\nhint: leave it out, or choose subnets that have a way out"},
		{"no such subnets", fargate(P{TaskSubnets: &SubnetSelection{SubnetType: "PRIVATE_WITH_EGRESS"}}),
			"Service.TaskSubnets: the VPC has no subnet of the type PRIVATE_WITH_EGRESS\nhint: its first is PUBLIC: choose that, or give the VPC NATGateways: new(1)"},
		{"health check", fargate(P{HealthCheck: &HealthCheck{}}), "Service.HealthCheck: the command is missing\nhint: Command: []string{\"CMD-SHELL\", \"…\"}"},
		{"queue props beside a queue", func(s *Stack) {
			fargate(P{Queue: s.Queue("Queue", QueueProps{}), MaxReceiveCount: 3})(s)
		}, "Service.MaxReceiveCount: it is given beside Queue\nhint: set it in the queue's own props"},
		{"vpc beside a cluster", func(s *Stack) {
			fargate(P{Cluster: s.Cluster("Cluster", ClusterProps{}), VPC: s.VPC("Vpc", VPCProps{})})(s)
		}, "Service.VPC: Cluster and VPC are both given\nhint: leave it out: the cluster has one"},
		{"image beside a task definition", func(s *Stack) {
			fargate(P{TaskDefinition: s.TaskDefinitionFromARN("T", "arn:x"), Image: FromRegistry("x")})(s)
		}, "Service.Image: Image and TaskDefinition are both given\nhint: leave one out"},
		{"literal queue", fargate(P{Queue: &Queue{}}), "Service.Queue: it is not of this stack\nhint: make it with stack.Queue(…)"},
		{"literal cluster", fargate(P{Cluster: &Cluster{}}), "Service.Cluster: it is not of this stack\nhint: make it with stack.Cluster(…)"},
		{"literal network", fargate(P{VPC: &VPC{}}), "Service.VPC: it is not of this stack\nhint: make it with stack.VPC(…)"},
		{"literal task", fargate(P{TaskDefinition: &TaskDefinition{}}),
			"Service.TaskDefinition: it is not of this stack\nhint: make it with stack.FargateTaskDefinition(…)"},
		{"literal cluster on EC2", func(s *Stack) {
			s.QueueProcessingEC2Service("Service", QueueProcessingEC2ServiceProps{Image: FromRegistry("x"), Cluster: &Cluster{}})
		}, "Service.Cluster: it is not of this stack\nhint: make it with stack.Cluster(…)"},
		{"literal network of a cluster", func(s *Stack) { s.Cluster("Cluster", ClusterProps{VPC: &VPC{}}) },
			"Cluster.VPC: it is not of this stack\nhint: make it with stack.VPC(…)"},
		{"literal dead letters", queue(QueueProps{DeadLetterQueue: &DeadLetterQueue{Queue: &Queue{}}}),
			"Queue.DeadLetterQueue.Queue: it is not of this stack\nhint: make it with stack.Queue(…)"},
		{"another stack's queue", fargate(P{Queue: NewStack("Other").Queue("Queue", QueueProps{})}),
			"Service.Queue: it is not of this stack\nhint: make it with stack.Queue(…)"},
		{"another stack's cluster", fargate(P{Cluster: NewStack("Other").Cluster("Cluster", ClusterProps{})}),
			"Service.Cluster: it is not of this stack\nhint: make it with stack.Cluster(…)"},
		{"another stack's network", fargate(P{VPC: NewStack("Other").VPC("Vpc", VPCProps{})}),
			"Service.VPC: it is not of this stack\nhint: make it with stack.VPC(…)"},
		{"another stack's task", func(s *Stack) {
			s.ScheduledFargateTask("Task", ScheduledFargateTaskProps{
				Schedule: ScheduleRate(time.Hour),
				ScheduledFargateTaskDefinitionOptions: ScheduledFargateTaskDefinitionOptions{
					TaskDefinition: NewStack("Other").FargateTaskDefinition("T", FargateTaskDefinitionProps{}),
				},
			})
		}, "Task.ScheduledFargateTaskDefinitionOptions.TaskDefinition: it is not of this stack\nhint: make it with stack.FargateTaskDefinition(…)"},
		{"another's role", func(s *Stack) {
			s.TaskDefinitionFromARN("T", "arn:x").AddToTaskRolePolicy(PolicyStatement{Actions: []string{"s3:*"}, Resources: []Text{"*"}})
		}, "T.AddToTaskRolePolicy: the role is there already, and not the stack's\nhint: grant it where the role is made"},
		{"permission", func(s *Stack) {
			s.FargateTaskDefinition("T", FargateTaskDefinitionProps{}).AddToTaskRolePolicy(PolicyStatement{Resources: []Text{"*"}})
		}, "T.AddToTaskRolePolicy: Action is missing"},
		{"parameter of spate's", func(s *Stack) {
			s.Parameter("Update", ParameterProps{})
			fargate(P{})(s)
		}, "Test: writing Update: there is another entry of this name"},
		{"no container", func(s *Stack) { s.FargateTaskDefinition("T", FargateTaskDefinitionProps{}) },
			"T: a task definition needs a container\nhint: AddContainer"},
		{"retention", queue(QueueProps{RetentionPeriod: time.Second}), "Queue.RetentionPeriod: 1s is out of range\nhint: 1m0s to 336h0m0s"},
		{"fifo name", queue(QueueProps{QueueName: "x", FIFO: true}),
			"Queue.QueueName: \"x\" cannot be a name here\nhint: write 1 to 75 letters, digits, hyphens and underscores, then .fifo"},
		{"deduplication", queue(QueueProps{ContentBasedDeduplication: true}), "Queue.FIFO: only a FIFO queue deduplicates\nhint: FIFO: true"},
		{"queue arn", func(s *Stack) { s.QueueFromARN("Queue", "work") },
			"Queue.ARN: \"work\" is not a queue's ARN\nhint: write arn:aws:sqs:us-east-1:123456789012:name"},
		{"block", func(s *Stack) { s.VPC("Vpc", VPCProps{CIDR: "10.0.0.0"}) },
			"Vpc.CIDR: \"10.0.0.0\" is not a block of addresses\nhint: write an IPv4 block such as 10.0.0.0/16"},
		{"small block", func(s *Stack) { s.VPC("Vpc", VPCProps{CIDR: "10.0.0.0/28"}) },
			"Vpc.CIDR: 2 subnets do not fit: a VPC is a /16 to /28 and a subnet at least a /28\nhint: write an IPv4 block such as 10.0.0.0/16"},
		{"instance", func(s *Stack) {
			s.Cluster("Cluster", ClusterProps{Capacity: &AddCapacityOptions{InstanceType: "large"}})
		}, "Cluster.Capacity.InstanceType: \"large\" is not an instance type\nhint: write one such as m5.large"},
		{"placement", func(s *Stack) {
			s.QueueProcessingEC2Service("Service", QueueProcessingEC2ServiceProps{Image: FromRegistry("x"), PlacementConstraints: []PlacementConstraint{{Type: "memberOf"}}})
		}, "Service.PlacementConstraints: memberOf needs an Expression\nhint: Expression: \"attribute:ecs.instance-type =~ m5.*\""},
		{"no schedule", schedule(""), "Task.Schedule: \"\" is not a schedule\nhint: write cron(0 6 ? * MON *), rate(1 hour) or rate(5 hours)"},
		{"five fields", schedule("cron(0 6 * * MON)"), "Task.Schedule: a cron has six fields, not 5\nhint: minute, hour, day, month, day of the week, year: cron(0 6 ? * MON *)"},
		{"two days", schedule("cron(0 6 * * MON *)"),
			"Task.Schedule: one of day and day of the week has to be ?, the other not\nhint: cron(0 6 ? * MON *) or cron(0 6 1 * ? *)"},
		{"plural", schedule("rate(1 hours)"), "Task.Schedule: \"rate(1 hours)\" is not a schedule\nhint: write cron(0 6 ? * MON *), rate(1 hour) or rate(5 hours)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := NewStack("Test")
			test.describe(s)
			err := s.Validate()
			if err == nil || !strings.Contains("\n"+err.Error()+"\n", "\n"+test.want+"\n") {
				t.Errorf("got error %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestConstructWarnings(t *testing.T) {
	tests := []struct {
		name     string
		describe func(*Stack)
		want     []string
	}{
		{"quota", func(s *Stack) {
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{
				Image: FromRegistry("x"), CPU: 2048, MaxScalingCapacity: 4, VisibilityTimeout: time.Hour,
			})
		}, []string{"Service.MaxScalingCapacity: 4 tasks need 8 vCPU of Fargate, and a new account has 6: see Service Quotas"}},
		{"within it", func(s *Stack) {
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{
				Image: FromRegistry("x"), CPU: 2048, MaxScalingCapacity: 3, VisibilityTimeout: time.Hour,
			})
		}, nil},
		{"visibility", func(s *Stack) {
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{Image: FromRegistry("x"), MaxScalingCapacity: 3})
		}, []string{"Service.VisibilityTimeout: a message comes back after 120 s, to be worked on again, unless the container extends it: give the queue a VisibilityTimeout above the longest job"}},
		{"grace", func(s *Stack) {
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{
				Image: FromRegistry("x"), MaxScalingCapacity: 3, VisibilityTimeout: time.Hour, HealthCheckGracePeriod: time.Minute,
			})
		}, []string{"Service.HealthCheckGracePeriod: ECS takes it only from services with a load balancer"}},
		{"CDK's steps", func(s *Stack) { s.CDKDefaults = true; asWritten(s, "Service", 0) },
			[]string{"Service.ScalingSteps: at 0 messages both alarms go off, and the service scales out and in at once"}},
	}
	for _, test := range tests {
		s := NewStack("Test")
		test.describe(s)
		if diff := cmp.Diff(test.want, s.Warnings()); diff != "" {
			t.Errorf("%s: warnings (-want +got):\n%s", test.name, diff)
		}
	}
}
