package sts

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/spate-run/spate/internal/wire"
)

// A Config says whom the service knows.
type Config struct {
	Account wire.Account
}

// A Service is STS.
type Service struct{ account wire.Account }

// New returns a service. It keeps nothing.
func New(config Config) *Service {
	return &Service{account: config.Account}
}

// Wire returns the operations of the service.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{
		Name:         "sts",
		QueryVersion: "2011-06-15",
		Namespace:    "https://sts.amazonaws.com/doc/2011-06-15/",
	}
	wire.Handle(w, s.getCallerIdentity)
	return w
}

// getCallerIdentity answers as for the account's root user, whose id is the
// account's.
func (s *Service) getCallerIdentity(context.Context, *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{
		Account: aws.String(s.account.ID),
		Arn:     aws.String("arn:aws:iam::" + s.account.ID + ":root"),
		UserId:  aws.String(s.account.ID),
	}, nil
}
