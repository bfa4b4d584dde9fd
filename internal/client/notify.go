package client

import (
	"context"
	"net/url"
)

// Publish sends a message to a topic of SNS. The subject is one line of ASCII,
// of at most 100 characters.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
func (a *AWS) Publish(ctx context.Context, topic, subject, text string) error {
	var out struct {
		ID string `xml:"PublishResult>MessageId"`
	}
	return a.ask(ctx, query{
		host: "sns." + a.config.Region + "." + domain(a.config.Region), scope: "sns", version: "2010-03-31", action: "Publish",
		input: url.Values{"TopicArn": {topic}, "Subject": {subject}, "Message": {text}},
	}, &out)
}
