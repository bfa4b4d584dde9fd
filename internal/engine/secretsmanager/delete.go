package secretsmanager

import (
	"context"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// The bounds of a recovery window, in days; the longest is the default.
const (
	shortestWindow = 7
	longestWindow  = 30
)

func (s *Service) deleteSecret(ctx context.Context, in *sdk.DeleteSecretInput) (*sdk.DeleteSecretOutput, error) {
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
	return &sdk.DeleteSecretOutput{ARN: &c.ARN, Name: &c.Name, DeletionDate: c.Deletion}, s.saveLocked(ctx, c)
}

// forceDeleteLocked deletes a secret at once. As on AWS it is no error that
// there is none.
func (s *Service) forceDeleteLocked(ctx context.Context, id string, now time.Time) (*sdk.DeleteSecretOutput, error) {
	c, err := s.findLocked(&id)
	if err != nil {
		return &sdk.DeleteSecretOutput{ARN: new(s.newARN(id)), Name: &id, DeletionDate: &now}, nil
	}
	if err := s.table.Remove(ctx, c.Name); err != nil {
		return nil, err
	}
	delete(s.secrets, c.Name)
	return &sdk.DeleteSecretOutput{ARN: &c.ARN, Name: &c.Name, DeletionDate: &now}, nil
}

func (s *Service) restoreSecret(ctx context.Context, in *sdk.RestoreSecretInput) (*sdk.RestoreSecretOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.findLocked(in.SecretId)
	if err != nil {
		return nil, err
	}
	c.Deletion = nil
	return &sdk.RestoreSecretOutput{ARN: &c.ARN, Name: &c.Name}, s.saveLocked(ctx, c)
}
