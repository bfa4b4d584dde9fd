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
	got, err := parse(t, parameters).ParameterValues(map[string]string{"Image": "x", "Update": "true"})
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
			_, err := parsed.ParameterValues(given)
			if err == nil || err.Error() != test.want {
				t.Errorf("got error %v, want %s", err, test.want)
			}
		})
	}
}
