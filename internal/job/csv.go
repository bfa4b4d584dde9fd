package job

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A csvTable reads a CSV file below its header.
type csvTable struct {
	name   string
	cells  *csv.Reader
	header []string
}

func openCSV(name string, r io.Reader) (reader, error) {
	t := &csvTable{name: name, cells: csv.NewReader(r)}
	t.cells.ReuseRecord, t.cells.FieldsPerRecord = true, -1
	header, err := t.cells.Read()
	if err != nil {
		return nil, csvProblem(name, err)
	}
	t.header = slices.Clone(header)
	for i := range t.header {
		t.header[i] = strings.TrimSpace(t.header[i])
	}
	if i, p := checkNames(t.header); p != nil {
		if len(t.header) == 1 && strings.ContainsAny(t.header[0], ";\t") {
			p.Hint = "separate cells with commas"
		}
		line, column := t.cells.FieldPos(i)
		return nil, p.at(name, line, column)
	}
	return t.next, nil
}

func (t *csvTable) next() (row, error) {
	values, err := t.cells.Read()
	if err != nil {
		return row{}, csvProblem(t.name, err)
	}
	line, column := t.cells.FieldPos(0)
	if len(values) != len(t.header) {
		return row{}, t.ragged(line)
	}
	c := make(Config, len(t.header))
	for i, cell := range values {
		c[i] = Param{Name: t.header[i], Value: Text(cell)}
	}
	return row{c, line, column}, nil
}

// mostRagged is how many rows of another length are told.
const mostRagged = 20

// ragged tells of all rows with another number of cells than the header, from
// the first of them on.
func (t *csvTable) ragged(line int) error {
	var all Problems
	more := 0
	for values := []string(nil); ; {
		switch {
		case len(values) == len(t.header):
		case len(all) == mostRagged:
			more++
		default:
			all = append(all, Problem{File: t.name, Line: line, Column: 1, Fact: "this row has another number of cells than the header"})
		}
		var err error
		if values, err = t.cells.Read(); err != nil {
			break
		}
		line, _ = t.cells.FieldPos(0)
	}
	last := &all[len(all)-1]
	last.Hint = fmt.Sprintf("the header has %d: check for a comma that needs quotes", len(t.header))
	if more > 0 {
		last.Fact += fmt.Sprintf(", and so have %d rows below it", more)
	}
	return all
}

func csvProblem(name string, err error) error {
	bad, ok := errors.AsType[*csv.ParseError](err)
	switch {
	case errors.Is(err, io.EOF):
		return err
	case !ok:
		return unreadable(name, err)
	}
	p := Problem{Fact: bad.Err.Error(), Hint: `put the whole cell in quotes, and write quotes in it twice: "a ""b"" c"`}
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		p.Fact = "a quote stands within a cell that has none around it"
	case errors.Is(err, csv.ErrQuote):
		p.Fact = "a quoted cell is not closed, or something follows its end"
	}
	return p.at(name, bad.Line, max(bad.Column, 1))
}
