package ecs_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spate-run/spate/internal/runner"
)

func serving(name string, ports ...types.PortMapping) types.ContainerDefinition {
	c := helper(name)
	c.Image, c.Essential, c.PortMappings = new("image"), new(true), ports
	return c
}

func port(n int32) types.PortMapping { return types.PortMapping{ContainerPort: &n} }

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html
func TestPortsArePublished(t *testing.T) {
	in(t, 1, func(r *rig) {
		fixed, udp := port(81), port(53)
		fixed.HostPort, udp.Protocol = aws.Int32(8081), types.TransportProtocolUdp
		r.register("web", serving("web", port(80), fixed, udp, types.PortMapping{ContainerPortRange: new("7000-7001")}))
		arn := *r.runTask("web").TaskArn
		want := []runner.Port{
			{Container: 80, Protocol: "tcp"},
			{Container: 81, Host: 8081, Protocol: "tcp"},
			{Container: 53, Protocol: "udp"},
			{Container: 7000, Protocol: "tcp"}, {Container: 7001, Protocol: "tcp"},
		}
		if diff := cmp.Diff(want, r.machine.processes("web")[0].container.Ports); diff != "" {
			t.Errorf("ports asked for (-want +got):\n%s", diff)
		}
		var got []string
		for _, b := range r.task(arn).Containers[0].NetworkBindings {
			got = append(got, *b.BindIP, string(b.Protocol))
			got = append(got, strings.TrimSpace(string(must(json.Marshal([]int32{*b.ContainerPort, *b.HostPort})))))
		}
		const here = "127.0.0.1"
		bound := []string{
			here, "tcp", "[80,40000]", here, "tcp", "[81,8081]", here, "udp", "[53,40000]",
			here, "tcp", "[7000,40000]", here, "tcp", "[7001,40000]",
		}
		if diff := cmp.Diff(bound, got); diff != "" {
			t.Errorf("bindings (-want +got):\n%s", diff)
		}
	})
}

// vpc registers a definition of network mode awsvpc.
func (r *rig) vpc(family string, containers ...types.ContainerDefinition) {
	r.Helper()
	must(r.RegisterTaskDefinition(ctx(r), &sdk.RegisterTaskDefinitionInput{
		Family: &family, NetworkMode: types.NetworkModeAwsvpc, Cpu: new("256"), Memory: new("512"),
		ExecutionRoleArn: new("arn:aws:iam::000000000000:role/x"), ContainerDefinitions: containers,
	}))
}

func subnets(ids ...string) *types.NetworkConfiguration {
	return &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: ids}}
}

// stopped is a task once nothing holds it.
func (r *rig) stopped(arn string) types.Task {
	r.Helper()
	synctest.Wait()
	return r.task(arn)
}

// inVPC runs a task of network mode awsvpc.
func (r *rig) inVPC(containers ...types.ContainerDefinition) string {
	r.Helper()
	r.vpc("vpc", containers...)
	out := must(r.RunTask(ctx(r), &sdk.RunTaskInput{
		TaskDefinition: new("vpc"), Tags: []types.Tag{{Key: new("team"), Value: new("a")}},
		NetworkConfiguration: subnets("subnet-1"),
	}))
	synctest.Wait()
	return *out.Tasks[0].TaskArn
}

func TestATasksNetworkInterface(t *testing.T) {
	in(t, 1, func(r *rig) {
		arn := r.inVPC(serving("web", port(80)), serving("side", port(9090)))
		for _, p := range r.machine.processes("") {
			want := []runner.Port{{Container: 80, Host: 80, Protocol: "tcp"}, {Container: 9090, Host: 9090, Protocol: "tcp"}}
			if diff := cmp.Diff(want, p.container.Ports); diff != "" {
				t.Errorf("ports of %s, whose network is the task's (-want +got):\n%s", p.container.ID, diff)
			}
		}
		task := r.task(arn)
		var got []string
		for _, detail := range task.Attachments[0].Details {
			got = append(got, *detail.Name+" "+*detail.Value)
		}
		id := arn[strings.LastIndex(arn, "/")+1:]
		want := []string{
			"subnetId subnet-1", "networkInterfaceId eni-" + id[:17], "macAddress 02:42:ac:11:00:02",
			"privateDnsName ip-172-17-0-2.ec2.internal", "privateIPv4Address 172.17.0.2",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("attachment (-want +got):\n%s", diff)
		}
		side := task.Containers[1]
		if len(side.NetworkBindings) != 1 || *side.NetworkBindings[0].HostPort != 9090 {
			t.Errorf("got bindings %+v of the second container, want its own alone", side.NetworkBindings)
		}
		if diff := cmp.Diff([]types.NetworkInterface{{AttachmentId: task.Attachments[0].Id, PrivateIpv4Address: new("172.17.0.2")}},
			side.NetworkInterfaces, cmpopts.IgnoreUnexported(types.NetworkInterface{})); diff != "" {
			t.Errorf("interfaces (-want +got):\n%s", diff)
		}
	})
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate-examples.html
func TestMetadataOfTheNetwork(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.inVPC(serving("web", port(80)))
		uri := r.machine.processes("web")[0].env("ECS_CONTAINER_METADATA_URI_V4")
		_, text := r.get("GET", uri, "")
		var got struct {
			Networks, Ports any
			ImageID         string
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		want := got
		want.ImageID = "sha256:1"
		want.Networks = []any{map[string]any{
			"NetworkMode": "awsvpc", "IPv4Addresses": []any{"172.17.0.2"}, "AttachmentIndex": 0., "MACAddress": "02:42:ac:11:00:02",
			"IPv4SubnetCIDRBlock": "172.17.0.0/16", "PrivateDNSName": "ip-172-17-0-2.ec2.internal", "SubnetGatewayIpv4Address": "172.17.0.1/16",
		}}
		want.Ports = []any{map[string]any{"ContainerPort": 80., "Protocol": "tcp", "HostPort": 80., "HostIp": "127.0.0.1"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("metadata (-want +got):\n%s", diff)
		}
	})
}

// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
func TestMetadataWithTags(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.inVPC(serving("web"))
		uri := r.machine.processes("web")[0].env("ECS_CONTAINER_METADATA_URI_V4")
		for path, want := range map[string]map[string]string{"/task": nil, "/taskWithTags": {"team": "a"}} {
			status, text := r.get("GET", uri+path, "")
			var got struct{ TaskTags map[string]string }
			if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
				t.Fatal(status, text, err)
			}
			if diff := cmp.Diff(want, got.TaskTags); diff != "" {
				t.Errorf("tags at %s (-want +got):\n%s", path, diff)
			}
		}
	})
}

func TestPortsThatCannotBe(t *testing.T) {
	in(t, 1, func(r *rig) {
		other := port(80)
		other.HostPort = aws.Int32(81)
		for want, p := range map[string]types.PortMapping{
			"ClientException: When networkMode=awsvpc, the host ports and container ports in port mappings must match.": other,
			"ClientException: Invalid setting for container 'web'. Ports must be between 0 and 65535.":                  port(70000),
			"ClientException: Invalid setting for container 'web'. containerPortRange '9-' is not valid.":               {ContainerPortRange: new("9-")},
		} {
			_, err := r.RegisterTaskDefinition(ctx(r), &sdk.RegisterTaskDefinitionInput{
				Family: new("vpc"), NetworkMode: types.NetworkModeAwsvpc, ContainerDefinitions: []types.ContainerDefinition{serving("web", p)},
			})
			if got := code(err); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	})
}
