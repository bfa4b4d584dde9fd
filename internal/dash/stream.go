package dash

import (
	"fmt"
	"net/http"
	"strings"
)

// A stream sends server-sent events.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
type stream struct {
	w http.ResponseWriter
	c *http.ResponseController
}

func newStream(w http.ResponseWriter) stream {
	w.Header().Set("Content-Type", "text/event-stream")
	return stream{w, http.NewResponseController(w)}
}

// send sends an event. A line break in its data begins a further data field,
// and so does every carriage return, which would end the field otherwise.
func (s stream) send(event, data string) error {
	data = strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n")
	_, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", event, strings.ReplaceAll(data, "\n", "\ndata: "))
	if err != nil {
		return err
	}
	return s.c.Flush()
}

// beat finds out whether the browser is still there.
func (s stream) beat() error {
	if _, err := fmt.Fprint(s.w, ":\n\n"); err != nil {
		return err
	}
	return s.c.Flush()
}
