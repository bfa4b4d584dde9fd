package cli_test

import "fmt"

// What AWS answers where all is well.
const (
	trusting = `<GetRoleResponse><GetRoleResult><Role><AssumeRolePolicyDocument>` +
		`%7B%22Statement%22%3A%5B%7B%22Principal%22%3A%7B%22Service%22%3A%22ecs-tasks.amazonaws.com%22%7D%7D%5D%7D` +
		`</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>`
	subnets = `<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId></item>` +
		`<item><subnetId>subnet-2</subnetId><vpcId>vpc-1</vpcId></item></subnetSet></DescribeSubnetsResponse>`
)

// routes is a VPC's main table, whose default route goes by a gateway, or
// nowhere.
func routes(gateway string) string {
	way := ""
	if gateway != "" {
		way = fmt.Sprintf("<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><gatewayId>%s</gatewayId><state>active</state></item>", gateway)
	}
	return "<DescribeRouteTablesResponse><routeTableSet><item><routeSet>" + way +
		"</routeSet><associationSet><item><main>true</main></item></associationSet></item></routeTableSet></DescribeRouteTablesResponse>"
}
