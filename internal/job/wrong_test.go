package job_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spate-run/spate/internal/job"
)

const fields = "known here: name, image, command, params, cpu, memory, ephemeralStorage, arch, timeout, retries, retryBackoff, max, " +
	"spot, env, secrets, permissions, inputs, schedule, on, network, scaling, stopTimeout, keep, tolerate, notify"

// Every mistake of a file is told at once, in the file's order.
func TestParseReportsEveryMistake(t *testing.T) {
	const nothing = "f: there is nothing in the file\nhint: a job file needs at least name and command"
	const notValue = "hint: a value is text, a number, true or false"
	long := strings.Repeat("x", 5000)
	tests := []struct{ name, file, want string }{
		{"empty", "", nothing},
		{"only a comment", "# x\n", nothing},
		{"only a mark", "\ufeff", nothing},
		{"an empty document", "---\n...\n", nothing},
		{"null", "null\n", nothing},
		{"no mapping", "- a\n", "f:1:1: a job file is a mapping, not a list\nhint: write lines like `name: retrain`"},
		{"two documents", "name: x\ncommand: [a]\n---\nname: y\n", "f:3:1: a second document begins here, and a job file is one\nhint: take the line --- out"},
		{"not YAML", "name: [", "f:2:1: did not find expected node content\nhint: close brackets and quotes, and put quotes around text with : # or braces"},
		{"tabs", "name: x\nenv:\n\tA: b\n", "f:3:1: found character that cannot start any token\nhint: indent with spaces, not with tabs"},
		{"Latin-1", "name: x\ncommand: [a, caf\xe9]\n", "f:2:17: the text is not UTF-8\nhint: save the file in that encoding"},
		{"UTF-16", "\xff\xfen\x00", "f:1:1: the text is UTF-16, not UTF-8\nhint: save the file as UTF-8, or change it: iconv -f UTF-16 -t UTF-8 OLD > NEW"},
		{"several at once", "name: 3d\ncomand: [x]\ncommand: [x, \"{y}\"]\ntimeout: 13h\nmemory: lots\nmax: many\n",
			"f:1:7: name: \"3d\" is not a name\nhint: a letter, then letters, digits and hyphens, 40 at most\n" +
				"f:2:1: unknown field \"comand\"\nhint: did you mean \"command\"?\n" +
				"f:3:14: placeholder {y} is no parameter\nhint: this job has no parameters; write {{ for a brace\n" +
				"f:4:10: timeout: 13h is not between 0 and 11h50m\nhint: a message lives at most 12 hours in flight\n" +
				"f:5:9: memory: \"lots\" is not a size\nhint: write it like 512MiB or 2GiB\n" +
				"f:6:6: max is a whole number, not \"many\"\nhint: write digits alone, such as 3"},
		{"command with placeholders", "name: x\ncommand: echo {a} b\n", "f:2:10: command is a list, not \"echo {a} b\"\nhint: write it like [echo, \"{a}\", b]"},
		{"command for a shell", "name: x\ncommand: echo \"$HOME\" | wc\n", "f:2:10: command is a list, not \"echo \\\"$HOME\\\" | wc\"\nhint: write it like [sh, -c, \"echo \\\"$HOME\\\" | wc\"]"},
		{"placeholder without quotes", "name: x\ncommand: [echo, {a}, {b: c}]\n", "f:2:17: command[1] is text, not a mapping\nhint: put quotes around braces: \"{a}\"\nf:2:22: command[2] is text, not a mapping\nhint: put quotes around braces: \"{name}\""},
		{"empty program", "name: x\ncommand: [\"\"]\n", "f:2:11: command[0]: is empty, and it names the program\nhint: write it like [python3, train.py]"},
		{"too large", "name: x\ncommand: [a]\ncpu: 1e400\nmax: 99999999999999999999\n", "f:3:6: cpu: 1e400 is too large\nhint: write a smaller number\nf:4:6: max: 99999999999999999999 is too large\nhint: write a smaller number"},
		{"nothing below", "name: x\ncommand: [a]\nnetwork: y\nmemory: [1]\n", "f:3:10: network is a mapping, not \"y\"\nhint: write fields below it, such as `vpc: …`\nf:4:9: memory is a single value, not a list\nhint: write it in one line with the name"},
		{"CRLF", "name: x\r\ncommand: [a]\r\nmax: many\r\n", "f:3:6: max is a whole number, not \"many\"\nhint: write digits alone, such as 3"},
		{"nothing to run", "name: x\n", "f:1:1: there is neither a command nor an image\nhint: add a line like `command: [python3, train.py]`"},
		{"empty command", "name: x\ncommand: []\n", "f:2:10: command: is empty, and there is no image\nhint: add a line like `command: [python3, train.py]`"},
		{"command as text", "name: x\ncommand: python3 train.py\n", "f:2:10: command is a list, not \"python3 train.py\"\nhint: write it like [python3, train.py]"},
		{"unknown field", "name: x\ncommand: [a]\n3: b\n", "f:3:1: unknown field \"3\"\nhint: " + fields},
		{"unknown nested field", "name: x\ncommand: [a]\nnetwork: {subnet: [a]}\n", "f:3:11: unknown field \"network.subnet\"\nhint: did you mean \"subnets\"?"},
		{"field in capitals", "Name: x\ncommand: [a]\n", "f:1:1: unknown field \"Name\"\nhint: did you mean \"name\"?\nf:1:1: name is missing\nhint: add a line like \"name: retrain\""},
		{"a list for a name", "name: x\ncommand: [a]\n? [b]\n: c\n", "f:3:3: a name is text, not a list\nhint: write it like `name: value`"},
		{"very long field", long + ": 1\nname: x\ncommand: [a]\n", "f:1:1: unknown field \"" + long[:60] + "…\"\nhint: " + fields},
		{"very long name", "name: " + long + "\ncommand: [a]\n", "f:1:7: name: \"" + long[:60] + "…\" is not a name\nhint: a letter, then letters, digits and hyphens, 40 at most"},
		{"field twice", "name: x\ncommand: [a]\nname: y\n", "f:3:1: \"name\" is there twice\nhint: the first is in line 1"},
		{"variable twice", "name: x\ncommand: [a]\nenv: {A: 1, A: 2}\n", "f:3:13: \"A\" is there twice\nhint: the first is in line 3"},
		{"no value", "name: x\ncommand: [a]\nmax:\n", "f:3:5: max has no value\nhint: give it one, or leave it out for the default"},
		{"no word", "name: x\ncommand: [a, ~]\n", "f:2:14: command[1] has no value\nhint: give it one, or leave it out for the default"},
		{"numbers", "name: x\ncommand: [a]\ncpu: .inf\nmemory: NaNGiB\nretries: 1.5\n",
			"f:3:6: cpu: is more than 0 and at most 192\nhint: Fargate has .25, .5, 1, 2, 4, 8 and 16\n" +
				"f:4:9: memory: \"NaNGiB\" is not a size\nhint: write it like 512MiB or 2GiB\n" +
				"f:5:10: retries is a whole number, not \"1.5\"\nhint: write digits alone, such as 3"},
		{"NUL", "name: x\ncommand: [\"a\\0\"]\nenv: {A: \"\\0\"}\n", "f:2:11: command[0] holds a NUL character\nhint: neither commands nor variables can\n" +
			"f:3:10: env.A holds a NUL character\nhint: neither commands nor variables can"},
		{"variables", "name: x\ncommand: [a]\nenv: {SPATE_OUT: /tmp, 1A: b, C: [d]}\n",
			"f:3:7: \"SPATE_OUT\" is spate's own\nhint: choose a name that does not begin with SPATE_\n" +
				"f:3:24: \"1A\" cannot name a variable\nhint: a letter or _, then letters, digits and _\n" +
				"f:3:34: env.C is text, not a list\nhint: write one value, in quotes where it has brackets or braces"},
		{"schedule and address", "name: x\ncommand: [a]\nschedule: daily\nnotify: me\n",
			"f:3:11: schedule: \"daily\" is not a schedule\nhint: write it like cron(0 6 ? * MON *) or rate(7 days)\n" +
				"f:4:9: notify: \"me\" is not an e-mail address\nhint: write it like me@example.com"},

		{"unknown placeholder", "name: x\ncommand: [a, \"{sektor}\"]\nparams: {grid: {sector: [a]}}\n", "f:2:14: placeholder {sektor} is no parameter\nhint: did you mean \"sector\"?"},
		{"placeholder of another name", "name: x\ncommand: [a, \"{y}\"]\nparams: {list: [{n: 1, m: 2}]}\n", "f:2:14: placeholder {y} is no parameter\nhint: known here: n, m"},
		{"placeholder in capitals", "name: x\ncommand: [a, \"{Sector}\"]\nparams: {grid: {sector: [a]}}\n", "f:2:14: placeholder {Sector} is no parameter\nhint: did you mean \"sector\"?"},
		{"no parameters at all", "name: x\ncommand: [awk, \"{print}\"]\n", "f:2:16: placeholder {print} is no parameter\nhint: this job has no parameters; write {{ for a brace"},
		{"lone brace", "name: x\ncommand: [awk, \"{ x\"]\n", "f:2:16: \"{ x\" has a { that begins no placeholder\nhint: write {{ for a brace"},
		{"nested value", "name: x\ncommand: [a]\nparams: {grid: {a: [[1]]}}\n", "f:3:21: parameter \"a\" is a list\n" + notValue},
		{"nested in a list", "name: x\ncommand: [a]\nparams: {list: [{a: {b: 1}}, {a: }]}\n", "f:3:21: parameter \"a\" is a mapping\n" + notValue + "\nf:3:34: parameter \"a\" is empty\n" + notValue},
		{"two sources", "name: x\ncommand: [a]\nparams: {file: a.csv, list: [{a: 1}]}\n", "f:3:9: params: takes one of grid, file and list\nhint: write it like {grid: {size: [1, 2, 3]}}, or {file: configs.csv}"},
		{"no source", "name: x\ncommand: [a]\nparams: {}\n", "f:3:9: params: takes one of grid, file and list\nhint: write it like {grid: {size: [1, 2, 3]}}, or {file: configs.csv}"},
		{"misspelt source", "name: x\ncommand: [a, \"{b}\"]\nparams: {gird: {b: [1]}}\n", "f:3:10: unknown field \"params.gird\"\nhint: did you mean \"grid\"?"},
		{"ragged list", "name: x\ncommand: [a]\nparams: {list: [{a: 1}, {b: 1}, {a: 1, b: 2}, {}]}\n",
			"f:3:25: parameter \"b\" is not in the first configuration\nhint: known here: a\n" +
				"f:3:33: parameter \"b\" is not in the first configuration\nhint: known here: a\n" +
				"f:3:47: parameter \"a\" is missing\nhint: every configuration has the parameters of the first"},
		{"no configurations", "name: x\ncommand: [a]\nparams: {list: []}\n", "f:3:16: params.list has no configurations\nhint: write it like [{size: 1}, {size: 2}]"},
		{"no axes", "name: x\ncommand: [a]\nparams: {grid: {}}\n", "f:3:16: params.grid has no parameters\nhint: write it like {size: [1, 2, 3]}"},
		{"no values", "name: x\ncommand: [a]\nparams: {grid: {a: []}}\n", "f:3:20: parameter \"a\" has no values\nhint: write it like {size: [1, 2, 3]}"},
		{"odd names", "name: x\ncommand: [a]\nparams: {grid: {a b: 1, größe: 2, ../c: 3, \"\": 4, " + long + ": 5}}\n",
			oddName("3:17", "a b") + "\n" + oddName("3:25", "größe") + "\n" + oddName("3:35", "../c") + "\n" + oddName("3:44", "") + "\n" + oddName("3:51", long[:60]+"…")},
		{"one variable", "name: x\ncommand: [a]\nparams: {grid: {a-b: 1, A_B: 2}}\n",
			"f:3:9: params: parameters \"a-b\" and \"A_B\" are both the variable SPATE_PARAM_A_B\nhint: give one of them another name"},
		{"parameter twice", "name: x\ncommand: [a]\nparams: {grid: {a: 1, a: 2}}\n", "f:3:23: \"a\" is there twice\nhint: the first is in line 3"},

		{"unknown alias", "name: *n\n", "f:1:7: unknown anchor 'n' referenced\nhint: mark what it stands for with &n further up, or write text as \"*n\""},
		{"alias within itself", "name: x\ncommand: &c [a, *c]\n", "f:2:17: *c stands within what it stands for\nhint: write the values out instead"},
		{"alias within its condition", "name: x\ncommand: [a]\npermissions: [{Condition: &c {A: *c}}]\n", "f:3:34: *c stands within what it stands for\nhint: write the values out instead"},
		{"billions of aliases", bomb(), "f:7:45: the aliases up to *a3 stand for more than 100000 values\nhint: write the values to a file and name it in params.file"},
		{"merge of text", "name: x\ncommand: [a]\nenv: {<<: b}\n", "f:3:11: << takes a mapping, not \"b\"\nhint: name one that is marked with & further up: <<: *name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := job.Parse("f", []byte(tt.file))
			if err == nil {
				t.Fatal("got no error")
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func oddName(place, name string) string {
	return "f:" + place + ": \"" + name + "\" cannot name a parameter\nhint: a letter, then letters, digits, _ and -, 100 at most"
}

// bomb is a short file whose last alias stands for billions of values.
func bomb() string {
	b := "name: x\ncommand: [a]\n"
	for i := range 12 {
		item := "lol"
		if i > 0 {
			item = fmt.Sprintf("*a%d", i-1)
		}
		b += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(item+", ", 10), ", "))
	}
	return b
}

// Aliases and merge keys stand for what they name.
func TestAliases(t *testing.T) {
	got, err := job.Parse("f", []byte(`
name: &n x
command: [*n, "{a}{b}{c}"]
env: &e {A: 1, B: 2}
secrets: {<<: *e, A: ssm:/x}
params: {list: [&l {a: 1, b: 2, c: 3}, {<<: [*l, {b: 9}], c: 4}, *l]}
`))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal([]any{got.Command, got.Secrets, got.Params.List})
	if err != nil {
		t.Fatal(err)
	}
	want := `[["x","{a}{b}{c}"],{"A":"ssm:/x","B":"2"},[{"a":1,"b":2,"c":3},{"c":4,"a":1,"b":2},{"a":1,"b":2,"c":3}]]`
	if string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
}
