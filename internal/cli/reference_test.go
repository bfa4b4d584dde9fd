package cli

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write docs/cli.md and docs/job-file.md anew")

// The reference of the commands is what they say of themselves.
func TestTheReferenceOfCommands(t *testing.T) {
	a := &app{stdout: io.Discard, stderr: io.Discard}
	var page strings.Builder
	page.WriteString("# Commands\n\nThis page is written by the program: `go test ./internal/cli -run Reference -update`.\n")
	for _, cmd := range a.root().Commands() {
		if !cmd.Hidden && cmd.Name() != "help" {
			describe(&page, cmd)
		}
	}
	holdPage(t, "../../docs/cli.md", page.String())
}

func describe(page *strings.Builder, cmd *cobra.Command) {
	fmt.Fprintf(page, "\n## %s\n\n", cmd.CommandPath())
	about := cmd.Long
	if about == "" || cmd.Name() == "completion" { // cobra's own says nothing more
		about = cmd.Short + "."
	}
	fmt.Fprintf(page, "%s\n\n```\n%s\n```\n", about, cmd.UseLine())
	if cmd.Example != "" {
		fmt.Fprintf(page, "\n```\n%s\n```\n", strings.TrimRight(unindent(cmd.Example), "\n"))
	}
	if flags := strings.TrimRight(cmd.NonInheritedFlags().FlagUsages(), "\n"); flags != "" {
		fmt.Fprintf(page, "\n```\n%s\n```\n", unindent(flags))
	}
	for _, sub := range cmd.Commands() {
		if cmd.Name() != "completion" && !sub.Hidden {
			describe(page, sub)
		}
	}
}

func unindent(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimPrefix(line, "  "))
	}
	return strings.Join(lines, "")
}

// The reference of the job file is its schema.
func TestTheReferenceOfTheJobFile(t *testing.T) {
	text, err := os.ReadFile("../../docs/spate.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	page.WriteString(`# The job file

` + "`spate.yaml`" + ` in the job's folder, or any file that a command is given. Only ` + "`name`" + ` is
required. Editors that know JSON Schema complete and check it by the schema that
` + "`spate init`" + ` writes beside it ([spate.schema.json](spate.schema.json), from which this
page is written: ` + "`go test ./internal/cli -run Reference -update`" + `).

| Field | Type | What it says |
|---|---|---|
`)
	s.rows(&page, "", string(text))
	holdPage(t, "../../docs/job-file.md", page.String())
}

// A schema is what of a JSON Schema the reference tells.
type schema struct {
	Type        any
	Description string
	Properties  map[string]schema
	Default     any
}

// rows writes a schema's properties in the order in which its text has them.
func (s schema) rows(page *strings.Builder, prefix string, text string) {
	for _, name := range inOrder(s.Properties, text) {
		p := s.Properties[name]
		kind, _ := p.Type.(string)
		about := strings.ReplaceAll(p.Description, "|", "\\|")
		if p.Default != nil {
			about += fmt.Sprintf(" Default: %v.", p.Default)
		}
		fmt.Fprintf(page, "| `%s%s` | %s | %s |\n", prefix, name, kind, about)
		p.rows(page, prefix+name+".", text)
	}
}

// inOrder are the names of properties as the text first has them.
func inOrder(properties map[string]schema, text string) []string {
	at := func(name string) int { return strings.Index(text, `"`+name+`":`) }
	return slices.SortedFunc(maps.Keys(properties), func(a, b string) int { return at(a) - at(b) })
}

func holdPage(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the program says: go test ./internal/cli -run Reference -update", path)
	}
}
