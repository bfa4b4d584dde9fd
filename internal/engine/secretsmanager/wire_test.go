package secretsmanager_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/wire"
)

// TestWire sends requests as they are on the network, one after the other.
func TestWire(t *testing.T) {
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{service(t, t.TempDir()).Wire()}})
	times := regexp.MustCompile(`Date":[0-9.]+`)
	arns := regexp.MustCompile(`secret:s-[A-Za-z0-9]{6}`)
	const named = `"ARN":"arn:aws:secretsmanager:us-east-1:000000000000:secret:s-R"`
	const token = "00000000-0000-0000-0000-000000000001"
	for _, step := range []struct {
		operation, body, want string
		status                int
	}{
		{"CreateSecret", `{"Name":"s","SecretString":"v"}`, `{"__type":"InvalidParameterException","message":"You must provide a ClientRequestToken value. We recommend a UUID-type value."}`, 400},
		{"CreateSecret", `{"Name":"s","SecretString":"v","ClientRequestToken":"` + token + `"}`, `{` + named + `,"Name":"s","VersionId":"` + token + `"}`, 200},
		{"GetSecretValue", `{"SecretId":"s"}`, `{` + named + `,"CreatedDate":T,"Name":"s","SecretString":"v","VersionId":"` + token + `","VersionStages":["AWSCURRENT"]}`, 200},
		{"DescribeSecret", `{"SecretId":"s"}`, `{` + named + `,"CreatedDate":T,"LastAccessedDate":T,"LastChangedDate":T,"Name":"s","VersionIdsToStages":{"` + token + `":["AWSCURRENT"]}}`, 200},
		{"GetSecretValue", `{"SecretId":"none"}`, `{"__type":"ResourceNotFoundException","message":"Secrets Manager can't find the specified secret."}`, 400},
		{"DeleteSecret", `{"SecretId":"s"}`, `{` + named + `,"DeletionDate":T,"Name":"s"}`, 200},
		{"RestoreSecret", `{"SecretId":"s"}`, `{` + named + `,"Name":"s"}`, 200},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(step.body))
		r.Header.Set("X-Amz-Target", "secretsmanager."+step.operation)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := arns.ReplaceAllString(times.ReplaceAllString(w.Body.String(), `Date":T`), "secret:s-R")
		if diff := cmp.Diff(step.want, got); diff != "" || w.Code != step.status {
			t.Errorf("%s %s: status %d, want %d (-want +got):\n%s", step.operation, step.body, w.Code, step.status, diff)
		}
	}
}
