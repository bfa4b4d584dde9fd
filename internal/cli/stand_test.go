package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A stand stands between the program and the engine in the place of what the
// engine has not, such as quotas and networks, and of AWS on a bad day. It keeps
// what was asked for.
type stand struct {
	engine, own string // hosts and ports

	mu      sync.Mutex
	answers map[string][]answer // by action; the last one stays
	asked   map[string]int
}

// An answer is what an action gets in the engine's place.
type answer struct {
	status int // 0: 200
	body   string
	cut    bool   // the connection, in its place
	lost   bool   // the engine's, on its way back
	pass   bool   // to the engine
	until  string // this action is asked for; empty: once
}

// newStand serves an engine without containers, and puts a stand before it.
func newStand(t *testing.T) (*cloud, *stand) {
	t.Helper()
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	c := newServed(t)
	s := &stand{engine: c.registry, answers: map[string][]answer{}, asked: map[string]int{}}
	server := httptest.NewServer(s)
	c.Cleanup(server.Close)
	s.own = strings.TrimPrefix(server.URL, "http://")
	c.registry = s.own
	return c, s
}

// answer has actions answered, until the test ends that is given.
func (s *stand) answer(t *testing.T, answers map[string][]answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers, s.asked = maps.Clone(answers), map[string]int{}
	t.Cleanup(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answers = map[string][]answer{}
	})
}

// actions lists what was asked for since the last answer.
func (s *stand) actions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.asked))
}

func (s *stand) count(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[action]
}

func (s *stand) next(actions []string) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, action := range append(actions, "*") {
		s.asked[action]++
		left := s.answers[action]
		for len(left) > 1 && left[0].until != "" && s.asked[left[0].until] > 0 {
			left = left[1:]
			s.answers[action] = left
		}
		if len(left) > 1 && left[0].until == "" {
			s.answers[action] = left[1:]
		}
		if len(left) > 0 && !left[0].pass {
			return left[0], true
		}
	}
	return answer{}, false
}

func (s *stand) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	actions := actionsOf(r, body)
	a, ok := s.next(actions)
	switch {
	case !ok:
		s.pass(w, r, body, strings.HasPrefix(actions[0], "cloudformation:"))
	case a.cut:
		panic(http.ErrAbortHandler)
	case a.lost:
		s.pass(httptest.NewRecorder(), r, body, false)
		panic(http.ErrAbortHandler)
	default:
		if a.status != 0 {
			w.WriteHeader(a.status)
		}
		_, _ = io.WriteString(w, a.body)
	}
}

// pass has the engine answer. The outputs of a stack name the engine's registry,
// which is asked here too.
func (s *stand) pass(w http.ResponseWriter, r *http.Request, body []byte, outputs bool) {
	answer := httptest.NewRecorder()
	(&faulty{engine: "http://" + s.engine}).pass(answer, r, body)
	text := answer.Body.Bytes()
	if outputs {
		text = bytes.ReplaceAll(text, []byte(s.engine), []byte(s.own))
	}
	for name, values := range answer.Header() {
		if name != "Content-Length" || r.Method == http.MethodHead {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(text)
}

// fault is an error as the JSON services tell it, and formFault as those do that
// take forms.
func fault(code, message string) answer {
	return answer{status: http.StatusBadRequest, body: fmt.Sprintf(`{"__type": %q, "message": %q}`, code, message)}
}

func formFault(code, message string) answer {
	return answer{status: http.StatusBadRequest, body: fmt.Sprintf(
		"<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>", code, message)}
}

// What services are called in policies.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
var (
	targets = map[string]string{
		"AmazonSQS": "sqs", "AmazonEC2ContainerServiceV20141113": "ecs", "Logs_20140328": "logs", "AnyScaleFrontendService": "application-autoscaling",
		"AmazonEC2ContainerRegistry_V20150921": "ecr", "ServiceQuotasV20190624": "servicequotas",
	}
	versions = map[string]string{
		"2010-05-15": "cloudformation", "2011-06-15": "sts", "2010-08-01": "cloudwatch", "2016-11-15": "ec2", "2010-05-08": "iam", "2010-03-31": "sns",
	}
)

// actionsOf are the actions that a request needs, as policies name them.
func actionsOf(r *http.Request, body []byte) []string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		service, operation, _ := strings.Cut(target, ".")
		return []string{targets[service] + ":" + strings.TrimSuffix(operation, "Batch")}
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, _ := url.ParseQuery(string(body))
		return []string{versions[form.Get("Version")] + ":" + form.Get("Action")}
	}
	if strings.HasPrefix(r.URL.Path, "/v2/") {
		return registryActions(r)
	}
	return objectActions(r, body)
}

// registryActions are those that a registry's clients need.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
func registryActions(r *http.Request) []string {
	switch {
	case r.URL.Path == "/v2/":
		return []string{"ecr:GetAuthorizationToken"}
	case strings.Contains(r.URL.Path, "/manifests/") && r.Method == http.MethodPut:
		return []string{"ecr:PutImage"}
	case strings.Contains(r.URL.Path, "/manifests/"):
		return []string{"ecr:BatchGetImage"}
	case r.Method == http.MethodHead:
		return []string{"ecr:BatchCheckLayerAvailability"}
	case r.Method == http.MethodGet:
		return []string{"ecr:GetDownloadUrlForLayer"}
	case r.Method == http.MethodPost:
		return []string{"ecr:InitiateLayerUpload"}
	case r.Method == http.MethodPatch:
		return []string{"ecr:UploadLayerPart"}
	}
	return []string{"ecr:CompleteLayerUpload"}
}

// objectActions are those of S3.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
func objectActions(r *http.Request, body []byte) []string {
	query := r.URL.Query()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case key == "" && r.Method == http.MethodGet:
		return []string{"s3:ListBucket"}
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return []string{"s3:GetObject"}
	case r.Method == http.MethodPost && query.Has("delete"):
		return []string{"s3:DeleteObject"}
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		return []string{"s3:AbortMultipartUpload"}
	case r.Method == http.MethodDelete:
		return []string{"s3:DeleteObject"}
	case r.Header.Get("X-Amz-Copy-Source") != "":
		return []string{"s3:GetObject", "s3:PutObject"}
	case r.Method == http.MethodPut || bytes.Contains(body, []byte("CompleteMultipartUpload")) || query.Has("uploads"):
		return []string{"s3:PutObject"}
	}
	return []string{"s3:" + r.Method + " " + r.URL.RequestURI()}
}

// saysInOneLine wants a fact in one line, and a hint below it, of what a
// command told on its way out.
func (c *cloud) saysInOneLine(t *testing.T, said string, fact, hint string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(said), "\n")
	at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "spate: ") })
	if at < 0 || at != len(lines)-2 {
		t.Errorf("got\n%s\nwant it to end with one line of fact and one of hint", said)
		return
	}
	for i, want := range []string{fact, "^hint: .*" + hint} {
		if !regexp.MustCompile(want).MatchString(lines[at+i]) {
			t.Errorf("got the line\n%s\nwant %q in it", lines[at+i], want)
		}
	}
}
