// Package sts is the part of AWS Security Token Service that tells a caller who
// it is, and lets it take on a role.
//
// An engine has one account and one pair of keys, and no policies. Every role of
// the account can be assumed, whether somebody made it or not: the credentials
// are the engine's own keys with a session token that names the role, by which
// GetCallerIdentity knows it again. They do not really expire, and may do no
// less than before.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
package sts
