package s3

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spate-run/spate/internal/store"
)

const (
	maxParts    = 10000
	minPartSize = 5 << 20 // of every part but the last
)

// An upload is a multipart upload that is neither completed nor aborted.
type upload struct {
	id, bucket, key string
	attributes
}

// A part is one of an upload's.
type part struct {
	number   int
	size     int64
	etag     string
	modified time.Time
	file     string
	checksum string
}

func (s *Service) createUpload(w http.ResponseWriter, r *request) error {
	headers, err := keptHeaders(r.Header)
	if err != nil {
		return err
	}
	sum, err := uploadChecksum(r.Header)
	if err != nil {
		return err
	}
	attrs, err := json.Marshal(attributes{Headers: headers, Checksum: sum})
	if err != nil {
		return err
	}
	id := rand.Text() + rand.Text()
	if err := s.store.Update(r.Context(), func(tx *store.Tx) error {
		if err := needBucketIn(tx, r.bucket); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO s3_upload (bucket, key, id, created, attributes) VALUES (?, ?, ?, ?, ?)",
			r.bucket, []byte(r.key), id, time.Now().UnixMilli(), attrs)
		return err
	}); err != nil {
		return err
	}
	if r.Header.Get("X-Amz-Checksum-Algorithm") != "" {
		w.Header().Set("x-amz-checksum-algorithm", sum.Algorithm)
		w.Header().Set("x-amz-checksum-type", sum.Type)
	}
	return reply(w, http.StatusOK, &struct {
		XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
		Bucket, Key, UploadId string
	}{Bucket: r.bucket, Key: r.key, UploadId: id})
}

// uploadChecksum reads which checksum an upload's object is to have.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
func uploadChecksum(h http.Header) (checksum, error) {
	sum := checksum{
		Algorithm: strings.ToUpper(h.Get("X-Amz-Checksum-Algorithm")),
		Type:      strings.ToUpper(h.Get("X-Amz-Checksum-Type")),
	}
	if sum.Algorithm == "" {
		if sum.Type != "" {
			return sum, faultWith("InvalidRequest", "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
		}
		return checksum{Algorithm: defaultAlgorithm, Type: fullObject}, nil
	}
	if newHash(sum.Algorithm) == nil {
		return sum, faultOf("NotImplemented")
	}
	linear := strings.HasPrefix(sum.Algorithm, "CRC")
	switch {
	case sum.Type == "" && sum.Algorithm == defaultAlgorithm:
		sum.Type = fullObject
	case sum.Type == "":
		sum.Type = composite
	case sum.Type == fullObject && !linear, sum.Type == composite && sum.Algorithm == defaultAlgorithm:
		return sum, faultWith("InvalidRequest", "The "+sum.Type+" checksum type cannot be used with the "+strings.ToLower(sum.Algorithm)+" checksum algorithm.")
	case sum.Type != fullObject && sum.Type != composite:
		return sum, faultWith("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
	}
	return sum, nil
}

// findUpload reads the upload that a request names.
func (s *Service) findUpload(r *request) (*upload, error) {
	u := &upload{id: r.query.Get("uploadId"), bucket: r.bucket, key: r.key}
	var attrs []byte
	err := s.store.QueryRow(r.Context(), "SELECT attributes FROM s3_upload WHERE bucket = ? AND key = ? AND id = ?",
		u.bucket, []byte(u.key), u.id).Scan(&attrs)
	if errors.Is(err, sql.ErrNoRows) {
		if err := s.needBucket(r.Context(), r.bucket); err != nil {
			return nil, err
		}
		return nil, faultOf("NoSuchUpload")
	}
	if err != nil {
		return nil, fmt.Errorf("reading upload %q: %w", u.id, err)
	}
	return u, json.Unmarshal(attrs, &u.attributes)
}

// needUpload returns NoSuchUpload when a transaction no longer finds it.
func needUpload(tx *store.Tx, id string) error {
	row, err := tx.QueryRow("SELECT 1 FROM s3_upload WHERE id = ?", id)
	if err != nil {
		return err
	}
	var one int
	if err := row.Scan(&one); errors.Is(err, sql.ErrNoRows) {
		return faultOf("NoSuchUpload")
	} else if err != nil {
		return err
	}
	return nil
}

func (s *Service) uploadPart(w http.ResponseWriter, r *request) error {
	number, err := strconv.Atoi(r.query.Get("partNumber"))
	if err != nil || number < 1 || number > maxParts {
		return faultWith("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
	}
	u, err := s.findUpload(r)
	if err != nil {
		return err
	}
	if r.Header.Get("X-Amz-Copy-Source") != "" {
		return s.uploadPartCopy(w, r, u, number)
	}
	b, st, err := s.receive(r)
	if err != nil {
		return err
	}
	if err := u.accepts(b.announced); err != nil {
		s.files.abandon(st)
		return err
	}
	p := part{number: number, etag: b.etag()}
	if b.announced.algorithm == u.Checksum.Algorithm {
		p.checksum = b.checksum().Value
	}
	if err := s.keepPart(r.Context(), u, &p, st); err != nil {
		return err
	}
	w.Header().Set("ETag", quote(p.etag))
	if p.checksum != "" {
		w.Header().Set(checksumHeader(u.Checksum.Algorithm), p.checksum)
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// accepts tells whether a part may come with this checksum, or without one.
func (u *upload) accepts(a announced) error {
	actual := strings.ToLower(a.algorithm)
	if a.value == "" {
		actual = "null"
	}
	if a.value != "" && a.algorithm == u.Checksum.Algorithm || a.value == "" && u.Checksum.Type == fullObject {
		return nil
	}
	return faultWith("InvalidRequest", "Checksum Type mismatch occurred, expected checksum Type: "+
		strings.ToLower(u.Checksum.Algorithm)+", actual checksum Type: "+actual)
}

// uploadPartCopy makes a part of an object's bytes, or of a range of them.
func (s *Service) uploadPartCopy(w http.ResponseWriter, r *request, u *upload, number int) error {
	source, file, err := s.copySource(r)
	if err != nil {
		return err
	}
	defer file.Close()
	sp, err := parseRange(r.Header.Get("X-Amz-Copy-Source-Range"), source.size)
	if err != nil {
		return err
	}
	if _, err := file.Seek(sp.from, io.SeekStart); err != nil {
		return err
	}
	b, err := newBody(file, sp.size, u.Checksum.Algorithm)
	if err != nil {
		return err
	}
	st, err := s.files.stage(r.bucket, r.key, b, b.size)
	if err != nil {
		return err
	}
	p := part{number: number, etag: b.etag(), checksum: b.checksum().Value}
	if err := s.keepPart(r.Context(), u, &p, st); err != nil {
		return err
	}
	return reply(w, http.StatusOK, copyResult("CopyPartResult", p.etag, p.modified, b.checksum()))
}

// keepPart commits a received content as a part. It takes the place of an
// earlier part of the same number.
func (s *Service) keepPart(ctx context.Context, u *upload, p *part, st *staged) error {
	p.file, p.size, p.modified = st.file, st.size, time.Now().UTC()
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if err := needUpload(tx, u.id); err != nil {
			return err
		}
		if _, err := tx.Exec("INSERT INTO s3_garbage (bucket, file) SELECT ?, file FROM s3_part WHERE upload = ? AND number = ?",
			u.bucket, u.id, p.number); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT OR REPLACE INTO s3_part (upload, number, size, etag, modified, file, checksum)
			VALUES (?, ?, ?, ?, ?, ?, ?)`,
			u.id, p.number, p.size, p.etag, p.modified.UnixMilli(), p.file, p.checksum); err != nil {
			return err
		}
		return st.insert(tx)
	})
	if err != nil {
		s.files.abandon(st)
		return err
	}
	s.files.putInPlace(st)
	s.wakeSettler()
	return nil
}

// parts reads up to limit parts of an upload with numbers above after.
func (s *Service) parts(ctx context.Context, u *upload, after, limit int) ([]part, error) {
	rows, err := s.store.Query(ctx, `SELECT number, size, etag, modified, file, checksum FROM s3_part
		WHERE upload = ? AND number > ? ORDER BY number LIMIT ?`, u.id, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []part
	for rows.Next() {
		var p part
		var modified int64
		if err := rows.Scan(&p.number, &p.size, &p.etag, &modified, &p.file, &p.checksum); err != nil {
			return nil, err
		}
		p.modified = time.UnixMilli(modified).UTC()
		all = append(all, p)
	}
	return all, rows.Err()
}

// dissolve removes an upload and its parts' rows, and leaves the files to the
// settler.
func dissolve(tx *store.Tx, id string) error {
	for _, statement := range []string{
		`INSERT INTO s3_garbage (bucket, file) SELECT bucket, file FROM s3_part
			JOIN s3_upload ON s3_upload.id = s3_part.upload WHERE upload = ?`,
		"DELETE FROM s3_part WHERE upload = ?",
		"DELETE FROM s3_upload WHERE id = ?",
	} {
		if _, err := tx.Exec(statement, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) abortUpload(w http.ResponseWriter, r *request) error {
	u, err := s.findUpload(r)
	if err != nil {
		return err
	}
	if err := s.store.Update(r.Context(), func(tx *store.Tx) error {
		if err := needUpload(tx, u.id); err != nil {
			return err
		}
		return dissolve(tx, u.id)
	}); err != nil {
		return err
	}
	s.wakeSettler()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// A completion is CompleteMultipartUpload's document.
type completion struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Parts   []struct {
		PartNumber int
		ETag       string
		Checksums  []checksumXML `xml:",any"`
	} `xml:"Part"`
}

func (s *Service) completeUpload(w http.ResponseWriter, r *request) error {
	u, err := s.findUpload(r)
	if isFault(err, "NoSuchUpload") {
		return s.completedBefore(w, r, err)
	}
	if err != nil {
		return err
	}
	chosen, err := s.chosenParts(r, u)
	if err != nil {
		return err
	}
	cond, err := s.writeCondition(r)
	if err != nil {
		return err
	}
	o, st, err := s.assemble(r, u, chosen)
	if err != nil {
		return err
	}
	if want := r.Header.Get(checksumHeader(o.Checksum.Algorithm)); want != "" && want != o.Checksum.Value {
		s.files.abandon(st)
		return faultWith("BadDigest", "The "+o.Checksum.Algorithm+" you specified did not match the calculated checksum.")
	}
	if err := s.keep(r.Context(), o, st, cond, func(tx *store.Tx) error {
		if err := needUpload(tx, u.id); err != nil {
			return err
		}
		return dissolve(tx, u.id)
	}); err != nil {
		return err
	}
	return replyCompleted(w, r, o)
}

// completedBefore answers the completion of an upload that is no more: well,
// if the key's object came from it.
func (s *Service) completedBefore(w http.ResponseWriter, r *request, missing error) error {
	o, err := s.find(r.Context(), r.bucket, r.key)
	if err == nil && o.Upload == r.query.Get("uploadId") {
		return replyCompleted(w, r, o)
	}
	return missing
}

func replyCompleted(w http.ResponseWriter, r *request, o *object) error {
	return reply(w, http.StatusOK, &struct {
		XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
		Location     string
		Bucket, Key  string
		ETag         string
		Checksum     *checksumXML
		ChecksumType string
	}{
		Location: "http://" + r.Host + r.URL.EscapedPath(), Bucket: o.bucket, Key: o.key,
		ETag: quote(o.etag), Checksum: o.Checksum.element(), ChecksumType: o.Checksum.Type,
	})
}

// chosenParts returns the parts that the request's document names, when they
// are there and as it says.
func (s *Service) chosenParts(r *request, u *upload) ([]part, error) {
	var wanted completion
	// The x-amz-checksum-* header of this request is the object's.
	plain := r.Request.Clone(r.Context())
	for name := range plain.Header {
		if strings.HasPrefix(name, checksumPrefix) {
			plain.Header.Del(name)
		}
	}
	if err := document(plain, &wanted); err != nil {
		return nil, err
	}
	if len(wanted.Parts) == 0 {
		return nil, faultOf("MalformedXML")
	}
	have, err := s.parts(r.Context(), u, 0, maxParts)
	if err != nil {
		return nil, err
	}
	var chosen []part
	for i, want := range wanted.Parts {
		if i > 0 && want.PartNumber <= wanted.Parts[i-1].PartNumber {
			return nil, faultOf("InvalidPartOrder")
		}
		at, ok := slices.BinarySearchFunc(have, want.PartNumber, func(p part, number int) int { return p.number - number })
		if !ok || strings.Trim(want.ETag, `"`) != have[at].etag {
			return nil, faultOf("InvalidPart")
		}
		for _, sum := range want.Checksums {
			if sum.XMLName.Local == "Checksum"+u.Checksum.Algorithm && sum.Value != have[at].checksum {
				return nil, faultOf("InvalidPart")
			}
		}
		if i < len(wanted.Parts)-1 && have[at].size < minPartSize {
			return nil, faultOf("EntityTooSmall")
		}
		chosen = append(chosen, have[at])
	}
	return chosen, nil
}

// assemble makes one content of an upload's parts.
func (s *Service) assemble(r *request, u *upload, parts []part) (*object, *staged, error) {
	o := &object{bucket: u.bucket, key: u.key, etag: compositeETag(parts)}
	o.attributes = attributes{Headers: u.Headers, Checksum: u.Checksum, Upload: u.id}
	var size int64
	for _, p := range parts {
		size += p.size
	}
	var from io.Reader = &partsReader{files: s.files, bucket: u.bucket, parts: parts}
	sum := newHash(u.Checksum.Algorithm)
	if u.Checksum.Type == fullObject {
		from = io.TeeReader(from, sum)
	}
	st, err := s.files.stage(u.bucket, u.key, from, size)
	if errors.Is(err, fs.ErrNotExist) { // completed or aborted meanwhile
		return nil, nil, faultOf("NoSuchUpload")
	}
	if err != nil {
		return nil, nil, err
	}
	o.Checksum.Value = encode(sum)
	if u.Checksum.Type == composite {
		o.Checksum.Value, err = compositeChecksum(u.Checksum.Algorithm, parts)
	}
	return o, st, err
}

// compositeETag is the MD5 of the parts' MD5s and the number of parts.
func compositeETag(parts []part) string {
	sum := md5.New()
	for _, p := range parts {
		digest, _ := hex.DecodeString(p.etag) // spate wrote it
		sum.Write(digest)
	}
	return hex.EncodeToString(sum.Sum(nil)) + "-" + strconv.Itoa(len(parts))
}

// compositeChecksum is the checksum of the parts' checksums and the number of
// parts.
func compositeChecksum(algorithm string, parts []part) (string, error) {
	sum := newHash(algorithm)
	for _, p := range parts {
		digest, err := base64.StdEncoding.DecodeString(p.checksum)
		if err != nil {
			return "", err
		}
		sum.Write(digest)
	}
	return encode(sum) + "-" + strconv.Itoa(len(parts)), nil
}

// A partsReader reads parts one behind the other, with one open file.
type partsReader struct {
	files  *files
	bucket string
	parts  []part
	file   io.ReadSeekCloser
}

func (p *partsReader) Read(to []byte) (int, error) {
	for {
		if p.file == nil {
			if len(p.parts) == 0 {
				return 0, io.EOF
			}
			var err error
			if p.file, err = p.files.open(p.bucket, p.parts[0].file); err != nil {
				return 0, err
			}
			p.parts = p.parts[1:]
		}
		n, err := p.file.Read(to)
		if err != io.EOF {
			return n, err
		}
		err = p.file.Close()
		p.file = nil
		if n > 0 || err != nil {
			return n, err
		}
	}
}

func (s *Service) listParts(w http.ResponseWriter, r *request) error {
	u, err := s.findUpload(r)
	if err != nil {
		return err
	}
	limit, after := maxKeys, maxParts
	if err := atMost(r.query, "max-parts", &limit); err != nil {
		return err
	}
	if !r.query.Has("part-number-marker") {
		after = 0
	} else if err := atMost(r.query, "part-number-marker", &after); err != nil {
		return err
	}
	parts, err := s.parts(r.Context(), u, after, limit+1)
	if err != nil {
		return err
	}
	type listed struct {
		PartNumber         int
		LastModified, ETag string
		Size               int64
		Checksum           *checksumXML
	}
	result := struct {
		XMLName                         xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
		Bucket, Key, UploadId           string
		Initiator, Owner                owner
		StorageClass                    string
		PartNumberMarker                int
		NextPartNumberMarker            int `xml:",omitempty"`
		MaxParts                        int
		IsTruncated                     bool
		Parts                           []listed `xml:"Part"`
		ChecksumAlgorithm, ChecksumType string
	}{
		Bucket: u.bucket, Key: u.key, UploadId: u.id, Initiator: everybody(), Owner: everybody(),
		StorageClass: "STANDARD", PartNumberMarker: after, MaxParts: limit, IsTruncated: len(parts) > limit,
		ChecksumAlgorithm: u.Checksum.Algorithm, ChecksumType: u.Checksum.Type,
	}
	for _, p := range parts[:min(len(parts), limit)] {
		sum := checksum{Algorithm: u.Checksum.Algorithm, Value: p.checksum}
		result.NextPartNumberMarker = p.number
		result.Parts = append(result.Parts, listed{
			PartNumber: p.number, LastModified: p.modified.Format(timeLayout),
			ETag: quote(p.etag), Size: p.size, Checksum: sum.element(),
		})
	}
	return reply(w, http.StatusOK, &result)
}

// listUploads lists uploads that are under way by key and then by id.
func (s *Service) listUploads(w http.ResponseWriter, r *request) error {
	if err := s.needBucket(r.Context(), r.bucket); err != nil {
		return err
	}
	limit := maxKeys
	if err := atMost(r.query, "max-uploads", &limit); err != nil {
		return err
	}
	if r.query.Get("delimiter") != "" {
		return faultOf("NotImplemented")
	}
	prefix, key, id := r.query.Get("prefix"), r.query.Get("key-marker"), r.query.Get("upload-id-marker")
	if id == "" {
		key = successor(key)
	}
	rows, err := s.store.Query(r.Context(), `SELECT key, id, created FROM s3_upload
		WHERE bucket = ? AND key >= ? AND key < ? AND (key, id) > (?, ?) ORDER BY key, id LIMIT ?`,
		r.bucket, []byte(prefix), []byte(behind(prefix)), []byte(key), id, limit+1)
	if err != nil {
		return err
	}
	defer rows.Close()
	type listed struct {
		Key, UploadId    string
		Initiator, Owner owner
		StorageClass     string
		Initiated        string
	}
	text := textEncoding(r.query)
	result := struct {
		XMLName                           xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
		Bucket, KeyMarker, UploadIdMarker string
		Prefix, EncodingType              string `xml:",omitempty"`
		NextKeyMarker, NextUploadIdMarker string `xml:",omitempty"`
		MaxUploads                        int
		IsTruncated                       bool
		Uploads                           []listed `xml:"Upload"`
	}{
		Bucket: r.bucket, KeyMarker: text(r.query.Get("key-marker")), UploadIdMarker: id, Prefix: text(prefix),
		EncodingType: r.query.Get("encoding-type"), MaxUploads: limit,
	}
	for rows.Next() {
		if len(result.Uploads) == limit {
			result.IsTruncated = true
			break
		}
		l := listed{Initiator: everybody(), Owner: everybody(), StorageClass: "STANDARD"}
		var created int64
		if err := rows.Scan(&l.Key, &l.UploadId, &created); err != nil {
			return err
		}
		l.Key, l.Initiated = text(l.Key), time.UnixMilli(created).UTC().Format(timeLayout)
		result.NextKeyMarker, result.NextUploadIdMarker = l.Key, l.UploadId
		result.Uploads = append(result.Uploads, l)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return reply(w, http.StatusOK, &result)
}
