// Package ssm is the embedded engine's Parameter Store, the part of AWS Systems
// Manager that keeps settings under names.
//
// It owns parameters with their versions and tags. It promises that a parameter
// that was acknowledged is on disk; that a version never changes; and that the
// newest hundred versions of a parameter are there:
//
//	PutParameter ─► version 1 ──Overwrite──► version 2 ─► … ──the 101st──► the oldest goes
//
// Beside them there are fixed parameters, which an engine has as AWS has its
// public ones. They are found and listed as others are. A parameter that is put
// under such a name takes its place until it is deleted.
//
// A SecureString is kept as it is: there are no keys to encrypt it with, and who
// has the home has all of it. Without decryption its value reads as something
// that tells nothing. Labels and parameter policies are not there.
package ssm
