package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/client"
	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/job"
)

// The engines that commands talk to.
const (
	onLocal = "local"
	onAWS   = "aws"
)

// envOn names the engine where no flag does.
const envOn = "SPATE_ON"

// A target is the engine that a command talks to.
type target struct {
	on     string // "local" or "aws"
	remote client.Remote
}

// registerPlace adds the flags that choose an engine to commands.
func (a *app) registerPlace(commands ...*cobra.Command) {
	for _, cmd := range commands {
		flags := cmd.Flags()
		flags.Var(&placeValue{&a.place.on}, "on", "the engine: local, which is embedded, or aws (default: $"+envOn+", else the job file's, else local)")
		flags.StringVar(&a.place.remote.Profile, "profile", "", "AWS: a `name` in ~/.aws/config (default: $AWS_PROFILE)")
		flags.StringVar(&a.place.remote.Region, "region", "", "AWS: the `region` (default: $AWS_REGION, else the profile's)")
		flags.StringVar(&a.place.remote.Endpoint, "endpoint-url", "", "AWS: the `URL` of what stands in for it")
		mustComplete(cmd, "on", cobra.FixedCompletions([]string{onLocal, onAWS}, cobra.ShellCompDirectiveNoFileComp))
		earlier := cmd.PreRunE
		cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
			if err := a.settlePlace(cmd, args); err != nil || earlier == nil {
				return err
			}
			return earlier(cmd, args)
		}
	}
}

// placeFlags are the flags that choose an engine.
var placeFlags = [...]string{"on", "profile", "region", "endpoint-url"}

// settlePlace takes what no flag says from the environment, or else from the
// job file of the folder.
func (a *app) settlePlace(cmd *cobra.Command, args []string) error {
	for _, name := range placeFlags {
		if cmd.Flags().Changed(name) {
			a.placed += " --" + name + " " + shellQuote([]string{cmd.Flags().Lookup(name).Value.String()})
		}
	}
	if on := os.Getenv(envOn); a.place.on == "" && on != "" {
		if err := (&placeValue{&a.place.on}).Set(on); err != nil {
			return &usageError{err: &hintedError{fact: fmt.Sprintf("%s is %q: %v", envOn, on, err), hint: "export " + envOn + "=" + onLocal}}
		}
	}
	if a.place.on == "" {
		folder := "."
		if strings.Contains(cmd.Use, "[FOLDER]") && len(args) == 1 {
			folder = args[0]
		}
		if j, err := job.Load(folder); err == nil { // else it is told where the job is needed
			a.place.on = j.On
		}
	}
	if a.place.on == onAWS {
		return nil
	}
	for _, name := range placeFlags[1:] {
		if cmd.Flags().Changed(name) {
			return &usageError{err: &hintedError{fact: "--" + name + " is for AWS, and the engine is the embedded one", hint: "add --on aws, or leave it out"}}
		}
	}
	return nil
}

// A placeValue refuses engines that there are not.
type placeValue struct{ on *string }

func (v *placeValue) String() string {
	if v.on == nil { // as pflag asks for the zero value
		return ""
	}
	return *v.on
}
func (v *placeValue) Type() string { return "engine" }

func (v *placeValue) Set(s string) error {
	if !slices.Contains([]string{onLocal, onAWS}, s) {
		return fmt.Errorf("the engines are %s and %s", onLocal, onAWS)
	}
	*v.on = s
	return nil
}

// withAWS calls use with a session on AWS.
func (a *app) withAWS(ctx context.Context, use func(*client.Session) error) error {
	s, err := client.OnAWS(ctx, a.place.remote)
	if err != nil {
		return err
	}
	return errors.Join(use(s), s.Close(ctx, nil))
}

// awsHint says what to type about AWS.
func awsHint(err error) string {
	if e, ok := errors.AsType[*client.MissingError](err); ok {
		if e.What == "region" {
			return "choose one: --region eu-central-1, or export AWS_REGION=eu-central-1"
		}
		return "log in with `aws configure sso` or `aws sso login`, and name the profile: --profile NAME, or export AWS_PROFILE=NAME"
	}
	if _, ok := errors.AsType[*client.EndpointError](err); ok {
		return "write it as http://127.0.0.1:4566"
	}
	if e, ok := errors.AsType[*deploy.StateError](err); ok {
		return e.Mend()
	}
	if e, ok := errors.AsType[*deploy.FailedError](err); ok {
		return failedHint(e)
	}
	fault, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return networkHint(err)
	}
	switch code := fault.ErrorCode(); {
	case strings.HasPrefix(code, "ExpiredToken"), code == "RequestExpired":
		return "log in again: aws sso login"
	case code == "InvalidClientTokenId", code == "UnrecognizedClientException", code == "SignatureDoesNotMatch":
		return "AWS does not know these credentials; who they are: aws sts get-caller-identity"
	case strings.HasPrefix(code, "AccessDenied"), code == "UnauthorizedOperation":
		return "docs/aws.md lists the permissions that a person needs"
	case strings.HasPrefix(code, "Throttl"), code == "TooManyRequestsException", code == "SlowDown":
		return "AWS was asked too often, also after waiting; try again in a minute"
	case code == "InvalidChangeSetStatus", code == "ChangeSetNotFound", code == "OperationInProgressException", code == "AlreadyExistsException",
		code == "ValidationError" && (strings.Contains(fault.ErrorMessage(), "_IN_PROGRESS state") || strings.Contains(fault.ErrorMessage(), "already exists")):
		return "somebody else changes this stack; when that is over: spate deploy"
	}
	return ""
}

// failedHint says what to type about a stack that came to a bad end.
func failedHint(e *deploy.FailedError) string {
	state := deploy.StateError{Stack: e.Stack, Status: e.Status}
	switch {
	case strings.HasSuffix(string(e.Status), "ROLLBACK_COMPLETE") && len(e.Causes) > 0 && strings.Contains(e.Causes[0].Reason, "already exists"):
		return "spate deploy again: names are made anew each time; where yours is taken, give the job another `name:`"
	case strings.HasSuffix(string(e.Status), "ROLLBACK_COMPLETE"):
		return "the stack is as it was before; mend that, and spate deploy again"
	}
	return state.Mend()
}

// networkHint says what to look at where no answer came.
func networkHint(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok && strings.Contains(e.Name, ".amazonaws.com") {
		return "there is no such address: look at --region, and at the network"
	}
	if _, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return "look at the network, and try again: nothing that was recorded is lost"
	}
	return ""
}
