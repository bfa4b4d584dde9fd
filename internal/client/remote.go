package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// A Remote says which account and region of AWS are meant. Its zero value is
// what the AWS CLI would take: AWS's variables, then the profile's files, then
// the role of the machine.
type Remote struct {
	// Profile is one of ~/.aws/config. Empty: AWS_PROFILE, else "default".
	Profile string
	// Region is one of AWS's. Empty: AWS_REGION, else the profile's.
	Region string
	// Endpoint is the URL of what stands in for AWS. Empty: AWS itself.
	Endpoint string
}

// A MissingError reports what AWS cannot be called without.
type MissingError struct {
	What string // "credentials" or "region"
	Err  error
}

func (e *MissingError) Error() string {
	if e.Err == nil {
		return "there is no AWS " + e.What
	}
	return fmt.Sprintf("there are no AWS %s: %v", e.What, e.Err)
}

func (e *MissingError) Unwrap() error { return e.Err }

// attempts is how often a request is made that AWS throttles, or that gets lost.
const attempts = 8

// OnAWS returns a session on AWS. Nothing of it has to be ended, but for Close
// to be called as with any other.
//
// AWS_ENDPOINT_URL and its like are not for it: who has exported those of an
// embedded engine still means AWS here. Only Endpoint says otherwise.
func OnAWS(ctx context.Context, r Remote) (*Session, error) {
	cfg, err := r.load(ctx)
	if err != nil {
		return nil, err
	}
	return &Session{AWS: newAWS(cfg, r.Endpoint != ""), Remote: true}, nil
}

func (r Remote) load(ctx context.Context) (aws.Config, error) {
	if err := checkEndpoint(r.Endpoint); err != nil {
		return aws.Config{}, err
	}
	// Credentials of a role are asked for while the configuration is read. This
	// is the one way to have that, too, not go where AWS_ENDPOINT_URL says.
	// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
	if err := os.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"); err != nil {
		return aws.Config{}, err
	}
	cfg, err := config.LoadDefaultConfig(ctx,
		config.WithSharedConfigProfile(r.Profile),
		config.WithRegion(r.Region),
		config.WithRetryMode(aws.RetryModeAdaptive),
	)
	if err != nil {
		return cfg, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	// What AWS_MAX_ATTEMPTS or the profile says is a person's own wish.
	cfg.RetryMaxAttempts = cmp.Or(cfg.RetryMaxAttempts, attempts)
	if cfg.Region == "" {
		return cfg, &MissingError{What: "region"}
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return cfg, context.Cause(ctx)
		}
		return cfg, &MissingError{What: "credentials", Err: innermost(err)}
	}
	if r.Endpoint != "" {
		cfg.BaseEndpoint = &r.Endpoint
	}
	return cfg, nil
}

// An EndpointError reports what is no URL to send requests to.
type EndpointError struct{ Endpoint string }

func (e *EndpointError) Error() string {
	return fmt.Sprintf("%q is not the URL of an endpoint", e.Endpoint)
}

func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return &EndpointError{endpoint}
	}
	return nil
}

// innermost is the cause of an error that many have wrapped: what the last
// place that was looked at had to say.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
