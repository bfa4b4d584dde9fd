package spate

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

// The worker's container, and the label by which deploy and the engines know
// that the worker stands in front of its entry point.
const (
	containerName = "job"
	workerLabel   = "spate.worker"
)

// freeStorage is the ephemeral storage, in GiB, that every Fargate task has;
// a task definition may only ask for more.
const freeStorage = 20

// repository adds the place for the image of a job's folder. It is in the
// template because the service starts no task before the first run, so the
// stack can come first and the image after it. Its name is spelled out since
// other engines than AWS make one of the stack's name, capitals and all.
func (s *Stack) repository() {
	const keepNewest = `{"rules":[{"rulePriority":1,"description":"Keep the newest images",` +
		`"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":10},"action":{"type":"expire"}}]}`
	s.disposable(repository, "AWS::ECR::Repository", props{
		"EmptyOnDelete":              true,
		"ImageScanningConfiguration": props{"ScanOnPush": true},
		"ImageTagMutability":         "IMMUTABLE",
		"LifecyclePolicy":            props{"LifecyclePolicyText": keepNewest},
		"RepositoryName":             template.Join("-", repositoryName(s.name), stackSuffix()),
	})
}

// repositoryName is the part of a job's name that a repository's may hold:
// words in lower case with single hyphens between them.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
func repositoryName(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return c == '-' })
	return strings.Join(words, "-")
}

// stackSuffix is the first part of the unique id at the end of the stack's ARN.
func stackSuffix() template.Intrinsic {
	id := template.Select(2, template.Split("/", template.Ref("AWS::StackId")))
	return template.Select(0, template.Split("-", id))
}

// logGroup adds the log of all tasks, kept at least as long as their runs.
func (s *Stack) logGroup(keep int) {
	properties := props{}
	if days := logRetention(keep); days > 0 {
		properties["RetentionInDays"] = days
	}
	s.disposable(logGroup, "AWS::Logs::LogGroup", properties)
}

// logRetention rounds days up to a retention that CloudWatch Logs has; 0 means
// for ever.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
func logRetention(days int) int {
	if days <= 0 {
		return 0
	}
	for _, has := range []int{
		1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
	} {
		if days <= has {
			return has
		}
	}
	return 0
}

// taskDefinition adds what a task is: one container with the worker in front
// of the job's command, whose placeholders the worker fills in.
func (s *Stack) taskDefinition(j job.Job) {
	cpu, memory, err := fargate(j.CPU, j.Memory)
	s.check(err)
	properties := props{
		"ContainerDefinitions":    list{s.container(j)},
		"Cpu":                     cpu,
		"ExecutionRoleArn":        executionRole.att("Arn"),
		"Memory":                  memory,
		"NetworkMode":             "awsvpc",
		"RequiresCompatibilities": list{"FARGATE"},
		"RuntimePlatform":         props{"CpuArchitecture": architecture(j.Arch), "OperatingSystemFamily": "LINUX"},
		"TaskRoleArn":             taskRole.att("Arn"),
	}
	if gib := (j.EphemeralStorage.MiB() + 1023) / 1024; gib > freeStorage {
		properties["EphemeralStorage"] = props{"SizeInGiB": gib}
	}
	s.add(taskDefinition, "AWS::ECS::TaskDefinition", properties)
}

func architecture(arch string) string {
	if arch == "arm64" {
		return "ARM64"
	}
	return "X86_64"
}

func (s *Stack) container(j job.Job) props {
	container := props{
		"DockerLabels": props{workerLabel: "1"},
		"Environment":  environment(j.Env),
		"Essential":    true,
		"Image":        template.Ref(imageParameter),
		"LogConfiguration": props{
			"LogDriver": "awslogs",
			"Options": props{
				"awslogs-group":         logGroup.ref(),
				"awslogs-region":        template.Ref("AWS::Region"),
				"awslogs-stream-prefix": "spate",
			},
		},
		"Name":        containerName,
		"StopTimeout": wholeSeconds(j.StopTimeout),
	}
	if len(j.Command) > 0 {
		container["Command"] = j.Command
	}
	if variables := s.secretVariables(j.Secrets, j.Env); variables != nil {
		container["Secrets"] = variables
	}
	return container
}

// wholeSeconds rounds a duration up.
func wholeSeconds(d job.Duration) int {
	return int((time.Duration(d) + time.Second - 1) / time.Second)
}

// environment is the worker's two variables and then the job's own.
func environment(env map[string]string) list {
	variables := list{
		props{"Name": "SPATE_BUCKET", "Value": bucket.ref()},
		props{"Name": "SPATE_QUEUE_URL", "Value": queue.ref()},
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		variables = append(variables, props{"Name": name, "Value": env[name]})
	}
	return variables
}
