package dash

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/spate-run/spate/internal/job"
	"github.com/spate-run/spate/internal/run"
)

func runURL(id, below string) templ.SafeURL {
	return templ.SafeURL("/run/" + url.PathEscape(id) + below)
}

func jobURL(id string, index int) templ.SafeURL { return runURL(id, "/job/"+strconv.Itoa(index)) }

func outputURL(id string, index int, name string) templ.SafeURL {
	return jobURL(id, index) + templ.SafeURL("/out?name="+url.QueryEscape(name))
}

func stackURL(name string) templ.SafeURL { return templ.SafeURL("/stack/" + url.PathEscape(name)) }

// clock writes a time as clocks here show it.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

func clockOf(millis int64) string { return time.UnixMilli(millis).Local().Format(time.TimeOnly) }

// took writes a duration to about three digits.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func money(usd float64) string {
	switch {
	case usd == 0:
		return "$0"
	case usd < 0.00001:
		return "< $0.00001"
	case usd < 0.01:
		return fmt.Sprintf("$%.5f", usd)
	}
	return fmt.Sprintf("$%.2f", usd)
}

func bytesOf(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, unit := float64(n), 0
	for f >= 1024 && unit < len(units)-1 {
		f, unit = f/1024, unit+1
	}
	return fmt.Sprintf("%.4g %s", f, units[unit])
}

func jobWords(p run.Progress) string {
	text := fmt.Sprintf("%d jobs: %d done, %d failed", p.Jobs, p.Done, p.Failed)
	if p.Cancelled > 0 {
		text += fmt.Sprintf(", %d cancelled", p.Cancelled)
	}
	if !p.Finished() {
		text += fmt.Sprintf(", %d running, %d waiting", len(p.Running), p.Waiting())
	}
	return text
}

// A barPart is one part of a bar that is 100 wide.
type barPart struct{ Class, From, Width string }

func barOf(p run.Progress) []barPart {
	var parts []barPart
	at := 0.0
	for _, part := range []struct {
		class string
		n     int
	}{{"d", p.Done}, {"f", p.Failed}, {"c", p.Cancelled}, {"r", len(p.Running)}} {
		width := 100 * float64(part.n) / float64(max(1, p.Jobs))
		if part.n > 0 {
			parts = append(parts, barPart{part.class, fmt.Sprintf("%.3f", at), fmt.Sprintf("%.3f", width)})
		}
		at += width
	}
	return parts
}

// A tileView is one number of a summary.
type tileView struct{ Name, Value, Note string }

func tilesOf(r *run.Run, seen look) []tileView {
	tiles := make([]tileView, 0, 4)
	switch left := seen.Left(); {
	case seen.Finished() && seen.Took == 0:
		tiles = append(tiles, tileView{"Took", "–", "no job has a result"})
	case seen.Finished():
		tiles = append(tiles, tileView{"Took", took(seen.Took), "from sending to the last result"})
	case left > 0:
		tiles = append(tiles, tileView{"Left", took(left.Round(time.Second)), "done about " + seen.At.Add(left).Local().Format(time.TimeOnly)})
	default:
		tiles = append(tiles, tileView{"Left", "not known yet", "until jobs have ended"})
	}
	tiles = append(tiles,
		tileView{"Jobs without a result", strconv.Itoa(seen.Jobs - seen.Ended()), fmt.Sprintf("of %d", seen.Jobs)},
		tileView{"Tasks", strconv.Itoa(seen.Tasks.Running), fmt.Sprintf("%d wanted, at most %d", seen.Tasks.Desired, r.Job.Max)},
	)
	cost := money(costOf(r, seen.Seconds))
	if seen.Done+seen.Failed > 0 && seen.Seconds == 0 {
		cost = "…" // results are being read
	}
	return append(tiles, tileView{"Cost so far", cost, "what Fargate takes for the jobs' own time"})
}

func paramPairs(c job.Config) [][2]string {
	all := make([][2]string, len(c))
	for i, p := range c {
		all[i] = [2]string{p.Name, p.Value.Text}
	}
	return all
}

func metricPairs(metrics map[string]float64) [][2]string {
	var all [][2]string
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		all = append(all, [2]string{name, strconv.FormatFloat(metrics[name], 'g', -1, 64)})
	}
	return all
}

// A tableView is a table, and what is said where it has no rows.
type tableView struct {
	Head []string
	Rows [][]cell
	None string
}

// A cell is one of a table: a text, or a link, or a badge with a note.
type cell struct {
	Text  string
	Class string
	Link  templ.SafeURL
	Badge string // the class that colours it
	Title string
	Note  string
	Bar   []barPart
	Graph *graph
}

// attemptTable lists the attempts of a job.
func attemptTable(attempts []run.Try, now time.Time) tableView {
	t := tableView{
		Head: []string{"Attempt", "State", "Start", "Took", "Exit", "Reason", "Host", "Task"},
		None: "None has started.",
	}
	for _, a := range attempts {
		exit := ""
		if a.End != nil {
			exit = strconv.Itoa(a.End.ExitCode)
		}
		t.Rows = append(t.Rows, []cell{
			{Text: fmt.Sprintf("%d.%d", a.Generation, a.Number)},
			{Text: string(a.State), Badge: string(a.State)},
			{Text: clock(a.Start.Started)},
			{Text: took(a.Took(now)), Class: "n"},
			{Text: exit, Class: "n"},
			{Text: a.Reason, Class: "text"},
			{Text: a.Start.Host},
			{Text: run.TaskID(a.Start.Task), Class: "id"},
		})
	}
	return t
}
