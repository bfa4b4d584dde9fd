package wire_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/wire"
)

func TestCallByName(t *testing.T) {
	tasks := &wire.Service{Name: "ecs", Target: "AmazonEC2ContainerServiceV20141113", JSONVersion: "1.1", LowerCamel: true}
	wire.Handle(tasks, func(ctx context.Context, in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
		if !wire.Present(ctx, "Overrides") || wire.Present(ctx, "Cluster") || wire.RequestID(ctx) == "" {
			t.Error("the call is no request: its members or its id are missing")
		}
		return &ecs.RunTaskOutput{Failures: []types.Failure{{Reason: in.Overrides.ContainerOverrides[0].Name, Detail: in.TaskDefinition}}}, nil
	})
	wire.Handle(tasks, func(context.Context, *ecs.StopTaskInput) (*ecs.StopTaskOutput, error) { panic("no task") })
	for _, tt := range []struct{ operation, input, want string }{
		{"runTask", `{"TaskDefinition":"t","Cluster":null,"Overrides":{"ContainerOverrides":[{"Name":"c"}]}}`, "c t"},
		{"RunTask", `{"taskDefinition":"t","overrides":{"containerOverrides":[{"name":"c"}]}}`, "c t"},
		{"runTask", `{"TaskDefinition":1}`, "SerializationException: NUMBER_VALUE can not be converted to a String"},
		{"fly", `{}`, "UnknownOperationException: Unknown operation: ecs:fly"},
		{"stopTask", `{}`, "calling StopTask of ecs: panic: no task"},
	} {
		got := ""
		out, err := tasks.Call(t.Context(), tt.operation, []byte(tt.input))
		if err != nil {
			got = err.Error()
		} else if f := out.(*ecs.RunTaskOutput).Failures; len(f) == 1 {
			got = aws.ToString(f[0].Reason) + " " + aws.ToString(f[0].Detail)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.operation, tt.input, diff)
		}
	}
}
