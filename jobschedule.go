package spate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/cron"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

// The resources by which a job runs by itself.
const (
	scheduleRole           logicalID = "ScheduleRole"
	scheduleTaskRole       logicalID = "ScheduleTaskRole"
	scheduleTaskDefinition logicalID = "ScheduleTaskDefinition"
	schedule               logicalID = "Schedule"
)

// scheduleContainer is the name of the container that sends a run, and
// scheduledTime the variable that tells it for which time.
const (
	scheduleContainer = "schedule"
	scheduledTime     = "SPATE_SCHEDULED"
)

// The smallest task that Fargate has: sending a run is mostly waiting.
const (
	senderCPU    = .25
	senderMemory = 512 << 20
)

// How long after its time a run is still worth its start, and how often that is
// tried.
const (
	scheduleAge     = time.Hour
	scheduleRetries = 30
)

// jobSchedule adds the schedule that starts a small task which sends a run.
//
// The task is the job's image: the worker in front of its command sends a run in
// place of taking messages when it is told a service to send for. It needs no
// other image, and a person sees which of them runs by the variables.
func (s *Stack) jobSchedule(j job.Job, place placement) {
	if _, err := cron.Parse(j.Schedule, time.UTC, time.Unix(0, 0)); err != nil {
		s.check(Problem{"schedule", err.Error(), "write it like cron(0 6 ? * MON *), rate(7 days) or at(2027-01-31T06:00:00)"})
	}
	s.scheduleTask(j)
	task := &TaskDefinition{
		arn: scheduleTaskDefinition.ref(), execution: &role{id: executionRole}, task: &role{id: scheduleTaskRole},
	}
	may := append(startTasks(&Cluster{arn: cluster.att("Arn"), name: cluster.ref()}, task),
		allow(deadLetterQueue.att("Arn"), "sqs:SendMessage"))
	clock := s.role(scheduleRole, "scheduler.amazonaws.com", props{
		"StringEquals": props{"aws:SourceAccount": AccountID},
	}, may...)
	s.add(schedule, "AWS::Scheduler::Schedule", props{
		"Description":                "Sends a run of " + j.Name,
		"FlexibleTimeWindow":         props{"Mode": "OFF"},
		"ScheduleExpression":         j.Schedule,
		"ScheduleExpressionTimezone": "UTC",
		"Target": props{
			"Arn":              cluster.att("Arn"),
			"DeadLetterConfig": props{"Arn": deadLetterQueue.att("Arn")},
			"EcsParameters": props{
				"EnableECSManagedTags": true,
				"LaunchType":           "FARGATE",
				"NetworkConfiguration": props{"AwsvpcConfiguration": place.configuration},
				"PropagateTags":        "TASK_DEFINITION",
				"TaskCount":            1,
				"TaskDefinitionArn":    scheduleTaskDefinition.ref(),
			},
			// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
			"Input": `{"containerOverrides":[{"name":"` + scheduleContainer + `","environment":[{"name":"` +
				scheduledTime + `","value":"<aws.scheduler.scheduled-time>"}]}]}`,
			"RetryPolicy": props{"MaximumEventAgeInSeconds": seconds(scheduleAge), "MaximumRetryAttempts": scheduleRetries},
			"RoleArn":     clock.arn(),
		},
	}).DependsOn = place.dependsOn
}

// scheduleTask adds what the task is that sends a run, and what it may do.
func (s *Stack) scheduleTask(j job.Job) {
	cpu, memory, err := fargate(senderCPU, senderMemory)
	s.check(err)
	platform := RuntimePlatform{}
	if j.Arch == "arm64" {
		platform.CPUArchitecture = "ARM64"
	}
	c := jobContainer(j, nil)
	c.name = scheduleContainer
	tell, mayTell := telling(j.Notify)
	c.environment = append(list{
		props{"Name": "SPATE_BUCKET", "Value": bucket.ref()},
		props{"Name": "SPATE_CLUSTER", "Value": cluster.ref()},
		props{"Name": "SPATE_QUEUE_URL", "Value": queue.ref()},
		props{"Name": "SPATE_SERVICE", "Value": service.att("Name")},
		props{"Name": "SPATE_STACK", "Value": StackName},
	}, tell...)
	s.add(scheduleTaskDefinition, "AWS::ECS::TaskDefinition", props{
		"ContainerDefinitions":    list{c.props()},
		"Cpu":                     cpu,
		"ExecutionRoleArn":        executionRole.att("Arn"),
		"Memory":                  memory,
		"NetworkMode":             "awsvpc",
		"RequiresCompatibilities": list{"FARGATE"},
		"RuntimePlatform":         runtimePlatform(platform),
		"TaskRoleArn":             scheduleTaskRole.att("Arn"),
	})
	s.role(scheduleTaskRole, "ecs-tasks.amazonaws.com", onlyOurTasks(), slices.Concat(sendRuns(), readInputs(j), mayTell)...)
}

// sendRuns are the statements by which a task sends a run: it writes the
// record, sends the messages, and raises the service's minimum.
//
// A scalable target's ARN ends in an id that no template knows, so the
// conditions say what it is of; who changes one needs the rights at the service
// too.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsapplicationautoscaling.html
// https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_id-based-policy-examples.html
func sendRuns() []props {
	scale := allow("arn:"+Partition+":application-autoscaling:"+Region+":"+AccountID+":scalable-target/*",
		"application-autoscaling:PutScheduledAction", "application-autoscaling:RegisterScalableTarget")
	scale["Condition"] = props{"StringEquals": props{
		"application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
		"application-autoscaling:service-namespace":  "ecs",
	}}
	return []props{
		// Whole: with a condition on the prefix, what is not there is denied still.
		allow(bucket.att("Arn"), "s3:ListBucket"),
		allow(template.Sub("${Bucket.Arn}/schedule/*"), "s3:GetObject"),
		allow(template.Sub("${Bucket.Arn}/runs/*"), "s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
		allow(queue.att("Arn"), "sqs:SendMessage"),
		allow("*", "application-autoscaling:DescribeScalableTargets"), // takes no resource
		scale,
		allow("arn:"+Partition+":ecs:"+Region+":"+AccountID+":service/"+cluster.ref()+"/"+service.att("Name"),
			"ecs:DescribeServices", "ecs:UpdateService"),
	}
}

// readInputs are the statements by which a task takes inputs that are in other
// buckets.
func readInputs(j job.Job) (statements []props) {
	for _, input := range j.Inputs {
		address, ok := strings.CutPrefix(input, "s3://")
		if !ok {
			continue
		}
		bucket, key, ok := strings.Cut(address, "/")
		if !ok || bucket == "" || key == "" {
			continue // which sending a run refuses
		}
		list := allow(fmt.Sprintf("arn:%s:s3:::%s", Partition, bucket), "s3:ListBucket")
		list["Condition"] = props{"StringLike": props{"s3:prefix": key + "*"}}
		objects := key
		if strings.HasSuffix(key, "/") {
			objects += "*"
		}
		statements = append(statements, list, allow(fmt.Sprintf("arn:%s:s3:::%s/%s", Partition, bucket, objects), "s3:GetObject"))
	}
	return statements
}
