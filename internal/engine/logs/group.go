package logs

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/spate-run/spate/internal/store"
	"github.com/spate-run/spate/internal/wire"
)

const (
	describeLimit = 50 // of DescribeLogGroups and DescribeLogStreams
	tagLimit      = 50
)

// groupID finds a group in a transaction.
func groupID(tx *store.Tx, name string) (id int64, err error) {
	row, err := tx.QueryRow("SELECT id FROM logs_group WHERE name = ?", name)
	if err != nil {
		return 0, err
	}
	return orMissing(row, noGroup())
}

// findGroup finds a group outside of one.
func (s *Service) findGroup(ctx context.Context, name string) (id int64, err error) {
	return orMissing(s.store.QueryRow(ctx, "SELECT id FROM logs_group WHERE name = ?", name), noGroup())
}

func orMissing(row *sql.Row, missing error) (id int64, err error) {
	if err := row.Scan(&id); errors.Is(err, sql.ErrNoRows) {
		return 0, missing
	} else if err != nil {
		return 0, err
	}
	return id, nil
}

// change runs one statement on an existing group.
func (s *Service) change(ctx context.Context, group string, apply func(tx *store.Tx, id int64) error) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		id, err := groupID(tx, group)
		if err != nil {
			return err
		}
		return apply(tx, id)
	})
}

func (s *Service) createLogGroup(ctx context.Context, in *sdk.CreateLogGroupInput) (*sdk.CreateLogGroupOutput, error) {
	name, err := checkGroupName(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if in.KmsKeyId != nil {
		return nil, invalid("kmsKeyId is not supported by this engine.")
	}
	class := in.LogGroupClass
	switch class {
	case "":
		class = types.LogGroupClassStandard
	case types.LogGroupClassStandard, types.LogGroupClassInfrequentAccess:
	default:
		return nil, invalid("logGroupClass %s is not supported by this engine.", class)
	}
	if len(in.Tags) > tagLimit {
		return nil, wire.Faultf("TooManyTagsException", "A resource can have no more than %d tags.", tagLimit)
	}
	return &sdk.CreateLogGroupOutput{}, s.store.Update(ctx, func(tx *store.Tx) error {
		if _, err := groupID(tx, name); err == nil {
			return wire.Faultf("ResourceAlreadyExistsException", "The specified log group already exists")
		}
		made, err := tx.Exec("INSERT INTO logs_group (name, created, retention, class) VALUES (?, ?, 0, ?)",
			name, millis(time.Now()), string(class))
		if err != nil {
			return err
		}
		id, err := made.LastInsertId()
		if err != nil {
			return err
		}
		return setTags(tx, id, in.Tags)
	})
}

// deleteLogGroup deletes a group and what is in it.
func (s *Service) deleteLogGroup(ctx context.Context, in *sdk.DeleteLogGroupInput) (*sdk.DeleteLogGroupOutput, error) {
	name, err := checkGroupName(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	if err := s.change(ctx, name, func(tx *store.Tx, id int64) error {
		for _, statement := range []string{
			"INSERT INTO logs_gone (stream) SELECT id FROM logs_stream WHERE grp = ?",
			"DELETE FROM logs_stream WHERE grp = ?",
			"DELETE FROM logs_tag WHERE grp = ?",
			"DELETE FROM logs_group WHERE id = ?",
		} {
			if _, err := tx.Exec(statement, id); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	s.wakeRun()
	return &sdk.DeleteLogGroupOutput{}, nil
}

func (s *Service) describeLogGroups(ctx context.Context, in *sdk.DescribeLogGroupsInput) (*sdk.DescribeLogGroupsOutput, error) {
	limit, err := checkLimit(in.Limit, describeLimit)
	if err != nil {
		return nil, err
	}
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	var wanted []string
	for _, identifier := range in.LogGroupIdentifiers {
		wanted = append(wanted, groupOfARN(identifier))
	}
	prefix, pattern := deref(in.LogGroupNamePrefix), strings.ToLower(deref(in.LogGroupNamePattern))
	rows, err := s.store.Query(ctx, `SELECT name, created, retention, class FROM logs_group
		WHERE name >= ? AND name < ? AND name > ? ORDER BY name`, prefix, behind(prefix), deref(in.NextToken))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := &sdk.DescribeLogGroupsOutput{LogGroups: []types.LogGroup{}}
	for rows.Next() {
		var name string
		var created int64
		var retention int32
		var class types.LogGroupClass
		if err := rows.Scan(&name, &created, &retention, &class); err != nil {
			return nil, err
		}
		if !strings.Contains(strings.ToLower(name), pattern) || wanted != nil && !slices.Contains(wanted, name) ||
			in.LogGroupClass != "" && in.LogGroupClass != class {
			continue
		}
		if len(out.LogGroups) == limit {
			out.NextToken = out.LogGroups[limit-1].LogGroupName
			break
		}
		out.LogGroups = append(out.LogGroups, s.describe(name, created, retention, class))
	}
	return out, rows.Err()
}

func (s *Service) describe(name string, created int64, retention int32, class types.LogGroupClass) types.LogGroup {
	arn := s.groupARN(name)
	group := types.LogGroup{
		LogGroupName: &name, CreationTime: &created, LogGroupClass: class,
		Arn: new(arn + ":*"), LogGroupArn: &arn, MetricFilterCount: new(int32(0)),
	}
	if retention > 0 {
		group.RetentionInDays = &retention
	}
	return group
}

func (s *Service) putRetentionPolicy(ctx context.Context, in *sdk.PutRetentionPolicyInput) (*sdk.PutRetentionPolicyOutput, error) {
	name, err := checkGroupName(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
	allowed := []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
	if in.RetentionInDays == nil || !slices.Contains(allowed, *in.RetentionInDays) {
		return nil, invalid("1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %v", deref(in.RetentionInDays), allowed)
	}
	if err := s.retain(ctx, name, *in.RetentionInDays); err != nil {
		return nil, err
	}
	return &sdk.PutRetentionPolicyOutput{}, nil
}

func (s *Service) deleteRetentionPolicy(ctx context.Context, in *sdk.DeleteRetentionPolicyInput) (*sdk.DeleteRetentionPolicyOutput, error) {
	name, err := checkGroupName(in.LogGroupName)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteRetentionPolicyOutput{}, s.retain(ctx, name, 0)
}

// retain sets for how many days a group keeps events; 0 is for ever.
func (s *Service) retain(ctx context.Context, name string, days int32) error {
	if err := s.change(ctx, name, func(tx *store.Tx, id int64) error {
		_, err := tx.Exec("UPDATE logs_group SET retention = ? WHERE id = ?", days, id)
		return err
	}); err != nil {
		return err
	}
	s.wakeRun()
	return nil
}

func (s *Service) tagResource(ctx context.Context, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	return &sdk.TagResourceOutput{}, s.change(ctx, groupOfARN(deref(in.ResourceArn)), func(tx *store.Tx, id int64) error {
		if err := setTags(tx, id, in.Tags); err != nil {
			return err
		}
		row, err := tx.QueryRow("SELECT count(*) FROM logs_tag WHERE grp = ?", id)
		if err != nil {
			return err
		}
		var count int
		if err := row.Scan(&count); err != nil {
			return err
		}
		if count > tagLimit {
			return wire.Faultf("TooManyTagsException", "A resource can have no more than %d tags.", tagLimit)
		}
		return nil
	})
}

func setTags(tx *store.Tx, id int64, tags map[string]string) error {
	for key, value := range tags {
		if _, err := tx.Exec("INSERT OR REPLACE INTO logs_tag (grp, key, value) VALUES (?, ?, ?)", id, key, value); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) untagResource(ctx context.Context, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	return &sdk.UntagResourceOutput{}, s.change(ctx, groupOfARN(deref(in.ResourceArn)), func(tx *store.Tx, id int64) error {
		for _, key := range in.TagKeys {
			if _, err := tx.Exec("DELETE FROM logs_tag WHERE grp = ? AND key = ?", id, key); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Service) listTagsForResource(ctx context.Context, in *sdk.ListTagsForResourceInput) (*sdk.ListTagsForResourceOutput, error) {
	id, err := s.findGroup(ctx, groupOfARN(deref(in.ResourceArn)))
	if err != nil {
		return nil, err
	}
	rows, err := s.store.Query(ctx, "SELECT key, value FROM logs_tag WHERE grp = ?", id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	tags := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return nil, err
		}
		tags[key] = value
	}
	return &sdk.ListTagsForResourceOutput{Tags: tags}, rows.Err()
}

// deref is what p points to, or the zero value.
func deref[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}
