package wire

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"
)

const unsignedPayload = "UNSIGNED-PAYLOAD"

// serveObject verifies a request and hands it to S3's handler.
func (x *exchange) serveObject(s *signature, denied *denial) {
	if x.handler.objects == nil {
		x.w.WriteHeader(http.StatusNotFound)
		io.WriteString(x.w, "<UnknownOperationException/>\n") // an error is the client's
		return
	}
	x.w.Header().Set("X-Amz-Request-Id", x.id)
	r := x.r.WithContext(context.WithValue(x.r.Context(), callKey{}, &x.call))
	if x.handler.verifier != nil {
		if denied == nil {
			denied = x.handler.authorizeObject(r, s)
		}
		if denied != nil {
			x.denyObject(denied)
			return
		}
	}
	x.handler.objects.ServeHTTP(x.w, r)
}

// authorizeObject lets a request to S3 in, or says why not. A body whose hash
// is signed is compared with it while it is read.
func (h *handler) authorizeObject(r *http.Request, s *signature) *denial {
	switch {
	case s == nil:
		return &denial{why: anonymous}
	case s.service != "s3":
		return deny(incomplete, "The authorization header is malformed; incorrect service %q. This endpoint belongs to \"s3\".", s.service)
	}
	payload := r.Header.Get("X-Amz-Content-Sha256")
	switch {
	case s.presigned && s.payload != "":
		payload = s.payload
	case s.presigned && !slices.Contains(s.headers, "x-amz-content-sha256"):
		payload = unsignedPayload
	case payload == "":
		return &denial{why: noPayloadHash}
	}
	if d := h.verifier.verify(r, s, payload); d != nil {
		return d
	}
	if payload == unsignedPayload || strings.HasPrefix(payload, "STREAMING-") {
		return nil
	}
	r.Body = &checkedBody{ReadCloser: r.Body, hash: sha256.New(), want: payload, left: r.ContentLength}
	return nil
}

// A checkedBody compares a body with its signed hash. Where they differ the
// last read fails with the [*Fault] that S3 answers.
type checkedBody struct {
	io.ReadCloser
	hash hash.Hash
	want string
	left int64 // bytes until the body's end; negative where that is not known
}

func (b *checkedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.hash.Write(p[:n])
	if b.left >= 0 {
		b.left -= int64(n)
	}
	if err != io.EOF && b.left != 0 {
		return n, err
	}
	if hex.EncodeToString(b.hash.Sum(nil)) != b.want {
		return 0, (&denial{why: payloadMismatch}).objectFault()
	}
	return n, err
}

// denyObject answers as S3 does. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (x *exchange) denyObject(d *denial) {
	f := d.objectFault()
	x.w.Header().Set("Content-Type", "application/xml")
	x.w.WriteHeader(f.status())
	if x.r.Method == http.MethodHead {
		return
	}
	b := []byte(xmlDeclaration + "<Error>")
	b = appendElement(b, "Code", f.Code)
	b = appendElement(b, "Message", f.Message)
	b = appendElement(b, "RequestId", x.id)
	b = append(b, "</Error>"...)
	x.w.Write(b) // an error is the client's, who has gone
}
