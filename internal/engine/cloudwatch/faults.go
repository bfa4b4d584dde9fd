package cloudwatch

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/spate-run/spate/internal/wire"
)

func validation(format string, args ...any) error {
	return wire.Faultf("ValidationError", format, args...)
}

func invalidValue(format string, args ...any) error {
	return &wire.Fault{
		Code: "InvalidParameterValueException", QueryCode: "InvalidParameterValue",
		Message: fmt.Sprintf(format, args...),
	}
}

func invalidCombination(format string, args ...any) error {
	return &wire.Fault{
		Code: "InvalidParameterCombinationException", QueryCode: "InvalidParameterCombination",
		Message: fmt.Sprintf(format, args...),
	}
}

func required(parameter string) error {
	return &wire.Fault{
		Code: "MissingRequiredParameterException", QueryCode: "MissingParameter",
		Message: "The parameter " + parameter + " is required.",
	}
}

func list[E ~string](values []E) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

// notOneOf is how AWS words a value outside of an enumeration.
func notOneOf[E ~string](value E, member string, values []E) error {
	return validation("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]",
		value, member, list(values))
}

func invalidToken() error {
	return wire.Faultf("InvalidNextToken", "The next token specified is invalid.")
}

func noAlarm(name string) error {
	return &wire.Fault{Code: "ResourceNotFound", Message: "Unknown alarm " + name, Status: http.StatusNotFound}
}

func noResource(arn string) error {
	return &wire.Fault{
		Code: "ResourceNotFoundException", Message: "The resource " + arn + " does not exist.", Status: http.StatusNotFound,
	}
}
