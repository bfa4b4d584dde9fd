package cloudformation_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// What panics while it makes a resource fails that resource: the stack is rolled
// back, and the engine goes on.
func TestACrashIsTheResources(t *testing.T) {
	const template = `{"Resources": {"First": {"Type": "AWS::SQS::Queue"}, "Group": {"Type": "AWS::Logs::LogGroup", "DependsOn": "First"}}}`
	e := start(t)
	e.crash("CreateLogGroup")
	if s := e.create("s", template); s.StackStatus != types.StackStatusRollbackComplete {
		t.Errorf("got %s, want ROLLBACK_COMPLETE", s.StackStatus)
	}
	events := e.events("s")
	if !slices.ContainsFunc(events, func(event string) bool {
		return strings.HasPrefix(event, `Group CREATE_FAILED Resource handler returned message: "internal error: out of luck"`) && strings.HasSuffix(event, "HandlerErrorCode: InternalFailure)")
	}) {
		t.Errorf("got the events\n%s\nwant one of the crash", strings.Join(events, "\n"))
	}
	if got := e.queues(); len(got) != 0 {
		t.Errorf("got the queues %q after the rollback, want none", got)
	}
	e.gate.Store(nil)
	if s := e.create("next", template); s.StackStatus != types.StackStatusCreateComplete {
		t.Errorf("got %s afterwards, want CREATE_COMPLETE", s.StackStatus)
	}
}

// crash panics where an operation would be.
func (e *engine) crash(target string) {
	var g gate = func(w http.ResponseWriter, r *http.Request, services http.Handler) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "."+target) {
			panic("out of luck")
		}
		services.ServeHTTP(w, r)
	}
	e.gate.Store(&g)
}
