package spate_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/spate-run/spate"

// layers are the packages from the top down: each imports only what stands
// below it. A package that is not named stands with its parent folder.
var layers = []string{
	"bench",
	"bench/internal",
	"examples",
	"cmd/spate",
	"internal/cli",
	"internal/dash",
	"internal/deploy",
	"internal/image",
	"internal/run",
	"internal/agent",
	"internal/plan",
	"",
	"internal/record",
	"internal/client",
	"spatetest",
	"internal/engine",
	"internal/engine/*",
	"internal/delivery",
	"internal/job",
	"internal/runner",
	"internal/worker",
	"internal/wire",
	"internal/store",
	"internal/template",
	"internal/cron",
	"internal/due",
	"internal/scaling",
	"internal/metric",
	"internal/sorting",
}

// layer returns the height of a package; services share one.
func layer(t *testing.T, path string) int {
	t.Helper()
	path = strings.Trim(strings.TrimPrefix(path, module), "/")
	if strings.HasPrefix(path, "internal/engine/") {
		path = "internal/engine/*"
	}
	for at := path; ; at = at[:max(0, strings.LastIndexByte(at, '/'))] {
		if i := slices.Index(layers, at); i >= 0 && (at != "" || path == "") {
			return i
		}
		if !strings.Contains(at, "/") {
			t.Fatalf("package %q has no layer", path)
		}
	}
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestPackagesImportOnlyWhatStandsBelowThem(t *testing.T) {
	lines := goList(t, "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")
	edges := 0
	for _, line := range lines {
		words := strings.Fields(line)
		from := words[0]
		for _, to := range words[1:] {
			if !strings.HasPrefix(to, module) {
				continue
			}
			edges++
			same := strings.HasPrefix(to, from+"/") || strings.HasPrefix(from, to+"/")
			if a, b := layer(t, from), layer(t, to); a > b || a == b && !same {
				t.Errorf("%s imports %s, which does not stand below it", from, to)
			}
		}
	}
	if edges < len(layers) {
		t.Errorf("got %d imports, want at least %d: the list is not the module's", edges, len(layers))
	}
}

// allowed reads the modules that docs/adr/0002-dependencies.md gives a reason
// for.
func allowed(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("docs/adr/0002-dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	row := regexp.MustCompile("^\\| `([^`]+)` ")
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if m := row.FindStringSubmatch(lines.Text()); m != nil {
			modules = append(modules, m[1])
		}
	}
	return modules
}

func TestDependenciesAreAllowed(t *testing.T) {
	known := allowed(t)
	var used []string
	for _, module := range goList(t, "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "./cmd/spate") {
		if module != "" && !slices.Contains(used, module) {
			used = append(used, module)
		}
	}
	for _, module := range used {
		if !slices.ContainsFunc(known, func(k string) bool { return within(module, k) }) {
			t.Errorf("the program links %s, and docs/adr/0002-dependencies.md gives no reason for it", module)
		}
	}
	for _, module := range known {
		if !slices.ContainsFunc(used, func(u string) bool { return within(u, module) }) {
			t.Errorf("docs/adr/0002-dependencies.md allows %s, and the program does not link it", module)
		}
	}
}

// within says whether a module is the given one, or a module below it.
func within(module, parent string) bool {
	return module == parent || strings.HasPrefix(module, parent+"/")
}
