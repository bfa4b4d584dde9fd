package group

import "time"

// endMarked has nothing to do here: no process leaves its job object.
func endMarked(string) {}

// Sweep has nothing to do here: job objects end with the process that made them.
func Sweep(string, time.Duration) int { return 0 }
