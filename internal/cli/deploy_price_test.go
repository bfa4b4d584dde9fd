package cli

import (
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/plan"
)

// Between runs a stack costs its alarms alone; while one runs, its tasks.
func TestPricesAreToldBeforeAnybodyIsAsked(t *testing.T) {
	model := func(text string) *plan.Model {
		t.Helper()
		j, err := job.Parse("spate.yaml", []byte("name: told\nimage: python:3.13\ncommand: [python3]\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		m, err := modelOf(j)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	before, after := model("max: 100\n"), model("max: 50\ncpu: 2\nmemory: 4GiB\nspot: true\nnotify: me@example.com\n")
	for _, c := range []struct {
		before, after *plan.Model
		want          []string
	}{
		{nil, before, []string{
			"idle $0.70 a month: $0.00 of compute and network, $0.70 of alarms",
			"running $0.0544 an hour a task, $5.44 with all 100 tasks",
		}},
		{before, before, []string{"idle $0.70 a month", "running $0.0544 an hour a task"}},
		{before, after, []string{"idle $1.00 a month: $0.00 of compute and network, $1.00 of alarms  ! was $0.70", "on Spot, whose price floats)  ! was $5.44"}},
	} {
		var said strings.Builder
		for _, fact := range priceFacts(c.before, c.after) {
			said.WriteString(fact[0] + " " + fact[1] + "\n")
		}
		for _, want := range c.want {
			if !strings.Contains(said.String(), want) {
				t.Errorf("got\n%swant %q in it", said.String(), want)
			}
		}
		if c.before == c.after && strings.Contains(said.String(), "was") {
			t.Errorf("got\n%swant no change of prices in it", said.String())
		}
	}
}
