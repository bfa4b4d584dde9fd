package wire

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Service is one AWS service: how its requests are addressed, how its
// members are spelled, and the operations that are there. Its fields are set
// before it serves and do not change.
type Service struct {
	// Name is the service's name in a SigV4 credential scope, such as "sqs"
	// or "monitoring". Its exceptions are found by it.
	Name string
	// Target is the prefix of X-Amz-Target in the JSON protocols, such as
	// "AmazonSQS"; empty when the service does not speak JSON.
	Target string
	// JSONVersion is "1.0" or "1.1".
	JSONVersion string
	// QueryVersion is the API version of the Query protocol, such as
	// "2010-05-15"; empty when the service does not speak Query.
	QueryVersion string
	// Namespace is the XML namespace of Query replies.
	Namespace string
	// CBOR is the service's name in rpc-v2-cbor request paths, such as
	// "GraniteServiceVersion20100801"; empty when the service does not speak it.
	CBOR string
	// LowerCamel says that members begin with a lower-case letter on the wire.
	LowerCamel bool

	operations map[string]*operation
}

// An operation is one action of a service, bound to its handler.
type operation struct {
	name    string
	input   reflect.Type // a struct of the SDK, such as sqs.SendMessageInput
	output  reflect.Type
	handler func(ctx context.Context, input any) (output any, err error)
}

// Handle binds an operation to the function that answers it. In and Out are
// the SDK's own input and output structs; the operation's name is In's without
// "Input". A function answers AWS's errors as a [*Fault]; any other error
// becomes InternalFailure and is logged.
func Handle[In, Out any](s *Service, answer func(context.Context, *In) (*Out, error)) {
	input := reflect.TypeFor[In]()
	name, ok := strings.CutSuffix(input.Name(), "Input")
	if !ok {
		panic(fmt.Sprintf("wire: %s is not an operation's input", input))
	}
	if s.operations == nil {
		s.operations = map[string]*operation{}
	}
	s.operations[name] = &operation{
		name:   name,
		input:  input,
		output: reflect.TypeFor[Out](),
		handler: func(ctx context.Context, input any) (any, error) {
			return answer(ctx, input.(*In))
		},
	}
}

// Operations lists the names of the operations that are there, sorted.
func (s *Service) Operations() []string {
	var names []string
	for name := range s.operations {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
