package autoscaling

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A schedule returns its next occurrence after a time, zero when there is none.
type schedule func(after time.Time) time.Time

// parseSchedule reads at(…), rate(…) and cron(…). A rate counts from begin.
// https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
func parseSchedule(text string, zone *time.Location, begin time.Time) (schedule, error) {
	kind, rest, _ := strings.Cut(text, "(")
	inner, ok := strings.CutSuffix(rest, ")")
	if !ok {
		return nil, fmt.Errorf("%q is none of at(…), rate(…) and cron(…)", text)
	}
	switch kind {
	case "at":
		return parseAt(inner, zone)
	case "rate":
		return parseRate(inner, begin)
	case "cron":
		return parseCron(inner, zone)
	}
	return nil, fmt.Errorf("%q is none of at(…), rate(…) and cron(…)", text)
}

func parseAt(text string, zone *time.Location) (schedule, error) {
	at, err := time.ParseInLocation("2006-01-02T15:04:05", text, zone)
	if err != nil {
		return nil, fmt.Errorf("%q is not yyyy-mm-ddThh:mm:ss", text)
	}
	return func(after time.Time) time.Time {
		if at.After(after) {
			return at
		}
		return time.Time{}
	}, nil
}

func parseRate(text string, begin time.Time) (schedule, error) {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%q is not a positive number", number)
	}
	every, ok := map[string]time.Duration{
		"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
	}[strings.TrimSuffix(unit, "s")]
	if !ok || n == 1 && strings.HasSuffix(unit, "s") || n > 1 && !strings.HasSuffix(unit, "s") {
		return nil, fmt.Errorf("%q is no unit of %d: minute, minutes, hour, hours, day and days are", unit, n)
	}
	if every > time.Duration(1<<63-1)/time.Duration(n) {
		return nil, fmt.Errorf("%q is too long", text)
	}
	every *= time.Duration(n)
	return func(after time.Time) time.Time {
		return begin.Add((max(after.Sub(begin), 0)/every + 1) * every)
	}, nil
}
