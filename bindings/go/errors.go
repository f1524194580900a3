package natkit

// #include "natkit/natkit.h"
import "C"

// Code is why a call failed. Codes are errors, to be compared by errors.Is.
type Code int

// The codes of all functions. Their numbers never change.
const (
	// ErrTruncated: the input ends before the value does.
	ErrTruncated Code = C.NATKIT_ERR_TRUNCATED
	// ErrBadLength: a length contradicts the input.
	ErrBadLength Code = C.NATKIT_ERR_BAD_LENGTH
	// ErrBadValue: a field has a value that its format or its documentation
	// forbids.
	ErrBadValue Code = C.NATKIT_ERR_BAD_VALUE
	// ErrBufferTooSmall: the caller's buffer cannot hold the result; nothing
	// was consumed.
	ErrBufferTooSmall Code = C.NATKIT_ERR_BUFFER_TOO_SMALL
	// ErrBadEncoding: not valid hex, base64, UTF-8, address text, ...
	ErrBadEncoding Code = C.NATKIT_ERR_BAD_ENCODING
	// ErrNotFound: there is no such item.
	ErrNotFound Code = C.NATKIT_ERR_NOT_FOUND
	// ErrAlreadyExists: an item with this identity exists.
	ErrAlreadyExists Code = C.NATKIT_ERR_ALREADY_EXISTS
	// ErrLimitExceeded: a documented bound was reached.
	ErrLimitExceeded Code = C.NATKIT_ERR_LIMIT_EXCEEDED
	// ErrInvalidState: the call is not allowed in this state.
	ErrInvalidState Code = C.NATKIT_ERR_INVALID_STATE
	// ErrPermissionDenied: the system refused.
	ErrPermissionDenied Code = C.NATKIT_ERR_PERMISSION_DENIED
	// ErrIO: the system reported an input or output failure.
	ErrIO Code = C.NATKIT_ERR_IO
	// ErrAddressInUse: another socket has this address.
	ErrAddressInUse Code = C.NATKIT_ERR_ADDRESS_IN_USE
	// ErrUnsupported: this system or build cannot do it, or the library is
	// older than what it was asked for.
	ErrUnsupported Code = C.NATKIT_ERR_UNSUPPORTED
	// ErrTimedOut: no answer in the time allowed.
	ErrTimedOut Code = C.NATKIT_ERR_TIMED_OUT
	// ErrClosed: the other side or the owner closed it.
	ErrClosed Code = C.NATKIT_ERR_CLOSED
	// ErrAddressNotAvailable: the address is not one of this host.
	ErrAddressNotAvailable Code = C.NATKIT_ERR_ADDRESS_NOT_AVAILABLE
	// ErrConnectionRefused: nobody listens there.
	ErrConnectionRefused Code = C.NATKIT_ERR_CONNECTION_REFUSED
	// ErrConnectionReset: the other side dropped the connection.
	ErrConnectionReset Code = C.NATKIT_ERR_CONNECTION_RESET
	// ErrUnreachable: there is no route to the host or network.
	ErrUnreachable Code = C.NATKIT_ERR_UNREACHABLE
	// ErrNoDevice: the device or device file is missing.
	ErrNoDevice Code = C.NATKIT_ERR_NO_DEVICE
	// ErrInsecureFile: others may read a file that holds a secret.
	ErrInsecureFile Code = C.NATKIT_ERR_INSECURE_FILE
	// ErrBadArgument: an argument is missing or out of its range.
	ErrBadArgument Code = C.NATKIT_ERR_BAD_ARGUMENT
	// ErrBadHandle: the value was closed, or never opened.
	ErrBadHandle Code = C.NATKIT_ERR_BAD_HANDLE
	// ErrBusy: another call is at work on the same value.
	ErrBusy Code = C.NATKIT_ERR_BUSY
	// ErrStructSize: this package and the library do not fit.
	ErrStructSize Code = C.NATKIT_ERR_STRUCT_SIZE

	// ErrNotStun: not a STUN message; it may be of another protocol.
	ErrNotStun Code = C.NATKIT_ERR_NOT_STUN
	// ErrBadFingerprint: FINGERPRINT does not match.
	ErrBadFingerprint Code = C.NATKIT_ERR_BAD_FINGERPRINT
	// ErrBadIntegrity: MESSAGE-INTEGRITY does not match.
	ErrBadIntegrity Code = C.NATKIT_ERR_BAD_INTEGRITY
	// ErrNoIntegrity: an integrity attribute is required.
	ErrNoIntegrity Code = C.NATKIT_ERR_NO_INTEGRITY
	// ErrUnknownAttribute: a comprehension-required attribute is not known.
	ErrUnknownAttribute Code = C.NATKIT_ERR_UNKNOWN_ATTRIBUTE
	// ErrErrorResponse: the peer answered with a STUN error.
	ErrErrorResponse Code = C.NATKIT_ERR_ERROR_RESPONSE
	// ErrBadCandidate: not a usable ICE candidate.
	ErrBadCandidate Code = C.NATKIT_ERR_BAD_CANDIDATE
	// ErrBadCredentials: ICE user name fragment or password out of bounds.
	ErrBadCredentials Code = C.NATKIT_ERR_BAD_CREDENTIALS

	// ErrBadMagic: the relay's first frame is not that of a DERP server.
	ErrBadMagic Code = C.NATKIT_ERR_BAD_MAGIC
	// ErrBadFrame: a DERP frame's length breaks the rules of its type.
	ErrBadFrame Code = C.NATKIT_ERR_BAD_FRAME
	// ErrFrameTooLarge: a frame or datagram is longer than its limit.
	ErrFrameTooLarge Code = C.NATKIT_ERR_FRAME_TOO_LARGE
	// ErrBadBox: a sealed box does not open.
	ErrBadBox Code = C.NATKIT_ERR_BAD_BOX
	// ErrBadJSON: the relay's JSON is not acceptable.
	ErrBadJSON Code = C.NATKIT_ERR_BAD_JSON
	// ErrUpgradeRefused: the relay did not answer the HTTP upgrade with 101.
	ErrUpgradeRefused Code = C.NATKIT_ERR_UPGRADE_REFUSED
	// ErrBadHTTP: malformed HTTP.
	ErrBadHTTP Code = C.NATKIT_ERR_BAD_HTTP
	// ErrForbiddenFrame: a frame that only privileged DERP clients may send.
	ErrForbiddenFrame Code = C.NATKIT_ERR_FORBIDDEN_FRAME

	// ErrUnknownIndex: no WireGuard session has this receiver index.
	ErrUnknownIndex Code = C.NATKIT_ERR_UNKNOWN_INDEX
	// ErrAuthFailed: an authentication tag or MAC does not verify.
	ErrAuthFailed Code = C.NATKIT_ERR_AUTH_FAILED
	// ErrReplayed: a counter or timestamp was seen before.
	ErrReplayed Code = C.NATKIT_ERR_REPLAYED
	// ErrUnknownPeer: no peer has this public key.
	ErrUnknownPeer Code = C.NATKIT_ERR_UNKNOWN_PEER
	// ErrNoSession: there is no session to seal with.
	ErrNoSession Code = C.NATKIT_ERR_NO_SESSION
	// ErrNotAllowed: the source address is outside the peer's allowed
	// addresses.
	ErrNotAllowed Code = C.NATKIT_ERR_NOT_ALLOWED
	// ErrNoRoute: no peer's allowed addresses hold the destination.
	ErrNoRoute Code = C.NATKIT_ERR_NO_ROUTE
	// ErrBadConfig: configuration text is not acceptable.
	ErrBadConfig Code = C.NATKIT_ERR_BAD_CONFIG

	// ErrTLSHandshake: the TLS handshake failed.
	ErrTLSHandshake Code = C.NATKIT_ERR_TLS_HANDSHAKE
	// ErrTLSProtocol: the TLS record layer failed.
	ErrTLSProtocol Code = C.NATKIT_ERR_TLS_PROTOCOL
	// ErrBadCertificate: a certificate is not usable or not trusted.
	ErrBadCertificate Code = C.NATKIT_ERR_BAD_CERTIFICATE
	// ErrBadPrivateKey: a private key is not usable.
	ErrBadPrivateKey Code = C.NATKIT_ERR_BAD_PRIVATE_KEY
	// ErrKeyMismatch: the private key is not the certificate's.
	ErrKeyMismatch Code = C.NATKIT_ERR_KEY_MISMATCH

	// ErrBadSignal: a description of an agent, or a signal between two, is not
	// acceptable.
	ErrBadSignal Code = C.NATKIT_ERR_BAD_SIGNAL
)

// Error returns a few words, such as "input ends before the value does".
func (c Code) Error() string {
	return C.GoString(C.natkit_strerror(C.int(c)))
}

// Error is the failure of one call.
type Error struct {
	// Op is the function of the C API, such as "natkit_hub_new".
	Op string
	// Code is why it failed.
	Code Code
}

// Error returns the function and the reason.
func (e *Error) Error() string { return e.Op + ": " + e.Code.Error() }

// Unwrap returns the Code.
func (e *Error) Unwrap() error { return e.Code }

// check is nil for results that are no failure.
func check(op string, result C.int) error {
	if result >= 0 {
		return nil
	}
	return &Error{op, Code(result)}
}
