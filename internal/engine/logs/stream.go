package logs

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

// streamID finds a stream in a transaction.
func streamID(tx *store.Tx, group int64, name string) (id int64, err error) {
	row, err := tx.QueryRow("SELECT id FROM logs_stream WHERE grp = ? AND name = ?", group, name)
	if err != nil {
		return 0, err
	}
	return orMissing(row, noStream())
}

// findStream finds a stream outside of one.
func (s *Service) findStream(ctx context.Context, group int64, name string) (id int64, err error) {
	return orMissing(s.store.QueryRow(ctx, "SELECT id FROM logs_stream WHERE grp = ? AND name = ?", group, name), noStream())
}

func makeStream(tx *store.Tx, group int64, name string) (id int64, err error) {
	made, err := tx.Exec("INSERT INTO logs_stream (grp, name, created, first, last, ingested) VALUES (?, ?, ?, 0, 0, 0)",
		group, name, millis(time.Now()))
	if err != nil {
		return 0, err
	}
	return made.LastInsertId()
}

func (s *Service) createLogStream(ctx context.Context, in *sdk.CreateLogStreamInput) (*sdk.CreateLogStreamOutput, error) {
	group, err := checkGroupName(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	name, err := checkStreamName(in.LogStreamName)
	if err != nil {
		return nil, err
	}
	return &sdk.CreateLogStreamOutput{}, s.change(ctx, group, func(tx *store.Tx, id int64) error {
		if _, err := streamID(tx, id, name); err == nil {
			return wire.Faultf("ResourceAlreadyExistsException", "The specified log stream already exists")
		}
		_, err := makeStream(tx, id, name)
		return err
	})
}

func (s *Service) deleteLogStream(ctx context.Context, in *sdk.DeleteLogStreamInput) (*sdk.DeleteLogStreamOutput, error) {
	group, err := checkGroupName(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if err := s.change(ctx, group, func(tx *store.Tx, id int64) error {
		stream, err := streamID(tx, id, deref(in.LogStreamName))
		if err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO logs_gone (stream) VALUES (?)", stream); err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM logs_stream WHERE id = ?", stream)
		return err
	}); err != nil {
		return nil, err
	}
	s.wakeRun()
	return &sdk.DeleteLogStreamOutput{}, nil
}

func (s *Service) describeLogStreams(ctx context.Context, in *sdk.DescribeLogStreamsInput) (*sdk.DescribeLogStreamsOutput, error) {
	name, err := chosenGroup(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	limit, err := checkLimit(in.Limit, describeLimit)
	if err != nil {
		return nil, err
	}
	query, args, err := streamsQuery(in)
	if err != nil {
		return nil, err
	}
	group, err := s.findGroup(ctx, name)
	if err != nil {
		return nil, err
	}
	rows, err := s.store.Query(ctx, query, append([]any{group}, append(args, limit+1)...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := &sdk.DescribeLogStreamsOutput{LogStreams: []types.LogStream{}}
	for rows.Next() {
		if len(out.LogStreams) == limit {
			last := out.LogStreams[limit-1]
			out.NextToken = new(fmt.Sprintf("%d/%s", deref(last.LastEventTimestamp), *last.LogStreamName))
			break
		}
		var stream string
		var created, first, latest, ingested int64
		if err := rows.Scan(&stream, &created, &first, &latest, &ingested); err != nil {
			return nil, err
		}
		out.LogStreams = append(out.LogStreams, types.LogStream{
			LogStreamName: &stream, CreationTime: &created, Arn: new(s.streamARN(name, stream)),
			FirstEventTimestamp: known(first), LastEventTimestamp: known(latest), LastIngestionTime: known(ingested),
			UploadSequenceToken: new(sequenceToken),
			//lint:ignore SA1019 AWS still answers it, as 0.
			StoredBytes: new(int64(0)),
		})
	}
	return out, rows.Err()
}

// streamsQuery is the statement that reads a page of streams. Its arguments
// stand between the group and the limit.
func streamsQuery(in *sdk.DescribeLogStreamsInput) (query string, args []any, err error) {
	const from = "SELECT name, created, first, last, ingested FROM logs_stream WHERE grp = ?"
	var last int64
	var name string
	if in.NextToken != nil {
		if _, err := fmt.Sscanf(*in.NextToken, "%d/", &last); err != nil {
			return "", nil, invalid("The specified nextToken is invalid.")
		}
		name = (*in.NextToken)[len(fmt.Sprintf("%d/", last)):]
	}
	relation, direction := ">", "ASC"
	if deref(in.Descending) {
		relation, direction = "<", "DESC"
	}
	if in.OrderBy == types.OrderByLastEventTime {
		if in.LogStreamNamePrefix != nil {
			return "", nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
		}
		order := fmt.Sprintf(" ORDER BY last %s, name %[1]s LIMIT ?", direction)
		if in.NextToken == nil {
			return from + order, nil, nil
		}
		return from + " AND (last, name) " + relation + " (?, ?)" + order, []any{last, name}, nil
	}
	prefix := deref(in.LogStreamNamePrefix)
	args = []any{prefix, behind(prefix)}
	order := " ORDER BY name " + direction + " LIMIT ?"
	if in.NextToken == nil {
		return from + " AND name >= ? AND name < ?" + order, args, nil
	}
	return from + " AND name >= ? AND name < ? AND name " + relation + " ?" + order, append(args, name), nil
}

// known is a time, or nil where there is none.
func known(at int64) *int64 {
	if at == 0 {
		return nil
	}
	return &at
}
