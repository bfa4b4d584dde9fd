package image

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// hubLogin is what Docker's configuration calls docker.io.
const hubLogin = "https://index.docker.io/v1/"

// dockerLogin is who pulls from a registry, by Docker's configuration; nobody
// where that says nothing.
// https://docs.docker.com/reference/cli/docker/login/#credential-stores
func dockerLogin(ctx context.Context, host string) (Login, error) {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return Login{}, nil
		}
		dir = filepath.Join(home, ".docker")
	}
	path := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Login{}, nil
	}
	if err != nil {
		return Login{}, err
	}
	var config struct {
		Auths       map[string]struct{ Auth string }
		CredsStore  string
		CredHelpers map[string]string
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return Login{}, fmt.Errorf("reading %s: %w", path, err)
	}
	names := []string{host, "https://" + host, "https://" + host + "/v1/", "https://" + host + "/v2/"}
	if host == "docker.io" {
		names = []string{hubLogin, "docker.io"}
	}
	for _, name := range names {
		helper := config.CredHelpers[name]
		if _, known := config.Auths[name]; helper == "" && known {
			helper = config.CredsStore
		}
		if helper != "" {
			return ask(ctx, helper, name)
		}
		if auth := config.Auths[name].Auth; auth != "" {
			return decode(auth)
		}
	}
	return Login{}, nil
}

func decode(auth string) (Login, error) {
	text, err := base64.StdEncoding.DecodeString(auth)
	if err != nil {
		return Login{}, fmt.Errorf("reading a login of Docker's: %w", err)
	}
	user, password, _ := strings.Cut(string(text), ":")
	return Login{User: user, Password: password}, nil
}

// ask asks the program that keeps a login.
// https://github.com/docker/docker-credential-helpers#development
func ask(ctx context.Context, helper, name string) (Login, error) {
	program := "docker-credential-" + helper
	command := exec.CommandContext(ctx, program, "get")
	command.Stdin = strings.NewReader(name)
	out, err := command.Output()
	if bytes.Contains(out, []byte("credentials not found")) {
		return Login{}, nil
	}
	if err != nil {
		return Login{}, fmt.Errorf("asking %s for the login of %s: %w", program, name, err)
	}
	var kept struct{ Username, Secret string }
	if err := json.Unmarshal(out, &kept); err != nil {
		return Login{}, fmt.Errorf("reading what %s says of %s: %w", program, name, err)
	}
	return Login{User: kept.Username, Password: kept.Secret}, nil
}
