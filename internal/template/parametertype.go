package template

import (
	"slices"
	"strings"
)

// accountTypes are the types whose values AWS looks for in the account. What
// stands there is not the template's to know: they are texts here.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
var accountTypes = []string{
	"AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Image::Id", "AWS::EC2::Instance::Id", "AWS::EC2::KeyPair::KeyName",
	"AWS::EC2::SecurityGroup::GroupName", "AWS::EC2::SecurityGroup::Id", "AWS::EC2::Subnet::Id", "AWS::EC2::VPC::Id",
	"AWS::EC2::Volume::Id", "AWS::Route53::HostedZone::Id",
}

// storeName is the type of a name in the parameter store that has to be there.
const storeName = "AWS::SSM::Parameter::Name"

// A parameterKind is what a parameter's type says.
type parameterKind struct {
	element string // the type without its wrappings
	list    bool   // the value is a list, written with commas
	// stored says that a name in the parameter store is given; resolved, that
	// the value is what stands there.
	stored, resolved bool
}

// kind takes the wrappings off a type: AWS::SSM::Parameter::Value<List<String>>.
func (p *Parameter) kind() parameterKind {
	var k parameterKind
	k.element, k.resolved = unwrap(p.Type, "AWS::SSM::Parameter::Value")
	k.stored = k.resolved || p.Type == storeName
	if k.element == "CommaDelimitedList" {
		k.element, k.list = "String", true
		return k
	}
	k.element, k.list = unwrap(k.element, "List")
	return k
}

// unwrap returns what stands between the brackets of a type of this name, or
// the type itself where it is another.
func unwrap(kind, name string) (inner string, ok bool) {
	rest, begins := strings.CutPrefix(kind, name+"<")
	inner, ends := strings.CutSuffix(rest, ">")
	if !begins || !ends {
		return kind, false
	}
	return inner, true
}

func (k parameterKind) known() bool {
	return k.element == "String" || k.element == "Number" || k.element == storeName || slices.Contains(accountTypes, k.element)
}
