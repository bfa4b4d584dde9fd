package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spate-run/spate/bench/internal/measure"
)

// app is CDK's program for what examples/cdk-like describes.
//
//go:embed app.js
var app []byte

const jobFile = `name: weekly
image: .
command: [python3, worker.py, --sector, "{sector}"]
params: {grid: {sector: [construction, utilities]}}
max: 100
`

// A bench is where measuring takes place: a folder of its own.
type bench struct {
	options
	dir      string
	versions string
	spate    string
	example  string // the program of examples/cdk-like
	cdk      bool   // node, npm and the packages are there
}

// prepare builds and installs what is measured.
func (b *bench) prepare(ctx context.Context) (err error) {
	measure.Tell("building spate and examples/cdk-like")
	if b.spate, err = measure.Build(ctx, "github.com/spate-run/spate/cmd/spate", b.dir); err != nil {
		return err
	}
	if b.example, err = measure.Build(ctx, "github.com/spate-run/spate/examples/cdk-like", b.dir); err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		"spate.yaml": []byte(jobFile), "app.js": app, "cdk.json": []byte(`{"app": "node app.js"}`),
	} {
		if err := os.WriteFile(filepath.Join(b.dir, name), text, 0o666); err != nil {
			return err
		}
	}
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			measure.Tell("%s IS NOT INSTALLED: THERE IS NOTHING TO COMPARE WITH", strings.ToUpper(program))
			b.versions = "without AWS CDK"
			return nil
		}
	}
	b.cdk = true
	return b.install(ctx)
}

// install has npm install CDK where it is not there already.
func (b *bench) install(ctx context.Context) error {
	if b.modules == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		b.modules = filepath.Join(cache, "spate-bench-cdk")
		if err := b.npm(ctx); err != nil {
			return err
		}
	}
	modules, err := filepath.Abs(filepath.Join(b.modules, "node_modules"))
	if err != nil {
		return err
	}
	node, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return fmt.Errorf("node --version: %w", err)
	}
	b.versions = "node " + strings.TrimSpace(string(node))
	for _, name := range []string{"aws-cdk-lib", "aws-cdk"} {
		text, err := os.ReadFile(filepath.Join(modules, name, "package.json"))
		if err != nil {
			return err
		}
		var about struct{ Version string }
		if err := json.Unmarshal(text, &about); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.versions += ", " + name + " " + about.Version
	}
	return os.Symlink(modules, filepath.Join(b.dir, "node_modules"))
}

func (b *bench) npm(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(b.modules, "node_modules", "aws-cdk-lib")); err == nil {
		return nil
	}
	measure.Tell("installing aws-cdk-lib and aws-cdk into %s", b.modules)
	if err := os.MkdirAll(b.modules, 0o777); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--prefix", b.modules,
		"aws-cdk-lib@2", "aws-cdk@2", "constructs@10")
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("npm install: %w\n%s", err, out), os.RemoveAll(b.modules))
	}
	return nil
}

// A subject is a command that writes a template.
type subject struct {
	what   string
	argv   []string
	env    []string
	times  measure.Series
	memory int64 // the most, in bytes
}

// start runs the command once. The program's own output is the template, or
// nobody's matter.
func (s *subject) start(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, s.argv[0], s.argv[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), s.env...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", s.what, err, &complaints)
	}
	s.times = append(s.times, time.Since(began))
	s.memory = max(s.memory, measure.MostMemory(cmd.ProcessState))
	return nil
}

// What is to be reached: how often our time goes into node's and cdk's, and the
// most memory.
const (
	timesNode = 100
	timesCDK  = 500
	most      = 30 * measure.MB
)

// compare runs everybody in turn.
func (b *bench) compare(ctx context.Context, t *measure.Table) error {
	constructs := &subject{what: "constructs: the program of examples/cdk-like, built before", argv: []string{b.example}}
	jobs := &subject{what: "spate synth of a job file", argv: []string{b.spate, "synth", "."}}
	node := &subject{what: "node app.js, CDK_VALIDATION=false", argv: []string{"node", "app.js"}, env: []string{"CDK_VALIDATION=false", "CDK_OUTDIR=out.node"}}
	cdk := &subject{what: "cdk synth", argv: []string{filepath.Join(b.dir, "node_modules", ".bin", "cdk"), "synth", "--quiet"}}
	ours, theirs := []*subject{constructs, jobs}, []*subject{node, cdk}
	if !b.cdk {
		theirs = nil
	}
	for _, s := range append(ours[:2:2], theirs...) { // what is read from disk first is not counted
		if err := s.start(ctx, b.dir); err != nil {
			return err
		}
		s.times = nil
	}
	for round := range b.rounds {
		measure.Tell("round %d of %d", round+1, b.rounds)
		for _, s := range ours {
			for range b.starts {
				if err := s.start(ctx, b.dir); err != nil {
					return err
				}
			}
		}
		for _, s := range theirs {
			if err := s.start(ctx, b.dir); err != nil {
				return err
			}
		}
	}
	for _, s := range append(ours[:2:2], theirs...) {
		t.Add(s.what, s.times.String())
	}
	for _, s := range ours {
		if b.cdk {
			t.AddAtLeast(node.what+" / "+s.what, measure.Ratio(node.times, s.times), timesNode)
			t.AddAtLeast(cdk.what+" / "+s.what, measure.Ratio(cdk.times, s.times), timesCDK)
		}
	}
	for _, s := range ours {
		t.AddMemory(s.what+": most resident", s.memory, most)
	}
	return nil
}
