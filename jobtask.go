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

// repository adds the place for the image of a job with the worker in it. It is
// in the template because the service starts no task before the first run, so
// the stack can come first and the image after it: what it is called by, its
// digest, is known before. Its name is spelled out since
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
	id := template.Select(2, template.Split("/", StackID))
	return template.Select(0, template.Split("-", id))
}

// taskDefinition adds what a job's task is: one container with the worker in
// front of the job's command, whose placeholders the worker fills in.
func (s *Stack) taskDefinition(j job.Job, secrets map[string]Secret) {
	cpu, memory, err := fargate(j.CPU, j.Memory)
	s.check(err)
	platform := RuntimePlatform{}
	if j.Arch == "arm64" {
		platform.CPUArchitecture = "ARM64"
	}
	properties := props{
		"ContainerDefinitions":    list{jobContainer(j, secrets).props()},
		"Cpu":                     cpu,
		"ExecutionRoleArn":        executionRole.att("Arn"),
		"Memory":                  memory,
		"NetworkMode":             "awsvpc",
		"RequiresCompatibilities": list{"FARGATE"},
		"RuntimePlatform":         runtimePlatform(platform),
		"TaskRoleArn":             taskRole.att("Arn"),
	}
	if gib := (j.EphemeralStorage.MiB() + 1023) / 1024; gib > freeStorage {
		properties["EphemeralStorage"] = props{"SizeInGiB": gib}
	}
	s.add(taskDefinition, "AWS::ECS::TaskDefinition", properties)
}

func jobContainer(j job.Job, secrets map[string]Secret) container {
	return container{
		name:        containerName,
		image:       template.If(asGiven, Ref(imageParameter), template.Sub("${Repository.RepositoryUri}@${Digest}")),
		command:     texts(j.Command),
		environment: environment(j),
		secrets:     secrets,
		log:         props{"LogDriver": "awslogs", "Options": awslogs(logGroup.ref(), "spate")},
		labels:      props{workerLabel: "1"},
		stopTimeout: time.Duration(j.StopTimeout),
	}
}

// environment is the worker's own variables and then the job's.
func environment(j job.Job) list {
	tell, _ := telling(j.Notify)
	variables := append(list{
		props{"Name": "SPATE_BUCKET", "Value": bucket.ref()},
		props{"Name": "SPATE_QUEUE_URL", "Value": queue.ref()},
	}, tell...)
	for _, name := range slices.Sorted(maps.Keys(j.Env)) {
		variables = append(variables, props{"Name": name, "Value": j.Env[name]})
	}
	return variables
}
