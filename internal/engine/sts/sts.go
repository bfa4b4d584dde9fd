package sts

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/spate-run/spate/internal/wire"
)

// A Config says whom the service knows.
type Config struct {
	Account wire.Account
	// Keys are the credentials of everybody.
	Keys wire.Keys
}

// A Service is STS.
type Service struct{ config Config }

// New returns a service. It keeps nothing.
func New(config Config) *Service {
	return &Service{config: config}
}

// Wire returns the operations of the service.
func (s *Service) Wire() *wire.Service {
	w := &wire.Service{
		Name:         "sts",
		QueryVersion: "2011-06-15",
		Namespace:    "https://sts.amazonaws.com/doc/2011-06-15/",
	}
	wire.Handle(w, s.getCallerIdentity)
	wire.Handle(w, s.assumeRole)
	return w
}

// getCallerIdentity answers as for the account's root user, whose id is the
// account's, or for the role that the session token names.
func (s *Service) getCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	account := s.config.Account.ID
	if role, session, ok := readToken(wire.SessionToken(ctx)); ok {
		u := s.user(role, session)
		return &sts.GetCallerIdentityOutput{Account: &account, Arn: u.Arn, UserId: u.AssumedRoleId}, nil
	}
	return &sts.GetCallerIdentityOutput{Account: &account, Arn: new(s.caller(ctx)), UserId: &account}, nil
}

// caller is the ARN of who makes a request.
func (s *Service) caller(ctx context.Context) string {
	if role, session, ok := readToken(wire.SessionToken(ctx)); ok {
		return *s.user(role, session).Arn
	}
	return "arn:aws:iam::" + s.config.Account.ID + ":root"
}

func (s *Service) assumeRole(ctx context.Context, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	life := time.Hour
	if in.DurationSeconds != nil {
		life = time.Duration(*in.DurationSeconds) * time.Second
	}
	session := deref(in.RoleSessionName)
	role, ok := strings.CutPrefix(deref(in.RoleArn), "arn:aws:iam::")
	account, role, isRole := strings.Cut(role, ":role/")
	switch {
	case !ok || !isRole || role == "":
		return nil, wire.Faultf("ValidationError", "%s is invalid", deref(in.RoleArn))
	case !regexp.MustCompile(`^[\w+=,.@-]{2,64}$`).MatchString(session):
		return nil, wire.Faultf("ValidationError", `1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`, session)
	case life < 15*time.Minute || life > 12*time.Hour:
		return nil, wire.Faultf("ValidationError", "1 validation error detected: Value '%d' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200", *in.DurationSeconds)
	case account != s.config.Account.ID:
		return nil, &wire.Fault{Code: "AccessDenied", Status: 403, Message: "User: " + s.caller(ctx) + " is not authorized to perform: sts:AssumeRole on resource: " + *in.RoleArn}
	}
	return &sts.AssumeRoleOutput{
		AssumedRoleUser: s.user(role, session),
		Credentials: &types.Credentials{
			AccessKeyId: &s.config.Keys.AccessKeyID, SecretAccessKey: &s.config.Keys.SecretAccessKey,
			SessionToken: new(newToken(role, session)), Expiration: new(time.Now().Add(life)),
		},
	}, nil
}

// user is who a role and a session make. The ARN has no path; the id of a role
// is made from its name, since roles are nobody's here.
func (s *Service) user(role, session string) *types.AssumedRoleUser {
	name := role[strings.LastIndexByte(role, '/')+1:]
	sum := sha256.Sum256([]byte(role))
	id := "AROA" + base32.StdEncoding.EncodeToString(sum[:])[:17]
	return &types.AssumedRoleUser{
		Arn:           new("arn:aws:sts::" + s.config.Account.ID + ":assumed-role/" + name + "/" + session),
		AssumedRoleId: new(id + ":" + session),
	}
}

// tokenMark begins the session tokens of assumed roles.
const tokenMark = "spate-role-"

func newToken(role, session string) string {
	return tokenMark + base64.RawURLEncoding.EncodeToString([]byte(role+":"+session))
}

func readToken(token string) (role, session string, ok bool) {
	encoded, ok := strings.CutPrefix(token, tokenMark)
	if !ok {
		return "", "", false
	}
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(text), ":")
}

func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
