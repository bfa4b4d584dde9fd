package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/spate-run/spate/internal/record"
)

// isFull says whether an object was refused for want of room. The embedded
// engine does so; AWS always has room.
func isFull(err error) bool {
	fault, ok := errors.AsType[smithy.APIError](err)
	return ok && fault.ErrorCode() == "InsufficientStorage"
}

// dropOutputs is the end of an attempt whose outputs found no room: it failed,
// and leaves none of them. By the next attempt there may be room.
func (a *attempt) dropOutputs(ctx context.Context, end record.End, box *outbox) record.End {
	var size int64
	for _, f := range box.files {
		size += f.Size
		// What is there takes room in vain. What stays is of no attempt's
		// outputs, and ends with the bucket's lifecycle.
		_ = a.records.Delete(ctx, a.prefix()+"out/"+f.Name)
	}
	reason := fmt.Sprintf("the disk of the engine is full: there is no room for the job's outputs (%d bytes); make room, then `spate retry`", size)
	a.space.log.note("%s", reason)
	end.State, end.Outputs = record.Failed, nil
	end.Reason = strings.TrimPrefix(end.Reason+"; "+reason, "; ")
	return end
}
