package job_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

func TestFileSource(t *testing.T) {
	tests := []struct {
		name, file, text string
		want             []string
		wantErr          string
	}{
		{name: "CSV", file: "c.csv", text: "a,b\n1,x\n2,\"y, z\"\n", want: []string{`{"a":"1","b":"x"}`, `{"a":"2","b":"y, z"}`}},
		{name: "BOM and CRLF", file: "c.CSV", text: "\ufeffa,b\r\n1,<x>\r\n", want: []string{`{"a":"1","b":"\u003cx\u003e"}`}},
		{name: "ragged", file: "c.csv", text: "a,b\n1\n", wantErr: "c.csv:2:1: this row has another number of cells than the header\nhint: check for a comma that needs quotes"},
		{name: "doubled column", file: "c.csv", text: "a,a\n1,2\n", wantErr: `c.csv: parameter "a" is there twice`},
		{name: "unnamed column", file: "c.csv", text: "a,\n1,2\n", wantErr: `c.csv: "" cannot name a parameter: a letter, then letters, digits, _ and -`},
		{name: "header only", file: "c.csv", text: "a,b\n", wantErr: "c.csv: there are no configurations in it"},
		{name: "empty", file: "c.csv", text: "", wantErr: "c.csv: there are no configurations in it"},
		{name: "open quote", file: "c.csv", text: "a\n\"x\n", wantErr: `c.csv:2:4: extraneous or missing " in quoted-field`},
		{name: "JSON", file: "c.json", text: `[{"a":1,"b":"x"},{"b":"y","a":2.50}]`, want: []string{`{"a":1,"b":"x"}`, `{"b":"y","a":2.50}`}},
		{name: "JSON of another shape", file: "c.json", text: `{"a":1}`, wantErr: "c.json: is not a list of configurations\nhint: write it like [{\"size\": 1}, {\"size\": 2}]"},
		{name: "JSON cut", file: "c.json", text: `[{"a":1},`, wantErr: "c.json: configuration 2: the JSON ends too early"},
		{name: "empty list", file: "c.json", text: `[]`, wantErr: "c.json: there are no configurations in it"},
		{name: "nested", file: "c.jsonl", text: "{\"a\":1}\n\n{\"a\":[1]}\n", wantErr: `c.jsonl:3:1: parameter "a" is a list; a value is text, a number, true or false`},
		{name: "null", file: "c.jsonl", text: "{\"a\":null}\n", wantErr: `c.jsonl:1:1: parameter "a" is null; a value is text, a number, true or false`},
		{name: "missing", file: "c.jsonl", text: "{\"a\":1,\"b\":2}\n{\"a\":1}\n", wantErr: `c.jsonl: configuration 2: parameter "b" is missing`},
		{name: "JSON Lines", file: "c.ndjson", text: "{\"a\":true}\n{\"a\":false}", want: []string{`{"a":true}`, `{"a":false}`}},
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
		{in: "v=1..2..3..4", want: "1..2..3..4"},
		{in: "n=1..2..0", wantErr: "-p n=1..2..0: a step is more than 0"},
		{in: "n=1..1e9", want: "1..1e9"},
		{in: "n=1..9999999", wantErr: "-p n=1..9999999: the range has more than 1000000 values"},
		{in: "n", wantErr: "-p n: is not a parameter"},
		{in: "n=", wantErr: "-p n=: is not a parameter"},
		{in: "2=n", wantErr: "-p 2=n: is not a parameter"},
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
