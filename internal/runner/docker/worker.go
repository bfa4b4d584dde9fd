package docker

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Where the worker is in a container: below a name that no image has.
const (
	workerFile   = "/.spate/worker"
	workerVolume = "/.spate/work"
	workerName   = "w"
	workerDir    = workerVolume + "/" + workerName
)

// workerFolder is an archive of the worker's own folder, in which any user may
// write. A volume that is new is root's alone.
func workerFolder() io.Reader {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	// Writing to memory does not fail.
	_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: workerName + "/", Mode: 0o1777})
	_ = w.Close()
	return &archive
}

// checkWorker says why a program cannot stand in front of a container's
// command.
func checkWorker(path string) error {
	const hint = "build it with GOOS=linux CGO_ENABLED=0 go build"
	file, err := elf.Open(path)
	if _, unopened := errors.AsType[*fs.PathError](err); unopened {
		return fmt.Errorf("opening the worker's program: %w", err)
	}
	if err != nil {
		return fmt.Errorf("%s is no program for Linux, as the worker inside containers must be: %s", path, hint)
	}
	defer file.Close()
	if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return fmt.Errorf("%s needs libraries of this machine, which images do not have: %s", path, hint)
	}
	return nil
}

// inFront puts the worker in front of what a container runs. The command that
// the definition gives goes to the image's entry point, which is to take it.
func inFront(image imageConfig, entrypoint, command []string) (withWorker, cmd []string, err error) {
	if entrypoint == nil {
		entrypoint = image.entrypoint
		if command != nil && isShellForm(entrypoint) {
			return nil, nil, fmt.Errorf("the image's ENTRYPOINT is a line for a shell, %q, which takes no arguments, and there is a command: write it as a list, ENTRYPOINT [\"program\", \"argument\"]", entrypoint[2])
		}
		if command == nil {
			command = image.command
		}
	}
	if len(entrypoint)+len(command) == 0 {
		return nil, nil, errors.New("no command specified")
	}
	return append([]string{workerFile, "agent", "--"}, entrypoint...), command, nil
}

// isShellForm says whether an entry point was written without brackets.
func isShellForm(entrypoint []string) bool {
	return len(entrypoint) == 3 && entrypoint[1] == "-c" && strings.HasPrefix(entrypoint[0], "/") && strings.HasSuffix(entrypoint[0], "sh")
}
