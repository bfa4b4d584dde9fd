package job

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A Config is one configuration: its parameters in the order of their source.
// As JSON it is a flat object.
type Config []Param

// A Param is one parameter of a configuration.
type Param struct {
	Name  string
	Value Value
}

// A Value is a parameter's value, in the very text in which it was written.
type Value struct {
	Text string
	// Literal says that Text is a JSON number, true or false. Other values are
	// JSON strings.
	Literal bool
}

// Text returns a value that is a JSON string.
func Text(s string) Value { return Value{Text: s} }

// literal returns s as a number or a boolean where JSON would read one, and
// as a string otherwise.
func literal(s string) Value {
	isLiteral := json.Valid([]byte(s)) && s != "null" && !strings.ContainsAny(s[:1], `"[{`)
	return Value{Text: s, Literal: isLiteral}
}

// Get returns the value of a parameter.
func (c Config) Get(name string) (Value, bool) {
	for _, p := range c {
		if p.Name == name {
			return p.Value, true
		}
	}
	return Value{}, false
}

// Names returns the parameters' names in order.
func (c Config) Names() []string {
	names := make([]string, len(c))
	for i, p := range c {
		names[i] = p.Name
	}
	return names
}

// String writes the configuration for people: "sector=retail horizon=3".
func (c Config) String() string {
	var b strings.Builder
	for i, p := range c {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p.Name + "=" + p.Value.Text)
	}
	return b.String()
}

// MarshalJSON writes a flat object that keeps the parameters' order.
func (c Config) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, p := range c {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, quote(p.Name)...)
		out = append(out, ':')
		if p.Value.Literal {
			out = append(out, p.Value.Text...)
		} else {
			out = append(out, quote(p.Value.Text)...)
		}
	}
	return append(out, '}'), nil
}

func quote(s string) []byte {
	text, _ := json.Marshal(s) // a string always marshals
	return text
}

// UnmarshalJSON reads a flat object. A parameter that is null, a list or an
// object is an error that names it.
func (c *Config) UnmarshalJSON(data []byte) error {
	config, bad := parseConfig(data)
	if bad != nil {
		return bad.Problem
	}
	*c = config
	return nil
}

// A slip is a problem with JSON, and how many bytes come before it.
type slip struct {
	Problem
	offset int
}

func slipAt(offset int, fact, hint string) *slip {
	return &slip{Problem{Fact: fact, Hint: hint}, offset}
}

// readConfig reads a flat object out of text that may not be JSON at all.
func readConfig(data []byte) (Config, *slip) {
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, syntaxSlip(data, err)
	}
	return parseConfig(data)
}

// syntaxSlip says where text stops being JSON.
func syntaxSlip(data []byte, err error) *slip {
	bad, ok := errors.AsType[*json.SyntaxError](err)
	switch {
	case !ok:
		return slipAt(0, err.Error(), objectHint)
	case int(bad.Offset) >= len(data) && strings.HasPrefix(bad.Error(), "unexpected end"):
		return slipAt(len(data), "the JSON ends too early", "close every quote, brace and bracket")
	case strings.HasSuffix(bad.Error(), "after top-level value"):
		return slipAt(int(bad.Offset)-1, "something follows the configuration", "write one configuration a line, and nothing else")
	}
	return slipAt(int(bad.Offset)-1, bad.Error(), objectHint)
}

// parseConfig reads a flat object.
func parseConfig(data []byte) (Config, *slip) {
	if !utf8.Valid(data) {
		return nil, slipAt(invalidUTF8(data), "the text is not UTF-8", utf8Hint)
	}
	if at := loneSurrogate(data); at >= 0 {
		return nil, slipAt(at, string(data[at:at+6])+" is half a character", "write the character itself, in UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	open, err := dec.Token()
	if err != nil {
		return nil, syntaxSlip(data, err)
	}
	start := int(dec.InputOffset()) - 1
	if open != json.Delim('{') {
		return nil, slipAt(max(0, len(data)-len(bytes.TrimLeft(data, " \t\r\n"))),
			"a configuration is an object of parameters, not "+describe(data), objectHint)
	}
	config := Config{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, slipAt(start, err.Error(), objectHint)
		}
		name, _ := key.(string)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, slipAt(start, err.Error(), objectHint)
		}
		at := int(dec.InputOffset()) - len(raw)
		value, p := scalar(name, raw)
		if _, again := config.Get(name); again {
			p = twice(name)
		}
		if p != nil {
			return nil, &slip{*p, at}
		}
		config = append(config, Param{Name: name, Value: value})
	}
	return config, nil
}

// scalar reads one JSON value that is neither null nor nested.
func scalar(name string, raw json.RawMessage) (Value, *Problem) {
	switch raw[0] {
	case '{', '[', 'n':
		return Value{}, &Problem{Fact: fmt.Sprintf("parameter %s is %s", brief(name), describe(raw)), Hint: valueHint}
	case '"':
		var s string
		_ = json.Unmarshal(raw, &s) // it was read as a token already
		return Text(s), nil
	}
	return Value{Text: string(raw), Literal: true}, nil
}

// loneSurrogate finds an escape such as \ud800 that means half a character, for
// which encoding/json puts U+FFFD; -1 means that there is none.
func loneSurrogate(data []byte) int {
	for i := 0; i+1 < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		unit, ok := escapedUnit(data[i:])
		switch {
		case !ok:
			i++ // an escape of another kind
		case !utf16.IsSurrogate(unit):
			i += 5
		default:
			low, ok := escapedUnit(data[i+6:])
			if !ok || utf16.DecodeRune(unit, low) == utf8.RuneError {
				return i
			}
			i += 11
		}
	}
	return -1
}

// escapedUnit reads an escape such as \u00e9.
func escapedUnit(data []byte) (rune, bool) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	return rune(unit), err == nil
}

func describe(raw []byte) string {
	switch bytes.TrimSpace(raw)[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case 'n':
		return "null"
	case '"':
		return "text"
	}
	return "a number or a boolean"
}
