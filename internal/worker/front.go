package worker

import (
	"errors"
	"fmt"
	"strings"
)

// Where the worker is in a container: below a name that no image has.
const (
	// File is the program.
	File = "/.spate/worker"
	// Volume is the folder that is a volume of its own on Docker.
	Volume = "/.spate/work"
	// Dir is the worker's own folder, in which any user may write.
	Dir = Volume + "/w"
)

// A Command is what an image or a definition has a container run.
type Command struct{ Entrypoint, Arguments []string }

// A ShellFormError reports an entry point that takes no arguments, where there
// are some for it.
type ShellFormError struct{ Line string }

func (e *ShellFormError) Error() string {
	return fmt.Sprintf("the image's ENTRYPOINT is a line for a shell, %q, which takes no arguments, and there is a command: write it as a list, ENTRYPOINT [\"program\", \"argument\"]", e.Line)
}

// InFront puts the worker in front of what a container runs. The command that
// a definition gives goes to the image's entry point, which is to take it.
// https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact
func InFront(image, definition Command) (Command, error) {
	run := definition
	if definition.Entrypoint == nil {
		run.Entrypoint = image.Entrypoint
		if definition.Arguments != nil && isShellForm(image.Entrypoint) {
			return Command{}, &ShellFormError{image.Entrypoint[2]}
		}
		if definition.Arguments == nil {
			run.Arguments = image.Arguments
		}
	}
	if len(run.Entrypoint)+len(run.Arguments) == 0 {
		return Command{}, errors.New("no command specified")
	}
	run.Entrypoint = append([]string{File, "agent", "--"}, run.Entrypoint...)
	return run, nil
}

// HasWorker says whether an image begins with the worker already.
func HasWorker(image Command) bool {
	return len(image.Entrypoint) > 0 && image.Entrypoint[0] == File
}

// isShellForm says whether an entry point was written without brackets.
func isShellForm(entrypoint []string) bool {
	return len(entrypoint) == 3 && entrypoint[1] == "-c" &&
		strings.HasPrefix(entrypoint[0], "/") && strings.HasSuffix(entrypoint[0], "sh")
}
