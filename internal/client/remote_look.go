package client

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/spate-run/spate/internal/wire"
)

// What doctor asks of services that no other command uses.

// Region is the region that calls go to.
func (a *AWS) Region() string { return a.config.Region }

// Identity returns whose the credentials are, as an ARN.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (a *AWS) Identity(ctx context.Context) (arn string, err error) {
	var out struct {
		ARN string `xml:"GetCallerIdentityResult>Arn"`
	}
	err = a.ask(ctx, query{
		host: "sts." + a.config.Region + "." + domain(a.config.Region), scope: "sts", version: "2011-06-15", action: "GetCallerIdentity",
		attempts: 3, // who asks this wants to know whether there is an answer at all
	}, &out)
	return out.ARN, err
}

// The quotas of the vCPU that tasks have at once, on demand and on Spot.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
const (
	QuotaOnDemand = "L-3032A538"
	QuotaSpot     = "L-36FBB829"
)

// Quota returns an account's quota of Fargate in the region.
// https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
func (a *AWS) Quota(ctx context.Context, code string) (float64, error) {
	var out struct {
		Quota struct{ Value *float64 }
	}
	c := caller(a.config, wire.Caller{Name: "Service Quotas", Scope: "servicequotas", Target: "ServiceQuotasV20190624"}, "servicequotas")
	err := patiently(ctx, a.attempts(), func() error {
		return c.Call(ctx, "GetServiceQuota", map[string]string{"ServiceCode": "fargate", "QuotaCode": code}, &out)
	})
	if err == nil && out.Quota.Value == nil {
		err = fmt.Errorf("service quotas names no value for %s", code)
	}
	if err != nil {
		return 0, err
	}
	return *out.Quota.Value, nil
}

// An AlarmState is how an alarm stands.
type AlarmState struct {
	Name    string `xml:"AlarmName"`
	State   string `xml:"StateValue"`
	Reason  string `xml:"StateReason"`
	Enabled bool   `xml:"ActionsEnabled"`
	// It is in ALARM while its metric is, by Comparison, beside the Threshold.
	Comparison string  `xml:"ComparisonOperator"`
	Threshold  float64 `xml:"Threshold"`
	Gauge
}

// Alarms lists the alarms whose names begin so.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
func (a *AWS) Alarms(ctx context.Context, prefix string) ([]AlarmState, error) {
	var all []AlarmState
	for next := ""; ; {
		var out struct {
			Alarms []AlarmState `xml:"DescribeAlarmsResult>MetricAlarms>member"`
			Next   string       `xml:"DescribeAlarmsResult>NextToken"`
		}
		input := url.Values{"AlarmNamePrefix": {prefix}}
		if next != "" {
			input.Set("NextToken", next)
		}
		err := a.ask(ctx, query{
			host: "monitoring." + a.config.Region + "." + domain(a.config.Region), scope: "monitoring", version: "2010-08-01",
			action: "DescribeAlarms", input: input,
		}, &out)
		if err != nil {
			return nil, err
		}
		all = append(all, out.Alarms...)
		if next = out.Next; next == "" {
			return all, nil
		}
	}
}

// TrustOf returns who may take on a role, as a policy's JSON.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
func (a *AWS) TrustOf(ctx context.Context, role string) (string, error) {
	var out struct {
		Policy string `xml:"GetRoleResult>Role>AssumeRolePolicyDocument"`
	}
	// IAM is one for each partition, and signs with a region of its own.
	// https://docs.aws.amazon.com/general/latest/gr/iam-service.html
	q := query{host: "iam.amazonaws.com", region: "us-east-1", scope: "iam", version: "2010-05-08", action: "GetRole", input: url.Values{"RoleName": {role}}}
	switch {
	case strings.HasPrefix(a.config.Region, "cn-"):
		q.host, q.region = "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"
	case strings.HasPrefix(a.config.Region, "us-gov-"):
		q.host, q.region = "iam.us-gov.amazonaws.com", "us-gov-west-1"
	}
	if err := a.ask(ctx, q, &out); err != nil {
		return "", err
	}
	text, err := url.QueryUnescape(out.Policy)
	if err != nil {
		return out.Policy, nil
	}
	return text, nil
}

// A Subnet is a subnet and where its traffic to the internet goes.
type Subnet struct {
	ID, VPC string
	// Way is a gateway's id, such as igw-… or nat-…; empty where there is none.
	Way string
}

// Subnets returns subnets with their way out: the default route of their own
// table, or else of their VPC's main one.
// https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html
func (a *AWS) Subnets(ctx context.Context, ids []string) ([]Subnet, error) {
	var found struct {
		Subnets []struct {
			ID  string `xml:"subnetId"`
			VPC string `xml:"vpcId"`
		} `xml:"subnetSet>item"`
	}
	input := url.Values{}
	for i, id := range ids {
		input.Set(fmt.Sprintf("SubnetId.%d", i+1), id)
	}
	if err := a.askEC2(ctx, "DescribeSubnets", input, &found); err != nil {
		return nil, err
	}
	subnets := make([]Subnet, len(found.Subnets))
	for i, s := range found.Subnets {
		subnets[i] = Subnet{ID: s.ID, VPC: s.VPC}
	}
	for i := range subnets {
		if err := a.findWay(ctx, &subnets[i]); err != nil {
			return nil, err
		}
	}
	return subnets, nil
}

// A routeTable is one as EC2 tells it.
type routeTable struct {
	Routes []struct {
		To          string `xml:"destinationCidrBlock"`
		Gateway     string `xml:"gatewayId"`
		NAT         string `xml:"natGatewayId"`
		Transit     string `xml:"transitGatewayId"`
		Interface   string `xml:"networkInterfaceId"`
		Instance    string `xml:"instanceId"`
		Connection  string `xml:"vpcPeeringConnectionId"`
		LocalWay    string `xml:"localGatewayId"`
		CoreNetwork string `xml:"coreNetworkArn"`
		State       string `xml:"state"`
	} `xml:"routeSet>item"`
	Associations []struct {
		Subnet string `xml:"subnetId"`
		Main   bool   `xml:"main"`
	} `xml:"associationSet>item"`
}

// way is where the table's default route goes.
func (t routeTable) way() string {
	for _, r := range t.Routes {
		if r.To == "0.0.0.0/0" && r.State != "blackhole" {
			return r.Gateway + r.NAT + r.Transit + r.Interface + r.Instance + r.Connection + r.LocalWay + r.CoreNetwork
		}
	}
	return ""
}

func (a *AWS) findWay(ctx context.Context, s *Subnet) error {
	var found struct {
		Tables []routeTable `xml:"routeTableSet>item"`
	}
	if err := a.askEC2(ctx, "DescribeRouteTables", url.Values{"Filter.1.Name": {"vpc-id"}, "Filter.1.Value.1": {s.VPC}}, &found); err != nil {
		return err
	}
	own := false
	for _, table := range found.Tables {
		for _, of := range table.Associations {
			if of.Subnet == s.ID || of.Main && !own {
				s.Way, own = table.way(), own || of.Subnet == s.ID
			}
		}
	}
	return nil
}

func (a *AWS) askEC2(ctx context.Context, action string, input url.Values, out any) error {
	return a.ask(ctx, query{
		host: "ec2." + a.config.Region + "." + domain(a.config.Region), scope: "ec2", version: "2016-11-15", action: action, input: input,
	}, out)
}
