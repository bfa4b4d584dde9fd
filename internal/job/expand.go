package job

import (
	"fmt"
	"strings"
)

// Expand replaces the placeholders of a command: {name} by the parameter's
// text, {{ by a brace. The error is a Problem that names the placeholder.
func Expand(command []string, c Config) ([]string, error) {
	argv := make([]string, len(command))
	for i, word := range command {
		var b strings.Builder
		p := scan(word, func(literal, name string) *Problem {
			b.WriteString(literal)
			if name == "" {
				return nil
			}
			value, ok := c.Get(name)
			if !ok {
				return unknownPlaceholder(name, c.Names())
			}
			b.WriteString(value.Text)
			return nil
		})
		if p != nil {
			return nil, *p
		}
		argv[i] = b.String()
	}
	return argv, nil
}

// CheckCommand says whether every placeholder of a command names one of the
// parameters.
func CheckCommand(command, names []string) error {
	for _, word := range command {
		if p := checkWord(word, names); p != nil {
			return *p
		}
	}
	return nil
}

func checkWord(word string, names []string) *Problem {
	return scan(word, func(_, name string) *Problem {
		for _, known := range names {
			if name == known {
				return nil
			}
		}
		if name == "" {
			return nil
		}
		return unknownPlaceholder(name, names)
	})
}

func unknownPlaceholder(name string, names []string) *Problem {
	hint := didYouMean(name, names)
	if hint == "" {
		hint = "this job has no parameters; write {{ for a brace"
	}
	return &Problem{File: "command", Fact: fmt.Sprintf("placeholder {%s} is no parameter", name), Hint: hint}
}

// scan calls visit for every stretch of literal text and the placeholder that
// ends it; the name is empty at the end of the word.
func scan(word string, visit func(literal, name string) *Problem) *Problem {
	var literal strings.Builder
	for rest := word; ; {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			literal.WriteString(rest)
			return visit(literal.String(), "")
		}
		literal.WriteString(rest[:open])
		rest = rest[open+1:]
		if strings.HasPrefix(rest, "{") {
			literal.WriteByte('{')
			rest = rest[1:]
			continue
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok || name == "" {
			return &Problem{File: "command", Fact: fmt.Sprintf("%q has a { that begins no placeholder", word), Hint: "write {{ for a brace"}
		}
		if p := visit(literal.String(), name); p != nil {
			return p
		}
		literal.Reset()
		rest = after
	}
}
