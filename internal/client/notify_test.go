package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
)

// A task knows an engine by its endpoint and keys alone, and calls services that
// have a client of the SDK's, and such that have none.
func TestATaskCallsWithoutAnHTTPClientOfItsOwn(t *testing.T) {
	var published url.Values
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Target") != "" {
			_, _ = io.WriteString(w, `{"authorizationData": [{"authorizationToken": "QVdTOnNlY3JldA=="}]}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		published, _ = url.ParseQuery(string(body))
		_, _ = io.WriteString(w, `<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`)
	}))
	t.Cleanup(server.Close)
	clients := FromConfig(aws.Config{
		Region: "eu-west-3", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}, 1)
	if user, _, err := clients.RegistryLogin(t.Context()); err != nil || user != "AWS" {
		t.Errorf("got %q and %v, want a login", user, err)
	}
	if err := clients.Publish(t.Context(), "arn:aws:sns:eu-west-3:1:t", "done", "all & more\n"); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"Action": {"Publish"}, "Version": {"2010-03-31"}, "TopicArn": {"arn:aws:sns:eu-west-3:1:t"}, "Subject": {"done"}, "Message": {"all & more\n"},
	}
	if diff := cmp.Diff(want, published); diff != "" {
		t.Errorf("what was published (-want +got):\n%s", diff)
	}
}
