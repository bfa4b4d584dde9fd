package spate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// A document is a template as JSON has it.
type document = map[string]any

// A difference is what the constructs deliberately do otherwise than AWS CDK
// does, with CDKDefaults too. Docs/cdk.md tells it in the same words.
type difference struct {
	tell string
	// mend makes of CDK's resource what spate writes, and reports whether there
	// was anything to do.
	mend func(template document, id string, resource document) bool
}

func differences() []difference {
	return []difference{
		{"A role holds its policies; CDK has an AWS::IAM::Policy beside each, for which the service then has to wait.", inlinePolicies},
		{"A service or rule waits for the routes of its subnets, and for the capacity providers that it names; CDK's may start tasks that reach nothing yet.",
			func(_ document, _ string, r document) bool {
				return strings.Contains(fmt.Sprint(r["DependsOn"]), "TaskRole") && drop(r, "DependsOn")
			}},
		{"No RoleARN in scalable targets: Application Auto Scaling uses its service-linked role by itself.",
			func(_ document, _ string, r document) bool { return dropProperty(r, "RoleARN") }},
		{"No egress rules in security groups: without any, EC2 adds the one that CDK spells out.",
			func(_ document, _ string, r document) bool { return dropProperty(r, "SecurityGroupEgress") }},
		{"No names and descriptions made of construct paths (Family, PolicyName, GroupDescription, AlarmDescription, tags Name and aws-cdk:*): CloudFormation and the logical ids name things.",
			dropPathNames},
		{"Reading a secret takes secretsmanager:GetSecretValue; CDK also grants DescribeSecret, which ECS does not call.", dropDescribeSecret},
		{"The ARN of a log group that is given is made of its name, so that a name is enough.", logGroupARN},
		{"A rule may tag tasks of its own account alone, and pass their two roles to ECS tasks alone; CDK's to any account and service.", narrowRule},
		{"No parameter BootstrapVersion and no rule that checks it: nothing has to be bootstrapped.", nil},
		{"Texts with tokens are Fn::Sub; CDK's are Fn::Join.", nil},
	}
}

func drop(of document, name string) bool {
	_, there := of[name]
	delete(of, name)
	return there
}

func dropProperty(r document, name string) bool {
	properties, _ := r["Properties"].(document)
	return drop(properties, name)
}

// inlinePolicies moves a policy into its role.
func inlinePolicies(template document, id string, r document) bool {
	if r["Type"] != "AWS::IAM::Policy" {
		return false
	}
	properties := r["Properties"].(document)
	for _, role := range properties["Roles"].([]any) {
		to := template[role.(document)["Ref"].(string)].(document)["Properties"].(document)
		to["Policies"] = []any{document{"PolicyName": "spate", "PolicyDocument": properties["PolicyDocument"]}}
	}
	delete(template, id)
	return true
}

func dropPathNames(_ document, _ string, r document) bool {
	properties, _ := r["Properties"].(document)
	changed := false
	if family, _ := properties["Family"].(string); len(family) > len("fam") {
		changed = drop(properties, "Family")
	}
	if tags, _ := properties["Tags"].([]any); tags != nil {
		changed = drop(properties, "Tags") || changed
	}
	for _, name := range []string{"PolicyName", "GroupDescription", "AlarmDescription"} {
		changed = drop(properties, name) || changed
	}
	return changed
}

func dropDescribeSecret(_ document, _ string, r document) bool {
	changed := false
	for _, s := range statements(r) {
		actions, _ := s["Action"].([]any)
		i := slices.Index(actions, any("secretsmanager:DescribeSecret"))
		if i >= 0 {
			s["Action"], changed = slices.Delete(actions, i, i+1), true
		}
	}
	return changed
}

func logGroupARN(_ document, _ string, r document) bool {
	changed := false
	for _, s := range statements(r) {
		if resource, ok := s["Resource"].(document); ok && gocmp.Equal(resource["Fn::GetAtt"], []any{"LG7AA00880", "Arn"}) {
			s["Resource"] = document{"Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${LG7AA00880}:*"}
			changed = true
		}
	}
	return changed
}

// narrowRule makes one statement of those that pass roles, with a condition.
func narrowRule(_ document, _ string, r document) bool {
	all := statements(r)
	var roles, kept []any
	for _, s := range all {
		switch s["Action"] {
		case "iam:PassRole":
			roles = append(roles, s["Resource"])
			continue
		case "ecs:TagResource":
			s["Resource"] = document{"Fn::Sub": "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:task/${EcsDefaultClusterMnL3mNNYN926A5246}/*"}
		}
		kept = append(kept, s)
	}
	if len(roles) == 0 {
		return false
	}
	policies := r["Properties"].(document)["Policies"].([]any)
	policies[0].(document)["PolicyDocument"].(document)["Statement"] = append(kept, document{
		"Action": "iam:PassRole", "Effect": "Allow", "Resource": roles,
		"Condition": document{"StringLike": document{"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
	})
	return true
}

// statements are the statements of a policy, or of a role's policies.
func statements(r document) (all []document) {
	properties, _ := r["Properties"].(document)
	policies, _ := properties["Policies"].([]any)
	for _, p := range append(policies, properties) {
		d, _ := p.(document)["PolicyDocument"].(document)
		list, _ := d["Statement"].([]any)
		for _, s := range list {
			all = append(all, s.(document))
		}
	}
	return all
}

// ids translates the logical ids of CDK's templates, in this order.
func ids() [][2]string {
	return [][2]string{
		{`[0-9A-F]{8}$`, ""},
		{`^EcsDefaultClusterMnL3mNNYN`, "DefaultCluster"},
		{`^Cluster[0-9A-F]{8}$`, "ClusterCapacityProviders"},
		{`PublicSubnet(\d)Subnet$`, "Subnet$1"}, {`publicSubnet(\d)Subnet$`, "Subnet$1"},
		{`[pP]ublicSubnet(\d)RouteTable$`, "Subnet${1}RouteTable"},
		{`[pP]ublicSubnet(\d)RouteTableAssociation$`, "Subnet${1}Routes"},
		{`[pP]ublicSubnet(\d)DefaultRoute$`, "Subnet${1}DefaultRoute"},
		{`PublicSubnet(\d)EIP$`, "NatGateway${1}Address"},
		{`PublicSubnet(\d)NATGateway$`, "NatGateway$1"},
		{`PrivateSubnet(\d)Subnet$`, "PrivateSubnet$1"},
		{`PrivateSubnet(\d)RouteTableAssociation$`, "PrivateSubnet${1}Routes"},
		{`Subnet1`, "SubnetA"}, {`Subnet2`, "SubnetB"}, {`NatGateway1`, "NatGatewayA"}, {`NatGateway2`, "NatGatewayB"},
		{`IGW$`, "InternetGateway"}, {`VPCGW$`, "InternetGatewayAttachment"},
		{`^queue$`, "ResourceQueue"}, {`^SG$`, "Group"}, {`^LG$`, "Logs"},
		{`QueueProcessingTaskDefTaskRole$`, "TaskRole"}, {`QueueProcessingTaskDefExecutionRole$`, "ExecutionRole"},
		{`QueueProcessingTaskDefQueueProcessingContainerLogGroup$`, "LogGroup"},
		{`QueueProcessingTaskDef$`, "TaskDefinition"},
		{`ScheduledEventRule$`, ""}, {`ScheduledTaskDefScheduledContainer`, ""}, {`ScheduledTaskDef$`, "TaskDefinition"}, {`ScheduledTaskDef`, ""},
		{`QueueProcessingFargateService`, ""}, {`TaskCountTarget$`, "ScalableTarget"},
		{`TaskCountTargetCpuScaling$`, "CpuScalingPolicy"},
		{`TaskCountTargetQueueMessagesVisibleScalingLower`, "ScaleIn"},
		{`TaskCountTargetQueueMessagesVisibleScalingUpper`, "ScaleOut"},
		{`EcsProcessing`, ""},
	}
}

// translate returns spate's logical id for one of CDK's.
func translate(id string) string {
	if id == "Cluster3DA9CCBA" {
		return "ClusterCapacityProviders"
	}
	for _, of := range ids() {
		id = regexp.MustCompile(of[0]).ReplaceAllString(id, of[1])
	}
	return id
}

// normal makes values that mean the same equal: texts are lists of literals and
// references, a single action is a list, lists without an order are sorted.
func normal(v any, id func(string) string) any {
	switch v := v.(type) {
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = normal(item, id)
		}
		return items
	case document:
		if parts, ok := textParts(v, id); ok {
			return parts
		}
		to := document{}
		for name, value := range v {
			value = normal(value, id)
			switch name {
			case "Action", "Resource":
				if list, isList := value.([]any); !isList {
					value = []any{value}
				} else {
					value = sorted(list)
				}
			case "DependsOn":
				for i, on := range value.([]any) {
					value.([]any)[i] = id(on.(string))
				}
				value = sorted(value.([]any))
			case "Environment", "Statement":
				value = sorted(value.([]any))
			}
			to[name] = value
		}
		return to
	}
	return v
}

func sorted(list []any) []any {
	return slices.SortedFunc(slices.Values(list), func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// textParts takes a text apart that has tokens.
func textParts(v document, id func(string) string) (any, bool) {
	if name, ok := v["Ref"].(string); ok && len(v) == 1 {
		return "${" + id(name) + "}", true
	}
	if of, ok := v["Fn::GetAtt"].([]any); ok {
		return "${" + id(of[0].(string)) + "." + of[1].(string) + "}", true
	}
	if text, ok := v["Fn::Sub"].(string); ok {
		return regexp.MustCompile(`\$\{([A-Za-z0-9]+)`).ReplaceAllStringFunc(text, func(t string) string { return "${" + id(t[2:]) }), true
	}
	if of, ok := v["Fn::Join"].([]any); ok && of[0] == "" {
		var b strings.Builder
		for _, part := range of[1].([]any) {
			b.WriteString(fmt.Sprint(normal(part, id)))
		}
		return b.String(), true
	}
	return nil, false
}

// resources are a template's resources and outputs in their normal form.
func resources(template document, id func(string) string) document {
	all := document{}
	for name, r := range template["Resources"].(document) {
		r := normal(r, id).(document)
		delete(r, "Metadata")
		if properties, ok := r["Properties"].(document); ok && len(properties) == 0 {
			delete(r, "Properties")
		}
		all[id(name)] = r
	}
	outputs, _ := template["Outputs"].(document)
	for name, o := range outputs {
		all["output "+id(name)] = normal(o, id)
	}
	return all
}

func readDocument(t *testing.T, data []byte) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParityWithCDK(t *testing.T) {
	cdk := func(name string) *Stack {
		s := NewStack(name)
		s.CDKDefaults = true
		return s
	}
	applied := make([]int, len(differences()))
	for name, stack := range map[string]*Stack{
		"as-written": asWritten(cdk("A"), "service", 0),
		"defaults":   onlyTheImage(cdk("B"), "service"),
		"every-prop": everyProp(cdk("C"), "service"),
		"scheduled":  mondays(cdk("D"), "task"),
	} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "cdk", name+".template.json"))
			if err != nil {
				t.Fatal(err)
			}
			theirs := readDocument(t, data)
			written, err := stack.Template()
			if err != nil {
				t.Fatal(err)
			}
			ours := readDocument(t, written.JSON())
			for i, d := range differences() {
				template := theirs["Resources"].(document)
				for id, r := range template {
					if d.mend != nil && d.mend(template, id, r.(document)) {
						applied[i]++
					}
				}
			}
			for _, r := range ours["Resources"].(document) { // which differ as the table says
				r := r.(document)
				if r["Type"] == "AWS::ECS::Service" || r["Type"] == "AWS::Events::Rule" {
					drop(r, "DependsOn")
				}
				for _, name := range []string{"PolicyName", "GroupDescription", "AlarmDescription"} {
					dropProperty(r, name)
				}
			}
			want := resources(theirs, translate)
			got := resources(ours, func(id string) string { return id })
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Errorf("unlisted differences (-CDK's +spate's):\n%s", diff)
			}
		})
	}
	for i, d := range differences() {
		if d.mend != nil && applied[i] == 0 {
			t.Errorf("got no resource that differs so: %s", d.tell)
		}
	}
}

func TestDifferencesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("docs/cdk.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## What differs\n")
	section, _, _ = strings.Cut(section, "\n## ")
	flat := strings.Join(strings.Fields(section), " ")
	for _, d := range differences() {
		if !strings.Contains(flat, d.tell) {
			t.Errorf("docs/cdk.md lacks, under «What differs»: %s", d.tell)
		}
	}
}
