package cron

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An expression is a cron expression of six fields.
type expression struct {
	minute, hour, month, year []int
	day, weekday              func(date time.Time) bool // one of them is "?", and always holds
	zone                      *time.Location
}

// A fieldRange is the values of a field and the names in it, from low on.
type fieldRange struct {
	name      string
	low, high int
	names     string
}

// lastYear is the last one that AWS takes.
const lastYear = 2199

func parseCron(text string, zone *time.Location) (Schedule, error) {
	fields := strings.Fields(strings.ToUpper(text))
	if len(fields) != 6 {
		return nil, fmt.Errorf("%q has %d fields and not 6", text, len(fields))
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return nil, fmt.Errorf("%q must have ? for exactly one of day-of-month and day-of-week", text)
	}
	e := &expression{zone: zone}
	var err error
	for _, f := range []struct {
		fieldRange
		text   string
		values *[]int
	}{
		{fieldRange{"minutes", 0, 59, ""}, fields[0], &e.minute},
		{fieldRange{"hours", 0, 23, ""}, fields[1], &e.hour},
		{fieldRange{"month", 1, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"}, fields[3], &e.month},
		{fieldRange{"year", 1970, lastYear, ""}, fields[5], &e.year},
	} {
		if *f.values, err = f.parse(f.text); err != nil {
			return nil, err
		}
	}
	if e.day, err = parseDay(fields[2]); err != nil {
		return nil, err
	}
	if e.weekday, err = parseWeekday(fields[4]); err != nil {
		return nil, err
	}
	return e, nil
}

// parse reads a list of values, ranges and steps.
func (f fieldRange) parse(text string) ([]int, error) {
	var values []int
	for part := range strings.SplitSeq(text, ",") {
		spread, step, stepped := strings.Cut(part, "/")
		by := 1
		if stepped {
			var err error
			if by, err = strconv.Atoi(step); err != nil || by < 1 {
				return nil, fmt.Errorf("%q is no step of %s", step, f.name)
			}
		}
		low, high, err := f.spread(spread, stepped)
		if err != nil {
			return nil, err
		}
		for v := low; v <= high; v += by {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	return slices.Compact(values), nil
}

// spread reads "*", a value or a range. A value before a step begins a range
// that ends with the field.
func (f fieldRange) spread(text string, stepped bool) (low, high int, err error) {
	if text == "*" {
		return f.low, f.high, nil
	}
	first, last, ranged := strings.Cut(text, "-")
	if low, err = f.value(first); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		high, err = f.value(last)
	case stepped:
		high = f.high
	default:
		high = low
	}
	if err == nil && high < low {
		err = fmt.Errorf("%q of %s runs backwards", text, f.name)
	}
	return low, high, err
}

func (f fieldRange) value(text string) (int, error) {
	if i := slices.Index(strings.Fields(f.names), text); i >= 0 {
		return f.low + i, nil
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < f.low || v > f.high {
		return 0, fmt.Errorf("%q is not in %s, %d to %d", text, f.name, f.low, f.high)
	}
	return v, nil
}

func always(time.Time) bool { return true }

// parseDay reads a day of the month: L is the last one, and 15W the weekday in
// the month that is nearest to the 15th.
func parseDay(text string) (func(time.Time) bool, error) {
	field := fieldRange{"day-of-month", 1, 31, ""}
	if text == "?" {
		return always, nil
	}
	if text == "L" {
		return func(d time.Time) bool { return d.Day() == lastDay(d) }, nil
	}
	if number, ok := strings.CutSuffix(text, "W"); ok {
		day, err := field.value(number)
		return func(d time.Time) bool { return d.Day() == nearestWeekday(d, day) }, err
	}
	days, err := field.parse(text)
	return func(d time.Time) bool { return slices.Contains(days, d.Day()) }, err
}

func lastDay(d time.Time) int {
	return time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// nearestWeekday is the day from Monday to Friday nearest to a day of d's
// month, within that month.
func nearestWeekday(d time.Time, day int) int {
	day = min(day, lastDay(d))
	switch time.Date(d.Year(), d.Month(), day, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if day == 1 {
			return 3
		}
		return day - 1
	case time.Sunday:
		if day == lastDay(d) {
			return day - 2
		}
		return day + 1
	}
	return day
}

// parseWeekday reads a day of the week, Sunday being 1: 6L is the last Friday
// of the month, 6#3 the third, and L alone is Saturday.
func parseWeekday(text string) (func(time.Time) bool, error) {
	field := fieldRange{"day-of-week", 1, 7, "SUN MON TUE WED THU FRI SAT"}
	number := func(d time.Time) int { return int(d.Weekday()) + 1 }
	if text == "?" {
		return always, nil
	}
	if text == "L" {
		text = "7"
	}
	if strings.Contains(text, "/") {
		return nil, fmt.Errorf("%q: day-of-week has no steps", text)
	}
	if name, ok := strings.CutSuffix(text, "L"); ok {
		day, err := field.value(name)
		return func(d time.Time) bool { return number(d) == day && d.Day()+7 > lastDay(d) }, err
	}
	if name, nth, ok := strings.Cut(text, "#"); ok {
		day, err := field.value(name)
		if err != nil {
			return nil, err
		}
		n, err := fieldRange{"the weeks of a month", 1, 5, ""}.value(nth)
		return func(d time.Time) bool { return number(d) == day && (d.Day()+6)/7 == n }, err
	}
	days, err := field.parse(text)
	return func(d time.Time) bool { return slices.Contains(days, number(d)) }, err
}

// Next goes day by day from the day of after, for up to as many years as the
// expression has.
func (e *expression) Next(after time.Time) time.Time {
	after = after.In(e.zone)
	last := e.year[len(e.year)-1]
	for date := time.Date(after.Year(), after.Month(), after.Day(), 0, 0, 0, 0, time.UTC); date.Year() <= last; {
		switch {
		case !slices.Contains(e.year, date.Year()):
			date = time.Date(date.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case !slices.Contains(e.month, int(date.Month())):
			date = time.Date(date.Year(), date.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case e.day(date) && e.weekday(date):
			if at := e.within(date, after); !at.IsZero() {
				return at
			}
		}
		date = date.AddDate(0, 0, 1)
	}
	return time.Time{}
}

// within is the first occurrence of a day after a time.
func (e *expression) within(date, after time.Time) time.Time {
	for _, hour := range e.hour {
		for _, minute := range e.minute {
			if at, ok := e.at(date, hour, minute); ok && at.After(after) {
				return at
			}
		}
	}
	return time.Time{}
}

// at is a time of day, the first where a change of clocks repeats it; it is not
// there where one skips it.
func (e *expression) at(date time.Time, hour, minute int) (at time.Time, ok bool) {
	at = time.Date(date.Year(), date.Month(), date.Day(), hour, minute, 0, 0, e.zone)
	if at.Hour() != hour || at.Minute() != minute {
		return time.Time{}, false
	}
	_, before := at.Add(-3 * time.Hour).Zone() // changes are smaller
	_, offset := at.Zone()
	if first := at.Add(time.Duration(offset-before) * time.Second); first.Before(at) && first.Hour() == hour && first.Minute() == minute {
		return first, true
	}
	return at, true
}
