package wire

import (
	"bytes"
	"net/http"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"
)

// fuzzedShapes are of inputs that have every kind of member.
func fuzzedShapes() []*shape {
	ecsPlanner := newPlanner(&Service{Name: "ecs", LowerCamel: true})
	return []*shape{
		newPlanner(&Service{Name: "sqs"}).shape(reflect.TypeFor[sqs.SendMessageBatchInput]()),
		newPlanner(&Service{Name: "monitoring"}).shape(reflect.TypeFor[cloudwatch.PutMetricAlarmInput]()),
		newPlanner(&Service{Name: "monitoring"}).shape(reflect.TypeFor[cloudwatch.PutMetricDataInput]()),
		ecsPlanner.shape(reflect.TypeFor[ecs.CreateServiceInput]()),
	}
}

// FuzzJSON: no body panics, and what was read is written so that it reads the
// same.
func FuzzJSON(f *testing.F) {
	for _, body := range []string{
		"", "{}", sendMessage, `{"Entries":[{"Id":"\ud83d\ude00\u0000","DelaySeconds":-1e2,"MessageAttributes":{"a":{"BinaryValue":"AAE="}}},null]}`,
		`{"Threshold":"NaN","EvaluationCriteria":{"PromQLCriteria":{"Query":"up"}},"EvaluationWindow":{"SlidingWindow":{}}}`,
		`{"MetricData":[{"Timestamp":1700000000.123,"Values":[1,2.5,-0.0,1e300],"StorageResolution":1}]}`,
		`{"deploymentConfiguration":{"lifecycleHooks":[{"hookDetails":{"a":[1,null,"b"]}}]},"desiredCount":0,"enableECSManagedTags":true}`,
	} {
		f.Add([]byte(body))
	}
	shapes := fuzzedShapes()
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, s := range shapes {
			first := reflect.New(s.typ).Elem()
			if decodeJSON(body, first, s, &presence{}) != nil {
				continue
			}
			written := appendJSON(nil, first, s)
			second := reflect.New(s.typ).Elem()
			if err := decodeJSON(written, second, s, &presence{}); err != nil {
				t.Fatalf("reading %s: %v", written, err)
			}
			if again := appendJSON(nil, second, s); !bytes.Equal(written, again) {
				t.Errorf("got  %s\nwant %s", again, written)
			}
		}
	})
}

func FuzzCBOR(f *testing.F) {
	for _, value := range []cbor.Map{
		{}, {"MetricData": cbor.List{cbor.Map{"Timestamp": &cbor.Tag{ID: 1, Value: cbor.Float64(1.7e9)}, "Value": cbor.Float32(1.5), "Values": cbor.List{cbor.Uint(1), cbor.NegInt(1)}}}},
		{"Threshold": cbor.Uint(1), "ActionsEnabled": cbor.Bool(true), "EvaluationCriteria": cbor.Map{"PromQLCriteria": cbor.Map{"Query": cbor.String("up")}}},
		{"Entries": cbor.List{cbor.Map{"Id": cbor.String("\xff"), "MessageAttributes": cbor.Map{"a": cbor.Map{"BinaryValue": cbor.Slice("b")}}}}},
	} {
		f.Add(cbor.Encode(value))
	}
	shapes := fuzzedShapes()[:3]
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, s := range shapes {
			first, second := reflect.New(s.typ).Elem(), reflect.New(s.typ).Elem()
			if (cborCodec{}).decode(body, first, s, &presence{}) != nil {
				continue
			}
			written := cbor.Encode(cborValue(first, s))
			if err := (cborCodec{}).decode(written, second, s, &presence{}); err != nil {
				t.Fatalf("reading %x: %v", written, err)
			}
			// JSON has an order for maps, and NaN equals itself there.
			if diff := cmp.Diff(appendJSON(nil, second, s), appendJSON(nil, first, s)); diff != "" {
				t.Error("read again (-got +want):\n", diff)
			}
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, body := range []string{
		"", "a=%zz", "Entries=&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.03.Id=b", "Tags=", "....=1&.=2",
		"SendMessageBatchRequestEntry.2.MessageAttribute.1.Name=a&SendMessageBatchRequestEntry.2.MessageAttribute.1.Value.BinaryValue=AA%3D%3D",
		"MetricData.member.1.Timestamp=2026-01-01T00:00:00Z&MetricData.member.1.Values.member.1=NaN", "EvaluationCriteria.PromQLCriteria.Query=up",
	} {
		f.Add([]byte(body))
	}
	shapes := fuzzedShapes()[:3]
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, s := range shapes {
			q := queryCodec{form: &form{}}
			v := reflect.New(s.typ).Elem()
			if q.form.parse(string(body)) != nil || q.decode(nil, v, s, &presence{}) != nil {
				continue
			}
			appendXML(nil, v, s)
			second := reflect.New(s.typ).Elem() // JSON holds what a form held
			if err := decodeJSON(appendJSON(nil, v, s), second, s, &presence{}); err != nil {
				t.Errorf("reading it as JSON: %v", err)
			}
		}
	})
}

func FuzzSignature(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0", "20260101T000000Z", "a=%20+&b")
	f.Add("", "", "X-Amz-Credential=A%2F20260101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=0&X-Amz-SignedHeaders=host&X-Amz-Date=20260101T000000Z&X-Amz-Algorithm=AWS4-HMAC-SHA256")
	v := newVerifier(&Keys{AccessKeyID: "A", SecretAccessKey: "secret"})
	f.Fuzz(func(t *testing.T, authorization, date, query string) {
		r, err := http.NewRequest(http.MethodGet, "http://localhost/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery = query
		r.Header.Set("Authorization", authorization)
		r.Header.Set("X-Amz-Date", date)
		s, denied := readSignature(r)
		if denied != nil || s == nil {
			return
		}
		s.canonical(r, unsignedPayload)
		if v.verify(r, s, unsignedPayload) == nil {
			t.Errorf("%q, %q, %q was let in", authorization, date, query)
		}
	})
}
