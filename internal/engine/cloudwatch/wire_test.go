package cloudwatch_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/cloudwatch"
	"github.com/spate-run/spate/internal/wire"
)

// Clients speak three protocols: the Go SDK CBOR (all other tests), boto3 JSON
// 1.0, and older ones Query.
func TestOlderProtocols(t *testing.T) {
	s, client := serve(t, cloudwatch.Config{})
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{s.Wire()}})
	put(t, client, simple("x"))
	for name, tt := range map[string]struct {
		target, body string
		status       int
		want         string
	}{
		"JSON": {"DescribeAlarmsForMetric", `{"Namespace":"spate","MetricName":"none"}`, 200, `{"MetricAlarms":[]}`},
		"JSON fault": {"SetAlarmState", `{"AlarmName":"y","StateValue":"OK","StateReason":"r"}`, 404,
			`{"__type":"ResourceNotFound","message":"Unknown alarm y"}`},
		"JSON of math": {"GetMetricData", `{"StartTime":0,"EndTime":60,"MetricDataQueries":[{"Id":"e","Expression":"MEDIAN(m)"}]}`, 400,
			`{"__type":"ValidationError","message":"Error in expression 'e': Function 'MEDIAN' not found"}`},
		"JSON of half a set": {"PutMetricData", `{"Namespace":"x","MetricData":[{"MetricName":"y","StatisticValues":{"SampleCount":1,"Sum":1,"Minimum":1}}]}`, 400,
			`{"__type":"MissingRequiredParameterException","message":"The parameter MetricData.member.1.StatisticValues.Maximum is required."}`},
		"Query of statistics": {"", "Action=GetMetricStatistics&Version=2010-08-01&Namespace=x&MetricName=y&StartTime=2026-01-01T00:00:00Z&EndTime=2026-01-02T00:00:00Z&Period=1&ExtendedStatistics.member.1=p99", 400,
			`<ErrorResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><Error><Type>Sender</Type><Code>InvalidParameterCombination</Code><Message>You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		"Query": {"", "Action=ListMetrics&Version=2010-08-01&Namespace=spate&Dimensions.member.1.Name=a", 200,
			`<ListMetricsResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><ListMetricsResult><Metrics></Metrics></ListMetricsResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></ListMetricsResponse>`},
		"Query fault": {"", "Action=PutMetricData&Version=2010-08-01&Namespace=AWS/SQS&MetricData.member.1.MetricName=a&MetricData.member.1.Value=1", 400,
			`<ErrorResponse xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"><Error><Type>Sender</Type><Code>InvalidParameterValue</Code><Message>The value AWS/ for parameter Namespace is invalid.</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if tt.target != "" {
				r.Header.Set("Content-Type", "application/x-amz-json-1.0")
				r.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801."+tt.target)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			body, err := io.ReadAll(w.Result().Body)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.TrimPrefix(string(body), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
			got = strings.ReplaceAll(strings.TrimSuffix(got, "\n"), w.Header().Get("x-amzn-RequestId"), "ID")
			if diff := cmp.Diff(tt.want, got); diff != "" || w.Code != tt.status {
				t.Errorf("status %d, want %d (-want +got):\n%s", w.Code, tt.status, diff)
			}
		})
	}
}
