package wire

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchschemas "github.com/aws/aws-sdk-go-v2/service/cloudwatch/schemas"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecsdocument "github.com/aws/aws-sdk-go-v2/service/ecs/document"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqsschemas "github.com/aws/aws-sdk-go-v2/service/sqs/schemas"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithydocument "github.com/aws/smithy-go/document"
	"github.com/aws/smithy-go/middleware"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"
	"github.com/aws/smithy-go/transport/http/protocol/awsquery"
	"github.com/google/go-cmp/cmp"
)

// A tour is one client whose every operation goes round.
type tour struct {
	name       string
	service    Service
	client     func(aws.Config) any
	operations int // at least; a client without operations must not pass
	lossy      []string
}

func tours() []tour {
	sqsService := Service{
		Name: "sqs", Target: "AmazonSQS", JSONVersion: "1.0",
		QueryVersion: "2012-11-05", Namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
	}
	cloudwatchService := Service{
		Name: "monitoring", Target: "GraniteServiceVersion20100801", JSONVersion: "1.0", CBOR: "GraniteServiceVersion20100801",
		QueryVersion: "2010-08-01", Namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
	}
	sqsClient := func(o *sqs.Options) { o.DisableMessageChecksumValidation = true }
	cloudwatchClient := func(o *cloudwatch.Options) { o.RequestMinCompressSizeBytes = 0 }
	return []tour{
		{"sqs json", sqsService, func(c aws.Config) any { return sqs.NewFromConfig(c, sqsClient) }, 23, nil},
		{"sqs query", sqsService, func(c aws.Config) any {
			return sqs.NewFromConfig(c, sqsClient, func(o *sqs.Options) { o.Protocol = awsquery.New(sqsschemas.AmazonSQS) })
		}, 23, []string{"AttributeNames"}}, // ReceiveMessage has two lists of the name AttributeName
		{"cloudwatch cbor", cloudwatchService, func(c aws.Config) any { return cloudwatch.NewFromConfig(c, cloudwatchClient) }, 39, nil},
		{"cloudwatch json", cloudwatchService, func(c aws.Config) any {
			return cloudwatch.NewFromConfig(c, cloudwatchClient, func(o *cloudwatch.Options) {
				o.Protocol = awsjson.New10(cloudwatchschemas.GraniteServiceVersion20100801)
			})
		}, 39, nil},
		{"cloudwatch query", cloudwatchService, func(c aws.Config) any {
			return cloudwatch.NewFromConfig(c, cloudwatchClient, func(o *cloudwatch.Options) {
				o.Protocol = awsquery.New(cloudwatchschemas.GraniteServiceVersion20100801)
			})
		}, 39, []string{"EvaluationWindow"}}, // a form has no empty structure
		{"ecs", Service{
			Name: "ecs", Target: "AmazonEC2ContainerServiceV20141113", JSONVersion: "1.1", LowerCamel: true,
		}, func(c aws.Config) any { return ecs.NewFromConfig(c) }, 60, nil},
		{"logs", Service{
			Name: "logs", Target: "Logs_20140328", JSONVersion: "1.1", LowerCamel: true,
		}, func(c aws.Config) any { return cloudwatchlogs.NewFromConfig(c) }, 90, nil},
		{"applicationautoscaling", Service{
			Name: "application-autoscaling", Target: "AnyScaleFrontendService", JSONVersion: "1.1",
		}, func(c aws.Config) any { return applicationautoscaling.NewFromConfig(c) }, 14, nil},
		{"secretsmanager", Service{
			Name: "secretsmanager", Target: "secretsmanager", JSONVersion: "1.1",
		}, func(c aws.Config) any { return secretsmanager.NewFromConfig(c) }, 23, nil},
		{"ecr", Service{
			Name: "ecr", Target: "AmazonEC2ContainerRegistry_V20150921", JSONVersion: "1.1", LowerCamel: true,
		}, func(c aws.Config) any { return ecr.NewFromConfig(c) }, 58, nil},
		{"events", Service{
			Name: "events", Target: "AWSEvents", JSONVersion: "1.1",
		}, func(c aws.Config) any { return eventbridge.NewFromConfig(c) }, 57, nil},
		{"scheduler", Service{Name: "scheduler"}, func(c aws.Config) any { return scheduler.NewFromConfig(c) }, 12, nil},
		{"cloudformation", Service{
			Name: "cloudformation", QueryVersion: "2010-05-15", Namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/",
		}, func(c aws.Config) any { return cloudformation.NewFromConfig(c) }, 80, nil},
		{"sns", Service{
			Name: "sns", QueryVersion: "2010-03-31", Namespace: "http://sns.amazonaws.com/doc/2010-03-31/",
		}, func(c aws.Config) any { return sns.NewFromConfig(c) }, 42, nil},
		{"sts", Service{
			Name: "sts", QueryVersion: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		}, func(c aws.Config) any { return sts.NewFromConfig(c) }, 9, nil},
	}
}

// TestEveryMember sends every operation of every client with every member set
// and returns every member of its output. It fails when an update of the SDK
// brings what the plans do not know.
func TestEveryMember(t *testing.T) {
	for _, tour := range tours() {
		t.Run(tour.name, func(t *testing.T) {
			service := tour.service
			keys := &Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
			var got any    // the input that arrived
			var output any // what is answered
			server := NewHandler(Config{Services: []*Service{&service}, Keys: keys, Log: nil})
			client := reflect.ValueOf(tour.client(Client(server, keys, Account{ID: "000000000000", Region: "us-east-1"})))
			fill := filler{special: exceptionsOf(service.Name)}
			service.operations = map[string]*operation{}
			input := append([]cmp.Option{ignoring(tour.lossy)}, same...)
			done := 0
			for i := range client.NumMethod() {
				name, method := client.Type().Method(i).Name, client.Method(i)
				if method.Type().NumIn() != 3 || method.Type().NumOut() != 2 || streams(method.Type().Out(0)) {
					continue
				}
				op := &operation{name: name, input: method.Type().In(1).Elem(), output: method.Type().Out(0).Elem()}
				op.handler = func(_ context.Context, input any) (any, error) {
					got = input
					return output, nil
				}
				service.operations[name] = op
				for choice := range 2 { // of unions
					fill.choice = choice
					sent := fill.new(op.input)
					want := fill.new(op.output)
					output = want.Interface()
					reply := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), sent})
					if err, _ := reply[1].Interface().(error); err != nil {
						t.Errorf("%s: %v", name, err)
						continue
					}
					if diff := cmp.Diff(got, sent.Interface(), input...); diff != "" {
						t.Errorf("%s: input (-got +want):\n%s", name, diff)
					}
					if diff := cmp.Diff(reply[0].Interface(), output, same...); diff != "" {
						t.Errorf("%s: output (-got +want):\n%s", name, diff)
					}
				}
				done++
			}
			if done < tour.operations {
				t.Errorf("got %d operations, want at least %d", done, tour.operations)
			}
		})
	}
}

// streams tells outputs that are event streams, which have no fields.
func streams(output reflect.Type) bool {
	_, ok := output.MethodByName("GetStream")
	return ok
}

// ignoring leaves out fields that a protocol cannot carry.
func ignoring(names []string) cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		f, ok := p.Last().(cmp.StructField)
		return ok && slices.Contains(names, f.Name())
	}, cmp.Ignore())
}

var same = []cmp.Option{
	cmp.FilterPath(func(p cmp.Path) bool {
		f, ok := p.Last().(cmp.StructField)
		return ok && (f.Name()[0] >= 'a' || strings.HasPrefix(f.Name(), "ResultMetadata"))
	}, cmp.Ignore()),
	cmp.Transformer("document", func(d smithydocument.Marshaler) string {
		text, err := d.MarshalSmithyDocument()
		return fmt.Sprint(string(text), err)
	}),
}

// A filler makes values with every member set, each different from the last.
type filler struct {
	special exceptions
	choice  int
	count   int
	within  []reflect.Type
}

func (f *filler) new(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	f.fill(v.Elem())
	return v
}

func (f *filler) fill(v reflect.Value) {
	f.count++
	switch t := v.Type(); v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		f.fill(v.Elem())
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d <&\"é>", f.count))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(f.count))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(f.count) + 0.25)
	case reflect.Slice:
		f.fillSlice(v)
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range 2 {
			key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			f.fill(key)
			f.fill(value)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		f.fillStruct(v)
	case reflect.Interface:
		f.fillInterface(v)
	default:
		panic("no filling for " + t.String())
	}
}

func (f *filler) fillSlice(v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes(fmt.Appendf(nil, "blob %d", f.count))
		return
	}
	n := 2
	if f.recursive(v.Type().Elem()) {
		n = 0
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n))
	for i := range n {
		f.fill(v.Index(i))
	}
}

func (f *filler) recursive(t reflect.Type) bool {
	n := 0
	for _, outer := range f.within {
		if outer == t {
			n++
		}
	}
	return n > 1
}

func (f *filler) fillStruct(v reflect.Value) {
	if v.Type() == timeType {
		v.Set(reflect.ValueOf(time.UnixMilli(1_700_000_000_000 + int64(f.count)*1001).UTC()))
		return
	}
	f.within = append(f.within, v.Type())
	for i := range v.NumField() {
		field := v.Type().Field(i)
		pointee := field.Type
		if pointee.Kind() == reflect.Pointer {
			pointee = pointee.Elem()
		}
		if v.Type() == reflect.TypeFor[eventbridge.PutEventsInput]() && field.Name == "EndpointId" {
			continue // the client makes a host of it, and signs for several regions
		}
		if field.IsExported() && field.Type != reflect.TypeFor[middleware.Metadata]() && !f.recursive(pointee) {
			f.fill(v.Field(i))
		}
	}
	f.within = f.within[:len(f.within)-1]
}

func (f *filler) fillInterface(v reflect.Value) {
	if v.Type() == reflect.TypeFor[ecsdocument.Interface]() {
		v.Set(reflect.ValueOf(ecsdocument.NewLazyDocument(map[string]any{"a": []any{"b", true}})))
		return
	}
	var variants []reflect.Type
	for _, u := range f.special.unions {
		if t := reflect.TypeOf(u); t.Implements(v.Type()) {
			variants = append(variants, t.Elem())
		}
	}
	variant := f.new(variants[f.choice%len(variants)])
	v.Set(variant)
}
