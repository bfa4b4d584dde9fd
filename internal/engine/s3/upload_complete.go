package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spate-run/spate/internal/store"
)

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
	for i, want := range wanted.Parts {
		if i > 0 && want.PartNumber <= wanted.Parts[i-1].PartNumber {
			return nil, faultOf("InvalidPartOrder")
		}
	}
	have, err := s.parts(r.Context(), u, 0, maxParts)
	if err != nil {
		return nil, err
	}
	var chosen []part
	for i, want := range wanted.Parts {
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
	content := &partsReader{files: s.files, bucket: u.bucket, parts: parts}
	defer content.close()
	var from io.Reader = content
	if o.Checksum.Algorithm == "" {
		o.Checksum = checksum{Algorithm: defaultAlgorithm, Type: fullObject}
	}
	sum := newHash(o.Checksum.Algorithm)
	if o.Checksum.Type == fullObject {
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
	if o.Checksum.Type == composite {
		o.Checksum.Value, err = compositeChecksum(o.Checksum.Algorithm, parts)
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

// A partsReader reads parts one behind the other, with one open file. Who does
// not read it to its end closes it.
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

func (p *partsReader) close() {
	if p.file != nil {
		_ = p.file.Close() // it was only read
	}
}
