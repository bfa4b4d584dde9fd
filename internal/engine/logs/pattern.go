package logs

import (
	"strings"
	"unicode"
)

// A pattern is a filter pattern for unstructured events: terms and quoted
// phrases that all have to be there, -ones that must not, and ?ones of which
// any has to be. Optional terms count only where there are no others.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
type pattern struct {
	required, excluded, optional []string
}

func (p pattern) matches(message string) bool {
	for _, term := range p.required {
		if !strings.Contains(message, term) {
			return false
		}
	}
	for _, term := range p.excluded {
		if strings.Contains(message, term) {
			return false
		}
	}
	if len(p.optional) == 0 || len(p.required) > 0 || len(p.excluded) > 0 {
		return true
	}
	for _, term := range p.optional {
		if strings.Contains(message, term) {
			return true
		}
	}
	return false
}

// parsePattern reads a pattern. JSON, space-delimited and regular-expression
// patterns are refused.
func parsePattern(text string) (pattern, error) {
	var p pattern
	rest := strings.TrimSpace(text)
	if rest != "" && strings.ContainsRune("{[%", rune(rest[0])) {
		return p, invalid("Invalid filter pattern: this engine knows terms only, not JSON, space-delimited or regular expression patterns")
	}
	for rest != "" {
		kind := &p.required
		switch rest[0] {
		case '-':
			kind, rest = &p.excluded, rest[1:]
		case '?':
			kind, rest = &p.optional, rest[1:]
		}
		term, after, err := nextTerm(rest)
		if err != nil {
			return p, err
		}
		*kind = append(*kind, term)
		rest = strings.TrimSpace(after)
	}
	return p, nil
}

// nextTerm takes a term, or a phrase in quotes, off the front of text.
func nextTerm(text string) (term, after string, err error) {
	if !strings.HasPrefix(text, `"`) {
		term, after, _ = strings.Cut(text, " ")
		for _, c := range term {
			if c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
				return "", "", invalid("Invalid character(s) in term '%s'", term)
			}
		}
		if term == "" {
			return "", "", invalid("Invalid filter pattern: a term is empty")
		}
		return term, after, nil
	}
	var phrase strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
		case text[i] == '"' && phrase.Len() == 0:
			return "", "", invalid("Invalid filter pattern: a phrase is empty")
		case text[i] == '"':
			return phrase.String(), text[i+1:], nil
		}
		phrase.WriteByte(text[i])
	}
	return "", "", invalid("Invalid filter pattern: a quote is not closed")
}
