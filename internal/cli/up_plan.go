package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/spate-run/spate/internal/deploy"
	"github.com/spate-run/spate/internal/engine"
	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/runner/docker"
	"github.com/spate-run/spate/internal/template"
)

// An upPlan is what is to be brought up.
type upPlan struct {
	stacks []upStack
	files  []deploy.FileAsset
	images []deploy.ImageAsset
}

// An upStack is a stack that is to be brought up.
type upStack struct {
	name       string
	file       string // or what else it comes from
	written    bool   // the file is the template, so places in it mean something
	template   *template.Template
	parameters map[string]string
	tags       map[string]string
	advice     []deploy.Advice
	idle       []job.Problem // why services get no task
}

func (p *upPlan) downCommand() string {
	words := []string{"spate", "down"}
	for _, u := range p.stacks {
		words = append(words, u.name)
	}
	return shellQuote(words)
}

// planUp reads what is to be brought up, and checks all that can be checked
// before an engine is needed.
func (a *app) planUp(ctx context.Context, path string, o upOptions) (*upPlan, error) {
	p, err := a.readUp(ctx, path)
	if err != nil {
		return nil, err
	}
	if o.name != "" {
		if len(p.stacks) > 1 {
			return nil, &usageError{err: fmt.Errorf("--stack-name names one stack, and %s holds %d", path, len(p.stacks))}
		}
		p.stacks[0].name = o.name
	}
	if err := p.setParameters(o.parameters); err != nil {
		return nil, err
	}
	if err := p.override("--image", o.images, imageOf); err != nil {
		return nil, err
	}
	if err := p.override("--entrypoint", o.entryPoints, entryPointOf); err != nil {
		return nil, err
	}
	known := dockerHere{
		missing: sync.OnceValue(func() error { return docker.Find(ctx) }),
		has:     func(image string) bool { return docker.Has(ctx, image) },
	}
	for i := range p.stacks {
		if err := p.stacks[i].draft(p.images, known); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// readUp tells what a path is.
func (a *app) readUp(ctx context.Context, path string) (*upPlan, error) {
	if within := filepath.Join(path, "cdk.out"); !deploy.IsAssembly(path) && deploy.IsAssembly(within) {
		path = within
	}
	if deploy.IsAssembly(path) {
		assembly, err := deploy.ReadAssembly(path)
		if err != nil {
			return nil, asProblem(err)
		}
		p := &upPlan{files: assembly.Files, images: assembly.Images}
		for _, s := range assembly.Stacks {
			p.stacks = append(p.stacks, upStack{
				name: s.Name, file: s.File, written: true, template: s.Template, parameters: s.Parameters, tags: s.Tags,
			})
		}
		return p, nil
	}
	info, err := os.Stat(path)
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, &hintedError{fact: path.Path + ": " + path.Err.Error(), hint: "name a template, a cdk.out folder, a Go program or a job's folder"}
	}
	if err != nil {
		return nil, err
	}
	u := upStack{file: path, name: stackNameOf(path)}
	switch _, _, program := goProgram(path); {
	case program:
		u.template, err = a.synth(ctx, path)
	case info.IsDir() || filepath.Base(path) == job.FileName:
		err = u.fromJob(path)
	default:
		u.written = true
		u.template, err = deploy.ReadTemplate(path)
	}
	return &upPlan{stacks: []upStack{u}}, asProblem(err)
}

func (u *upStack) fromJob(path string) error {
	j, err := job.Load(path)
	if err != nil {
		return err
	}
	t, err := synthesise(j)
	if err != nil {
		return err
	}
	u.name, u.template, u.parameters = j.Name, t.template, map[string]string{paramImage: t.image}
	return nil
}

// asProblem tells what is wrong with a template as what is wrong with a job.
func asProblem(err error) error {
	wrong, ok := errors.AsType[*deploy.TemplateError](err)
	if !ok {
		return err
	}
	return job.Problems{{File: wrong.File, Line: wrong.Pos.Line, Column: wrong.Pos.Column, Fact: wrong.Fact}}
}

var notInStackNames = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// stackNameOf makes a stack's name of a path: of weekly.template.json, weekly.
func stackNameOf(path string) string {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	name := filepath.Base(path)
	for _, suffix := range []string{".go", ".json", ".yaml", ".yml", ".template"} {
		name = strings.TrimSuffix(name, suffix)
	}
	name = strings.Trim(notInStackNames.ReplaceAllString(name, "-"), "-")
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "stack-" + name
	}
	return strings.TrimSuffix(name, "-")
}

// split takes Name=Value apart.
func split(flag, text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return "", "", &usageError{err: fmt.Errorf("%s %s is not %s", flag, text, "a name, = and a value"), command: "spate up"}
	}
	return name, value, nil
}

func (p *upPlan) setParameters(given []string) error {
	for _, text := range given {
		name, value, err := split("--parameter", text)
		if err != nil {
			return err
		}
		known := false
		for i, u := range p.stacks {
			if u.template.Parameter(name) == nil {
				continue
			}
			known = true
			if u.parameters == nil {
				p.stacks[i].parameters = map[string]string{}
			}
			p.stacks[i].parameters[name] = value
		}
		if !known {
			return &usageError{err: &hintedError{fact: "no template has a parameter " + name, hint: p.parametersKnown()}}
		}
	}
	return nil
}

func (p *upPlan) parametersKnown() string {
	var names []string
	for _, u := range p.stacks {
		for _, parameter := range u.template.Parameters {
			names = append(names, parameter.Name)
		}
	}
	if names == nil {
		return "there are none"
	}
	return "there are " + strings.Join(names, ", ")
}

// override changes what templates say of containers.
func (p *upPlan) override(flag string, given []string, property func(c deploy.Container, value string) error) error {
	for _, text := range given {
		name, value, err := split(flag, text)
		if err != nil {
			return err
		}
		var known []string
		done := false
		for i := range p.stacks {
			u := &p.stacks[i]
			draft, err := deploy.NewDraft(u.template, u.name, here(), u.parameters)
			if err != nil {
				return &hintedError{fact: u.file + ": " + err.Error(), hint: "give it: --parameter Name=Value"}
			}
			for _, c := range draft.Containers() {
				known = append(known, c.Name)
				if !c.Called(name) {
					continue
				}
				if err := property(c, value); err != nil {
					return &usageError{err: fmt.Errorf("%s %s: %w", flag, text, err)}
				}
				done = true
			}
			if err := u.reread(); err != nil {
				return err
			}
		}
		if !done {
			return &usageError{err: &hintedError{fact: "no template has a container " + name, hint: "there are " + strings.Join(slices.Compact(known), ", ")}}
		}
	}
	return nil
}

// imageOf gives a container another image: a folder of this machine, or a
// reference.
func imageOf(c deploy.Container, image string) error {
	whole, err := filepath.Abs(image)
	if err != nil {
		return err
	}
	if info, err := os.Stat(whole); err == nil && info.IsDir() {
		return c.Set("Image", whole)
	}
	if !isReference(image) {
		return errors.New("there is no such folder")
	}
	return c.Set("Image", image)
}

func entryPointOf(c deploy.Container, words string) error {
	return c.Set("EntryPoint", strings.Fields(words))
}

// reread makes a template anew whose values were changed.
func (u *upStack) reread() (err error) {
	u.template, err = template.New(u.template.Root())
	return err
}

// A dockerHere is the Docker of this machine, which is asked where an image
// needs it.
type dockerHere struct {
	missing func() error // nil where it answers
	has     func(image string) bool
}

// draft finds what is amiss, and keeps services from tasks that cannot start.
func (u *upStack) draft(images []deploy.ImageAsset, known dockerHere) error {
	d, err := deploy.NewDraft(u.template, u.name, here(), u.parameters)
	if err != nil {
		return &hintedError{fact: u.file + ": " + err.Error(), hint: "give it: --parameter Name=Value"}
	}
	u.advice = d.Advise()
	for _, c := range d.Containers() {
		why := unstartable(c, images, known)
		if why.Fact == "" {
			continue
		}
		u.idle = append(u.idle, why)
		if err := d.Idle(c.TaskDefinition); err != nil {
			return err
		}
	}
	return u.reread()
}

// ownRegistry is where AWS would have the images of the embedded engine's
// account: nowhere, but for those that Docker has by that name.
const ownRegistry = engine.AccountID + ".dkr.ecr."

// unstartable says why a container cannot be started here, and what helps.
func unstartable(c deploy.Container, images []deploy.ImageAsset, known dockerHere) job.Problem {
	fact := "no task of " + c.TaskDefinition + " is started: "
	if filepath.IsAbs(c.Image) {
		if len(c.EntryPoint) == 0 && (len(c.Command) == 0 || strings.HasPrefix(c.Command[0], "-")) {
			return job.Problem{Fact: fact + "a folder has no ENTRYPOINT as images have", Hint: "--entrypoint " + c.Name + "='PROGRAM WORDS'"}
		}
		return job.Problem{}
	}
	folder := "FOLDER"
	if i := slices.IndexFunc(images, func(image deploy.ImageAsset) bool { return strings.HasSuffix(c.Image, ":"+image.Tag) }); i >= 0 {
		folder = images[i].Folder
	}
	hint := "name a folder, or an image that docker has built: --image " + shellQuote([]string{c.Name + "=" + folder})
	if strings.HasPrefix(c.Image, ownRegistry) && !known.has(c.Image) {
		return job.Problem{Fact: fact + "the image " + c.Image + " would be on AWS", Hint: hint}
	}
	if err := known.missing(); err != nil {
		return job.Problem{Fact: fact + "the image " + c.Image + " needs Docker or Podman, and neither answers", Hint: hint}
	}
	return job.Problem{}
}
