package engine_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/spate-run/spate/internal/engine"
)

// config is how the SDK reaches an engine.
func config(at engine.Address) aws.Config {
	return aws.Config{
		Region: at.Region, BaseEndpoint: &at.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(at.Keys.AccessKeyID, at.Keys.SecretAccessKey, ""),
	}
}

func TestImagesAreThereAfterARestart(t *testing.T) {
	home := t.TempDir()
	image, err := random.Image(512, 1)
	if err != nil {
		t.Fatal(err)
	}
	var login authn.Authenticator
	for round := range 2 {
		e, err := engine.Open(t.Context(), engine.Config{Home: home})
		if err != nil {
			t.Fatal(err)
		}
		stop := serve(t, e)
		client := ecr.NewFromConfig(config(e.Address()))
		if round == 0 {
			login = makeRepository(t, client)
		}
		out, err := client.DescribeRepositories(t.Context(), &ecr.DescribeRepositoriesInput{RepositoryNames: []string{"app"}})
		if err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(*out.Repositories[0].RepositoryUri + ":v1") // as docker reads it: no TLS on loopback
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			err = remote.Write(ref, image, remote.WithAuth(login))
		} else {
			_, err = remote.Get(ref, remote.WithAuth(login))
		}
		if err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		stop()
	}
}

// makeRepository makes the repository app, and logs in.
func makeRepository(t *testing.T, client *ecr.Client) authn.Authenticator {
	t.Helper()
	if _, err := client.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: new("app")}); err != nil {
		t.Fatal(err)
	}
	out, err := client.GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := base64.StdEncoding.DecodeString(*out.AuthorizationData[0].AuthorizationToken)
	if err != nil {
		t.Fatal(err)
	}
	user, password, _ := strings.Cut(string(text), ":")
	return &authn.Basic{Username: user, Password: password}
}

func TestEngineIsBootstrappedForCDK(t *testing.T) {
	e, err := engine.Open(t.Context(), engine.Config{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, e)
	out, err := ssm.NewFromConfig(config(e.Address())).GetParameter(t.Context(), &ssm.GetParameterInput{Name: new("/cdk-bootstrap/hnb659fds/version")})
	if err != nil || *out.Parameter.Value < "30" {
		t.Errorf("got %v, %v, want version 30 or more", out, err)
	}
}
