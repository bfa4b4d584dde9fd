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
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A Caller calls operations of a service that speaks JSON 1.1 or REST-JSON, with
// inputs and outputs that its user declares. It is for services whose SDK package is too
// large for the few operations that are wanted; its errors are the SDK's.
type Caller struct {
	Config aws.Config // BaseEndpoint, HTTPClient, Region and Credentials are used
	Name   string     // in errors, such as "SSM"
	Scope  string     // in signatures, such as "ssm"
	Target string     // in X-Amz-Target, such as "AmazonSSM"; REST-JSON has none
}

// Call calls an operation. In and out marshal to and from JSON; out is nil
// where nobody wants to know.
func (c Caller) Call(ctx context.Context, operation string, in, out any) error {
	if err := c.call(ctx, operation, in, out); err != nil {
		return &smithy.OperationError{ServiceID: c.Name, OperationName: operation, Err: err}
	}
	return nil
}

func (c Caller) call(ctx context.Context, operation string, in, out any) error {
	request, err := c.request(ctx, operation, in)
	if err != nil {
		return err
	}
	response, err := c.Config.HTTPClient.Do(request)
	if err != nil {
		return &smithy.CanceledError{Err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the reply: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return replyError(response, body)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(body, out)
}

// request makes a signed request.
func (c Caller) request(ctx context.Context, operation string, in any) (*http.Request, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("writing the request: %w", err)
	}
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
		return fmt.Errorf("reading the error of a reply: %w", err)
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
