package wire_test

import (
	"errors"
	"testing"

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
