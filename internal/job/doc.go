// Package job reads job files: what to run, how large, within which limits, and
// for which configurations.
//
//	spate.yaml ─► Load ─► Job ─► Source ─► Config, Config, … ─► Expand ─► a command line
//
// It promises that a Job it returned is whole (every default filled in) and
// valid, and that every mistake of a file is told at once, each with its line
// and column. Checks that need to know where the job will run (Fargate's sizes,
// an image) are left to those who run it.
package job
