package wire

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// queryCodec speaks the Query protocol: the operation and its members in a
// form, replies in XML.
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
type queryCodec struct{ form *form }

func (q *queryCodec) route(h *handler, r *http.Request, body []byte) (*server, *operation, *Fault) {
	q.form = &form{}
	for _, text := range []string{r.URL.RawQuery, string(body)} {
		if err := q.form.parse(text); err != nil {
			return nil, nil, &Fault{Code: "MalformedQueryString", Message: err.Error(), Status: http.StatusNotFound}
		}
	}
	s, fault := q.server(h, r)
	if fault != nil {
		return s, nil, fault
	}
	action := q.form.text("Action")
	if action == "" {
		return s, nil, Faultf("MissingAction", "The request is missing an action or a required parameter.")
	}
	op := s.operations[action]
	if op == nil {
		return s, nil, s.unknownAction(action)
	}
	if len(r.URL.Path) > 1 && slices.Contains(s.planner.special.rootOnly, action) {
		return s, nil, s.unknownAction(action)
	}
	q.form.addQueue(r.URL.Path)
	return s, op, nil
}

// unknownAction is the fault of an action that there is not at an endpoint.
func (s *server) unknownAction(action string) *Fault {
	if len(s.planner.special.rootOnly) > 0 { // whose queues are endpoints
		return Faultf("InvalidAction", "The action %s is not valid for this endpoint.", action)
	}
	return Faultf("InvalidAction", "Could not find operation %s for version %s", action, s.QueryVersion)
}

// isQueue says whether a path is that of a queue's URL: /account/name.
func isQueue(path string) bool {
	account, name, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return ok && len(account) == 12 && strings.Trim(account, "0123456789") == "" && name != ""
}

// server finds a request's service by its Version or, where that is missing,
// by whom it is signed for, or by the queue that it goes to.
func (q *queryCodec) server(h *handler, r *http.Request) (*server, *Fault) {
	version := q.form.text("Version")
	if s := h.byVersion[version]; s != nil {
		return s, nil
	}
	if version == "" {
		if signature, _ := readSignature(r); signature != nil {
			if s := h.byName[signature.service]; s != nil && s.QueryVersion != "" {
				return s, nil
			}
		}
		if s := h.byName["sqs"]; s != nil && isQueue(r.URL.Path) {
			return s, nil
		}
	}
	return nil, Faultf("NoSuchVersion", "The requested version ( %s ) is not valid.", version)
}

func (q *queryCodec) decode(_ []byte, v reflect.Value, s *shape, p *presence) error {
	d := queryDecoder{present: p}
	return d.structure(q.form, v, s)
}

func (*queryCodec) malformed(err error) *Fault { return Faultf("MalformedInput", "%v", err) }

func (*queryCodec) appendReply(b []byte, x *exchange, v reflect.Value, s *shape) []byte {
	name := x.operation.name
	b = fmt.Appendf(b, `<%sResponse xmlns="%s">`, name, x.server.Namespace)
	b = appendXMLElement(b, name+"Result", v, s)
	b = append(b, "<ResponseMetadata>"...)
	b = appendElement(b, "RequestId", x.id)
	return fmt.Appendf(b, "</ResponseMetadata></%sResponse>\n", name)
}

func (*queryCodec) appendFault(b []byte, x *exchange, f *Fault) []byte {
	namespace := "http://webservices.amazon.com/AWSFault/2005-15-09"
	if x.server != nil {
		namespace = x.server.Namespace
	}
	b = fmt.Appendf(b, `<ErrorResponse xmlns="%s"><Error>`, namespace)
	b = appendElement(b, "Type", f.blames())
	b = appendElement(b, "Code", f.queryCode())
	b = appendElement(b, "Message", cmp.Or(f.QueryMessage, f.Message))
	if x.server != nil && x.server.planner.special.detailed {
		b = append(b, "<Detail></Detail>"...)
	}
	b = append(b, "</Error>"...)
	b = appendElement(b, "RequestId", x.id)
	return append(b, "</ErrorResponse>\n"...)
}

func (*queryCodec) refuse(d *denial) *Fault { return d.queryFault() }

func (*queryCodec) header(x *exchange) { x.w.Header().Set("Content-Type", "text/xml") }
