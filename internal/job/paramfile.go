package job

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
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

// A row is a configuration of a file and the line where it begins.
type row struct {
	config Config
	line   int
}

// A reader gives the next row of a file, or io.EOF. Other errors are Problems.
type reader func() (row, error)

// openers reads parameter files, by the ending of their names.
func openers() map[string]func(name string, r io.Reader) (reader, error) {
	return map[string]func(string, io.Reader) (reader, error){
		".csv": openCSV, ".json": openJSON, ".jsonl": openJSONLines, ".ndjson": openJSONLines,
	}
}

// FileSource opens a CSV file with a header, a JSON list of objects or JSON
// Lines. Mistakes in it are Problems with their lines.
func FileSource(path string) (*Source, error) {
	var first row
	var err error
	for first, err = range rows(path) {
		break
	}
	if err != nil {
		return nil, err
	}
	if first.config == nil {
		return nil, Problems{{File: path, Fact: "there are no configurations in it"}}
	}
	names := first.config.Names()
	if _, p := checkNames(names); p != nil {
		return nil, p.at(path, first.line, 1)
	}
	return &Source{Names: names, Configs: func(yield func(Config, error) bool) {
		for r, err := range rows(path) {
			if err == nil {
				if p := checkRow(names, r.config); p != nil {
					err = p.at(path, r.line, 1)
				}
			}
			if !yield(r.config, err) || err != nil {
				return
			}
		}
	}}, nil
}

// checkRow says whether a configuration has the given parameters, with values
// that a command can have.
func checkRow(names []string, c Config) *Problem {
	if p := sameNames(names, c); p != nil {
		return p
	}
	for _, param := range c {
		if p := checkText(param.Name, param.Value.Text); p != nil {
			return p
		}
	}
	return nil
}

func rows(path string) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		open, ok := openers()[strings.ToLower(filepath.Ext(path))]
		if !ok {
			yield(row{}, Problems{{File: path, Fact: "is not a parameter file", Hint: "its name ends in .csv, .json or .jsonl"}})
			return
		}
		f, err := os.Open(path)
		if err != nil {
			yield(row{}, unreadable(path, err))
			return
		}
		defer f.Close()
		text := bufio.NewReaderSize(f, 1<<16)
		if bom, err := text.Peek(3); err == nil && string(bom) == "\ufeff" {
			_, _ = text.Discard(3)
		}
		next, err := open(path, text)
		for err == nil {
			var r row
			if r, err = next(); err == nil && !yield(r, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(row{}, err)
		}
	}
}

// unreadable tells of a file that there is not, or that cannot be read.
func unreadable(path string, err error) error {
	fact := err.Error()
	if errors.Is(err, fs.ErrNotExist) {
		fact = "there is no such file"
	} else if bad, ok := errors.AsType[*fs.PathError](err); ok {
		fact = bad.Err.Error()
	}
	return Problems{{File: path, Fact: fact}}
}

func openCSV(name string, r io.Reader) (reader, error) {
	cells := csv.NewReader(r)
	cells.ReuseRecord = true
	header, err := cells.Read()
	if err != nil {
		return nil, csvProblem(name, err)
	}
	header = slices.Clone(header)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	if i, p := checkNames(header); p != nil {
		line, column := cells.FieldPos(i)
		return nil, p.at(name, line, column)
	}
	return func() (row, error) {
		values, err := cells.Read()
		if err != nil {
			return row{}, csvProblem(name, err)
		}
		c := make(Config, len(header))
		for i, cell := range values {
			c[i] = Param{Name: header[i], Value: Text(cell)}
		}
		line, _ := cells.FieldPos(0)
		return row{c, line}, nil
	}, nil
}

func csvProblem(name string, err error) error {
	bad, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case errors.Is(err, io.EOF):
		return err
	case !ok:
		return unreadable(name, err)
	}
	p := Problem{Fact: bad.Err.Error()}
	if errors.Is(err, csv.ErrFieldCount) {
		p.Fact, p.Hint = "this row has another number of cells than the header", "check for a comma that needs quotes"
	}
	return p.at(name, bad.Line, max(bad.Column, 1))
}

// maxLine bounds a line of JSON Lines; a message holds at most 1 MiB.
const maxLine = 2 << 20

func openJSONLines(name string, r io.Reader) (reader, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1<<16), maxLine)
	line := 0
	return func() (row, error) {
		for lines.Scan() {
			line++
			if len(bytes.TrimSpace(lines.Bytes())) == 0 {
				continue
			}
			var c Config
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				return row{}, jsonProblem(err).at(name, line, 1)
			}
			return row{c, line}, nil
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			return row{}, (&Problem{Fact: fmt.Sprintf("this line is longer than %d bytes", maxLine)}).at(name, line+1, 1)
		case err != nil:
			return row{}, unreadable(name, err)
		}
		return row{}, io.EOF
	}, nil
}

func openJSON(name string, r io.Reader) (reader, error) {
	lines := &lineReader{r: r}
	dec := json.NewDecoder(lines)
	fail := func(err error) error {
		offset := lines.read // the end, where it comes too early
		if bad, ok := errors.AsType[*json.SyntaxError](err); ok {
			offset = bad.Offset
		}
		return jsonProblem(err).at(name, lines.line(offset), 1)
	}
	open, err := dec.Token()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fail(err)
	}
	if open != json.Delim('[') {
		return nil, Problems{{File: name, Fact: "is not a list of configurations", Hint: `write it like [{"size": 1}, {"size": 2}]`}}
	}
	return func() (row, error) {
		if !dec.More() {
			if _, err := dec.Token(); err != nil { // the closing bracket
				return row{}, fail(err)
			}
			if _, err := dec.Token(); !errors.Is(err, io.EOF) {
				return row{}, (&Problem{Fact: "something follows the list of configurations"}).at(name, lines.line(dec.InputOffset()), 1)
			}
			return row{}, io.EOF
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return row{}, fail(err)
		}
		line := lines.line(dec.InputOffset() - int64(len(raw)))
		var c Config
		if err := json.Unmarshal(raw, &c); err != nil {
			return row{}, jsonProblem(err).at(name, line, 1)
		}
		return row{c, line}, nil
	}, nil
}

// A lineReader tells which line an offset is in. It remembers only the lines
// that were not asked about yet.
type lineReader struct {
	r      io.Reader
	read   int64
	begins []int64 // the offsets of lines after the last one asked for
	passed int
}

func (l *lineReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, c := range p[:n] {
		if c == '\n' {
			l.begins = append(l.begins, l.read+int64(i)+1)
		}
	}
	l.read += int64(n)
	return n, err
}

// line counts from 1; offsets only grow.
func (l *lineReader) line(offset int64) int {
	for len(l.begins) > 0 && l.begins[0] <= offset {
		l.passed++
		l.begins = l.begins[1:]
	}
	return l.passed + 1
}

func jsonProblem(err error) *Problem {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &Problem{Fact: "the JSON ends too early"}
	}
	if p, ok := errors.AsType[Problem](err); ok {
		return &p
	}
	return &Problem{Fact: err.Error()}
}
