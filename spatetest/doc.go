// Package spatetest runs spate's engine inside a test: SQS, S3, ECS,
// CloudFormation, CloudWatch and what else docs/compat.md lists, for any client
// of AWS's.
//
// It promises an engine of a test's own, with nothing in it, which ends with the
// test and leaves nothing behind. Tests may run in parallel. What AWS would do and
// the engine does not is in docs/compat.md.
package spatetest
