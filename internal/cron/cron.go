// Package cron reads AWS's schedule expressions, at(…), rate(…) and cron(…),
// and tells when they occur. It is pure: what time it is, is an argument.
//
// Expressions mean what EventBridge Scheduler makes of them: Sunday is 1, one
// of day-of-month and day-of-week is ?, and L, W and # are there. A time of day
// that a change of clocks skips does not occur on that day, and one that it
// repeats occurs once.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
//
// Left to others: when a schedule begins and ends, and which kinds of
// expressions a service takes.
package cron

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Schedule is a schedule expression.
type Schedule interface {
	// Next is the first occurrence after a time; zero when there is none.
	Next(after time.Time) time.Time
}

// Parse reads an expression. at(…) and cron(…) are times in the zone; the
// occurrences of rate(…) are begin and every so often after it.
func Parse(text string, zone *time.Location, begin time.Time) (Schedule, error) {
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

// Once reports whether an expression has a single occurrence, as at(…).
func Once(text string) bool { return strings.HasPrefix(text, "at(") }

type at time.Time

func parseAt(text string, zone *time.Location) (Schedule, error) {
	t, err := time.ParseInLocation("2006-01-02T15:04:05", text, zone)
	if err != nil {
		return nil, fmt.Errorf("%q is not yyyy-mm-ddThh:mm:ss", text)
	}
	return at(t), nil
}

func (a at) Next(after time.Time) time.Time {
	if t := time.Time(a); t.After(after) {
		return t
	}
	return time.Time{}
}

// A rate occurs at begin, and each time that every has passed since.
type rate struct {
	begin time.Time
	every time.Duration
}

func parseRate(text string, begin time.Time) (Schedule, error) {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%q is not a positive number", number)
	}
	every, ok := map[string]time.Duration{
		"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
	}[strings.TrimSuffix(unit, "s")]
	if !ok || n > 1 && !strings.HasSuffix(unit, "s") { // Scheduler takes rate(1 hours), as Terraform's examples have it
		return nil, fmt.Errorf("%q is no unit of %d: minute, minutes, hour, hours, day and days are", unit, n)
	}
	if every > time.Duration(1<<63-1)/time.Duration(n) {
		return nil, fmt.Errorf("%q is too long", text)
	}
	return rate{begin, every * time.Duration(n)}, nil
}

func (r rate) Next(after time.Time) time.Time {
	if r.begin.After(after) {
		return r.begin
	}
	return r.begin.Add((after.Sub(r.begin)/r.every + 1) * r.every)
}
