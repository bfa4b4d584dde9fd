// Package measure is what the benchmarks share: times and their medians, memory,
// and the table that sets them against targets.
package measure
