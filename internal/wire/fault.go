package wire

import (
	"cmp"
	"fmt"
	"net/http"
)

// A Fault is an error as AWS's services answer it. Its codes are exact: clients
// branch on them.
type Fault struct {
	// Code is the error's shape name, such as "QueueDoesNotExist".
	Code string
	// QueryCode is the code in the Query protocol where that differs from
	// Code, such as "AWS.SimpleQueueService.NonExistentQueue".
	QueryCode string
	Message   string
	// QueryMessage is the message in the Query protocol where that differs from
	// Message.
	QueryMessage string
	// Status is the HTTP status; 0 means 400.
	Status int
}

// Faultf returns a fault of status 400.
func Faultf(code, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (f *Fault) Error() string {
	return f.Code + ": " + f.Message
}

func (f *Fault) status() int {
	if f.Status == 0 {
		return http.StatusBadRequest
	}
	return f.Status
}

// queryCode is the fault's code in the Query protocol.
func (f *Fault) queryCode() string {
	return cmp.Or(f.QueryCode, f.Code)
}

// blames names who has to change something.
func (f *Fault) blames() string {
	if f.status() >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}
