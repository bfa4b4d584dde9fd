package s3

import (
	"net/http"
	"strings"
	"time"
)

// A condition is what a write demands of the object that it replaces.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
type condition struct {
	absent  bool   // If-None-Match: *
	match   string // If-Match
	existed bool   // there was an object when the request came
}

// writeCondition reads a write's condition and decides it early, so that a
// write that must fail does not receive its content first.
func (s *Service) writeCondition(r *request) (condition, error) {
	c := condition{match: r.Header.Get("If-Match")}
	switch r.Header.Get("If-None-Match") {
	case "":
	case "*":
		c.absent = true
	default:
		return c, faultOf("NotImplemented")
	}
	if !c.absent && c.match == "" {
		return c, nil
	}
	etag := ""
	o, err := s.find(r.Context(), r.bucket, r.key)
	if err == nil {
		etag = o.etag
	} else if !isFault(err, "NoSuchKey") {
		return c, err
	}
	if err := c.decide(etag); err != nil {
		return c, err
	}
	c.existed = etag != ""
	return c, nil
}

// decide compares the condition with the key's object, whose ETag is empty
// when there is none.
func (c condition) decide(etag string) error {
	switch {
	case c.absent && etag != "":
		return faultOf("PreconditionFailed")
	case c.match == "" || matches(c.match, etag):
		return nil
	case etag != "":
		return faultOf("PreconditionFailed")
	case c.existed: // deleted while the content came in
		return faultOf("ConditionalRequestConflict")
	default:
		return faultOf("NoSuchKey")
	}
}

// matches tells whether a list of ETags, or *, names an object's ETag.
func matches(list, etag string) bool {
	if etag == "" {
		return false
	}
	for want := range strings.SplitSeq(list, ",") {
		want = strings.TrimSpace(want)
		if want == "*" || strings.Trim(strings.TrimPrefix(want, "W/"), `"`) == etag {
			return true
		}
	}
	return false
}

// checkRead decides the conditions of a read, whose headers begin with prefix.
// Dates count only where no ETag is given.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-reads.html
func checkRead(h http.Header, prefix string, o *object, unchanged string) error {
	if match := h.Get(prefix + "If-Match"); match != "" {
		if !matches(match, o.etag) {
			return faultOf("PreconditionFailed")
		}
	} else if since, ok := date(h, prefix+"If-Unmodified-Since"); ok && o.modified.Truncate(time.Second).After(since) {
		return faultOf("PreconditionFailed")
	}
	if match := h.Get(prefix + "If-None-Match"); match != "" {
		if matches(match, o.etag) {
			return faultOf(unchanged)
		}
	} else if since, ok := date(h, prefix+"If-Modified-Since"); ok && !o.modified.Truncate(time.Second).After(since) {
		return faultOf(unchanged)
	}
	return nil
}

func date(h http.Header, name string) (time.Time, bool) {
	at, err := http.ParseTime(h.Get(name))
	return at, err == nil
}
