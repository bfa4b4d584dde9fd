package cli

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// folder is what init writes: a job that runs as it is, and the schema by which
// editors complete and check its file. The schema comes along so that it is this
// program's own, and there without a network; package job keeps it true.
//
//go:embed folder
var folder embed.FS

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FOLDER]",
		Short: "Write a job folder that works, to start from",
		Example: `  spate init my-job && spate run my-job
  spate init                     in the current folder`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return a.init(dir)
		},
	}
}

func (a *app) init(dir string) error {
	path, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	name := jobNameOf(filepath.Base(path))
	written, err := writeFolder(dir, name)
	if err != nil {
		return err
	}
	for _, path := range written {
		fmt.Fprintln(a.stderr, "wrote "+path)
	}
	next := "spate run"
	if dir != "." {
		next += " " + shellQuote([]string{dir})
	}
	fmt.Fprintln(a.stderr, "next: "+next)
	return nil
}

// writeFolder writes the files of a new job; a file that is there already is
// left alone, and none is written then.
func writeFolder(dir, name string) (written []string, err error) {
	entries, err := folder.ReadDir("folder")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return nil, &hintedError{fact: path + " is there already", hint: "choose another folder: spate init my-job"}
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, &hintedError{fact: err.Error(), hint: "choose another folder: spate init my-job"}
	}
	for _, entry := range entries {
		text, err := folder.ReadFile("folder/" + entry.Name())
		if err != nil {
			return written, err
		}
		path := filepath.Join(dir, entry.Name())
		text = []byte(strings.ReplaceAll(string(text), "JOB_NAME", name))
		if err := os.WriteFile(path, text, 0o666); err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}

// jobNameOf turns a folder's name into a job's.
func jobNameOf(folder string) string {
	name := regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(folder, "-")
	name = strings.Trim(strings.TrimLeft(name, "-0123456789"), "-")
	if name == "" {
		return "job"
	}
	return strings.TrimRight(name[:min(40, len(name))], "-")
}
