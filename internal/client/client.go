package client

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/wire"
)

// An AWS holds the SDK's clients for one engine.
type AWS struct {
	// Cadence is the divisor of the engine's alarm periods: 1 on AWS.
	Cadence int

	AutoScaling    wire.Caller
	CloudFormation *cloudformation.Client
	ECR            wire.Caller
	ECS            *ecs.Client
	Logs           wire.Caller
	S3             *s3.Client
	SQS            *sqs.Client

	config aws.Config // of what is asked without a client of the SDK's
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
	if cfg.HTTPClient == nil { // the SDK's clients would bring one each
		cfg.HTTPClient = awshttp.NewBuildableClient()
	}
	return &AWS{
		config:         cfg,
		Cadence:        1,
		AutoScaling:    retrying(caller(cfg, wire.NewCaller(cfg, "application-autoscaling"), "application-autoscaling")),
		CloudFormation: cloudformation.NewFromConfig(cfg),
		ECR:            newECR(cfg),
		ECS:            ecs.NewFromConfig(cfg),
		Logs:           retrying(caller(cfg, wire.NewCaller(cfg, "logs"), "logs")),
		S3:             s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = oneEndpoint }),
		SQS:            sqs.NewFromConfig(cfg),
	}
}

// retrying calls again what the SDK's clients would.
func retrying(c wire.Caller) wire.Caller {
	if c.Config.Retryer != nil {
		c.Retryer = c.Config.Retryer()
		return c
	}
	c.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = cmp.Or(c.Config.RetryMaxAttempts, attempts) })
	return c
}

// newECR calls ECR, of which too little is wanted for the SDK's client.
// https://docs.aws.amazon.com/general/latest/gr/ecr.html
func newECR(cfg aws.Config) wire.Caller {
	return retrying(caller(cfg, wire.NewCaller(cfg, "ecr"), "api.ecr"))
}

// RegistryLogin returns the name and the password by which the account's
// registry is pushed to for the next hours.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
func (a *AWS) RegistryLogin(ctx context.Context) (user, password string, err error) {
	var out struct {
		AuthorizationData []struct{ AuthorizationToken []byte }
	}
	if err := a.ECR.Call(ctx, "GetAuthorizationToken", struct{}{}, &out); err != nil {
		return "", "", err
	}
	if len(out.AuthorizationData) == 0 {
		return "", "", errors.New("ECR gave no login for the account's registry")
	}
	user, password, _ = strings.Cut(string(out.AuthorizationData[0].AuthorizationToken), ":")
	return user, password, nil
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
