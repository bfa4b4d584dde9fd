package ecs_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

func TestFaults(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.serve(1)
		must(r.RegisterTaskDefinition(ctx(r), fargate()))
		tests := []struct {
			name string
			call func() error
			want string
		}{
			{"service of no cluster", func() error {
				_, err := r.DescribeServices(ctx(r), &sdk.DescribeServicesInput{Cluster: new("x"), Services: []string{"work"}})
				return err
			}, "ClusterNotFoundException: Cluster not found."},
			{"update of no service", func() error {
				_, err := r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("x")})
				return err
			}, "ServiceNotFoundException: Service not found."},
			{"service that is there", func() error {
				_, err := r.CreateService(ctx(r), &sdk.CreateServiceInput{ServiceName: new("work"), TaskDefinition: new("job"), DesiredCount: aws.Int32(1)})
				return err
			}, "InvalidParameterException: Creation of service was not idempotent."},
			{"service of no definition", func() error {
				_, err := r.CreateService(ctx(r), &sdk.CreateServiceInput{ServiceName: new("x"), TaskDefinition: new("x"), DesiredCount: aws.Int32(1)})
				return err
			}, "ClientException: TaskDefinition not found."},
			{"service without a network", func() error {
				_, err := r.CreateService(ctx(r), &sdk.CreateServiceInput{ServiceName: new("x"), TaskDefinition: new("f"), DesiredCount: aws.Int32(1), LaunchType: types.LaunchTypeFargate})
				return err
			}, "InvalidParameterException: Network Configuration must be provided when networkMode 'awsvpc' is specified."},
			{"Fargate service of another definition", func() error {
				_, err := r.CreateService(ctx(r), &sdk.CreateServiceInput{ServiceName: new("x"), TaskDefinition: new("job"), DesiredCount: aws.Int32(1), LaunchType: types.LaunchTypeFargate})
				return err
			}, "InvalidParameterException: Task definition does not support launch_type FARGATE."},
			{"negative count", func() error {
				_, err := r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), DesiredCount: aws.Int32(-1)})
				return err
			}, "InvalidParameterException: Desired count must be greater than or equal to 0."},
			{"deployments that cannot happen", func() error {
				_, err := r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), DeploymentConfiguration: &types.DeploymentConfiguration{MaximumPercent: aws.Int32(100)}})
				return err
			}, "InvalidParameterException: Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments."},
			{"blue and green", func() error {
				_, err := r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("work"), DeploymentConfiguration: &types.DeploymentConfiguration{Strategy: types.DeploymentStrategyBlueGreen}})
				return err
			}, "UnsupportedFeatureException: Deployment strategy BLUE_GREEN is not available."},
			{"service of another cluster", func() error {
				_, err := r.UpdateService(ctx(r), &sdk.UpdateServiceInput{Service: new("arn:aws:ecs:us-east-1:000000000000:service/other/work")})
				return err
			}, "InvalidParameterException: Identifier is for cluster other. Your cluster is default"},
			{"definition that is not there", func() error {
				_, err := r.DescribeTaskDefinition(ctx(r), &sdk.DescribeTaskDefinitionInput{TaskDefinition: new("x")})
				return err
			}, "ClientException: Unable to describe task definition."},
			{"deregistering a family", func() error {
				_, err := r.DeregisterTaskDefinition(ctx(r), &sdk.DeregisterTaskDefinitionInput{TaskDefinition: new("f")})
				return err
			}, "InvalidParameterException: Revision is missing."},
			{"stopping no task", func() error {
				_, err := r.StopTask(ctx(r), &sdk.StopTaskInput{Task: new("x")})
				return err
			}, "InvalidParameterException: The referenced task was not found."},
			{"eleven tasks", func() error {
				_, err := r.RunTask(ctx(r), &sdk.RunTaskInput{TaskDefinition: new("job"), Count: aws.Int32(11)})
				return err
			}, "InvalidParameterException: Count must be between 1 and 10."},
			{"override of no container", func() error {
				_, err := r.RunTask(ctx(r), &sdk.RunTaskInput{TaskDefinition: new("job"), Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: new("x")}}}})
				return err
			}, "InvalidParameterException: Override for container named x is not a container in the TaskDefinition."},
			{"short protection", func() error {
				_, err := r.UpdateTaskProtection(ctx(r), &sdk.UpdateTaskProtectionInput{Cluster: new("default"), ProtectionEnabled: true, ExpiresInMinutes: aws.Int32(0), Tasks: []string{"x"}})
				return err
			}, "InvalidParameterException: expiresInMinutes must be between 1 and 2880."},
			{"made-up token", func() error {
				_, err := r.ListTasks(ctx(r), &sdk.ListTasksInput{NextToken: new("x")})
				return err
			}, "InvalidParameterException: Invalid token."},
			{"tags of nothing", func() error {
				_, err := r.ListTagsForResource(ctx(r), &sdk.ListTagsForResourceInput{ResourceArn: new("arn:aws:ecs:us-east-1:000000000000:cluster/x")})
				return err
			}, "ResourceNotFoundException: The specified resource was not found."},
		}
		for _, test := range tests {
			if got := code(test.call()); got != test.want {
				t.Errorf("%s: got %q, want %q", test.name, got, test.want)
			}
		}
	})
}

func TestMissingThingsAreFailures(t *testing.T) {
	in(t, 1, func(r *rig) {
		clusters := must(r.DescribeClusters(ctx(r), &sdk.DescribeClustersInput{Clusters: []string{"x"}})).Failures
		services := must(r.DescribeServices(ctx(r), &sdk.DescribeServicesInput{Services: []string{"x"}})).Failures
		tasks := must(r.DescribeTasks(ctx(r), &sdk.DescribeTasksInput{Tasks: []string{"x"}})).Failures
		var got []string
		for _, failures := range [][]types.Failure{clusters, services, tasks} {
			got = append(got, fmt.Sprint(len(failures), *failures[0].Reason, " ", *failures[0].Arn))
		}
		want := []string{
			"1MISSING arn:aws:ecs:us-east-1:000000000000:cluster/x",
			"1MISSING arn:aws:ecs:us-east-1:000000000000:service/default/x",
			"1MISSING arn:aws:ecs:us-east-1:000000000000:task/default/x",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("failures (-want +got):\n%s", diff)
		}
	})
}

func TestTags(t *testing.T) {
	in(t, 1, func(r *rig) {
		r.serve(1)
		arns := []string{
			"arn:aws:ecs:us-east-1:000000000000:cluster/default",
			"arn:aws:ecs:us-east-1:000000000000:service/default/work",
			"arn:aws:ecs:us-east-1:000000000000:task-definition/job:1",
			*r.tasks()[0].TaskArn,
		}
		tag := func(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }
		for _, arn := range arns {
			must(r.TagResource(ctx(r), &sdk.TagResourceInput{ResourceArn: &arn, Tags: []types.Tag{tag("a", "1"), tag("b", "2")}}))
			must(r.TagResource(ctx(r), &sdk.TagResourceInput{ResourceArn: &arn, Tags: []types.Tag{tag("b", "3"), tag("c", "4")}}))
			must(r.UntagResource(ctx(r), &sdk.UntagResourceInput{ResourceArn: &arn, TagKeys: []string{"a"}}))
			got := must(r.ListTagsForResource(ctx(r), &sdk.ListTagsForResourceInput{ResourceArn: &arn})).Tags
			if diff := cmp.Diff([]types.Tag{tag("b", "3"), tag("c", "4")}, got, ignoreSerde); diff != "" {
				t.Errorf("%s (-want +got):\n%s", arn, diff)
			}
		}
	})
}

func TestClusters(t *testing.T) {
	in(t, 1, func(r *rig) {
		for _, name := range []string{"b", "a"} {
			must(r.CreateCluster(ctx(r), &sdk.CreateClusterInput{ClusterName: &name}))
		}
		must(r.CreateCluster(ctx(r), &sdk.CreateClusterInput{ClusterName: new("a")}))
		must(r.PutClusterCapacityProviders(ctx(r), &sdk.PutClusterCapacityProvidersInput{
			Cluster: new("a"), CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}, DefaultCapacityProviderStrategy: []types.CapacityProviderStrategyItem{},
		}))
		var names []string
		pages := sdk.NewListClustersPaginator(r, &sdk.ListClustersInput{MaxResults: aws.Int32(2)})
		for pages.HasMorePages() {
			names = append(names, must(pages.NextPage(ctx(r))).ClusterArns...)
		}
		prefix := "arn:aws:ecs:us-east-1:000000000000:cluster/"
		if diff := cmp.Diff([]string{prefix + "a", prefix + "b", prefix + "default"}, names); diff != "" {
			t.Errorf("clusters (-want +got):\n%s", diff)
		}
		a := must(r.DescribeClusters(ctx(r), &sdk.DescribeClustersInput{Clusters: []string{prefix + "a"}})).Clusters[0]
		if diff := cmp.Diff([]string{"FARGATE", "FARGATE_SPOT"}, a.CapacityProviders); diff != "" {
			t.Errorf("capacity providers (-want +got):\n%s", diff)
		}

		arn := *r.runTask("job").TaskArn
		c := must(r.DescribeClusters(ctx(r), &sdk.DescribeClustersInput{})).Clusters[0]
		if *c.ClusterName != "default" || c.RunningTasksCount != 1 || c.PendingTasksCount != 0 {
			t.Errorf("got %s with %d running, %d pending; want default with 1, 0", *c.ClusterName, c.RunningTasksCount, c.PendingTasksCount)
		}
		_, err := r.DeleteCluster(ctx(r), &sdk.DeleteClusterInput{Cluster: new("default")})
		if got, want := code(err), "ClusterContainsTasksException: The Cluster cannot be deleted while Tasks are active."; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		must(r.StopTask(ctx(r), &sdk.StopTaskInput{Task: &arn}))
		synctest.Wait()
		out := must(r.DeleteCluster(ctx(r), &sdk.DeleteClusterInput{Cluster: new("default")}))
		if got := *out.Cluster.Status; got != "INACTIVE" {
			t.Errorf("got %s, want INACTIVE", got)
		}
	})
}
