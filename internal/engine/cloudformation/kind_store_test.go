package cloudformation_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"
)

func (e *engine) ssm() *ssm.Client { return ssm.NewFromConfig(e.config) }

func (e *engine) secrets() *secretsmanager.Client { return secretsmanager.NewFromConfig(e.config) }

func (e *engine) ecr() *ecr.Client { return ecr.NewFromConfig(e.config) }

// rests fails the test when a stack does not have the status.
func rests(t *testing.T, s types.Stack, want types.StackStatus) {
	t.Helper()
	if s.StackStatus != want {
		t.Fatalf("stack %s: got %s (%s), want %s", *s.StackName, s.StackStatus, aws.ToString(s.StackStatusReason), want)
	}
}

func TestParameterLifecycle(t *testing.T) {
	e := start(t)
	ctx := t.Context()
	with := func(properties string) string {
		return `{"Resources":{"P":{"Type":"AWS::SSM::Parameter","Properties":` + properties + `}},
			"Outputs":{"ID":{"Value":{"Ref":"P"}},"Type":{"Value":{"Fn::GetAtt":["P","Type"]}},"Value":{"Value":{"Fn::GetAtt":["P","Value"]}}}}`
	}
	s := e.create("s", with(`{"Name":"/app/x","Type":"String","Value":"one","Description":"d","Tags":{"a":"1","b":"2"}}`))
	rests(t, s, types.StackStatusCreateComplete)
	if diff := cmp.Diff(map[string]string{"ID": "/app/x", "Type": "String", "Value": "one"}, outputs(s)); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	s = e.update("s", with(`{"Name":"/app/x","Type":"String","Value":"two","Tags":{"b":"3"}}`))
	rests(t, s, types.StackStatusUpdateComplete)
	if got := outputs(s)["Value"]; got != "two" {
		t.Errorf("value after the update: got %s, want two", got)
	}
	described, err := e.ssm().DescribeParameters(ctx, &ssm.DescribeParametersInput{
		ParameterFilters: []ssmtypes.ParameterStringFilter{{Key: new("Name"), Values: []string{"/app/x"}}},
	})
	e.must(err)
	if got := described.Parameters[0]; got.Version != 2 || aws.ToString(got.Description) != "" {
		t.Errorf("got version %d, description %q, want 2 and none", got.Version, aws.ToString(got.Description))
	}
	tags, err := e.ssm().ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: "Parameter", ResourceId: new("/app/x")})
	e.must(err)
	if len(tags.TagList) != 1 || *tags.TagList[0].Key+*tags.TagList[0].Value != "b3" {
		t.Errorf("got tags %v, want b 3", tags.TagList)
	}
	rests(t, e.update("s", with(`{"Type":"StringList","Value":"a,b"}`)), types.StackStatusUpdateComplete) // takes another
	if name := e.physical("s", "P"); !strings.HasPrefix(name, "s-P-") {
		t.Errorf("got the name %s, want one made up", name)
	}
	rests(t, e.create("taken", strings.Replace(with(`{"Name":"NAME","Type":"String","Value":"v"}`), "NAME", e.physical("s", "P"), 1)), types.StackStatusRollbackComplete)
	rests(t, e.delete("s"), types.StackStatusDeleteComplete)
	left, err := e.ssm().DescribeParameters(ctx, &ssm.DescribeParametersInput{})
	e.must(err)
	if len(left.Parameters) != 1 {
		t.Errorf("got %d parameters after all, want the fixed one", len(left.Parameters))
	}
}

func TestSecretLifecycle(t *testing.T) {
	e := start(t)
	ctx := t.Context()
	with := func(properties string) string {
		return `{"Resources":{"S":{"Type":"AWS::SecretsManager::Secret","Properties":` + properties + `}},
			"Outputs":{"ID":{"Value":{"Ref":"S"}},"Id":{"Value":{"Fn::GetAtt":["S","Id"]}}}}`
	}
	value := func() string {
		out, err := e.secrets().GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: new(e.physical("s", "S"))})
		e.must(err)
		return *out.SecretString
	}
	s := e.create("s", with(`{"Name":"login","GenerateSecretString":{"SecretStringTemplate":"{\"username\":\"<me>\"}","GenerateStringKey":"password",
		"PasswordLength":"20","ExcludeCharacters":"abc","ExcludePunctuation":true,"ExcludeUppercase":true,"ExcludeNumbers":true},"Tags":[{"Key":"a","Value":"1"}]}`))
	rests(t, s, types.StackStatusCreateComplete)
	arn := outputs(s)["ID"]
	if !strings.HasPrefix(arn, "arn:aws:secretsmanager:us-east-1:000000000000:secret:login-") || outputs(s)["Id"] != arn {
		t.Errorf("got ID and Id %v, want the ARN", outputs(s))
	}
	var login map[string]string
	made := value()
	e.must(json.Unmarshal([]byte(made), &login))
	if login["username"] != "<me>" || len(login["password"]) != 20 || strings.Trim(login["password"], "defghijklmnopqrstuvwxyz") != "" || strings.Contains(made, `\u`) {
		t.Errorf("got %s, want a user and a password of 20 letters from d to z", made)
	}
	// A change that is not about the value leaves it.
	rests(t, e.update("s", with(`{"Name":"login","Description":"d","GenerateSecretString":{"SecretStringTemplate":"{\"username\":\"<me>\"}","GenerateStringKey":"password",
		"PasswordLength":"20","ExcludeCharacters":"abc","ExcludePunctuation":true,"ExcludeUppercase":true,"ExcludeNumbers":true},"Tags":[{"Key":"b","Value":"2"}]}`)), types.StackStatusUpdateComplete)
	if got := value(); got != made {
		t.Errorf("after an update of the description: got %s, want %s", got, made)
	}
	rests(t, e.update("s", with(`{"Name":"login","SecretString":"plain"}`)), types.StackStatusUpdateComplete)
	if got := value(); got != "plain" || e.physical("s", "S") != arn {
		t.Errorf("after an update of the value: got %s of %s, want plain of %s", got, e.physical("s", "S"), arn)
	}
	described, err := e.secrets().DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
	e.must(err)
	if len(described.Tags) != 0 || aws.ToString(described.Description) != "" {
		t.Errorf("got tags %v, description %q, want none", described.Tags, aws.ToString(described.Description))
	}
	rests(t, e.update("s", with(`{"GenerateSecretString":{}}`)), types.StackStatusUpdateComplete) // takes another
	if got := value(); len(got) != 32 {
		t.Errorf("got the password %q, want 32 characters", got)
	}
	rests(t, e.delete("s"), types.StackStatusDeleteComplete)
	left, err := e.secrets().ListSecrets(ctx, &secretsmanager.ListSecretsInput{IncludePlannedDeletion: new(true)})
	e.must(err)
	if len(left.SecretList) != 0 {
		t.Errorf("got secrets %v after all, want none", left.SecretList)
	}
	for _, properties := range []string{
		`{"SecretString":"v","GenerateSecretString":{}}`, `{"GenerateSecretString":{"GenerateStringKey":"k"}}`,
		`{"GenerateSecretString":{"GenerateStringKey":"k","SecretStringTemplate":"no"}}`, `{"GenerateSecretString":{"PasswordLength":2}}`,
	} {
		rests(t, e.create("refused", with(properties)), types.StackStatusRollbackComplete)
		e.delete("refused")
	}
}

func TestRepositoryLifecycle(t *testing.T) {
	e := start(t)
	ctx := t.Context()
	with := func(properties string) string {
		return `{"Resources":{"Repo":{"Type":"AWS::ECR::Repository","Properties":` + properties + `}},
			"Outputs":{"ID":{"Value":{"Ref":"Repo"}},"Arn":{"Value":{"Fn::GetAtt":["Repo","Arn"]}},"Uri":{"Value":{"Fn::GetAtt":["Repo","RepositoryUri"]}}}}`
	}
	s := e.create("s", with(`{"RepositoryName":"team/app","ImageTagMutability":"IMMUTABLE_WITH_EXCLUSION","ImageScanningConfiguration":{"ScanOnPush":"true"},
		"ImageTagMutabilityExclusionFilters":[{"ImageTagMutabilityExclusionFilterType":"WILDCARD","ImageTagMutabilityExclusionFilterValue":"dev*"}],
		"LifecyclePolicy":{"LifecyclePolicyText":"{\"rules\":[]}"},"RepositoryPolicyText":{"Version":"2012-10-17"},"Tags":[{"Key":"a","Value":"1"}]}`))
	rests(t, s, types.StackStatusCreateComplete)
	want := map[string]string{
		"ID": "team/app", "Arn": "arn:aws:ecr:us-east-1:000000000000:repository/team/app", "Uri": "127.0.0.1:4100/team/app",
	}
	if diff := cmp.Diff(want, outputs(s)); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	state := func(name string) []string {
		out, err := e.ecr().DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{name}})
		e.must(err)
		r := out.Repositories[0]
		all := []string{string(r.ImageTagMutability)}
		for _, f := range r.ImageTagMutabilityExclusionFilters {
			all = append(all, *f.Filter)
		}
		if r.ImageScanningConfiguration.ScanOnPush {
			all = append(all, "scans")
		}
		if p, err := e.ecr().GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: &name}); err == nil {
			all = append(all, *p.LifecyclePolicyText)
		}
		if p, err := e.ecr().GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: &name}); err == nil {
			all = append(all, *p.PolicyText)
		}
		tags, err := e.ecr().ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: r.RepositoryArn})
		e.must(err)
		for _, tag := range tags.Tags {
			all = append(all, *tag.Key+"="+*tag.Value)
		}
		return all
	}
	if diff := cmp.Diff([]string{"IMMUTABLE_WITH_EXCLUSION", "dev*", "scans", `{"rules":[]}`, `{"Version":"2012-10-17"}`, "a=1"}, state("team/app")); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
	rests(t, e.update("s", with(`{"RepositoryName":"team/app","Tags":[{"Key":"b","Value":"2"}]}`)), types.StackStatusUpdateComplete)
	if diff := cmp.Diff([]string{"MUTABLE", "b=2"}, state("team/app")); diff != "" {
		t.Errorf("updated (-want +got):\n%s", diff)
	}
	rests(t, e.update("s", with(`{"EmptyOnDelete":true}`)), types.StackStatusUpdateComplete) // takes another
	rests(t, e.delete("s"), types.StackStatusDeleteComplete)
	left, err := e.ecr().DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{})
	e.must(err)
	if len(left.Repositories) != 0 {
		t.Errorf("got repositories %v after all, want none", left.Repositories)
	}
}

// TestDynamicReferences has a queue whose name and settings stand elsewhere.
func TestDynamicReferences(t *testing.T) {
	e := start(t)
	ctx := t.Context()
	put := func(name, value string, kind ssmtypes.ParameterType) {
		_, err := e.ssm().PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &value, Type: kind, Overwrite: new(true)})
		e.must(err)
	}
	put("/queue/name", "jobs", "String")
	put("/queue/delay", "5", "String")
	put("/queue/delay", "7", "String")
	put("/queue/key", "alias/mine", "SecureString")
	secret, err := e.secrets().CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: new("login"), SecretString: new(`{"user":"me","port":5432}`)})
	e.must(err)
	_, err = e.secrets().CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: new("word"), SecretString: new("mellon")})
	e.must(err)
	const template = `{"Resources":{"Q":{"Type":"AWS::SQS::Queue","Properties":{
		"QueueName":"{{resolve:ssm:/queue/name}}-{{resolve:secretsmanager:login:SecretString:user}}",
		"DelaySeconds":"{{resolve:ssm:/queue/delay:1}}","VisibilityTimeout":"{{resolve:ssm:/queue/delay}}",
		"KmsMasterKeyId":"{{resolve:ssm-secure:/queue/key}}",
		"Tags":[{"Key":"port","Value":{"Fn::Sub":"{{resolve:secretsmanager:ARN:SecretString:port::}}"}},{"Key":"all","Value":"{{resolve:secretsmanager:word}}"}]}}}}`
	s := e.create("s", strings.Replace(template, "ARN", *secret.ARN, 1))
	rests(t, s, types.StackStatusCreateComplete)
	url := new(e.physical("s", "Q"))
	attributes, err := e.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	e.must(err)
	tags, err := e.sqs.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: url})
	e.must(err)
	got := []string{*url, attributes.Attributes["DelaySeconds"], attributes.Attributes["VisibilityTimeout"], attributes.Attributes["KmsMasterKeyId"], tags.Tags["port"], tags.Tags["all"]}
	want := []string{"http://engine.local/000000000000/jobs-me", "5", "7", "alias/mine", "5432", "mellon"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the queue (-want +got):\n%s", diff)
	}
	// The references have not changed, whatever stands behind them.
	put("/queue/delay", "9", "String")
	body := strings.Replace(template, "ARN", *secret.ARN, 1)
	_, err = e.cfn.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: new("s"), TemplateBody: &body})
	if got := code(err); got != "ValidationError: No updates are to be performed." {
		t.Errorf("the same template: got %s", got)
	}
	put("/queue/name", "other", "String")
	rests(t, e.delete("s"), types.StackStatusDeleteComplete)
	if left := e.queues(); len(left) != 0 {
		t.Errorf("got queues %v after all, want none", left)
	}
}

func TestDynamicReferencesToNothing(t *testing.T) {
	e := start(t)
	_, err := e.ssm().PutParameter(t.Context(), &ssm.PutParameterInput{Name: new("secret"), Value: new("v"), Type: "SecureString"})
	e.must(err)
	_, err = e.secrets().CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: new("text"), SecretString: new("no object")})
	e.must(err)
	for reference, want := range map[string]string{
		"ssm:/none":                             "Unable to fetch parameters [/none] from parameter store for this account.",
		"ssm:secret":                            "Parameters [secret] referenced by template have types not supported by CloudFormation.",
		"secretsmanager:none":                   "Secrets Manager can't find the specified secret.",
		"secretsmanager:text:SecretString:key":  "Could not parse SecretString JSON",
		"secretsmanager:text:SecretBinary":      "Incorrect format is used in the following SSM reference: [{{resolve:secretsmanager:text:SecretBinary}}]",
		"secretsmanager:text:SecretString::OLD": "Secrets Manager can't find the specified secret value for staging label: OLD",
	} {
		s := e.create("s", `{"Resources":{"Q":{"Type":"AWS::SQS::Queue","Properties":{"KmsMasterKeyId":"{{resolve:`+reference+`}}"}}}}`)
		rests(t, s, types.StackStatusRollbackComplete)
		if events := strings.Join(e.events("s"), "\n"); !strings.Contains(events, want) {
			t.Errorf("%s: got events\n%s\nwant one with %s", reference, events, want)
		}
		e.delete("s")
	}
}
