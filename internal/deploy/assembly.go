package deploy

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spate-run/spate/internal/sorting"
	"github.com/spate-run/spate/internal/template"
)

// An Assembly is what `cdk synth` writes: the templates of an app's stacks, and
// the files and images that they need.
// https://docs.aws.amazon.com/cdk/v2/guide/configure-synth.html
type Assembly struct {
	// Stacks come in the order in which they can be deployed.
	Stacks []AssemblyStack
	// Files are to be in their buckets before stacks are deployed.
	Files []FileAsset
	// Images are to be built from folders.
	Images []ImageAsset
}

// An AssemblyStack is a stack of an app.
type AssemblyStack struct {
	Name string
	// File is the path of its template.
	File       string
	Template   *template.Template
	Parameters map[string]string
	Tags       map[string]string

	id    string
	needs []string
}

// A FileAsset is a file, or a folder to be zipped, and where it goes. Bucket
// and key may hold ${AWS::AccountId} and the like.
type FileAsset struct {
	Path        string
	Zip         bool
	Bucket, Key string
}

// An ImageAsset is a folder with a Dockerfile, and the tag that the template
// knows it by.
type ImageAsset struct{ Folder, Tag string }

// manifestName is the file by which a folder is known for an assembly.
const manifestName = "manifest.json"

// IsAssembly says whether a folder is what `cdk synth` wrote.
func IsAssembly(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, manifestName))
	return err == nil
}

// ReadAssembly reads what `cdk synth` wrote. What is wrong with a template is a
// [*TemplateError].
func ReadAssembly(folder string) (*Assembly, error) {
	a := &Assembly{}
	if err := a.read(folder); err != nil {
		return nil, fmt.Errorf("reading %s: %w", folder, err)
	}
	if len(a.Stacks) == 0 {
		return nil, fmt.Errorf("%s holds no stack", folder)
	}
	return a, a.sort()
}

// artifact is an entry of manifest.json.
type artifact struct {
	Type         string
	Dependencies []string
	Properties   struct {
		File          string // an asset manifest's
		DirectoryName string // a nested assembly's
		TemplateFile  string
		StackName     string
		Parameters    map[string]string
		Tags          map[string]string
	}
}

func (a *Assembly) read(folder string) error {
	var manifest struct{ Artifacts map[string]artifact }
	if err := readJSON(filepath.Join(folder, manifestName), &manifest); err != nil {
		return err
	}
	var ids []string
	for id := range manifest.Artifacts {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := a.add(folder, id, manifest.Artifacts[id]); err != nil {
			return err
		}
	}
	return nil
}

func (a *Assembly) add(folder, id string, of artifact) error {
	p := of.Properties
	switch of.Type {
	case "aws:cloudformation:stack":
		file := filepath.Join(folder, p.TemplateFile)
		t, err := ReadTemplate(file)
		if err != nil {
			return err
		}
		a.Stacks = append(a.Stacks, AssemblyStack{
			Name: cmp.Or(p.StackName, id), File: file, Template: t, Parameters: p.Parameters, Tags: p.Tags,
			id: id, needs: of.Dependencies,
		})
	case "cdk:cloud-assembly": // of a stage
		return a.read(filepath.Join(folder, p.DirectoryName))
	case "cdk:asset-manifest":
		return a.addAssets(folder, p.File)
	}
	return nil
}

func (a *Assembly) addAssets(folder, file string) error {
	var assets struct {
		Files map[string]struct {
			Source       struct{ Path, Packaging string }
			Destinations map[string]struct{ BucketName, ObjectKey string }
		}
		DockerImages map[string]struct {
			Source       struct{ Directory string }
			Destinations map[string]struct{ ImageTag string }
		}
	}
	if err := readJSON(filepath.Join(folder, file), &assets); err != nil {
		return err
	}
	for _, asset := range assets.Files {
		if asset.Source.Path == "" {
			return fmt.Errorf("%s has an asset that a command writes, which is not supported", file)
		}
		for _, to := range asset.Destinations {
			a.Files = append(a.Files, FileAsset{
				Path: filepath.Join(folder, asset.Source.Path), Zip: asset.Source.Packaging == "zip",
				Bucket: to.BucketName, Key: to.ObjectKey,
			})
		}
	}
	for _, asset := range assets.DockerImages {
		for _, to := range asset.Destinations {
			a.Images = append(a.Images, ImageAsset{Folder: filepath.Join(folder, asset.Source.Directory), Tag: to.ImageTag})
		}
	}
	sorting.By(a.Files, func(x, y FileAsset) int { return cmp.Or(cmp.Compare(x.Bucket, y.Bucket), cmp.Compare(x.Key, y.Key)) })
	return nil
}

// sort brings every stack behind those that it needs.
func (a *Assembly) sort() error {
	var sorted []AssemblyStack
	left := a.Stacks
	for len(left) > 0 {
		i := slices.IndexFunc(left, func(s AssemblyStack) bool {
			return !slices.ContainsFunc(left, func(other AssemblyStack) bool {
				return other.id != s.id && slices.Contains(s.needs, other.id)
			})
		})
		if i < 0 {
			return fmt.Errorf("stack %s needs others that need it", left[0].Name)
		}
		sorted = append(sorted, left[i])
		left = slices.Delete(left, i, i+1)
	}
	a.Stacks = sorted
	return nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// A TemplateError says what is wrong with a template file, and where.
type TemplateError struct {
	File string
	Pos  template.Pos // zero where the whole file is meant
	Fact string
}

func (e *TemplateError) Error() string {
	if e.Pos == (template.Pos{}) {
		return fmt.Sprintf("%s: %s", e.File, e.Fact)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Pos.Line, e.Pos.Column, e.Fact)
}

// ReadTemplate reads and checks a template file in JSON or YAML. What is wrong
// with its text is a [*TemplateError].
func ReadTemplate(file string) (*template.Template, error) {
	text, err := os.ReadFile(file)
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("reading %s: %w", file, pathError.Err)
	}
	if err != nil {
		return nil, err
	}
	t, err := template.Parse(text)
	if err == nil {
		err = t.Validate()
	}
	if wrong, ok := errors.AsType[*template.Error](err); ok {
		return nil, &TemplateError{file, wrong.Pos, wrong.Message}
	}
	return t, err
}
