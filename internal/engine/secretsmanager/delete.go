package secretsmanager

import (
	"context"
	"time"
)

// The bounds of a recovery window, in days; the longest is the default.
const (
	shortestWindow = 7
	longestWindow  = 30
)

func (s *Service) deleteSecret(ctx context.Context, in *DeleteSecretInput) (*DeleteSecretOutput, error) {
	force := deref(in.ForceDeleteWithoutRecovery)
	days := int64(longestWindow)
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
	}
	switch {
	case force && in.RecoveryWindowInDays != nil:
		return nil, invalid("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case days < shortestWindow || days > longestWindow:
		return nil, invalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if force {
		return s.forceDeleteLocked(ctx, deref(in.SecretId), now)
	}
	c, err := s.liveLocked(in.SecretId)
	if err != nil {
		return nil, err
	}
	c.Deletion = new(now.AddDate(0, 0, int(days)))
	return &DeleteSecretOutput{ARN: &c.ARN, Name: &c.Name, DeletionDate: c.Deletion}, s.saveLocked(ctx, c)
}

// forceDeleteLocked deletes a secret at once. As on AWS it is no error that
// there is none.
func (s *Service) forceDeleteLocked(ctx context.Context, id string, now time.Time) (*DeleteSecretOutput, error) {
	c, err := s.findLocked(&id)
	if err != nil {
		return &DeleteSecretOutput{ARN: new(s.newARN(id)), Name: &id, DeletionDate: &now}, nil
	}
	if err := s.table.Remove(ctx, c.Name); err != nil {
		return nil, err
	}
	delete(s.secrets, c.Name)
	return &DeleteSecretOutput{ARN: &c.ARN, Name: &c.Name, DeletionDate: &now}, nil
}

func (s *Service) restoreSecret(ctx context.Context, in *RestoreSecretInput) (*RestoreSecretOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.findLocked(in.SecretId)
	if err != nil {
		return nil, err
	}
	c.Deletion = nil
	return &RestoreSecretOutput{ARN: &c.ARN, Name: &c.Name}, s.saveLocked(ctx, c)
}
