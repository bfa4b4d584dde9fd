package spate

import (
	"errors"
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
	cdk := func(describe func(*Stack)) func(*Stack) {
		return func(s *Stack) {
			s.CDKDefaults = true
			describe(s)
		}
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
		}, "T.AddToTaskRolePolicy: Action is missing\nhint: Actions: []string{\"s3:GetObject\"}"},
		{"parameter of spate's", func(s *Stack) {
			s.Parameter("Update", ParameterProps{})
			fargate(P{})(s)
		}, "Update.Parameter: the stack has another parameter of this name\nhint: choose another name"},
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
		{"bound below none", steps(ScalingStep{Change: -1, Upper: new(-5)}, ScalingStep{Change: 1, Lower: new(1)}),
			"Service.ScalingSteps[0]: a backlog is never below 0, and Upper is -5\nhint: Upper: new(0)"},
		{"lower bound below none", steps(ScalingStep{Change: -1, Lower: new(-5), Upper: new(0)}, ScalingStep{Change: 1, Lower: new(1)}),
			"Service.ScalingSteps[0]: a backlog is never below 0, and Lower is -5\nhint: leave Lower out"},
		{"large change", steps(ScalingStep{Change: -1, Upper: new(0)}, ScalingStep{Change: 1 << 31, Lower: new(1)}),
			"Service.ScalingSteps[1]: a step changes 2147483647 tasks at most, not 2147483648\nhint: Change: +100"},
		{"large change down", steps(ScalingStep{Change: -1 << 31, Upper: new(0)}, ScalingStep{Change: 1, Lower: new(1)}),
			"Service.ScalingSteps[0]: a step changes 2147483647 tasks at most, not -2147483648\nhint: Change: -100"},
		{"large bound", steps(ScalingStep{Change: -1, Upper: new(0)}, ScalingStep{Change: 1, Lower: new(1)}, ScalingStep{Change: 2, Lower: new(1 << 40)}),
			"Service.ScalingSteps[2]: a bound is 2147483647 at most, and Lower is 1099511627776\nhint: leave the step out"},
		{"CDK's bound below none", cdk(steps(ScalingStep{Change: -1, Upper: new(-5)}, ScalingStep{Change: 1, Lower: new(1)})),
			"Service.ScalingSteps[0]: a backlog is never below 0, and Upper is -5\nhint: Upper: new(0)"},
		{"too many steps", steps(append([]ScalingStep{{Change: -1, Upper: new(0)}}, ladder(21)...)...),
			"Service.ScalingSteps: a policy has at most 20 steps, not 21\nhint: make one of several"},
		{"space in an image", fargate(P{Image: FromRegistry("my image")}), "Service.Image: \"my image\" is not an image: \" \" cannot stand in it\nhint: write python:3.12-slim or registry.example.com/team/train:v1"},
		{"capitals in an image", fargate(P{Image: FromRegistry("Team/Train:V1")}),
			"Service.Image: \"Team/Train:V1\" is not an image: the repository is in lower case\nhint: write team/train:V1"},
		{"no tag", fargate(P{Image: FromRegistry("python:")}), "Service.Image: \"python:\" is not an image: the tag is missing\nhint: write python:latest"},
		{"bad tag", fargate(P{Image: FromRegistry("python:-1")}),
			"Service.Image: \"python:-1\" is not an image: a tag is 1 to 128 letters, digits and _ . -, and begins with none of the last two\nhint: write python:latest"},
		{"bad digest", fargate(P{Image: FromRegistry("python@sha256:12")}),
			"Service.Image: \"python@sha256:12\" is not an image: a digest is sha256: and 64 hexadecimal digits\nhint: write python:latest"},
		{"empty part of an image", fargate(P{Image: FromRegistry("team//train")}),
			"Service.Image: \"team//train\" is not an image: a part of its name is empty\nhint: write python:3.12-slim or registry.example.com/team/train:v1"},
		{"empty repository", fargate(P{Image: FromECRRepository("")}),
			"Service.Image: \"\" is not a repository: its name is missing\nhint: write FromECRRepository(\"train:v1\")"},
		{"capitals in a repository", fargate(P{Image: FromECRRepository("Container")}),
			"Service.Image: \"Container\" is not an image: the repository is in lower case\nhint: write container"},
		{"logs and none", fargate(P{EnableLogging: new(false), LogDriver: &LogDriver{}}),
			"Service.LogDriver: it is given, and EnableLogging is false\nhint: leave one out"},
		{"logs and none on EC2", func(s *Stack) {
			s.QueueProcessingEC2Service("Service", QueueProcessingEC2ServiceProps{Image: FromRegistry("x"), EnableLogging: new(false), LogDriver: &LogDriver{}})
		}, "Service.LogDriver: it is given, and EnableLogging is false\nhint: leave one out"},
		{"logs and none of a container", func(s *Stack) {
			s.FargateTaskDefinition("T", FargateTaskDefinitionProps{}).AddContainer("c", ContainerProps{Image: FromRegistry("x"), NoLogging: true, Logging: &LogDriver{}})
		}, "T.Logging: it is given, and NoLogging is true\nhint: leave one out"},
		{"cpu and none", fargate(P{CPUTargetUtilizationPercent: 50, DisableCPUBasedScaling: true}),
			"Service.CPUTargetUtilizationPercent: it is given, and DisableCPUBasedScaling is true\nhint: leave one out"},
		{"two patterns", fargate(P{LogDriver: &LogDriver{DatetimeFormat: "%Y", MultilinePattern: "^x"}}),
			"Service.LogDriver: DatetimeFormat and MultilinePattern are both given\nhint: leave one out"},
		{"group and retention", fargate(P{LogDriver: &LogDriver{LogGroup: "g", LogRetention: 7}}),
			"Service.LogDriver.LogRetention: it is given beside LogGroup\nhint: set it where the group is made"},
		{"retention below none", fargate(P{LogDriver: &LogDriver{LogRetention: -1}}),
			"Service.LogDriver.LogRetention: -1 is out of range\nhint: 1 to 3653, or leave it out"},
		{"another driver's", fargate(P{LogDriver: &LogDriver{Driver: "splunk", LogRetention: 7}}),
			"Service.LogDriver.LogRetention: the driver splunk does not have it\nhint: write the driver's own Options"},
		{"circuit breaker of others", fargate(P{CircuitBreaker: &DeploymentCircuitBreaker{}, DeploymentController: &DeploymentController{Type: "CODE_DEPLOY"}}),
			"Service.CircuitBreaker: CODE_DEPLOY has none\nhint: leave it out, or the DeploymentController"},
		{"no secret", fargate(P{Secrets: map[string]Secret{"KEY": {}}}),
			"Service.Secrets: KEY is of no secret\nhint: KEY: spate.SecretFromSSMParameter(…) or spate.SecretFromSecretsManager(…)"},
		{"no secret of a driver", fargate(P{LogDriver: &LogDriver{Driver: "splunk", SecretOptions: map[string]Secret{"token": {}}}}),
			"Service.LogDriver.SecretOptions: token is of no secret\nhint: token: spate.SecretFromSSMParameter(…) or spate.SecretFromSecretsManager(…)"},
		{"nameless variable", fargate(P{Environment: map[string]Text{"": "x"}}), "Service.Environment: a variable has no name\nhint: name it"},
		{"nameless secret", fargate(P{Secrets: map[string]Secret{"": SecretFromSSMParameter("/a")}}), "Service.Secrets: a variable has no name\nhint: name it"},
		{"variable with =", fargate(P{Environment: map[string]Text{"A=B": "x"}}), "Service.Environment: \"A=B\" cannot be a variable's name\nhint: it ends where the = is"},
		{"token as a variable", fargate(P{Environment: map[string]Text{string(Region): "x"}}),
			"Service.Environment: a variable's name holds ${AWS::Region}, which only the deployed stack knows\nhint: names are plain strings; values may hold tokens"},
		{"no weight", fargate(P{CapacityProviderStrategies: []CapacityProviderStrategy{{CapacityProvider: "FARGATE"}, {CapacityProvider: "FARGATE_SPOT"}}}),
			"Service.CapacityProviderStrategies: no strategy has a Weight, so none gets tasks\nhint: Weight: 1"},
		{"provider twice", fargate(P{CapacityProviderStrategies: []CapacityProviderStrategy{{CapacityProvider: "FARGATE", Weight: 1}, {CapacityProvider: "FARGATE", Weight: 2}}}),
			"Service.CapacityProviderStrategies: FARGATE is named twice\nhint: leave one out"},
		{"mixed providers", func(s *Stack) {
			c := s.Cluster("Cluster", ClusterProps{Capacity: &AddCapacityOptions{}})
			fargate(P{Cluster: c, CapacityProviderStrategies: []CapacityProviderStrategy{{CapacityProvider: "FARGATE", Weight: 1}, {CapacityProvider: "mine", Weight: 1}}})(s)
		}, "Service.CapacityProviderStrategies: Fargate's capacity providers and a group's cannot be mixed\nhint: make two services"},
		{"two queues of a name", func(s *Stack) {
			s.Queue("A", QueueProps{QueueName: "work"})
			s.Queue("B", QueueProps{QueueName: "work"})
		}, "B.QueueName: A has the name \"work\" too\nhint: choose another, or leave it out"},
		{"two clusters of a name", func(s *Stack) {
			s.Cluster("A", ClusterProps{ClusterName: "c"})
			s.Resource("B", "AWS::ECS::Cluster", map[string]any{"ClusterName": "c"})
		}, "B.ClusterName: A has the name \"c\" too\nhint: choose another, or leave it out"},
		{"arm with windows", fargate(P{CPU: 1024, RuntimePlatform: RuntimePlatform{CPUArchitecture: "ARM64", OperatingSystemFamily: "WINDOWS_SERVER_2022_CORE"}}),
			"Service.RuntimePlatform: Fargate has Windows on X86_64 alone\nhint: leave CPUArchitecture out"},
		{"no health command", fargate(P{HealthCheck: &HealthCheck{Command: []string{"CMD-SHELL"}}}),
			"Service.HealthCheck: CMD-SHELL has no command behind it\nhint: Command: []string{\"CMD-SHELL\", \"…\"}"},
		{"two health commands", fargate(P{HealthCheck: &HealthCheck{Command: []string{"CMD-SHELL", "curl", "localhost"}}}),
			"Service.HealthCheck: CMD-SHELL takes one command, not 2 words\nhint: Command: []string{\"CMD-SHELL\", \"curl localhost\"}"},
		{"empty health command", fargate(P{HealthCheck: &HealthCheck{Command: []string{"CMD", ""}}}),
			"Service.HealthCheck: a word of the command is empty\nhint: Command: []string{\"CMD-SHELL\", \"…\"}"},
		{"fifo dead letters", func(s *Stack) {
			dead := s.Queue("Dead", QueueProps{FIFO: true})
			s.Queue("Queue", QueueProps{DeadLetterQueue: &DeadLetterQueue{Queue: dead}})
		}, "Queue.DeadLetterQueue.Queue: a standard queue's dead-letter queue is a standard queue too\nhint: leave FIFO out there, or out of both"},
		{"standard dead letters", func(s *Stack) {
			s.Queue("Queue", QueueProps{QueueName: "q.fifo", DeadLetterQueue: &DeadLetterQueue{Queue: s.QueueFromARN("Dead", "arn:aws:sqs:us-east-1:123456789012:dead")}})
		}, "Queue.DeadLetterQueue.Queue: a FIFO queue's dead-letter queue is a FIFO queue too\nhint: FIFO: true there"},
		{"token as a key", func(s *Stack) {
			s.Resource("Topic", "AWS::SNS::Topic", map[string]any{"X": []any{map[string]any{string(Region): 1}}})
		}, "Topic: the key Properties.X.0.${AWS::Region} holds a token, which only the deployed stack knows\nhint: keys are plain strings; values may hold tokens"},
		{"token as an overridden key", func(s *Stack) {
			s.Resource("Topic", "AWS::SNS::Topic", nil)
			s.Override("Topic", "Properties.X", map[string]Text{string(Region): "x"})
		}, "Topic: the key Properties.X.${AWS::Region} holds a token, which only the deployed stack knows\nhint: keys are plain strings; values may hold tokens"},
		{"output named by a token", func(s *Stack) { s.Output(string(Region), "x") },
			"${AWS::Region}.Output: \"${AWS::Region}\" cannot be a name here\nhint: write 1 to 255 letters and digits"},
		{"parameter named by a token", func(s *Stack) { s.Parameter(string(Region), ParameterProps{}) },
			"${AWS::Region}.Parameter: \"${AWS::Region}\" cannot be a name here\nhint: write 1 to 255 letters and digits"},
		{"id with a token", func(s *Stack) { s.Resource(string(Region), "AWS::SNS::Topic", nil) },
			"${AWS::Region}: \"${AWS::Region}\" cannot be an id\nhint: write 1 to 255 letters and digits"},
		{"container without a name", func(s *Stack) {
			s.FargateTaskDefinition("T", FargateTaskDefinitionProps{}).AddContainer("", ContainerProps{Image: FromRegistry("x")})
		}, "T.ContainerName: \"\" cannot be a name here\nhint: write 1 to 255 letters, digits, hyphens and underscores"},
		{"two containers of a name", func(s *Stack) {
			t := s.FargateTaskDefinition("T", FargateTaskDefinitionProps{})
			t.AddContainer("c", ContainerProps{Image: FromRegistry("x")})
			t.AddContainer("c", ContainerProps{Image: FromRegistry("x")})
		}, "T.ContainerName: the task has another container \"c\"\nhint: choose another name"},
		{"tag's key", func(s *Stack) { s.Tag(string(Region), "x") },
			"Stack.Tag: \"${AWS::Region}\" cannot be a tag's key\nhint: 1 to 128 characters, no token, and aws: not in front"},
		{"no tag's key", func(s *Stack) { s.Tag("", "x") }, "Stack.Tag: \"\" cannot be a tag's key\nhint: 1 to 128 characters, no token, and aws: not in front"},
		{"half minutes", schedule(ScheduleRate(90 * time.Second)), "Task.Schedule: AWS has whole minutes, hours and days, not 1m30s\nhint: rate(2 minutes)"},
		{"half an hour and a bit", schedule(ScheduleRate(time.Hour + time.Second)), "Task.Schedule: AWS has whole minutes, hours and days, not 1h0m1s\nhint: rate(1 hour)"},
		{"no time", schedule(ScheduleRate(0)), "Task.Schedule: AWS has whole minutes, hours and days, not 0s\nhint: rate(1 minute)"},
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
			for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
				if p, ok := errors.AsType[Problem](err); !ok || p.Where == "" || p.Fact == "" || p.Hint == "" {
					t.Errorf("got %#v, want a Problem with a place, a fact and a hint", err)
				}
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

// ladder is so many steps that scale out.
func ladder(count int) (steps []ScalingStep) {
	for i := range count {
		steps = append(steps, ScalingStep{Change: i + 1, Lower: new(i + 1)})
	}
	return steps
}

// A folder is for the embedded engine, where a command runs in it.
func TestFolderAsAnImage(t *testing.T) {
	s := NewStack("Test")
	s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{
		Image: FromRegistry("/srv/worker"), MaxScalingCapacity: 1, VisibilityTimeout: time.Hour,
	})
	if err := s.Validate(); err != nil {
		t.Errorf("got %v, want no error", err)
	}
	want := []string{`Service.Image: "/srv/worker" is a folder, which only spate up runs: AWS takes images`}
	if diff := cmp.Diff(want, s.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestImagesThatAre(t *testing.T) {
	for _, image := range []Image{
		FromRegistry("python"), FromRegistry("python:3.12-slim"), FromRegistry("localhost:5000/a"), FromRegistry("Registry.example.com/team/a__b-c:V_1"),
		FromRegistry("public.ecr.aws/docker/library/python@sha256:" + Text(strings.Repeat("0a", 32))), FromRegistry("team/train:v1@sha256:" + Text(strings.Repeat("0a", 32))),
		FromRegistry(Ref("Image")), FromRegistry("python:" + Ref("Tag")), FromRegistry("python@" + Ref("Digest")), FromRegistry(AccountID + ".dkr.ecr." + Region + ".amazonaws.com/train:v1"),
		FromECRRepository("container"), FromECRRepository(Ref("Repository")), FromECRRepository(Ref("Repository") + ":v1"), FromECRRepository("team/train:" + Ref("Tag")),
	} {
		s := NewStack("Test")
		for _, name := range []string{"Image", "Tag", "Digest", "Repository"} {
			s.Parameter(name, ParameterProps{})
		}
		s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{Image: image})
		if err := s.Validate(); err != nil {
			t.Errorf("got %v, want no error", err)
		}
	}
}
