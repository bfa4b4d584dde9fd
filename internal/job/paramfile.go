package job

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func resolve(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// A reader gives the next configuration of a file, or io.EOF.
type reader func() (Config, error)

// openers reads parameter files, by the ending of their names.
func openers() map[string]func(name string, r io.Reader) (reader, error) {
	return map[string]func(string, io.Reader) (reader, error){
		".csv": openCSV, ".json": openJSON, ".jsonl": openJSONLines, ".ndjson": openJSONLines,
	}
}

// FileSource opens a CSV file with a header, a JSON list of objects or JSON
// Lines. Mistakes in it are Problems with their lines.
func FileSource(path string) (*Source, error) { return fileSource(path) }

func fileSource(path string) (*Source, error) {
	var first Config
	var err error
	for first, err = range fileConfigs(path) {
		break
	}
	if err != nil {
		return nil, err
	}
	if first == nil {
		return nil, Problems{{File: path, Fact: "there are no configurations in it"}}
	}
	names := first.Names()
	if err := checkNames(names); err != nil {
		return nil, Problems{{File: path, Fact: err.Error()}}
	}
	return &Source{Names: names, Configs: func(yield func(Config, error) bool) {
		row := 0
		for c, err := range fileConfigs(path) {
			if row++; err == nil {
				err = sameNames(names, c)
				if err != nil {
					err = Problems{{File: path, Fact: fmt.Sprintf("configuration %d: %v", row, err)}}
				}
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}}, nil
}

func fileConfigs(path string) func(yield func(Config, error) bool) {
	return func(yield func(Config, error) bool) {
		open, ok := openers()[strings.ToLower(filepath.Ext(path))]
		if !ok {
			yield(nil, Problems{{File: path, Fact: "is not a parameter file", Hint: "its name ends in .csv, .json or .jsonl"}})
			return
		}
		f, err := os.Open(path)
		if err != nil {
			yield(nil, fmt.Errorf("reading parameters: %w", err))
			return
		}
		defer f.Close()
		text := bufio.NewReaderSize(f, 1<<16)
		if bom, err := text.Peek(3); err == nil && string(bom) == "\ufeff" {
			_, _ = text.Discard(3)
		}
		next, err := open(path, text)
		for err == nil {
			var c Config
			if c, err = next(); err == nil && !yield(c, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(nil, err)
		}
	}
}

func openCSV(name string, r io.Reader) (reader, error) {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		return nil, csvProblem(name, err)
	}
	header = slices.Clone(header)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	return func() (Config, error) {
		row, err := rows.Read()
		if err != nil {
			return nil, csvProblem(name, err)
		}
		c := make(Config, len(header))
		for i, cell := range row {
			c[i] = Param{Name: header[i], Value: Text(cell)}
		}
		return c, nil
	}, nil
}

func csvProblem(name string, err error) error {
	bad, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return err
	}
	p := Problem{File: name, Line: bad.Line, Column: max(bad.Column, 1), Fact: bad.Err.Error()}
	if errors.Is(err, csv.ErrFieldCount) {
		p.Fact, p.Hint = "this row has another number of cells than the header", "check for a comma that needs quotes"
	}
	return Problems{p}
}

func openJSONLines(name string, r io.Reader) (reader, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), 1<<21) // a message holds at most 1 MiB
	line := 0
	return func() (Config, error) {
		for lines.Scan() {
			line++
			if strings.TrimSpace(lines.Text()) == "" {
				continue
			}
			var c Config
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				return nil, Problems{{File: name, Line: line, Column: 1, Fact: jsonFact(err)}}
			}
			return c, nil
		}
		if err := lines.Err(); err != nil {
			return nil, Problems{{File: name, Line: line + 1, Column: 1, Fact: err.Error()}}
		}
		return nil, io.EOF
	}, nil
}

func openJSON(name string, r io.Reader) (reader, error) {
	dec := json.NewDecoder(r)
	open, err := dec.Token()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, Problems{{File: name, Fact: jsonFact(err)}}
	}
	if open != json.Delim('[') {
		return nil, Problems{{File: name, Fact: "is not a list of configurations", Hint: `write it like [{"size": 1}, {"size": 2}]`}}
	}
	row := 0
	return func() (Config, error) {
		if !dec.More() {
			if _, err := dec.Token(); err != nil { // the closing bracket
				return nil, Problems{{File: name, Fact: jsonFact(err)}}
			}
			return nil, io.EOF
		}
		row++
		var c Config
		if err := dec.Decode(&c); err != nil {
			return nil, Problems{{File: name, Fact: fmt.Sprintf("configuration %d: %s", row, jsonFact(err))}}
		}
		return c, nil
	}, nil
}

func jsonFact(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the JSON ends too early"
	}
	return err.Error()
}
