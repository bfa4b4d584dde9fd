package client

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// replies serves what AWS answers to forms, by their Action.
func replies(t *testing.T, by map[string][]string) *Session {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		left := by[form.Get("Action")]
		if len(left) == 0 {
			http.Error(w, "nobody expects "+form.Get("Action"), http.StatusNotImplemented)
			return
		}
		if len(left) > 1 {
			by[form.Get("Action")] = left[1:]
		}
		if left[0][1] == 'E' || left[0][1] == 'R' {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, left[0])
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	s, err := OnAWS(t.Context(), Remote{Region: "eu-west-3", Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The replies are shaped as the examples are of
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html
// and its like.
func TestWaysOutAreThoseOfTheSubnetsTable(t *testing.T) {
	s := replies(t, map[string][]string{
		"DescribeSubnets": {`<DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><subnetSet>
			<item><subnetId>subnet-own</subnetId><vpcId>vpc-1</vpcId></item>
			<item><subnetId>subnet-main</subnetId><vpcId>vpc-1</vpcId></item>
			<item><subnetId>subnet-shut</subnetId><vpcId>vpc-1</vpcId></item></subnetSet></DescribeSubnetsResponse>`},
		"DescribeRouteTables": {`<DescribeRouteTablesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><routeTableSet>
			<item><routeSet><item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item>
				<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-1</gatewayId><state>active</state></item></routeSet>
				<associationSet><item><subnetId>subnet-own</subnetId><main>false</main></item></associationSet></item>
			<item><routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId><state>active</state></item></routeSet>
				<associationSet><item><main>true</main></item></associationSet></item>
			<item><routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>igw-0</gatewayId><state>blackhole</state></item></routeSet>
				<associationSet><item><subnetId>subnet-shut</subnetId><main>false</main></item></associationSet></item>
			</routeTableSet></DescribeRouteTablesResponse>`},
	})
	got, err := s.Subnets(t.Context(), []string{"subnet-own", "subnet-main", "subnet-shut"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Subnet{{"subnet-own", "vpc-1", "igw-1"}, {"subnet-main", "vpc-1", "nat-1"}, {"subnet-shut", "vpc-1", ""}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subnets (-want +got):\n%s", diff)
	}
}

// What AWS throttles is asked again, and what it refuses is told in its words.
func TestFormsAreAskedAsTheSDKAsks(t *testing.T) {
	s := replies(t, map[string][]string{
		"DescribeAlarms": {
			`<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`,
			`<DescribeAlarmsResponse><DescribeAlarmsResult><MetricAlarms><member><AlarmName>s-a</AlarmName><ActionsEnabled>true</ActionsEnabled>` +
				`<StateValue>OK</StateValue></member></MetricAlarms><NextToken>more</NextToken></DescribeAlarmsResult></DescribeAlarmsResponse>`,
			`<DescribeAlarmsResponse><DescribeAlarmsResult><MetricAlarms><member><AlarmName>s-b</AlarmName><StateValue>ALARM</StateValue>` +
				`<StateReason>why</StateReason></member></MetricAlarms></DescribeAlarmsResult></DescribeAlarmsResponse>`,
		},
		"GetRole":         {`<GetRoleResponse><GetRoleResult><Role><AssumeRolePolicyDocument>%7B%22a%22%3A%201%7D</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>`},
		"DescribeSubnets": {`<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized.</Message></Error></Errors></Response>`},
	})
	got, err := s.Alarms(t.Context(), "s-")
	want := []AlarmState{{Name: "s-a", State: "OK", Enabled: true}, {Name: "s-b", State: "ALARM", Reason: "why"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("alarms: %v (-want +got):\n%s", err, diff)
	}
	if trust, err := s.TrustOf(t.Context(), "r"); err != nil || trust != `{"a": 1}` {
		t.Errorf("got the trust policy %q and %v", trust, err)
	}
	_, err = s.Subnets(t.Context(), []string{"subnet-1"})
	if fault, ok := errors.AsType[smithy.APIError](err); !ok || fault.ErrorCode() != "UnauthorizedOperation" {
		t.Errorf("got %v, want UnauthorizedOperation", err)
	}
}

// A login that is throttled, cut off and answered by a page is asked for until
// it is there; one that is refused is not.
func TestTheRegistrysLoginIsAskedForAgain(t *testing.T) {
	asked, refuse := 0, false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		switch {
		case refuse:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type": "AccessDeniedException", "message": "no"}`)
		case asked == 1:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type": "ThrottlingException", "message": "Rate exceeded"}`)
		case asked == 2:
			panic(http.ErrAbortHandler)
		case asked == 3:
			http.Error(w, "<html>", http.StatusServiceUnavailable)
		default:
			_, _ = io.WriteString(w, `{"authorizationData": [{"authorizationToken": "QVdTOnNlY3JldA=="}]}`)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	s, err := OnAWS(t.Context(), Remote{Region: "eu-west-3", Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if user, password, err := s.RegistryLogin(t.Context()); err != nil || user != "AWS" || password != "secret" || asked != 4 {
		t.Errorf("got %q, %q and %v after %d requests, want AWS, secret and 4 requests", user, password, err, asked)
	}
	asked, refuse = 0, true
	if _, _, err := s.RegistryLogin(t.Context()); err == nil || asked != 1 {
		t.Errorf("got %v after %d requests, want a refusal after 1", err, asked)
	}
}
