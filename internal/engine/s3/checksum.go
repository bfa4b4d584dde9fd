package s3

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/xml"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Checksum types: of the object's bytes, or of its parts' checksums.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
const (
	fullObject = "FULL_OBJECT"
	composite  = "COMPOSITE"
)

// defaultAlgorithm is what S3 computes when the client sends no checksum.
const defaultAlgorithm = "CRC64NVME"

const checksumPrefix = "X-Amz-Checksum-"

// A checksum is one of an object or a part, as base64.
type checksum struct {
	Algorithm string `json:",omitempty"`
	Type      string `json:",omitempty"`
	Value     string `json:",omitempty"`
}

// checksumHeader is the name of the header that carries checksums of an algorithm.
func checksumHeader(algorithm string) string {
	return "x-amz-checksum-" + strings.ToLower(algorithm)
}

func (c checksum) set(h http.Header) {
	if c.Value != "" {
		h.Set(checksumHeader(c.Algorithm), c.Value)
		h.Set("x-amz-checksum-type", c.Type)
	}
}

// A checksumXML is a checksum among the members of an XML document.
type checksumXML struct {
	XMLName xml.Name
	Value   string `xml:",chardata"`
}

func (c checksum) element() *checksumXML {
	if c.Value == "" {
		return nil
	}
	return &checksumXML{XMLName: xml.Name{Local: "Checksum" + c.Algorithm}, Value: c.Value}
}

// The polynomials' tables, which take long to make.
var (
	castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })
	nvme       = sync.OnceValue(func() *crc64.Table { return crc64.MakeTable(0x9a6c9329ac4bc9b5) })
)

// newHash returns the hash of an algorithm, or nil when spate has none.
func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "CRC32":
		return crc32.NewIEEE()
	case "CRC32C":
		return crc32.New(castagnoli())
	case "CRC64NVME":
		return crc64.New(nvme())
	case "SHA1":
		return sha1.New()
	case "SHA256":
		return sha256.New()
	case "SHA512":
		return sha512.New()
	case "MD5":
		return md5.New()
	}
	return nil
}

func encode(h hash.Hash) string {
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// An announced is the checksum that a request says it has.
type announced struct {
	algorithm string
	value     string // empty while it is still to come in the trailer
	trailer   string // the header of the trailer that brings it
}

// announcedBy finds the one checksum that a request's headers name, if any.
func announcedBy(h http.Header) (announced, error) {
	var found []announced
	for name, values := range h {
		algorithm, ok := strings.CutPrefix(name, checksumPrefix)
		if ok && !slices.Contains([]string{"Mode", "Type", "Algorithm"}, algorithm) {
			found = append(found, announced{algorithm: strings.ToUpper(algorithm), value: values[0]})
		}
	}
	for name := range strings.SplitSeq(h.Get("X-Amz-Trailer"), ",") {
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		if algorithm, ok := strings.CutPrefix(name, checksumPrefix); ok {
			found = append(found, announced{algorithm: strings.ToUpper(algorithm), trailer: name})
		}
	}
	if len(found) > 1 {
		return announced{}, faultWith("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
	}
	sdk := strings.ToUpper(h.Get("X-Amz-Sdk-Checksum-Algorithm"))
	if len(found) == 0 {
		if sdk != "" {
			return announced{}, faultWith("InvalidRequest", "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
		}
		return announced{}, nil
	}
	a := found[0]
	if sdk != "" && sdk != a.algorithm {
		return announced{}, faultWith("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
	}
	if newHash(a.algorithm) == nil {
		return announced{}, faultOf("NotImplemented")
	}
	if a.trailer == "" {
		return a, a.check()
	}
	return a, nil
}

// check tells whether the value can be one of its algorithm.
func (a announced) check() error {
	sum, err := base64.StdEncoding.DecodeString(a.value)
	if err != nil || len(sum) != newHash(a.algorithm).Size() {
		return faultWith("InvalidRequest", "Value for "+checksumHeader(a.algorithm)+" header is invalid.")
	}
	return nil
}
