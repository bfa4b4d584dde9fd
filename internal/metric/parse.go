package metric

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Metric math: numbers, ids of other queries, arrays, operators and functions.
//
//	expression = operand { operator operand }           see ranks()
//	operand    = "-" operand | atom [ "^" operand ]
//	atom       = number | id | "(" expression ")" | array | NAME "(" arguments ")"
//	array      = "[" expression { "," expression } "]"
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html

// A problem is an error in CloudWatch's words, which begin with a capital.
type problem string

func (p problem) Error() string { return string(p) }

func refuse(format string, args ...any) error { return problem(fmt.Sprintf(format, args...)) }

// invalidSyntax is all that CloudWatch says of a text that is no expression.
const invalidSyntax problem = "Invalid syntax"

// A referenceError is one in an expression that this one refers to.
type referenceError struct{ cause error }

func (e *referenceError) Error() string { return e.cause.Error() }

// A parser reads an expression from left to right.
type parser struct {
	rest    string
	metrics []string                       // what METRICS() stands for
	refer   func(id string) (*node, error) // the query of an id
	common  time.Duration                  // the period of all that it refers to
}

func (p *parser) parse() (term, error) {
	if fields := strings.Fields(p.rest); len(fields) > 0 && strings.EqualFold(fields[0], "SELECT") {
		return term{}, refuse("Metrics Insights queries are not supported here")
	}
	t, err := p.expression(0)
	if err != nil {
		return term{}, err
	}
	if p.skip(); p.rest != "" {
		return term{}, invalidSyntax
	}
	if t.kind == scalar {
		return term{}, refuse("The result must be a time series or an array of time series, not a scalar")
	}
	return t, nil
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
		return invalidSyntax
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
		return joined(items)
	}
	if p.rest == "" {
		return term{}, invalidSyntax
	}
	switch c := p.rest[0]; {
	case c == '.' || digit(c):
		return p.number()
	case letter(c):
		return p.name()
	}
	return term{}, invalidSyntax
}

// number reads digits, a point and an exponent: 5, .5, 1.5, 1e3.
func (p *parser) number() (term, error) {
	text := p.word(func(c byte) bool { return c == '.' || letter(c) || digit(c) })
	if n := len(text); (text[n-1] == 'e' || text[n-1] == 'E') && p.rest != "" && (p.rest[0] == '-' || p.rest[0] == '+') {
		sign := p.rest[:1]
		p.rest = p.rest[1:]
		text += sign + p.word(digit)
	}
	for i := range len(text) { // ParseFloat takes more than numbers: 0x1p4, 1_000
		if c := text[i]; !digit(c) && !strings.ContainsRune(".eE+-", rune(c)) {
			return term{}, invalidSyntax
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return term{}, invalidSyntax
	}
	return constant(n), nil
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
		return term{}, invalidSyntax
	}
	return p.variable(name)
}

// variable is the result of another query.
func (p *parser) variable(id string) (term, error) {
	n, err := p.refer(id)
	if err != nil {
		return term{}, err
	}
	if p.common != 0 && p.common != n.period {
		return term{}, refuse("All metrics must have the same period")
	}
	p.common = n.period
	return term{kind: n.kind, eval: func(e *Evaluation) value { return e.value(id) }}, nil
}

// call reads a function's arguments, up to the closing parenthesis.
func (p *parser) call(name string) (term, error) {
	switch name {
	case "METRICS":
		return p.allMetrics()
	case "FILL":
		return p.fill()
	case "SORT":
		return p.sort()
	case "PERIOD":
		return p.period()
	case "SEARCH", "ANOMALY_DETECTION_BAND", "INSIGHT_RULE_METRIC", "SERVICE_QUOTA", "DB_PERF_INSIGHTS", "LAMBDA":
		return term{}, refuse("Function '%s' is not supported here", name)
	}
	function, ok := functions()[name]
	if !ok {
		return term{}, refuse("Function '%s' not found", name)
	}
	args, err := p.until(")")
	if err != nil {
		return term{}, err
	}
	t, err := function(args)
	if err != nil {
		return term{}, refuse("Function '%s' takes %s", name, err)
	}
	return t, nil
}

// allMetrics reads the rest of METRICS(), or of METRICS("text"): the metrics
// whose ids contain the text.
func (p *parser) allMetrics() (term, error) {
	text := ""
	if quote := p.take(`"`, "'"); quote != "" {
		text = p.word(func(c byte) bool { return c != quote[0] })
		if err := p.expect(quote); err != nil {
			return term{}, err
		}
	}
	if err := p.expect(")"); err != nil {
		return term{}, err
	}
	var items []term
	for _, id := range p.metrics {
		if !strings.Contains(id, text) {
			continue
		}
		item, err := p.variable(id)
		if err != nil {
			return term{}, err
		}
		items = append(items, item)
	}
	return joined(items)
}

// fill reads the rest of FILL(series, number), FILL(series, REPEAT) or
// FILL(series, LINEAR).
func (p *parser) fill() (term, error) {
	of, err := p.expression(0)
	if err != nil {
		return term{}, err
	}
	if of.kind == scalar {
		return term{}, refuse("Function 'FILL' takes %s", errSeries())
	}
	if err := p.expect(","); err != nil {
		return term{}, err
	}
	switch p.take("REPEAT", "LINEAR") {
	case "REPEAT":
		return of.each(repeated), p.expect(")")
	case "LINEAR":
		return of.each(interpolated), p.expect(")")
	}
	filler, err := p.expression(0)
	if err != nil {
		return term{}, err
	}
	if filler.kind == array {
		return term{}, refuse("Function 'FILL' fills with a scalar, a time series, REPEAT or LINEAR")
	}
	return filled(of, filler), p.expect(")")
}

// sort reads the rest of SORT(array, FUNCTION, ORDER) or of
// SORT(array, FUNCTION, ORDER, limit).
func (p *parser) sort() (term, error) {
	of, err := p.expression(0)
	if err != nil {
		return term{}, err
	}
	if of.kind != array {
		return term{}, refuse("Function 'SORT' takes an array of time series")
	}
	if err := p.expect(","); err != nil {
		return term{}, err
	}
	by, ok := reducers()[p.take("AVG", "MIN", "MAX", "SUM")]
	if !ok {
		return term{}, refuse("Function 'SORT' sorts by AVG, MIN, MAX or SUM")
	}
	if err := p.expect(","); err != nil {
		return term{}, err
	}
	order := p.take("ASC", "DESC")
	if order == "" {
		return term{}, refuse("Function 'SORT' sorts in the order ASC or DESC")
	}
	if p.take(",") == "" {
		return sorted(of, by, order, nil), p.expect(")")
	}
	limit, err := p.expression(0)
	if err != nil {
		return term{}, err
	}
	if limit.kind != scalar {
		return term{}, refuse("Function 'SORT' takes a scalar as its limit")
	}
	return sorted(of, by, order, limit.eval), p.expect(")")
}

// period reads the rest of PERIOD(id): of a metric, not of an expression.
func (p *parser) period() (term, error) {
	p.skip()
	id := p.word(inName)
	if !slices.Contains(p.metrics, id) {
		return term{}, refuse("Function 'PERIOD' takes a metric")
	}
	of, err := p.variable(id)
	if err != nil {
		return term{}, err
	}
	of.kind, of.eval = scalar, func(e *Evaluation) value { return value{number: e.grid.Period.Seconds()} }
	return of, p.expect(")")
}
