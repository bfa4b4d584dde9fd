package scheduler

import (
	"net/http"
	"regexp"
	"slices"
	"sync"

	"github.com/spate-run/spate/internal/wire"
)

func validation(format string, args ...any) error {
	return wire.Faultf("ValidationException", format, args...)
}

func noSchedule(name string) error {
	return &wire.Fault{
		Code: "ResourceNotFoundException", Message: "Schedule " + name + " does not exist.", Status: http.StatusNotFound,
	}
}

func noGroup(name string) error {
	return &wire.Fault{
		Code: "ResourceNotFoundException", Message: "Schedule group " + name + " does not exist.", Status: http.StatusNotFound,
	}
}

func conflict(what, name string) error {
	return &wire.Fault{Code: "ConflictException", Message: what + " " + name + " already exists.", Status: http.StatusConflict}
}

var namePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-zA-Z-_.]{1,64}$`) })

func checkName(member, name string) error {
	if !namePattern().MatchString(name) {
		return validation("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$", name, member)
	}
	return nil
}

func null(member string) error {
	return validation("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}

// checkEnum holds a value to an enumeration; one that is not given passes.
func checkEnum[E ~string](member string, value E, values []E) error {
	if value == "" || slices.Contains(values, value) {
		return nil
	}
	return validation("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: %v", value, member, values)
}

// checkRange holds a number to a range; one that is not given passes.
func checkRange(member string, value *int32, low, high int32) error {
	if value == nil || low <= *value && *value <= high {
		return nil
	}
	return validation("1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: Member must have value between %d and %d", *value, member, low, high)
}
