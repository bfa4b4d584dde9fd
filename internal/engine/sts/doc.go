// Package sts is the part of AWS Security Token Service that tells a caller who
// it is. An engine has one account and one set of keys, so the answer is always
// that account. Roles and temporary credentials are not there: nothing would
// honour them.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
package sts
