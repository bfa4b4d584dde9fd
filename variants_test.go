package spate

import "time"

// corners are stacks of what the goldens leave out, for others to judge: each
// prop in its other ways.
func corners() map[string]func(*Stack) {
	image := FromRegistry("public.ecr.aws/docker/library/python:3.12-slim")
	return map[string]func(*Stack){
		"fifo": func(s *Stack) {
			q := s.Queue("Jobs", QueueProps{
				QueueName: "jobs.fifo", ContentBasedDeduplication: true, DeduplicationScope: "messageGroup", FIFOThroughputLimit: "perMessageGroupId",
				DeliveryDelay: time.Minute, MaxMessageSizeBytes: 2048, ReceiveMessageWaitTime: 20 * time.Second, VisibilityTimeout: time.Hour,
			})
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{Image: image, Queue: q})
		},
		"encrypted": func(s *Stack) {
			dead := s.Queue("Dead", QueueProps{EnforceSSL: new(false), RetentionPeriod: time.Hour})
			q := s.Queue("Jobs", QueueProps{
				EncryptionMasterKey: "alias/aws/sqs", DataKeyReuse: time.Hour, EnforceSSL: new(true), DeadLetterQueue: &DeadLetterQueue{Queue: dead, MaxReceiveCount: 10},
			})
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{Image: image, Queue: q})
		},
		"windows": func(s *Stack) {
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{
				Image: image, CPU: 2048, MemoryLimitMiB: 8192, RuntimePlatform: RuntimePlatform{OperatingSystemFamily: "WINDOWS_SERVER_2022_CORE"},
				EnableLogging: new(false), MaxReceiveCount: 9, RetentionPeriod: 24 * time.Hour,
			})
		},
		"splunk": func(s *Stack) {
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{
				Image: image, HealthCheck: &HealthCheck{Command: []string{"true"}},
				LogDriver: &LogDriver{
					Driver: "splunk", Options: map[string]Text{"splunk-url": "https://logs.example.com"},
					SecretOptions: map[string]Secret{"splunk-token": SecretFromSSMParameter("/splunk/token")},
				},
				DeploymentController: &DeploymentController{Type: "ECS"}, CircuitBreaker: &DeploymentCircuitBreaker{Enable: new(false)},
				EnableECSManagedTags: new(false), PropagateTags: "NONE", CPUTargetUtilizationPercent: 70, MinScalingCapacity: new(2),
			})
		},
		"deployed by others": func(s *Stack) {
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{
				Image: image, DeploymentController: &DeploymentController{Type: "CODE_DEPLOY"},
				LogDriver: &LogDriver{DatetimeFormat: "%Y-%m-%d", Mode: "non-blocking", MaxBufferSizeBytes: 1 << 20, LogRetention: 400, StreamPrefix: "x"},
			})
		},
		"given": func(s *Stack) {
			vpc := s.VPCFromAttributes("Vpc", VPCAttributes{
				VPCID: "vpc-0123456789abcdef0", PublicSubnetIDs: []Text{"subnet-0123456789abcdef0"}, IsolatedSubnetIDs: []Text{"subnet-0123456789abcdef1"},
			})
			c := s.ClusterFromAttributes("Cluster", ClusterAttributes{ClusterName: "workers", VPC: vpc, CapacityProvider: "mine"})
			q := s.QueueFromARN("Queue", "arn:aws:sqs:us-east-1:123456789012:work")
			t := s.TaskDefinitionFromARN("Task", "arn:aws:ecs:us-east-1:123456789012:task-definition/work:1")
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{Cluster: c, Queue: q, TaskDefinition: t, SecurityGroups: []Text{"sg-0123456789abcdef0"}})
			s.QueueProcessingEC2Service("Instances", QueueProcessingEC2ServiceProps{Cluster: c, Queue: q, Image: image})
			s.ScheduledFargateTask("Hourly", ScheduledFargateTaskProps{
				Cluster: c, Schedule: ScheduleRate(time.Hour), SubnetSelection: &SubnetSelection{Subnets: []Text{"subnet-0123456789abcdef0"}},
				ScheduledFargateTaskDefinitionOptions: ScheduledFargateTaskDefinitionOptions{TaskDefinition: t},
			})
		},
		"roles": func(s *Stack) {
			t := s.FargateTaskDefinition("Task", FargateTaskDefinitionProps{
				TaskRole: "arn:aws:iam::123456789012:role/task", ExecutionRole: "arn:aws:iam::123456789012:role/start", CPU: 16384, MemoryLimitMiB: 122880,
			})
			t.AddContainer("main", ContainerProps{Image: image, CPU: 1024, MemoryLimitMiB: 4096, MemoryReservationMiB: 2048, StopTimeout: time.Minute})
			t.AddContainer("side", ContainerProps{Image: image, Optional: true, NoLogging: true, Secrets: map[string]Secret{
				"A": SecretFromSecretsManagerVersion("arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf", SecretVersionInfo{VersionStage: "AWSCURRENT"}, "key"),
			}})
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{TaskDefinition: t, EnableExecuteCommand: true})
		},
		"graviton": func(s *Stack) {
			vpc := s.VPC("Vpc", VPCProps{MaxAZs: 3, NATGateways: new(3), CIDR: "10.9.0.0/16"})
			c := s.Cluster("Cluster", ClusterProps{VPC: vpc, EnableFargateCapacityProviders: true, Capacity: &AddCapacityOptions{
				InstanceType: "m7g.large", MinCapacity: 1, MaxCapacity: 2, MachineImage: "ami-0123456789abcdef0", AssociatePublicIPAddress: new(false),
			}})
			s.QueueProcessingEC2Service("Service", QueueProcessingEC2ServiceProps{
				Cluster: c, Image: image, EnableLogging: new(false), ServiceName: "work", Family: "work", EnableExecuteCommand: true,
				Secrets:      map[string]Secret{"A": SecretFromSSMParameter("/a")},
				ScalingSteps: []ScalingStep{{Change: -2, Upper: new(0)}, {Change: 2, Lower: new(5), Upper: new(50)}, {Change: 9, Lower: new(50)}},
				Cooldown:     time.Minute, MinHealthyPercent: new(50), MaxHealthyPercent: new(150),
				PlacementConstraints: []PlacementConstraint{{Type: "memberOf", Expression: "attribute:ecs.instance-type =~ m7g.*"}},
				PlacementStrategies:  []PlacementStrategy{{Type: "random"}},
			})
		},
		"spot": func(s *Stack) {
			s.Tag("team", "forecast")
			s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{
				Image: FromECRRepository("work:v1"), CPU: 512, CapacityProviderStrategies: []CapacityProviderStrategy{{CapacityProvider: "FARGATE_SPOT", Weight: 1}},
				RuntimePlatform: RuntimePlatform{CPUArchitecture: "ARM64"},
			})
			s.QueueProcessingFargateService("Other", QueueProcessingFargateServiceProps{Image: image, MaxScalingCapacity: 1})
		},
		"tagged": func(s *Stack) {
			s.Tag("team", "forecast")
			s.Tag("region", Region)
			s.Resource("Parameter", "AWS::SSM::Parameter", map[string]any{"Type": "String", "Value": "x"})
			s.Resource("Topic", "AWS::SNS::Topic", map[string]any{"Tags": []map[string]string{{"Key": "team", "Value": "own"}}})
			s.Resource("Secret", "AWS::SecretsManager::Secret", map[string]any{"GenerateSecretString": map[string]any{}})
			for _, policy := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
				s.Override("Secret", policy, "Delete")
			}
			s.Resource("Group", "AWS::Scheduler::ScheduleGroup", nil)
			s.ScheduledFargateTask("Weekly", ScheduledFargateTaskProps{
				Schedule: "cron(0 6 ? * MON *)", ScheduledFargateTaskImageOptions: ScheduledFargateTaskImageOptions{Image: image},
			})
			s.QueueProcessingEC2Service("Service", QueueProcessingEC2ServiceProps{Image: image, GPUCount: 1})
		},
	}
}
