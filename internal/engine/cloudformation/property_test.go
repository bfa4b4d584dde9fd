package cloudformation

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/wire"
)

func read(t *testing.T, text string) properties {
	t.Helper()
	var p properties
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// The members of an input, as JSON less what is not set.
func members(t *testing.T, input any) any {
	t.Helper()
	text, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return bare(all)
}

func bare(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if member = bare(member); member == nil || member == "" || member == false || member == 0.0 {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = bare(v[i])
		}
	}
	return value
}

func TestFill(t *testing.T) {
	cases := []struct {
		name  string
		input any
		given string
		want  string
	}{
		{"task definition", &ecs.RegisterTaskDefinitionInput{},
			`{"Cpu": 256, "Memory": "512", "RequiresCompatibilities": ["FARGATE"],
			  "EphemeralStorage": {"SizeInGiB": "30"},
			  "Volumes": [{"Name": "v", "EFSVolumeConfiguration": {"FilesystemId": "fs-1", "AuthorizationConfig": {"IAM": "ENABLED"}}}],
			  "ContainerDefinitions": [{"Name": "job", "Essential": "true", "Environment": [{"Name": "A", "Value": 1}],
			    "DockerLabels": {"spate.worker": 1}, "StopTimeout": "120", "Command": ["a", 2, true]}],
			  "Tags": [{"Key": "k", "Value": "v"}]}`,
			`{"Cpu": "256", "Memory": "512", "RequiresCompatibilities": ["FARGATE"],
			  "EphemeralStorage": {"SizeInGiB": 30},
			  "Volumes": [{"Name": "v", "EfsVolumeConfiguration": {"FileSystemId": "fs-1", "AuthorizationConfig": {"Iam": "ENABLED"}}}],
			  "ContainerDefinitions": [{"Name": "job", "Essential": true, "Environment": [{"Name": "A", "Value": "1"}],
			    "DockerLabels": {"spate.worker": "1"}, "StopTimeout": 120, "Command": ["a", "2", "true"]}],
			  "Tags": [{"Key": "k", "Value": "v"}]}`},
		{"alarm", &cloudwatch.PutMetricAlarmInput{},
			`{"Threshold": "1.5", "EvaluationPeriods": 2, "Metrics": [{"Id": "m", "ReturnData": "true",
			  "MetricStat": {"Period": "60", "Stat": "Maximum", "Metric": {"Namespace": "AWS/SQS"}}}]}`,
			`{"Threshold": 1.5, "EvaluationPeriods": 2, "Metrics": [{"Id": "m", "ReturnData": true,
			  "MetricStat": {"Period": 60, "Stat": "Maximum", "Metric": {"Namespace": "AWS/SQS"}}}]}`},
		{"step policy", &applicationautoscaling.PutScalingPolicyInput{},
			`{"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {"AdjustmentType": "ExactCapacity",
			  "StepAdjustments": [{"MetricIntervalLowerBound": "1", "ScalingAdjustment": "3"}]}}`,
			`{"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {"AdjustmentType": "ExactCapacity",
			  "StepAdjustments": [{"MetricIntervalLowerBound": 1, "ScalingAdjustment": 3}]}}`},
		{"time", &applicationautoscaling.PutScheduledActionInput{},
			`{"StartTime": "2026-01-02T03:04:05Z", "ScalableTargetAction": {"MinCapacity": "4"}}`,
			`{"StartTime": "2026-01-02T03:04:05Z", "ScalableTargetAction": {"MinCapacity": 4}}`},
		{"map of a list", &sqs.CreateQueueInput{},
			`{"Tags": [{"Key": "a", "Value": "b"}]}`, `{"Tags": {"a": "b"}}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := fill(c.input, read(t, c.given)); err != nil {
				t.Fatal(err)
			}
			var want any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, members(t, c.input)); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFillRefuses(t *testing.T) {
	for given, want := range map[string]string{
		`{"Colour": 1}`: "Encountered unsupported property Colour",
		`{"ContainerDefinitions": [{"Image": "i", "Colour": 1}]}`:  "Encountered unsupported property Colour",
		`{"ContainerDefinitions": {"Image": "i"}}`:                 "Value of property ContainerDefinitions must be of type List",
		`{"ContainerDefinitions": [{"StopTimeout": "x"}]}`:         "Value of property StopTimeout must be of type Integer",
		`{"ContainerDefinitions": [{"StopTimeout": 1.5}]}`:         "Value of property StopTimeout must be of type Integer",
		`{"ContainerDefinitions": [{"StopTimeout": 99999999999}]}`: "Value of property StopTimeout must be of type Integer",
		`{"ContainerDefinitions": [{"Essential": "perhaps"}]}`:     "Value of property Essential must be of type Boolean",
		`{"ContainerDefinitions": [{"DockerLabels": "a"}]}`:        "Value of property DockerLabels must be of type Map",
		`{"Family": ["a"]}`:            "Value of property Family must be of type String",
		`{"EphemeralStorage": "30"}`:   "Value of property EphemeralStorage must be an object",
		`{"noSmithyDocumentSerde": 1}`: "Encountered unsupported property noSmithyDocumentSerde",
	} {
		err := fill(&ecs.RegisterTaskDefinitionInput{}, read(t, given))
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", given, err, want)
		}
	}
}

func TestMadeUpNamesFit(t *testing.T) {
	long := "averyveryveryveryveryveryverylongname"
	for name, k := range map[string]kind{"queue": queue, "bucket": bucket} {
		got := madeUpName(long+long, long+long, k)
		if len(got) > 64 || k.lowerName && (len(got) > 63 || got != strings.ToLower(got)) {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

func TestInertReturnValues(t *testing.T) {
	r := request{Account: wire.Account{ID: "000000000000", Region: "us-east-1"}, Logical: "Role", Name: "the-role", Properties: properties{}}
	cases := []struct {
		kind, given, id string
		attributes      properties
	}{
		{"AWS::IAM::Role", `{}`, "the-role", properties{"Arn": "arn:aws:iam::000000000000:role/the-role"}},
		{"AWS::IAM::Role", `{"Path": "/a/"}`, "the-role", properties{"Arn": "arn:aws:iam::000000000000:role/a/the-role"}},
		{"AWS::EC2::Route", `{"RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0"}`, "rtb-1|0.0.0.0/0", properties{"CidrBlock": "0.0.0.0/0"}},
		{"AWS::EC2::Subnet", `{"VpcId": "vpc-1"}`, "", properties{"AvailabilityZone": "us-east-1a", "VpcId": "vpc-1", "Ipv6CidrBlocks": []any{}}},
		{"AWS::EC2::VPC", `{"CidrBlock": "10.0.0.0/16"}`, "", properties{"CidrBlock": "10.0.0.0/16", "Ipv6CidrBlocks": []any{}}},
		{"AWS::EC2::VPCEndpoint", `{}`, "", properties{"DnsEntries": []any{}, "NetworkInterfaceIds": []any{}}},
		{"AWS::AutoScaling::AutoScalingGroup", `{}`, "the-role", properties{}},
		{"AWS::AutoScaling::LifecycleHook", `{"AutoScalingGroupName": "g"}`, "the-role", nil},
		{"AWS::EC2::LaunchTemplate", `{}`, "", properties{"DefaultVersionNumber": "1", "LatestVersionNumber": "1"}},
		{"AWS::ECS::CapacityProvider", `{}`, "the-role", nil},
		{"AWS::Lambda::Function", `{}`, "the-role", properties{"Arn": "arn:aws:lambda:us-east-1:000000000000:function:the-role"}},
	}
	for _, c := range cases {
		r.Properties = read(t, c.given)
		m, err := inert[c.kind].kind().create(t.Context(), nil, r)
		if err != nil || c.id != "" && m.ID != c.id {
			t.Errorf("%s %s: got id %s, want %s", c.kind, c.given, m.ID, c.id)
		}
		for name, want := range c.attributes {
			if diff := cmp.Diff(want, m.Attributes[name]); diff != "" {
				t.Errorf("%s %s: %s (-want +got):\n%s", c.kind, c.given, name, diff)
			}
		}
	}
}
