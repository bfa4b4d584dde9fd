package spate

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// asWritten is the stack of CDK's as-written template, in Go; from is where the
// service begins to scale out.
func asWritten(s *Stack, id string, from int) *Stack {
	q := s.Queue("ResourceQueue", QueueProps{})
	s.QueueProcessingFargateService(id, QueueProcessingFargateServiceProps{
		Image:        FromECRRepository("container"),
		Queue:        q,
		Command:      []Text{"--sqsUrl", q.URL()},
		ScalingSteps: []ScalingStep{{Change: -1, Upper: new(0)}, {Change: +1, Lower: new(from)}},
	})
	return s
}

// everyProp is the stack of CDK's every-prop template, in Go.
func everyProp(s *Stack, id string) *Stack {
	vpc := s.VPC("Vpc", VPCProps{NATGateways: new(0)})
	cluster := s.Cluster("Cluster", ClusterProps{VPC: vpc, EnableFargateCapacityProviders: true})
	s.Resource("Group", "AWS::EC2::SecurityGroup", map[string]any{"GroupDescription": "C/SG", "VpcId": vpc.ID()})
	s.Resource("Secret", "AWS::SecretsManager::Secret", map[string]any{"GenerateSecretString": map[string]any{}})
	s.Resource("Logs", "AWS::Logs::LogGroup", map[string]any{"RetentionInDays": 7})
	for id, policy := range map[string]string{"Secret": "Delete", "Logs": "Retain"} {
		s.Override(id, "DeletionPolicy", policy)
		s.Override(id, "UpdateReplacePolicy", policy)
	}
	s.QueueProcessingFargateService(id, QueueProcessingFargateServiceProps{
		ServiceName: "svc", Cluster: cluster, Image: FromRegistry("amazon/amazon-ecs-sample"), Command: []Text{"run"},
		EnableLogging: new(true), Environment: map[string]Text{"A": "1"},
		Secrets:         map[string]Secret{"TOKEN": SecretFromSecretsManager(Ref("Secret"), "tok")},
		MaxReceiveCount: 5, VisibilityTimeout: 6 * time.Hour, RetentionPeriod: 14 * 24 * time.Hour,
		MinScalingCapacity: new(0), MaxScalingCapacity: 50,
		ScalingSteps: []ScalingStep{
			{Change: -50, Upper: new(0)}, {Change: 5, Lower: new(1)}, {Change: 20, Lower: new(10)}, {Change: 50, Lower: new(100)},
		},
		Cooldown:  time.Minute,
		LogDriver: &LogDriver{StreamPrefix: "w", LogGroup: Ref("Logs"), Mode: "non-blocking"}, PropagateTags: "SERVICE",
		EnableECSManagedTags: new(true), Family: "fam", MaxHealthyPercent: new(200), MinHealthyPercent: new(100),
		DeploymentController: &DeploymentController{Type: "ECS"}, CircuitBreaker: &DeploymentCircuitBreaker{Rollback: true},
		CapacityProviderStrategies: []CapacityProviderStrategy{
			{CapacityProvider: "FARGATE_SPOT", Weight: 4}, {CapacityProvider: "FARGATE", Weight: 1, Base: 1},
		},
		EnableExecuteCommand: true, DisableCPUBasedScaling: true,
		CPU: 4096, MemoryLimitMiB: 16384, EphemeralStorageGiB: 100, PlatformVersion: "1.4.0",
		RuntimePlatform: RuntimePlatform{CPUArchitecture: "ARM64", OperatingSystemFamily: "LINUX"},
		ContainerName:   "worker",
		HealthCheck:     &HealthCheck{Command: []string{"CMD-SHELL", "true"}, StartPeriod: 10 * time.Second},
		TaskSubnets:     &SubnetSelection{SubnetType: "PUBLIC"}, SecurityGroups: []Text{GetAtt("Group", "GroupId")}, AssignPublicIP: new(true),
	})
	return s
}

// onlyTheImage is the stack of CDK's defaults template, in Go.
func onlyTheImage(s *Stack, id string) *Stack {
	s.QueueProcessingFargateService(id, QueueProcessingFargateServiceProps{Image: FromRegistry("amazon/amazon-ecs-sample")})
	return s
}

// mondays is the stack of CDK's scheduled template, in Go.
func mondays(s *Stack, id string) *Stack {
	s.ScheduledFargateTask(id, ScheduledFargateTaskProps{
		Schedule: ScheduleCron(CronOptions{Minute: "0", Hour: "6", WeekDay: "MON"}),
		ScheduledFargateTaskImageOptions: ScheduledFargateTaskImageOptions{
			Image: FromRegistry("amazon/amazon-ecs-sample"), Environment: map[string]Text{"A": "1"}, Command: []Text{"run"},
		},
	})
	return s
}

// instances is a service on EC2 with every prop that Fargate's lacks.
func instances(s *Stack) *Stack {
	cluster := s.Cluster("Cluster", ClusterProps{
		ClusterName: "workers", ContainerInsights: "enhanced",
		Capacity: &AddCapacityOptions{InstanceType: "g5.xlarge", MaxCapacity: 4, SpotPrice: "0.50", KeyName: "me"},
	})
	s.QueueProcessingEC2Service("Service", QueueProcessingEC2ServiceProps{
		Cluster: cluster, Image: FromRegistry("amazon/amazon-ecs-sample"), VisibilityTimeout: time.Hour,
		CPU: 1024, MemoryLimitMiB: 4096, MemoryReservationMiB: 2048, GPUCount: 1, MaxScalingCapacity: 4,
		PlacementConstraints: []PlacementConstraint{{Type: "distinctInstance"}},
		PlacementStrategies:  []PlacementStrategy{{Type: "binpack", Field: "CPU"}, {Type: "spread", Field: "instanceId"}},
	})
	s.QueueProcessingEC2Service("Plain", QueueProcessingEC2ServiceProps{
		Image: FromRegistry("amazon/amazon-ecs-sample"), VisibilityTimeout: time.Hour, CPUTargetUtilizationPercent: 60,
	})
	return s
}

// scheduled is a scheduled task with every prop, and one with a task
// definition that is there already.
func scheduled(s *Stack) *Stack {
	s.Tag("team", "forecast")
	vpc := s.VPCFromAttributes("Network", VPCAttributes{VPCID: "vpc-0123456789abcdef0", PrivateSubnetIDs: []Text{"subnet-0123456789abcdef0"}})
	t := s.ScheduledFargateTask("Weekly", ScheduledFargateTaskProps{
		Schedule: ScheduleCron(CronOptions{Minute: "0", Hour: "6", WeekDay: "MON"}), DesiredTaskCount: 2,
		Enabled: new(false), RuleName: "weekly", VPC: vpc, SubnetSelection: &SubnetSelection{SubnetType: "PRIVATE_WITH_EGRESS"},
		SecurityGroups: []Text{"sg-0123456789abcdef0"}, PropagateTags: "TASK_DEFINITION", Tags: map[string]Text{"run": "weekly"},
		PlatformVersion: "LATEST",
		ScheduledFargateTaskImageOptions: ScheduledFargateTaskImageOptions{
			Image: FromECRRepository("batch:v2"), Command: []Text{"report"}, ContainerName: "report",
			Environment: map[string]Text{"BUCKET": "reports-" + AccountID}, CPU: 512, MemoryLimitMiB: 2048,
			Secrets:   map[string]Secret{"KEY": SecretFromSSMParameter("/report/key")},
			LogDriver: &LogDriver{LogRetention: 7},
		},
	})
	t.TaskDefinition.AddToTaskRolePolicy(PolicyStatement{Actions: []string{"s3:PutObject"}, Resources: []Text{"arn:" + Partition + ":s3:::reports-" + AccountID + "/*"}})
	shared := s.FargateTaskDefinition("Shared", FargateTaskDefinitionProps{MemoryLimitMiB: 4096})
	shared.AddContainer("main", ContainerProps{Image: FromRegistry("amazon/amazon-ecs-sample"), EntryPoint: []Text{"sh", "-c"}, Command: []Text{"echo ${HOME} in " + Region}})
	s.ScheduledFargateTask("Daily", ScheduledFargateTaskProps{
		Schedule:                              ScheduleRate(24 * time.Hour),
		ScheduledFargateTaskDefinitionOptions: ScheduledFargateTaskDefinitionOptions{TaskDefinition: shared},
	})
	s.Output("Rule", t.RuleName())
	return s
}

// private is a service in private subnets, with a queue that is there already.
func private(s *Stack) *Stack {
	s.Parameter("ImageTag", ParameterProps{Default: new("latest"), Description: "What to run"})
	q := s.QueueFromARN("Queue", "arn:aws:sqs:us-east-1:123456789012:work")
	s.QueueProcessingFargateService("Service", QueueProcessingFargateServiceProps{
		Image: FromECRRepository("container:" + Ref("ImageTag")), Queue: q, VPC: s.VPC("Vpc", VPCProps{CIDR: "10.1.0.0/20", MaxAZs: 3, NATGateways: new(1)}),
		Command: []Text{q.URL()}, MaxScalingCapacity: 1,
	})
	return s
}

// constructs are the stacks whose templates are goldens.
func constructs() map[string]*Stack {
	return map[string]*Stack{
		"construct-defaults":   onlyTheImage(NewStack("Defaults"), "Service"),
		"construct-as-written": asWritten(NewStack("Weekly"), "FargateService", 1),
		"construct-every-prop": everyProp(NewStack("Every"), "Service"),
		"construct-ec2":        instances(NewStack("Instances")),
		"construct-scheduled":  scheduled(NewStack("Scheduled")),
		"construct-private":    private(NewStack("Private")),
	}
}

// cdkConstructs are stacks with the defaults of CDK.
func cdkConstructs() map[string]*Stack {
	begin := func(name string) *Stack {
		s := NewStack(name)
		s.CDKDefaults = true
		return s
	}
	return map[string]*Stack{
		"cdk-defaults":   onlyTheImage(begin("Defaults"), "Service"),
		"cdk-as-written": asWritten(begin("Weekly"), "FargateService", 1),
		"cdk-every-prop": everyProp(begin("Every"), "Service"),
		"cdk-scheduled":  mondays(begin("Scheduled"), "Task"),
	}
}

// What nothing uses is not in a template.
func TestNoUpdateWithCDKDefaults(t *testing.T) {
	for name, stack := range cdkConstructs() {
		for _, unused := range []string{updateParameter, updating} {
			if got := indented(t, stack); bytes.Contains(got, []byte(`"`+unused+`"`)) {
				t.Errorf("%s: got %s, want none", name, unused)
			}
		}
	}
}

func TestConstructsGolden(t *testing.T) {
	again := constructs()
	for name, stack := range constructs() {
		t.Run(name, func(t *testing.T) {
			got := indented(t, stack)
			if *update {
				if err := os.WriteFile(golden(name), got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden(name))
			if err != nil {
				t.Fatalf("reading what is wanted (go test . -update writes it): %v", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("template (-want +got):\n%s", diff)
			}
			if second := indented(t, again[name]); !bytes.Equal(got, second) {
				t.Error("got another template the second time")
			}
		})
	}
}

func indented(t *testing.T, s *Stack) []byte {
	t.Helper()
	written, err := s.Template()
	if err != nil {
		t.Fatalf("synthesising: %v", err)
	}
	return written.JSON()
}

// Of a prop that CDK has there is one here, under the same name.
func TestPropsAreCDKs(t *testing.T) {
	base := []string{
		"serviceName", "cluster", "vpc", "image", "command", "enableLogging", "environment", "secrets", "queue",
		"maxReceiveCount", "visibilityTimeout", "retentionPeriod", "maxScalingCapacity", "minScalingCapacity",
		"scalingSteps", "cooldown", "logDriver", "propagateTags", "enableECSManagedTags", "family", "maxHealthyPercent",
		"minHealthyPercent", "deploymentController", "circuitBreaker", "capacityProviderStrategies",
		"enableExecuteCommand", "disableCpuBasedScaling", "cpuTargetUtilizationPercent", "containerName", "cpu", "memoryLimitMiB",
	}
	task := []string{"ephemeralStorageGiB", "runtimePlatform", "cpu", "memoryLimitMiB"}
	tests := []struct {
		of    any
		props []string
	}{
		{QueueProcessingFargateServiceProps{}, append(append(base, task...),
			"taskDefinition", "platformVersion", "healthCheck", "taskSubnets", "securityGroups", "assignPublicIp", "healthCheckGracePeriod")},
		{QueueProcessingEC2ServiceProps{}, append(base, "memoryReservationMiB", "gpuCount", "placementConstraints", "placementStrategies")},
		{ScheduledFargateTaskProps{}, []string{
			"cluster", "vpc", "schedule", "enabled", "ruleName", "desiredTaskCount", "subnetSelection", "securityGroups", "propagateTags",
			"tags", "scheduledFargateTaskDefinitionOptions", "scheduledFargateTaskImageOptions", "platformVersion",
		}},
		{ScheduledFargateTaskImageOptions{}, append(task, "image", "containerName", "command", "environment", "secrets", "logDriver")},
		{HealthCheck{}, []string{"command", "interval", "retries", "startPeriod", "timeout"}},
		{CapacityProviderStrategy{}, []string{"capacityProvider", "base", "weight"}},
		{DeploymentCircuitBreaker{}, []string{"enable", "rollback"}},
		{RuntimePlatform{}, []string{"cpuArchitecture", "operatingSystemFamily"}},
		{ScalingStep{}, []string{"lower", "upper", "change"}},
	}
	for _, test := range tests {
		kind := reflect.TypeOf(test.of)
		for _, prop := range test.props {
			if _, ok := kind.FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, prop) }); !ok {
				t.Errorf("%s has no counterpart of %s", kind.Name(), prop)
			}
		}
	}
}
