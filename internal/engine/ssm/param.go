package ssm

import (
	"regexp"
	"strings"

	"github.com/spate-run/spate/internal/wire"
)

func invalid(format string, args ...any) *wire.Fault {
	return wire.Faultf("ValidationException", format, args...)
}

// constraint is AWS's message for a member that breaks a rule of its shape.
func constraint(value any, member, rule string) *wire.Fault {
	return invalid("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s", value, member, rule)
}

// notFound has no message, as AWS's has none.
func notFound() *wire.Fault { return wire.Faultf("ParameterNotFound", "") }

// checkName applies PutParameter's rules.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
func checkName(name *string) (string, error) {
	const levels = 15
	const parts = `If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`
	switch {
	case name == nil:
		return "", constraint("null", "name", "Member must not be null")
	case *name == "":
		return "", constraint("", "name", "Member must have length greater than or equal to 1")
	case len(*name) > 1011:
		return "", constraint(*name, "name", "Member must have length less than or equal to 1011")
	}
	path := strings.TrimPrefix(*name, "/")
	first, _, isPath := strings.Cut(strings.ToLower(path), "/")
	switch {
	case isPath && path == *name:
		return "", invalid("Parameter name must be a fully qualified name.")
	case isPath && first == "aws":
		return "", wire.Faultf("AccessDeniedException", "No access to reserved parameter name: %s.", *name)
	case !isPath && (strings.HasPrefix(first, "aws") || strings.HasPrefix(first, "ssm")):
		return "", invalid(`Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
	case strings.HasPrefix(first, "ssm"), !regexp.MustCompile(`^[\w.-]+(/[\w.-]+)*$`).MatchString(path):
		return "", invalid(`Parameter name: can't be prefixed with "ssm" (case-insensitive). %s`, parts)
	case strings.Count(path, "/") >= levels:
		return "", wire.Faultf("HierarchyLevelLimitExceededException", "Hierarchy level of parameter name is limited to %d levels.", levels)
	}
	return *name, nil
}

// checkPath applies the rules of paths that parameters are looked for under.
func checkPath(path string) error {
	if regexp.MustCompile(`^/([\w.-]+(/[\w.-]+)*/?)?$`).MatchString(path) {
		return nil
	}
	return invalid(`The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". ` +
		`It can't be prefixed with "aws" or "ssm" (case-insensitive). ` +
		`It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). ` +
		`Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". ` +
		`Valid example: /get/parameters2-/by1./path0_.`)
}

// pageSize returns how many items a page has: most, or fewer if asked for.
func pageSize(asked *int32, most int) (int, error) {
	switch {
	case asked == nil:
		return most, nil
	case *asked < 1:
		return 0, constraint(*asked, "maxResults", "Member must have value greater than or equal to 1")
	case int(*asked) > most:
		return 0, invalid("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to %d", *asked, most)
	}
	return int(*asked), nil
}

// page cuts a sorted list: what comes behind the token, size items at most. A
// token is the key of the last item before.
func page[T any](all []T, key func(T) string, token *string, size int) (items []T, next *string) {
	for _, item := range all {
		switch {
		case token != nil && key(item) <= *token:
		case len(items) == size:
			return items, new(key(items[size-1]))
		default:
			items = append(items, item)
		}
	}
	return items, nil
}
