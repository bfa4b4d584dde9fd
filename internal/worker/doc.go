// Package worker knows the worker as a program: where it stands in a container,
// what it is put in front of, and which file it is for which processor. What it
// does there is package agent's.
//
// The docker runner mounts the program, and package image copies it; both ask
// here, so that a container runs the same on this machine and on AWS.
package worker
