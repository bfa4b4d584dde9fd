package job

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

func resolve(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// A row is a configuration of a file and where it begins.
type row struct {
	config       Config
	line, column int
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
		return nil, Problems{{File: path, Fact: "there are no configurations in it", Hint: emptyHint(path)}}
	}
	names := first.config.Names()
	if _, p := checkNames(names); p != nil {
		return nil, p.at(path, first.line, first.column)
	}
	return &Source{Names: names, Configs: func(yield func(Config, error) bool) {
		for r, err := range rows(path) {
			if err == nil {
				if p := checkRow(names, r.config); p != nil {
					err = p.at(path, r.line, r.column)
				}
			}
			if !yield(r.config, err) || err != nil {
				return
			}
		}
	}}, nil
}

func emptyHint(path string) string {
	if strings.EqualFold(filepath.Ext(path), ".csv") {
		return "write a header, such as size,name, and a row for each configuration"
	}
	return `write a configuration like {"size": 1, "name": "a"} for each job`
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
		if start, _ := text.Peek(2); string(start) == "\xff\xfe" || string(start) == "\xfe\xff" {
			yield(row{}, encodingProblem(start).at(path, 1, 1))
			return
		}
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
	p := Problem{File: path, Fact: err.Error(), Hint: "look for it: ls " + filepath.Dir(path)}
	switch bad, ok := errors.AsType[*fs.PathError](err); {
	case errors.Is(err, fs.ErrNotExist):
		p.Fact = "there is no such file"
		if near, ok := Nearest(filepath.Base(path), neighbours(path)); ok {
			p.Hint = "did you mean " + filepath.Join(filepath.Dir(path), near) + "?"
		}
	case errors.Is(err, syscall.EISDIR):
		p.Fact, p.Hint = "is a folder", "name a file in it: ls "+path
	case errors.Is(err, fs.ErrPermission):
		p.Fact, p.Hint = "it may not be read", "chmod +r "+path
	case ok:
		p.Fact = bad.Err.Error()
	}
	return Problems{p}
}

// neighbours are the files in the folder of a path.
func neighbours(path string) []string {
	entries, _ := os.ReadDir(filepath.Dir(path)) // a folder that is not there has none
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names
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
			text := lines.Bytes()
			if len(bytes.TrimSpace(text)) == 0 {
				continue
			}
			c, bad := readConfig(text)
			if bad != nil {
				_, column := position(text, bad.offset)
				return row{}, bad.at(name, line, column)
			}
			return row{c, line, 1}, nil
		}
		switch err := lines.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			p := Problem{Fact: fmt.Sprintf("this line is longer than %d bytes", maxLine), Hint: "keep large values in files, and name these"}
			return row{}, p.at(name, line+1, 1)
		case err != nil:
			return row{}, unreadable(name, err)
		}
		return row{}, io.EOF
	}, nil
}

// A jsonList reads a JSON list one element after the other.
type jsonList struct {
	name  string
	lines *lineReader
	dec   *json.Decoder
}

func openJSON(name string, r io.Reader) (reader, error) {
	lines := &lineReader{r: r}
	l := &jsonList{name: name, lines: lines, dec: json.NewDecoder(lines)}
	open, err := l.dec.Token()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, l.malformed(err)
	}
	if open != json.Delim('[') {
		return nil, Problems{{File: name, Fact: "is not a list of configurations", Hint: listOfConfigs}}
	}
	return l.next, nil
}

const listOfConfigs = `write it like [{"size": 1}, {"size": 2}]`

func (l *jsonList) next() (row, error) {
	if !l.dec.More() {
		return row{}, l.end()
	}
	var raw json.RawMessage
	if err := l.dec.Decode(&raw); err != nil {
		return row{}, l.malformed(err)
	}
	line, column := l.lines.position(l.dec.InputOffset() - int64(len(raw)))
	c, bad := parseConfig(raw)
	if bad == nil {
		return row{c, line, column}, nil
	}
	below, across := position(raw, bad.offset)
	if below > 1 {
		column = 1
	}
	return row{}, bad.at(l.name, line+below-1, column+across-1)
}

// end reads the closing bracket, and that nothing comes after it.
func (l *jsonList) end() error {
	if _, err := l.dec.Token(); err != nil {
		return l.malformed(err)
	}
	l.dec.More() // moves on to what follows
	rest, _ := l.rest()
	line, column := l.lines.position(rest)
	if _, err := l.dec.Token(); errors.Is(err, io.EOF) {
		return io.EOF
	}
	return (&Problem{Fact: "something follows the list of configurations", Hint: "take it out: the file is one list"}).at(l.name, line, column)
}

// rest is where the decoder stands, past white space, and what it has read of
// the text from there on.
func (l *jsonList) rest() (offset int64, text []byte) {
	read, _ := io.ReadAll(l.dec.Buffered()) // from memory
	text = bytes.TrimLeft(read, " \t\r\n")
	return l.dec.InputOffset() + int64(len(read)-len(text)), text
}

// malformed says where the list stops being JSON. The decoder's own offsets do
// not count what stands between elements.
func (l *jsonList) malformed(err error) error {
	if _, ok := errors.AsType[*json.SyntaxError](err); !ok && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return unreadable(l.name, err)
	}
	offset, text := l.rest()
	p := &Problem{Fact: "the JSON ends too early", Hint: "close every quote, brace and bracket"}
	if _, ok := errors.AsType[*json.SyntaxError](err); !ok {
		line, column := l.lines.position(l.lines.read)
		return p.at(l.name, line, column)
	}
	element := bytes.TrimLeft(bytes.TrimPrefix(text, []byte(",")), " \t\r\n")
	var raw json.RawMessage
	bad := syntaxSlip(element, cmp.Or(json.Unmarshal(element, &raw), err))
	p = &Problem{Fact: bad.Fact, Hint: listOfConfigs}
	if strings.HasPrefix(err.Error(), "expected comma") {
		p.Fact, bad.offset = "a comma is missing", 0
	}
	line, column := l.lines.position(offset + int64(len(text)-len(element)+bad.offset))
	return p.at(l.name, line, column)
}

// A lineReader tells which line an offset is in. It remembers only the lines
// that were not asked about yet.
type lineReader struct {
	r      io.Reader
	read   int64
	begins []int64 // the offsets of lines after the last one asked for
	passed int     // lines before that one
	begin  int64   // where it begins
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

// position is a line and a column, in bytes, that count from 1; offsets only
// grow.
func (l *lineReader) position(offset int64) (line, column int) {
	for len(l.begins) > 0 && l.begins[0] <= offset {
		l.passed++
		l.begin, l.begins = l.begins[0], l.begins[1:]
	}
	return l.passed + 1, int(offset-l.begin) + 1
}
