package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/job"
)

// What tasks are on this machine.
const (
	asProcess = "process"
	asDocker  = "docker"
)

// envRunner says what tasks are where no flag does.
const envRunner = "SPATE_RUNNER"

// registerRunner adds the flag that chooses what tasks are.
func registerRunner(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "runner", "",
		"what tasks are here: `process` or docker (default: $"+envRunner+", else process for a folder, docker for an image)")
	mustComplete(cmd, "runner", cobra.FixedCompletions([]string{asProcess, asDocker}, cobra.ShellCompDirectiveNoFileComp))
}

// runnerOf says what a job's tasks are: what the flag says, else the
// environment, else what needs the least.
func runnerOf(j job.Job, flag string) (string, error) {
	from, chosen := "--runner", flag
	if chosen == "" {
		from, chosen = envRunner, os.Getenv(envRunner)
	}
	image := isReference(j.Image)
	switch {
	case chosen == "" && image:
		return asDocker, nil
	case chosen == "":
		return asProcess, nil
	case !slices.Contains([]string{asProcess, asDocker}, chosen):
		return "", &usageError{err: &hintedError{
			fact: fmt.Sprintf("%s is %q: tasks are %s or %s", from, chosen, asProcess, asDocker), hint: "leave it out for what the job file asks for",
		}}
	case chosen == asProcess && image:
		return "", &usageError{err: &hintedError{
			fact: fmt.Sprintf("%s is %s, and the job's image is %s: processes are of folders", from, asProcess, j.Image),
			hint: "leave it out, or say `image: .` in the job file",
		}}
	}
	return chosen, nil
}

// build makes the image of a job's folder where its tasks are containers.
func (a *app) build(ctx context.Context, j job.Job, t *synthesis, runner string) error {
	if runner != asDocker || isReference(j.Image) {
		return nil
	}
	home, err := defaultHome()
	if err != nil {
		return err
	}
	b := deploy.Build{Folder: t.image, Name: j.Name, Home: engine.Mark(home)}
	if a.verbose {
		b.Progress = a.stderr
	}
	stop := a.tellLater(patience, "building the image of "+t.image, "-v shows what the builder says")
	image, err := b.Run(ctx)
	stop()
	switch failed, ok := errors.AsType[*deploy.BuildError](err); {
	case ctx.Err() != nil:
		return &hintedError{fact: "interrupted before anything was sent", hint: "type it again"}
	case ok:
		return &hintedError{fact: failed.Error(), hint: "mend its Dockerfile, or run the job without an image: --runner " + asProcess}
	case err != nil:
		return err
	}
	t.image = image
	return nil
}
