package cloudformation

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/template"
	"github.com/spate-run/spate/internal/wire"
)

// The largest templates, in bytes.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const (
	bodyLimit = 51_200
	urlLimit  = 1_000_000
)

// resourceLimit is how many resources a template may declare.
const resourceLimit = 500

// source returns the text of a template that a request gives or points to.
func (s *Service) source(ctx context.Context, body, location *string) (string, error) {
	switch {
	case body != nil && location != nil:
		return "", invalid("Specify exactly one of 'TemplateBody' or 'TemplateUrl'")
	case body != nil && len(*body) > bodyLimit:
		return "", invalid("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to %d", bodyLimit)
	case body != nil && *body != "":
		return *body, nil
	case location != nil:
		return s.fetch(ctx, *location)
	}
	return "", invalid("Either Template URL or Template Body must be specified.")
}

// fetch reads a template from a bucket of this engine.
func (s *Service) fetch(ctx context.Context, location string) (string, error) {
	bucket, key, ok := objectOf(location)
	if !ok {
		return "", invalid("TemplateURL must be a supported URL.")
	}
	out, err := s.clients.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if fault, ok := errors.AsType[smithy.APIError](err); ok {
		return "", invalid("S3 error: %s\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html", fault.ErrorMessage())
	}
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	text, err := io.ReadAll(io.LimitReader(out.Body, urlLimit+1))
	if err != nil {
		return "", err
	}
	if len(text) > urlLimit {
		return "", invalid("Template may not exceed %d bytes in size.", urlLimit)
	}
	return string(text), nil
}

// objectOf reads an object's URL: the bucket stands before the host's s3, or
// else first in the path.
func objectOf(location string) (bucket, key string, ok bool) {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", "", false
	}
	path := strings.TrimPrefix(u.Path, "/")
	for _, mark := range []string{".s3.", ".s3-"} {
		if before, _, found := strings.Cut(u.Hostname(), mark); found && strings.HasSuffix(u.Hostname(), ".amazonaws.com") {
			return before, path, path != ""
		}
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key, bucket != "" && key != ""
}

// parse reads and checks a template; its errors are ValidationErrors. Of what is
// malformed they name the place, as AWS does where JSON or YAML is.
func parse(text string) (*template.Template, error) {
	t, err := template.Parse([]byte(text))
	if e, ok := errors.AsType[*template.Error](err); ok && !strings.Contains(e.Message, "(line ") {
		return nil, invalid("%s (line %d, column %d)", e.Message, e.Pos.Line, e.Pos.Column)
	}
	if err == nil && len(t.Resources) > resourceLimit {
		return nil, invalid("Template format error: Number of resources, %d, is greater than maximum allowed, %d", len(t.Resources), resourceLimit)
	}
	if err == nil {
		err = t.Validate()
	}
	if err == nil {
		err = checkAttributes(t)
	}
	if err != nil {
		return nil, asFault(err)
	}
	return t, nil
}

// checkAttributes refuses attributes that the types known here do not have.
func checkAttributes(t *template.Template) error {
	for _, a := range t.Attributes() {
		k, known := kindOf(t.Resource(a.Resource).Type)
		if known && !slices.Contains(k.attributes, a.Name) {
			return noAttribute(a.Resource, a.Name)
		}
	}
	return nil
}

func noAttribute(id, attribute string) error {
	return reasonf("Template error: resource %s does not support attribute type %s in Fn::GetAtt", id, attribute)
}

// asFault makes a ValidationError of what is wrong with a template.
func asFault(err error) error {
	if e, ok := errors.AsType[*template.Error](err); ok {
		return invalid("%s", e.Message)
	}
	if r, ok := errors.AsType[reason](err); ok {
		return invalid("%s", string(r))
	}
	return err
}

// customNames are the properties that name IAM resources.
var customNames = map[string]string{
	"AWS::IAM::InstanceProfile": "InstanceProfileName",
	"AWS::IAM::ManagedPolicy":   "ManagedPolicyName",
	"AWS::IAM::Role":            "RoleName",
}

// needs returns the capability that a template needs, if any, and the
// resource types that need it.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
func needs(t *template.Template) (types.Capability, []string) {
	var need types.Capability
	var because []string
	for _, r := range t.Resources {
		if !strings.HasPrefix(r.Type, "AWS::IAM::") {
			continue
		}
		if need == "" {
			need = types.CapabilityCapabilityIam
		}
		if r.Properties.Get(customNames[r.Type]) != nil {
			need = types.CapabilityCapabilityNamedIam
		}
		if !slices.Contains(because, r.Type) {
			because = append(because, r.Type)
		}
	}
	slices.Sort(because)
	return need, because
}

// checkCapabilities refuses a template that needs more than was acknowledged.
func checkCapabilities(t *template.Template, given []types.Capability) error {
	need, _ := needs(t)
	named := slices.Contains(given, types.CapabilityCapabilityNamedIam)
	if need == "" || named || need == types.CapabilityCapabilityIam && slices.Contains(given, need) {
		return nil
	}
	return wire.Faultf("InsufficientCapabilitiesException", "Requires capabilities : [%s]", need)
}

// capabilities is what replies say about a template's needs.
func capabilities(t *template.Template) ([]types.Capability, *string) {
	need, because := needs(t)
	if need == "" {
		return nil, nil
	}
	return []types.Capability{need}, aws.String("The following resource(s) require capabilities: [" + strings.Join(because, ", ") + "]")
}

func (s *Service) getTemplate(_ context.Context, in *cloudformation.GetTemplateInput) (*cloudformation.GetTemplateOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stages := []types.TemplateStage{types.TemplateStageOriginal, types.TemplateStageProcessed}
	if in.ChangeSetName != nil {
		_, c, err := s.changeSetLocked(in.ChangeSetName, in.StackName)
		if err != nil {
			return nil, err
		}
		return &cloudformation.GetTemplateOutput{TemplateBody: &c.Definition.Template, StagesAvailable: stages}, nil
	}
	r, ok := s.findLocked(aws.ToString(in.StackName))
	if !ok {
		return nil, invalid("Stack with id %s does not exist", aws.ToString(in.StackName))
	}
	return &cloudformation.GetTemplateOutput{
		TemplateBody:    &r.stack.Definition.Template,
		StagesAvailable: stages,
	}, nil
}

func (s *Service) validateTemplate(ctx context.Context, in *cloudformation.ValidateTemplateInput) (*cloudformation.ValidateTemplateOutput, error) {
	text, err := s.source(ctx, in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	t, err := parse(text)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.ValidateTemplateOutput{Description: optional(t.Description), Parameters: []types.TemplateParameter{}}
	out.Capabilities, out.CapabilitiesReason = capabilities(t)
	for _, p := range t.Parameters {
		out.Parameters = append(out.Parameters, types.TemplateParameter{
			ParameterKey: &p.Name, DefaultValue: p.Default, Description: optional(p.Description), NoEcho: &p.NoEcho,
		})
	}
	return out, nil
}

func (s *Service) getTemplateSummary(ctx context.Context, in *cloudformation.GetTemplateSummaryInput) (*cloudformation.GetTemplateSummaryOutput, error) {
	text, err := s.summarised(ctx, in)
	if err != nil {
		return nil, err
	}
	t, err := parse(text)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.GetTemplateSummaryOutput{
		Description: optional(t.Description), Version: aws.String("2010-09-09"),
		Parameters: []types.ParameterDeclaration{}, Metadata: optional(textOfNode(t.Metadata)),
	}
	out.Capabilities, out.CapabilitiesReason = capabilities(t)
	for _, r := range t.Resources {
		if !slices.Contains(out.ResourceTypes, r.Type) {
			out.ResourceTypes = append(out.ResourceTypes, r.Type)
		}
	}
	for _, p := range t.Parameters {
		out.Parameters = append(out.Parameters, types.ParameterDeclaration{
			ParameterKey: &p.Name, DefaultValue: p.Default, Description: optional(p.Description), NoEcho: &p.NoEcho,
			ParameterType: &p.Type, ParameterConstraints: &types.ParameterConstraints{AllowedValues: p.AllowedValues},
		})
	}
	return out, nil
}

// summarised is the template that a summary is wanted of.
func (s *Service) summarised(ctx context.Context, in *cloudformation.GetTemplateSummaryInput) (string, error) {
	if in.StackName == nil {
		return s.source(ctx, in.TemplateBody, in.TemplateURL)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.findLocked(*in.StackName)
	if !ok {
		return "", invalid("Stack with id %s does not exist", *in.StackName)
	}
	return r.stack.Definition.Template, nil
}
