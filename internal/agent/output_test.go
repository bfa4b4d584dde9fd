package agent_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/record"
)

func TestOddOutputs(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	b.work(`cd "$SPATE_OUT"
		printf x > 'a b&<>"?#+.txt'
		printf x > "ünï 文.txt"
		printf x > 100%
		printf x > "$(printf 'new\nline%%')"
		printf x > "$(printf 'new\nline')"; printf xx > new%0Aline; printf x > 1%2c
		printf x > "$(printf 'latin\351')"
		printf x > .hidden
		mkdir -p deep/er 'odd \ dir' empty; printf xx > deep/er/f; printf x > 'odd \ dir/f'
		ln -s deep/er/f link; ln -s deep loop; ln -s ../../../../etc/passwd up
		ln -s /etc/passwd outside; ln -s nowhere broken; ln -s self self
		mkfifo pipe; : > nothing
		touch "$(head -c 255 /dev/zero | tr '\0' n)"
		long=$(head -c 250 /dev/zero | tr '\0' d); mkdir -p $long/$long/$long/$long; printf x > $long/$long/$long/$long/f`)
	result := b.result(0, 1)
	want := []record.Output{
		{Name: ".hidden", Size: 1},
		{Name: "1%2c", Size: 1},
		{Name: "100%", Size: 1},
		{Name: "a b&<>\"?#+.txt", Size: 1},
		{Name: "deep/er/f", Size: 2},
		{Name: "latin%E9", Size: 1},
		{Name: "link", Size: 2},
		{Name: "new%0Aline", Size: 1},
		{Name: "new%0Aline%25", Size: 1},
		{Name: "new%250Aline", Size: 2},
		{Name: strings.Repeat("n", 255)},
		{Name: "nothing"},
		{Name: `odd \ dir/f`, Size: 1},
		{Name: "ünï 文.txt", Size: 1},
	}
	byName := func(a, b record.Output) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(want, byName)
	slices.SortFunc(result.Outputs, byName)
	if diff := cmp.Diff(want, result.Outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
	prefix := record.AttemptPrefix(runID, 0, 1, 1)
	var names []string
	for _, o := range want {
		names = append(names, o.Name)
	}
	if diff := cmp.Diff(names, b.keys(prefix+"out/")); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if got := b.text(prefix + "out/link"); got != "xx" {
		t.Errorf("the link's object holds %q, want its target's content", got)
	}
	log := b.text(prefix + "log.txt")
	if !strings.Contains(log, "is left out: its name has 1005 bytes, and may have 900") {
		t.Errorf("the log does not tell of the long name:\n%s", log)
	}
	for _, name := range []string{"broken", "loop", "outside", "pipe", "self", "up"} {
		if !strings.Contains(log, `output "`+name+`" is left out: `) {
			t.Errorf("the log does not tell that %s is left out:\n%s", name, log)
		}
	}
}

func TestAnotherThingInThePlaceOfTheOutputs(t *testing.T) {
	for name, test := range map[string]struct{ command, want string }{
		"a link":  {`ln -s /etc "$SPATE_OUT"`, "was replaced by a symbolic link, and has to stay the folder that it was"},
		"a file":  {`echo x > "$SPATE_OUT"`, "was replaced by a file, and has to stay the folder that it was"},
		"nothing": {`true`, "was removed by the job"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.run(1, nil)
			b.send(0, 1, "{}")
			b.work(`rmdir "$SPATE_OUT"; ` + test.command)
			if got := b.result(0, 1); got.State != record.Done || got.Outputs != nil {
				t.Errorf("got %+v, want it done without outputs", got)
			}
			want := "the outputs are left out: SPATE_OUT " + test.want + "\n"
			if log := b.text(record.AttemptPrefix(runID, 0, 1, 1) + "log.txt"); !strings.Contains(log, want) {
				t.Errorf("got log %q, want %q", log, want)
			}
		})
	}
}

func TestTheOutputsOfAFailureAreKept(t *testing.T) {
	b := newBed(t)
	b.run(1, nil)
	b.send(0, 1, "{}")
	b.work(`echo '{"loss": 1e3}' > "$SPATE_OUT/metrics.json"; exit 65`)
	got := b.result(0, 1)
	if got.State != record.Failed || got.Metrics["loss"] != 1000 || len(got.Outputs) != 1 {
		t.Errorf("got %+v, want it failed with its metric and its output", got)
	}
}

func TestMetrics(t *testing.T) {
	tests := []struct {
		name, text string
		want       map[string]float64
		log        string
	}{
		{"numbers", `{"a": 1, "b": -2.5e-3}`, map[string]float64{"a": 1, "b": -0.0025}, ""},
		{"none", `{}`, nil, ""},
		{"others among them", `{"a": 1, "b": "2", "c": null}`, map[string]float64{"a": 1}, `metrics.json: "b" is no number`},
		{"without a name", `{"": 1, "a": 2}`, map[string]float64{"a": 2}, `metrics.json: "" cannot name a metric`},
		{"control characters", `{"a\nb": 1, "\u001b[31m": 2, "c": 3}`, map[string]float64{"c": 3}, `"a\nb" cannot name a metric`},
		{"as Python writes NaN", `{"a": NaN, "NaN, \"Infinity": 1, "b": -Infinity, "c": 2}`, map[string]float64{`NaN, "Infinity`: 1, "c": 2}, `metrics.json: "a" is no number, "b" is no number`},
		{"no JSON", `{"a": nan}`, nil, "metrics.json: invalid character 'a'"},
		{"no object", `[1]`, nil, "metrics.json: json: cannot unmarshal array"},
		{"too large a number", `{"a": 1e999}`, nil, "metrics.json: json: cannot unmarshal number 1e999"},
	}
	b := newBed(t)
	b.run(len(tests), nil)
	b.work(`cp "$SPATE_IN/$SPATE_INDEX" "$SPATE_OUT/metrics.json"`)
	for i, test := range tests {
		if err := b.records.Put(t.Context(), record.InPrefix(runID)+string(rune('0'+i)), strings.NewReader(test.text)); err != nil {
			t.Fatal(err)
		}
	}
	for i, test := range tests {
		b.send(i, 1, "{}")
		got := b.result(i, 1)
		if diff := cmp.Diff(test.want, got.Metrics); diff != "" || got.State != record.Done {
			t.Errorf("%s: got %s, metrics (-want +got):\n%s", test.name, got.State, diff)
		}
		key := record.AttemptPrefix(runID, i, 1, 1) + "log.txt"
		if test.log == "" {
			if b.exists(key) {
				t.Errorf("%s: got log %q, want none", test.name, b.text(key))
			}
			continue
		}
		if !strings.Contains(got.BadMetrics, test.log) {
			t.Errorf("%s: got %q, want %q in it", test.name, got.BadMetrics, test.log)
		}
		if log := b.text(key); !strings.Contains(log, test.log) {
			t.Errorf("%s: got log %q, want %q in it", test.name, log, test.log)
		}
	}
}
