package job

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bytes is a size, written 512MiB or 2GiB.
type Bytes int64

// MiB returns the size in mebibytes, rounded up.
func (b Bytes) MiB() int { return int((b + 1<<20 - 1) >> 20) }

// byteUnits goes from the largest to the smallest, so that a size is written
// in the largest unit that divides it.
func byteUnits() []struct {
	name string
	size int64
} {
	return []struct {
		name string
		size int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}
}

// MarshalText writes the size in the largest unit that divides it.
func (b Bytes) MarshalText() ([]byte, error) {
	for _, unit := range byteUnits() {
		if b != 0 && int64(b)%unit.size == 0 {
			return fmt.Appendf(nil, "%d%s", int64(b)/unit.size, unit.name), nil
		}
	}
	return []byte("0B"), nil
}

// UnmarshalText reads a number and its unit.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := string(text)
	for _, unit := range byteUnits() {
		number, ok := strings.CutSuffix(s, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n >= 0 && n*float64(unit.size) <= 1<<53) {
			break
		}
		*b = Bytes(n * float64(unit.size))
		return nil
	}
	return Problem{Fact: fmt.Sprintf("%q is not a size", s), Hint: "write it like 512MiB or 2GiB"}
}

// A Duration is written as 90s, 30m or 1h30m.
type Duration time.Duration

// String writes the duration without its zero parts: 1h30m, not 1h30m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText writes the duration as String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return Problem{Fact: fmt.Sprintf("%q is not a duration", text), Hint: "write it like 90s, 30m or 1h30m"}
	}
	*d = Duration(parsed)
	return nil
}

// A Percent is a share between 0 and 1, written as 5%.
type Percent float64

// MarshalText writes the share in percent.
func (p Percent) MarshalText() ([]byte, error) {
	return append(strconv.AppendFloat(nil, float64(p)*100, 'g', 6, 64), '%'), nil
}

// UnmarshalText reads a share in percent.
func (p *Percent) UnmarshalText(text []byte) error {
	number, ok := strings.CutSuffix(string(text), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(n >= 0 && n <= 100) {
		return Problem{Fact: fmt.Sprintf("%q is not a share", text), Hint: "write it like 5%"}
	}
	*p = Percent(n / 100)
	return nil
}
