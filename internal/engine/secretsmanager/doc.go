// Package secretsmanager is the embedded engine's AWS Secrets Manager.
//
// It owns secrets, their versions and the staging labels by which versions are
// asked for. It promises that a value that was acknowledged is on disk, and that
// a version's value never changes. Labels move:
//
//	CreateSecret ─► v1 AWSCURRENT
//	PutSecretValue ─► v1 AWSPREVIOUS  v2 AWSCURRENT
//	PutSecretValue ─► v1 (none)       v2 AWSPREVIOUS  v3 AWSCURRENT
//
// A version without a label is kept while there are fewer than a hundred.
//
//	DeleteSecret ──► marked ──recovery window, 7 to 30 days──► gone
//	                   └──RestoreSecret──► as before
//
// Nothing happens at the end of the window: a secret past it is simply not found
// any more, and New drops its row.
//
// Values are kept as they are: there are no keys to encrypt them with, and who
// has the home has all of it. Rotation, replicas and resource policies are not
// there.
package secretsmanager
