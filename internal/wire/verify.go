package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spate-run/spate/internal/sorting"
)

// maxSkew is how far a signature's time may be from now, either way.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
const maxSkew = 15 * time.Minute

// keptKeys bounds the signing keys that a verifier remembers.
const keptKeys = 64

// Keys are the one pair of credentials that requests are signed with.
type Keys struct {
	AccessKeyID     string
	SecretAccessKey string
}

// A verifier checks AWS Signature Version 4.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
type verifier struct {
	keys *Keys

	mu      sync.Mutex
	signing map[signingScope][]byte
}

// A signingScope is all that a signing key is derived from.
type signingScope struct{ id, secret, date, region, service string }

func newVerifier(keys *Keys) *verifier {
	return &verifier{keys: keys, signing: map[signingScope][]byte{}}
}

// verify checks a request's signature, given the hash of its body as it was
// signed.
func (v *verifier) verify(r *http.Request, s *signature, payload string) *denial {
	if s.keyID != v.keys.AccessKeyID {
		return &denial{why: unknownKey}
	}
	if d := s.current(time.Now().UTC()); d != nil {
		return d
	}
	if d := s.covers(r); d != nil {
		return d
	}
	canonical := sha256.Sum256(s.canonical(r, payload))
	text := make([]byte, 0, 160)
	text = append(text, algorithm+"\n"+s.stamp+"\n"+s.scope()+"\n"...)
	text = hex.AppendEncode(text, canonical[:])
	want := hex.EncodeToString(sum(v.signingKey(s), text))
	if !hmac.Equal([]byte(want), []byte(s.hex)) {
		return &denial{why: mismatch}
	}
	return nil
}

// current tells whether a signature holds now.
func (s *signature) current(now time.Time) *denial {
	const stamp = timeFormat
	if early := s.at.Add(-maxSkew); now.Before(early) {
		return deny(skewed, "Signature not yet current: %s is still later than %s (%s + 15 min.)",
			s.stamp, now.Add(maxSkew).Format(stamp), now.Format(stamp))
	}
	if s.presigned {
		if now.After(s.at.Add(s.expires)) {
			return &denial{why: expiredURL}
		}
		return nil
	}
	if now.After(s.at.Add(maxSkew)) {
		return deny(skewed, "Signature expired: %s is now earlier than %s (%s - 15 min.)",
			s.stamp, now.Add(-maxSkew).Format(stamp), now.Format(stamp))
	}
	return nil
}

// covers tells whether a signature binds all that must be bound: the host and
// every x-amz- header, among them the one that names the operation.
func (s *signature) covers(r *http.Request) *denial {
	if !slices.Contains(s.headers, "host") {
		return deny(mismatch, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name := range r.Header {
		if !strings.HasPrefix(name, "X-Amz-") || s.presigned && name == "X-Amz-Content-Sha256" {
			continue
		}
		if !slices.Contains(s.headers, strings.ToLower(name)) {
			return &denial{why: unsignedHeader}
		}
	}
	return nil
}

// canonical writes a request in the form that is signed.
func (s *signature) canonical(r *http.Request, payload string) []byte {
	b := make([]byte, 0, 1024)
	b = append(append(b, r.Method...), '\n')
	b = appendPath(b, r.URL.EscapedPath(), s.service)
	b = append(b, '\n')
	b = appendQuery(b, r.URL.RawQuery)
	b = append(b, '\n')
	for _, name := range s.headers {
		b = append(append(b, name...), ':')
		b = appendHeader(b, r, name)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(b, strings.Join(s.headers, ";")...)
	b = append(b, '\n')
	return append(b, payload...)
}

// appendPath writes the path: for S3 as its segments are, for the other
// services escaped once more.
func appendPath(b []byte, path, service string) []byte {
	if path == "" {
		return append(b, '/')
	}
	again := service != "s3" && service != "s3express"
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '/':
			b = append(b, c)
		case c != '%' || i+2 >= len(path):
			b = appendEscaped(b, c)
		case again:
			b = append(b, "%25"...)
		default:
			b = append(b, path[i:i+3]...)
			i += 2
		}
	}
	return b
}

func appendQuery(b []byte, raw string) []byte {
	if raw == "" {
		return b
	}
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		if name == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, [2]string{reescape(name), reescape(value)})
	}
	sorting.By(pairs, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	for i, p := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(append(b, p[0]...), '='), p[1]...)
	}
	return b
}

// reescape brings a query's part into the one spelling that is signed.
func reescape(part string) string {
	plain, err := url.QueryUnescape(part)
	if err != nil {
		return part
	}
	b := make([]byte, 0, len(part))
	for i := range len(plain) {
		b = appendEscaped(b, plain[i])
	}
	return string(b)
}

func appendEscaped(b []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		return append(b, c)
	}
	return append(b, '%', digits[c>>4], digits[c&15])
}

// appendHeader writes a header's values with their white space folded. Two
// headers are not in Go's map of them.
func appendHeader(b []byte, r *http.Request, name string) []byte {
	values := r.Header.Values(name)
	switch {
	case name == "host":
		return append(b, r.Host...)
	case name == "content-length" && len(values) == 0 && r.ContentLength >= 0:
		return strconv.AppendInt(b, r.ContentLength, 10)
	case name == "transfer-encoding" && len(values) == 0:
		values = r.TransferEncoding
	}
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		for j, word := range strings.Fields(value) {
			if j > 0 {
				b = append(b, ' ')
			}
			b = append(b, word...)
		}
	}
	return b
}

func (v *verifier) signingKey(s *signature) []byte {
	scope := signingScope{v.keys.AccessKeyID, v.keys.SecretAccessKey, s.date, s.region, s.service}
	v.mu.Lock()
	defer v.mu.Unlock()
	if key, ok := v.signing[scope]; ok {
		return key
	}
	key := []byte("AWS4" + scope.secret)
	for _, part := range []string{scope.date, scope.region, scope.service, "aws4_request"} {
		key = sum(key, []byte(part))
	}
	if len(v.signing) >= keptKeys {
		clear(v.signing)
	}
	v.signing[scope] = key
	return key
}

func sum(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}
