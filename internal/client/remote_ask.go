package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/spate-run/spate/internal/wire"
)

// domain is what the names of a region's services end in.
// https://docs.aws.amazon.com/general/latest/gr/rande.html
func domain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// caller calls a JSON service at a host of AWS's, or at what stands in for all.
func caller(cfg aws.Config, c wire.Caller, host string) wire.Caller {
	c.Config = cfg
	if cfg.BaseEndpoint == nil {
		c.Config.BaseEndpoint = new("https://" + host + "." + cfg.Region + "." + domain(cfg.Region))
	}
	return c
}

// patiently tries again what AWS throttles and what gets lost, as the SDK's
// clients do by themselves.
func patiently(ctx context.Context, most int, try func() error) error {
	standard := retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = most })
	for attempt := 1; ; attempt++ {
		err := try()
		if err == nil || attempt == most || ctx.Err() != nil || !standard.IsErrorRetryable(err) {
			return err
		}
		delay, _ := standard.RetryDelay(attempt, err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(delay):
		}
	}
}

// attempts is how often a request is made at most.
func (a *AWS) attempts() int { return cmp.Or(a.config.RetryMaxAttempts, attempts) }

// A query is a call of a service that takes forms and answers XML, of whose SDK
// client too little is wanted for its size.
type query struct {
	host, scope, version, action string
	region                       string // where it is not the configuration's
	input                        url.Values
	attempts                     int // 0: as often as of other calls
}

// ask sends a query and reads the reply into out, by the paths of its tags.
func (a *AWS) ask(ctx context.Context, q query, out any) error {
	err := patiently(ctx, min(cmp.Or(q.attempts, a.attempts()), a.attempts()), func() error { return a.askOnce(ctx, q, out) })
	if err != nil {
		return &smithy.OperationError{ServiceID: strings.ToUpper(q.scope), OperationName: q.action, Err: err}
	}
	return nil
}

func (a *AWS) askOnce(ctx context.Context, q query, out any) error {
	form := url.Values{"Action": {q.action}, "Version": {q.version}}
	for name, values := range q.input {
		form[name] = values
	}
	body := []byte(form.Encode())
	at := "https://" + q.host + "/"
	if a.config.BaseEndpoint != nil {
		at = *a.config.BaseEndpoint
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	credentials, err := a.config.Credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("getting credentials: %w", err)
	}
	region := a.config.Region
	if q.region != "" {
		region = q.region
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(hash[:]), q.scope, region, time.Now()); err != nil {
		return err
	}
	response, err := a.config.HTTPClient.Do(request)
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	if response.StatusCode != http.StatusOK {
		return askError(response, text)
	}
	if err := xml.Unmarshal(text, out); err != nil {
		return fmt.Errorf("reading the reply: %w", err)
	}
	return nil
}

// askError is the error of a reply, in the form of EC2 or of the others.
func askError(response *http.Response, text []byte) error {
	type fault struct {
		Code    string
		Message string
	}
	var said struct {
		Error  fault   `xml:"Error"`
		Errors []fault `xml:"Errors>Error"`
	}
	_ = xml.Unmarshal(text, &said) // else the status has to do
	if len(said.Errors) > 0 {
		said.Error = said.Errors[0]
	}
	if said.Error.Code == "" {
		said.Error = fault{Code: "UnknownError", Message: response.Status}
	}
	return &awshttp.ResponseError{
		RequestID: response.Header.Get("X-Amzn-Requestid"),
		ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: response},
			Err:      &smithy.GenericAPIError{Code: said.Error.Code, Message: said.Error.Message},
		},
	}
}
