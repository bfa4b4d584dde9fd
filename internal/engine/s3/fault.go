package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"syscall"

	"github.com/spate-run/spate/internal/wire"
)

// answerFault writes an error as S3 does.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
func (s *Service) answerFault(w http.ResponseWriter, r *request, err error) {
	fault, ok := errors.AsType[*wire.Fault](err)
	if !ok && errors.Is(err, syscall.ENOSPC) {
		fault, ok = faultOf("InsufficientStorage"), true
		// A client that still sends would not read the answer.
		_, _ = io.Copy(io.Discard, r.Body)
	}
	if !ok {
		level := slog.LevelError
		if r.Context().Err() != nil {
			level = slog.LevelDebug // the client has gone: nobody reads the answer either
		}
		s.log.Log(context.WithoutCancel(r.Context()), level, "s3 request failed", "method", r.Method, "bucket", r.bucket, "key", r.key, "error", err)
		fault = faultOf("InternalError")
	}
	if fault.Status == http.StatusNotModified || r.Method == http.MethodHead {
		w.WriteHeader(fault.Status)
		return
	}
	reply(w, fault.Status, &struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		Key       string `xml:",omitempty"`
		Bucket    string `xml:"BucketName,omitempty"`
		Resource  string
		RequestID string `xml:"RequestId"`
	}{
		Code: fault.Code, Message: fault.Message, Key: r.key, Bucket: r.bucket,
		Resource: r.URL.Path, RequestID: w.Header().Get(headerRequestID),
	})
}

// faultOf returns the fault of a code, with S3's own status and message.
func faultOf(code string) *wire.Fault {
	status, message := faultText(code)
	return &wire.Fault{Code: code, Status: status, Message: message}
}

// faultWith is faultOf with a message of its own.
func faultWith(code, message string) *wire.Fault {
	fault := faultOf(code)
	fault.Message = message
	return fault
}

func faultText(code string) (status int, message string) {
	switch code {
	case "BadDigest":
		return http.StatusBadRequest, "The Content-MD5 you specified did not match what we received."
	case "BucketAlreadyOwnedByYou":
		return http.StatusConflict, "Your previous request to create the named bucket succeeded and you already own it."
	case "BucketNotEmpty":
		return http.StatusConflict, "The bucket you tried to delete is not empty"
	case "ConditionalRequestConflict":
		return http.StatusConflict, "The conditional request cannot succeed due to a conflicting operation against this resource."
	case "EntityTooSmall":
		return http.StatusBadRequest, "Your proposed upload is smaller than the minimum allowed size"
	case "EntityTooLarge":
		return http.StatusBadRequest, "Your proposed upload exceeds the maximum allowed size"
	case "IncompleteBody":
		return http.StatusBadRequest, "You did not provide the number of bytes specified by the Content-Length HTTP header"
	case "InsufficientStorage": // which S3 itself never says
		return http.StatusInsufficientStorage, "There is no room for the object on the disk of this engine."
	case "InternalError":
		return http.StatusInternalServerError, "We encountered an internal error. Please try again."
	case "InvalidBucketName":
		return http.StatusBadRequest, "The specified bucket is not valid."
	case "InvalidDigest":
		return http.StatusBadRequest, "The Content-MD5 you specified was invalid."
	case "InvalidPart":
		return http.StatusBadRequest, "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
	case "InvalidPartOrder":
		return http.StatusBadRequest, "The list of parts was not in ascending order. Parts must be ordered by part number."
	case "InvalidRange":
		return http.StatusRequestedRangeNotSatisfiable, "The requested range is not satisfiable"
	case "KeyTooLongError":
		return http.StatusBadRequest, "Your key is too long"
	case "MalformedXML":
		return http.StatusBadRequest, "The XML you provided was not well-formed or did not validate against our published schema"
	case "MetadataTooLarge":
		return http.StatusBadRequest, "Your metadata headers exceed the maximum allowed metadata size"
	case "MethodNotAllowed":
		return http.StatusMethodNotAllowed, "The specified method is not allowed against this resource."
	case "MissingContentLength":
		return http.StatusLengthRequired, "You must provide the Content-Length HTTP header."
	case "NoSuchBucket":
		return http.StatusNotFound, "The specified bucket does not exist"
	case "NoSuchKey":
		return http.StatusNotFound, "The specified key does not exist."
	case "NoSuchUpload":
		return http.StatusNotFound, "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
	case "NotImplemented":
		return http.StatusNotImplemented, "A header you provided implies functionality that is not implemented"
	case "NotModified":
		return http.StatusNotModified, "Not Modified"
	case "PreconditionFailed":
		return http.StatusPreconditionFailed, "At least one of the pre-conditions you specified did not hold"
	}
	return http.StatusBadRequest, ""
}
