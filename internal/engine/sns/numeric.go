package sns

import (
	"encoding/json"
)

// A bound is one comparison of a numeric condition.
type bound struct {
	operator string
	than     float64
}

func (b bound) holds(f float64) bool {
	switch b.operator {
	case "=":
		return f == b.than
	case "<":
		return f < b.than
	case "<=":
		return f <= b.than
	case ">":
		return f > b.than
	}
	return f >= b.than
}

// readNumeric reads a comparison or a range: ["=", 3], ["<", 3] or
// [">", 0, "<=", 3].
// https://docs.aws.amazon.com/sns/latest/dg/numeric-value-matching.html
func readNumeric(items []any) (condition, error) {
	if len(items) == 0 {
		return nil, refusal("Invalid member in numeric match: ]")
	}
	operator, ok := items[0].(string)
	if !ok {
		return nil, refuse("Invalid member in numeric match: %v", items[0])
	}
	first, err := readBound(operator, items[1:])
	if err != nil {
		return nil, err
	}
	bounds := []bound{first}
	switch {
	case len(items) == 2:
	case operator != ">" && operator != ">=":
		return nil, refusal("Too many elements in numeric expression")
	default:
		second, err := readTop(first, items[2:])
		if err != nil {
			return nil, err
		}
		bounds = append(bounds, second)
	}
	return some(func(value any) bool {
		f, ok := value.(float64)
		for _, b := range bounds {
			ok = ok && b.holds(f)
		}
		return ok
	}), nil
}

func readBound(operator string, rest []any) (bound, error) {
	word := operator
	switch operator {
	case "=":
		word = "equals"
	case "<", "<=", ">", ">=":
	default:
		return bound{}, refuse("Unrecognized numeric range operator: %s", operator)
	}
	if len(rest) > 0 {
		if n, ok := rest[0].(json.Number); ok {
			if f, err := n.Float64(); err == nil {
				return bound{operator, f}, nil
			}
		}
	}
	return bound{}, refuse("Value of %s must be numeric", word)
}

// readTop reads the upper end of a range.
func readTop(bottom bound, items []any) (bound, error) {
	operator, ok := items[0].(string)
	if !ok {
		return bound{}, refuse("Bad value in numeric range: %v", items[0])
	}
	if operator != "<" && operator != "<=" {
		return bound{}, refuse("Bad numeric range operator: %s", operator)
	}
	top, err := readBound(operator, items[1:])
	switch {
	case err != nil:
		return top, err
	case top.than <= bottom.than:
		return top, refusal("Bottom must be less than top")
	case len(items) > 2:
		return top, refusal("Too many terms in numeric range expression")
	}
	return top, nil
}
