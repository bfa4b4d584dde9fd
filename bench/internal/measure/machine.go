package measure

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Machine names the machine and its load, which tells whom it was shared with.
func Machine() string {
	return fmt.Sprintf("%s/%s, %d cores, load %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), Load())
}

// Load is the machine's load average.
func Load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

// Build builds a program of the module into a folder, as it is released, and
// returns its path.
func Build(ctx context.Context, pkg, dir string) (string, error) {
	program := filepath.Join(dir, filepath.Base(pkg))
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return program, nil
}

// Tell says what is going on.
func Tell(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
