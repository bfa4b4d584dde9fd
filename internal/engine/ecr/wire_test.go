package ecr_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/spate-run/spate/internal/engine/ecr"
	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// TestWire sends requests of ECR's API as they are on the network.
func TestWire(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(t.Context(), dir+"/spate.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	service, err := ecr.New(t.Context(), ecr.Config{Store: db, Account: account, Log: logTo(t), Dir: dir + "/images", Endpoint: "http://" + host})
	if err != nil {
		t.Fatal(err)
	}
	h := wire.NewHandler(wire.Config{Services: []*wire.Service{service.Wire()}})
	times := regexp.MustCompile(`"createdAt":[0-9.]+`)
	const repository = `{"createdAt":T,"encryptionConfiguration":{"encryptionType":"AES256"},"imageScanningConfiguration":{"scanOnPush":false},"imageTagMutability":"MUTABLE","registryId":"000000000000","repositoryArn":"arn:aws:ecr:us-east-1:000000000000:repository/app","repositoryName":"app","repositoryUri":"127.0.0.1:4100/app"}`
	for _, step := range []struct {
		operation, body, want string
		status                int
	}{
		{"DescribeRepositories", `{}`, `{"repositories":[]}`, 200},
		{"CreateRepository", `{"repositoryName":"app","tags":[{"Key":"a","Value":"1"}]}`, `{"repository":` + repository + `}`, 200},
		{"DescribeRepositories", `{"repositoryNames":["app"]}`, `{"repositories":[` + repository + `]}`, 200},
		{"ListTagsForResource", `{"resourceArn":"arn:aws:ecr:us-east-1:000000000000:repository/app"}`, `{"tags":[{"Key":"a","Value":"1"}]}`, 200},
		{"ListImages", `{"repositoryName":"app"}`, `{"imageIds":[]}`, 200},
		{"DescribeImages", `{"repositoryName":"none"}`, `{"__type":"RepositoryNotFoundException","message":"The repository with name 'none' does not exist in the registry with id '000000000000'"}`, 400},
		{"BatchGetImage", `{"repositoryName":"app","imageIds":[{"imageTag":"v1"}]}`, `{"failures":[{"failureCode":"ImageNotFound","failureReason":"Requested image not found","imageId":{"imageTag":"v1"}}],"images":[]}`, 200},
		{"DeleteRepository", `{"repositoryName":"app"}`, `{"repository":` + repository + `}`, 200},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(step.body))
		r.Header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+step.operation)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := times.ReplaceAllString(w.Body.String(), `"createdAt":T`)
		if diff := cmp.Diff(step.want, got); diff != "" || w.Code != step.status {
			t.Errorf("%s %s: status %d, want %d (-want +got):\n%s", step.operation, step.body, w.Code, step.status, diff)
		}
	}
}

// TestDistribution sends the requests that docker makes, one after the other.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md
func TestDistribution(t *testing.T) {
	b := open(t, t.TempDir())
	b.create("a/b", "")
	config, err := authn.Authorization(t.Context(), b.login())
	if err != nil {
		t.Fatal(err)
	}
	layer := []byte("hello world")
	sum := sha256.Sum256(layer)
	blob := "sha256:" + hex.EncodeToString(sum[:])
	const manifestType = "application/vnd.oci.image.manifest.v1+json"
	manifest := `{"schemaVersion":2,"mediaType":"` + manifestType + `","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"` + blob + `","size":11},"layers":[]}`
	manifestSum := sha256.Sum256([]byte(manifest))
	digest := "sha256:" + hex.EncodeToString(manifestSum[:])
	location := ""
	for _, step := range []struct {
		method, path, body string
		header             []string
		status             int
		want               string // in the body, or a header as Name: value
	}{
		{"GET", "/v2/", "", nil, 200, "Docker-Distribution-Api-Version: registry/2.0"},
		{"HEAD", "/v2/a/b/blobs/" + blob, "", nil, 404, ""},
		{"POST", "/v2/a/b/blobs/uploads/", "", nil, 202, "Range: 0-0"},
		{"PATCH", "LOCATION", "hello ", []string{"Content-Range", "0-5"}, 202, "Range: 0-5"},
		{"PATCH", "LOCATION", "again", []string{"Content-Range", "0-4"}, 416, "BLOB_UPLOAD_INVALID"},
		{"PUT", "LOCATION?digest=" + blob, "world", nil, 201, "Docker-Content-Digest: " + blob},
		{"PUT", "LOCATION?digest=" + blob, "", nil, 404, "BLOB_UPLOAD_UNKNOWN"},
		{"POST", "/v2/a/b/blobs/uploads/?digest=" + blob, "other", nil, 400, "DIGEST_INVALID"},
		{"HEAD", "/v2/a/b/blobs/" + blob, "", nil, 200, "Content-Length: 11"},
		{"GET", "/v2/a/b/blobs/" + blob, "", []string{"Range", "bytes=6-10"}, 206, "world"},
		{"PUT", "/v2/a/b/manifests/v1", manifest, []string{"Content-Type", "text/plain"}, 400, "MANIFEST_INVALID"},
		{"PUT", "/v2/a/b/manifests/" + blob, manifest, []string{"Content-Type", manifestType}, 400, "DIGEST_INVALID"},
		{"PUT", "/v2/a/b/manifests/v1", manifest, []string{"Content-Type", manifestType}, 201, "Docker-Content-Digest: " + digest},
		{"HEAD", "/v2/a/b/manifests/v1", "", nil, 200, "Docker-Content-Digest: " + digest},
		{"GET", "/v2/a/b/manifests/" + digest, "", nil, 200, manifest},
		{"GET", "/v2/a/b/manifests/v2", "", nil, 404, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"Requested image not found"}]}`},
		{"GET", "/v2/a/b/tags/list", "", nil, 200, `{"name":"a/b","tags":["v1"]}`},
		{"DELETE", "/v2/a/b/manifests/v1", "", nil, 405, "UNSUPPORTED"},
		{"DELETE", "/v2/a/b/blobs/" + blob, "", nil, 405, "UNSUPPORTED"},
		{"GET", "/v2/a/b/blobs/sha256:..%2f..%2fspate.db", "", nil, 404, "NAME_UNKNOWN"},
		{"GET", "/v2/a/b/blobs/sha256:..", "", nil, 400, "NAME_INVALID"},
		{"PATCH", "/v2/a/b/blobs/uploads/..%2f..%2fspate.db", "x", nil, 404, ""},
	} {
		path := strings.Replace(step.path, "LOCATION", location, 1)
		r := httptest.NewRequest(step.method, path, strings.NewReader(step.body))
		r.SetBasicAuth(config.Username, config.Password)
		if step.header != nil {
			r.Header.Set(step.header[0], step.header[1])
		}
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if l := w.Header().Get("Location"); w.Code == http.StatusAccepted {
			location = l
		}
		header, value, ok := strings.Cut(step.want, ": ")
		holds := ok && w.Header().Get(header) == value || strings.Contains(w.Body.String(), step.want)
		if w.Code != step.status || !holds {
			t.Errorf("%s %s: got status %d, header %v, body %s, want %d and %s", step.method, path, w.Code, w.Header(), w.Body, step.status, step.want)
		}
	}
}

func TestTokenIsWhatDockerTakes(t *testing.T) {
	b := open(t, t.TempDir())
	out, err := b.GetAuthorizationToken(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	data := out.AuthorizationData[0]
	text, err := base64.StdEncoding.DecodeString(*data.AuthorizationToken)
	if err != nil || !strings.HasPrefix(string(text), "AWS:") || *data.ProxyEndpoint != "http://"+host {
		t.Errorf("got login %q at %s, %v, want AWS:<password> at http://%s", text, *data.ProxyEndpoint, err, host)
	}
}
