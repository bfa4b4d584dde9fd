package template

import (
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// The plain scalars of YAML 1.1 that are not text. Dates are left out: AWS
// takes them as text, in AWSTemplateFormatVersion as in policies.
// https://yaml.org/type/int.html, https://yaml.org/type/float.html
var (
	yamlInt = regexp.MustCompile(`^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	// That digits alone are a float too is AWS's reader's: what begins with 0
	// and is no octal number is one, so that 012345678901 is 1.2345678901E10.
	yamlFloat = regexp.MustCompile(`^[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$`)
	yamlNulls = []string{"", "~", "null", "Null", "NULL"}
	yamlTrue  = []string{"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}
	yamlFalse = []string{"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}
)

// maxNumber is the length in bytes beyond which no scalar is taken for a
// number, so that none takes long to convert.
const maxNumber = 100

// readYAMLScalar reads a scalar with a tag; !ok means that it cannot have it.
func readYAMLScalar(node *Node, n *yaml.Node, tag string) (ok bool) {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	explicit := n.Style&yaml.TaggedStyle != 0
	if tag == "!" || explicit && tag == "!!str" || !explicit && n.Style&quoted != 0 {
		node.Kind, node.Text = String, n.Value
		return true
	}
	node.Kind, node.Text = yamlScalar(n.Value)
	if !explicit {
		return true
	}
	switch tag {
	case "!!int", "!!float":
		return node.Kind == Number
	case "!!bool":
		return node.Kind == Bool
	default: // AWS reads no !!binary and no !!timestamp
		return tag == "!!null" && node.Kind == Null
	}
}

// yamlScalar reads a plain scalar as YAML 1.1 does: yes is true, 010 is 8.
// Numbers come out as AWS's reader, which is in Java, writes them.
func yamlScalar(text string) (Kind, string) {
	switch {
	case slices.Contains(yamlNulls, text):
		return Null, ""
	case slices.Contains(yamlTrue, text):
		return Bool, "true"
	case slices.Contains(yamlFalse, text):
		return Bool, "false"
	case len(text) > maxNumber:
	case yamlInt.MatchString(text):
		if number, ok := yamlInteger(text); ok {
			return Number, number
		}
	case yamlFloat.MatchString(text):
		if f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64); err == nil {
			return Number, javaDouble(f)
		}
	}
	return String, text
}

// yamlInteger returns the decimal digits of an integer of YAML 1.1.
func yamlInteger(text string) (string, bool) {
	digits := strings.ReplaceAll(strings.TrimLeft(text, "-+"), "_", "")
	number, ok := new(big.Int), true
	if strings.Contains(digits, ":") { // base 60
		for _, part := range strings.Split(digits, ":") {
			place, _ := new(big.Int).SetString(part, 10) // the pattern has digits only
			number.Add(number.Mul(number, big.NewInt(60)), place)
		}
	} else {
		number, ok = number.SetString(digits, 0) // knows 0b, 0x and 0 as YAML does
	}
	if !ok {
		return "", false
	}
	if text[0] == '-' {
		number.Neg(number)
	}
	return number.String(), true
}

// javaDouble writes a number as Java's Double.toString does, which is how AWS
// hands it on where a text is wanted: 5.10 as 5.1, 1e9 as 1.0E9.
func javaDouble(f float64) string {
	if size := math.Abs(f); size != 0 && (size < 1e-3 || size >= 1e7) {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, 64), "E")
		power, _ := strconv.Atoi(exponent) // FormatFloat writes digits
		return withPoint(mantissa) + "E" + strconv.Itoa(power)
	}
	return withPoint(strconv.FormatFloat(f, 'f', -1, 64))
}

func withPoint(digits string) string {
	if strings.Contains(digits, ".") {
		return digits
	}
	return digits + ".0"
}
