package cloudformation_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	cfn "github.com/spate-run/spate/internal/engine/cloudformation"
)

// Of every type that lives, each attribute that a template may name has a value.
func TestAttributesOfLivingTypes(t *testing.T) {
	kinds := map[string]struct{ properties, attributes string }{
		"AWS::ApplicationAutoScaling::ScalableTarget": {`"MaxCapacity": 1, "MinCapacity": 0, "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount",
			"ResourceId": {"Fn::Sub": "service/${Cluster}/${Service.Name}"}`, "Id"},
		"AWS::ApplicationAutoScaling::ScalingPolicy": {`"PolicyName": "p", "PolicyType": "StepScaling", "ScalingTargetId": {"Ref": "ScalableTarget"},
			"StepScalingPolicyConfiguration": {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]}`, "Arn"},
		"AWS::CloudWatch::Alarm": {`"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 1, "MetricName": "m", "Namespace": "n",
			"Period": 60, "Statistic": "Sum"`, "Arn"},
		"AWS::ECR::Repository":                          {``, "Arn RepositoryUri"},
		"AWS::ECS::Cluster":                             {``, "Arn"},
		"AWS::ECS::ClusterCapacityProviderAssociations": {`"Cluster": {"Ref": "Cluster"}, "CapacityProviders": ["FARGATE"], "DefaultCapacityProviderStrategy": []`, ""},
		"AWS::ECS::Service":                             {`"Cluster": {"Ref": "Cluster"}, "TaskDefinition": {"Ref": "TaskDefinition"}, "DesiredCount": 0`, "Name ServiceArn"},
		"AWS::ECS::TaskDefinition":                      {`"ContainerDefinitions": [{"Name": "c", "Image": "i", "Memory": 64}]`, "TaskDefinitionArn"},
		"AWS::Events::Rule":                             {`"ScheduleExpression": "rate(1 day)"`, "Arn RuleName"},
		"AWS::Logs::LogGroup":                           {``, "Arn"},
		"AWS::S3::Bucket":                               {``, "Arn DomainName DualStackDomainName RegionalDomainName WebsiteURL"},
		"AWS::SNS::Subscription":                        {`"TopicArn": {"Ref": "Topic"}, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": "Queue.Arn"}`, "Arn"},
		"AWS::SNS::Topic":                               {``, "TopicArn TopicName"},
		"AWS::SNS::TopicPolicy": {`"Topics": [{"Ref": "Topic"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Principal": "*", "Action": "sns:Publish", "Resource": {"Ref": "Topic"}}]}`, "Id"},
		"AWS::SQS::Queue": {``, "Arn QueueName QueueUrl"},
		"AWS::SQS::QueuePolicy": {`"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [
			{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}]}`, "Id"},
		"AWS::SSM::Parameter": {`"Type": "String", "Value": "x"`, "Type Value"},
		"AWS::Scheduler::Schedule": {`"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpression": "rate(5 hours)",
			"Target": {"Arn": {"Fn::GetAtt": "Queue.Arn"}, "RoleArn": "arn:aws:iam::000000000000:role/r"}`, "Arn"},
		"AWS::Scheduler::ScheduleGroup": {``, "Arn CreationDate LastModificationDate State"},
		"AWS::SecretsManager::Secret":   {``, "Id"},
	}
	var resources, values []string
	for _, kind := range cfn.ResourceTypes() {
		k, tested := kinds[kind.Name]
		if !tested && !kind.Inert {
			t.Errorf("%s lives, and is not tested here", kind.Name)
		}
		if !tested {
			continue
		}
		id := kind.Name[strings.LastIndex(kind.Name, ":")+1:]
		resources = append(resources, fmt.Sprintf(`%q: {"Type": %q, "Properties": {%s}}`, id, kind.Name, k.properties))
		for _, attribute := range strings.Fields(k.attributes) {
			values = append(values, fmt.Sprintf(`%q: {"Value": {"Fn::GetAtt": [%q, %q]}}`, id+attribute, id, attribute))
		}
	}
	e := start(t)
	s := e.create("s", fmt.Sprintf(`{"Resources": {%s}, "Outputs": {%s}}`, strings.Join(resources, ","), strings.Join(values, ",")))
	if s.StackStatus != types.StackStatusCreateComplete || len(s.Outputs) != len(values) {
		t.Fatalf("got %s with %d outputs, want %d, and the events\n%s", s.StackStatus, len(s.Outputs), len(values), strings.Join(e.events("s"), "\n"))
	}
	for name, value := range outputs(s) {
		if value == "" {
			t.Errorf("got nothing as %s", name)
		}
	}
}
