package sns_test

import (
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// TestFilters publishes messages with attributes, written kind=Type:value, or
// with bodies of JSON, and sees which arrive.
// https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
func TestFilters(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	sub := b.queue("q", topic, map[string]string{"RawMessageDelivery": "true"})
	set := func(name, value string) {
		t.Helper()
		if _, err := b.SetSubscriptionAttributes(t.Context(), &sdk.SetSubscriptionAttributesInput{SubscriptionArn: &sub, AttributeName: &name, AttributeValue: &value}); err != nil {
			t.Fatalf("%s: %v", value, err)
		}
	}
	for _, c := range []struct{ policy, in, out string }{ // messages that pass, and that do not
		{`{"k":["a","b"]}`, "k=String:b", "k=String:c;x=String:a;k=Binary:a;"},
		{`{"k":["a"],"l":["b"]}`, "k=String:a,l=String:b", "k=String:a;l=String:b"},
		{`{"k":["a"]}`, `k=String.Array:["x","a"]`, `k=String.Array:["x"];k=String.Array:a`},
		{`{"k":[1]}`, "k=Number:1.0", "k=String:1;k=Number:2"},
		{`{"k":[true,null]}`, `k=String.Array:[null];k=String.Array:[true]`, `k=String:true`},
		{`{"k":[{"prefix":"ab"}]}`, "k=String:abc", "k=String:cab"},
		{`{"k":[{"suffix":"ab"}]}`, "k=String:cab", "k=String:abc"},
		{`{"k":[{"equals-ignore-case":"AB"}]}`, "k=String:ab", "k=String:abc"},
		{`{"k":[{"anything-but":["a",1]}]}`, `k=String:b;k=Number:2;k=String.Array:["a","b"]`, "k=String:a;k=Number:1;x=String:b"},
		{`{"k":[{"anything-but":{"prefix":"a"}}]}`, "k=String:ba", "k=String:ab"},
		{`{"k":[{"anything-but":"a"},{"exists":false}]}`, "k=String:b;x=String:b", "k=String:a"},
		{`{"k":[{"exists":true}]}`, "k=String:a;k=Binary:a", "x=String:a"},
		{`{"k":[{"numeric":["=",3]}]}`, "k=Number:3.00", "k=Number:4;k=String:3"},
		{`{"k":[{"numeric":[">",0,"<=",3]}]}`, "k=Number:3;k=Number:0.1", "k=Number:0;k=Number:3.1"},
		{`{"k":[{"numeric":["<",-1]}]}`, "k=Number:-2", "k=Number:-1"},
		{`{"k":[{"cidr":"10.0.0.0/24"}]}`, "k=String:10.0.0.9", "k=String:10.0.1.9;k=String:x"},
		{`{"k":["a"],"$or":[{"l":["b"]},{"m":[{"exists":true}]}]}`, "k=String:a,l=String:b;k=String:a,m=String:x", "k=String:a;l=String:b"},
		{`{}`, "k=String:a;", ""},

		{`{"k":["a"]}`, `{"k":"a"};{"k":["b","a"]}`, `{"k":"b"};{"l":"a"};no JSON;["a"];{"k":{"a":"a"}}`},
		{`{"k":{"l":["a"],"m":[1]}}`, `{"k":{"l":"a","m":1}};{"k":[{"l":"b"},{"l":"a","m":1}]}`, `{"k":{"l":"a"}};{"l":"a"};{"k":[{"l":"a"},{"m":1}]}`},
		{`{"k":{"l":[{"exists":false}]}}`, `{"k":{"m":1}};{}`, `{"k":{"l":1}}`},
		{`{"k":[{"anything-but":"a"}]}`, `{"k":"b"};{"k":null}`, `{"k":"a"};{}`},
		{`{"$or":[{"k":["a"]},{"l":{"m":[{"prefix":"x"}]}}]}`, `{"k":"a"};{"l":{"m":"xy"}}`, `{"k":"x"};{"l":"x"}`},
	} {
		scope := "MessageAttributes"
		if strings.HasPrefix(c.in, "{") {
			scope = "MessageBody"
		}
		set("FilterPolicy", "{}")
		set("FilterPolicyScope", scope)
		set("FilterPolicy", c.policy)
		for _, text := range strings.Split(c.in+";"+c.out, ";") {
			if text == "" {
				continue
			}
			in := &sdk.PublishInput{TopicArn: &topic, Message: &text}
			if scope == "MessageAttributes" {
				in.MessageAttributes = attributes(text)
			}
			b.publish(in)
			want := slices.Contains(strings.Split(c.in, ";"), text)
			if got := len(b.bodies("q")) == 1; got != want {
				t.Errorf("%s of %s: got %v for %s, want %v", c.policy, scope, got, text, want)
			}
		}
	}
}

// attributes reads k=Type:value,…
func attributes(text string) map[string]types.MessageAttributeValue {
	all := map[string]types.MessageAttributeValue{}
	pairs := strings.Split(text, ",")
	if strings.Contains(text, "Array") { // whose values have commas
		pairs = []string{text}
	}
	for _, pair := range pairs {
		name, rest, _ := strings.Cut(pair, "=")
		kind, value, _ := strings.Cut(rest, ":")
		a := types.MessageAttributeValue{DataType: &kind, StringValue: &value}
		if kind == "Binary" {
			a.StringValue, a.BinaryValue = nil, []byte(value)
		}
		all[name] = a
	}
	return all
}

// TestBadFilters holds complaints against those that SNS was seen to make, less
// the place that its parser adds.
func TestBadFilters(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	b.queue("q", "", nil)
	many := func(n int) string { return `["` + strings.Repeat(`x","`, n-1) + `x"]` }
	for policy, want := range map[string]string{
		`{"key":[["value"]]}`:                            "Match value must be String, number, true, false, or null",
		`{"key":[{"wrong-operator":true}]}`:              "Unrecognized match type wrong-operator",
		`{"key":[{"suffix":"value","prefix":"value2"}]}`: "Only one key allowed in match expression",
		`{"key":[]}`:                                                    "Empty arrays are not allowed",
		`{"key":"value"}`:                                               `"key" must be an object or an array`,
		`{"key":[{"suffix":100}]}`:                                      "suffix match pattern must be a string",
		`{"key":{"suffix":"value"}}`:                                    `"suffix" must be an object or an array`,
		`{"key":[{"cidr":["bad-filter"]}]}`:                             "prefix match pattern must be a string",
		`{"key":[{"cidr":"bad-filter"}]}`:                               "Malformed CIDR, one '/' required",
		`{"key":[{"cidr":"bad-filter/64"}]}`:                            "Nonstandard IP address: bad-filter",
		`{"key":[{"cidr":"bad-filter/x"}]}`:                             "Malformed CIDR, mask bits must be an integer",
		`{"key":[{"numeric":[]}]}`:                                      "Invalid member in numeric match: ]",
		`{"key":[{"numeric":["operator"]}]}`:                            "Unrecognized numeric range operator: operator",
		`{"key":[{"numeric":[1,"<="]}]}`:                                "Invalid member in numeric match: 1",
		`{"key":[{"numeric":["=","000"]}]}`:                             "Value of equals must be numeric",
		`{"key":[{"numeric":[">="]}]}`:                                  "Value of >= must be numeric",
		`{"key":[{"numeric":["<",100,">",10]}]}`:                        "Too many elements in numeric expression",
		`{"key":[{"numeric":[">=",1,">",2]}]}`:                          "Bad numeric range operator: >",
		`{"key":[{"numeric":[">",3,"<",1]}]}`:                           "Bottom must be less than top",
		`{"key":[{"numeric":[">",20,"<="]}]}`:                           "Value of <= must be numeric",
		`{"key":[{"numeric":[">",20,30]}]}`:                             "Bad value in numeric range: 30",
		`{"key":[{"numeric":[">",20,"<",30,"<",50]}]}`:                  "Too many terms in numeric range expression",
		`{"key":[{"exists":"no"}]}`:                                     "exists match pattern must be either true or false.",
		`{"key":[{"anything-but":{"suffix":"test"}}]}`:                  "Unsupported anything-but pattern: suffix",
		`{"a":["x"],"b":["x"],"c":["x"],"d":["x"],"e":["x"],"f":["x"]}`: "Filter policy can not have more than 5 keys",
		`{"a":` + many(151) + `}`:                                       "Filter policy is too complex",
		`{"a":` + many(13) + `,"b":` + many(12) + `}`:                   "Filter policy is too complex",
	} {
		_, err := b.Subscribe(t.Context(), &sdk.SubscribeInput{
			TopicArn: &topic, Protocol: new("sqs"), Endpoint: new(account.ARN("sqs", "q")),
			Attributes: map[string]string{"FilterPolicy": policy, "FilterPolicyScope": "MessageBody"},
		})
		if got, want := fault(err), "InvalidParameter: Invalid parameter: Attributes Reason: FilterPolicy: "+want; got != want {
			t.Errorf("%s: got %q, want %q", policy, got, want)
		}
	}
	_, err := b.Subscribe(t.Context(), &sdk.SubscribeInput{
		TopicArn: &topic, Protocol: new("sqs"), Endpoint: new(account.ARN("sqs", "q")),
		Attributes: map[string]string{"FilterPolicy": `{"a":{"b":["c"]}}`},
	})
	if got, want := fault(err), "InvalidParameter: Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy"; got != want {
		t.Errorf("nested: got %q, want %q", got, want)
	}
}
