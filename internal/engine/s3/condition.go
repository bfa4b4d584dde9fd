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
// write that must fail does not go to the length of receiving or copying its
// content first. The transaction decides again.
func (s *Service) writeCondition(r *request) (condition, error) {
	c, err := parseCondition(r.Header)
	if err == nil {
		err = s.decideEarly(r, &c)
	}
	return c, err
}

// putCondition is writeCondition for an object that the request brings: a small
// one is received in less time than it takes to look.
func (s *Service) putCondition(r *request) (condition, error) {
	c, err := parseCondition(r.Header)
	small := 0 <= r.ContentLength && r.ContentLength <= inlineLimit
	if err == nil && (c.match != "" || !small) {
		err = s.decideEarly(r, &c)
	}
	return c, err
}

func parseCondition(h http.Header) (condition, error) {
	c := condition{match: h.Get("If-Match")}
	switch h.Get("If-None-Match") {
	case "":
	case "*":
		c.absent = true
	default:
		return c, faultOf("NotImplemented")
	}
	return c, nil
}

// decideEarly decides a condition before the transaction does, and notes what
// was there.
func (s *Service) decideEarly(r *request, c *condition) error {
	if !c.absent && c.match == "" {
		return nil
	}
	etag := ""
	o, err := s.find(r.Context(), r.bucket, r.key)
	if err == nil {
		etag = o.etag
	} else if !isFault(err, "NoSuchKey") {
		return err
	}
	if err := c.decide(etag); err != nil {
		return err
	}
	c.existed = etag != ""
	return nil
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
