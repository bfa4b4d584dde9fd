package cli_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// awsJob is a job whose image is in a registry of the test's.
func awsJob(t *testing.T, c *cloud, arch string) {
	t.Helper()
	images := newRegistry(t)
	pushBase(t, images+"/base", arch)
	c.write("spate.yaml", "name: looked\nimage: "+images+"/base\nmax: 4\nmemory: 2GiB\ncommand: [/job, \"{n}\"]\nparams: {grid: {n: [1, 2, 3]}}\n")
}

func events(all ...string) answer {
	text := "<DescribeStackEventsResponse><DescribeStackEventsResult><StackEvents>"
	for i, e := range all {
		text += "<member><EventId>" + string(rune('a'+i)) + "</EventId><StackName>looked</StackName>" +
			"<StackId>arn:aws:cloudformation:us-east-1:000000000000:stack/looked/1</StackId>" + e + "</member>"
	}
	return answer{body: text + "</StackEvents></DescribeStackEventsResult></DescribeStackEventsResponse>"}
}

const (
	noStack = "Stack with id looked does not exist"
	begun   = "<LogicalResourceId>looked</LogicalResourceId><ResourceType>AWS::CloudFormation::Stack</ResourceType><PhysicalResourceId>arn:aws:cloudformation:us-east-1:000000000000:stack/looked/1</PhysicalResourceId>" +
		"<ResourceStatus>CREATE_IN_PROGRESS</ResourceStatus><ResourceStatusReason>User Initiated</ResourceStatusReason>"
	taken = "<LogicalResourceId>Bucket</LogicalResourceId><ResourceType>AWS::S3::Bucket</ResourceType><ResourceStatus>CREATE_FAILED</ResourceStatus>" +
		"<ResourceStatusReason>looked-bucket-1 already exists (Service: S3, Status Code: 0, Request ID: null)</ResourceStatusReason>"
)

// What goes wrong with AWS is told in one line of fact and one of what to do.
func TestWhatGoesWrongOnAWSIsToldInALine(t *testing.T) {
	c, s := newStand(t)
	c.env = append(c.env, "AWS_MAX_ATTEMPTS=2")
	awsJob(t, c, "amd64")
	c.must("deploy", "--yes")
	expired := []answer{formFault("ExpiredToken", "The security token included in the request is expired")}
	none := formFault("ValidationError", noStack)
	none.until = "cloudformation:ExecuteChangeSet"
	slow := []answer{formFault("Throttling", "Rate exceeded")}
	for name, test := range map[string]struct {
		args       []string
		answers    map[string][]answer
		fact, hint string
	}{
		"expired": {
			[]string{"run", "--yes"}, map[string][]answer{"cloudformation:DescribeStacks": expired},
			"ExpiredToken: The security token included in the request is expired", "log in again: aws sso login",
		},
		"expired in a JSON service": {
			[]string{"run", "--yes"}, map[string][]answer{"sqs:SendMessage": {fault("ExpiredTokenException", "The security token included in the request is expired")}},
			"ExpiredTokenException", "spate run --resume [0-9A-Z]+",
		},
		"unknown credentials": {
			[]string{"runs"}, map[string][]answer{"cloudformation:DescribeStacks": {formFault("InvalidClientTokenId", "The security token included in the request is invalid")}},
			"InvalidClientTokenId", "AWS does not know these credentials",
		},
		"no permission": {
			[]string{"deploy", "--yes"}, map[string][]answer{"cloudformation:GetTemplate": {formFault("AccessDenied", "User: arn:aws:iam::1:user/a is not authorized")}},
			"AccessDenied: User: arn:aws:iam::1:user/a is not authorized", "docs/aws.md lists the permissions",
		},
		"throttled to the end": {
			[]string{"runs"}, map[string][]answer{"cloudformation:DescribeStacks": slow}, "Throttling: Rate exceeded", "AWS was asked too often",
		},
		"stuck": {
			[]string{"deploy", "--yes"}, map[string][]answer{"cloudformation:DescribeStacks": {stackIn("UPDATE_ROLLBACK_FAILED")}},
			"^spate: stack looked is in UPDATE_ROLLBACK_FAILED$", "aws cloudformation continue-update-rollback --stack-name looked",
		},
		"changed by somebody else": {
			[]string{"deploy", "--yes"}, map[string][]answer{
				"cloudformation:DescribeStacks":  {stackIn("UPDATE_COMPLETE")},
				"cloudformation:CreateChangeSet": {formFault("ValidationError", "Stack:arn:aws:cloudformation:… is in UPDATE_IN_PROGRESS state and can not be updated.")},
			}, "UPDATE_IN_PROGRESS state and can not be updated", "somebody else changes this stack",
		},
		"made by somebody else": {
			[]string{"deploy", "--yes"}, map[string][]answer{
				"cloudformation:DescribeStacks":    {none},
				"cloudformation:CreateChangeSet":   {{body: "<CreateChangeSetResponse><CreateChangeSetResult><Id>set</Id></CreateChangeSetResult></CreateChangeSetResponse>"}},
				"cloudformation:DescribeChangeSet": {formFault("ChangeSetNotFound", "ChangeSet [set] does not exist")},
			}, `ChangeSet \[set\] does not exist`, "somebody else changes this stack",
		},
		"a bucket's name taken": {
			[]string{"deploy", "--yes"}, map[string][]answer{
				"cloudformation:DescribeStacks":      {none, stackIn("ROLLBACK_COMPLETE")},
				"cloudformation:DeleteStack":         {formFault("AccessDenied", "the stack that is really there stays")},
				"cloudformation:CreateChangeSet":     {{body: "<CreateChangeSetResponse><CreateChangeSetResult><Id>set</Id></CreateChangeSetResult></CreateChangeSetResponse>"}},
				"cloudformation:DescribeChangeSet":   {{body: "<DescribeChangeSetResponse><DescribeChangeSetResult><Status>CREATE_COMPLETE</Status></DescribeChangeSetResult></DescribeChangeSetResponse>"}},
				"cloudformation:ExecuteChangeSet":    {{body: "<ExecuteChangeSetResponse><ExecuteChangeSetResult></ExecuteChangeSetResult></ExecuteChangeSetResponse>"}},
				"cloudformation:DescribeStackEvents": {events(taken, begun)},
			}, `^spate: stack looked is in ROLLBACK_COMPLETE: Bucket \(AWS::S3::Bucket\): looked-bucket-1 already exists`, "spate deploy again: names are made anew",
		},
		"no network": {
			[]string{"runs"}, map[string][]answer{"cloudformation:DescribeStacks": {{cut: true}}}, "DescribeStacks", "look at the network",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.answer(t, test.answers)
			_, said, err := c.spate(test.args...)
			if err == nil {
				t.Errorf("got no error:\n%s", said)
			}
			c.saysInOneLine(t, said, test.fact, test.hint)
			if strings.HasPrefix(name, "throttled") && s.count("cloudformation:DescribeStacks") != 2 {
				t.Errorf("got %d attempts, want 2", s.count("cloudformation:DescribeStacks"))
			}
		})
	}
}

// A stack that somebody else changes is waited for, and that is told.
func TestABusyStackIsWaitedFor(t *testing.T) {
	c, s := newStand(t)
	awsJob(t, c, "amd64")
	c.must("deploy", "--yes")
	busy := stackIn("UPDATE_IN_PROGRESS")
	s.answer(t, map[string][]answer{"cloudformation:DescribeStacks": {busy, busy, busy, {pass: true}}})
	_, said := c.must("deploy", "--yes")
	c.wants(said, "stack looked is in UPDATE_IN_PROGRESS: waiting until that is over\nhint: ")
	c.wants(said, "stack looked is as the job file says")
}

// A stack whose creation was rolled back is made anew.
func TestAStackThatWasRolledBackIsMadeAnew(t *testing.T) {
	c, s := newStand(t)
	awsJob(t, c, "amd64")
	back := stackIn("ROLLBACK_COMPLETE")
	back.until = "cloudformation:DeleteStack"
	s.answer(t, map[string][]answer{
		"cloudformation:DescribeStacks": {back, stackIn("DELETE_COMPLETE"), {pass: true}},
		"cloudformation:DeleteStack":    {{body: "<DeleteStackResponse></DeleteStackResponse>"}, {pass: true}},
	})
	_, said := c.must("deploy", "--yes")
	c.wants(said, "stack looked would be made")
	if s.count("cloudformation:DeleteStack") != 1 {
		t.Errorf("got %d deletions, want one", s.count("cloudformation:DeleteStack"))
	}
}

// The network is lost while a run is sent: the command says how to go on, and
// what goes on has every job once.
func TestARunSurvivesALostNetwork(t *testing.T) {
	c, s := newStand(t)
	c.env = append(c.env, "AWS_MAX_ATTEMPTS=2")
	list := strings.TrimSuffix(strings.Repeat("1, ", 250), ", ")
	c.write("spate.yaml", "name: looked\nmax: 2\ncpu: .25\nmemory: 64MiB\ncommand: [sh, -c, \"true {n}\"]\nparams: {list: [{n: 0}]}\n")
	c.must("deploy", "--yes", "--on", "local")
	c.write("many.json", "["+strings.TrimSuffix(strings.Repeat(`{"n": 1},`, strings.Count(list, "1")), ",")+"]")

	s.answer(t, map[string][]answer{
		// The first wave of ten batches is in, and then there is no network.
		"sqs:SendMessage": append(slices.Repeat([]answer{{pass: true}}, 12), answer{cut: true}),
		"s3:GetObject":    append(slices.Repeat([]answer{{pass: true}}, 20), answer{cut: true}),
	})
	_, said, err := c.spate("run", "--params", "many.json")
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		t.Fatalf("got %v, want a run that is not sent to its end:\n%s", err, said)
	}
	c.saysInOneLine(t, said, "SQS", "spate run --resume ")
	id := regexp.MustCompile(`--resume ([0-9A-Z]+)`).FindStringSubmatch(said)[1]

	s.answer(t, nil)
	out, _ := c.must("run", "--resume", id, "-o", "csv")
	if got := strings.Count(out, ",done,"); got != 250 {
		t.Errorf("got %d jobs done, want 250", got)
	}
	out, _ = c.must("runs", "-o", "json")
	if got := strings.Count(out, `"id"`); got != 1 {
		t.Errorf("got %d runs, want one:\n%s", got, out)
	}
}

// What no task of a job could run is not deployed.
func TestAnImageForAnotherProcessorIsRefused(t *testing.T) {
	c, _ := newStand(t)
	awsJob(t, c, "arm64")
	_, said, err := c.spate("deploy", "--yes")
	if err == nil {
		t.Error("got a deployed stack, want a refusal")
	}
	c.saysInOneLine(t, said, "the image is for linux/arm64, and the job for linux/amd64", `docker build --platform linux/amd64`)
}

// Whose credentials have expired is told so before the image is built, which
// takes minutes; here there is no Docker to build it.
func TestCredentialsComeBeforeTheImage(t *testing.T) {
	c, s := newStand(t)
	c.write("Dockerfile", "FROM scratch\n")
	c.write("spate.yaml", "name: looked\ncommand: [/job]\n")
	s.answer(t, map[string][]answer{"cloudformation:DescribeStacks": {formFault("ExpiredToken", "The security token included in the request is expired")}})
	for _, command := range []string{"deploy", "diff", "run"} {
		_, said, err := c.spate(command)
		if err == nil {
			t.Errorf("spate %s: got no error", command)
		}
		c.saysInOneLine(t, said, "ExpiredToken", "log in again: aws sso login")
	}
}

// A configuration that no message holds is refused before anything is sent.
func TestAConfigurationThatIsTooLarge(t *testing.T) {
	c, s := newStand(t)
	awsJob(t, c, "amd64")
	c.must("deploy", "--yes")
	s.answer(t, nil)
	c.write("large.json", `[{"n": 1}, {"n": "`+strings.Repeat("x", 1<<20)+`"}]`)
	_, said, err := c.spate("run", "--params", "large.json")
	if err == nil || s.count("sqs:SendMessage") != 0 || s.count("s3:PutObject") != 0 {
		t.Errorf("got %v, %d messages and %d objects, want nothing to be sent", err, s.count("sqs:SendMessage"), s.count("s3:PutObject"))
	}
	c.saysInOneLine(t, said, `configuration 1 has 10485\d\d bytes, and a message holds at most 1048320$`, "keep large values in files")
}

// What CloudFormation has done is done once, though the answer gets lost.
func TestLostAnswersOfCloudFormation(t *testing.T) {
	c, s := newStand(t)
	awsJob(t, c, "amd64")
	lost := []answer{{lost: true}, {pass: true}}
	s.answer(t, map[string][]answer{
		"cloudformation:CreateChangeSet": lost, "cloudformation:ExecuteChangeSet": lost, "cloudformation:DeleteStack": lost,
	})
	_, said := c.must("deploy", "--yes")
	c.wants(said, "stack looked would be made")
	_, said = c.must("destroy", "--yes")
	c.wants(said, "stack looked is deleted")
	for _, action := range []string{"CreateChangeSet", "ExecuteChangeSet", "DeleteStack"} {
		if got := s.count("cloudformation:" + action); got != 2 {
			t.Errorf("got %d requests of %s, want 2", got, action)
		}
	}
}

// Dead letters that are on their way already are waited for.
func TestDeadLettersThatAreMovedAlready(t *testing.T) {
	c, s := newStand(t)
	c.folderJob(1)
	c.kill()
	running := fault("InvalidParameterValue", "Value not valid for parameter SourceArn. Reason: There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
	s.answer(t, map[string][]answer{"sqs:StartMessageMoveTask": {{lost: true}, running}})
	_, said := c.must("dlq", "redrive")
	c.wants(said, "1 ")
	if got := s.count("sqs:StartMessageMoveTask"); got != 2 {
		t.Errorf("got %d requests, want 2", got)
	}
	out, _ := c.must("dlq", "list", "-o", "json")
	if strings.Contains(out, "none can read this") {
		t.Errorf("got %s, want no dead letters", out)
	}
}

// A region that there is not is no silence.
func TestARegionThatThereIsNot(t *testing.T) {
	c := newServed(t)
	c.env = append(c.env, "AWS_MAX_ATTEMPTS=1", "HTTPS_PROXY=", "https_proxy=")
	_, said, err := c.spate("runs", "--on", "aws", "--region", "eu-nowhere-9")
	if err == nil {
		t.Error("got runs of a region that there is not")
	}
	c.saysInOneLine(t, said, "cloudformation.eu-nowhere-9.amazonaws.com", "look at --region, and at the network")
}

// Who follows a run hears why no task starts where ECS cannot even make one, and
// of tasks that Spot took back; one who closed the laptop picks up with watch.
func TestWatchTellsOfQuotasAndOfSpot(t *testing.T) {
	c, s := newStand(t)
	awsJob(t, c, "amd64")
	text, err := os.ReadFile(filepath.Join(c.job, "spate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c.write("spate.yaml", string(text)+"spot: true\n")
	c.must("deploy", "--yes")
	c.must("run", "--detach")
	answers := stopped("SpotInterruption", "Your Spot Task was interrupted.", time.Now().Add(time.Minute)) // after the run was sent
	answers["ecs:DescribeServices"] = []answer{service(fmt.Sprintf(`, "events": [{"id": "1", "createdAt": %d,
		"message": "(service s) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently."}]`, time.Now().Unix()-60))}
	s.answer(t, answers)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watch := exec.CommandContext(ctx, c.program, "watch", "last", "--on", "aws", "--endpoint-url", "http://"+c.registry)
	watch.Env, watch.Dir = c.env, c.job
	said, err := watch.StderrPipe()
	if err == nil {
		err = watch.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	found := false
	for !found && lines.Scan() {
		t.Log(lines.Text())
		found = strings.Contains(lines.Text(), "; 1 task taken back by Spot; no task starts: You've reached the limit on the number of vCPUs")
	}
	if !found {
		t.Error("the watch ended without telling of the quota and of Spot")
	}
	_ = watch.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(said)
	_ = watch.Wait()
	c.wants(string(rest), "stopped following; the run goes on on AWS\nhint: spate watch ")
	s.answer(t, nil)
	c.must("cancel", "last")
}
