package cloudwatch_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/cloudwatch"
	"github.com/spate-run/spate/internal/wire"
)

// foreign runs a program that is a client of AWS against a service.
func foreign(t *testing.T, s *cloudwatch.Service) func(program string, args ...string) (string, error) {
	t.Helper()
	keys := &wire.Keys{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}
	server := httptest.NewServer(wire.NewHandler(wire.Config{Services: []*wire.Service{s.Wire()}, Keys: keys}))
	t.Cleanup(server.Close)
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "config"), []byte("[default]\ncli_timestamp_format = iso8601\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(program string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		ours := func(variable string) bool { return strings.HasPrefix(variable, "AWS_") }
		cmd.Env = append(slices.DeleteFunc(os.Environ(), ours),
			"AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID="+keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+keys.SecretAccessKey,
			"AWS_DEFAULT_REGION="+account.Region, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "TZ=UTC",
			"AWS_CONFIG_FILE="+filepath.Join(home, "config"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(home, "credentials"),
		)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

// The guide's examples of publishing and reading data points.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/publishingMetrics.html
func TestTheAWSCLI(t *testing.T) {
	program, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("SKIPPED: the aws CLI is not installed, so nobody but SDKs has asked for metrics")
	}
	s, _ := serve(t, cloudwatch.Config{})
	run := foreign(t, s)
	aws := func(args ...string) string {
		t.Helper()
		out, err := run(program, append([]string{"cloudwatch", "--output", "json"}, args...)...)
		if err != nil {
			t.Fatalf("aws %v: got %v and\n%s", args, err, out)
		}
		return out
	}
	noon := time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour)
	at := func(after time.Duration) string { return noon.Add(after).Format("2006-01-02T15:04:05.000Z") }
	aws("put-metric-data", "--namespace", "MyService", "--metric-data",
		"MetricName=PageViewCount,Value=2,Timestamp="+at(0), "MetricName=PageViewCount,Value=4,Timestamp="+at(time.Second),
		"MetricName=PageViewCount,Value=5,Timestamp="+at(2*time.Second))
	aws("put-metric-data", "--metric-name", "PageViewCount", "--namespace", "MyService",
		"--statistic-values", "Sum=11,Minimum=2,Maximum=5,SampleCount=3", "--timestamp", at(2*time.Minute))
	var got struct {
		Datapoints []struct {
			Timestamp                                   time.Time
			SampleCount, Average, Maximum, Minimum, Sum float64
			Unit                                        string
		}
		Label string
	}
	out := aws("get-metric-statistics", "--namespace", "MyService", "--metric-name", "PageViewCount",
		"--statistics", "Sum", "Maximum", "Minimum", "Average", "SampleCount", "--start-time", at(0), "--end-time", at(5*time.Minute), "--period", "60")
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v of\n%s", err, out)
	}
	if len(got.Datapoints) != 2 || got.Label != "PageViewCount" {
		t.Fatalf("got %+v, want two data points", got)
	}
	for i, d := range got.Datapoints {
		if want := noon.Add(time.Duration(2*i) * time.Minute); !d.Timestamp.Equal(want) || d.SampleCount != 3 || d.Average != 3.6666666666666665 ||
			d.Maximum != 5 || d.Minimum != 2 || d.Sum != 11 || d.Unit != "None" {
			t.Errorf("got data point %+v, want that of the guide at %v", d, want)
		}
	}

	out, err = run(program, "cloudwatch", "get-metric-data", "--start-time", at(0), "--end-time", at(time.Hour), "--metric-data-queries",
		`[{"Id":"e1","Expression":"ANOMALY_DETECTOR(m1)"},{"Id":"m1","MetricStat":{"Metric":{"Namespace":"x","MetricName":"y"},"Period":60,"Stat":"Sum"}}]`)
	if want := "An error occurred (ValidationError) when calling the GetMetricData operation: Error in expression 'e1': Function 'ANOMALY_DETECTOR' not found"; err == nil || !strings.Contains(out, want) {
		t.Errorf("of an unknown function: got %v and %s, want %s", err, out, want)
	}
}

// The CLI's examples of metric math, tags, alarms and their history.
// https://docs.aws.amazon.com/cli/latest/reference/cloudwatch/get-metric-data.html#examples
// https://docs.aws.amazon.com/cli/latest/reference/cloudwatch/describe-alarm-history.html#examples
const script = `
import boto3, datetime, json, sys
c = boto3.client("cloudwatch")
begin = datetime.datetime.fromtimestamp(int(sys.argv[1]), datetime.timezone.utc)
volume = [{"Name": "InstanceId", "Value": "i-abcdef"}]
c.put_metric_data(Namespace="EC2", MetricData=[
    {"MetricName": "EBSReadOps", "Dimensions": volume, "Timestamp": begin, "Values": [9055, 10000], "Counts": [1, 1], "Unit": "Count"},
    {"MetricName": "EBSWriteOps", "Dimensions": volume, "Timestamp": begin, "Value": 10000, "Unit": "Count"}])
def metric(id, name):
    return {"Id": id, "ReturnData": False, "MetricStat": {"Period": 300, "Stat": "Sum", "Unit": "Count",
        "Metric": {"Namespace": "EC2", "MetricName": name, "Dimensions": volume}}}
data = c.get_metric_data(StartTime=begin, EndTime=begin + datetime.timedelta(minutes=5), MetricDataQueries=[
    {"Id": "m3", "Expression": "(m1+m2)/300", "Label": "Avg Total IOPS"}, metric("m1", "EBSReadOps"), metric("m2", "EBSWriteOps")])
r = data["MetricDataResults"][0]
print(r["Id"], r["Label"], [int(t.timestamp()) for t in r["Timestamps"]], r["Values"], r["StatusCode"], data["Messages"])
print(sorted(m["MetricName"] for p in c.get_paginator("list_metrics").paginate(Namespace="EC2", Dimensions=[{"Name": "InstanceId"}]) for m in p["Metrics"]))
c.put_metric_alarm(AlarmName="myalarm", Namespace="EC2", MetricName="EBSReadOps", Dimensions=volume, ExtendedStatistic="p90",
    Period=60, EvaluationPeriods=2, Threshold=70, ComparisonOperator="GreaterThanThreshold", Tags=[{"Key": "stack", "Value": "Production"}])
a = c.describe_alarms(AlarmNames=["myalarm"])["MetricAlarms"][0]
print(a["ExtendedStatistic"], float(a["Threshold"]), a["StateValue"], c.list_tags_for_resource(ResourceARN=a["AlarmArn"])["Tags"])
c.set_alarm_state(AlarmName="myalarm", StateValue="ALARM", StateReason="testing purposes")
for item in c.describe_alarm_history(AlarmName="myalarm", HistoryItemType="StateUpdate")["AlarmHistoryItems"]:
    print(item["HistorySummary"], json.loads(item["HistoryData"])["newState"])
for call in [
    lambda: c.set_alarm_state(AlarmName="none", StateValue="OK", StateReason=""),
    lambda: c.put_metric_data(Namespace="x", MetricData=[{"MetricName": "y", "Value": 1, "Timestamp": begin - datetime.timedelta(days=15)}]),
    lambda: c.get_metric_statistics(Namespace="x", MetricName="y", StartTime=begin, EndTime=begin + datetime.timedelta(days=1), Period=1, Statistics=["Sum"]),
]:
    try:
        call()
    except c.exceptions.ClientError as e:
        print(type(e).__name__, e.response["Error"]["Code"], e.response["Error"]["Message"])
`

func TestBoto3(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.CommandContext(t.Context(), python, "-c", "import boto3").Run()
	}
	if err != nil {
		t.Skipf("SKIPPED: there is no boto3 (%v), so only Go has asked for metrics", err)
	}
	s, _ := serve(t, cloudwatch.Config{})
	begin := time.Now().UTC().Truncate(time.Hour).Add(-time.Hour)
	out, err := foreign(t, s)(python, "-c", script, strconv.FormatInt(begin.Unix(), 10))
	if err != nil {
		t.Fatalf("got %v and\n%s", err, out)
	}
	want := strings.Join([]string{
		"m3 Avg Total IOPS [" + strconv.FormatInt(begin.Unix(), 10) + "] [96.85] Complete []",
		"['EBSReadOps', 'EBSWriteOps']",
		"p90 70.0 INSUFFICIENT_DATA [{'Key': 'stack', 'Value': 'Production'}]",
		"Alarm updated from INSUFFICIENT_DATA to ALARM {'stateReason': 'testing purposes', 'stateValue': 'ALARM'}",
		"ResourceNotFound ResourceNotFound Unknown alarm none",
		"InvalidParameterValueException InvalidParameterValue The parameter MetricData.member.1.Timestamp must specify a time within the past two weeks.",
		"InvalidParameterCombinationException InvalidParameterCombination You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
		"",
	}, "\n")
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("boto3 (-want +got):\n%s", diff)
	}
}
