package job

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	if !utf8.Valid(data) {
		return errors.New("the text is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	open, err := dec.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') {
		return fmt.Errorf("a configuration is an object of parameters, not %s", describe(data))
	}
	config := Config{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		value, err := scalar(raw)
		if err != nil {
			return fmt.Errorf("parameter %s is %w", brief(name), err)
		}
		if _, twice := config.Get(name); twice {
			return fmt.Errorf("parameter %s is there twice", brief(name))
		}
		config = append(config, Param{Name: name, Value: value})
	}
	*c = config
	return nil
}

// scalar reads one JSON value that is neither null nor nested.
func scalar(raw json.RawMessage) (Value, error) {
	switch raw[0] {
	case '{', '[', 'n':
		return Value{}, fmt.Errorf("%s; "+valueHint, describe(raw))
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return Value{Text: s}, err
	}
	return Value{Text: string(raw), Literal: true}, nil
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
