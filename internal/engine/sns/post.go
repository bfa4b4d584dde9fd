package sns

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/delivery"
	"github.com/spate-run/spate/internal/wire"
)

// How endpoints are posted to: AWS waits 15 seconds for an answer, and tries
// three times again.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
const (
	postPatience = 15 * time.Second
	postRetries  = 3
	postAge      = time.Hour
)

// A post is a request to an HTTP endpoint.
type post struct {
	URL    string
	Header map[string]string
	Body   string
}

// newClient follows no redirects and uses no proxy: it talks to this machine.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       postPatience,
		Transport:     &http.Transport{DialContext: (&net.Dialer{}).DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// postable reports whether a subscription is that of an HTTP endpoint on this
// machine.
func postable(sub subscription) bool {
	if sub.Protocol != "http" && sub.Protocol != "https" {
		return false
	}
	address, err := url.Parse(sub.Endpoint)
	if err != nil {
		return false
	}
	if address.Hostname() == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(address.Hostname())
	return err == nil && ip.IsLoopback()
}

// link is an address by which an operation is called without a signature.
func (s *Service) link(action string, members url.Values) string {
	members.Set("Action", action)
	members.Set("Version", queryVersion)
	return s.config.Endpoint + "/?" + members.Encode()
}

func (s *Service) confirmURL(sub subscription) string {
	return s.link("ConfirmSubscription", url.Values{"TopicArn": {sub.Topic}, "Token": {sub.Token}})
}

func (s *Service) unsubscribeURL(sub subscription) string {
	return s.link("Unsubscribe", url.Values{"SubscriptionArn": {sub.ARN}})
}

// confirmation asks an endpoint whether it wants notices; false where it is not
// one to post to.
func (s *Service) confirmation(sub subscription) (delivery.Delivery, bool, error) {
	if !postable(sub) {
		return delivery.Delivery{}, false, nil
	}
	e := envelope{
		Type: "SubscriptionConfirmation", MessageId: delivery.NewID(), Token: sub.Token, TopicArn: sub.Topic,
		Message: "You have chosen to subscribe to the topic " + sub.Topic +
			".\nTo confirm the subscription, visit the SubscribeURL included in this message.",
		SubscribeURL: s.confirmURL(sub), Timestamp: timestamp(time.Now()),
	}
	text, err := encode(e)
	if err != nil {
		return delivery.Delivery{}, false, err
	}
	d, err := newPost(sub, e.Type, e.MessageId, text)
	return d, true, err
}

// notification is the post that brings a message.
func (s *Service) notification(m *message, sub subscription) (delivery.Delivery, error) {
	text := m.body(sub.Protocol)
	if !sub.raw() {
		var err error
		if text, err = s.envelope(m, sub); err != nil {
			return delivery.Delivery{}, err
		}
	}
	return newPost(sub, "Notification", m.id, text)
}

// newPost is a post with the headers that SNS's have.
// https://docs.aws.amazon.com/sns/latest/dg/http-header.html
func newPost(sub subscription, kind, messageID, body string) (delivery.Delivery, error) {
	header := map[string]string{
		"Content-Type":         "text/plain; charset=UTF-8",
		"User-Agent":           "Amazon Simple Notification Service Agent",
		"X-Amz-Sns-Message-Id": messageID, "X-Amz-Sns-Message-Type": kind, "X-Amz-Sns-Topic-Arn": sub.Topic,
	}
	if kind == "Notification" {
		header["X-Amz-Sns-Subscription-Arn"] = sub.ARN
		if sub.raw() {
			header["X-Amz-Sns-Rawdelivery"] = "true"
		}
	}
	text, err := json.Marshal(post{URL: sub.Endpoint, Header: header, Body: body})
	now := time.Now().UTC()
	return delivery.Delivery{
		ID: delivery.NewID(), At: now, Due: now, Payload: body, DeadLetters: sub.deadLetters(),
		Call:   delivery.Call{Service: "http", Operation: http.MethodPost, Input: string(text)},
		Policy: delivery.Policy{Retries: postRetries, MaxAge: postAge},
	}, err
}

// do makes a call that is owed: a post, or the dead letter of one.
func (s *Service) do(ctx context.Context, call delivery.Call) error {
	if call.Service != "http" {
		return s.config.Send(ctx, call)
	}
	var p post
	if err := json.Unmarshal([]byte(call.Input), &p); err != nil {
		return fmt.Errorf("reading a post: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, call.Operation, p.URL, strings.NewReader(p.Body))
	if err != nil {
		return wire.Faultf("InvalidParameter", "%v", err)
	}
	for name, value := range p.Header {
		request.Header.Set(name, value)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("posting to %q: %w", p.URL, err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)); err != nil {
		return fmt.Errorf("posting to %q: %w", p.URL, err)
	}
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		return nil
	}
	return &wire.Fault{Code: "EndpointError", Message: "The endpoint answered " + response.Status, Status: response.StatusCode}
}
