package cli_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// docs are the pages whose commands are typed as they stand, each page in a
// folder of its own where examples and testdata are those of the checkout.
//
// A block whose first line is a comment with a file's name is written to that file.
// In a block that begins with ```console, lines after "$ " are commands, which must
// succeed, and the other lines are what they print; "..." stands for anything.
// A command of ```console background is an engine that goes on until the page ends,
// and those of ```console aws need an account: their arguments are parsed, no more.
func TestTheCommandsOfTheDocs(t *testing.T) {
	if exec.Command("python3", "-c", "import boto3").Run() != nil {
		t.Skip("SKIPPED: python3 with boto3 is not installed; the commands of the docs are not typed")
	}
	pages := map[string]string{
		"README.md": "", "docs/tutorial.md": "", "docs/howto.md": "",
		"docs/aws.md": "aws", "docs/cdk.md": "aws", "docs/plan.md": "aws", "docs/schedule.md": "aws",
	}
	for page, how := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("../..", page))
			if err != nil {
				t.Fatal(err)
			}
			p := &typist{dir: t.TempDir(), how: how}
			for _, name := range []string{"examples", "testdata"} {
				if err := os.Symlink(folder(t, "../../"+name), filepath.Join(p.dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			p.read(t, string(text))
			p.typeAll(t)
		})
	}
}

// A typist types a page's commands into one shell.
type typist struct {
	dir      string
	how      string // the page's commands are typed where a block does not say it
	script   strings.Builder
	commands []typed
}

// A typed command, and what the page says that it prints.
type typed struct {
	line   string
	prints []string
}

// read makes a script of a page.
func (p *typist) read(t *testing.T, page string) {
	t.Helper()
	p.script.WriteString("set -e\nshopt -s expand_aliases\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n")
	var info string
	var block []string
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && info == "":
			info, block = fence+" ", nil
		case isFence:
			p.block(t, strings.Fields(info), block)
			info = ""
		case info != "":
			block = append(block, line)
		}
	}
}

func (p *typist) block(t *testing.T, info, lines []string) {
	t.Helper()
	if len(info) == 0 || len(lines) == 0 {
		return
	}
	if info[0] == "console" {
		p.console(t, cmp.Or(strings.Join(info[1:], " "), p.how), lines)
		return
	}
	name, ok := strings.CutPrefix(lines[0], "# ")
	if !ok || strings.ContainsAny(name, " ") || !strings.Contains(name, ".") {
		return
	}
	fmt.Fprintf(&p.script, "mkdir -p %q\ncat > %q <<'END OF FILE'\n%s\nEND OF FILE\n", filepath.Dir(name), name, strings.Join(lines, "\n"))
}

func (p *typist) console(t *testing.T, how string, lines []string) {
	t.Helper()
	text := strings.ReplaceAll(strings.Join(lines, "\n"), "\\\n", " ")
	for line := range strings.SplitSeq(text, "\n") {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			if len(p.commands) == 0 {
				t.Fatalf("%q stands before any command", line)
			}
			if last := &p.commands[len(p.commands)-1]; how != "aws" {
				last.prints = append(last.prints, line)
			}
			continue
		}
		switch how {
		case "":
		case "aws":
			command = parsedOnly(command)
		case "background":
			command += " &\nuntil grep -q SECRET exports; do sleep 0.1; done"
		default:
			t.Fatalf("a block is %q, want console, console background or console aws", how)
		}
		fmt.Fprintf(&p.script, "echo '%s%d'\n%s\n", mark, len(p.commands), command)
		p.commands = append(p.commands, typed{line: line})
	}
}

// parsedOnly keeps of a line the commands that are spate's, and has each parse its
// arguments and do nothing.
func parsedOnly(line string) string {
	var parsed []string
	line, _, _ = strings.Cut(line, " #")
	for _, separator := range []string{"&&", "|", ">"} {
		line = strings.ReplaceAll(line, separator, ";")
	}
	for command := range strings.SplitSeq(line, ";") {
		if command = strings.TrimSpace(command); strings.HasPrefix(command, "spate ") {
			parsed = append(parsed, command+" --help >/dev/null")
		}
	}
	return strings.Join(parsed, "\n")
}

// mark begins the line before a command's output.
const mark = "@@@ command "

// typeAll runs the script, and holds what was printed against the page.
func (p *typist) typeAll(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", p.script.String())
	shell.Dir = p.dir
	shell.Env = append(os.Environ(), "SPATE_HOME="+filepath.Join(p.dir, ".home"), "HOME="+p.dir, "NO_COLOR=1")
	shell.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	shell.Stdout, shell.Stderr = &out, &out
	failed := shell.Run()
	parts := strings.Split(out.String(), mark)
	if failed != nil {
		last := parts[len(parts)-1]
		var n int
		if _, err := fmt.Sscanf(last, "%d\n", &n); err != nil {
			t.Fatalf("%v before the first command: %s", failed, last)
		}
		t.Fatalf("%s: %v; it printed\n%s", p.commands[n].line, failed, last)
	}
	for i, c := range p.commands {
		_, printed, _ := strings.Cut(parts[i+1], "\n")
		for _, want := range c.prints {
			if !printedLike(printed, want) {
				t.Errorf("%s\nprinted\n%s\nand the page has the line\n%s", c.line, printed, want)
			}
		}
	}
}

// printedLike reports whether the output has a line, whose words are to be found
// in their order; "..." and spaces stand for anything.
func printedLike(printed, want string) bool {
	if strings.Trim(want, ". ") == "" {
		return true
	}
	for line := range strings.Lines(printed) {
		rest, all := line, true
		for _, piece := range strings.Fields(strings.ReplaceAll(want, "...", " ")) {
			_, after, found := strings.Cut(rest, piece)
			if all = all && found; !all {
				break
			}
			rest = after
		}
		if all {
			return true
		}
	}
	return false
}
