package sqs

import (
	"strconv"
	"strings"
)

// Limits of an attribute of type Number.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-message-attributes
const (
	maxPrecision = 38   // digits, leading and trailing zeros apart
	minPower     = -128 // a value is 0 or at least 10 to this power
	maxPower     = 126  // and at most 10 to this one
)

// isNumber says whether a text is a decimal number of the precision and the size
// that a Number attribute can have.
func isNumber(text string) bool {
	digits, power, ok := decimal(text)
	if !ok {
		return false
	}
	if digits == "" {
		return true // 0
	}
	power += len(digits) // of the first digit, plus 1
	most := power-1 == maxPower && digits == "1"
	return len(digits) <= maxPrecision && power-1 >= minPower && (power-1 < maxPower || most)
}

// decimal reads a number as digits without zeros at either end, none for 0, which
// are times 10 to a power.
func decimal(text string) (digits string, power int, ok bool) {
	if text != "" && (text[0] == '-' || text[0] == '+') {
		text = text[1:]
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exponent, err := strconv.ParseInt(text[i+1:], 10, 32)
		if err != nil {
			return "", 0, false
		}
		text, power = text[:i], int(exponent)
	}
	whole, fraction, _ := strings.Cut(text, ".")
	digits = whole + fraction
	if digits == "" || strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", 0, false
	}
	power -= len(fraction)
	digits = strings.TrimLeft(digits, "0")
	kept := strings.TrimRight(digits, "0")
	return kept, power + len(digits) - len(kept), true
}
