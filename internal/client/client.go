package client

import (
	"io"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/spate-run/spate/internal/engine"
)

// An AWS holds the SDK's clients for one engine.
type AWS struct {
	// Cadence is the divisor of the engine's alarm periods: 1 on AWS.
	Cadence int

	AutoScaling    *applicationautoscaling.Client
	CloudFormation *cloudformation.Client
	ECS            *ecs.Client
	Logs           *cloudwatchlogs.Client
	S3             *s3.Client
	SQS            *sqs.Client
}

// New returns the clients of an embedded engine.
func New(at engine.Address) *AWS {
	cfg := aws.Config{
		Region:       at.Region,
		BaseEndpoint: &at.Endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider(at.Keys.AccessKeyID, at.Keys.SecretAccessKey, ""),
		HTTPClient:   loopbackClient(),
		// The engine is on this machine: it answers, or it has ended.
		Retryer: func() aws.Retryer { return retry.AddWithMaxAttempts(retry.NewStandard(), 2) },
	}
	clients := newAWS(cfg, true)
	clients.Cadence = at.Cadence
	return clients
}

// FromConfig returns the clients of an engine as a task knows it. With a
// BaseEndpoint, buckets are addressed by path.
func FromConfig(cfg aws.Config, cadence int) *AWS {
	cfg.RetryMaxAttempts = attempts
	clients := newAWS(cfg, cfg.BaseEndpoint != nil)
	clients.Cadence = cadence
	return clients
}

// newAWS makes the clients. Where one endpoint stands for all services, buckets
// are in the path: it has no names for them.
func newAWS(cfg aws.Config, oneEndpoint bool) *AWS {
	return &AWS{
		Cadence:        1,
		AutoScaling:    applicationautoscaling.NewFromConfig(cfg),
		CloudFormation: cloudformation.NewFromConfig(cfg),
		ECS:            ecs.NewFromConfig(cfg),
		Logs:           cloudwatchlogs.NewFromConfig(cfg),
		S3:             s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = oneEndpoint }),
		SQS:            sqs.NewFromConfig(cfg),
	}
}

// loopbackClient keeps as many connections as requests run at once.
func loopbackClient() *http.Client {
	return &http.Client{Transport: plainBodies{&http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
	}}}
}

// plainBodies lets request bodies be read and closed, and nothing else. The
// SDK closes a body when the reply's head is there, and its bodies' WriteTo then
// returns io.EOF, which net/http takes for a failure: where the engine answers
// before net/http has looked for the end of the body, it would cut the
// connection in the middle of the reply.
type plainBodies struct{ http.RoundTripper }

func (t plainBodies) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r = r.WithContext(r.Context()) // a copy
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return t.RoundTripper.RoundTrip(r)
}
