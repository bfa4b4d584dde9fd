package wire

import (
	"net/http"
	"reflect"
	"strings"
)

// jsonCodec speaks AWS JSON 1.0 and 1.1: the operation in X-Amz-Target, bodies
// of JSON.
// https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
type jsonCodec struct{}

func (jsonCodec) route(h *handler, r *http.Request, _ []byte) (*server, *operation, *Fault) {
	target := r.Header.Get("X-Amz-Target")
	prefix, name, _ := strings.Cut(target, ".")
	s := h.byTarget[prefix]
	if s == nil {
		return nil, nil, unknownOperation(target)
	}
	op := s.operations[name]
	if op == nil {
		return s, nil, unknownOperation(target)
	}
	return s, op, nil
}

func unknownOperation(name string) *Fault {
	return &Fault{Code: "UnknownOperationException", QueryCode: "InvalidAction", Message: "Unknown operation: " + name}
}

func (jsonCodec) decode(body []byte, v reflect.Value, s *shape, p *presence) error {
	return decodeJSON(body, v, s, p)
}

func (jsonCodec) malformed(err error) *Fault {
	return &Fault{Code: "SerializationException", QueryCode: "MalformedInput", Message: err.Error()}
}

func (jsonCodec) appendReply(b []byte, _ *exchange, v reflect.Value, s *shape) []byte {
	return appendJSON(b, v, s)
}

func (jsonCodec) appendFault(b []byte, x *exchange, f *Fault) []byte {
	x.tellQueryCode(f)
	b = append(b, `{"__type":`...)
	b = appendJSONString(b, f.Code)
	b = append(b, `,"message":`...)
	b = appendJSONString(b, f.Message)
	return append(b, '}')
}

// tellQueryCode names a fault also by its old code, for clients that were
// written against the Query protocol of a service that has left it.
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
func (x *exchange) tellQueryCode(f *Fault) {
	if x.server == nil || x.server.QueryVersion == "" || x.r.Header.Get("X-Amzn-Query-Mode") != "true" {
		return
	}
	x.w.Header().Set("X-Amzn-Query-Error", f.queryCode()+";"+f.blames())
}

func (jsonCodec) refuse(d *denial) *Fault { return d.fault() }

func (jsonCodec) header(x *exchange) {
	version := "1.1"
	if x.server != nil {
		version = x.server.JSONVersion
	}
	x.w.Header().Set("Content-Type", "application/x-amz-json-"+version)
}
