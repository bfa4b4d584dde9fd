// Package due waits for occurrences and has them done: scheduled actions, rules
// and schedules of the engine's services.
//
// It owns the waiting, and promises that what is due is done once its time has
// come, the earliest first, also when the clock is set. What comes next and what
// doing it means are the service's own, as is what was missed while nothing ran.
package due
