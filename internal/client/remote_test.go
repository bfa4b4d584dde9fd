package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/spate-run/spate/internal/client"
)

// awsFiles gives the test a configuration of AWS's of its own, and none of the
// person's who runs it.
func awsFiles(t *testing.T, config, credentials string) {
	t.Helper()
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, value) // brings it back
			_ = os.Unsetenv(name)
		}
	}
	t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	dir := t.TempDir()
	for name, text := range map[string]string{"AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": credentials} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(name, path)
	}
}

const weekly = "[weekly]\naws_access_key_id = AKIDWEEKLY\naws_secret_access_key = secret\n"

// A recorder answers nothing and keeps what it was asked.
func recorder(t *testing.T) (url string, asked *[]*http.Request) {
	t.Helper()
	asked = new([]*http.Request)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r)
		w.WriteHeader(http.StatusBadRequest)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestWhatStandsInForAWSIsAsked(t *testing.T) {
	awsFiles(t, "[profile weekly]\nregion = eu-west-3\n", weekly)
	endpoint, asked := recorder(t)
	s, err := client.OnAWS(t.Context(), client.Remote{Profile: "weekly", Endpoint: endpoint})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = s.SQS.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	_, _ = s.S3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: new("results")})
	if err := s.Close(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if len(*asked) != 2 {
		t.Fatalf("got %d requests, want one for the queues and one for the bucket", len(*asked))
	}
	if got := (*asked)[0].Header.Get("Authorization"); !strings.Contains(got, "Credential=AKIDWEEKLY/") || !strings.Contains(got, "/eu-west-3/sqs/") {
		t.Errorf("got authorization %q, want the profile's key and region", got)
	}
	if got := (*asked)[1].URL.Path; got != "/results" {
		t.Errorf("got the bucket at %q, want /results: one endpoint has no name for each", got)
	}
}

func TestAWSIsNotWhereAnEmbeddedEngineWasExported(t *testing.T) {
	awsFiles(t, "[profile weekly]\nregion = eu-west-3\n", weekly)
	endpoint, asked := recorder(t)
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	t.Setenv("AWS_ENDPOINT_URL_SQS", endpoint)
	s, err := client.OnAWS(t.Context(), client.Remote{Profile: "weekly"})
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]*string{
		"SQS": s.SQS.Options().BaseEndpoint, "S3": s.S3.Options().BaseEndpoint, "CloudFormation": s.CloudFormation.Options().BaseEndpoint,
	} {
		if got != nil {
			t.Errorf("got %s at %s, want AWS itself", what, *got)
		}
	}
	if len(*asked) != 0 {
		t.Errorf("got %d requests at AWS_ENDPOINT_URL, want none", len(*asked))
	}
}

func TestWhatAWSCannotBeCalledWithout(t *testing.T) {
	t.Run("credentials", func(t *testing.T) {
		awsFiles(t, "[default]\nregion = eu-west-3\n", "")
		_, err := client.OnAWS(t.Context(), client.Remote{})
		if missing, ok := errors.AsType[*client.MissingError](err); !ok || missing.What != "credentials" {
			t.Errorf("got %v, want that credentials are missing", err)
		}
	})
	t.Run("region", func(t *testing.T) {
		awsFiles(t, "", weekly)
		_, err := client.OnAWS(t.Context(), client.Remote{Profile: "weekly"})
		if missing, ok := errors.AsType[*client.MissingError](err); !ok || missing.What != "region" {
			t.Errorf("got %v, want that a region is missing", err)
		}
	})
	t.Run("profile", func(t *testing.T) {
		awsFiles(t, "", weekly)
		_, err := client.OnAWS(t.Context(), client.Remote{Profile: "monthly"})
		if err == nil || !strings.Contains(err.Error(), "monthly") {
			t.Errorf("got %v, want that there is no profile monthly", err)
		}
	})
	for _, endpoint := range []string{"localhost:5000", "/tmp", "ftp://x"} {
		t.Run(endpoint, func(t *testing.T) {
			_, err := client.OnAWS(t.Context(), client.Remote{Endpoint: endpoint})
			if _, ok := errors.AsType[*client.EndpointError](err); !ok {
				t.Errorf("got %v, want an *EndpointError", err)
			}
		})
	}
}
