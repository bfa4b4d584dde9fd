// Package wire speaks AWS's protocols for services that are written in terms
// of the SDK's own types.
//
// It owns routing, AWS Signature Version 4, and the protocols AWS JSON 1.0 and
// 1.1, REST-JSON, Query, and Smithy RPC v2 CBOR. A service names itself in a [Service] and
// binds functions to operations with [Handle]; requests are decoded into the
// SDK's input structs and its output structs are encoded by reflection, by
// plans that are made once for a type. There is no code for any one operation,
// and what the Go types do not say is in one table, exceptionsOf.
//
//	request ─► protocol ─► body ─► service, operation ─► signature ─► input
//	              │                                                     │
//	              └─► S3: signature ─► Config.Objects        function ◄─┘
//	                                                            │
//	reply ◄───────────────────── output or Fault ◄──────────────┘
//
// The protocol is told by the service that is signed for, where that is S3 or
// speaks REST-JSON, then by the headers (Smithy-Protocol, X-Amz-Target), else by
// a form with an Action; all else is S3's.
//
// It promises that no function runs for a request whose signature is not right
// (the host, all x-amz- headers and the body are part of it, within 15 minutes
// of now); that a request cannot make it panic; that a function's context ends
// when its client leaves; and that an error that is no [Fault] reaches the log
// and not the client. In replies nil members are left out, non-nil empty lists
// are empty lists, and plain numbers and booleans are always there.
//
// It leaves to others: S3's own protocol, chunked bodies with their signatures
// among it; whether a member is required or valid; and event streams. Signatures
// of any region are taken, session tokens are not checked.
package wire
