package engine

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/cloudformation"
	"github.com/spate-run/spate/internal/engine/s3"
)

var update = flag.Bool("update", false, "rewrite docs/compat.md")

func TestCompatPageIsTrue(t *testing.T) {
	e, err := Open(t.Context(), Config{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	got := compat(e)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ended); err != nil {
		t.Fatal(err)
	}
	const path = "../../docs/compat.md"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/compat.md (-want +got), rewrite it with -update:\n%s", diff)
	}
}

// compat describes what of AWS the engine has, as a page of Markdown.
func compat(e *Engine) string {
	var b strings.Builder
	b.WriteString(compatHead)
	for _, service := range []struct {
		name       string
		operations []string
	}{
		{"SQS", e.services.sqs.Wire().Operations()},
		{"S3", s3.Operations()},
		{"ECS", e.services.ecs.Wire().Operations()},
		{"CloudFormation", e.services.cloudformation.Wire().Operations()},
		{"CloudWatch", e.services.cloudwatch.Wire().Operations()},
		{"CloudWatch Logs", e.services.logs.Wire().Operations()},
		{"Application Auto Scaling", e.services.autoscaling.Wire().Operations()},
		{"EventBridge", e.services.events.Wire().Operations()},
		{"EventBridge Scheduler", e.services.scheduler.Wire().Operations()},
		{"SNS", e.services.sns.Wire().Operations()},
		{"ECR", e.services.ecr.Wire().Operations()},
		{"SSM", e.services.ssm.Wire().Operations()},
		{"Secrets Manager", e.services.secretsmanager.Wire().Operations()},
		{"STS", e.services.sts.Wire().Operations()},
	} {
		fmt.Fprintf(&b, "| %s | %s |\n", service.name, strings.Join(service.operations, ", "))
	}
	b.WriteString(compatTypes)
	for _, t := range cloudformation.ResourceTypes() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", t.Name, standing(t))
	}
	b.WriteString(compatDifferences)
	return b.String()
}

func standing(t cloudformation.ResourceType) string {
	switch {
	case t.Inert:
		return "inert: kept, can be referred to, does nothing"
	case len(t.InertProperties) > 0:
		return "works; kept without effect: " + strings.Join(t.InertProperties, ", ")
	}
	return "works"
}

const compatHead = `# What of AWS is there

This page is made by a test from the engine itself: ` + "`go test ./internal/engine -update`" + `.

## Operations

Any other operation answers AWS's own error for one that is not known.

| service | operations |
| --- | --- |
`

const compatTypes = `
## Resource types

| type | on the embedded engine |
| --- | --- |
`

const compatDifferences = `
## Where the embedded engine differs from AWS

**Everywhere.** One account (000000000000) and one region (us-east-1). One pair of
keys, and no policies: who has the keys may do everything. On the fast cadence,
which is the default, alarm periods, metric intervals and cooldowns are divided
by 60, and nothing else is.

**SQS.** Standard queues give messages in the order of sending, among groups by
what each has in flight, where AWS promises no order. FIFO queues are not
throttled: FifoThroughputLimit has no effect. A ReceiveRequestAttemptId is
forgotten at a restart. A message move task without a rate moves as fast as the
disk allows, and ends when it has moved as many messages as were visible at its
start. A dead letter's age counts from its sending. Policies and
encryption settings are kept without effect. The 60 seconds that
AWS wants between two purges of a queue, and before a deleted queue's name is used
again, are left out in the fast cadence (serve --queue-wait 60s asks for them). What a spate worker holds that is killed is visible at
once; other programs' messages wait for their visibility timeout, as all do on
AWS.

**S3.** One version an object. Lifecycle rules, encryption, policies and access
blocks of a bucket are kept by CloudFormation, without effect.

**ECS.** A task whose image is a folder's path is a process group of this
machine; any other image runs in Docker or Podman, an image that is there without
being pulled. Tasks wait in PROVISIONING until cores and memory are free; one that
is larger than the machine runs alone. Cores are shared by weight, memory is
limited, and there is no swap beyond maxSwap. Containers are on Docker's default
bridge, those of an awsvpc task as one, so that they meet on localhost, and at that
address there (on Linux this machine reaches it). portMappings are published on
127.0.0.1: at the host port, with awsvpc at the container's own, or at any other
where that one is taken; the networkBindings of DescribeTasks tell which. Links and
repositoryCredentials are kept without effect. GPUs of NVIDIA are set aside for a task, which waits for them (RESOURCE:GPU); a
folder's processes are told theirs by CUDA_VISIBLE_DEVICES. Where their driver
is not this machine's, they are Docker's to give, by their number. An image
is pulled as nobody in particular, but for this engine's own ECR. Processes have
no health checks, limits or volumes. Volumes of EFS and FSx fail a task with the
reason. The circuit breaker counts a task that ends in failure
within 10 s as one that could not start. On a full machine a deployment
replaces task by task, below minimumHealthyPercent. The back-off of a service
whose tasks fail is 1 s to 5 min (AWS: up to 27 min).

**CloudWatch.** Queues have all metrics that SQS publishes for standard queues,
for as long as they are there: an idle one does not fall silent. Metric math has
every function but SEARCH, ANOMALY_DETECTION_BAND and those that read other
services; Metrics Insights, anomaly bands, composite alarms, warm-up and
wall clock windows are refused. Every metric keeps whole seconds, whatever its
StorageResolution. Percentiles and trimmed statistics are of the values
themselves, up to 256 of one second and 64 of a longer period. An alarm's range is
two periods longer than its evaluation periods. Data ages as on AWS, sooner on the
fast cadence (a second each for 6 hours), and none is gone before 15 days.
Actions other than scaling policies and SNS topics are not performed, and the history says so.

**Application Auto Scaling.** ECS services; predictive scaling and load
balancers' metrics are refused. Nothing measures what tasks use, so AWS/ECS has
no CPUUtilization and MemoryUtilization: a policy that tracks one of them has
its alarms, which stay in INSUFFICIENT_DATA, and never scales.

**EventBridge.** Rules of the default bus that have schedules, in real time at
every cadence; nothing emits events, so those with patterns never match. Targets
are queues and tasks of ECS, with a constant input or the whole event. The others
are kept and not called, as are those of schedules.

**EventBridge Scheduler.** In real time at every cadence; calls come at their
second. Universal targets are the operations on this page, S3's aside. Roles and
keys are kept without effect. What recurring schedules missed while no engine
ran is passed over, and what one-time schedules missed is made up for. Requests
must be signed, with any keys where the engine asks for none.

**CloudWatch Logs.** Filter patterns have terms, phrases, - and ?. Of the awslogs
driver's options those count that name the group, its making and the stream: each
line is an event (no awslogs-datetime-format and awslogs-multiline-pattern).

**SNS.** Messages are sent to queues (standard ones, since there are no others) and
posted to HTTP endpoints on loopback, after their confirmation; those of any other
endpoint (mail, text messages, functions, HTTP elsewhere) are lines of the engine's
log. Posts are tried three times more, after 1, 2 and 4 s (AWS: 20 s apart), with no
other delivery policy, and a subscription that ends is not told. Notices have no
signature. Which messages a FIFO topic had is forgotten at a restart. Topic
policies, keys, tracing and delivery status logging are kept without effect; there
is no mobile push, data protection or archive. An alarm's other actions than
scaling and topics are not performed.

**ECR.** A repository's address is the engine's, 127.0.0.1:port/name; docker login
works with GetAuthorizationToken. Images are pushed and pulled, not put by the API.
Lifecycle and repository policies, scanning and encryption are kept without effect.

**SSM.** Parameter Store, without labels and parameter policies. A SecureString is
kept as it is, since there are no keys; without decryption its value is hidden.
` + "`/cdk-bootstrap/hnb659fds/version`" + ` is there from the start, for AWS CDK, and so is
its bucket for assets as soon as it is used.

**Secrets Manager.** Values are kept as they are, since there are no keys. No
rotation, replicas or resource policies.

**STS.** Any role of the account can be assumed, also one that nobody made. Its
credentials are the engine's keys, which do not expire, and may do everything.

**CloudFormation.** A dynamic reference to a SecureString is taken in any property
(AWS: in a few). No macros, nested stacks, custom resources, imports, stack
policies or drift. Change sets are there at once. DescribeStacks waits up to a
second for the operation of the stack that it is asked about, since clients look
again only many seconds later.
`
