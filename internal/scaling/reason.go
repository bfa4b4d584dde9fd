package scaling

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Initial is the reason of an alarm that was not evaluated yet.
const Initial = "Unchecked: Initial alarm creation"

// reason words a state as CloudWatch does, after the state reasons that its
// notifications and DescribeAlarms show.
func (a Alarm) reason(s State, known []Point, breaching int) string {
	filled := a.Periods - len(known)
	if s == InsufficientData {
		return "Insufficient Data: " + counted(filled, "datapoint", "was", "were") + " unknown."
	}
	if filled > 0 && (a.Missing == Breaching || a.Missing == NotBreaching) {
		return a.filledReason(len(known), filled)
	}
	return a.crossedReason(s, known, breaching)
}

func (a Alarm) filledReason(known, filled int) string {
	received := "no datapoints were"
	if known > 0 {
		received = counted(known, "datapoint", "was", "were")
	}
	treated := "NonBreaching"
	if a.Missing == Breaching {
		treated = "Breaching"
	}
	return fmt.Sprintf("Threshold Crossed: %s received for %s and %s treated as [%s].",
		received, plural(a.Periods, "period"), counted(filled, "missing datapoint", "was", "were"), treated)
}

func (a Alarm) crossedReason(s State, known []Point, breaching int) string {
	count, not, transition := breaching, "", "OK -> ALARM"
	needed := a.needed()
	if s == OK {
		count, not, transition = len(known)-breaching, "not ", "ALARM -> OK"
		needed = a.Periods - needed + 1
	}
	var values []string
	for _, p := range slices.Backward(known) { // the newest comes first
		if a.Comparison.holds(p.Value, a.Threshold) == (s == InAlarm) {
			values = append(values, number(p.Value)+p.Time.UTC().Format(" (02/01/06 15:04:05)"))
		}
	}
	verb := "were"
	if count == 1 {
		verb = "was"
	}
	return fmt.Sprintf("Threshold Crossed: %d out of the last %d datapoints [%s] %s %s%s the threshold (%s) (minimum %s for %s transition).",
		count, len(known), strings.Join(values, ", "), verb, not, a.Comparison.words(),
		number(a.Threshold), plural(needed, "datapoint"), transition)
}

func (c Comparison) words() string {
	switch c {
	case AtLeast:
		return "greater than or equal to"
	case Above:
		return "greater than"
	case Below:
		return "less than"
	}
	return "less than or equal to"
}

func counted(n int, noun, one, many string) string {
	if n == 1 {
		return "1 " + noun + " " + one
	}
	return plural(n, noun) + " " + many
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// number writes a double as Java does, which CloudWatch's reasons show: always
// with a decimal point, and with an exponent outside 10^-3 to 10^7.
func number(x float64) string {
	if abs := math.Abs(x); abs != 0 && (abs < 1e-3 || abs >= 1e7) {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'E', -1, 64), "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		power, _ := strconv.Atoi(exponent)
		return mantissa + "E" + strconv.Itoa(power)
	}
	s := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
