package engine_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/engine"
)

// The bridge has a loopback address here, which no bridge has; the engine's own
// is another.
func TestTheBridgeTakesSignedRequestsOnly(t *testing.T) {
	e, _ := opened(t, engine.Config{Home: t.TempDir(), Open: true})
	at, err := e.OpenBridge(netip.MustParseAddr("127.0.0.2"))
	if err != nil {
		t.Skipf("SKIPPED: %v", err) // other than on Linux, 127.0.0.1 may be the only one
	}
	for endpoint, want := range map[string]int{e.Address().Endpoint: http.StatusOK, at: http.StatusForbidden} {
		reply, err := http.Get(endpoint + "/?Action=ListQueues&Version=2012-11-05")
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		if reply.StatusCode != want {
			t.Errorf("unsigned at %s: got status %d, want %d", endpoint, reply.StatusCode, want)
		}
	}
	reply, err := http.Get(at + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	if reply.StatusCode == http.StatusOK {
		t.Error("the registry answers on the bridge")
	}
}

// TestQueuesAreWhereTheyAreAskedFor has a client on the bridge, which cannot
// reach the engine's own address.
func TestQueuesAreWhereTheyAreAskedFor(t *testing.T) {
	e, _ := opened(t, engine.Config{Home: t.TempDir()})
	own := client.New(e.Address())
	at, err := e.OpenBridge(netip.MustParseAddr("127.0.0.2"))
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	bridged := sqs.New(own.SQS.Options(), func(o *sqs.Options) { o.BaseEndpoint = &at })
	made, err := bridged.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new("q")})
	if err != nil {
		t.Fatal(err)
	}
	for endpoint, asked := range map[string]*sqs.Client{at: bridged, e.Address().Endpoint: own.SQS} {
		want := endpoint + "/" + engine.AccountID + "/q"
		one, err := asked.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: new("q")})
		if err != nil || *one.QueueUrl != want {
			t.Errorf("GetQueueUrl at %s: got %+v, %v, want %s", endpoint, one, err, want)
		}
		all, err := asked.ListQueues(t.Context(), &sqs.ListQueuesInput{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{want}, all.QueueUrls); diff != "" {
			t.Errorf("ListQueues at %s (-want +got):\n%s", endpoint, diff)
		}
	}
	if want := at + "/" + engine.AccountID + "/q"; *made.QueueUrl != want {
		t.Errorf("CreateQueue: got %s, want %s", *made.QueueUrl, want)
	}
}
