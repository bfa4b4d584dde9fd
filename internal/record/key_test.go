package record_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/spate-run/spate/internal/record"
)

const run = "01KAP5D1V8YFQ1ZJ6W3T2N9X4B"

func TestKeys(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{record.RunKey("R"), "runs/R/run.json"},
		{record.ParamsKey("R"), "runs/R/params.jsonl"},
		{record.SentKey("R"), "runs/R/sent.json"},
		{record.InPrefix("R"), "runs/R/in/"},
		{record.AttemptPrefix("R", 42, 2, 11), "runs/R/attempts/0000042/2.11/"},
		{record.ResultKey("R", 1, 42), "runs/R/results/1/0000042.json"},
		{record.FailedKey("R", 1, 42), "runs/R/failed/1/0000042"},
		{record.DoneKey("R", 1), "runs/R/done/1.json"},
		{record.CancelledKey("R", 3), "runs/R/cancelled/3.json"},
		{record.NoticeKey("R", 2), "runs/R/notices/2.json"},
		{record.RetryKey("R", 2), "runs/R/retries/2.json"},
		{record.RetrySentKey("R", 2), "runs/R/retries/2.sent.json"},
	} {
		if test.got != test.want {
			t.Errorf("got key %q, want %q", test.got, test.want)
		}
	}
}

func TestIndicesComeBackFromKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		index, generation := rapid.IntRange(0, 20_000_000).Draw(t, "index"), rapid.IntRange(1, 99).Draw(t, "generation")
		for _, made := range []struct{ prefix, key string }{
			{record.ResultsPrefix(run, generation), record.ResultKey(run, generation, index)},
			{record.FailedPrefix(run, generation), record.FailedKey(run, generation, index)},
		} {
			if got, ok := record.ParseIndex(made.prefix, made.key); !ok || got != index {
				t.Errorf("%s: got index %d, %t, want %d", made.key, got, ok, index)
			}
		}
	})
}

func TestGenerationsComeBackFromKeys(t *testing.T) {
	for _, test := range []struct {
		key  string
		want int
	}{
		{record.RetryKey("R", 2), 2},
		{record.RetryKey("R", 11), 11},
		{record.RetrySentKey("R", 2), 0},
		{record.RetryKey("R", 1), 0}, // the first generation is no retry
		{record.RetriesPrefix("R"), 0},
	} {
		if got, ok := record.ParseRetry("R", test.key); ok != (test.want > 0) || ok && got != test.want {
			t.Errorf("%s: got generation %d, %t, want %d", test.key, got, ok, test.want)
		}
	}
	if got, ok := record.ParseCancelled("R", record.CancelledKey("R", 3)); got != 3 || !ok {
		t.Errorf("got generation %d, %t, want 3", got, ok)
	}
}

func TestListingsStartWithTheJob(t *testing.T) {
	for _, index := range []int{0, 1, 10, 5120} {
		for _, made := range []struct{ prefix, key, last string }{
			{record.ResultsPrefix("R", 1), record.ResultKey("R", 1, index), record.ResultKey("R", 1, max(0, index-1))},
			{record.FailedPrefix("R", 1), record.FailedKey("R", 1, index), record.FailedKey("R", 1, max(0, index-1))},
		} {
			before := record.Before(made.prefix, index)
			if before >= made.key || index > 0 && before <= made.last {
				t.Errorf("%q does not stand between %q and %q", before, made.last, made.key)
			}
		}
	}
}

func TestListingsComeInTheOrderOfIndices(t *testing.T) {
	var keys []string
	for _, index := range []int{0, 1, 2, 9, 10, 11, 99, 100, 9_999_999} {
		keys = append(keys, record.ResultKey(run, 1, index))
	}
	if !slices.IsSorted(keys) {
		t.Errorf("keys %q are not in order", keys)
	}
}

func FuzzParseIndex(f *testing.F) {
	prefix := record.ResultsPrefix(run, 1)
	for _, name := range []string{"0000001.json", "0000001", "12345678", "1", "-000001", "+000001", "0000001.json.json", ""} {
		f.Add(prefix + name)
	}
	f.Fuzz(func(t *testing.T, key string) {
		index, ok := record.ParseIndex(prefix, key)
		if !ok {
			return
		}
		result := record.ResultKey(run, 1, index)
		if key != result && key+".json" != result {
			t.Errorf("got index %d of %q, which is the key of none", index, key)
		}
	})
}

func FuzzParseAttempt(f *testing.F) {
	for _, name := range []string{"0000001/1.1/start.json", "0000001/1.10/out/a/b", "1/1.1/x", "0000001/1/x", "0000001/01.1/x", "0000001/1.1"} {
		f.Add(record.AttemptsPrefix(run) + name)
	}
	f.Fuzz(func(t *testing.T, key string) {
		a, name, ok := record.ParseAttempt(run, key)
		if !ok {
			return
		}
		if got := record.AttemptPrefix(run, a.Index, a.Generation, a.Number) + name; got != key {
			t.Errorf("%q was read as %q", key, got)
		}
	})
}
