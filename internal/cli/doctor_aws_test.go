package cli_test

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What AWS answers where all is well.
const (
	trusting = `<GetRoleResponse><GetRoleResult><Role><AssumeRolePolicyDocument>` +
		`%7B%22Statement%22%3A%5B%7B%22Principal%22%3A%7B%22Service%22%3A%22ecs-tasks.amazonaws.com%22%7D%7D%5D%7D` +
		`</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>`
	subnets = `<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId></item>` +
		`<item><subnetId>subnet-2</subnetId><vpcId>vpc-1</vpcId></item></subnetSet></DescribeSubnetsResponse>`
)

// routes is a VPC's main table, whose default route goes by a gateway, or
// nowhere.
func routes(gateway string) string {
	way := ""
	if gateway != "" {
		way = fmt.Sprintf("<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>%s</gatewayId><state>active</state></item>", gateway)
	}
	return "<DescribeRouteTablesResponse><routeTableSet><item><routeSet>" + way +
		"</routeSet><associationSet><item><main>true</main></item></associationSet></item></routeTableSet></DescribeRouteTablesResponse>"
}

// A trouble is what AWS answers in the place of what is well, and what doctor
// says to it.
type trouble struct {
	answers map[string][]answer
	want    []string // lines, as regular expressions
	hint    string
}

// service is what ECS tells of a service, with something changed.
func service(change string) answer {
	return answer{body: `{"services": [{"serviceName": "s", "status": "ACTIVE", "desiredCount": 2, "runningCount": 0, "pendingCount": 0,
		"taskDefinition": "t", "deployments": [{"id": "d", "status": "PRIMARY", "rolloutState": "IN_PROGRESS"}], "events": [],
		"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1", "subnet-2"], "assignPublicIp": "ENABLED"}}` + change + `}]}`}
}

func stopped(code, reason string, at time.Time) map[string][]answer {
	return map[string][]answer{
		"ecs:ListTasks": {{body: `{"taskArns": ["arn:aws:ecs:us-east-1:000000000000:task/c/1"]}`}},
		"ecs:DescribeTasks": {{body: fmt.Sprintf(`{"tasks": [{"taskArn": "arn:aws:ecs:us-east-1:000000000000:task/c/1", "lastStatus": "STOPPED",
			"stopCode": %q, "stoppedReason": %q, "stoppedAt": %d, "containers": []}]}`, code, reason, at.Unix())}},
	}
}

func alarms(all ...string) answer {
	text := "<DescribeAlarmsResponse><DescribeAlarmsResult><MetricAlarms>"
	for _, a := range all {
		text += "<member>" + a + "</member>"
	}
	return answer{body: text + "</MetricAlarms></DescribeAlarmsResult></DescribeAlarmsResponse>"}
}

func alarmOf(name, state, enabled string) string {
	return "<AlarmName>looked-" + name + "-ABC</AlarmName><StateValue>" + state + "</StateValue><StateReason>because</StateReason><ActionsEnabled>" + enabled + "</ActionsEnabled>"
}

func target(change string) answer {
	return answer{body: `{"ScalableTargets": [{"ServiceNamespace": "ecs", "ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount",
		"MinCapacity": 0, "MaxCapacity": 4, "RoleARN": "r", "CreationTime": 1` + change + `}]}`}
}

// Each thing that keeps tasks from running is told in a line, with what mends it.
func TestDoctorTellsWhatIsWrongOnAWS(t *testing.T) {
	c, s := newStand(t)
	images := newRegistry(t)
	pushBase(t, images+"/base", "amd64")
	job := "name: looked\nimage: " + images + "/base\nmax: 4\ncpu: 2\nmemory: 4GiB\ncommand: [/job]\n"
	c.write("spate.yaml", job)
	c.must("deploy", "--yes")
	well := map[string][]answer{
		"servicequotas:GetServiceQuota": {{body: `{"Quota": {"Value": 100}}`}},
		"iam:GetRole":                   {{body: trusting}},
		"ec2:DescribeSubnets":           {{body: subnets}}, "ec2:DescribeRouteTables": {{body: routes("igw-1")}},
	}
	for name, trouble := range troubles() {
		if trouble.answers["ecs:DescribeServices"] != nil {
			trouble.answers["ecs:DescribeTaskDefinition"] = []answer{{body: `{"taskDefinition": {"executionRoleArn": "arn:aws:iam::1:role/r"}}`}}
		}
		t.Run(name, func(t *testing.T) {
			answers := maps.Clone(well)
			maps.Copy(answers, trouble.answers)
			s.answer(t, answers)
			if name == "dead letters" {
				c.kill()
				defer c.must("dlq", "purge", "--yes")
			}
			if name == "image of another architecture" {
				c.write("spate.yaml", job+"arch: arm64\n")
				defer c.write("spate.yaml", job)
			}
			out, said, err := c.spate("doctor")
			if name == "well" {
				if strings.Contains(out, "not asked") || !strings.Contains(said, "a run can start") {
					t.Errorf("got %v and\n%s%s\nwant all to be well", err, out, said)
				}
			} else if strings.Contains(said, "a run can start") && !strings.Contains(out, " warning ") {
				t.Errorf("got\n%s%s\nwant trouble", out, said)
			}
			for _, want := range trouble.want {
				if !regexp.MustCompile("(?m)" + want).MatchString(out) {
					t.Errorf("got\n%s\nwant %q in it", out, want)
				}
			}
			if !strings.Contains(said, trouble.hint) {
				t.Errorf("got\n%s\nwant the hint %q", said, trouble.hint)
			}
		})
	}
}

func troubles() map[string]trouble {
	lately := time.Now().Add(-time.Minute)
	return map[string]trouble{
		"well": {want: []string{
			`^quota +ok +the account has 100 vCPU of Fargate on demand, and 4 tasks want 8$`, `^network +ok +2 subnets, out by igw-1$`,
			`^roles +ok `, `^image +ok +sha256:`, `^dead letters +ok`, `^alarms +(ok|warning) `,
		}},
		"quota too small": {
			map[string][]answer{"servicequotas:GetServiceQuota": {{body: `{"Quota": {"Value": 6}}`}}},
			[]string{`^quota +warning +the account has 6 vCPU of Fargate on demand, and 4 tasks want 8: 3 run at once$`},
			"hint: quota: aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 --desired-value 8",
		},
		"no quota": {
			map[string][]answer{"servicequotas:GetServiceQuota": {{body: `{"Quota": {"Value": 0}}`}}},
			[]string{`^quota +error +the account has 0 vCPU .*: 0 run at once$`}, "hint: quota: aws service-quotas request-service-quota-increase",
		},
		"quota refused": {
			map[string][]answer{"servicequotas:GetServiceQuota": {fault("AccessDeniedException", "You may not.")}},
			[]string{`^quota +not asked +could not be asked: AccessDeniedException: You may not.$`}, "hint: quota: docs/aws.md lists the permissions",
		},
		"image missing": {
			map[string][]answer{"ecr:BatchGetImage": {{status: 404, body: `{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "Requested image not found"}]}`}}},
			[]string{`^image +error +`}, "hint: image: spate deploy pushes it",
		},
		"image of another architecture": {
			nil, []string{`^image +error +the image is for linux/amd64, and the job for linux/arm64$`}, "hint: image: say `arch:`",
		},
		"no way out": {
			map[string][]answer{"ec2:DescribeRouteTables": {{body: routes("")}}},
			[]string{`^network +warning +subnet subnet-1 has no way out$`}, "hint: network: give it a default route, or the VPC endpoints",
		},
		"no public address": {
			map[string][]answer{"ecs:DescribeServices": {service(`, "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1", "subnet-2"], "assignPublicIp": "DISABLED"}}`)}},
			[]string{`^network +error +subnet subnet-1 goes out by igw-1, for which tasks have no public address$`}, "assignPublicIp: true",
		},
		"subnet gone": {
			map[string][]answer{"ec2:DescribeSubnets": {{body: `<DescribeSubnetsResponse><subnetSet></subnetSet></DescribeSubnetsResponse>`}}},
			[]string{`^network +error +of 2 subnets 0 are there$`}, "hint: network: mend `network:`",
		},
		"subnet unknown": {
			map[string][]answer{"ec2:DescribeSubnets": {{status: 400, body: "<Response><Errors><Error><Code>InvalidSubnetID.NotFound</Code>" +
				"<Message>The subnet ID 'subnet-2' does not exist</Message></Error></Errors></Response>"}}},
			[]string{`^network +error +The subnet ID 'subnet-2' does not exist$`}, "hint: network: mend `network:`",
		},
		"role missing": {
			map[string][]answer{"iam:GetRole": {formFault("NoSuchEntity", "The role cannot be found.")}},
			[]string{`^roles +error +there is no role looked-`}, "hint: roles: spate destroy, and spate deploy",
		},
		"role of others": {
			map[string][]answer{"iam:GetRole": {{body: strings.ReplaceAll(trusting, "ecs-tasks", "lambda")}}},
			[]string{`^roles +error +tasks may not take on role looked-`}, "ecs-tasks.amazonaws.com into its trust policy",
		},
		"service event": {
			map[string][]answer{"ecs:DescribeServices": {service(fmt.Sprintf(`, "events": [{"id": "1", "createdAt": %d,
				"message": "(service s) was unable to place a task because no container instance met all of its requirements."}]`, time.Now().Unix()-60))}},
			[]string{`^service +warning +active, 0 running, 0 starting, 2 wanted$`}, "unable to place a task",
		},
		"service gone": {
			map[string][]answer{"ecs:DescribeServices": {service(`, "status": "INACTIVE"`)}},
			[]string{`^service +error +inactive`}, "hint: service: spate deploy --force",
		},
		"deployment failed": {
			map[string][]answer{"ecs:DescribeServices": {service(`, "deployments": [{"id": "d", "status": "PRIMARY", "rolloutState": "FAILED",
				"rolloutStateReason": "ECS deployment circuit breaker: tasks failed to start."}]`)}},
			[]string{`^service +error +active`}, "its deployment failed: ECS deployment circuit breaker: tasks failed to start.",
		},
		"tasks that cannot pull": {
			stopped("TaskFailedToStart", "CannotPullContainerError: pull image manifest has been retried 7 time(s)", lately),
			[]string{`^tasks +error +1 task stopped that should not have; the newest, at .*: CannotPullContainerError`}, "hint: tasks: the image is not there, or the subnets have no way to it",
		},
		"tasks without a way": {
			stopped("TaskFailedToStart", "ResourceInitializationError: unable to pull secrets or registry auth", lately),
			[]string{`^tasks +error +.*ResourceInitializationError`}, "hint: tasks: tasks reach neither ECR nor their secrets and logs",
		},
		"over the quota": {
			stopped("TaskFailedToStart", "You've reached the limit on the number of vCPUs you can run concurrently", lately),
			[]string{`^tasks +error +.*limit on the number of vCPUs`}, "hint: tasks: see quota",
		},
		"Spot": {
			stopped("SpotInterruption", "Your Spot Task was interrupted.", lately),
			[]string{`^tasks +warning +.*Spot Task was interrupted`}, "hint: tasks: AWS took its capacity back",
		},
		"dead letters": {nil, []string{`^dead letters +warning +1 message could not be read by any worker$`}, "hint: dead letters: spate dlq list"},
		"an alarm that is on": {
			map[string][]answer{"cloudwatch:DescribeAlarms": {alarms(alarmOf("ScaleOutAlarm", "OK", "true"), alarmOf("StuckAlarm", "ALARM", "true"))}},
			[]string{`^alarms +warning +ScaleOutAlarm OK, StuckAlarm ALARM$`}, "hint: alarms: StuckAlarm: because",
		},
		"alarms that are off": {
			map[string][]answer{"cloudwatch:DescribeAlarms": {alarms(alarmOf("ScaleOutAlarm", "OK", "false"))}},
			[]string{`^alarms +error +the actions of looked-ScaleOutAlarm-ABC are switched off$`}, "hint: alarms: aws cloudwatch enable-alarm-actions --alarm-names looked-ScaleOutAlarm-ABC",
		},
		"no alarms": {
			map[string][]answer{"cloudwatch:DescribeAlarms": {alarms()}},
			[]string{`^alarms +error +there are none`}, "hint: alarms: spate deploy --force",
		},
		"no scaling": {
			map[string][]answer{"application-autoscaling:DescribeScalableTargets": {{body: `{"ScalableTargets": []}`}}},
			[]string{`^scaling +error +the service does not scale$`}, "hint: scaling: spate deploy --force",
		},
		"scaling suspended": {
			map[string][]answer{"application-autoscaling:DescribeScalableTargets": {target(`, "SuspendedState": {"DynamicScalingOutSuspended": true}`)}},
			[]string{`^scaling +error +its scaling is suspended`}, "register-scalable-target",
		},
		"a maximum of 0": {
			map[string][]answer{"application-autoscaling:DescribeScalableTargets": {target(`, "MaxCapacity": 0`)}},
			[]string{`^scaling +error +its maximum is 0 tasks$`}, "hint: scaling: spate deploy --force",
		},
		"credentials expired": {
			map[string][]answer{"sts:GetCallerIdentity": {formFault("ExpiredToken", "The security token included in the request is expired")}},
			[]string{`^credentials +error +ExpiredToken: The security token`}, "hint: credentials: log in again: aws sso login",
		},
		"no network": {
			map[string][]answer{"sts:GetCallerIdentity": {{cut: true}}},
			[]string{`^credentials +error +AWS does not answer: `}, "hint: credentials: look at the network, and at --region",
		},
		"stack rolled back": {
			map[string][]answer{"cloudformation:DescribeStacks": {stackIn("ROLLBACK_COMPLETE")}},
			[]string{`^stack +error +looked is in ROLLBACK_COMPLETE$`}, "hint: stack: spate deploy deletes what is left of it, and makes it again",
		},
		"stack busy": {
			map[string][]answer{"cloudformation:DescribeStacks": {stackIn("UPDATE_IN_PROGRESS")}},
			[]string{`^stack +warning +looked is in UPDATE_IN_PROGRESS$`}, "hint: stack: wait until that is over",
		},
		"stack stuck": {
			map[string][]answer{"cloudformation:DescribeStacks": {stackIn("UPDATE_ROLLBACK_FAILED")}},
			[]string{`^stack +error +looked is in UPDATE_ROLLBACK_FAILED$`}, "hint: stack: aws cloudformation continue-update-rollback --stack-name looked",
		},
	}
}

func stackIn(state string) answer {
	return answer{body: "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>looked</StackName>" +
		"<StackId>arn:aws:cloudformation:us-east-1:000000000000:stack/looked/1</StackId><CreationTime>2026-11-23T06:00:00.000Z</CreationTime>" +
		"<StackStatus>" + state + "</StackStatus></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"}
}
