package autoscaling

import (
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"

	"github.com/spate-run/spate/internal/wire"
)

const (
	namespace = types.ServiceNamespaceEcs
	dimension = types.ScalableDimensionECSServiceDesiredCount
)

var resourcePattern = regexp.MustCompile(`^service/[^/]+/[^/]+$`)

func validation(format string, args ...any) error {
	return wire.Faultf("ValidationException", format, args...)
}

// notFound words what is not there as AWS does; more are pairs that follow.
func notFound(what, resourceID string, more ...string) error {
	message := "No " + what + " for service namespace: " + string(namespace) +
		", resource ID: " + resourceID + ", scalable dimension: " + string(dimension)
	return wire.Faultf("ObjectNotFoundException", "%s", strings.Join(append([]string{message}, more...), ", "))
}

func null(member string) error {
	return validation("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}

// checkResource holds a request to the desired count of an ECS service.
func checkResource(ns types.ServiceNamespace, resourceID *string, d types.ScalableDimension) error {
	switch {
	case ns == "":
		return null("serviceNamespace")
	case resourceID == nil:
		return null("resourceId")
	case d == "":
		return null("scalableDimension")
	case ns != namespace || d != dimension || !resourcePattern.MatchString(*resourceID):
		return unsupported()
	}
	return nil
}

// checkQuery does the same where a request describes, and may leave out all
// but the namespace.
func checkQuery(ns types.ServiceNamespace, d types.ScalableDimension) error {
	switch {
	case ns == "":
		return null("serviceNamespace")
	case ns != namespace || d != "" && d != dimension:
		return unsupported()
	}
	return nil
}

func unsupported() error {
	return validation("Unsupported service namespace, resource type or scalable dimension")
}

func fits(filter *string, value *string) bool {
	return filter == nil || *filter == aws.ToString(value)
}
