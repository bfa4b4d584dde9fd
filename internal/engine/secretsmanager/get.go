package secretsmanager

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spate-run/spate/internal/wire"
)

func (s *Service) getSecretValue(ctx context.Context, in *GetSecretValueInput) (*GetSecretValueOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, v, err := s.valueLocked(ctx, in.SecretId, deref(in.VersionId), deref(in.VersionStage))
	if err != nil {
		return nil, err
	}
	return &GetSecretValueOutput{
		ARN: &c.ARN, Name: &c.Name, VersionId: &v.ID, SecretString: v.Text, SecretBinary: v.Binary,
		VersionStages: v.Stages, CreatedDate: &v.Created,
	}, nil
}

// valueLocked returns a version, by its id, its label, or both; by default the
// current one.
func (s *Service) valueLocked(ctx context.Context, secretID *string, id, stage string) (secret, version, error) {
	c, err := s.liveLocked(secretID)
	if err != nil {
		return c, version{}, err
	}
	if id == "" && stage == "" {
		stage = current
	}
	var v version
	var ok bool
	if id != "" {
		if v, ok = c.version(id); !ok {
			return c, v, missing("Secrets Manager can't find the specified secret value for VersionId: %s", id)
		}
		if stage != "" && !slices.Contains(v.Stages, stage) {
			return c, v, badRequest("You provided a VersionStage that is not associated to the provided VersionId.")
		}
	} else if v, ok = c.staged(stage); !ok {
		return c, v, missing("Secrets Manager can't find the specified secret value for staging label: %s", stage)
	}
	return c, v, s.accessLocked(ctx, c)
}

// accessLocked notes the day on which a secret was read, once a day.
func (s *Service) accessLocked(ctx context.Context, c secret) error {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	if c.Accessed != nil && c.Accessed.Equal(today) {
		return nil
	}
	c.Accessed = &today
	return s.saveLocked(ctx, c)
}

// batchLimit is how many secrets BatchGetSecretValue takes, and returns.
const batchLimit = 20

func (s *Service) batchGetSecretValue(ctx context.Context, in *BatchGetSecretValueInput) (*BatchGetSecretValueOutput, error) {
	switch {
	case (len(in.SecretIdList) > 0) == (len(in.Filters) > 0):
		return nil, invalid("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	case in.MaxResults != nil && len(in.Filters) == 0:
		return nil, invalid("'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
	case len(in.SecretIdList) > batchLimit:
		return nil, constraint(in.SecretIdList, "secretIdList", "Member must have length less than or equal to 20")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := in.SecretIdList
	out := &BatchGetSecretValueOutput{SecretValues: []SecretValueEntry{}, Errors: []APIErrorType{}}
	if len(in.Filters) > 0 {
		found, next, err := s.searchLocked(search{filters: in.Filters, size: in.MaxResults, most: batchLimit, token: in.NextToken})
		if err != nil {
			return nil, err
		}
		out.NextToken = next
		for _, c := range found {
			ids = append(ids, c.ARN)
		}
	}
	for _, id := range ids {
		c, v, err := s.valueLocked(ctx, &id, "", "")
		if fault, ok := errors.AsType[*wire.Fault](err); ok {
			out.Errors = append(out.Errors, APIErrorType{SecretId: &id, ErrorCode: &fault.Code, Message: &fault.Message})
			continue
		}
		if err != nil {
			return nil, err
		}
		out.SecretValues = append(out.SecretValues, SecretValueEntry{
			ARN: &c.ARN, Name: &c.Name, VersionId: &v.ID, SecretString: v.Text, SecretBinary: v.Binary,
			VersionStages: v.Stages, CreatedDate: &v.Created,
		})
	}
	return out, nil
}

func (s *Service) describeSecret(_ context.Context, in *DescribeSecretInput) (*DescribeSecretOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.findLocked(in.SecretId)
	if err != nil {
		return nil, err
	}
	return &DescribeSecretOutput{
		ARN: &c.ARN, Name: &c.Name, Description: c.Description, KmsKeyId: c.KMSKeyID, CreatedDate: &c.Created,
		LastChangedDate: &c.Changed, LastAccessedDate: c.Accessed, DeletedDate: c.Deletion, Tags: c.tags(),
		VersionIdsToStages: c.stages(),
	}, nil
}

// stages are the versions that have labels; nil where there is none.
func (c secret) stages() map[string][]string {
	var all map[string][]string
	for _, v := range c.Versions {
		if len(v.Stages) == 0 {
			continue
		}
		if all == nil {
			all = map[string][]string{}
		}
		all[v.ID] = v.Stages
	}
	return all
}

func (s *Service) listSecretVersionIds(_ context.Context, in *ListSecretVersionIdsInput) (*ListSecretVersionIdsOutput, error) {
	size, err := pageSize(in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.findLocked(in.SecretId)
	if err != nil {
		return nil, err
	}
	versions := slices.DeleteFunc(slices.Clone(c.Versions), func(v version) bool {
		return len(v.Stages) == 0 && !deref(in.IncludeDeprecated)
	})
	out := &ListSecretVersionIdsOutput{ARN: &c.ARN, Name: &c.Name, Versions: []SecretVersionsListEntry{}}
	versions, out.NextToken = page(versions, func(v version) string { return v.ID }, in.NextToken, size)
	for _, v := range versions {
		out.Versions = append(out.Versions, SecretVersionsListEntry{
			VersionId: &v.ID, CreatedDate: &v.Created, VersionStages: v.Stages, KmsKeyIds: []string{"DefaultEncryptionKey"},
		})
	}
	return out, nil
}
