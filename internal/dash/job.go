package dash

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/spate-run/spate/internal/record"
	"github.com/spate-run/spate/internal/run"
)

func (s *Server) jobPage(w http.ResponseWriter, r *http.Request, found *watch, index int) {
	j, err := found.run.Inspect(r.Context(), index)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.show(w, r, http.StatusOK, jobPage(s.frame(found.run.Job.Name), found.run, j))
}

// logShown is how much of a log that has ended is sent, from its end.
const logShown = 1 << 20

// log sends what a job printed, and goes on while it runs.
func (s *Server) log(w http.ResponseWriter, r *http.Request, found *watch, index int) {
	stream := newStream(w)
	j, err := found.run.Inspect(r.Context(), index)
	if err != nil {
		_ = stream.send("trouble", err.Error())
		return
	}
	send := func(lines []string) error {
		text, err := json.Marshal(lines)
		if err != nil {
			return err
		}
		return stream.send("lines", string(text))
	}
	if j.Result != nil {
		text, err := found.run.LogTail(r.Context(), *j.Result, logShown)
		if err == nil && text != "" {
			err = send(strings.Split(strings.TrimSuffix(text, "\n"), "\n"))
		}
		if err != nil {
			_ = stream.send("trouble", err.Error())
			return
		}
		_ = stream.send("end", string(j.State))
		return
	}
	if j.State == record.Cancelled {
		_ = stream.send("end", string(j.State))
		return
	}
	err = found.run.Tail(r.Context(), index, func(lines []run.Line) error {
		if len(lines) == 0 {
			return stream.beat()
		}
		texts := make([]string, len(lines))
		for i, line := range lines {
			texts[i] = line.Text
		}
		return send(texts)
	})
	if r.Context().Err() != nil {
		return
	}
	if err != nil {
		_ = stream.send("trouble", err.Error())
		return
	}
	_ = stream.send("end", "over")
}

// pictures are the types that are shown; everything else is downloaded.
func isPicture(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".avif"}, strings.ToLower(path.Ext(name)))
}

// outputPolicy lets an output do nothing, not even where it is a page: it gets
// an origin of its own without scripts.
const outputPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// output sends one file that the job left. Only a name that its result lists is
// looked for.
func (s *Server) output(w http.ResponseWriter, r *http.Request, found *watch, index int) {
	j, err := found.run.Inspect(r.Context(), index)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	name := r.URL.Query().Get("name")
	if j.Result == nil || !slices.ContainsFunc(j.Result.Outputs, func(o record.Output) bool { return o.Name == name }) {
		http.Error(w, "the job has no such output", http.StatusNotFound)
		return
	}
	key := record.AttemptPrefix(found.run.ID, index, j.Result.Generation, j.Result.Attempt) + "out/" + name
	body, err := found.run.Stack.Records().Open(r.Context(), key)
	if _, gone := errors.AsType[*record.NotFoundError](err); gone {
		http.Error(w, "the output is not there any more", http.StatusNotFound)
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer body.Close()
	h := w.Header()
	h.Set("Content-Security-Policy", outputPolicy)
	h.Set("Content-Type", "application/octet-stream")
	if isPicture(name) {
		h.Set("Content-Type", mime.TypeByExtension(strings.ToLower(path.Ext(name))))
	} else {
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(name)}))
	}
	_, _ = io.Copy(w, body)
}
