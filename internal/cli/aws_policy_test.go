package cli_test

import (
	"encoding/json"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// policyOf reads the policy of docs/aws.md: which actions it allows.
func policyOf(t *testing.T) (allowed []string, text string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/aws.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```json\n")
	text, after, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/aws.md has no policy")
	}
	var policy struct{ Statement []struct{ Action any } }
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		t.Fatalf("the policy of docs/aws.md: %v", err)
	}
	for _, s := range policy.Statement {
		switch action := s.Action.(type) {
		case string:
			allowed = append(allowed, action)
		case []any:
			for _, a := range action {
				allowed = append(allowed, a.(string))
			}
		}
	}
	return allowed, after
}

// allows says whether a list of actions, with * in them, has one.
func allows(allowed []string, action string) bool {
	return slices.ContainsFunc(allowed, func(pattern string) bool {
		ok, err := path.Match(pattern, action)
		return ok && err == nil
	})
}

// runnersOf are the actions that docs/aws.md says suffice for who only runs.
func runnersOf(t *testing.T, after string) (allowed []string) {
	t.Helper()
	_, list, _ := strings.Cut(after, "only runs needs")
	list, _, ok := strings.Cut(list, "## ")
	if !ok {
		t.Fatal("docs/aws.md does not say what who only runs needs")
	}
	service := ""
	for _, m := range regexp.MustCompile("`([a-z0-9-]+:)?([A-Z][A-Za-z*]+)`").FindAllStringSubmatch(list, -1) {
		if m[1] != "" {
			service = m[1]
		}
		allowed = append(allowed, service+m[2])
	}
	return allowed
}

// Whatever commands ask of AWS is in the policy that docs/aws.md gives a person,
// and what the commands do that send and look at runs is in the shorter list.
func TestThePolicyOfTheDocsSuffices(t *testing.T) {
	allowed, after := policyOf(t)
	running := runnersOf(t, after)
	c, s := newStand(t)
	images := newRegistry(t)
	pushBase(t, images+"/base", "amd64")
	c.write("report.csv", "a,b\n")
	c.write("spate.yaml", "name: retrain\nimage: "+images+"/base\nmax: 2\ncpu: .25\nmemory: 512MiB\nnotify: me@example.com\n"+
		"inputs: [report.csv]\nschedule: cron(0 6 ? * MON *)\ncommand: [/job, \"{n}\"]\nparams: {grid: {n: [1, 2, 3]}}\n")

	asked := map[bool][]string{}
	type try struct {
		runs bool
		args []string
	}
	for _, step := range []try{
		{false, []string{"diff"}}, {false, []string{"deploy", "--yes"}}, {false, []string{"doctor"}},
		{true, []string{"run", "--detach"}}, {true, []string{"runs"}}, {true, []string{"show", "last"}}, {true, []string{"show", "last", "0"}},
		{true, []string{"logs", "last"}}, {true, []string{"cost", "last"}}, {true, []string{"cancel", "last"}}, {true, []string{"watch", "last"}},
		{true, []string{"results", "last", "--download", "out"}}, {true, []string{"retry", "last"}}, {true, []string{"run", "--resume", "last", "--detach"}},
		{true, []string{"cancel", "last"}}, {true, []string{"report", "last"}},
		{false, []string{"dlq", "list"}}, {false, []string{"dlq", "redrive"}}, {false, []string{"dlq", "purge", "--yes"}},
		{false, []string{"deploy", "--yes", "--force"}}, {false, []string{"destroy", "--yes", "--delete-results", "--force"}},
	} {
		s.answer(t, map[string][]answer{
			"servicequotas:GetServiceQuota": {{body: `{"Quota": {"Value": 100}}`}},
			"iam:GetRole":                   {{body: trusting}},
			"ec2:DescribeSubnets":           {{body: subnets}}, "ec2:DescribeRouteTables": {{body: routes("igw-1")}},
		})
		if step.args[0] == "dlq" {
			c.kill()
		}
		_, said, _ := c.spate(step.args...)
		for _, action := range s.actions() {
			if action == "*" || action == "sts:GetCallerIdentity" { // which needs no permission
				continue
			}
			asked[step.runs] = append(asked[step.runs], action)
			if !allows(allowed, action) {
				t.Errorf("spate %s asks for %s, which the policy of docs/aws.md does not allow", strings.Join(step.args, " "), action)
			}
			if step.runs && !allows(running, action) {
				t.Errorf("spate %s asks for %s, which docs/aws.md does not name for who only runs", strings.Join(step.args, " "), action)
			}
		}
		if strings.Contains(said, "panic") {
			t.Errorf("spate %s:\n%s", strings.Join(step.args, " "), said)
		}
	}
	for _, want := range []string{"cloudformation:CreateChangeSet", "ecr:PutImage", "sqs:StartMessageMoveTask", "iam:GetRole", "s3:DeleteObject"} {
		if !slices.Contains(asked[false], want) {
			t.Errorf("got %q, want %s among them", asked[false], want)
		}
	}
	for _, want := range []string{"sqs:SendMessage", "s3:PutObject", "application-autoscaling:PutScheduledAction", "ecs:DescribeServices"} {
		if !slices.Contains(asked[true], want) {
			t.Errorf("got %q, want %s among them", asked[true], want)
		}
	}
}

// kill puts a message among the dead letters of the cloud's only stack.
func (c *cloud) kill() {
	c.Helper()
	client := sqs.New(sqs.Options{BaseEndpoint: new("http://" + c.registry), Region: "us-east-1", Credentials: c.credentials()})
	queues, err := client.ListQueues(c.Context(), &sqs.ListQueuesInput{})
	if err != nil {
		c.Fatal(err)
	}
	for _, queue := range queues.QueueUrls {
		if strings.Contains(queue, "DeadLetter") {
			if _, err := client.SendMessage(c.Context(), &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: new("none can read this")}); err != nil {
				c.Fatal(err)
			}
		}
	}
}

// The commands that hints name for a person to type are allowed, too.
func TestThePolicyAllowsWhatHintsName(t *testing.T) {
	allowed, _ := policyOf(t)
	for _, action := range []string{
		"cloudformation:ContinueUpdateRollback", "cloudformation:RollbackStack", "cloudformation:DeleteStack", "cloudformation:DescribeStackEvents",
		"application-autoscaling:RegisterScalableTarget", "cloudwatch:EnableAlarmActions", "servicequotas:RequestServiceQuotaIncrease",
	} {
		if !allows(allowed, action) {
			t.Errorf("a hint needs %s, which the policy of docs/aws.md does not allow", action)
		}
	}
}
