package sqs

import (
	"net/http"
	"time"

	"github.com/spate-run/spate/internal/wire"
)

// legacy returns a fault whose code in the Query protocol has the old prefix.
func legacy(code, format string, args ...any) *wire.Fault {
	fault := wire.Faultf(code, format, args...)
	fault.QueryCode = "AWS.SimpleQueueService." + code
	return fault
}

func noSuchQueue() *wire.Fault {
	fault := wire.Faultf("QueueDoesNotExist", "The specified queue does not exist.")
	fault.QueryCode = "AWS.SimpleQueueService.NonExistentQueue"
	fault.QueryMessage = "The specified queue does not exist for this wsdl version."
	return fault
}

func queueNameExists(attribute string) *wire.Fault {
	fault := wire.Faultf("QueueNameExists",
		"A queue already exists with the same name and a different value for attribute %s", attribute)
	fault.QueryCode = "QueueAlreadyExists"
	return fault
}

func deletedRecently(wait time.Duration) *wire.Fault {
	return legacy("QueueDeletedRecently", "You must wait %v seconds after deleting a queue before you can create "+
		"another with the same name.", wait.Seconds())
}

func purgeInProgress(queue string, wait time.Duration) *wire.Fault {
	fault := legacy("PurgeQueueInProgress",
		"Only one PurgeQueue operation on %s is allowed every %v seconds.", queue, wait.Seconds())
	fault.Status = http.StatusForbidden
	return fault
}

func overLimit() *wire.Fault {
	fault := wire.Faultf("OverLimit", "Too many messages in flight: a queue allows %d.", inFlightLimit)
	fault.Status = http.StatusForbidden
	return fault
}

func invalidHandle(handle string) *wire.Fault {
	return wire.Faultf("ReceiptHandleIsInvalid",
		"The input receipt handle \"%s\" is not a valid receipt handle.", handle)
}

func unknownAttribute(name string) *wire.Fault {
	return wire.Faultf("InvalidAttributeName", "Unknown Attribute %s.", name)
}

func missingParameter(name string) *wire.Fault {
	fault := wire.Faultf("MissingRequiredParameterException", "The request must contain the parameter %s.", name)
	fault.QueryCode = "MissingParameter"
	return fault
}

func noQueueName() *wire.Fault {
	return invalidParameter("Value for parameter QueueName is invalid. Reason: Must specify a queue name.")
}

// invalidParameter is the fault of a parameter without a shape of its own in
// the service's model.
func invalidParameter(format string, args ...any) *wire.Fault {
	fault := wire.Faultf("InvalidParameterValueException", format, args...)
	fault.QueryCode = "InvalidParameterValue"
	return fault
}

func invalidValue(value any, parameter, reason string) *wire.Fault {
	return invalidParameter("Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}
