package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/wire"
)

// A kind is a resource type: what CloudFormation does to have one of its
// resources. A nil function means that there is nothing to do.
type kind struct {
	// inert says that the resource is only kept in its stack.
	inert bool
	// name is the property that names the resource; where a template leaves it
	// out CloudFormation makes a name up. Empty when such resources have none.
	name string
	// lowerName says that names are in lower case, as those of buckets.
	lowerName bool
	// scoped says that the name is unique only within what the resource belongs
	// to, so that it can be had again there.
	scoped bool
	// attributes are what Fn::GetAtt returns.
	attributes []string
	// replace lists the properties whose change takes a new resource. The
	// single entry "*" means all of them but Tags.
	replace []string
	// exists looks for a resource of the name that a template gives, where the
	// API would not refuse to create a second one.
	exists func(ctx context.Context, c *clients, name string) (bool, error)
	create func(ctx context.Context, c *clients, r request) (made, error)
	// steady waits until a resource that was created or updated is of use.
	steady func(ctx context.Context, c *clients, r request) error
	// update changes the properties other than Tags.
	update func(ctx context.Context, c *clients, r request) (made, error)
	// tag sets tags and takes away those that are dropped.
	tag func(ctx context.Context, c *clients, r request, set map[string]string, drop []string) error
	// remove deletes a resource; one that is not there is no error. The
	// request's ID is empty when the resource may not have come to be.
	remove func(ctx context.Context, c *clients, r request) error
}

// A request is what a kind's functions know of a resource.
type request struct {
	Account wire.Account
	Stack   string // the stack's name
	Logical string
	Type    string
	// Name is the template's name for the resource, or the one made up for it.
	Name string
	// ID is the physical id; empty until it was created.
	ID         string
	Properties properties
	// Before are the properties that an update changes, and Changed the names
	// of those it does.
	Before  properties
	Changed []string
	// Tags are the stack's.
	Tags map[string]string
}

// A made is the outcome of a creation or an update.
type made struct {
	ID         string     // what Ref returns
	Attributes properties // what Fn::GetAtt returns
	Settled    bool       // there is nothing for steady to wait for
}

// text returns a property as text, empty where it is not given.
func (r request) text(property string) string {
	text, _ := textOf(r.Properties[property])
	return text
}

// tags joins the stack's tags and the resource's own, which win; nil when there
// are none.
func (r request) tags() (map[string]string, error) { return joinTags(r.Tags, r.Properties) }

func joinTags(stack map[string]string, p properties) (map[string]string, error) {
	var own struct{ Tags map[string]string }
	if tags, ok := p["Tags"]; ok {
		if err := fill(&own, properties{"Tags": tags}); err != nil {
			return nil, err
		}
	}
	if len(stack)+len(own.Tags) == 0 {
		return nil, nil
	}
	all := map[string]string{}
	maps.Copy(all, stack)
	maps.Copy(all, own.Tags)
	return all, nil
}

// retag brings a resource's tags from what they were to what they should be.
func (k kind) retag(ctx context.Context, c *clients, r request, stackBefore map[string]string) error {
	if k.tag == nil {
		return nil
	}
	set, err := r.tags()
	if err != nil {
		return err
	}
	before, err := joinTags(stackBefore, r.Before)
	if err != nil {
		return err
	}
	var drop []string
	for _, key := range sortedKeys(before) {
		if _, kept := set[key]; !kept {
			drop = append(drop, key)
		}
	}
	return k.tag(ctx, c, r, set, drop)
}

// tagList is tags as lists of Key and Value have them.
func (r request) tagList() ([]any, error) {
	tags, err := r.tags()
	return pairList(tags), err
}

func pairList(tags map[string]string) []any {
	var list []any
	for _, key := range sortedKeys(tags) {
		list = append(list, map[string]any{"Key": key, "Value": tags[key]})
	}
	return list
}

// changed reports whether an update changes one of the properties.
func (r request) changed(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(r.Changed, name) })
}

// clients are how resources are made: AWS's APIs, served by this engine.
type clients struct {
	sqs     *sqs.Client
	s3      *s3.Client
	logs    wire.Caller
	ecs     wire.Caller
	scaling wire.Caller
	alarms  wire.Caller
	ssm     wire.Caller
	secrets wire.Caller
	ecr     wire.Caller
	events  wire.Caller
	clock   wire.Caller
	topics  wire.Caller
}

func newClients(config aws.Config) *clients {
	return &clients{
		sqs:     sqs.NewFromConfig(config),
		s3:      s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
		logs:    wire.NewCaller(config, "logs"),
		ecs:     wire.NewCaller(config, "ecs"),
		scaling: wire.NewCaller(config, "application-autoscaling"),
		alarms:  wire.NewCaller(config, "monitoring"),
		ssm:     wire.NewCaller(config, "ssm"),
		secrets: wire.NewCaller(config, "secretsmanager"),
		ecr:     wire.NewCaller(config, "ecr"),
		events:  wire.NewCaller(config, "events"),
		clock:   wire.NewCaller(config, "scheduler"),
		topics:  wire.NewCaller(config, "sns"),
	}
}

// kindOf returns a resource type.
func kindOf(name string) (kind, bool) {
	if k, ok := live[name]; ok {
		return k, true
	}
	if i, ok := inert[name]; ok {
		return i.kind(), true
	}
	return kind{}, false
}

// live are the types whose resources the engine really has.
var live = map[string]kind{
	"AWS::ApplicationAutoScaling::ScalableTarget":   scalableTarget,
	"AWS::ApplicationAutoScaling::ScalingPolicy":    scalingPolicy,
	"AWS::CloudWatch::Alarm":                        alarm,
	"AWS::ECR::Repository":                          repository,
	"AWS::ECS::Cluster":                             cluster,
	"AWS::ECS::ClusterCapacityProviderAssociations": capacityProviders,
	"AWS::ECS::Service":                             ecsService,
	"AWS::ECS::TaskDefinition":                      taskDefinition,
	"AWS::Events::Rule":                             eventRule,
	"AWS::Logs::LogGroup":                           logGroup,
	"AWS::S3::Bucket":                               bucket,
	"AWS::SNS::Subscription":                        snsSubscription,
	"AWS::SNS::Topic":                               topic,
	"AWS::SNS::TopicPolicy":                         topicPolicy,
	"AWS::SQS::Queue":                               queue,
	"AWS::SQS::QueuePolicy":                         queuePolicy,
	"AWS::SSM::Parameter":                           storedParameter,
	"AWS::Scheduler::Schedule":                      schedule,
	"AWS::Scheduler::ScheduleGroup":                 scheduleGroup,
	"AWS::SecretsManager::Secret":                   secret,
}

// A ResourceType is a resource type that stacks may have.
type ResourceType struct {
	Name string
	// Inert says that its resources are kept and can be referred to, and do
	// nothing on the embedded engine.
	Inert bool
	// InertProperties are properties that are kept and do nothing.
	InertProperties []string
}

// ResourceTypes lists the resource types, by name.
func ResourceTypes() []ResourceType {
	var all []ResourceType
	for name := range live {
		t := ResourceType{Name: name}
		if name == "AWS::S3::Bucket" {
			t.InertProperties = slices.Clone(inertBucketProperties)
		}
		all = append(all, t)
	}
	for name := range inert {
		all = append(all, ResourceType{Name: name, Inert: true})
	}
	sorting.By(all, func(a, b ResourceType) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// replaces reports whether a change of the properties takes a new resource.
func (k kind) replaces(changed []string) bool {
	all := slices.Contains(k.replace, "*")
	return slices.ContainsFunc(changed, func(property string) bool {
		return all && property != "Tags" || slices.Contains(k.replace, property)
	})
}

// isNotFound reports that what a request was about is not there.
func isNotFound(err error) bool {
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return slices.Contains(absent, fault.ErrorCode())
	}
	return false
}

// absent are the codes by which services say that something is not there.
var absent = []string{
	"AWS.SimpleQueueService.NonExistentQueue",
	"ClusterNotFoundException",
	"LifecyclePolicyNotFoundException",
	"NoSuchBucket",
	"NotFound",
	"ObjectNotFoundException",
	"ParameterNotFound",
	"ParameterVersionNotFound",
	"QueueDoesNotExist",
	"RepositoryNotFoundException",
	"RepositoryPolicyNotFoundException",
	"ResourceNotFound",
	"ResourceNotFoundException",
	"ServiceNotActiveException",
	"ServiceNotFoundException",
}

// found turns the answer to a look-up into whether the thing is there.
func found(err error) (bool, error) {
	if isNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// unlessAbsent drops the complaint that what is to be deleted is not there.
func unlessAbsent(err error) error {
	if isNotFound(err) {
		return nil
	}
	return err
}

// An unstable is a resource that did not come to be of use.
type unstable struct{ message, code string }

func (u *unstable) Error() string { return u.message }

// explain words why a resource failed, as CloudFormation's resource handlers
// do. The token names the operation on the resource.
func explain(err error, token string) string {
	if r, ok := errors.AsType[reason](err); ok {
		return string(r)
	}
	message, code := err.Error(), "InternalFailure"
	if u, ok := errors.AsType[*unstable](err); ok {
		code = u.code
	}
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		message, code = fault.ErrorMessage(), "GeneralServiceException"
		if isNotFound(err) {
			code = "NotFound"
		}
	}
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status := response.HTTPStatusCode()
		if status == http.StatusBadRequest && code != "NotFound" {
			code = "InvalidRequest"
		}
		message += fmt.Sprintf(" (Service: %s, Status Code: %d, Request ID: %s)", serviceOf(err), status, response.ServiceRequestID())
	}
	return fmt.Sprintf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: %s)", message, token, code)
}

func serviceOf(err error) string {
	if operation, ok := errors.AsType[*smithy.OperationError](err); ok {
		return operation.Service()
	}
	return "CloudFormation"
}
