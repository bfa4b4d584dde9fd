package template

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const parameters = `{"Parameters": {
  "Image": {"Type": "String", "MinLength": 1, "MaxLength": "5"},
  "Update": {"Type": "String", "Default": "false", "AllowedValues": ["false", true]},
  "Count": {"Type": "Number", "Default": 3, "MinValue": 1, "MaxValue": 10.5},
  "Pattern": {"Type": "String", "Default": "abc", "AllowedPattern": "[a-c]+"},
  "Told": {"Type": "String", "Default": "a", "AllowedPattern": "a", "ConstraintDescription": "only a"},
  "Ports": {"Type": "List<Number>", "Default": "80, 443"},
  "None": {"Type": "CommaDelimitedList", "Default": ""},
  "Vpc": {"Type": "AWS::EC2::VPC::Id", "Default": "vpc-1", "NoEcho": true}
}, "Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}`

func TestParameterValues(t *testing.T) {
	got, err := parse(t, parameters).ParameterValues(map[string]string{"Image": "x", "Update": "true"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"Image": "x", "Update": "true", "Count": "3", "Pattern": "abc", "Told": "a",
		"Ports": []any{"80", "443"}, "None": []any{}, "Vpc": "vpc-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestParameterErrors(t *testing.T) {
	tests := []struct {
		name, value, want string
	}{
		{"Other", "", "Parameters: [Other] do not exist in the template"},
		{"Count", "3", "Parameters: [Image] must have values"},
		{"Image", "", "Parameter 'Image' must contain at least 1 characters"},
		{"Image", "éééééé", "Parameter 'Image' must contain at most 5 characters"},
		{"Update", "yes", "Parameter 'Update' must be one of AllowedValues"},
		{"Count", "x", "Parameter 'Count' must be a number."},
		{"Count", "0", "Parameter 'Count' must be a number not less than 1"},
		{"Count", "11", "Parameter 'Count' must be a number not greater than 10.5"},
		{"Pattern", "abcd", "Parameter 'Pattern' must match pattern [a-c]+"},
		{"Told", "b", "Parameter 'Told' failed to satisfy constraint: only a"},
		{"Ports", "80,x", "Parameter 'Ports' must be a number."},
	}
	parsed := parse(t, parameters)
	for _, test := range tests {
		t.Run(test.name+"="+test.value, func(t *testing.T) {
			given := map[string]string{test.name: test.value}
			if test.want != "Parameters: [Image] must have values" && test.name != "Image" {
				given["Image"] = "x"
			}
			_, err := parsed.ParameterValues(given, nil)
			if err == nil || err.Error() != test.want {
				t.Errorf("got error %v, want %s", err, test.want)
			}
		})
	}
}

const storedParameters = `{"Parameters": {
  "Version": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/version", "AllowedPattern": "/[a-z/]+"},
  "Ports": {"Type": "AWS::SSM::Parameter::Value<List<Number>>", "Default": "/ports", "MinValue": 1},
  "Zones": {"Type": "AWS::SSM::Parameter::Value<CommaDelimitedList>", "Default": "/zones"},
  "Image": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/image"},
  "Named": {"Type": "AWS::SSM::Parameter::Name", "Default": "/version"},
  "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>", "Default": "subnet-1, subnet-2"},
  "Plain": {"Type": "String", "Default": "/plain"}
}, "Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}`

func TestParametersOfTheStore(t *testing.T) {
	parsed := parse(t, storedParameters)
	given := map[string]string{"Image": "/other"}
	names := parsed.ParameterStoreNames(given)
	if diff := cmp.Diff([]string{"/version", "/ports", "/zones", "/other"}, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	got, err := parsed.ParameterValues(given, map[string]string{"/version": "21", "/ports": "80,443", "/zones": "a, b", "/other": "ami-1"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"Version": "21", "Ports": []any{"80", "443"}, "Zones": []any{"a", "b"}, "Image": "ami-1",
		"Named": "/version", "Subnets": []any{"subnet-1", "subnet-2"}, "Plain": "/plain",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestParameterStoreErrors(t *testing.T) {
	all := map[string]string{"/version": "21", "/ports": "80", "/zones": "", "/image": "ami-1"}
	tests := []struct {
		name          string
		given, stored map[string]string
		want          string
	}{
		{"nothing stored", nil, nil, "Unable to fetch parameters [/version,/ports,/zones,/image] from parameter store for this account."},
		{"one missing", map[string]string{"Named": "/lost"}, all, "Unable to fetch parameters [/lost] from parameter store for this account."},
		{"the pattern is the name's", map[string]string{"Version": "version"}, map[string]string{"version": "/a"},
			"Parameter 'Version' must match pattern /[a-z/]+"},
		{"no number", nil, map[string]string{"/version": "21", "/ports": "80,x"}, "Parameter 'Ports' must be a number."},
		{"too small a number", nil, map[string]string{"/version": "21", "/ports": "0"}, "Parameter 'Ports' must be a number not less than 1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(t, storedParameters).ParameterValues(test.given, test.stored)
			if err == nil || err.Error() != test.want {
				t.Errorf("got error %v, want %s", err, test.want)
			}
		})
	}
}

func TestParameterTypes(t *testing.T) {
	for kind, known := range map[string]bool{
		"String": true, "Number": true, "List<Number>": true, "List<String>": true, "CommaDelimitedList": true,
		"AWS::EC2::VPC::Id": true, "List<AWS::EC2::VPC::Id>": true, "AWS::Route53::HostedZone::Id": true,
		"AWS::SSM::Parameter::Name": true, "AWS::SSM::Parameter::Value<List<String>>": true,
		"AWS::SSM::Parameter::Value<AWS::EC2::KeyPair::KeyName>": true,
		"string": false, "List": false, "List<String": false, "List<List<String>>": false, "AWS::EC2::Vpc::Id": false,
		"AWS::SSM::Parameter::Value": false, "AWS::SSM::Parameter::Value<>": false, "": false,
	} {
		if got := (&Parameter{Type: kind}).kind().known(); got != known {
			t.Errorf("type %q: got known %t, want %t", kind, got, known)
		}
	}
}
