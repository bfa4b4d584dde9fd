// Package spate turns a description of queue-fed work into a CloudFormation
// template: the one contract between what describes a stack and what runs it.
//
//	stack := spate.Job(j)          // from a job file
//	t, err := stack.Template()     // the template, or everything that is wrong
//	stack.Warnings()               // what a person should know besides
//
// A [Stack] collects resources. What adds them never fails on the spot: it
// notes a [Problem], and Template tells them all at once, each with the place
// and the mend.
//
// It promises templates that are the same for the same description, byte for
// byte, cost nothing while the queue is empty (AWS's storage and alarm prices
// aside), and start at 0 tasks. It leaves deploying to others, and images too:
// a template only has a parameter for one.
package spate
