package engine_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/runner/docker/dockertest"
	"github.com/spate-run/spate/internal/template"
)

// TestAContainerThatReadsTheQueueItself has CDK's template with an image that
// knows nothing of spate. The template's own alarms start its tasks, and stop
// them.
func TestAContainerThatReadsTheQueueItself(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: alarms take their time")
	}
	c := newContainers(t)
	files := dockertest.Shell(t) // for the template's health check
	maps.Copy(files, dockertest.Files(t, "job", dockertest.Program(t, "./testdata/job")))
	image := dockertest.Image(t, c.docker, files, `ENTRYPOINT ["/job"]`)
	_, err := deploy.Apply(t.Context(), c.CloudFormation, deploy.Stack{Name: "every-prop", Template: readerTemplate(t, image)})
	if err != nil {
		t.Fatal(err)
	}
	c.untilService(t, "no task, since there is no message", func(s types.Service) bool { return s.DesiredCount == 0 && s.RunningCount == 0 })

	queue := c.queue(t)
	const messages = 9
	for i := range messages {
		if _, err := c.SQS.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: new(strconv.Itoa(i))}); err != nil {
			t.Fatal(err)
		}
	}
	c.untilService(t, "tasks, since there are messages", func(s types.Service) bool { return s.DesiredCount > 1 && s.RunningCount > 0 })
	c.untilService(t, "no task, since there is no message any more", func(s types.Service) bool { return s.DesiredCount == 0 && s.RunningCount == 0 })
	// The template protects no task that works: one that is stopped keeps its
	// message in flight, and says nothing of it.
	log, taken := c.logOf(t, "every-prop"), 0
	for i := range messages {
		times := strings.Count(log, fmt.Sprintf("took %d\n", i))
		if times > 1 {
			t.Errorf("got log %s, want message %d in it once", log, i)
		}
		taken += times
	}
	if left := c.outstanding(t, queue); taken == 0 || taken+left != messages {
		t.Errorf("got %d messages taken and %d left, want %d in all; the log is %s", taken, left, messages, log)
	}
}

// outstanding counts the messages of a queue.
func (c *containers) outstanding(t *testing.T, queue string) int {
	t.Helper()
	out, err := c.SQS.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &queue, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, name := range []string{"", "NotVisible", "Delayed"} {
		n, err := strconv.Atoi(out.Attributes["ApproximateNumberOfMessages"+name])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// readerTemplate is CDK's template with another image and command, and a secret
// that holds what its task reads of it.
func readerTemplate(t *testing.T, image string) *template.Template {
	t.Helper()
	text, err := os.ReadFile("../../testdata/cdk/every-prop.template.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Parameters, Outputs map[string]any `json:",omitempty"`
		Resources           map[string]map[string]any
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for _, r := range doc.Resources {
		properties, _ := r["Properties"].(map[string]any)
		switch r["Type"] {
		case "AWS::SecretsManager::Secret":
			properties["GenerateSecretString"] = map[string]any{"SecretStringTemplate": "{}", "GenerateStringKey": "tok"}
		case "AWS::ECS::TaskDefinition":
			container := properties["ContainerDefinitions"].([]any)[0].(map[string]any)
			container["Image"], container["Command"] = image, []any{"--sqsUrl", map[string]any{"Ref": readerQueue}}
		}
	}
	changed, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := template.Parse(changed)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// readerQueue is the template's queue.
const readerQueue = "serviceEcsProcessingQueue20774379"

// physical is the id of a resource of the stack.
func (c *containers) physical(t *testing.T, stack, logical string) string {
	t.Helper()
	out, err := c.CloudFormation.DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logical})
	if err != nil {
		t.Fatal(err)
	}
	return *out.StackResourceDetail.PhysicalResourceId
}

func (c *containers) queue(t *testing.T) string { return c.physical(t, "every-prop", readerQueue) }

func (c *containers) logOf(t *testing.T, stack string) string {
	return c.log(t, c.physical(t, stack, "LG7AA00880"))
}

// untilService waits until the template's service is as it is to be.
func (c *containers) untilService(t *testing.T, want string, is func(types.Service) bool) {
	t.Helper()
	cluster := c.physical(t, "every-prop", "ClusterEB0386A7")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last types.Service
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); <-tick.C {
		out, err := c.ECS.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{"svc"}})
		if err != nil || len(out.Services) != 1 {
			t.Fatal(out, err)
		}
		if last = out.Services[0]; is(last) {
			return
		}
	}
	t.Fatalf("want %s; got %d tasks wanted, %d running; %+v", want, last.DesiredCount, last.RunningCount, last.Events[:min(3, len(last.Events))])
}
