package group

import (
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
)

// Lookup finds the file of a command as a shell would that runs in dir with
// the environment env. The error is an [*exec.Error] and wraps
// [exec.ErrNotFound] (a shell's 127), or [fs.ErrPermission] where there is a
// file that cannot be executed (a shell's 126).
func Lookup(name, dir string, env []string) (string, error) {
	if isPath(name) {
		file, err := executable(within(dir, name), env)
		return shown(name, file), lookupError(name, err)
	}
	err := error(exec.ErrNotFound)
	if name == "" {
		return "", lookupError(name, err)
	}
	for _, folder := range filepath.SplitList(Getenv(env, "PATH")) {
		file, found := executable(filepath.Join(within(dir, folder), name), env)
		switch {
		case found == nil:
			return file, nil
		case errors.Is(found, fs.ErrPermission):
			err = found
		}
	}
	return "", lookupError(name, err)
}

// Getenv returns the value of a variable in env, where the last one counts.
func Getenv(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if is, value, ok := strings.Cut(env[i], "="); ok && sameVariable(is, name) {
			return value
		}
	}
	return ""
}

func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func lookupError(name string, err error) error {
	if err == nil {
		return nil
	}
	return &exec.Error{Name: name, Err: err}
}
