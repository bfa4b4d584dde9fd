package s3

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxKeys is the largest page of a listing, and the usual one.
const maxKeys = 1000

// A listing is what a list request asks for.
type listing struct {
	bucket, prefix, delimiter string
	after                     string // keys up to this one have been listed
	max                       int
}

// A page is the answer to a listing.
type page struct {
	objects   []object
	prefixes  []string // common ones, in the order of the keys
	last      string   // key or common prefix, whichever came last
	truncated bool
}

// list reads one page: a range of the index, and behind each common prefix
// another one, so that what a prefix holds is skipped and never read.
func (s *Service) list(ctx context.Context, l listing) (*page, error) {
	p := &page{}
	if l.max == 0 {
		return p, nil
	}
	from, end := max(l.prefix, successor(l.after)), behind(l.prefix)
	if prefix := l.common(l.after); prefix != "" && prefix == l.after {
		from = behind(prefix)
	}
	for {
		next, err := s.listRange(ctx, l, p, from, end)
		if err != nil || next == "" {
			return p, err
		}
		from = next
	}
}

// listRange adds to p what the index holds between from and end, up to a
// common prefix or the end of the page. It returns where to go on, if at all.
func (s *Service) listRange(ctx context.Context, l listing, p *page, from, end string) (next string, err error) {
	rows, err := s.store.Query(ctx, `SELECT key, size, etag, modified FROM s3_object
		WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?`,
		l.bucket, []byte(from), []byte(end), l.max+1)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		var o object
		var modified int64
		if err := rows.Scan(&o.key, &o.size, &o.etag, &modified); err != nil {
			return "", err
		}
		if len(p.objects)+len(p.prefixes) == l.max {
			p.truncated = true
			return "", nil
		}
		if prefix := l.common(o.key); prefix != "" {
			p.prefixes, p.last = append(p.prefixes, prefix), prefix
			return behind(prefix), nil
		}
		o.modified = time.UnixMilli(modified).UTC()
		p.objects, p.last = append(p.objects, o), o.key
	}
	return "", rows.Err()
}

// common returns the common prefix that a key is rolled up into, if it is.
func (l listing) common(key string) string {
	rest, ok := strings.CutPrefix(key, l.prefix)
	if !ok || l.delimiter == "" {
		return ""
	}
	before, _, ok := strings.Cut(rest, l.delimiter)
	if !ok {
		return ""
	}
	return l.prefix + before + l.delimiter
}

// successor is the first string after s.
func successor(s string) string {
	if s == "" {
		return ""
	}
	return s + "\x00"
}

// behind is the first string after all that begin with prefix.
func behind(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return "\xff" // UTF-8 has no such byte
}

func newListing(r *request) (listing, error) {
	l := listing{
		bucket: r.bucket, prefix: r.query.Get("prefix"), delimiter: r.query.Get("delimiter"), max: maxKeys,
	}
	if encoding := r.query.Get("encoding-type"); encoding != "" && encoding != "url" {
		return l, faultWith("InvalidArgument", "Invalid Encoding Method specified in Request")
	}
	return l, atMost(r.query, "max-keys", &l.max)
}

// atMost lowers limit to the number that a query parameter gives, if it does.
func atMost(query url.Values, name string, limit *int) error {
	value := query.Get(name)
	if value == "" {
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return faultWith("InvalidArgument", "Provided "+name+" not an integer or within integer range")
	}
	if n < 0 {
		return faultWith("InvalidArgument", "Argument "+name+" must be an integer between 0 and 2147483647")
	}
	*limit = min(*limit, n)
	return nil
}

type listedObject struct {
	Key, LastModified, ETag string
	Size                    int64
	Owner                   *owner
	StorageClass            string
}

type listedPrefix struct{ Prefix string }

// listResult is the document of both versions of ListObjects.
type listResult struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name, Prefix          string
	Delimiter             string  `xml:",omitempty"`
	EncodingType          string  `xml:",omitempty"`
	Marker                *string // version 1 only, as NextMarker is
	NextMarker            string  `xml:",omitempty"`
	StartAfter            string  `xml:",omitempty"`
	ContinuationToken     string  `xml:",omitempty"`
	NextContinuationToken string  `xml:",omitempty"`
	KeyCount              *int
	MaxKeys               int
	IsTruncated           bool
	Contents              []listedObject
	CommonPrefixes        []listedPrefix
}

// result lists a page in the encoding that the request asks for.
func (l listing) result(r *request, p *page, named *owner) *listResult {
	text := textEncoding(r.query)
	result := &listResult{
		Name: l.bucket, Prefix: text(l.prefix), Delimiter: text(l.delimiter),
		EncodingType: r.query.Get("encoding-type"), MaxKeys: l.max, IsTruncated: p.truncated,
	}
	for _, o := range p.objects {
		result.Contents = append(result.Contents, listedObject{
			Key: text(o.key), LastModified: o.modified.Truncate(time.Second).Format(timeLayout),
			ETag: quote(o.etag), Size: o.size, Owner: named, StorageClass: "STANDARD",
		})
	}
	for _, prefix := range p.prefixes {
		result.CommonPrefixes = append(result.CommonPrefixes, listedPrefix{text(prefix)})
	}
	return result
}

// textEncoding returns how keys are written. Those with characters that XML
// has not can only be listed with encoding-type=url.
func textEncoding(query url.Values) func(string) string {
	if query.Get("encoding-type") != "url" {
		return func(s string) string { return s }
	}
	return func(s string) string {
		return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(s))
	}
}

// listPage answers the part that both versions of ListObjects have in common.
func (s *Service) listPage(r *request, l listing) (*page, error) {
	if err := s.needBucket(r.Context(), r.bucket); err != nil {
		return nil, err
	}
	return s.list(r.Context(), l)
}

func (s *Service) listObjects(w http.ResponseWriter, r *request) error {
	l, err := newListing(r)
	if err != nil {
		return err
	}
	l.after = r.query.Get("marker")
	p, err := s.listPage(r, l)
	if err != nil {
		return err
	}
	result := l.result(r, p, new(everybody()))
	text := textEncoding(r.query)
	result.Marker = new(text(l.after))
	if p.truncated && l.delimiter != "" { // without one the last key serves
		result.NextMarker = text(p.last)
	}
	return reply(w, http.StatusOK, result)
}

func (s *Service) listObjectsV2(w http.ResponseWriter, r *request) error {
	l, err := newListing(r)
	if err != nil {
		return err
	}
	l.after = r.query.Get("start-after")
	token := r.query.Get("continuation-token")
	if r.query.Has("continuation-token") {
		after, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || token == "" {
			return faultWith("InvalidArgument", "The continuation token provided is incorrect")
		}
		l.after = string(after)
	}
	p, err := s.listPage(r, l)
	if err != nil {
		return err
	}
	var named *owner
	if r.query.Get("fetch-owner") == "true" {
		named = new(everybody())
	}
	result := l.result(r, p, named)
	result.StartAfter = textEncoding(r.query)(r.query.Get("start-after"))
	result.ContinuationToken = token
	result.KeyCount = new(len(p.objects) + len(p.prefixes))
	if p.truncated {
		result.NextContinuationToken = base64.RawURLEncoding.EncodeToString([]byte(p.last))
	}
	return reply(w, http.StatusOK, result)
}
