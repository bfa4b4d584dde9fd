package wire

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Call calls an operation as a request would, and returns the SDK's output. It
// is for services that invoke any operation by its name: the name's case does
// not matter, and the input is JSON whose members are named as in the SDKs,
// beginning with a capital, or as on the wire.
func (s *Service) Call(ctx context.Context, name string, input []byte) (output any, err error) {
	var op *operation
	for known := range maps.Values(s.operations) {
		if strings.EqualFold(known.name, name) {
			op = known
		}
	}
	if op == nil {
		return nil, unknownOperation(s.Name + ":" + name)
	}
	p := newPlanner(&Service{Name: s.Name})
	p.special.renamed, p.anyCase = nil, true
	v := reflect.New(op.input)
	c := &call{id: newRequestID()}
	if err := decodeJSON(input, v.Elem(), p.shape(op.input), &c.present); err != nil {
		return nil, Faultf("SerializationException", "%v", err)
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("calling %s of %s: panic: %v", op.name, s.Name, cause)
		}
	}()
	return op.handler(context.WithValue(ctx, callKey{}, c), v.Interface())
}

// lower gives a name a small first letter.
func lower(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}
