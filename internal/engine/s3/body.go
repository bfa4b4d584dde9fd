package s3

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxDocument bounds the XML documents that requests carry: a thousand keys to
// delete, ten thousand parts to complete.
const maxDocument = 4 << 20

// A body is a request's content on its way in: read it to its end, then ask
// verify whether it is what the request promised.
type body struct {
	io.Reader
	size int64

	chunks    *chunkedReader // nil unless the body is aws-chunked
	announced announced
	sum       hash.Hash // of announced's algorithm, or the default one
	md5       hash.Hash
	wantMD5   string
}

// openBody reads the headers that say how a request's content is framed and
// what it must add up to.
func openBody(r *http.Request) (*body, error) {
	b := &body{size: r.ContentLength, wantMD5: r.Header.Get("Content-Md5")}
	if err := b.frame(r); err != nil {
		return nil, err
	}
	if b.size < 0 {
		return nil, faultOf("MissingContentLength")
	}
	if _, there := r.Header["Content-Md5"]; there {
		if sum, err := base64.StdEncoding.DecodeString(b.wantMD5); err != nil || len(sum) != md5.Size {
			return nil, faultOf("InvalidDigest")
		}
	}
	var err error
	if b.announced, err = announcedBy(r.Header); err != nil {
		return nil, err
	}
	if b.announced.trailer != "" && b.chunks == nil {
		return nil, faultWith("InvalidRequest", "The x-amz-trailer header needs an aws-chunked body.")
	}
	return b, b.hash()
}

// newBody is a body that spate itself provides.
func newBody(from io.Reader, size int64, algorithm string) (*body, error) {
	b := &body{Reader: from, size: size, announced: announced{algorithm: algorithm}}
	return b, b.hash()
}

// frame finds the content's bytes and size.
func (b *body) frame(r *http.Request) error {
	b.Reader = r.Body
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return nil
	}
	size, err := strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64)
	if err != nil || size < 0 {
		return faultOf("MissingContentLength")
	}
	b.size, b.chunks = size, newChunkedReader(r.Body)
	b.Reader = b.chunks
	return nil
}

// hash feeds what is read to every hash that is wanted.
func (b *body) hash() error {
	b.announced.algorithm = cmp.Or(b.announced.algorithm, defaultAlgorithm)
	b.md5, b.sum = md5.New(), newHash(b.announced.algorithm)
	if b.sum == nil {
		return faultOf("NotImplemented")
	}
	b.Reader = io.TeeReader(b.Reader, io.MultiWriter(b.md5, b.sum))
	return nil
}

// verify compares the content that was read with what the request promised.
// The hash that is part of a signature is wire's to check.
func (b *body) verify() error {
	if b.chunks != nil {
		if err := b.end(); err != nil {
			return err
		}
	}
	if b.wantMD5 != "" && encode(b.md5) != b.wantMD5 {
		return faultOf("BadDigest")
	}
	if b.announced.value != "" && b.announced.value != encode(b.sum) {
		return faultWith("BadDigest", "The "+b.announced.algorithm+" you specified did not match the calculated checksum.")
	}
	return nil
}

// end reads what follows the last byte of an aws-chunked content.
func (b *body) end() error {
	if n, err := b.chunks.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		if err != nil {
			return err
		}
		return faultOf("IncompleteBody")
	}
	if b.announced.trailer == "" {
		return nil
	}
	b.announced.value = b.chunks.trailer.Get(b.announced.trailer)
	return b.announced.check()
}

// etag is the content's MD5, as S3 names objects of one part.
func (b *body) etag() string {
	return hex.EncodeToString(b.md5.Sum(nil))
}

func (b *body) checksum() checksum {
	return checksum{Algorithm: b.announced.algorithm, Type: fullObject, Value: encode(b.sum)}
}

// document reads a request's XML document into v.
func document(r *http.Request, v any) error {
	b, err := openBody(r)
	if err != nil {
		return err
	}
	if b.size > maxDocument {
		return faultOf("MalformedXML")
	}
	text, err := io.ReadAll(io.LimitReader(b, b.size))
	if err != nil {
		return err
	}
	if int64(len(text)) != b.size {
		return faultOf("IncompleteBody")
	}
	if err := b.verify(); err != nil {
		return err
	}
	if err := xml.Unmarshal(text, v); err != nil {
		return faultOf("MalformedXML")
	}
	return nil
}
