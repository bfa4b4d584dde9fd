package agent

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/spate-run/spate/internal/runner"
	"github.com/spate-run/spate/internal/runner/group"
)

// The worker's own variables, which jobs do not see.
const (
	envQueue     = "SPATE_QUEUE_URL"
	envBucket    = "SPATE_BUCKET"
	envEndpoint  = "SPATE_AWS_ENDPOINT_URL"
	envKey       = "SPATE_AWS_ACCESS_KEY_ID"
	envSecret    = "SPATE_AWS_SECRET_ACCESS_KEY"
	envToken     = "SPATE_AWS_SESSION_TOKEN"
	envRegion    = "SPATE_AWS_REGION"
	envAgent     = "ECS_AGENT_URI"
	envMetadata  = "ECS_CONTAINER_METADATA_URI_V4"
	envContainer = "SPATE_CONTAINER" // the runner finds strays by it: jobs keep it
)

// FromEnv reads a worker's configuration from a task's environment, as
// [os.Environ] returns it.
func FromEnv(ctx context.Context, environ, command []string) (Config, error) {
	get := func(name string) string { return group.Getenv(environ, name) }
	c := Config{
		Queue:    get(envQueue),
		Bucket:   get(envBucket),
		Command:  command,
		Agent:    get(envAgent),
		Metadata: get(envMetadata),
		Dir:      get(runner.EnvDir),
		Environ:  jobEnviron(environ),
		// A worker waits most of the time, for its job or for answers: more
		// threads only wake one another, and its few megabytes need not be
		// collected often.
		Procs: 1, GCPercent: 400,
	}
	if parent := get(runner.EnvParent); parent != "" {
		pid, err := strconv.Atoi(parent)
		if err != nil {
			return Config{}, fmt.Errorf("%s is %q, and no process id", runner.EnvParent, parent)
		}
		c.Parent = pid
	}
	if endpoint := get(envEndpoint); endpoint != "" {
		c.AWS = aws.Config{
			Region:       get(envRegion),
			BaseEndpoint: &endpoint,
			Credentials:  credentials.NewStaticCredentialsProvider(get(envKey), get(envSecret), get(envToken)),
		}
		return c, nil
	}
	loaded, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(trustingClient()))
	if err != nil {
		return Config{}, fmt.Errorf("reading the AWS configuration: %w", err)
	}
	c.AWS = loaded
	return c, nil
}

// trustingClient is the SDK's own client, with certificates that come with
// spate where the system has none: images made from scratch do not.
func trustingClient() *awshttp.BuildableClient {
	client := awshttp.NewBuildableClient()
	system, err := x509.SystemCertPool()
	if err == nil && !system.Equal(x509.NewCertPool()) {
		return client
	}
	roots := x509.NewCertPool()
	for root := range bundle.Roots() {
		// Roots that are trusted for some names only are not among AWS's.
		if cert, err := x509.ParseCertificate(root.Certificate); err == nil && root.Constraint == nil {
			roots.AddCert(cert)
		}
	}
	return client.WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig.RootCAs = roots })
}

// jobEnviron is the environment that jobs see: the worker's without what is
// the worker's own.
func jobEnviron(environ []string) []string {
	var env []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if name == envContainer || !strings.HasPrefix(name, "SPATE_") && !strings.HasPrefix(name, "ECS_") {
			env = append(env, variable)
		}
	}
	return env
}
