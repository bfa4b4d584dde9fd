package wire

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A Caller calls operations of a service that speaks JSON or REST-JSON, with
// inputs and outputs that its user declares (its method Call) or with the SDK's
// (the function [Call]). It is for services of whose SDK client too little is wanted
// for its size; its errors are the SDK's.
type Caller struct {
	Config aws.Config // BaseEndpoint, HTTPClient, Region and Credentials are used
	Name   string     // in errors, such as "SSM"
	Scope  string     // in signatures, such as "ssm"
	Target string     // in X-Amz-Target, such as "AmazonSSM"; REST-JSON has none
	// LowerCamel says for the SDK's types that members begin with a lower-case
	// letter on the wire.
	LowerCamel bool
	// Retryer says whether, and how often, a call is made again that failed; nil
	// where the service is in this process.
	Retryer aws.Retryer
}

// NewCaller returns a caller of a service that is known by its name in signatures.
func NewCaller(config aws.Config, scope string) Caller {
	c := Caller{Config: config, Scope: scope}
	switch scope {
	case "application-autoscaling":
		c.Name, c.Target = "Application Auto Scaling", "AnyScaleFrontendService"
	case "ecr":
		c.Name, c.Target, c.LowerCamel = "ECR", "AmazonEC2ContainerRegistry_V20150921", true
	case "ecs":
		c.Name, c.Target, c.LowerCamel = "ECS", "AmazonEC2ContainerServiceV20141113", true
	case "events":
		c.Name, c.Target = "EventBridge", "AWSEvents"
	case "logs":
		c.Name, c.Target, c.LowerCamel = "CloudWatch Logs", "Logs_20140328", true
	case "monitoring":
		c.Name, c.Target = "CloudWatch", "GraniteServiceVersion20100801"
	case "scheduler":
		c.Name = "Scheduler"
	case "secretsmanager":
		c.Name, c.Target = "Secrets Manager", "secretsmanager"
	case "sns":
		c.Name, c.Target = "Sns", "AmazonSimpleNotificationService"
	case "ssm":
		c.Name, c.Target = "SSM", "AmazonSSM"
	}
	return c
}

// Call calls an operation. In and out marshal to and from JSON; out is nil
// where nobody wants to know.
func (c Caller) Call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("writing the input of %s: %w", operation, err)
	}
	reply, err := c.call(ctx, operation, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(reply, out)
}

// Call calls the operation whose input, a struct of the SDK's, is given.
func Call[Out, In any](ctx context.Context, c Caller, in *In) (*Out, error) {
	plans := newPlanner(&Service{Name: c.Scope, LowerCamel: c.LowerCamel})
	v := reflect.ValueOf(in).Elem()
	operation := strings.TrimSuffix(v.Type().Name(), "Input")
	reply, err := c.call(ctx, operation, appendJSON(nil, v, plans.shape(v.Type())))
	if err != nil {
		return nil, err
	}
	out := new(Out)
	v = reflect.ValueOf(out).Elem()
	if err := decodeJSON(reply, v, plans.shape(v.Type()), new(presence)); err != nil {
		return nil, fmt.Errorf("reading the output of %s: %w", operation, err)
	}
	return out, nil
}

// call returns the reply to an operation's input.
func (c Caller) call(ctx context.Context, operation string, input []byte) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		reply, err := c.exchange(ctx, operation, input)
		if err == nil {
			return reply, nil
		}
		err = &smithy.OperationError{ServiceID: c.Name, OperationName: operation, Err: err}
		if !c.again(ctx, attempt, err) {
			return nil, err
		}
	}
}

// again waits for the time of the next attempt, and reports false where there is
// none.
func (c Caller) again(ctx context.Context, attempt int, err error) bool {
	if c.Retryer == nil || attempt >= c.Retryer.MaxAttempts() || !c.Retryer.IsErrorRetryable(err) {
		return false
	}
	delay, err := c.Retryer.RetryDelay(attempt, err)
	if err != nil {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(delay):
		return true
	}
}

func (c Caller) exchange(ctx context.Context, operation string, input []byte) ([]byte, error) {
	request, err := c.request(ctx, operation, input)
	if err != nil {
		return nil, err
	}
	response, err := c.Config.HTTPClient.Do(request)
	if err != nil {
		return nil, lost(ctx, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, lost(ctx, fmt.Errorf("reading the reply: %w", err))
	}
	if response.StatusCode != http.StatusOK {
		return nil, replyError(response, body)
	}
	return body, nil
}

// lost is the SDK's error of a request that nobody waits for any more, or that
// got lost and can be tried again.
func lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &smithy.CanceledError{Err: err}
	}
	return &smithyhttp.RequestSendError{Err: err}
}

// request makes a signed request.
func (c Caller) request(ctx context.Context, operation string, body []byte) (*http.Request, error) {
	var err error
	method, target := http.MethodPost, "/"
	if binding, ok := exceptionsOf(c.Scope).bindings[operation]; ok {
		if method, target, body, err = bind(binding, body); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, aws.ToString(c.Config.BaseEndpoint)+target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.Target != "" {
		request.Header.Set("Content-Type", "application/x-amz-json-1.1")
		request.Header.Set("X-Amz-Target", c.Target+"."+operation)
	}
	if aws.IsCredentialsProvider(c.Config.Credentials, (*aws.AnonymousCredentials)(nil)) {
		return request, nil
	}
	credentials, err := c.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("getting credentials: %w", err)
	}
	hash := sha256.Sum256(body)
	return request, v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), c.Scope, c.Config.Region, time.Now())
}

// replyError is the error of a reply, as the SDK's clients return it.
func replyError(response *http.Response, body []byte) error {
	var fault struct {
		Type    string `json:"__type"`
		Message string
	}
	if err := json.Unmarshal(body, &fault); err != nil {
		// What stands in front of a service answers pages.
		fault.Type, fault.Message = "UnknownError", response.Status
	}
	name := cmp.Or(fault.Type, response.Header.Get("X-Amzn-Errortype"))
	_, code, qualified := strings.Cut(name, "#")
	if !qualified {
		code = name
	}
	return &awshttp.ResponseError{
		RequestID: response.Header.Get("X-Amzn-Requestid"),
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: response},
			Err:      &smithy.GenericAPIError{Code: code, Message: fault.Message},
		},
	}
}
