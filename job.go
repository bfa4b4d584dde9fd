package spate

import (
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
)

// The parameters that say which image a job's tasks run, and the condition that
// it is the one that was given.
const (
	imageParameter  = "Image"
	digestParameter = "Digest"
	asGiven         = "AsGiven"
)

// jobTag is on everything that can be tagged, so that costs can be told apart.
const jobTag = "spate:job"

// Job is the stack that runs a job, by its job file or the folder that holds a
// spate.yaml.
func Job(path string) (*Stack, error) {
	j, err := LoadJob(path)
	if err != nil {
		return nil, err
	}
	return JobStack(j), nil
}

// A JobDescription is what a job file says. Its fields are the file's keys.
type JobDescription = job.Job

// LoadJob reads a job file, or the spate.yaml of a folder, with the defaults of
// what it leaves out, for programs that change some of it:
//
//	j, err := spate.LoadJob("retrain")
//	j.Max = 10
//	stack := spate.JobStack(j)
func LoadJob(path string) (JobDescription, error) { return job.Load(path) }

// JobStack is the stack that runs a job.
func JobStack(j JobDescription) *Stack {
	s := &Stack{name: j.Name, Description: "spate: " + j.Name, tags: []tag{{jobTag, Text(j.Name)}}}
	s.parameter(imageParameter, props{
		"Type":        "String",
		"Description": "The image that tasks run, or the job's folder where tasks are processes",
		"MinLength":   1,
	})
	s.parameter(digestParameter, props{
		"Type":           "String",
		"Default":        "",
		"Description":    "The digest of the image in the stack's repository that tasks run in place of Image",
		"AllowedPattern": "(sha256:[0-9a-f]{64})?",
	})
	s.conditions = append(s.conditions, condition{asGiven, template.Equals(Ref(digestParameter), "")})
	s.queues()
	s.bucket(j.Keep)
	s.repository()
	s.jobCluster(j.Spot)
	s.addLogGroup(logGroup, j.Keep)
	secrets := s.jobSecrets(j.Secrets, j.Env)
	s.executionRole(j, secrets)
	s.taskRole(j)
	s.taskDefinition(j, secrets)
	place := s.network(j.Network)
	s.jobService(j, place)
	s.jobScaling(j)
	s.heartbeat("", &Queue{url: queue.ref(), arn: queue.att("Arn")})
	s.alarmOfDeadLetters()
	if j.Notify != "" {
		s.notify(j.Notify)
	}
	s.jobOutputs()
	s.warnOfQuota("max", j.Max, j.CPU)
	if j.Schedule != "" {
		s.jobSchedule(j, place)
	}
	return s
}

func (s *Stack) jobOutputs() {
	s.output("QueueUrl", "Where configurations are sent", queue.ref())
	s.output("DeadLetterQueueUrl", "Where messages go that no worker can read", deadLetterQueue.ref())
	s.output("BucketName", "Where runs are recorded", bucket.ref())
	s.output("ClusterName", "The cluster of the service", cluster.ref())
	s.output("ServiceName", "The service that runs the tasks", service.att("Name"))
	s.output("LogGroupName", "Where tasks log", logGroup.ref())
	s.output("RepositoryUri", "Where the job's image is pushed", repository.att("RepositoryUri"))
}
