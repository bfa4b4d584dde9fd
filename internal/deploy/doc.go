// Package deploy brings a template to an engine: it creates the stack or
// updates it, follows its events, and tells the root cause first when it fails.
//
// It also makes what tasks run on AWS: a folder's image is built, one that is
// there is taken, and both get the worker in front (see [Pack]).
//
// It acts through CloudFormation's API alone, so that the embedded engine and
// AWS are the same to it. What the stack's resources mean is left to others.
package deploy
