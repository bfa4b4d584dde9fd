package wire_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spate-run/spate/internal/wire"
)

// TestCallIsTheSDK calls what the SDK's client calls, with the same outcome.
func TestCallIsTheSDK(t *testing.T) {
	config := wire.Client(sampleHandler(), keys, account)
	want, err := cloudwatch.NewFromConfig(config).DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{})
	if err != nil {
		t.Fatal(err)
	}
	caller := wire.NewCaller(config, "monitoring")
	got, err := wire.Call[cloudwatch.DescribeAlarmsOutput](t.Context(), caller, &cloudwatch.DescribeAlarmsInput{})
	if err != nil {
		t.Fatal(err)
	}
	ignored := cmpopts.IgnoreUnexported(cloudwatch.DescribeAlarmsOutput{}, cloudwatchtypes.MetricAlarm{})
	if diff := cmp.Diff(got, want, ignored, cmpopts.IgnoreTypes(middleware.Metadata{})); diff != "" || len(got.MetricAlarms) == 0 {
		t.Error("alarms (-got +want):\n", diff)
	}
	_, err = wire.Call[cloudwatch.ListMetricsOutput](t.Context(), caller, &cloudwatch.ListMetricsInput{})
	fault, ok := errors.AsType[smithy.APIError](err)
	if !ok || fault.ErrorCode() != "UnknownOperationException" {
		t.Errorf("got error %v, want UnknownOperationException", err)
	}
}

// TestCallTriesAgain has a service throttle the first attempts.
func TestCallTriesAgain(t *testing.T) {
	for _, tt := range []struct {
		name     string
		refused  int
		code     string
		attempts int
		want     string
	}{
		{"throttled twice", 2, "ThrottlingException", 3, ""},
		{"throttled for good", 9, "ThrottlingException", 3, "ThrottlingException"},
		{"refused for good", 9, "ValidationException", 1, "ValidationException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			attempts := 0
			s := &wire.Service{Name: "monitoring", Target: "GraniteServiceVersion20100801", JSONVersion: "1.0"}
			wire.Handle(s, func(context.Context, *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
				if attempts++; attempts <= tt.refused {
					return nil, wire.Faultf(tt.code, "no")
				}
				return &cloudwatch.DescribeAlarmsOutput{}, nil
			})
			caller := wire.NewCaller(wire.Client(wire.NewHandler(wire.Config{Services: []*wire.Service{s}, Keys: keys}), keys, account), "monitoring")
			caller.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = 3
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
			_, err := wire.Call[cloudwatch.DescribeAlarmsOutput](t.Context(), caller, &cloudwatch.DescribeAlarmsInput{})
			var code string
			if fault, ok := errors.AsType[smithy.APIError](err); ok {
				code = fault.ErrorCode()
			}
			if code != tt.want || attempts != tt.attempts {
				t.Errorf("got error %v after %d attempts, want %q after %d", err, attempts, tt.want, tt.attempts)
			}
		})
	}
}
