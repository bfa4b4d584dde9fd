package spate

import (
	"encoding/json"
	"strings"

	"github.com/spate-run/spate/internal/template"
)

// A Text is a string that may hold tokens: values that only the deployed stack
// knows, such as a queue's URL. Texts are joined with +, and string literals
// are Texts:
//
//	"s3://" + spate.Ref("Bucket") + "/models"
//
// In the template a token alone becomes a Ref or a Fn::GetAtt, one among other
// text a Fn::Sub; a literal ${x} stays what it is. Tokens also survive
// fmt.Sprintf and conversion to string and back. Printed, one reads ${Queue.Arn}.
type Text string

// The values of the account and region in which the stack is deployed.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
const (
	AccountID Text = tokenBegin + "AWS::AccountId" + tokenEnd
	Partition Text = tokenBegin + "AWS::Partition" + tokenEnd
	Region    Text = tokenBegin + "AWS::Region" + tokenEnd
	StackID   Text = tokenBegin + "AWS::StackId" + tokenEnd
	StackName Text = tokenBegin + "AWS::StackName" + tokenEnd
	URLSuffix Text = tokenBegin + "AWS::URLSuffix" + tokenEnd
)

// A token stands between control characters, which no text of AWS may hold.
const (
	tokenBegin = "\x02${"
	tokenEnd   = "}\x03"

	tokenPattern = `\x02[^\x03]*\x03`
)

// Ref is what CloudFormation's Ref returns of a resource, such as its name, or
// the value of a parameter.
func Ref(id string) Text { return Text(tokenBegin + id + tokenEnd) }

// GetAtt is an attribute of a resource, such as Arn.
func GetAtt(id, attribute string) Text { return Text(tokenBegin + id + "." + attribute + tokenEnd) }

// MarshalJSON writes the text as a template holds it: a string, or a call of
// Ref, Fn::GetAtt, Fn::Sub or Fn::Join.
func (t Text) MarshalJSON() ([]byte, error) {
	if !t.open() {
		return json.Marshal(string(t))
	}
	node, err := template.NodeOf(t.intrinsic())
	if err != nil {
		return nil, err
	}
	return node.MarshalJSON()
}

// plainText is a text as people read it, tokens and all.
func plainText(t Text) string {
	return strings.NewReplacer(tokenBegin, "${", tokenEnd, "}").Replace(string(t))
}

// open reports whether the text holds a token.
func (t Text) open() bool { return strings.Contains(string(t), tokenBegin) }

// intrinsic is the function that an open text calls.
func (t Text) intrinsic() template.Intrinsic {
	if name, ok := t.token(); ok {
		if id, attribute, ok := strings.Cut(name, "."); ok {
			return template.GetAtt(id, attribute)
		}
		return template.Ref(name)
	}
	var sub strings.Builder
	var parts list
	ambiguous := false // a $ of the text's own could be taken for a token's
	for rest := string(t); rest != ""; {
		literal, after, _ := strings.Cut(rest, tokenBegin)
		if literal != "" {
			plain := variable().ReplaceAllString(literal, "")
			ambiguous = ambiguous || strings.Contains(plain, "${") || strings.HasSuffix(literal, "$")
			sub.WriteString(strings.ReplaceAll(literal, "${", "${!"))
			parts = append(parts, literal)
		}
		name, behind, ok := strings.Cut(after, tokenEnd)
		if ok {
			sub.WriteString("${" + name + "}")
			parts = append(parts, Text(tokenBegin+name+tokenEnd))
		}
		rest = behind
	}
	if ambiguous {
		return template.Join("", parts...)
	}
	return template.Sub(sub.String())
}

// variable matches what Fn::Sub would take for a variable.
var variable = pattern(`\$\{[A-Za-z0-9_.:]+\}`)

// token returns the name in a text that is one token and nothing else.
func (t Text) token() (name string, ok bool) {
	after, begins := strings.CutPrefix(string(t), tokenBegin)
	name, ends := strings.CutSuffix(after, tokenEnd)
	return name, begins && ends && !strings.Contains(name, tokenEnd)
}

// resolve makes functions of the strings in a node that hold tokens.
func resolve(n *template.Node) {
	for at := range n.All() {
		if at.Kind != template.String || !Text(at.Text).open() {
			continue
		}
		if call, err := template.NodeOf(Text(at.Text).intrinsic()); err == nil {
			*at = *call
		}
	}
}

// A logicalID is a resource's name in the template, and how others refer to it.
type logicalID string

func (id logicalID) ref() Text            { return Ref(string(id)) }
func (id logicalID) att(name string) Text { return GetAtt(string(id), name) }

// texts is a list as a template holds it.
func texts[T ~string](from []T) list {
	to := make(list, len(from))
	for i, text := range from {
		to[i] = Text(text)
	}
	return to
}
