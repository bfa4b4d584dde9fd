//go:build unix

package group

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

func isPath(name string) bool { return strings.Contains(name, "/") }

func sameVariable(a, b string) bool { return a == b }

// shown is how a command is called that was named by a path: as it was named.
func shown(name, _ string) string { return name }

// executable returns the file that path means.
func executable(path string, _ []string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", exec.ErrNotFound
	case err != nil:
		return "", err
	case info.IsDir() || info.Mode()&0o111 == 0:
		return "", fs.ErrPermission
	}
	return path, nil
}
