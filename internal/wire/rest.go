package wire

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// restCodec speaks REST-JSON: the operation in the method and the path, members
// there, in the query string and in a body of JSON. Requests are told by the
// service that they are signed for, so one without a signature is S3's.
// https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
type restCodec struct {
	server *server
	bound  *route
	labels []string // the values of the path's labels
	query  url.Values
}

// A route is how an operation is addressed.
type route struct {
	operation *operation
	method    string
	segments  []string          // of the path; one in braces is a label
	query     map[string]string // parameters, and the members they are
}

// newRoute reads a binding such as "GET /schedules/{Name}?groupName=GroupName".
// A parameter without a member is named like it.
func newRoute(op *operation, binding string) *route {
	method, target, _ := strings.Cut(binding, " ")
	path, query, any := strings.Cut(target, "?")
	r := &route{operation: op, method: method, segments: strings.Split(path, "/"), query: map[string]string{}}
	if !any {
		return r
	}
	for parameter := range strings.SplitSeq(query, "&") {
		name, member, _ := strings.Cut(parameter, "=")
		r.query[name] = cmp.Or(member, name)
	}
	return r
}

// match compares a method and an escaped path's segments.
func (r *route) match(method string, segments []string) (labels []string, ok bool) {
	if r.method != method || len(r.segments) != len(segments) {
		return nil, false
	}
	for i, want := range r.segments {
		if !strings.HasPrefix(want, "{") {
			if want != segments[i] {
				return nil, false
			}
			continue
		}
		label, err := url.PathUnescape(segments[i])
		if err != nil || label == "" {
			return nil, false
		}
		labels = append(labels, label)
	}
	return labels, true
}

// newRoutes are those of the operations that a service has and that have a
// binding.
func newRoutes(s *Service) []*route {
	var routes []*route
	for name, binding := range exceptionsOf(s.Name).bindings {
		if op := s.operations[name]; op != nil {
			routes = append(routes, newRoute(op, binding))
		}
	}
	return routes
}

// bind moves members of an input to where a binding has them.
func bind(binding string, input []byte) (method, target string, body []byte, err error) {
	var members map[string]any
	if err := json.Unmarshal(input, &members); err != nil {
		return "", "", nil, fmt.Errorf("binding an input: %w", err)
	}
	r := newRoute(nil, binding)
	segments := slices.Clone(r.segments)
	for i, segment := range segments {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			segments[i] = url.PathEscape(fmt.Sprint(members[name]))
			delete(members, name)
		}
	}
	query := url.Values{}
	for parameter, member := range r.query {
		switch value := members[member].(type) {
		case nil:
		case []any:
			for _, item := range value {
				query.Add(parameter, fmt.Sprint(item))
			}
		default:
			query.Set(parameter, fmt.Sprint(value))
		}
		delete(members, member)
	}
	target = strings.Join(segments, "/")
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	if r.method == http.MethodGet || r.method == http.MethodDelete {
		return r.method, target, nil, nil
	}
	body, err = json.Marshal(members)
	return r.method, target, body, err
}

func (c *restCodec) route(_ *handler, r *http.Request, _ []byte) (*server, *operation, *Fault) {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	for _, route := range newRoutes(c.server.Service) {
		if labels, ok := route.match(r.Method, segments); ok {
			c.bound, c.labels, c.query = route, labels, r.URL.Query()
			return c.server, route.operation, nil
		}
	}
	return c.server, nil, &Fault{
		Code: "UnknownOperationException", Message: "Unknown operation: " + r.Method + " " + r.URL.Path, Status: http.StatusNotFound,
	}
}

func (c *restCodec) decode(body []byte, v reflect.Value, s *shape, p *presence) error {
	if err := decodeJSON(body, v, s, p); err != nil {
		return err
	}
	labels := c.labels
	for _, segment := range c.bound.segments {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			if err := setText(v, s.byName[strings.TrimSuffix(name, "}")], labels[:1], p); err != nil {
				return err
			}
			labels = labels[1:]
		}
	}
	for parameter, member := range c.bound.query {
		if values := c.query[parameter]; len(values) > 0 {
			if err := setText(v, s.byName[member], values, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// setText sets a member that came as text: a list to all the values, anything
// else to the first.
func setText(v reflect.Value, f *field, values []string, p *presence) error {
	p.leave(p.enter(f.goName))
	member := v.Field(f.index)
	if f.shape.kind == kindList {
		member.Set(reflect.ValueOf(slices.Clone(values)))
		return nil
	}
	member = settle(member, f.shape)
	if f.shape.kind == kindString {
		member.SetString(values[0])
		return nil
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return malformedf("%s can not be converted to an Integer", values[0])
	}
	return setInt(member, n)
}

func (*restCodec) malformed(err error) *Fault { return Faultf("SerializationException", "%v", err) }

func (*restCodec) appendReply(b []byte, _ *exchange, v reflect.Value, s *shape) []byte {
	return appendJSON(b, v, s)
}

func (*restCodec) appendFault(b []byte, x *exchange, f *Fault) []byte {
	x.w.Header().Set("X-Amzn-Errortype", f.Code)
	b = append(b, `{"Message":`...)
	b = appendJSONString(b, f.Message)
	return append(b, '}')
}

func (*restCodec) refuse(d *denial) *Fault {
	f := d.fault()
	f.Status = http.StatusForbidden
	return f
}

func (*restCodec) header(x *exchange) { x.w.Header().Set("Content-Type", "application/json") }
