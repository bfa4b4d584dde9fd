package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/cli"
	"github.com/spate-run/spate/internal/template"
)

func synth(t *testing.T, path string) (code int, stdout, stderr string) {
	t.Helper()
	var out, messages bytes.Buffer
	code = cli.Main(t.Context(), []string{"synth", path}, strings.NewReader(""), &out, &messages)
	return code, out.String(), messages.String()
}

// The lines are a program that runs, from its folder and by its file.
func TestSynthRunsTheExample(t *testing.T) {
	code, fromFolder, stderr := synth(t, filepath.Join("..", "..", "examples", "cdk-like"))
	if code != 0 {
		t.Fatalf("got exit %d, want 0:\n%s", code, stderr)
	}
	written, err := template.Parse([]byte(fromFolder))
	if err != nil {
		t.Fatal(err)
	}
	if r := written.Resource("FargateService"); r == nil || r.Type != "AWS::ECS::Service" {
		t.Errorf("got the resource %v, want an ECS service", r)
	}
	if !strings.Contains(stderr, "warning: FargateService.MaxScalingCapacity") {
		t.Errorf("got the messages %q, want the program's", stderr)
	}
	if _, fromFile, _ := synth(t, filepath.Join("..", "..", "examples", "cdk-like", "main.go")); fromFile != fromFolder {
		t.Errorf("got another template from the file:\n%s", fromFile)
	}
}

func TestSynthOfWrongPrograms(t *testing.T) {
	tests := []struct{ name, body, want string }{
		{"fails", `println("no such queue"); os.Exit(3)`, "no such queue"},
		{"says its exit", `os.Exit(3)`, "main.go failed: exit status 1\nhint: see for yourself: cd "},
		{"silent", `os.Exit(0)`, "main.go wrote no template\nhint: end its main with stack.Write(os.Stdout)\n"},
		{"talks", `os.Stdout.WriteString("{\n  oops")`, "main.go wrote what is not a template: "},
		{"half", `os.Stdout.WriteString("{\"Resources\": {\"A\": {\"Type\": \"AWS::SQS::Queue\", \"DependsOn\": \"B\"}}}")`,
			"hint: standard output is for the template alone"},
		{"does not compile", `os.Exit("x")`, "main.go failed: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, []byte("package main\n\nimport \"os\"\n\nfunc main() { "+test.body+" }\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := synth(t, file)
			if code != 1 || stdout != "" {
				t.Errorf("got exit %d and %q, want 1 and nothing", code, stdout)
			}
			if !strings.Contains(stderr, test.want) {
				t.Errorf("got the messages\n%s\nwant among them\n%s", stderr, test.want)
			}
		})
	}
}
