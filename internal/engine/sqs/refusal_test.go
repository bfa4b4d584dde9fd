package sqs_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A refused request is one that AWS refuses, in both protocols.
type refused struct {
	operation string
	json      string // members
	form      string // the same ones; "" where the Query protocol cannot say it
	status    int    // 0 for 400
	shape     string // the error's in JSON
	code      string // and in Query
	message   string
	query     string // the message in Query where that differs
}

const (
	missing = "MissingRequiredParameterException"
	invalid = "InvalidParameterValueException"
)

// answered is what the engine answers, in the words of both protocols.
func (e *engine) answered(t *testing.T, r refused) (inJSON, inQuery string) {
	t.Helper()
	got := e.raw(t, r.operation, "{"+r.json+"}")
	var fault struct {
		Shape   string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal([]byte(got.body), &fault); err != nil {
		t.Fatalf("%s %s: got %s: %v", r.operation, r.json, got.body, err)
	}
	code, _, _ := strings.Cut(got.header.Get("X-Amzn-Query-Error"), ";")
	inJSON = fmt.Sprintf("%d %s %s: %s", got.status, fault.Shape, code, fault.Message)
	if r.form == "" {
		return inJSON, ""
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	got = e.post(t, header, "Version=2012-11-05&Action="+r.operation+"&"+r.form)
	var reply struct {
		Error struct{ Code, Message string }
	}
	if err := xml.Unmarshal([]byte(got.body), &reply); err != nil {
		t.Fatalf("%s %s: got %s: %v", r.operation, r.form, got.body, err)
	}
	return inJSON, fmt.Sprintf("%d %s: %s", got.status, reply.Error.Code, reply.Error.Message)
}

func (e *engine) wantRefused(t *testing.T, all []refused) {
	t.Helper()
	for _, r := range all {
		if r.status == 0 {
			r.status = http.StatusBadRequest
		}
		inJSON, inQuery := e.answered(t, r)
		if want := fmt.Sprintf("%d %s %s: %s", r.status, r.shape, r.code, r.message); inJSON != want {
			t.Errorf("%s %s:\n got %s\nwant %s", r.operation, r.json, inJSON, want)
		}
		if r.query == "" {
			r.query = r.message
		}
		if want := fmt.Sprintf("%d %s: %s", r.status, r.code, r.query); r.form != "" && inQuery != want {
			t.Errorf("%s %s:\n got %s\nwant %s", r.operation, r.form, inQuery, want)
		}
	}
}

// A timeout that is forgotten is none of 0.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
func TestVisibilityWithoutATimeoutIsRefused(t *testing.T) {
	e := open(t)
	link := e.create(t, "q")
	e.send(t, link, "x")
	handle := *e.receive(t, link)[0].ReceiptHandle
	const text = "The request must contain the parameter VisibilityTimeout."
	e.wantRefused(t, []refused{{
		operation: "ChangeMessageVisibility", json: `"QueueUrl": "q", "ReceiptHandle": "` + handle + `"`,
		form:  "QueueUrl=q&ReceiptHandle=" + url.QueryEscape(handle),
		shape: missing, code: "MissingParameter", message: text,
	}, {
		operation: "ChangeMessageVisibility", json: `"QueueUrl": "q", "ReceiptHandle": "` + handle + `", "VisibilityTimeout": null`,
		shape: missing, code: "MissingParameter", message: text,
	}})
	got := e.raw(t, "ChangeMessageVisibilityBatch", `{"QueueUrl": "q", "Entries": [{"Id": "a", "ReceiptHandle": "`+handle+`"}]}`)
	want := `{"Failed":[{"Code":"MissingParameter","Id":"a","SenderFault":true,"Message":"The request must contain the parameter ` +
		`ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout."}]}`
	if diff := cmp.Diff(object(t, want), object(t, got.body)); diff != "" {
		t.Errorf("a batch (-want +got):\n%s", diff)
	}
	e.wantCounts(t, link, "0 visible, 1 in flight, 0 delayed")
}

// object parses JSON.
func object(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// There is one account: others have no queues.
func TestQueuesOfOtherAccountsAreNotThere(t *testing.T) {
	e := open(t)
	link := e.create(t, "q")
	const code, text = "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."
	var all []refused
	for _, operation := range []string{
		"SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "PurgeQueue",
		"DeleteQueue", "TagQueue", "UntagQueue", "ListQueueTags", "ListDeadLetterSourceQueues",
		"SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch",
	} {
		for _, foreign := range []string{"http://engine.local/111122223333/q", "https://sqs.us-east-1.amazonaws.com/111122223333/q/"} {
			all = append(all, refused{
				operation: operation, json: `"QueueUrl": "` + foreign + `"`, form: "QueueUrl=" + foreign,
				shape: "QueueDoesNotExist", code: code, message: text,
				query: "The specified queue does not exist for this wsdl version.",
			})
		}
	}
	all = append(all, refused{
		operation: "SetQueueAttributes", json: `"QueueUrl": "http://h/111122223333/q", "Attributes": {"DelaySeconds": "1"}`,
		shape: "QueueDoesNotExist", code: code, message: text,
	}, refused{
		operation: "GetQueueUrl", json: `"QueueName": "q", "QueueOwnerAWSAccountId": "111122223333"`,
		shape: "QueueDoesNotExist", code: code, message: text,
	})
	e.wantRefused(t, all)
	for _, own := range []string{link, "https://sqs.us-east-1.amazonaws.com/000000000000/q", "q", "http://engine.local/q"} {
		e.wantCounts(t, own, "0 visible, 0 in flight, 0 delayed")
	}
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
func TestTagRefusals(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	const (
		keyLength = "Tag keys must be between 1 and 128 characters in length."
		charset   = " may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @"
	)
	tag := func(key, value, message string) refused {
		return refused{
			operation: "TagQueue", json: fmt.Sprintf(`"QueueUrl": "q", "Tags": {%q: %q}`, key, value),
			form:  "QueueUrl=q&Tag.1.Key=" + url.QueryEscape(key) + "&Tag.1.Value=" + url.QueryEscape(value),
			shape: invalid, code: "InvalidParameterValue", message: message,
		}
	}
	var many, form []string
	for i := range 51 {
		many = append(many, fmt.Sprintf(`"k%d": "v"`, i))
		form = append(form, fmt.Sprintf("Tag.%d.Key=k%d&Tag.%[1]d.Value=v", i+1, i))
	}
	e.wantRefused(t, []refused{
		tag(strings.Repeat("ä", 129), "v", keyLength),
		tag("", "v", keyLength),
		tag("k", strings.Repeat("v", 257), "Tag values must be between 0 and 256 characters in length."),
		tag("k!", "v", "Tag keys"+charset),
		tag("k", "a,b", "Tag values"+charset),
		tag("aws:cloudformation:stack-name", "v", "aws: prefixed tag key names are not allowed for external use."),
		tag("AWS:x", "v", "aws: prefixed tag key names are not allowed for external use."),
		tag("k", "aws:x", "aws: prefixed tag values are not allowed for external use."),
		{operation: "TagQueue", json: `"QueueUrl": "q", "Tags": {` + strings.Join(many, ", ") + `}`,
			form:  "QueueUrl=q&" + strings.Join(form, "&"),
			shape: invalid, code: "InvalidParameterValue", message: "Too many tags added for queue q."},
		{operation: "CreateQueue", json: `"QueueName": "new", "tags": {` + strings.Join(many, ", ") + `}`,
			form:  "QueueName=new&" + strings.Join(form, "&"),
			shape: invalid, code: "InvalidParameterValue", message: "Too many tags added for queue new."},
		{operation: "CreateQueue", json: `"QueueName": "new", "tags": {"k!": "v"}`,
			shape: invalid, code: "InvalidParameterValue", message: "Tag keys" + charset},
		{operation: "TagQueue", json: `"QueueUrl": "q"`, form: "QueueUrl=q",
			shape: missing, code: "MissingParameter", message: "The request must contain the parameter Tags."},
		{operation: "TagQueue", json: `"QueueUrl": "q", "Tags": {}`,
			shape: missing, code: "MissingParameter", message: "The request must contain the parameter Tags."},
		{operation: "UntagQueue", json: `"QueueUrl": "q"`, form: "QueueUrl=q",
			shape: missing, code: "MissingParameter", message: "The request must contain the parameter TagKeys."},
		{operation: "UntagQueue", json: `"QueueUrl": "q", "TagKeys": []`, form: "QueueUrl=q&TagKey=",
			shape: invalid, code: "InvalidParameterValue", message: keyLength},
		{operation: "UntagQueue", json: `"QueueUrl": "q", "TagKeys": [""]`, form: "QueueUrl=q&TagKey.1=",
			shape: invalid, code: "InvalidParameterValue", message: keyLength},
	})
	if got := e.raw(t, "ListQueueTags", `{"QueueUrl": "q"}`); got.body != `{}` {
		t.Errorf("tags after refusals: got %s, want none", got.body)
	}
	first, last := strings.Join(many[:50], ", "), many[50]
	for _, tags := range []string{first, `"k0": "ö 1_.:/=+-@"`} {
		if got := e.raw(t, "TagQueue", `{"QueueUrl": "q", "Tags": {`+tags+`}}`); got.status != http.StatusOK {
			t.Errorf("adding %s: got %d %s", tags, got.status, got.body)
		}
	}
	e.wantRefused(t, []refused{{operation: "TagQueue", json: `"QueueUrl": "q", "Tags": {` + last + `}`,
		shape: invalid, code: "InvalidParameterValue", message: "Too many tags added for queue q."}})
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
func TestUnknownNamesOfAttributesAreRefused(t *testing.T) {
	e := open(t)
	link := e.create(t, "q")
	e.send(t, link, "x")
	e.wantRefused(t, []refused{
		{operation: "ReceiveMessage", json: `"QueueUrl": "q", "AttributeNames": ["Foo"]`, form: "QueueUrl=q&AttributeName.1=Foo",
			shape: "InvalidAttributeName", code: "InvalidAttributeName", message: "Unknown Attribute Foo."},
		{operation: "ReceiveMessage", json: `"QueueUrl": "q", "MessageSystemAttributeNames": ["All", "sentTimestamp"]`,
			form:  "QueueUrl=q&AttributeName.1=All&AttributeName.2=sentTimestamp",
			shape: "InvalidAttributeName", code: "InvalidAttributeName", message: "Unknown Attribute sentTimestamp."},
	})
	e.wantCounts(t, link, "1 visible, 0 in flight, 0 delayed")
	got := e.raw(t, "ReceiveMessage", `{"QueueUrl": "q", "AttributeNames": ["Policy", "SenderId"], "MessageAttributeNames": ["Foo"]}`)
	if got.status != http.StatusOK || !strings.Contains(got.body, `"Attributes":{"SenderId":"000000000000"}`) {
		t.Errorf("known names: got %d %s", got.status, got.body)
	}
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-message-attributes
func TestNumbersOfAttributes(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	send := func(dataType, value string) refused {
		return refused{
			operation: "SendMessage",
			json: fmt.Sprintf(`"QueueUrl": "q", "MessageBody": "x", "MessageAttributes": {"Age": {"DataType": %q, "StringValue": %q}}`,
				dataType, value),
			form: "QueueUrl=q&MessageBody=x&MessageAttribute.1.Name=Age&MessageAttribute.1.Value.DataType=" + dataType +
				"&MessageAttribute.1.Value.StringValue=" + url.QueryEscape(value),
			shape: invalid, code: "InvalidParameterValue",
			message: "Can't cast the value of message (user) attribute 'Age' to a number.",
		}
	}
	var all []refused
	for _, value := range []string{
		"abc", "Hello", " 1", "1 ", "1,5", "0x10", "1_000", "NaN", "Infinity", "--1", "+-1", "1e", "e5", ".", "1.2.3", "1e5.5",
		"1e500", "1e-129", "-1e127", "1.1e126", "2e126", "0.9e-128", "1e99999999999",
		strings.Repeat("1", 39), "1." + strings.Repeat("1", 38), "१",
	} {
		all = append(all, send("Number", value))
	}
	all = append(all, send("Number.int", "abc"))
	e.wantRefused(t, all)
	for _, value := range []string{
		"0", "-0.0", "0e999", "5", "-5", "+5", "1.5", ".5", "5.", "007", "1e126", "-1e126", "10e125", "1e-128", "9.9E+125",
		strings.Repeat("1", 38), strings.Repeat("1", 38) + strings.Repeat("0", 88), "0." + strings.Repeat("0", 90) + strings.Repeat("9", 38),
	} {
		if got := e.raw(t, "SendMessage", "{"+send("Number", value).json+"}"); got.status != http.StatusOK {
			t.Errorf("%s: got %d %s, want it taken", value, got.status, got.body)
		}
	}
}

func TestValuesOfAttributes(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	for value, want := range map[string]struct{ shape, code, message string }{
		`"DataType": "String", "StringListValues": ["a"]`: {"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation",
			"Message attribute list values in SendMessage operation are not supported."},
		`"DataType": "String", "StringValue": "a", "BinaryValue": "YQ=="`: {invalid, "InvalidParameterValue",
			"Message (user) attribute 'n' must have a single value."},
		`"DataType": "String", "StringValue": "a\u0007"`: {invalid, "InvalidParameterValue",
			"Invalid binary character '#x7' was found in the message attribute 'n' value, the set of allowed characters is " +
				"#x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."},
	} {
		e.wantRefused(t, []refused{{
			operation: "SendMessage", json: `"QueueUrl": "q", "MessageBody": "x", "MessageAttributes": {"n": {` + value + `}}`,
			shape: want.shape, code: want.code, message: want.message,
		}})
	}
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func TestPolicies(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	set := func(policy string) refused {
		return refused{
			operation: "SetQueueAttributes", json: fmt.Sprintf(`"QueueUrl": "q", "Attributes": {"Policy": %q}`, policy),
			form:  "QueueUrl=q&Attribute.1.Name=Policy&Attribute.1.Value=" + url.QueryEscape(policy),
			shape: "InvalidAttributeValue", code: "InvalidAttributeValue", message: "Invalid value for the parameter Policy.",
		}
	}
	const good = `{"Effect": "Allow", "Principal": "*", "Action": "SQS:SendMessage", "Resource": "arn:aws:sqs:us-east-1:000000000000:q"}`
	var all []refused
	for _, policy := range []string{
		`{"a":1}`, `{}`, `[]`, `null`, `"text"`, `none`, `{"Version": "2012-10-17"}`,
		`{"Version": "2012-10-17", "Statement": []}`, `{"Version": "2012-10-17", "Statement": null}`,
		`{"Version": "2012-10-17", "Statement": [1]}`, `{"Version": "2012-10-17", "Statement": [{}]}`,
		`{"Version": "2020-01-01", "Statement": [` + good + `]}`, `{"Version": 1, "Statement": [` + good + `]}`,
		`{"Version": "2012-10-17", "Statement": [` + good + `], "More": 1}`,
		`{"Statement": ` + strings.Replace(good, "Allow", "Perhaps", 1) + `}`,
		`{"Statement": ` + strings.Replace(good, `"Effect": "Allow", `, "", 1) + `}`,
		`{"Statement": ` + strings.Replace(good, `"Action": "SQS:SendMessage", `, "", 1) + `}`,
		`{"Statement": ` + strings.Replace(good, `"SQS:SendMessage"`, "[]", 1) + `}`,
		`{"Statement": ` + strings.Replace(good, `"SQS:SendMessage"`, "[null]", 1) + `}`,
		`{"Statement": ` + strings.Replace(good, `"*"`, `"everybody"`, 1) + `}`,
		`{"Statement": ` + strings.Replace(good, `"*"`, `{"Somebody": "else"}`, 1) + `}`,
		`{"Statement": ` + strings.Replace(good, `"Principal": "*", `, "", 1) + `}`,
		`{"Statement": ` + strings.Replace(good, `"Resource": `, `"resource": `, 1) + `}`,
	} {
		all = append(all, set(policy))
	}
	many := set(`{"Statement": [` + strings.Repeat(good+", ", 20) + good + `]}`)
	many.status, many.shape, many.code = http.StatusForbidden, "OverLimit", "OverLimit"
	many.message = "21 statements were found in the submitted policy, max allowed is 20"
	e.wantRefused(t, append(all, many))
	for _, policy := range []string{
		`{"Version": "2012-10-17", "Id": "x", "Statement": [` + strings.Repeat(good+", ", 19) + good + `]}`,
		`{"Statement": ` + good + `}`,
		`{"Statement": ` + strings.Replace(good, `"*"`, `{"AWS": ["111122223333"], "Service": "sns.amazonaws.com"}`, 1) + `}`,
		`{"Statement": {"Sid": "s", "Effect": "Deny", "NotPrincipal": {"AWS": "*"}, "NotAction": ["sqs:*"], "Resource": ["*"], "Condition": {}}}`,
		"",
	} {
		if got := e.raw(t, "SetQueueAttributes", "{"+set(policy).json+"}"); got.status != http.StatusOK {
			t.Errorf("%s: got %d %s, want it taken", policy, got.status, got.body)
		}
	}
}

// What is no text is refused and never changed on its way.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func TestHalfACharacterIsRefused(t *testing.T) {
	e := open(t)
	link := e.create(t, "q")
	const set = "was found in the message body, the set of allowed characters is #x9 | #xA | #xD | [#x20-#xD7FF] | " +
		"[#xE000-#xFFFD] | [#x10000-#x10FFFF]."
	body := func(text, character string) refused {
		return refused{operation: "SendMessage", json: `"QueueUrl": "q", "MessageBody": "` + text + `"`,
			shape: "InvalidMessageContents", code: "InvalidMessageContents", message: "Invalid binary character '#x" + character + "' " + set}
	}
	e.wantRefused(t, []refused{
		body(`a\ud800b`, "D800"), body(`\uD83D`, "D83D"), body(`\ude00\ud83d`, "DE00"), body(`\ud83d\ud83d\ude00`, "D83D"),
		{operation: "SendMessage", json: "\"QueueUrl\": \"q\", \"MessageBody\": \"\xed\xa0\x80\"",
			shape: "SerializationException", code: "MalformedInput", message: "Invalid UTF-8 byte 0xed at offset 34"},
		{operation: "SendMessage", json: `"QueueUrl": "q", "MessageBody": "x", "MessageGroupId": "\udc00"`,
			shape: "SerializationException", code: "MalformedInput", message: `Unpaired surrogate \udc00 before offset 63`},
	})
	got := e.raw(t, "SendMessageBatch", `{"QueueUrl": "q", "Entries": [{"Id": "a", "MessageBody": "\udfff"}, {"Id": "b", "MessageBody": "\ud83d\ude00"}]}`)
	if !strings.Contains(got.body, `"Code":"InvalidMessageContents","Id":"a"`) || !strings.Contains(got.body, "'#xDFFF'") ||
		!strings.Contains(got.body, `"Successful":[{"Id":"b"`) {
		t.Errorf("a batch: got %d %s, want a to fail and b to be sent", got.status, got.body)
	}
	if m := e.receive(t, link); len(m) != 1 || *m[0].Body != "😀" {
		t.Errorf("got %v, want the message that is text", m)
	}
}

// Numbers of the Query protocol are digits.
func TestNumbersOfForms(t *testing.T) {
	e := open(t)
	e.create(t, "q")
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, value := range []string{"%2B5", "+5", "5.0", "0x5", "", "5%20"} {
		got := e.post(t, form, "Version=2012-11-05&Action=ReceiveMessage&QueueUrl=q&VisibilityTimeout="+value)
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, "<Code>MalformedInput</Code>") {
			t.Errorf("VisibilityTimeout=%s: got %d %s, want MalformedInput", value, got.status, got.body)
		}
	}
	e.wantRefused(t, []refused{{
		operation: "SetQueueAttributes", json: `"QueueUrl": "q", "Attributes": {"VisibilityTimeout": "+5"}`,
		form:  "QueueUrl=q&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=%2B5",
		shape: "InvalidAttributeValue", code: "InvalidAttributeValue", message: "Invalid value for the parameter VisibilityTimeout.",
	}})
}
