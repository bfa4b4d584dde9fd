package wire

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeFormat = "20060102T150405Z"
	// longestPresigned is how long a presigned URL may last.
	// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
	longestPresigned = 7 * 24 * time.Hour
)

// A signature is what a request says about its signature, in the
// Authorization header or, presigned, in the query.
type signature struct {
	keyID                 string
	date, region, service string // of the credential scope
	headers               []string
	hex                   string
	stamp                 string // when it was signed, as it was signed
	at                    time.Time
	presigned             bool
	expires               time.Duration // of a presigned URL
	payload               string        // a presigned X-Amz-Content-Sha256
}

// readSignature reads a request's signature. It is nil when there is none.
func readSignature(r *http.Request) (*signature, *denial) {
	if header := r.Header.Get("Authorization"); header != "" {
		return readAuthorization(r, header)
	}
	if !strings.Contains(r.URL.RawQuery, "Signature=") && !strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		return nil, nil
	}
	query := r.URL.Query()
	switch {
	case query.Has("X-Amz-Signature"), query.Has("X-Amz-Credential"):
		return readPresigned(query)
	case query.Has("Signature"): // of SigV2
		return nil, &denial{why: otherAlgorithm}
	}
	return nil, nil
}

func readAuthorization(r *http.Request, header string) (*signature, *denial) {
	name, rest, _ := strings.Cut(header, " ")
	if name != algorithm {
		return nil, &denial{why: otherAlgorithm}
	}
	values := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		values[key] = value
	}
	for _, key := range []string{"Credential", "Signature", "SignedHeaders"} {
		if values[key] == "" {
			return nil, deny(incomplete, "Authorization header requires '%s' parameter. Authorization=%s", key, name)
		}
	}
	s := &signature{hex: values["Signature"]}
	if d := s.readScope(values["Credential"], values["SignedHeaders"]); d != nil {
		return nil, d
	}
	stamp := r.Header.Get("X-Amz-Date")
	if stamp == "" {
		at, err := http.ParseTime(r.Header.Get("Date"))
		if err != nil {
			return nil, deny(incomplete, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=%s", name)
		}
		stamp = at.UTC().Format(timeFormat)
	}
	return s, s.readStamp(stamp)
}

func readPresigned(query url.Values) (*signature, *denial) {
	if query.Get("X-Amz-Algorithm") != algorithm {
		return nil, &denial{why: otherAlgorithm}
	}
	for _, key := range []string{"X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if query.Get(key) == "" {
			return nil, deny(incomplete, "AWS query-string parameters must include '%s'", key)
		}
	}
	s := &signature{hex: query.Get("X-Amz-Signature"), presigned: true, payload: query.Get("X-Amz-Content-Sha256")}
	if d := s.readScope(query.Get("X-Amz-Credential"), query.Get("X-Amz-SignedHeaders")); d != nil {
		return nil, d
	}
	s.expires = maxSkew
	if query.Has("X-Amz-Expires") {
		seconds, err := strconv.Atoi(query.Get("X-Amz-Expires"))
		if err != nil || seconds < 0 {
			return nil, deny(incomplete, "X-Amz-Expires should be a number")
		}
		if s.expires = time.Duration(seconds) * time.Second; seconds > int(longestPresigned/time.Second) {
			return nil, deny(incomplete, "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
		}
	}
	return s, s.readStamp(query.Get("X-Amz-Date"))
}

// readScope reads <key id>/<date>/<region>/<service>/aws4_request; a key id
// may hold slashes.
func (s *signature) readScope(credential, headers string) *denial {
	parts := strings.Split(credential, "/")
	n := len(parts)
	if n < 5 || parts[n-1] != "aws4_request" {
		return deny(incomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", credential)
	}
	s.keyID = strings.Join(parts[:n-4], "/")
	s.date, s.region, s.service = parts[n-4], parts[n-3], parts[n-2]
	s.headers = strings.Split(headers, ";")
	return nil
}

func (s *signature) readStamp(stamp string) *denial {
	at, err := time.Parse(timeFormat, stamp)
	if err != nil {
		return deny(incomplete, "Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", stamp)
	}
	if s.date != stamp[:8] {
		return deny(mismatch, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.", s.date, stamp[:8], stamp)
	}
	s.stamp, s.at = stamp, at
	return nil
}

func (s *signature) scope() string {
	return s.date + "/" + s.region + "/" + s.service + "/aws4_request"
}
