package autoscaling_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/wire"
)

func TestRawRequests(t *testing.T) {
	f := start(t, 1)
	f.register(t, 0, 10)
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{f.Wire()}})
	const service = `"ServiceNamespace":"ecs","ScalableDimension":"ecs:service:DesiredCount","ResourceId":"service/jobs/worker"`
	for _, tt := range []struct {
		operation, body string
		status          int
		want            string
	}{
		{"DescribeScalingPolicies", `{"ServiceNamespace":"ecs"}`, 200, `{"ScalingPolicies":[]}`},
		{"PutScheduledAction", `{` + service + `,"ScheduledActionName":"x","Schedule":"rate(1 day)","ScalableTargetAction":{"MinCapacity":0}}`, 200, `{}`},
		{"DeleteScheduledAction", `{` + service + `,"ScheduledActionName":"x"}`, 200, `{}`},
		{"DeregisterScalableTarget", `{"ServiceNamespace":"ecs"}`, 400,
			`{"__type":"ValidationException","message":"1 validation error detected: Value null at 'resourceId' failed to satisfy constraint: Member must not be null"}`},
		{"DescribeScalableTargets", `{"ServiceNamespace":"ecs","NextToken":"x"}`, 400,
			`{"__type":"InvalidNextTokenException","message":"The next token is invalid."}`},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "AnyScaleFrontendService."+tt.operation)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if diff := cmp.Diff(tt.want, w.Body.String()); diff != "" || w.Code != tt.status {
			t.Errorf("%s: status %d, want %d (-want +got):\n%s", tt.operation, w.Code, tt.status, diff)
		}
	}
}
