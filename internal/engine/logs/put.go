package logs

import (
	"context"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/spate-run/spate/internal/store"
)

// PutLogEvents' limits.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const (
	batchBytes  = 1 << 20
	batchEvents = 10_000
	batchSpan   = 24 * time.Hour
	eventBytes  = 26 // that every event counts beside its message
	oldest      = 14 * 24 * time.Hour
	newest      = 2 * time.Hour
)

// sequenceToken is what PutLogEvents hands out for old clients; nothing is read
// back. (AWS ignores it, too.)
const sequenceToken = "49039859465890512000000000000000000000000000000000000000"

// An event is a line on its way into a stream.
type event struct {
	time    int64
	message string
}

func (s *Service) putLogEvents(ctx context.Context, in *sdk.PutLogEventsInput) (*sdk.PutLogEventsOutput, error) {
	group, err := checkGroupName(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	stream, err := checkStreamName(in.LogStreamName)
	if err != nil {
		return nil, err
	}
	events, err := checkEvents(in.LogEvents)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var rejected *types.RejectedLogEventsInfo
	if err := s.change(ctx, group, func(tx *store.Tx, groupID int64) error {
		streamID, err := streamID(tx, groupID, stream)
		if err != nil {
			return err
		}
		days, err := retention(tx, groupID)
		if err != nil {
			return err
		}
		var accepted []event
		accepted, rejected = sift(events, now, days)
		return insert(tx, groupID, streamID, accepted, now)
	}); err != nil {
		return nil, err
	}
	return &sdk.PutLogEventsOutput{NextSequenceToken: new(sequenceToken), RejectedLogEventsInfo: rejected}, nil
}

func checkEvents(in []types.InputLogEvent) ([]event, error) {
	switch {
	case len(in) == 0:
		return nil, constraint("[]", "logEvents", "Member must have length greater than or equal to 1")
	case len(in) > batchEvents:
		return nil, constraint("[...]", "logEvents", "Member must have length less than or equal to 10000")
	}
	events := make([]event, len(in))
	size := 0
	for i, e := range in {
		if e.Timestamp == nil || *e.Timestamp < 0 || deref(e.Message) == "" {
			return nil, invalid("Log event %d needs a timestamp and a message of at least one character.", i)
		}
		events[i] = event{*e.Timestamp, *e.Message}
		size += eventBytes + len(*e.Message)
	}
	if size > batchBytes {
		return nil, invalid("Upload too large: %d bytes exceeds limit of %d", size, batchBytes)
	}
	if !slices.IsSortedFunc(events, func(a, b event) int { return int(a.time - b.time) }) {
		return nil, invalid("Log events in a single PutLogEvents request must be in chronological order.")
	}
	if events[len(events)-1].time-events[0].time > batchSpan.Milliseconds() {
		return nil, invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return events, nil
}

// retention returns for how many days a group keeps events; 0 is for ever.
func retention(tx *store.Tx, group int64) (days int, err error) {
	row, err := tx.QueryRow("SELECT retention FROM logs_group WHERE id = ?", group)
	if err != nil {
		return 0, err
	}
	return days, row.Scan(&days)
}

// sift takes out events that are too old, too new, or past their retention.
func sift(events []event, now time.Time, days int) ([]event, *types.RejectedLogEventsInfo) {
	before := func(at time.Time) int {
		i, _ := slices.BinarySearchFunc(events, millis(at), func(e event, at int64) int { return int(e.time - at) })
		return i
	}
	from, to := before(now.Add(-oldest)), before(now.Add(newest+time.Millisecond))
	expired := 0
	if days > 0 {
		expired = before(now.AddDate(0, 0, -days))
	}
	var rejected types.RejectedLogEventsInfo
	if from > 0 {
		rejected.TooOldLogEventEndIndex = new(int32(from))
	}
	if expired > 0 {
		rejected.ExpiredLogEventEndIndex = new(int32(expired))
	}
	if to < len(events) {
		rejected.TooNewLogEventStartIndex = new(int32(to))
	}
	from = max(from, expired)
	if from == 0 && to == len(events) {
		return events, nil
	}
	return events[from:max(from, to)], &rejected
}

// rowsPerInsert is how many events one statement inserts where it can: a
// statement costs more than a row.
const rowsPerInsert = 50

// insert adds events, in chronological order, to a stream.
func insert(tx *store.Tx, group, stream int64, events []event, now time.Time) error {
	if len(events) == 0 {
		return nil
	}
	if _, err := tx.Exec(`UPDATE logs_stream SET ingested = ?,
		first = CASE WHEN first = 0 THEN ? ELSE min(first, ?) END, last = max(last, ?) WHERE id = ?`,
		millis(now), events[0].time, events[0].time, events[len(events)-1].time, stream); err != nil {
		return err
	}
	for len(events) > 0 {
		n := 1
		if len(events) >= rowsPerInsert {
			n = rowsPerInsert
		}
		args := make([]any, 0, 5*n)
		for _, e := range events[:n] {
			args = append(args, group, stream, e.time, millis(now), e.message)
		}
		statement := "INSERT INTO logs_event (grp, stream, time, ingested, message) VALUES (?, ?, ?, ?, ?)" +
			strings.Repeat(", (?, ?, ?, ?, ?)", n-1)
		if _, err := tx.Exec(statement, args...); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}
