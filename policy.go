package spate

import (
	"fmt"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

// policy is an IAM policy document.
func policy(statements ...props) props {
	return props{"Version": "2012-10-17", "Statement": statements}
}

// allow is a statement that lets actions be done to a resource, or a list of
// them.
func allow(resource any, actions ...string) props {
	return props{"Effect": "Allow", "Action": actions, "Resource": resource}
}

// tlsOnly is a statement that refuses requests that are not encrypted.
func tlsOnly(action string, resource any) props {
	return props{
		"Sid":       "TLSOnly",
		"Effect":    "Deny",
		"Principal": "*",
		"Action":    action,
		"Resource":  resource,
		"Condition": props{"Bool": props{"aws:SecureTransport": "false"}},
	}
}

// role adds a role that a service of AWS may take on, and what it may do then.
func (s *Stack) role(id logicalID, principal string, condition props, statements ...props) {
	trust := props{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": props{"Service": principal}}
	if condition != nil {
		trust["Condition"] = condition
	}
	s.add(id, "AWS::IAM::Role", props{
		"AssumeRolePolicyDocument": policy(trust),
		"Policies":                 list{props{"PolicyName": "spate", "PolicyDocument": policy(statements...)}},
	})
}

// executionRole adds the role with which ECS starts a task: pulling the image,
// writing the log, reading secrets.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
func (s *Stack) executionRole(j job.Job) {
	statements := []props{allow(logGroup.att("Arn"), "logs:CreateLogStream", "logs:PutLogEvents")}
	if from := pulledFrom(j.Image); from != nil {
		statements = append(statements,
			allow("*", "ecr:GetAuthorizationToken"), // takes no resource
			allow(from, "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"))
	}
	s.role(executionRole, "ecs-tasks.amazonaws.com", nil, append(statements, readSecrets(j.Secrets)...)...)
}

// pulledFrom returns the ARN of the ECR repository of an image, or nil where
// it is from elsewhere.
func pulledFrom(image string) any {
	if imageIsFolder(image) {
		return repository.att("Arn")
	}
	if m := privateImage.FindStringSubmatch(image); m != nil {
		return template.Sub(fmt.Sprintf("arn:${AWS::Partition}:ecr:%s:%s:repository/%s", m[2], m[1], m[3]))
	}
	return nil
}

// taskRole adds the role of the worker and, on AWS, of the job.
func (s *Stack) taskRole(j job.Job) {
	// Why a task was lost is asked of ECS by the next one.
	tasks := allow(template.Sub("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:task/${Cluster}/*"),
		"ecs:DescribeTasks", "ecs:GetTaskProtection", "ecs:UpdateTaskProtection")
	tasks["Condition"] = props{"ArnEquals": props{"ecs:cluster": cluster.att("Arn")}}
	statements := []props{
		allow(queue.att("Arn"), "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
			"sqs:GetQueueUrl", "sqs:ReceiveMessage"),
		// Without s3:ListBucket S3 says 403, not 404, of a key that is not there.
		allow(bucket.att("Arn"), "s3:ListBucket"),
		allow(template.Sub("${Bucket.Arn}/runs/*"), "s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
		// A job that was run twice may have failed first and then been done.
		allow(template.Sub("${Bucket.Arn}/runs/*/failed/*"), "s3:DeleteObject"),
		tasks,
	}
	for i, p := range j.Permissions {
		statement, fault := permission(p)
		if fault != "" {
			s.check(Problem{Where: fmt.Sprintf("permissions[%d]", i), Fact: fault})
		}
		statements = append(statements, statement)
	}
	// Only tasks of this account take the role on:
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
	s.role(taskRole, "ecs-tasks.amazonaws.com", props{
		"ArnLike":      props{"aws:SourceArn": template.Sub("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:*")},
		"StringEquals": props{"aws:SourceAccount": template.Ref("AWS::AccountId")},
	}, statements...)
}

// permission is a statement of the job's own, and what is wrong with it.
func permission(p job.Statement) (statement props, fault string) {
	switch {
	case p.Effect != "Allow" && p.Effect != "Deny":
		fault = fmt.Sprintf("Effect is Allow or Deny, not %q", p.Effect)
	case len(p.Action) == 0:
		fault = "Action is missing"
	case len(p.Resource) == 0:
		fault = "Resource is missing"
	}
	statement = props{"Effect": p.Effect, "Action": []string(p.Action), "Resource": []string(p.Resource)}
	if p.Condition != nil {
		statement["Condition"] = p.Condition
	}
	return statement, fault
}
