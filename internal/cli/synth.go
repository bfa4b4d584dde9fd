package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/spate-run/spate"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/template"
)

func (a *app) synthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "synth [FOLDER|FILE]",
		Short: "Print the CloudFormation template of a job, or of a Go program",
		Long: `Print the CloudFormation template of a job, or of a Go program that describes a
stack and writes its template to standard output.`,
		Example: `  spate synth examples/retrain > template.json
  spate synth examples/cdk-like > template.json
  aws cloudformation validate-template --template-body file://template.json`,
		Args: misused(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "."
			if len(args) == 1 {
				path = args[0]
			}
			t, err := a.synth(cmd.Context(), path)
			if err != nil {
				return err
			}
			text, err := t.MarshalJSON()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s\n", text)
			return err
		},
	}
}

// synth returns the template of a job or of a Go program.
func (a *app) synth(ctx context.Context, path string) (*template.Template, error) {
	if folder, target, ok := goProgram(path); ok {
		return a.runProgram(ctx, path, folder, target)
	}
	j, err := job.Load(path)
	if err != nil {
		return nil, err
	}
	stack := spate.JobStack(j)
	t, err := stack.Template()
	if err != nil {
		return nil, err
	}
	for _, warning := range stack.Warnings() {
		a.tell("warning: "+warning, "")
	}
	return t, nil
}

// goProgram tells a Go program from a job: a Go file, or a folder that holds
// some and no job file. It returns the folder to run it in, and what to run.
func goProgram(path string) (folder, target string, ok bool) {
	if filepath.Ext(path) == ".go" {
		return filepath.Dir(path), filepath.Base(path), true
	}
	if _, err := os.Stat(filepath.Join(path, job.FileName)); err == nil {
		return "", "", false
	}
	files, _ := filepath.Glob(filepath.Join(path, "*.go")) // fails for no pattern of ours
	return path, ".", len(files) > 0
}

// programGrace is how long a program that is interrupted may take to end.
const programGrace = 5 * time.Second

// runProgram runs a Go program and reads the template that it writes. Its
// messages are the person's to read.
func (a *app) runProgram(ctx context.Context, path, folder, target string) (*template.Template, error) {
	program := exec.CommandContext(ctx, "go", "run", target)
	program.Dir = folder
	program.Stderr = a.stderr
	program.Cancel = func() error { return program.Process.Signal(os.Interrupt) }
	program.WaitDelay = programGrace
	written, err := program.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, &hintedError{fact: path + " is a Go program, and there is no go command", hint: "install Go, https://go.dev/dl, or synthesise it elsewhere: go run " + target}
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, &hintedError{fact: fmt.Sprintf("%s failed: %v", path, err), hint: "see for yourself: cd " + folder + " && go run " + target}
	case len(bytes.TrimSpace(written)) == 0:
		return nil, &hintedError{fact: path + " wrote no template", hint: "end its main with stack.Write(os.Stdout)"}
	}
	t, err := template.Parse(written)
	if err == nil {
		err = t.Validate()
	}
	if err != nil {
		return nil, &hintedError{
			fact: fmt.Sprintf("%s wrote what is not a template: %s%v", path, place(err), err),
			hint: "standard output is for the template alone: print messages to standard error",
		}
	}
	return t, nil
}

// place is where a template is wrong, for what does not say so itself.
func place(err error) string {
	wrong, ok := errors.AsType[*template.Error](err)
	if !ok || wrong.Pos.Line == 0 || strings.Contains(wrong.Message, "line ") {
		return ""
	}
	return fmt.Sprintf("line %d, column %d: ", wrong.Pos.Line, wrong.Pos.Column)
}
