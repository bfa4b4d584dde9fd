package wire

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxBody bounds a request's body, compressed and not, in all protocols but
// S3's: an SQS message of 1 MiB with every byte escaped, and some room.
const maxBody = 4 << 20

// Config is what a handler serves, and to whom.
type Config struct {
	Services []*Service
	// Objects serves what is addressed to S3, verified; nil where there is
	// none. Bodies that come in signed chunks reach it as they are.
	Objects http.Handler
	// Keys sign the requests that are let in; nil lets every request in.
	Keys *Keys
	Log  *slog.Logger // nil discards
}

// NewHandler returns the handler that speaks AWS's protocols for the services.
func NewHandler(c Config) http.Handler {
	h := &handler{
		objects:   c.Objects,
		log:       cmp.Or(c.Log, slog.New(slog.DiscardHandler)),
		byTarget:  map[string]*server{},
		byVersion: map[string]*server{},
		byCBOR:    map[string]*server{},
		byName:    map[string]*server{},
	}
	if c.Keys != nil {
		h.verifier = newVerifier(c.Keys)
	}
	for _, service := range c.Services {
		s := &server{Service: service, planner: newPlanner(service)}
		h.byTarget[service.Target] = s
		h.byVersion[service.QueryVersion] = s
		h.byCBOR[service.CBOR] = s
		h.byName[service.Name] = s
	}
	delete(h.byTarget, "")
	delete(h.byVersion, "")
	delete(h.byCBOR, "")
	return h
}

type handler struct {
	objects  http.Handler
	verifier *verifier // nil lets every request in
	log      *slog.Logger

	byTarget, byVersion, byCBOR, byName map[string]*server
}

// A server is a service as a handler serves it.
type server struct {
	*Service
	planner *planner
}

// A codec is one of the protocols.
type codec interface {
	// route finds who answers a request. It returns the server also when only
	// the operation is unknown.
	route(h *handler, r *http.Request, body []byte) (*server, *operation, *Fault)
	decode(body []byte, v reflect.Value, s *shape, p *presence) error
	appendReply(b []byte, x *exchange, v reflect.Value, s *shape) []byte
	appendFault(b []byte, x *exchange, f *Fault) []byte
	malformed(err error) *Fault
	refuse(d *denial) *Fault
	header(x *exchange) // sets what a reply's header has beside the request's id
}

// An exchange is one request and its reply.
type exchange struct {
	call
	codec
	handler   *handler
	w         http.ResponseWriter
	r         *http.Request
	server    *server // nil until it is known
	operation *operation
}

// A call is what an operation's function may ask about its request.
type call struct {
	id        string
	token     string // of temporary credentials
	trace     string // the X-Ray header
	host      string // that the client asked; empty in this process
	anonymous bool   // nobody signed it, where somebody could have
	present   presence
}

type callKey struct{}

// Host returns the host, with its port, that the client of ctx's request asked,
// and may be told to ask again; empty is no other than this process.
func Host(ctx context.Context) string {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return ""
	}
	return c.host
}

// Present tells whether a member was in the request that ctx belongs to. The
// path is of Go names, such as "DelaySeconds" or "Entries[0].DelaySeconds".
// Members below a map are not noted.
func Present(ctx context.Context, path string) bool {
	c, ok := ctx.Value(callKey{}).(*call)
	return ok && c.present.has(path)
}

// RequestID returns the id of the request that ctx belongs to.
func RequestID(ctx context.Context) string {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return ""
	}
	return c.id
}

// Anonymous tells whether nobody signed the request that ctx belongs to, though
// the engine looks at signatures.
func Anonymous(ctx context.Context) bool {
	c, ok := ctx.Value(callKey{}).(*call)
	return ok && c.anonymous
}

// SessionToken returns the session token of the credentials that signed the
// request that ctx belongs to, or nothing. Any token is let in.
func SessionToken(ctx context.Context) string {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return ""
	}
	return c.token
}

// TraceID returns the X-Ray trace header of the request that ctx belongs to, or
// nothing. It is not signed.
func TraceID(ctx context.Context) string {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return ""
	}
	return c.trace
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{handler: h, w: w, r: r, call: call{id: newRequestID(), token: r.Header.Get("X-Amz-Security-Token"), trace: r.Header.Get("X-Amzn-Trace-Id")}}
	if r.Host != inProcess {
		x.host = r.Host
	}
	signature, denied := readSignature(r)
	x.codec = h.codecOf(r, signature)
	if x.codec == nil {
		x.serveObject(signature, denied)
		return
	}
	w.Header().Set("X-Amzn-Requestid", x.id)
	if fault := x.serve(signature, denied); fault != nil {
		x.reply(fault.status(), func(b []byte) []byte { return x.appendFault(b, x, fault) })
	}
}

// newRequestID returns a random UUID.
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	id := hex.EncodeToString(b[:])
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// codecOf tells a request's protocol; nil is S3's.
func (h *handler) codecOf(r *http.Request, s *signature) codec {
	if s != nil {
		if s.service == "s3" {
			return nil
		}
		if server := h.byName[s.service]; server != nil && len(server.planner.special.bindings) > 0 {
			return &restCodec{server: server}
		}
	}
	switch {
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return cborCodec{}
	case r.Header.Get("X-Amz-Target") != "":
		return jsonCodec{}
	case isForm(r):
		return &queryCodec{}
	}
	return nil
}

// isForm tells a request of the Query protocol, whose form is the body of a
// POST or the query of a GET.
func isForm(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost:
		return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	case http.MethodGet:
		return strings.Contains(r.URL.RawQuery, "Action=") && r.URL.Query().Has("Action")
	}
	return false
}

// serve answers a request, or returns what is to be answered in its place.
func (x *exchange) serve(s *signature, denied *denial) *Fault {
	signed, err := readBody(x.r.Body, x.r.ContentLength)
	if err != nil {
		return bodyFault(err)
	}
	body, err := plainBody(x.r, signed)
	if err != nil {
		return bodyFault(err)
	}
	var unknown *Fault
	x.server, x.operation, unknown = x.route(x.handler, x.r, body)
	if d := x.authorize(s, denied, signed); d != nil {
		return x.refuse(d)
	}
	if unknown != nil {
		return unknown
	}
	input := reflect.New(x.operation.input)
	shape := x.server.planner.shape(x.operation.input)
	if err := x.decode(body, input.Elem(), shape, &x.present); err != nil {
		return x.malformed(err)
	}
	output, fault := x.answer(input.Interface())
	if fault != nil {
		return fault
	}
	v := reflect.ValueOf(output)
	if v.IsNil() {
		v = reflect.New(x.operation.output)
	}
	x.reply(http.StatusOK, func(b []byte) []byte {
		return x.appendReply(b, x, v.Elem(), x.server.planner.shape(x.operation.output))
	})
	return nil
}

// authorize lets a request in, or says why not.
func (x *exchange) authorize(s *signature, denied *denial, body []byte) *denial {
	switch {
	case x.handler.verifier == nil:
		return nil
	case denied != nil:
		return denied
	case s == nil:
		if x.operation != nil && slices.Contains(x.server.planner.special.unsigned, x.operation.name) {
			x.call.anonymous = true
			return nil
		}
		return &denial{why: anonymous}
	}
	hash := sha256.Sum256(body)
	if d := x.handler.verifier.verify(x.r, s, hex.EncodeToString(hash[:])); d != nil {
		return d
	}
	if x.server != nil && s.service != x.server.Name {
		return deny(mismatch, "Credential should be scoped to correct service: '%s'. ", x.server.Name)
	}
	return nil
}

// answer calls the operation's function. What goes wrong there that AWS has no
// name for goes to the log, and the client hears of an internal failure.
func (x *exchange) answer(input any) (output any, fault *Fault) {
	defer func() {
		if cause := recover(); cause != nil {
			fault = x.internal(fmt.Errorf("panic: %v", cause), slog.String("stack", string(debug.Stack())))
		}
	}()
	ctx := context.WithValue(x.r.Context(), callKey{}, &x.call)
	output, err := x.operation.handler(ctx, input)
	if err == nil {
		return output, nil
	}
	if fault, ok := errors.AsType[*Fault](err); ok {
		return nil, fault
	}
	return nil, x.internal(err)
}

func (x *exchange) internal(cause error, attrs ...slog.Attr) *Fault {
	if x.r.Context().Err() == nil { // else nobody waits for the reply
		attrs = append(attrs,
			slog.String("service", x.server.Name), slog.String("operation", x.operation.name),
			slog.String("request", x.id), slog.Any("cause", cause))
		x.handler.log.LogAttrs(x.r.Context(), slog.LevelError, "operation failed", attrs...)
	}
	return &Fault{
		Code:    "InternalFailure",
		Message: "The request processing has failed because of an unknown error, exception or failure.",
		Status:  http.StatusInternalServerError,
	}
}

// keptBuffer bounds the buffers that wait for another reply.
const keptBuffer = 64 << 10

// buffers are those of bodies on their way out.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// reply writes the status and what body appends.
func (x *exchange) reply(status int, body func([]byte) []byte) {
	buffer := buffers.Get().(*[]byte)
	defer func() {
		if cap(*buffer) <= keptBuffer {
			buffers.Put(buffer)
		}
	}()
	x.header(x)
	*buffer = body((*buffer)[:0])
	x.w.Header().Set("Content-Length", strconv.Itoa(len(*buffer)))
	x.w.WriteHeader(status)
	x.w.Write(*buffer) // an error is the client's, who has gone
}

var errTooLarge = errors.New("request body is too large")

// readBody reads at most maxBody bytes, and about size of them where that is
// known.
func readBody(from io.Reader, size int64) ([]byte, error) {
	var body bytes.Buffer
	if 0 < size && size <= maxBody {
		body.Grow(int(size) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(io.LimitReader(from, maxBody+1)); err != nil {
		return nil, fmt.Errorf("reading request body: %w", err)
	}
	if body.Len() > maxBody {
		return nil, errTooLarge
	}
	return body.Bytes(), nil
}

// plainBody undoes a body's compression, which its signature includes.
func plainBody(r *http.Request, body []byte) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return body, nil
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("decompressing request body: %w", err)
	}
	return readBody(unzipped, 0)
}

func bodyFault(err error) *Fault {
	if errors.Is(err, errTooLarge) {
		return &Fault{
			Code:    "RequestEntityTooLargeException",
			Message: fmt.Sprintf("The request is larger than %d bytes", maxBody),
			Status:  http.StatusRequestEntityTooLarge,
		}
	}
	return Faultf("SerializationException", "%v", err)
}
