package s3

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// A chunkedReader takes the framing of aws-chunked off a body. When it has
// returned io.EOF, trailer holds the headers that came after the last chunk.
//
//	size[;chunk-signature=…] CRLF bytes CRLF … 0[;…] CRLF [name:value CRLF …] CRLF
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
type chunkedReader struct {
	from    *bufio.Reader
	left    int64 // of the chunk that is being read
	started bool
	ended   bool
	trailer http.Header
}

func newChunkedReader(from io.Reader) *chunkedReader {
	return &chunkedReader{from: bufio.NewReaderSize(from, 32<<10)}
}

func (c *chunkedReader) Read(p []byte) (int, error) {
	if c.ended {
		return 0, io.EOF
	}
	if c.left == 0 {
		if err := c.next(); err != nil {
			return 0, short(err)
		}
		if c.ended {
			return 0, io.EOF
		}
	}
	n, err := c.from.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, short(err)
}

// next reads up to the first byte of the next chunk, or to the end.
func (c *chunkedReader) next() error {
	if c.started {
		line, err := c.line()
		if err != nil {
			return err
		}
		if line != "" {
			return faultWith("InvalidRequest", "The chunk is longer than its size.")
		}
	}
	c.started = true
	line, err := c.line()
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(line, ";")
	c.left, err = strconv.ParseInt(size, 16, 64)
	if err != nil || c.left < 0 {
		return faultWith("InvalidRequest", "The chunk size is not valid.")
	}
	if c.left > 0 {
		return nil
	}
	c.ended = true
	return c.readTrailer()
}

// readTrailer reads header lines up to an empty one. Signed bodies without
// trailers, and some clients with them, end without the empty line.
func (c *chunkedReader) readTrailer() error {
	c.trailer = http.Header{}
	for {
		line, err := c.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if line == "" {
			return nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || len(c.trailer) > 16 {
			return faultWith("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
		}
		c.trailer.Add(textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value))
	}
}

// line reads one line of framing without its CRLF.
func (c *chunkedReader) line() (string, error) {
	line, err := c.from.ReadSlice('\n')
	return strings.TrimRight(string(line), "\r\n"), err
}

// short turns the end of a body that should go on into S3's fault.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, bufio.ErrBufferFull) {
		return faultOf("IncompleteBody")
	}
	return err
}
