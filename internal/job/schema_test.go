package job

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	checker "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"go.yaml.in/yaml/v4"
)

var update = flag.Bool("update", false, "write the schema anew")

// schemaFiles are the same file twice: one to read and to link to, and one that
// init writes beside a job file.
var schemaFiles = []string{"../../docs/spate.schema.json", "../cli/folder/spate.schema.json"}

func TestSchemaIsGenerated(t *testing.T) {
	want := append(schemaText(t), '\n')
	for _, path := range schemaFiles {
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is not what the types say; go test ./internal/job -run Schema -update writes it (-want +got):\n%s", path, diff)
		}
	}
}

func TestSchemaTakesGoodFiles(t *testing.T) {
	schema := compile(t)
	for _, path := range []string{"../../examples/retrain/spate.yaml", "../cli/folder/spate.yaml"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("JOB_NAME"), []byte("job"))
		if _, err := Parse(path, text); err != nil {
			t.Error(err)
		}
		if err := schema.Validate(instance(t, text)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, line := range []string{
		"command: [a, 3, true, 1.5]",
		"params: {grid: {a: [1, x, true], b: 3}}",
		"params: {list: [{a: 1, b: x}, {a: 2, b: true}]}",
		"params: {file: a.csv}",
		"cpu: .25",
		"memory: 1.5 GiB",
		"timeout: 1h30m",
		"retryBackoff: 500ms",
		"env: {A: 1, B: x, C: true}",
		"secrets: {A: ssm:/x}",
		"permissions: [{Effect: Allow, Action: 's3:*', Resource: [a, b], Condition: {Bool: {x: true}}}]",
		"inputs: [a, s3://b/c]",
		"schedule: cron(0 6 ? * MON *)",
		"network: {vpc: v, subnets: [s], securityGroups: [g], assignPublicIp: false}",
		"scaling: burst",
		"scaling: {steps: [{change: -1, upper: 0}, {change: 1, lower: 10}]}",
		"tolerate: 2.5%",
		"notify: me@example.com",
		"arch: arm64", "on: aws",
	} {
		text := []byte("name: x\nimage: y\n" + line + "\n")
		if _, err := Parse("f", text); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if err := schema.Validate(instance(t, text)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// What Parse finds wrong is wrong by the schema, in the same places.
func TestSchemaFindsWhatParseFinds(t *testing.T) {
	schema := compile(t)
	for _, lines := range []string{
		"nmae: y", "env: {A: [1]}", "command: text", "command: [[a]]", "command: [a, {b: c}]", "params: 3", "params: {}",
		"params: {gird: {a: 1}}", "params: {grid: {a: []}}", "params: {grid: {a: [[1]]}}", "params: {grid: {'a b': 1}}",
		"params: {grid: {}}", "params: {file: [a]}", "params: {list: []}", "params: {list: [1]}", "params: {list: [{a: [1]}]}",
		"params: {list: [{a: 1}], grid: {a: 1}}", "cpu: 0", "cpu: two", "cpu: 1000", "memory: 2GB", "memory: 5", "arch: x86", "on: gcp",
		"timeout: 90", "timeout: soon", "retries: -1", "retries: 101", "retries: 1.5", "max: 0", "max: 5001", "max: many", "spot: 3",
		"env: {1A: x}", "env: {SPATE_X: x}", "env: 3", "permissions: {}", "permissions: [{effect: Allow, Effect: Allow, Action: a, Resource: b}]",
		"inputs: a", "schedule: daily", "network: {vpc: v}", "network: {subnet: a}", "network: {subnets: a}",
		"network: {assignPublicIp: 3}", "scaling: {steps: [{change: x}]}", "scaling: {steps: 3}", "keep: 0", "tolerate: 5",
		"tolerate: 200%", "notify: nobody", "max: 0\nretries: -1\nnope: 1", "max:", "env: {A: }", "command: [~]",
		"stopTimeout: x", "retryBackoff: x", "ephemeralStorage: x",
	} {
		text := []byte("name: x\nimage: y\n" + lines + "\n")
		_, err := Parse("f", text)
		problems, _ := err.(Problems)
		var want []string
		for _, p := range problems {
			want = append(want, fmt.Sprintf("%d:%d", p.Line, p.Column))
		}
		got := complaints(t, schema, text)
		if len(want) == 0 || !slices.Equal(slices.Compact(want), got) {
			t.Errorf("%s\nthe schema complains at %v, and Parse:\n%v", lines, got, err)
		}
	}
	for _, text := range []string{"command: [a]\n", "name: x\n", "name: 3d\ncommand: [a]\n", "[a]\n", "name: x\ncommand: [a]\nnetwork: [a]\n"} {
		if got := complaints(t, schema, []byte(text)); len(got) != 1 {
			t.Errorf("%s\nthe schema complains at %v, want one place", text, got)
		}
		if problems, _ := errOf(Parse("f", []byte(text))).(Problems); len(problems) != 1 {
			t.Errorf("%s\nParse: %v, want one problem", text, problems)
		}
	}
}

func errOf(_ Job, err error) error { return err }

// schemaText is the schema as the types, their comments and limits say it.
func schemaText(t *testing.T) []byte {
	t.Helper()
	number := func(n float64) *float64 { return &n }
	count := func(n int) *int { return &n }
	scalar := func() *jsonschema.Schema { return &jsonschema.Schema{Types: []string{"string", "number", "boolean"}} }
	named := &jsonschema.Schema{Pattern: paramName().String()}
	var burst any = "burst"
	s, err := jsonschema.ForType(mirrored(reflect.TypeFor[Job](), comments(t)), &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[Bytes]():    {Type: "string", Pattern: `^([0-9]+\.?|[0-9]*\.[0-9]+) *(B|KiB|MiB|GiB|TiB)$`},
		reflect.TypeFor[Duration](): {Type: "string", Pattern: `^(([0-9]+\.?|[0-9]*\.[0-9]+)(ns|us|µs|ms|s|m|h))+$`},
		reflect.TypeFor[Percent]():  {Type: "string", Pattern: `^(100|[0-9]{1,2}(\.[0-9]*)?) *%$`},
		reflect.TypeFor[Strings]():  {AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "array", Items: &jsonschema.Schema{Type: "string"}}}},
		reflect.TypeFor[written]():  scalar(),
		reflect.TypeFor[Grid](): {Type: "object", MinProperties: count(1), PropertyNames: named, AdditionalProperties: &jsonschema.Schema{
			AnyOf: []*jsonschema.Schema{scalar(), {Type: "array", MinItems: count(1), Items: scalar()}}}},
		reflect.TypeFor[Config](): {Type: "object", PropertyNames: named, AdditionalProperties: scalar()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	withoutNull(s)
	s.Schema, s.Title = "http://json-schema.org/draft-07/schema#", "spate's job file"
	s.Required = []string{"name"}
	s.AnyOf = []*jsonschema.Schema{{Required: []string{"command"}}, {Required: []string{"image"}}}
	of := s.Properties
	of["name"].Pattern = jobName().String()
	of["arch"].Enum = []any{"x86_64", "arm64"}
	of["on"].Enum = []any{"local", "aws"}
	of["cpu"].ExclusiveMinimum, of["cpu"].Maximum = number(0), number(MaxCPU)
	of["retries"].Minimum, of["retries"].Maximum = number(0), number(MaxRetries)
	of["max"].Minimum, of["max"].Maximum = number(1), number(MaxTasks)
	of["keep"].Minimum = number(1)
	of["schedule"].Pattern = schedule().String()
	of["notify"].Pattern = address().String()
	of["params"].MinProperties, of["params"].MaxProperties = count(1), count(1)
	of["params"].Properties["list"].MinItems = count(1)
	for _, variables := range []string{"env", "secrets"} {
		of[variables].PropertyNames = &jsonschema.Schema{Pattern: envName().String(), Not: &jsonschema.Schema{Pattern: "^SPATE_"}}
	}
	of["permissions"].Items.Required = []string{"Effect", "Action", "Resource"}
	of["permissions"].Items.Properties["Effect"].Enum = []any{"Allow", "Deny"}
	of["network"].AnyOf = []*jsonschema.Schema{{Required: []string{"subnets"}}, {Not: &jsonschema.Schema{Required: []string{"vpc"}}}}
	steps := *of["scaling"]
	of["scaling"] = &jsonschema.Schema{Description: steps.Description, AnyOf: []*jsonschema.Schema{{Const: &burst}, &steps}}
	steps.Description = ""
	for name, value := range defaultsByName(t) {
		of[name].Default = value
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// written is a list's or a map's text, for which YAML may hold a number too.
type written string

// mirrored is a type as the job file has it: fields have the names of their
// yaml tags and the comments of the source, and none has to be there.
func mirrored(of reflect.Type, comments map[string]string) reflect.Type {
	switch {
	case of.Kind() == reflect.Pointer:
		return mirrored(of.Elem(), comments)
	case of == reflect.TypeFor[[]string]():
		return reflect.TypeFor[[]written]()
	case of == reflect.TypeFor[map[string]string]():
		return reflect.TypeFor[map[string]written]()
	case of.Kind() == reflect.Slice && of.Name() == "":
		return reflect.SliceOf(mirrored(of.Elem(), comments))
	case of.Kind() != reflect.Struct:
		return of
	}
	var fields []reflect.StructField
	for f := range of.Fields() {
		if name := f.Tag.Get("yaml"); name != "-" {
			tag := fmt.Sprintf(`json:%q jsonschema:%q`, name+",omitempty", comments[of.Name()+"."+f.Name])
			fields = append(fields, reflect.StructField{Name: f.Name, Type: mirrored(f.Type, comments), Tag: reflect.StructTag(tag)})
		}
	}
	return reflect.StructOf(fields)
}

// comments are what the source says of each field, by type and field.
func comments(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "job.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for node := range ast.Preorder(file) {
		spec, ok := node.(*ast.TypeSpec)
		if !ok {
			continue
		}
		if body, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range body.Fields.List {
				found[spec.Name.Name+"."+f.Names[0].Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
			}
		}
	}
	return found
}

// withoutNull takes back that lists may be null.
func withoutNull(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	s.Types = slices.DeleteFunc(s.Types, func(name string) bool { return name == "null" })
	if len(s.Types) == 1 {
		s.Type, s.Types = s.Types[0], nil
	}
	for _, property := range s.Properties {
		withoutNull(property)
	}
	withoutNull(s.Items)
	withoutNull(s.AdditionalProperties)
}

// defaultsByName are the values of fields that a file leaves out.
func defaultsByName(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	text, err := json.Marshal(defaults())
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &byName); err != nil {
		t.Fatal(err)
	}
	delete(byName, "name")
	return byName
}

func compile(t *testing.T) *checker.Schema {
	t.Helper()
	text, err := checker.UnmarshalJSON(bytes.NewReader(schemaText(t)))
	if err != nil {
		t.Fatal(err)
	}
	c := checker.NewCompiler()
	if err := c.AddResource("spate.schema.json", text); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("spate.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// instance is a YAML text as a validator sees it.
func instance(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	if err := yaml.Load(text, &value); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if value, err = checker.UnmarshalJSON(bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return value
}

// complaints are the places in which a text does not follow the schema, as
// line:column.
func complaints(t *testing.T, schema *checker.Schema, text []byte) []string {
	t.Helper()
	bad, ok := schema.Validate(instance(t, text)).(*checker.ValidationError)
	if !ok {
		return nil
	}
	var doc yaml.Node
	if err := yaml.Load(text, &doc); err != nil {
		t.Fatal(err)
	}
	var places []*yaml.Node
	for _, e := range leaves(bad) {
		places = append(places, place(doc.Content[0], e)...)
	}
	slices.SortFunc(places, func(a, b *yaml.Node) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	var all []string
	for _, n := range places {
		all = append(all, fmt.Sprintf("%d:%d", n.Line, n.Column))
	}
	return slices.Compact(all)
}

// leaves are the errors at the bottom. Of several shapes that a value could
// have, the one counts that it follows furthest.
func leaves(e *checker.ValidationError) []*checker.ValidationError {
	if _, ok := e.ErrorKind.(*kind.PropertyNames); ok || len(e.Causes) == 0 {
		return []*checker.ValidationError{e}
	}
	var all []*checker.ValidationError
	for _, cause := range e.Causes {
		all = append(all, leaves(cause)...)
	}
	if _, ok := e.ErrorKind.(*kind.AnyOf); ok {
		depth := func(a, b *checker.ValidationError) int {
			return cmp.Compare(len(a.InstanceLocation), len(b.InstanceLocation))
		}
		all = []*checker.ValidationError{slices.MaxFunc(all, depth)}
	}
	return all
}

// place finds the nodes that an error speaks of.
func place(n *yaml.Node, e *checker.ValidationError) []*yaml.Node {
	if k, ok := e.ErrorKind.(*kind.PropertyNames); ok {
		return keys(n, k.Property) // its location is not to be relied on
	}
	for _, step := range e.InstanceLocation {
		n = child(n, step)
	}
	k, ok := e.ErrorKind.(*kind.AdditionalProperties)
	if !ok {
		return []*yaml.Node{n}
	}
	var all []*yaml.Node
	for key := range mapping(n) {
		if slices.Contains(k.Properties, key.Value) {
			all = append(all, key)
		}
	}
	return all
}

func child(n *yaml.Node, step string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		i, _ := strconv.Atoi(step)
		return n.Content[i]
	}
	for key, value := range mapping(n) {
		if key.Value == step {
			return value
		}
	}
	return n
}

// keys are the names below a node that are the given one.
func keys(n *yaml.Node, name string) []*yaml.Node {
	var all []*yaml.Node
	for key := range mapping(n) {
		if key.Value == name {
			all = append(all, key)
		}
	}
	for _, below := range n.Content {
		all = append(all, keys(below, name)...)
	}
	return all
}
