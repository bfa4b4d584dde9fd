package sns_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/sns"
)

// A notice is a post as an endpoint got it.
type notice struct {
	header http.Header
	body   string
	Type, Token, Message, SubscribeURL, UnsubscribeURL,
	MessageId, TopicArn string
}

// endpoint is an HTTP endpoint that answers with the statuses, and then with
// 200.
func endpoint(t *testing.T, statuses ...int) (address string, notices chan notice) {
	notices = make(chan notice, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		n := notice{header: r.Header, body: string(text)}
		_ = json.Unmarshal(text, &n) // raw ones are no JSON
		if len(statuses) > 0 {
			w.WriteHeader(statuses[0])
			statuses = statuses[1:]
		}
		notices <- n
	}))
	t.Cleanup(server.Close)
	return server.URL + "/hook", notices
}

// follow opens a link of a notice, as somebody with a browser does.
func (b *bed) follow(link string) (status int, body string) {
	b.Helper()
	address, err := url.Parse(link)
	if err != nil {
		b.Fatal(err)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, address.RequestURI(), nil))
	return w.Code, w.Body.String()
}

func TestHTTPEndpointsConfirmAndGetNotices(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	address, notices := endpoint(t, 500)
	out, err := b.Subscribe(t.Context(), &sdk.SubscribeInput{
		TopicArn: &topic, Protocol: new("http"), Endpoint: &address, ReturnSubscriptionArn: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	first, asked := <-notices, <-notices // the first was answered with an error
	if asked.Type != "SubscriptionConfirmation" || asked.TopicArn != topic || asked.MessageId != first.MessageId ||
		asked.header.Get("X-Amz-Sns-Message-Type") != asked.Type {
		t.Fatalf("got %+v, want the same question twice", asked)
	}
	b.publish(&sdk.PublishInput{TopicArn: &topic, Message: new("too early")})
	if status, body := b.follow(strings.Replace(asked.SubscribeURL, asked.Token, strings.Repeat("0", len(asked.Token)), 1)); status != 400 || !strings.Contains(body, "Invalid parameter: Token") {
		t.Errorf("another token: got %d %s", status, body)
	}
	if status, body := b.follow(asked.SubscribeURL); status != 200 || !strings.Contains(body, *out.SubscriptionArn) {
		t.Fatalf("confirming: got %d %s, want the subscription's ARN", status, body)
	}
	got, err := b.GetSubscriptionAttributes(t.Context(), &sdk.GetSubscriptionAttributesInput{SubscriptionArn: out.SubscriptionArn})
	if err != nil || got.Attributes["PendingConfirmation"] != "false" || got.Attributes["ConfirmationWasAuthenticated"] != "false" {
		t.Errorf("got %v, %v, want a confirmation that nobody signed", got, err)
	}
	published := b.publish(&sdk.PublishInput{TopicArn: &topic, Message: new("hello")})
	n := <-notices
	if n.Type != "Notification" || n.Message != "hello" || n.MessageId != *published.MessageId || n.header.Get("X-Amz-Sns-Subscription-Arn") != *out.SubscriptionArn {
		t.Errorf("got %+v, want the notice", n)
	}
	if _, err := b.SetSubscriptionAttributes(t.Context(), &sdk.SetSubscriptionAttributesInput{
		SubscriptionArn: out.SubscriptionArn, AttributeName: new("RawMessageDelivery"), AttributeValue: new("true"),
	}); err != nil {
		t.Fatal(err)
	}
	b.publish(&sdk.PublishInput{TopicArn: &topic, Message: new("raw")})
	if r := <-notices; r.body != "raw" || r.header.Get("X-Amz-Sns-Rawdelivery") != "true" {
		t.Errorf("got %+v, want the message alone", r)
	}
	if status, body := b.follow(n.UnsubscribeURL); status != 200 {
		t.Errorf("unsubscribing: got %d %s", status, body)
	}
	if _, err := b.GetSubscriptionAttributes(t.Context(), &sdk.GetSubscriptionAttributesInput{SubscriptionArn: out.SubscriptionArn}); fault(err) != "NotFound: Subscription does not exist" {
		t.Errorf("got %v, want no subscription", err)
	}
}

func TestWhoMustSignToUnsubscribe(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	address, notices := endpoint(t)
	if _, err := b.Subscribe(t.Context(), &sdk.SubscribeInput{TopicArn: &topic, Protocol: new("http"), Endpoint: &address}); err != nil {
		t.Fatal(err)
	}
	asked := <-notices
	out, err := b.ConfirmSubscription(t.Context(), &sdk.ConfirmSubscriptionInput{TopicArn: &topic, Token: &asked.Token, AuthenticateOnUnsubscribe: new("true")})
	if err != nil {
		t.Fatal(err)
	}
	b.publish(&sdk.PublishInput{TopicArn: &topic, Message: new("hello")})
	if status, body := b.follow((<-notices).UnsubscribeURL); status != 403 || !strings.Contains(body, "AuthorizationError") {
		t.Errorf("got %d %s, want AuthorizationError", status, body)
	}
	if status, body := b.follow("/?Action=DeleteTopic&Version=2010-03-31&TopicArn=" + topic); status != 403 {
		t.Errorf("another operation without a signature: got %d %s, want 403", status, body)
	}
	if _, err := b.Unsubscribe(t.Context(), &sdk.UnsubscribeInput{SubscriptionArn: out.SubscriptionArn}); err != nil {
		t.Error(err)
	}
}

// TestOtherMachinesAreNotPostedTo: the endpoints of a template may be
// somebody's pager.
func TestOtherMachinesAreNotPostedTo(t *testing.T) {
	b := start(t)
	topic := b.topic("news")
	const address = "https://pager.example.com/hook"
	if _, err := b.Subscribe(t.Context(), &sdk.SubscribeInput{TopicArn: &topic, Protocol: new("https"), Endpoint: new(address)}); err != nil {
		t.Fatal(err)
	}
	b.publish(&sdk.PublishInput{TopicArn: &topic, Message: new("hello")})
	if got := b.log.String(); !strings.Contains(got, `"notice not sent"`) || !strings.Contains(got, "endpoint="+address) {
		t.Errorf("got the log %q, want the notice", got)
	}
}
