package cloudwatch

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Metric math: numbers, ids of other queries, + - * /, parentheses, and FILL.
//
//	sum     = product { ("+" | "-") product }
//	product = factor { ("*" | "/") factor }
//	factor  = "-" factor | "(" sum ")" | number | id | NAME "(" sum { "," sum } ")"
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html

// A value is a time series, one number a period and NaN where there is no
// data, or a single number.
type value struct {
	series []float64 // nil for a single number
	number float64
}

// An expr computes a value from those of the ids that it refers to.
type expr func(ids map[string]value) value

// An expression is a parsed text.
type expression struct {
	eval expr
	refs []string // in the order of their first use
}

// A parser reads an expression from left to right.
type parser struct {
	rest string
	refs []string
}

func parse(text string) (expression, error) {
	p := &parser{rest: text}
	eval, err := p.sum()
	if err != nil {
		return expression{}, err
	}
	if p.peek() != 0 {
		return expression{}, fmt.Errorf("unexpected %q", p.rest)
	}
	return expression{eval: eval, refs: p.refs}, nil
}

// peek skips white space and returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	p.rest = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
	if p.rest == "" {
		return 0
	}
	return p.rest[0]
}

// take consumes the next byte if it is one of set.
func (p *parser) take(set string) (byte, bool) {
	c := p.peek()
	if c == 0 || strings.IndexByte(set, c) < 0 {
		return 0, false
	}
	p.rest = p.rest[1:]
	return c, true
}

// word consumes the longest prefix of letters, digits and what else is given.
func (p *parser) word(more string) string {
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return !letter(r) && (r < '0' || r > '9') && !strings.ContainsRune(more, r)
	})
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

func letter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

func (p *parser) sum() (expr, error)     { return p.chain("+-", p.product) }
func (p *parser) product() (expr, error) { return p.chain("*/", p.factor) }

// chain reads operands between operators of one rank, which bind to the left.
func (p *parser) chain(operators string, operand func() (expr, error)) (expr, error) {
	left, err := operand()
	for err == nil {
		op, ok := p.take(operators)
		if !ok {
			return left, nil
		}
		var right expr
		if right, err = operand(); err == nil {
			left = binary(op, left, right)
		}
	}
	return nil, err
}

func (p *parser) factor() (expr, error) {
	if _, ok := p.take("-"); ok {
		operand, err := p.factor()
		if err != nil {
			return nil, err
		}
		return binary('-', constant(0), operand), nil
	}
	if _, ok := p.take("("); ok {
		inner, err := p.sum()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	c := p.peek()
	switch {
	case c == 0:
		return nil, fmt.Errorf("unexpected end of the expression")
	case c == '.' || c >= '0' && c <= '9':
		text := p.word(".")
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		return constant(number), nil
	case letter(rune(c)):
		return p.name()
	}
	return nil, fmt.Errorf("unexpected %q", p.rest)
}

func (p *parser) expect(c string) error {
	if _, ok := p.take(c); !ok {
		return fmt.Errorf("expected %q before %q", c, p.rest)
	}
	return nil
}

// name reads an id, or a function with its arguments. Ids begin with a
// lower-case letter, functions are in capitals.
func (p *parser) name() (expr, error) {
	name := p.word("_")
	if p.peek() == '(' {
		if name == "FILL" {
			return p.fill()
		}
		return nil, fmt.Errorf("the function %s is not supported", name)
	}
	if name[0] < 'a' {
		return nil, fmt.Errorf("%s is not supported", name)
	}
	if !slices.Contains(p.refs, name) {
		p.refs = append(p.refs, name)
	}
	return func(ids map[string]value) value { return ids[name] }, nil
}

// fill reads FILL(series, number) or FILL(series, REPEAT).
func (p *parser) fill() (expr, error) {
	p.take("(")
	series, err := p.sum()
	if err != nil {
		return nil, err
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	p.peek()
	if rest, ok := strings.CutPrefix(p.rest, "REPEAT"); ok {
		p.rest = rest
		return repeated(series), p.expect(")")
	}
	filler, err := p.sum()
	if err != nil {
		return nil, err
	}
	return filled(series, filler), p.expect(")")
}

func constant(number float64) expr {
	return func(map[string]value) value { return value{number: number} }
}

// filled replaces missing data with another value.
func filled(of, with expr) expr {
	return func(ids map[string]value) value {
		v, filler := of(ids), with(ids)
		return v.each(func(i int, x float64) float64 {
			if math.IsNaN(x) {
				return filler.at(i)
			}
			return x
		})
	}
}

// repeated replaces missing data with the value before it.
func repeated(of expr) expr {
	return func(ids map[string]value) value {
		last := math.NaN()
		return of(ids).each(func(_ int, x float64) float64 {
			if !math.IsNaN(x) {
				last = x
			}
			return last
		})
	}
}

// binary combines two values. A period where one of them has no data, or that
// divides by zero, has none.
func binary(op byte, left, right expr) expr {
	return func(ids map[string]value) value {
		a, b := left(ids), right(ids)
		if a.series == nil {
			number := a.number
			a = b.each(func(int, float64) float64 { return number })
		}
		return a.each(func(i int, x float64) float64 { return calculate(op, x, b.at(i)) })
	}
}

func calculate(op byte, x, y float64) float64 {
	switch op {
	case '+':
		return x + y
	case '-':
		return x - y
	case '*':
		return x * y
	}
	if y == 0 {
		return math.NaN()
	}
	return x / y
}

func (v value) at(i int) float64 {
	if v.series == nil {
		return v.number
	}
	return v.series[i]
}

// each applies f to every period, or to the single number.
func (v value) each(f func(i int, x float64) float64) value {
	if v.series == nil {
		return value{number: f(0, v.number)}
	}
	series := make([]float64, len(v.series))
	for i, x := range v.series {
		series[i] = f(i, x)
	}
	return value{series: series}
}
