package logs

import (
	"regexp"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/wire"
)

func invalid(format string, args ...any) *wire.Fault {
	return wire.Faultf("InvalidParameterException", format, args...)
}

func noGroup() *wire.Fault {
	return wire.Faultf("ResourceNotFoundException", "The specified log group does not exist.")
}

func noStream() *wire.Fault {
	return wire.Faultf("ResourceNotFoundException", "The specified log stream does not exist.")
}

// constraint is AWS's message for a member that breaks a rule of its shape.
func constraint(value any, member, rule string) *wire.Fault {
	return invalid("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s", value, member, rule)
}

// checkGroupName applies CreateLogGroup's rules.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
func checkGroupName(name *string) (string, error) {
	const pattern = `[\.\-_/#A-Za-z0-9]+`
	return checkName(name, "logGroupName", pattern)
}

// checkStreamName applies CreateLogStream's rules.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html
func checkStreamName(name *string) (string, error) {
	const pattern = `[^:*]*`
	return checkName(name, "logStreamName", pattern)
}

func checkName(name *string, member, pattern string) (string, error) {
	switch {
	case name == nil:
		return "", constraint("null", member, "Member must not be null")
	case *name == "":
		return "", constraint("", member, "Member must have length greater than or equal to 1")
	case len(*name) > 512:
		return "", constraint(*name, member, "Member must have length less than or equal to 512")
	case !regexp.MustCompile("^" + pattern + "$").MatchString(*name):
		return "", constraint(*name, member, "Member must satisfy regular expression pattern: "+pattern)
	}
	return *name, nil
}

// checkLimit returns how many items a page has: most, or fewer if asked for.
func checkLimit(limit *int32, most int32) (int, error) {
	switch {
	case limit == nil:
		return int(most), nil
	case *limit < 1:
		return 0, constraint(*limit, "limit", "Member must have value greater than or equal to 1")
	case *limit > most:
		return 0, invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value less than or equal to %d", *limit, most)
	}
	return int(*limit), nil
}

// chosenGroup returns the name of the group that a request names, or gives by
// name or ARN as its identifier.
func chosenGroup(name, identifier *string) (string, error) {
	switch {
	case name != nil && identifier != nil:
		return "", invalid("Both logGroupName and logGroupIdentifier cannot be specified")
	case identifier != nil:
		return groupOfARN(*identifier), nil
	}
	return checkGroupName(name)
}

// groupOfARN returns the group's name in an ARN, with or without its ":*".
func groupOfARN(arn string) string {
	if _, name, ok := strings.Cut(arn, ":log-group:"); ok {
		return strings.TrimSuffix(name, ":*")
	}
	return arn
}

func (s *Service) groupARN(name string) string {
	return s.account.ARN("logs", "log-group:"+name)
}

func (s *Service) streamARN(group, stream string) string {
	return s.groupARN(group) + ":log-stream:" + stream
}

// millis is how the API, and the store, give times.
func millis(t time.Time) int64 { return t.UnixMilli() }

// behind is the first string after all that begin with prefix.
func behind(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return "\xff" // UTF-8 has no such byte
}
