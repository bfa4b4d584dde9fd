package job_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/job"
)

// texts ranges over a source and returns its configurations as JSON.
func texts(t *testing.T, s *job.Source) ([]string, error) {
	t.Helper()
	var all []string
	for c, err := range s.Configs {
		if err != nil {
			return all, err
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(text))
	}
	return all, nil
}

const nameHint = "hint: a letter, then letters, digits, _ and -, 100 at most"

func TestFileSource(t *testing.T) {
	tests := []struct {
		name, file, text string
		want             []string
		wantErr          string
	}{
		{name: "CSV", file: "c.csv", text: "a,b\n1,x\n2,\"y, z\"\n", want: []string{`{"a":"1","b":"x"}`, `{"a":"2","b":"y, z"}`}},
		{name: "BOM and CRLF", file: "c.CSV", text: "\ufeffa,b\r\n1,<x>\r\n", want: []string{`{"a":"1","b":"\u003cx\u003e"}`}},
		{name: "quotes", file: "c.csv", text: "a,b\n\"x\"\"y\",\"1\n2\"\n", want: []string{`{"a":"x\"y","b":"1\n2"}`}},
		{name: "quoted header after a BOM", file: "c.csv", text: "\ufeff\"a\", b \n1,2\n", want: []string{`{"a":"1","b":"2"}`}},
		{name: "blank lines", file: "c.csv", text: "\na\n\n1\n\n", want: []string{`{"a":"1"}`}},
		{name: "odd values", file: "c.csv", text: "a\n../../etc\ngröße ß\n", want: []string{`{"a":"../../etc"}`, `{"a":"größe ß"}`}},
		{name: "ragged", file: "c.csv", text: "a,b\n1\n", wantErr: "c.csv:2:1: this row has another number of cells than the header\nhint: the header has 2: check for a comma that needs quotes"},
		{name: "doubled column", file: "c.csv", text: "a,b, a\n1,2,3\n", wantErr: "c.csv:1:5: parameter \"a\" is there twice\nhint: give one of them another name"},
		{name: "columns of one variable", file: "c.csv", text: "a,A\n1,2\n", wantErr: "c.csv:1:3: parameters \"a\" and \"A\" are both the variable SPATE_PARAM_A\nhint: give one of them another name"},
		{name: "unnamed column", file: "c.csv", text: "a,\n1,2\n", wantErr: "c.csv:1:3: \"\" cannot name a parameter\n" + nameHint},
		{name: "name with a space", file: "c.csv", text: "a b\n1\n", wantErr: "c.csv:1:1: \"a b\" cannot name a parameter\n" + nameHint},
		{name: "semicolons", file: "c.csv", text: "a;b\n1;2\n", wantErr: "c.csv:1:1: \"a;b\" cannot name a parameter\nhint: separate cells with commas"},
		{name: "very long name", file: "c.csv", text: strings.Repeat("x", 5000) + "\n1\n", wantErr: "c.csv:1:1: \"" + strings.Repeat("x", 60) + "…\" cannot name a parameter\n" + nameHint},
		{name: "all ragged rows", file: "c.csv", text: "a,b\n1\n1,2\n1,2,3\n", wantErr: "c.csv:2:1: this row has another number of cells than the header\nc.csv:4:1: this row has another number of cells than the header\nhint: the header has 2: check for a comma that needs quotes"},
		{name: "tabs", file: "c.csv", text: "a\tb\n1\t2\n", wantErr: "c.csv:1:1: \"a\\tb\" cannot name a parameter\nhint: separate cells with commas"},
		{name: "UTF-16", file: "c.csv", text: "\xff\xfea\x00\n\x00", wantErr: "c.csv:1:1: the text is UTF-16, not UTF-8\nhint: save the file as UTF-8, or change it: iconv -f UTF-16 -t UTF-8 OLD > NEW"},
		{name: "quote in a cell", file: "c.csv", text: "a\nx\"y\n", wantErr: "c.csv:2:2: a quote stands within a cell that has none around it\nhint: put the whole cell in quotes, and write quotes in it twice: \"a \"\"b\"\" c\""},
		{name: "half a character", file: "c.jsonl", text: "{\"a\":\"ü\\ud83d\\ude00\"}\n{\"a\":\"ü\\ud800x\"}\n", wantErr: "c.jsonl:2:8: \\ud800 is half a character\nhint: write the character itself, in UTF-8"},
		{name: "half a character at the end", file: "c.json", text: "[\n {\"a\":\"\\\\u\", \"b\":\"\\ude00\"}]", wantErr: "c.json:2:19: \\ude00 is half a character\nhint: write the character itself, in UTF-8"},
		{name: "JSON without a comma", file: "c.json", text: "[{\"a\":1}\n  {\"a\":2}]", wantErr: "c.json:2:3: a comma is missing\nhint: write it like [{\"size\": 1}, {\"size\": 2}]"},
		{name: "JSON Lines cut", file: "c.jsonl", text: "{\"a\":1}\n{\"a\":", wantErr: "c.jsonl:2:6: the JSON ends too early\nhint: close every quote, brace and bracket"},
		{name: "JSON Lines with a slip", file: "c.jsonl", text: "{\"ü\":1 2}", wantErr: "c.jsonl:1:8: invalid character '2' after object key:value pair\nhint: write a configuration like {\"size\": 1, \"name\": \"a\"}"},
		{name: "header only", file: "c.csv", text: "a,b\n", wantErr: "c.csv: there are no configurations in it\nhint: write a header, such as size,name, and a row for each configuration"},
		{name: "empty", file: "c.csv", text: "", wantErr: "c.csv: there are no configurations in it\nhint: write a header, such as size,name, and a row for each configuration"},
		{name: "open quote", file: "c.csv", text: "a\n\"x\n", wantErr: "c.csv:2:4: a quoted cell is not closed, or something follows its end\nhint: put the whole cell in quotes, and write quotes in it twice: \"a \"\"b\"\" c\""},
		{name: "Latin-1", file: "c.csv", text: "a\n1\ncaf\xe9\n", wantErr: "c.csv:3:1: parameter \"a\" is not UTF-8\nhint: save the file in that encoding"},
		{name: "NUL", file: "c.csv", text: "a\nx\x00\n", wantErr: "c.csv:2:1: parameter \"a\" holds a NUL character\nhint: neither commands nor variables can"},
		{name: "JSON", file: "c.json", text: `[{"a":1,"b":"x"},{"b":"y","a":2.50}]`, want: []string{`{"a":1,"b":"x"}`, `{"b":"y","a":2.50}`}},
		{name: "JSON of another shape", file: "c.json", text: `{"a":1}`, wantErr: "c.json: is not a list of configurations\nhint: write it like [{\"size\": 1}, {\"size\": 2}]"},
		{name: "empty JSON", file: "c.json", text: "", wantErr: "c.json: is not a list of configurations\nhint: write it like [{\"size\": 1}, {\"size\": 2}]"},
		{name: "JSON of numbers", file: "c.json", text: `[1]`, wantErr: "c.json:1:2: a configuration is an object of parameters, not a number or a boolean\nhint: write a configuration like {\"size\": 1, \"name\": \"a\"}"},
		{name: "JSON cut", file: "c.json", text: "[{\"a\":1},\n{\"a\"", wantErr: "c.json:2:5: the JSON ends too early\nhint: close every quote, brace and bracket"},
		{name: "JSON cut between", file: "c.json", text: "[{\"a\":1}\n", wantErr: "c.json:2:1: the JSON ends too early\nhint: close every quote, brace and bracket"},
		{name: "JSON with a slip", file: "c.json", text: "[\n{\"a\":1},\n{\"a\" 2}]", wantErr: "c.json:3:6: invalid character '2' after object key\nhint: write it like [{\"size\": 1}, {\"size\": 2}]"},
		{name: "JSON and more", file: "c.json", text: "[{\"a\":1}]\n[]", wantErr: "c.json:2:1: something follows the list of configurations\nhint: take it out: the file is one list"},
		{name: "JSON nested", file: "c.json", text: "[\n {\"a\": 1},\n {\n \"a\": {\"b\": 1}}]", wantErr: "c.json:4:7: parameter \"a\" is an object\nhint: a value is text, a number, true or false"},
		{name: "JSON ragged", file: "c.json", text: "[{\"a\":1},\n\n{\"b\":1}]", wantErr: "c.json:3:1: parameter \"b\" is not in the first configuration\nhint: known here: a"},
		{name: "JSON twice", file: "c.json", text: `[{"a":1,"a":2}]`, wantErr: "c.json:1:13: parameter \"a\" is there twice\nhint: give one of them another name"},
		{name: "empty list", file: "c.json", text: `[]`, wantErr: "c.json: there are no configurations in it\nhint: write a configuration like {\"size\": 1, \"name\": \"a\"} for each job"},
		{name: "nested", file: "c.jsonl", text: "{\"a\":1}\n\n{\"a\":[1]}\n", wantErr: "c.jsonl:3:6: parameter \"a\" is a list\nhint: a value is text, a number, true or false"},
		{name: "null", file: "c.jsonl", text: "{\"a\":null}\n", wantErr: "c.jsonl:1:6: parameter \"a\" is null\nhint: a value is text, a number, true or false"},
		{name: "missing", file: "c.jsonl", text: "{\"a\":1,\"b\":2}\n{\"a\":1}\n", wantErr: "c.jsonl:2:1: parameter \"b\" is missing\nhint: every configuration has the parameters of the first"},
		{name: "misspelt", file: "c.jsonl", text: "{\"size\":1}\n{\"siez\":1}\n", wantErr: "c.jsonl:2:1: parameter \"siez\" is not in the first configuration\nhint: did you mean \"size\"?"},
		{name: "name of another kind", file: "c.jsonl", text: "\n{\"../a\":1}\n", wantErr: "c.jsonl:2:1: \"../a\" cannot name a parameter\n" + nameHint},
		{name: "two on a line", file: "c.jsonl", text: "{\"a\":1} {\"a\":2}\n", wantErr: "c.jsonl:1:9: something follows the configuration\nhint: write one configuration a line, and nothing else"},
		{name: "JSON in Latin-1", file: "c.jsonl", text: "{\"a\":\"caf\xe9\"}\n", wantErr: "c.jsonl:1:10: the text is not UTF-8\nhint: save the file in that encoding"},
		{name: "JSON with NUL", file: "c.jsonl", text: "{\"a\":\"\\u0000\"}\n", wantErr: "c.jsonl:1:1: parameter \"a\" holds a NUL character\nhint: neither commands nor variables can"},
		{name: "very long line", file: "c.jsonl", text: "{\"a\":1}\n{\"a\":\"" + strings.Repeat("x", 3<<20) + "\"}\n", wantErr: "c.jsonl:2:1: this line is longer than 2097152 bytes\nhint: keep large values in files, and name these"},
		{name: "JSON Lines", file: "c.ndjson", text: "\ufeff{\"a\":true}\r\n{\"a\":false}", want: []string{`{"a":true}`, `{"a":false}`}},
		{name: "another ending", file: "c.xlsx", text: "x", wantErr: "c.xlsx: is not a parameter file\nhint: its name ends in .csv, .json or .jsonl"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, tt.file)
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			var got []string
			source, err := job.FileSource(path)
			if err == nil {
				got, err = texts(t, source)
			}
			if tt.wantErr != "" {
				if err == nil || strings.ReplaceAll(err.Error(), dir+"/", "") != tt.wantErr {
					t.Errorf("got error %v, want %s", err, tt.wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("configurations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "d.csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "configs.csv"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"none.csv":    "none.csv: there is no such file\nhint: look for it: ls DIR",
		"confgis.csv": "confgis.csv: there is no such file\nhint: did you mean configs.csv?",
		"d.csv":       "d.csv: is a folder\nhint: name a file in it: ls d.csv",
	} {
		_, err := job.FileSource(filepath.Join(dir, name))
		if err == nil || strings.ReplaceAll(strings.ReplaceAll(err.Error(), dir+"/", ""), dir, "DIR") != want {
			t.Errorf("%s: got error %v, want %s", name, err, want)
		}
	}
}

// A million configurations are never in memory at once.
func TestMillionConfigurations(t *testing.T) {
	const rows = 1_000_000
	for name, text := range map[string]struct{ head, row string }{
		"c.csv":   {"n,word\n", "%d,abc\n"},
		"c.jsonl": {"", "{\"n\":%d,\"word\":\"abc\"}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			writeRows(t, path, text.head, text.row, rows)
			source, err := job.FileSource(path)
			if err != nil {
				t.Fatal(err)
			}
			var before, during runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			n, peak := 0, uint64(0)
			for c, err := range source.Configs {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n%(rows/10) == 0 {
					if value, _ := c.Get("n"); value.Text != strconv.Itoa(n-1) {
						t.Fatalf("configuration %d: got %s", n-1, c)
					}
					runtime.GC()
					runtime.ReadMemStats(&during)
					peak = max(peak, during.HeapAlloc)
				}
			}
			if n != rows {
				t.Errorf("got %d configurations, want %d", n, rows)
			}
			if grown := int64(peak) - int64(before.HeapAlloc); grown > 1<<20 {
				t.Errorf("the heap grew by %d bytes, want at most 1 MiB", grown)
			}
			if each := (during.TotalAlloc - before.TotalAlloc) / rows; each > 2048 {
				t.Errorf("got %d bytes allocated a configuration, want at most 2048", each)
			}
		})
	}
}

func writeRows(t *testing.T, path, head, row string, n int) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	w.WriteString(head)
	for i := range n {
		fmt.Fprintf(w, row, i)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestGridCountsLikeAnOdometer(t *testing.T) {
	axis := func(s string) job.Axis {
		a, err := job.ParseAxis(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	params, err := job.Params{Grid: job.Grid{axis("a=x,y"), axis("b=9")}}.Override([]job.Axis{axis("b=1..2"), axis("c=0..0.2..0.1")})
	if err != nil {
		t.Fatal(err)
	}
	source, err := job.Job{Params: params}.Source()
	if err != nil {
		t.Fatal(err)
	}
	got, err := texts(t, source)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, a := range []string{"x", "y"} {
		for _, b := range []string{"1", "2"} {
			for _, c := range []string{"0.0", "0.1", "0.2"} {
				want = append(want, fmt.Sprintf(`{"a":%q,"b":%s,"c":%s}`, a, b, c))
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configurations (-want +got):\n%s", diff)
	}
}

func TestParseAxis(t *testing.T) {
	tests := []struct{ in, want, wantErr string }{
		{in: "n=3..1", want: "3 2 1"},
		{in: "n=1,5..6,x", want: "1 5 6 x"},
		{in: "path=../data", want: "../data"},
		{in: "path=..", want: ".."},
		{in: "tag=v1..v2", want: "v1..v2"},
		{in: "v=1..2..3..4", wantErr: `-p v=1..2..3..4: "1..2..3..4" is no range`},
		{in: "n=1..", wantErr: `-p n=1..: "1.." is no range`},
		{in: "n=1..2..0", wantErr: "-p n=1..2..0: a step is more than 0"},
		{in: "n=1..1e9", wantErr: `-p n=1..1e9: "1..1e9" is no range`},
		{in: "n=1..9999999", wantErr: "-p n=1..9999999: the range has more than 1000000 values"},
		{in: "n", wantErr: `-p: parameter "n" is given no values`},
		{in: "n=", wantErr: `-p: parameter "n" is given no values`},
		{in: "2=n", wantErr: `-p: "2" cannot name a parameter`},
	}
	for _, tt := range tests {
		axis, err := job.ParseAxis(tt.in)
		if tt.wantErr != "" {
			if err == nil || err.Error() != tt.wantErr {
				t.Errorf("ParseAxis(%q): got error %v, want %s", tt.in, err, tt.wantErr)
			}
			continue
		}
		var got []string
		for _, v := range axis.Values {
			got = append(got, v.Text)
		}
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("ParseAxis(%q): got %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1,"b":"\u2028<","c":true}`, `{"a":-0.10e5}`, `{"a":{}}`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c job.Config
		if json.Unmarshal(data, &c) != nil {
			return
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("marshalling what was read from %q: %v", data, err)
		}
		var back job.Config
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatalf("reading back %s: %v", text, err)
		}
		if diff := cmp.Diff(c, back); diff != "" {
			t.Errorf("after a round trip (-want +got):\n%s", diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("name: x\ncommand: [a, \"{b}\"]\nparams: {grid: {b: [1, .5, yes, 0x1F]}}\n"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("name: x\nimage: y\nenv: &e {A: 1}\nsecrets: {<<: *e}\nscaling: burst\ncpu: .inf"))
	f.Add([]byte("name: x\nimage: y\npermissions: [{Effect: a, Action: b, Resource: [c], Condition: {a: [.nan, 2020-01-01, {b: 1}]}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := job.Parse("f", data)
		if err != nil {
			return
		}
		if _, err := json.Marshal(j); err != nil {
			t.Errorf("a job that parsed does not marshal: %v", err)
		}
	})
}

func FuzzFileSource(f *testing.F) {
	for ending, text := range map[string]string{
		".csv": "a,b\n1,\"x\ny\"\n", ".json": "[{\"a\":1},\n{\"a\":2}]", ".jsonl": "{\"a\":true}\n\n{\"a\":\"x\"}",
	} {
		f.Add(ending, []byte(text))
	}
	path := filepath.Join(f.TempDir(), "c")
	f.Fuzz(func(t *testing.T, ending string, text []byte) {
		if ending != ".csv" && ending != ".json" {
			ending = ".jsonl"
		}
		path := path + strconv.Itoa(os.Getpid()) + ending
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		source, err := job.FileSource(path)
		if err != nil {
			return
		}
		for c, err := range source.Configs {
			if err != nil {
				break
			}
			if got := len(c.Names()); got != len(source.Names) {
				t.Errorf("got %d parameters, want %d", got, len(source.Names))
			}
		}
	})
}

// A slip in a grid's ranges does not send billions of messages.
func TestTooManyConfigurations(t *testing.T) {
	thousand, err := job.ParseAxis("n=1..1000")
	if err != nil {
		t.Fatal(err)
	}
	grid := job.Grid{}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		grid = append(grid, job.Axis{Name: name, Values: thousand.Values})
	}
	_, err = job.Job{Params: job.Params{Grid: grid}}.Source()
	const want = "params: the grid has 1000 × 1000 × 1000 × 1000 × 1000 × 1000 × 1000 configurations"
	if bad, ok := errors.AsType[job.Problem](err); !ok || bad.Error() != want || bad.Hint == "" {
		t.Errorf("got error %v, want %s and a hint", err, want)
	}
	grid = append(grid[:2], job.Axis{Name: "x", Values: thousand.Values[:10]})
	if _, err := (job.Job{Params: job.Params{Grid: grid}}).Source(); err != nil {
		t.Errorf("%d configurations: got error %v", job.MaxJobs, err)
	}
}

// Whoever goes through many configurations can be interrupted.
func TestInterruptedConfigurations(t *testing.T) {
	thousand, err := job.ParseAxis("n=1..1000")
	if err != nil {
		t.Fatal(err)
	}
	source, err := job.Job{Params: job.Params{Grid: job.Grid{{Name: "a", Values: thousand.Values}, {Name: "b", Values: thousand.Values}}}}.Source()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, last := range source.Each(ctx) {
		if err = last; err == nil {
			n++
		}
		cancel()
	}
	if n == 0 || n > 2048 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d configurations and %v, want few and that it was cancelled", n, err)
	}
}
