package record

import (
	"fmt"
	"strconv"
	"strings"
)

// An index is padded to this many digits, so that a listing comes in order.
const indexDigits = 7

// RunsPrefix is where the runs of a stack are, a folder each.
const RunsPrefix = "runs/"

// RunKey is run.json: the run as it was sent.
func RunKey(run string) string { return RunsPrefix + run + "/run.json" }

// ParamsKey is params.jsonl: one configuration a line.
func ParamsKey(run string) string { return RunsPrefix + run + "/params.jsonl" }

// SentKey is sent.json: how far sending got.
func SentKey(run string) string { return RunsPrefix + run + "/sent.json" }

// RetriesPrefix is where the later generations of a run are described.
func RetriesPrefix(run string) string { return RunsPrefix + run + "/retries/" }

// RetryKey says which jobs a generation after the first sent again.
func RetryKey(run string, generation int) string {
	return fmt.Sprintf("%s%d.json", RetriesPrefix(run), generation)
}

// RetrySentKey is what sent.json is to the first generation.
func RetrySentKey(run string, generation int) string {
	return fmt.Sprintf("%s%d.sent.json", RetriesPrefix(run), generation)
}

// ParseRetry reads the generation out of a RetryKey.
func ParseRetry(run, key string) (generation int, ok bool) {
	name, ok := strings.CutPrefix(key, RetriesPrefix(run))
	if !ok {
		return 0, false
	}
	name, ok = strings.CutSuffix(name, ".json")
	generation, number := parseNumber(name, 1)
	return generation, ok && number && generation > 1
}

// SchedulePrefix is where there is what a scheduled run sends.
const SchedulePrefix = "schedule/"

// ScheduleKey is schedule/run.json: the job, and which version of its
// parameters and inputs.
const ScheduleKey = SchedulePrefix + "run.json"

// ScheduleParamsKey is params.jsonl of a version.
func ScheduleParamsKey(version string) string { return SchedulePrefix + version + "/params.jsonl" }

// ScheduleInPrefix is where the files are that a version has as inputs.
func ScheduleInPrefix(version string) string { return SchedulePrefix + version + "/in/" }

// InPrefix is where the run's inputs are.
func InPrefix(run string) string { return RunsPrefix + run + "/in/" }

// AttemptsPrefix is where the attempts of all jobs are.
func AttemptsPrefix(run string) string { return RunsPrefix + run + "/attempts/" }

// JobPrefix is where the attempts of one job are.
func JobPrefix(run string, index int) string {
	return fmt.Sprintf("%s%0*d/", AttemptsPrefix(run), indexDigits, index)
}

// AttemptPrefix is where one attempt's start.json, end.json, log.txt and out/
// are.
func AttemptPrefix(run string, index, generation, attempt int) string {
	return fmt.Sprintf("%s%d.%d/", JobPrefix(run, index), generation, attempt)
}

// ResultsPrefix is where the results of a generation are.
func ResultsPrefix(run string, generation int) string {
	return fmt.Sprintf("%s%s/results/%d/", RunsPrefix, run, generation)
}

// ResultKey is one job's result in a generation.
func ResultKey(run string, generation, index int) string {
	return fmt.Sprintf("%s%0*d.json", ResultsPrefix(run, generation), indexDigits, index)
}

// FailedPrefix is where the marks of a generation's failed jobs are.
func FailedPrefix(run string, generation int) string {
	return fmt.Sprintf("%s%s/failed/%d/", RunsPrefix, run, generation)
}

// FailedKey is the empty mark of a failed job, written before its result.
func FailedKey(run string, generation, index int) string {
	return fmt.Sprintf("%s%0*d", FailedPrefix(run, generation), indexDigits, index)
}

// DoneKey is there once every job of a generation has a result.
func DoneKey(run string, generation int) string {
	return fmt.Sprintf("%s%s/done/%d.json", RunsPrefix, run, generation)
}

// NoticeKey says who tells the job's address that a generation is done.
func NoticeKey(run string, generation int) string {
	return fmt.Sprintf("%s%s/notices/%d.json", RunsPrefix, run, generation)
}

// CancelledPrefix is where the marks of cancelled generations are.
func CancelledPrefix(run string) string { return RunsPrefix + run + "/cancelled/" }

// ParseCancelled reads the generation out of a CancelledKey.
func ParseCancelled(run, key string) (generation int, ok bool) {
	name, ok := strings.CutPrefix(key, CancelledPrefix(run))
	if !ok {
		return 0, false
	}
	return parseNumber(strings.TrimSuffix(name, ".json"), 1)
}

// CancelledKey is there once a generation is cancelled.
func CancelledKey(run string, generation int) string {
	return fmt.Sprintf("%s%d.json", CancelledPrefix(run), generation)
}

// Before is a key right before those of a job below a ResultsPrefix or a
// FailedPrefix: a listing that starts after it starts with the job.
func Before(prefix string, index int) string {
	if index == 0 {
		return prefix
	}
	return fmt.Sprintf("%s%0*d/", prefix, indexDigits, index-1) // "/" sorts after "."
}

// An Attempt names one execution of a job.
type Attempt struct{ Index, Generation, Number int }

// ParseIndex reads the index out of a ResultKey or a FailedKey below prefix.
func ParseIndex(prefix, key string) (int, bool) {
	name, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return 0, false
	}
	return parseNumber(strings.TrimSuffix(name, ".json"), indexDigits)
}

// ParseAttempt reads which attempt an object below AttemptsPrefix belongs to,
// and the object's name in it, such as "start.json" or "out/forecast.csv".
func ParseAttempt(run, key string) (a Attempt, name string, ok bool) {
	rest, ok := strings.CutPrefix(key, AttemptsPrefix(run))
	if !ok {
		return Attempt{}, "", false
	}
	parts := strings.SplitN(rest, "/", 3)
	if len(parts) != 3 {
		return Attempt{}, "", false
	}
	a.Index, ok = parseNumber(parts[0], indexDigits)
	if !ok {
		return Attempt{}, "", false
	}
	a.Generation, a.Number, ok = ParseAttemptFolder(parts[1])
	if !ok {
		return Attempt{}, "", false
	}
	return a, parts[2], true
}

// ParseAttemptFolder reads the name of an attempt's folder below a JobPrefix.
func ParseAttemptFolder(name string) (generation, attempt int, ok bool) {
	left, right, _ := strings.Cut(name, ".")
	generation, okLeft := parseNumber(left, 1)
	attempt, okRight := parseNumber(right, 1)
	return generation, attempt, okLeft && okRight
}

// parseNumber reads a number that is padded to so many digits, and nothing
// that a key would not be written with.
func parseNumber(s string, digits int) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 0 && s == fmt.Sprintf("%0*d", digits, n)
}
