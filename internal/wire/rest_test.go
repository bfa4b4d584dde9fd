package wire_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/wire"
)

// schedules answers with what it was asked.
func schedules() *wire.Service {
	s := &wire.Service{Name: "scheduler"}
	wire.Handle(s, func(_ context.Context, in *scheduler.CreateScheduleInput) (*scheduler.CreateScheduleOutput, error) {
		group := in.Target.EcsParameters.NetworkConfiguration.AwsvpcConfiguration.Subnets[0]
		return &scheduler.CreateScheduleOutput{ScheduleArn: new(*in.Name + " " + group)}, nil
	})
	wire.Handle(s, func(_ context.Context, in *scheduler.ListSchedulesInput) (*scheduler.ListSchedulesOutput, error) {
		out := &scheduler.ListSchedulesOutput{Schedules: []types.ScheduleSummary{}, NextToken: in.GroupName}
		for range aws.ToInt32(in.MaxResults) {
			out.Schedules = append(out.Schedules, types.ScheduleSummary{State: in.State})
		}
		return out, nil
	})
	wire.Handle(s, func(_ context.Context, in *scheduler.UntagResourceInput) (*scheduler.UntagResourceOutput, error) {
		return nil, &wire.Fault{
			Code: "ResourceNotFoundException", Message: *in.ResourceArn + " " + strings.Join(in.TagKeys, "+"), Status: http.StatusNotFound,
		}
	})
	return s
}

// TestRawREST holds whole replies against requests that are told by the
// service they are signed for.
func TestRawREST(t *testing.T) {
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{schedules()}, Objects: http.HandlerFunc(sampleObjects)})
	const signed = "X-Amz-Date: 20260101T000000Z\nAuthorization: AWS4-HMAC-SHA256 Credential=AK/20260101/us-east-1/scheduler/aws4_request, SignedHeaders=host, Signature=00"
	for _, tt := range []struct {
		name, method, path, header, body string
		status                           int
		want, kind                       string
	}{
		{
			name: "body and label", method: "POST", path: "/schedules/a%20b", header: signed,
			body:   `{"Target":{"EcsParameters":{"NetworkConfiguration":{"awsvpcConfiguration":{"Subnets":["s"]}}}}}`,
			status: 200, want: `{"ScheduleArn":"a b s"}`,
		},
		{
			name: "query string", method: "GET", path: "/schedules?ScheduleGroup=g&MaxResults=1&State=DISABLED", header: signed,
			status: 200, want: `{"Schedules":[{"State":"DISABLED"}],"NextToken":"g"}`,
		},
		{name: "none of it", method: "GET", path: "/schedules", header: signed, status: 200, want: `{"Schedules":[]}`},
		{
			name: "a list in the query string, and a fault", method: "DELETE", header: signed,
			path: "/tags/arn:aws:scheduler:us-east-1:0:schedule-group%2Fg?TagKeys=a&TagKeys=b", status: 404,
			want: `{"Message":"arn:aws:scheduler:us-east-1:0:schedule-group/g a+b"}`, kind: "ResourceNotFoundException",
		},
		{
			name: "not a number", method: "GET", path: "/schedules?MaxResults=x", header: signed, status: 400,
			want: `{"Message":"x can not be converted to an Integer"}`, kind: "SerializationException",
		},
		{
			name: "another method", method: "PATCH", path: "/schedules/a", header: signed, status: 404,
			want: `{"Message":"Unknown operation: PATCH /schedules/a"}`, kind: "UnknownOperationException",
		},
		{
			name: "an operation that is not there", method: "GET", path: "/schedules/a", header: signed, status: 404,
			want: `{"Message":"Unknown operation: GET /schedules/a"}`, kind: "UnknownOperationException",
		},
		{
			name: "an empty label", method: "POST", path: "/schedules/", header: signed, status: 404,
			want: `{"Message":"Unknown operation: POST /schedules/"}`, kind: "UnknownOperationException",
		},
		{name: "without a signature it is a bucket's", method: "GET", path: "/schedules/a", status: 200, want: "GET /schedules/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			r.Header = headers(tt.header)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if diff := cmp.Diff(tt.want, w.Body.String()); diff != "" || w.Code != tt.status {
				t.Errorf("status %d, want %d; body (-want +got):\n%s", w.Code, tt.status, diff)
			}
			if got := w.Header().Get("X-Amzn-Errortype"); got != tt.kind {
				t.Errorf("got error type %q, want %q", got, tt.kind)
			}
			if got := w.Header().Get("Content-Type"); tt.header != "" && got != "application/json" {
				t.Errorf("got content type %q, want application/json", got)
			}
		})
	}
}

func TestRESTIsSigned(t *testing.T) {
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{schedules()}, Keys: keys})
	good := scheduler.NewFromConfig(wire.Client(h, keys, account))
	_, err := good.UntagResource(t.Context(), &scheduler.UntagResourceInput{ResourceArn: new("a/b c"), TagKeys: []string{"k"}})
	if err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException: a/b c k") {
		t.Errorf("got error %v, want the service's", err)
	}
	bad := scheduler.NewFromConfig(wire.Client(h, &wire.Keys{AccessKeyID: keys.AccessKeyID, SecretAccessKey: "x"}, account))
	_, err = bad.ListSchedules(t.Context(), &scheduler.ListSchedulesInput{})
	if err == nil || !strings.Contains(err.Error(), "StatusCode: 403") || !strings.Contains(err.Error(), "InvalidSignatureException") {
		t.Errorf("with another secret: got error %v, want 403 InvalidSignatureException", err)
	}
}

func TestCallerSpeaksREST(t *testing.T) {
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{schedules()}, Keys: keys})
	caller := wire.NewCaller(wire.Client(h, keys, account), "scheduler")
	var made struct{ ScheduleArn string }
	var input any
	if err := json.Unmarshal([]byte(`{"Name":"a b","Target":{"EcsParameters":{"NetworkConfiguration":{"awsvpcConfiguration":{"Subnets":["s"]}}}}}`), &input); err != nil {
		t.Fatal(err)
	}
	if err := caller.Call(t.Context(), "CreateSchedule", input, &made); err != nil || made.ScheduleArn != "a b s" {
		t.Errorf("got %q, %v; want the label and the body", made.ScheduleArn, err)
	}
	var listed struct{ NextToken string }
	if err := caller.Call(t.Context(), "ListSchedules", map[string]any{"GroupName": "g", "MaxResults": 2}, &listed); err != nil || listed.NextToken != "g" {
		t.Errorf("got %q, %v; want the query string", listed.NextToken, err)
	}
	err := caller.Call(t.Context(), "UntagResource", map[string]any{"ResourceArn": "a/b", "TagKeys": []string{"k", "l"}}, nil)
	fault, ok := errors.AsType[smithy.APIError](err)
	if !ok || fault.ErrorCode() != "ResourceNotFoundException" || fault.ErrorMessage() != "a/b k+l" {
		t.Errorf("got error %v, want ResourceNotFoundException: a/b k+l", err)
	}
}
