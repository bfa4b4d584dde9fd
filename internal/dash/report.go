package dash

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
)

// How much a report tells of failures.
const (
	failuresShown = 50
	tailBytes     = 600 // of a failed job's log
)

// A reportData is what the script of a report draws.
type reportData struct {
	rowsView
	Scaled []decision `json:"scaled"`
}

// Report is a run as one HTML file that needs nothing else. Of the run's jobs it
// holds the first 50,000; nothing of them is run as HTML, and no script but its
// own two.
func Report(ctx context.Context, r *run.Run, version string) ([]byte, error) {
	w := newWatch(r, true)
	rows, _, err := w.rowsSince(ctx, 0)
	if err != nil {
		return nil, err
	}
	w.next = time.Time{} // now that the times of all results are known
	seen, err := w.look(ctx)
	if err != nil {
		return nil, err
	}
	scaled := within(w.scaled, endOf(seen))
	data, err := json.Marshal(reportData{viewRows(r, rows, 0), scaled}) // which escapes < and >
	if err != nil {
		return nil, err
	}
	failures, err := failureTable(ctx, r, rows)
	if err != nil {
		return nil, err
	}
	var scripts, hashes strings.Builder
	for _, name := range []string{"uplot.js", "dash.js"} {
		text := fileText(name)
		sum := sha256.Sum256(text)
		fmt.Fprintf(&hashes, " 'sha256-%s'", base64.StdEncoding.EncodeToString(sum[:]))
		fmt.Fprintf(&scripts, "<script>%s</script>\n", text)
	}
	var page bytes.Buffer
	fmt.Fprintf(&page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"+
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src%s\">\n"+
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%s</title>\n<style>%s%s</style>\n</head>\n<body data-page=\"report\">\n",
		&hashes, titleOf(r), fileText("uplot.css"), fileText("dash.css"))
	if err := reportBody(r, seen, scaled, failures, jobFacts(r, version)).Render(ctx, &page); err != nil {
		return nil, err
	}
	fmt.Fprintf(&page, "\n<script type=\"application/json\" id=\"data\">%s</script>\n%s</body>\n</html>\n", data, &scripts)
	return page.Bytes(), nil
}

// titleOf needs no escaping: a job's name has none but letters, digits and
// hyphens.
func titleOf(r *run.Run) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(`<>&"'`, c) {
			return -1
		}
		return c
	}, r.Job.Name+" "+r.ID)
}

// fileText is what a page is made with, unpacked.
func fileText(name string) []byte {
	packed, err := static.Open("static/" + name + ".gz")
	if err != nil {
		return nil
	}
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return nil
	}
	text, _ := io.ReadAll(unpacked)
	return text
}

// failureTable tells the failed jobs with the ends of their logs.
func failureTable(ctx context.Context, r *run.Run, rows []run.Row) (tableView, error) {
	t := tableView{Head: []string{"Job", "Parameters", "Reason", "The end of its log"}, None: "None."}
	for _, row := range rows {
		if row.State != record.Failed || row.Result == nil || len(t.Rows) == failuresShown {
			continue
		}
		tail, err := r.LogTail(ctx, *row.Result, tailBytes)
		if err != nil {
			return t, err
		}
		t.Rows = append(t.Rows, []cell{
			{Text: strconv.Itoa(row.Index)}, {Text: row.Config.String(), Class: "text"},
			{Text: row.Result.Reason, Class: "text"}, {Text: strings.ToValidUTF8(tail, "\uFFFD"), Class: "text id tail"},
		})
	}
	return t, nil
}

// jobFacts tell what the run was made of.
func jobFacts(r *run.Run, version string) [][2]string {
	j := r.Job
	return [][2]string{
		{"image", j.Image}, {"command", strings.Join(j.Command, " ")}, {"parameters", strings.Join(r.Params, ", ")},
		{"task", fmt.Sprintf("%g vCPU, %s, %s", j.CPU, bytesOf(int64(j.Memory)), j.Arch)},
		{"most tasks", strconv.Itoa(j.Max)}, {"timeout", time.Duration(j.Timeout).String()}, {"retries", strconv.Itoa(j.Retries)},
		{"stack", r.Stack.Name}, {"written by", version}, {"written at", clock(time.Now())},
	}
}

// reportPage sends the report as a file to keep.
func (s *Server) reportPage(w http.ResponseWriter, r *http.Request, found *watch) {
	text, err := Report(r.Context(), found.run, s.Version)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+titleOf(found.run)+`.html"`)
	w.Header().Set("Content-Security-Policy", outputPolicy)
	_, _ = w.Write(text)
}
