package spate

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

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

// A role is an IAM role that is being written.
type role struct {
	id         logicalID
	properties props
	policy     props // the document of its own policy, or nil
}

func (r *role) arn() Text { return r.id.att("Arn") }

// role adds a role that a service of AWS may take on, and what it may do then.
func (s *Stack) role(id logicalID, principal string, condition props, statements ...props) *role {
	trust := props{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": props{"Service": principal}}
	if condition != nil {
		trust["Condition"] = condition
	}
	r := &role{id: id, properties: props{"AssumeRolePolicyDocument": policy(trust)}}
	s.add(id, "AWS::IAM::Role", r.properties)
	r.grant(statements...)
	return r
}

// grant lets a role do more, each thing once.
func (r *role) grant(statements ...props) {
	for _, statement := range statements {
		if r.policy == nil {
			r.policy = policy()
			r.properties["Policies"] = list{props{"PolicyName": "spate", "PolicyDocument": r.policy}}
		}
		granted := r.policy["Statement"].([]props)
		if !slices.ContainsFunc(granted, func(g props) bool { return reflect.DeepEqual(g, statement) }) {
			r.policy["Statement"] = append(granted, statement)
		}
	}
}

// PolicyStatement is what a role may do, or may not.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
type PolicyStatement struct {
	Effect     string   // Allow, the default, or Deny
	Actions    []string // such as s3:GetObject
	Resources  []Text   // ARNs
	Conditions map[string]any
}

// grantStatement lets a role do what a program asks for.
func (s *Stack) grantStatement(at field, r *role, p PolicyStatement) {
	resources := make([]string, len(p.Resources))
	for i, resource := range p.Resources {
		resources[i] = string(resource)
	}
	statement, fault, mend := permission(job.Statement{
		Effect: cmp.Or(p.Effect, "Allow"), Action: p.Actions, Resource: resources, Condition: p.Conditions,
	})
	if fault != "" {
		at.problem(mend.code, "%s", fault)
	}
	r.grant(statement)
}

// pullImage are the statements by which an image is pulled from ECR.
func pullImage(repository any) []props {
	return []props{
		allow("*", "ecr:GetAuthorizationToken"), // takes no resource
		allow(repository, "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
	}
}

// writeLog is the statement by which a task writes its log.
func writeLog(group Text) props {
	return allow(group, "logs:CreateLogStream", "logs:PutLogEvents")
}

// protectTasks is the statement by which a task protects itself while it
// works, and asks why others were lost.
func protectTasks(cluster, clusterARN Text) props {
	tasks := allow("arn:"+Partition+":ecs:"+Region+":"+AccountID+":task/"+cluster+"/*",
		"ecs:DescribeTasks", "ecs:GetTaskProtection", "ecs:UpdateTaskProtection")
	tasks["Condition"] = props{"ArnEquals": props{"ecs:cluster": clusterARN}}
	return tasks
}

// consume is the statement by which a task works on a queue.
func consume(queue Text) props {
	return allow(queue, "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
		"sqs:GetQueueUrl", "sqs:ReceiveMessage")
}

// onlyOurTasks is the condition that only tasks of this account take a role on.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
func onlyOurTasks() props {
	return props{
		"ArnLike":      props{"aws:SourceArn": template.Sub("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:*")},
		"StringEquals": props{"aws:SourceAccount": AccountID},
	}
}

// executionRole adds the role with which ECS starts a task: pulling the image,
// writing the log, reading secrets.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
func (s *Stack) executionRole(j job.Job, secrets map[string]Secret) {
	statements := append([]props{writeLog(logGroup.att("Arn"))}, pullImage(repository.att("Arn"))...)
	if from := privateRepository(j.Image); from != "" {
		statements = append(statements, pullImage(from)[1]) // the first one is for all repositories
	}
	s.role(executionRole, "ecs-tasks.amazonaws.com", nil, append(statements, readSecrets(secrets)...)...)
}

// taskRole adds the role of the worker and, on AWS, of the job.
func (s *Stack) taskRole(j job.Job) {
	statements := []props{
		consume(queue.att("Arn")),
		// Without s3:ListBucket S3 says 403, not 404, of a key that is not there.
		allow(bucket.att("Arn"), "s3:ListBucket"),
		allow(template.Sub("${Bucket.Arn}/runs/*"), "s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
		// A job that was run twice may have failed first and then been done.
		allow(template.Sub("${Bucket.Arn}/runs/*/failed/*"), "s3:DeleteObject"),
		protectTasks(cluster.ref(), cluster.att("Arn")),
	}
	_, tell := telling(j.Notify)
	statements = append(statements, tell...)
	for i, p := range j.Permissions {
		statement, fault, mend := permission(p)
		if fault != "" {
			s.check(Problem{fmt.Sprintf("permissions[%d]", i), fault, mend.file})
		}
		statements = append(statements, statement)
	}
	s.role(taskRole, "ecs-tasks.amazonaws.com", onlyOurTasks(), statements...)
}

// A statementMend is what a statement lacks, in Go and in a job file.
type statementMend struct{ code, file string }

// permission is a statement of the job's own, and what is wrong with it.
func permission(p job.Statement) (statement props, fault string, mend statementMend) {
	switch {
	case p.Effect != "Allow" && p.Effect != "Deny":
		fault, mend = fmt.Sprintf("Effect is Allow or Deny, not %q", p.Effect), statementMend{`Effect: "Allow"`, "Effect: Allow"}
	case len(p.Action) == 0:
		fault, mend = "Action is missing", statementMend{`Actions: []string{"s3:GetObject"}`, "Action: s3:GetObject"}
	case len(p.Resource) == 0:
		fault, mend = "Resource is missing", statementMend{`Resources: []spate.Text{"arn:aws:s3:::bucket/*"}`, "Resource: arn:aws:s3:::bucket/*"}
	}
	statement = props{"Effect": p.Effect, "Action": []string(p.Action), "Resource": []string(p.Resource)}
	if p.Condition != nil {
		statement["Condition"] = p.Condition
	}
	return statement, fault, mend
}
