package wire

import (
	"bytes"
	"strconv"
)

// presence notes which members a request had. Plain numbers and booleans of
// the SDK's inputs cannot say it: a DelaySeconds of 0 and none look alike.
// Members are noted as their paths in Go's names, each between line feeds; a
// map's values are not entered, since keys may hold any character.
type presence struct {
	noted  []byte
	path   []byte
	inAMap int
}

// enter notes a member and makes it the one whose members are noted next. The
// result is for leave.
func (p *presence) enter(member string) int {
	outer := len(p.path)
	if p.inAMap > 0 {
		return outer
	}
	if p.noted == nil {
		p.noted, p.path = make([]byte, 0, 256), make([]byte, 0, 64)
	}
	if outer > 0 {
		p.path = append(p.path, '.')
	}
	p.path = append(p.path, member...)
	p.noted = append(append(append(p.noted, '\n'), p.path...), '\n')
	return outer
}

// enterElement makes a list's element the one whose members are noted next.
func (p *presence) enterElement(i int) int {
	outer := len(p.path)
	if p.inAMap > 0 {
		return outer
	}
	p.path = append(p.path, '[')
	p.path = strconv.AppendInt(p.path, int64(i), 10)
	p.path = append(p.path, ']')
	return outer
}

func (p *presence) leave(outer int) {
	p.path = p.path[:outer]
}

func (p *presence) has(path string) bool {
	return bytes.Contains(p.noted, []byte("\n"+path+"\n"))
}
