package plan_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/spate-run/spate/internal/plan"
)

var update = flag.Bool("update", false, "write the tables of docs/plan.md")

// The tables of docs/plan.md are those that plans are reckoned with.
func TestTheDocsHaveEveryFigure(t *testing.T) {
	const path = "../../docs/plan.md"
	var figures, prices strings.Builder
	for _, f := range plan.Figures() {
		fmt.Fprintf(&figures, "| %s | %s | %s |\n", f.Name, f.Value, f.Source)
	}
	for _, p := range plan.Prices() {
		fmt.Fprintf(&prices, "| %s | %s | %s | %s | %s |\n", p.Name, strconv.FormatFloat(p.USD, 'f', -1, 64), p.Per, p.Source, p.Seen)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		doc := strings.Replace(string(text), "FIGURES\n", figures.String(), 1)
		doc = strings.Replace(doc, "PRICES\n", prices.String(), 1)
		doc = strings.Replace(doc, "PRICED", plan.Priced, 1)
		if text = []byte(doc); os.WriteFile(path, text, 0o644) != nil {
			t.Fatal("writing docs/plan.md")
		}
	}
	for _, table := range []string{figures.String(), prices.String(), plan.Priced} {
		if !strings.Contains(string(text), table) {
			t.Errorf("docs/plan.md lacks what plans are reckoned with:\n%s", table)
		}
	}
}
