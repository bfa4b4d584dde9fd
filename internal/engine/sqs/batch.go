package sqs

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/spate-run/spate/internal/wire"
)

// checkBatch checks what all batches have in common. Entries are named in the
// fault as AWS names them.
func checkBatch(entry string, ids []*string) error {
	if len(ids) == 0 {
		return legacy("EmptyBatchRequest", "There should be at least one %s in the request.", entry)
	}
	if len(ids) > maxBatch {
		return legacy("TooManyEntriesInBatchRequest",
			"Maximum number of entries per request are %d. You have sent %d.", maxBatch, len(ids))
	}
	seen := map[string]bool{}
	for i, p := range ids {
		if p == nil {
			return missingParameter(fmt.Sprintf("%s.%d.Id", entry, i+1))
		}
		id := *p
		if !entryID().MatchString(id) {
			return legacy("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, "+
				"hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id] {
			return legacy("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

// failure reports a fault of one entry.
func failure(id *string, err error) types.BatchResultErrorEntry {
	entry := types.BatchResultErrorEntry{Id: id, Code: aws.String("InternalFailure"), Message: aws.String(err.Error())}
	if fault, ok := errors.AsType[*wire.Fault](err); ok {
		entry.Code, entry.Message, entry.SenderFault = aws.String(fault.Code), aws.String(fault.Message), true
		if fault.QueryCode != "" {
			entry.Code = aws.String(fault.QueryCode)
		}
	}
	return entry
}
