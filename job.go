package spate

import (
	"regexp"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

// The resources of a job's stack. Those that deploy, run and the worker look
// up by name keep it; CloudFormation gives them their physical names.
const (
	queue           logicalID = "Queue"
	deadLetterQueue logicalID = "DeadLetterQueue"
	bucket          logicalID = "Bucket"
	repository      logicalID = "Repository"
	cluster         logicalID = "Cluster"
	logGroup        logicalID = "LogGroup"
	taskRole        logicalID = "TaskRole"
	executionRole   logicalID = "ExecutionRole"
	taskDefinition  logicalID = "TaskDefinition"
	service         logicalID = "Service"
	scalableTarget  logicalID = "ScalableTarget"
	scaleOutPolicy  logicalID = "ScaleOutPolicy"
	scaleInPolicy   logicalID = "ScaleInPolicy"
	scaleOutAlarm   logicalID = "ScaleOutAlarm"
	scaleInAlarm    logicalID = "ScaleInAlarm"
)

// The parameters of a job's stack, and the condition that Update makes.
const (
	imageParameter  = "Image"
	updateParameter = "Update"
	updating        = "Updating"
)

// Job describes the stack that runs a job.
func Job(j job.Job) *Stack {
	s := &Stack{name: j.Name, builder: template.Builder{Description: "spate: " + j.Name}}
	s.jobParameters()
	s.queues()
	s.bucket(j.Keep)
	if imageIsFolder(j.Image) {
		s.repository()
	}
	s.cluster(j.Spot)
	s.logGroup(j.Keep)
	s.executionRole(j)
	s.taskRole(j)
	s.taskDefinition(j)
	s.service(j, s.network(j.Network))
	s.scaling(j)
	s.heartbeat()
	if j.Notify != "" {
		s.notify(j.Notify)
	}
	s.jobOutputs(j)
	if j.Schedule != "" {
		s.warnings = append(s.warnings, "schedule: "+j.Schedule+" is not in the template yet; send the job's runs by hand")
	}
	return s
}

func (s *Stack) jobParameters() {
	s.builder.Parameter(imageParameter, props{
		"Type":        "String",
		"Description": "The image that tasks run, or the job's folder where tasks are processes",
		"MinLength":   1,
	})
	s.builder.Parameter(updateParameter, props{
		"Type":          "String",
		"Description":   "Whether the service is there already, so that its task count has to stay",
		"Default":       "false",
		"AllowedValues": list{"false", "true"},
	})
	s.builder.Condition(updating, template.Equals(template.Ref(updateParameter), "true"))
}

func (s *Stack) jobOutputs(j job.Job) {
	s.output("QueueUrl", "Where configurations are sent", queue.ref())
	s.output("DeadLetterQueueUrl", "Where messages go that no worker can read", deadLetterQueue.ref())
	s.output("BucketName", "Where runs are recorded", bucket.ref())
	s.output("ClusterName", "The cluster of the service", cluster.ref())
	s.output("ServiceName", "The service that runs the tasks", service.att("Name"))
	s.output("LogGroupName", "Where tasks log", logGroup.ref())
	if imageIsFolder(j.Image) {
		s.output("RepositoryUri", "Where the job's image is pushed", repository.att("RepositoryUri"))
	}
}

// imageIsFolder tells a folder with a Dockerfile from an image reference by
// how it is written: it begins with a period or a slash, or is left out, which
// means the job's own folder.
func imageIsFolder(image string) bool {
	return image == "" || image[0] == '.' || image[0] == '/'
}

// privateImage matches the references of images in ECR.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
var privateImage = regexp.MustCompile(`^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([a-z0-9._/-]+)`)
