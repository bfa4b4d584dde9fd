package group

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func isPath(name string) bool { return strings.ContainsAny(name, `/\`) }

func sameVariable(a, b string) bool { return strings.EqualFold(a, b) }

// shown is how a command is called that was named by a path: as its file is.
func shown(_, file string) string { return file }

// executable returns the file that path means, with one of the extensions of
// PATHEXT where it has none of them.
func executable(path string, env []string) (string, error) {
	extensions := filepath.SplitList(strings.ToLower(cmp.Or(Getenv(env, "PATHEXT"), ".com;.exe;.bat;.cmd")))
	if slices.Contains(extensions, strings.ToLower(filepath.Ext(path))) {
		extensions = []string{""}
	}
	failed := exec.ErrNotFound
	for _, extension := range extensions {
		info, err := os.Stat(path + extension)
		switch {
		case err == nil && info.IsDir():
			failed = fs.ErrPermission
		case err == nil:
			return path + extension, nil
		case !errors.Is(err, fs.ErrNotExist):
			failed = err
		}
	}
	if _, err := os.Stat(path); err == nil {
		failed = fs.ErrPermission // a file, and none that can be executed
	}
	return "", failed
}
