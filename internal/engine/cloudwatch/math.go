package cloudwatch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Metric math: numbers, ids of other queries, lists, METRICS(), operators and
// the functions of functions().
//
//	expression = operand { operator operand }           see ranks()
//	operand    = "-" operand | atom [ "^" operand ]
//	atom       = number | id | "(" expression ")" | list | NAME "(" arguments ")"
//	list       = "[" expression { "," expression } "]"
//
// What an expression may be made of is known when it is parsed: a number, a
// time series, or a list of them. Its result is one time series.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html

// An expression is a parsed text.
type expression struct {
	eval expr
	refs []string // in the order of their first use
}

// A parser reads an expression from left to right.
type parser struct {
	rest    string
	metrics []string // what METRICS() stands for
	refs    []string
}

// parse reads an expression; metrics are the ids of the metrics, not the
// expressions, beside it.
func parse(text string, metrics []string) (expression, error) {
	p := &parser{rest: text, metrics: metrics}
	t, err := p.expression(0)
	if err != nil {
		return expression{}, err
	}
	if p.skip(); p.rest != "" {
		return expression{}, fmt.Errorf("unexpected %q", p.rest)
	}
	switch {
	case len(p.refs) == 0:
		return expression{}, fmt.Errorf("it refers to no metric")
	case t.kind != series:
		return expression{}, fmt.Errorf("its result is %s, not a single time series", t.kind)
	}
	return expression{eval: t.eval, refs: p.refs}, nil
}

func (p *parser) skip() { p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace) }

// take consumes the first of the given tokens that comes next; it is empty when
// none does.
func (p *parser) take(tokens ...string) string {
	p.skip()
	for _, token := range tokens {
		after, ok := strings.CutPrefix(p.rest, token)
		if !ok || letter(token[0]) && after != "" && inName(after[0]) {
			continue
		}
		p.rest = after
		return token
	}
	return ""
}

func (p *parser) expect(token string) error {
	if p.take(token) == "" {
		return fmt.Errorf("expected %q before %q", token, p.rest)
	}
	return nil
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }
func inName(c byte) bool { return letter(c) || digit(c) || c == '_' }

// word consumes the longest prefix of bytes that belong to it.
func (p *parser) word(belongs func(byte) bool) string {
	end := 0
	for end < len(p.rest) && belongs(p.rest[end]) {
		end++
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

// ranks are the operators that bind to the left, from those that bind least.
func ranks() [][]string {
	return [][]string{{"||", "OR"}, {"&&", "AND"}, {"==", "!=", "<=", ">=", "<", ">"}, {"+", "-"}, {"*", "/"}}
}

// expression reads operands between operators of a rank and those above it.
func (p *parser) expression(rank int) (term, error) {
	if rank == len(ranks()) {
		return p.operand()
	}
	left, err := p.expression(rank + 1)
	for err == nil {
		op := p.take(ranks()[rank]...)
		if op == "" {
			return left, nil
		}
		var right term
		if right, err = p.expression(rank + 1); err == nil {
			left, err = binary(op, left, right)
		}
	}
	return term{}, err
}

func (p *parser) operand() (term, error) {
	if p.take("-") != "" {
		operand, err := p.operand()
		if err != nil {
			return term{}, err
		}
		return binary("-", constant(0), operand)
	}
	base, err := p.atom()
	if err != nil || p.take("^") == "" {
		return base, err
	}
	exponent, err := p.operand()
	if err != nil {
		return term{}, err
	}
	return binary("^", base, exponent)
}

func (p *parser) atom() (term, error) {
	if p.take("(") != "" {
		inner, err := p.expression(0)
		if err != nil {
			return term{}, err
		}
		return inner, p.expect(")")
	}
	if p.take("[") != "" {
		items, err := p.until("]")
		if err != nil {
			return term{}, err
		}
		return listed(items)
	}
	if p.rest == "" {
		return term{}, fmt.Errorf("unexpected end of the expression")
	}
	switch c := p.rest[0]; {
	case c == '.' || digit(c):
		text := p.word(func(c byte) bool { return c == '.' || letter(c) || digit(c) })
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return term{}, fmt.Errorf("%q is not a number", text)
		}
		return constant(n), nil
	case letter(c):
		return p.name()
	}
	return term{}, fmt.Errorf("unexpected %q", p.rest)
}

// until reads expressions between commas and what closes them.
func (p *parser) until(closing string) ([]term, error) {
	var items []term
	for {
		item, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if p.take(",") == "" {
			return items, p.expect(closing)
		}
	}
}

// name reads an id, or a function with its arguments. Ids begin with a
// lower-case letter, functions are in capitals.
func (p *parser) name() (term, error) {
	name := p.word(inName)
	if p.take("(") != "" {
		return p.call(name)
	}
	if name[0] < 'a' {
		return term{}, fmt.Errorf("%s is not supported", name)
	}
	return p.refer(name), nil
}

func (p *parser) refer(id string) term {
	if !slices.Contains(p.refs, id) {
		p.refs = append(p.refs, id)
	}
	return term{kind: series, width: 1, eval: func(ids map[string]value) value { return ids[id] }}
}

// call reads a function's arguments, up to the closing parenthesis.
func (p *parser) call(name string) (term, error) {
	switch name {
	case "METRICS":
		return p.allMetrics()
	case "FILL":
		return p.fill()
	}
	function, ok := functions()[name]
	if !ok {
		return term{}, fmt.Errorf("the function %s is not supported", name)
	}
	args, err := p.until(")")
	if err != nil {
		return term{}, err
	}
	t, err := function(args)
	if err != nil {
		return term{}, fmt.Errorf("%s takes %w", name, err)
	}
	return t, nil
}

// allMetrics reads the rest of METRICS(), or of METRICS("text"): the metrics
// whose ids contain the text.
func (p *parser) allMetrics() (term, error) {
	text := ""
	if p.take(`"`) != "" {
		text = p.word(func(c byte) bool { return c != '"' })
		if err := p.expect(`"`); err != nil {
			return term{}, err
		}
	}
	var items []term
	for _, id := range p.metrics {
		if strings.Contains(id, text) {
			items = append(items, p.refer(id))
		}
	}
	if len(items) == 0 {
		return term{}, fmt.Errorf("METRICS(%s) stands for no metric", strconv.Quote(text))
	}
	all, err := listed(items)
	if err != nil {
		return term{}, err
	}
	return all, p.expect(")")
}

// fill reads the rest of FILL(series, number) or FILL(series, REPEAT).
func (p *parser) fill() (term, error) {
	of, err := p.expression(0)
	if err != nil {
		return term{}, err
	}
	if of.kind == number {
		return term{}, fmt.Errorf("FILL takes a time series or a list of them")
	}
	if err := p.expect(","); err != nil {
		return term{}, err
	}
	if p.take("REPEAT") != "" {
		return of.with(repeated), p.expect(")")
	}
	filler, err := p.expression(0)
	if err != nil {
		return term{}, err
	}
	if filler.kind == list {
		return term{}, fmt.Errorf("FILL fills with a number, a time series or REPEAT")
	}
	return filled(of, filler), p.expect(")")
}
