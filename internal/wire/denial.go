package wire

import (
	"fmt"
	"net/http"
)

// A denial is why a request is not let in. Each protocol has its own code for
// each reason.
type denial struct {
	why     reason
	message string // "" is the reason's usual one
}

func deny(why reason, format string, args ...any) *denial {
	return &denial{why: why, message: fmt.Sprintf(format, args...)}
}

// A reason is why a signature is not taken.
type reason uint8

const (
	anonymous      reason = iota // no signature at all
	otherAlgorithm               // SigV2, SigV4A
	incomplete                   // the signature's own syntax
	unknownKey
	mismatch
	unsignedHeader // an x-amz- header outside the signature
	skewed         // signed too long ago, or in the future
	expiredURL
	payloadMismatch // the body's hash is not the signed one
	noPayloadHash   // S3 wants it signed
)

// A refusal is how the protocols put a reason. S3 has words of its own.
type refusal struct {
	code, queryCode, message  string
	objectCode, objectMessage string
	objectStatus              int
}

const (
	noMatch = "The request signature we calculated does not match the signature you provided. "
	retry   = "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

// refusals are AWS's words.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
var refusals = [...]refusal{
	anonymous: {
		"MissingAuthenticationTokenException", "MissingAuthenticationToken", "Request is missing Authentication Token",
		"AccessDenied", "Access Denied: the request has no AWS signature", http.StatusForbidden,
	},
	otherAlgorithm: {
		"IncompleteSignatureException", "IncompleteSignature", "Unsupported AWS 'algorithm'. Please use AWS4-HMAC-SHA256.",
		"InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.", http.StatusBadRequest,
	},
	incomplete: {
		"IncompleteSignatureException", "IncompleteSignature", "The request signature does not conform to AWS standards.",
		"AuthorizationHeaderMalformed", "The authorization header that you provided is not valid.", http.StatusBadRequest,
	},
	unknownKey: {
		"UnrecognizedClientException", "InvalidClientTokenId", "The security token included in the request is invalid.",
		"InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", http.StatusForbidden,
	},
	mismatch: {
		"InvalidSignatureException", "SignatureDoesNotMatch", noMatch + retry,
		"SignatureDoesNotMatch", noMatch + "Check your key and signing method.", http.StatusForbidden,
	},
	unsignedHeader: {
		"InvalidSignatureException", "SignatureDoesNotMatch", "There were headers present in the request which were not signed",
		"AccessDenied", "There were headers present in the request which were not signed", http.StatusForbidden,
	},
	skewed: {
		"InvalidSignatureException", "SignatureDoesNotMatch", "Signature expired",
		"RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", http.StatusForbidden,
	},
	expiredURL: {
		"InvalidSignatureException", "RequestExpired", "Request has expired.",
		"AccessDenied", "Request has expired", http.StatusForbidden,
	},
	payloadMismatch: {
		"InvalidSignatureException", "SignatureDoesNotMatch", noMatch + retry,
		"XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.", http.StatusBadRequest,
	},
	noPayloadHash: {
		"InvalidSignatureException", "SignatureDoesNotMatch", noMatch + retry,
		"InvalidRequest", "Missing required header for this request: x-amz-content-sha256", http.StatusBadRequest,
	},
}

// fault is the denial as the JSON and CBOR protocols put it.
func (d *denial) fault() *Fault {
	r := refusals[d.why]
	f := &Fault{Code: r.code, QueryCode: r.queryCode, Message: r.message}
	if d.message != "" {
		f.Message = d.message
	}
	return f
}

// queryFault is the denial as the Query protocol puts it.
func (d *denial) queryFault() *Fault {
	f := d.fault()
	if d.why != incomplete && d.why != otherAlgorithm && d.why != expiredURL {
		f.Status = http.StatusForbidden
	}
	return f
}

// objectFault is the denial as S3 puts it.
func (d *denial) objectFault() *Fault {
	r := refusals[d.why]
	f := &Fault{Code: r.objectCode, Message: r.objectMessage, Status: r.objectStatus}
	if d.message != "" && d.why == incomplete {
		f.Message = d.message
	}
	return f
}
