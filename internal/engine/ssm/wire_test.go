package ssm_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/engine/ssm"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// TestWire sends requests as they are on the network, one after the other.
func TestWire(t *testing.T) {
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "spate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	service, err := ssm.New(t.Context(), ssm.Config{Store: db, Account: account})
	if err != nil {
		t.Fatal(err)
	}
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{service.Wire()}})
	time := regexp.MustCompile(`"LastModifiedDate":[0-9.]+`)
	const arn = `"ARN":"arn:aws:ssm:us-east-1:000000000000:parameter/a/b"`
	for _, step := range []struct {
		operation, body, want string
		status                int
	}{
		{"PutParameter", `{"Name":"/a/b","Value":"v","Type":"String","Description":"d"}`, `{"Tier":"Standard","Version":1}`, 200},
		{"PutParameter", `{"Name":"/a/b","Value":"v","Type":"String"}`, `{"__type":"ParameterAlreadyExists","message":"The parameter already exists. To overwrite this value, set the overwrite option in the request to true."}`, 400},
		{"GetParameter", `{"Name":"/a/b"}`, `{"Parameter":{` + arn + `,"DataType":"text","LastModifiedDate":T,"Name":"/a/b","Type":"String","Value":"v","Version":1}}`, 200},
		{"GetParameter", `{"Name":"/a/b:1"}`, `{"Parameter":{` + arn + `,"DataType":"text","LastModifiedDate":T,"Name":"/a/b","Selector":":1","Type":"String","Value":"v","Version":1}}`, 200},
		{"GetParameter", `{"Name":"/none"}`, `{"__type":"ParameterNotFound","message":""}`, 400},
		{"GetParameters", `{"Names":["/none"]}`, `{"InvalidParameters":["/none"],"Parameters":[]}`, 200},
		{"DescribeParameters", `{}`, `{"Parameters":[{` + arn + `,"DataType":"text","Description":"d","LastModifiedDate":T,"LastModifiedUser":"arn:aws:iam::000000000000:root","Name":"/a/b","Policies":[],"Tier":"Standard","Type":"String","Version":1}]}`, 200},
		{"DescribeParameters", `{"ParameterFilters":[{"Key":"Size","Values":["1"]}]}`, `{"__type":"InvalidFilterKey","message":"The following filter key is not valid: Size. Valid filter keys include: [Path, Name, Type, KeyId, Tier, DataType]."}`, 400},
		{"ListTagsForResource", `{"ResourceType":"Parameter","ResourceId":"/a/b"}`, `{"TagList":[]}`, 200},
		{"DeleteParameter", `{"Name":"/a/b"}`, `{}`, 200},
		{"LabelParameterVersion", `{"Name":"/a/b"}`, `{"__type":"UnknownOperationException"`, 400},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(step.body))
		r.Header.Set("X-Amz-Target", "AmazonSSM."+step.operation)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := time.ReplaceAllString(w.Body.String(), `"LastModifiedDate":T`)
		if step.operation == "LabelParameterVersion" {
			got = got[:min(len(got), len(step.want))]
		}
		if diff := cmp.Diff(step.want, got); diff != "" || w.Code != step.status {
			t.Errorf("%s %s: status %d, want %d (-want +got):\n%s", step.operation, step.body, w.Code, step.status, diff)
		}
	}
}
