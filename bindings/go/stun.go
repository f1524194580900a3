package natkit

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"io"
	"net/netip"
	"syscall"
	"time"
)

// StunMaxUDPSize is enough for any request whose names, realm and nonce are not
// long.
const StunMaxUDPSize = C.NATKIT_STUN_MAX_UDP_SIZE

// StunMaxMessageSize is enough for any message.
const StunMaxMessageSize = C.NATKIT_STUN_MAX_MESSAGE_SIZE

// StunDefaultPort is the port of servers unless they say otherwise.
const StunDefaultPort = C.NATKIT_STUN_DEFAULT_PORT

// StunOutcome is how a request ended.
type StunOutcome uint32

const (
	// StunSuccess: with a success response.
	StunSuccess StunOutcome = C.NATKIT_STUN_OUTCOME_SUCCESS
	// StunErrorResponse: with an error response; see StunEvent.ErrorCode.
	StunErrorResponse StunOutcome = C.NATKIT_STUN_OUTCOME_ERROR_RESPONSE
	// StunTimedOut: without a response.
	StunTimedOut StunOutcome = C.NATKIT_STUN_OUTCOME_TIMED_OUT
	// StunIntegrityViolation: responses came, and none proved that it knows
	// the password.
	StunIntegrityViolation StunOutcome = C.NATKIT_STUN_OUTCOME_INTEGRITY_VIOLATION
	// StunBadResponse: with a response that cannot be used.
	StunBadResponse StunOutcome = C.NATKIT_STUN_OUTCOME_BAD_RESPONSE
	// StunBidDown: somebody offers weaker security than before or than
	// RefusesMD5 allows.
	StunBidDown StunOutcome = C.NATKIT_STUN_OUTCOME_BID_DOWN
	// StunUnknownAttribute: the response has a comprehension-required
	// attribute that is not known.
	StunUnknownAttribute StunOutcome = C.NATKIT_STUN_OUTCOME_UNKNOWN_ATTRIBUTE
)

// StunServerKind is the form of a client's requests.
type StunServerKind uint32

const (
	// StunServerAny: servers of RFC 5389 and RFC 8489.
	StunServerAny StunServerKind = C.NATKIT_STUN_SERVER_ANY
	// StunServerDERP: Tailscale's DERP servers.
	StunServerDERP StunServerKind = C.NATKIT_STUN_SERVER_DERP
	// StunServerRFC3489: servers of RFC 3489.
	StunServerRFC3489 StunServerKind = C.NATKIT_STUN_SERVER_RFC3489
)

// StunMechanism is how a user proves who it is (RFC 8489 section 9).
type StunMechanism uint32

const (
	// StunShortTerm: RFC 8489 section 9.1, as ICE uses it.
	StunShortTerm StunMechanism = C.NATKIT_STUN_SHORT_TERM
	// StunLongTerm: RFC 8489 section 9.2: the server challenges, with realm
	// and nonce.
	StunLongTerm StunMechanism = C.NATKIT_STUN_LONG_TERM
)

// StunSchedule is when requests are sent again. Zero: 7 requests at 0, 500,
// 1500, 3500, ... ms and the end after 39.5 s (RFC 8489 section 6.2.1).
type StunSchedule struct {
	// InitialTimeout is the wait after the first request; each further one
	// doubles. At most a day; 0: 500 ms.
	InitialTimeout time.Duration
	// MaxInterval: no wait between two requests is longer. 0: an hour.
	MaxInterval time.Duration
	// FinalWait is the wait after the last request. 0: 16 times the first.
	FinalWait time.Duration
	// RequestCount is how many are sent, at most 100; 0: 7.
	RequestCount uint32
}

// StunClientConfig is how a client asks. Server is required.
type StunClientConfig struct {
	// Server is whom to ask.
	Server netip.AddrPort
	// ServerKind is the form of requests.
	ServerKind StunServerKind
	// Software is SOFTWARE of requests, at most 763 bytes; empty: none, or
	// what ServerKind wants.
	Software string
	// Username is the user; empty: requests prove nothing.
	Username string
	// Password is the user's password; needed with Username.
	Password string
	// Mechanism is how the user proves who it is.
	Mechanism StunMechanism
	// SendsFingerprint: requests have FINGERPRINT.
	SendsFingerprint bool
	// NoFiller: requests are as short as they can be. By default they are as
	// long as the response, because some servers never send more than they got.
	NoFiller bool
	// FollowsRedirects: goes where a verified 300 (Try Alternate) points.
	FollowsRedirects bool
	// RefusesMD5: long-term servers that know MD5 alone are refused.
	RefusesMD5 bool
	// ShowsUsername: sends the user's name in clear also where the server
	// understands USERHASH.
	ShowsUsername bool
	// Schedule is when requests are sent again; zero: as ServerKind wants.
	Schedule StunSchedule
	// Random is where transaction IDs come from; nil: the system. The program
	// ends if it fails.
	Random io.Reader
}

// StunEvent is how a request ended.
type StunEvent struct {
	// Outcome is how.
	Outcome StunOutcome
	// ErrorCode is 300 to 699 with StunErrorResponse, else 0.
	ErrorCode int
	// Server is who was asked last.
	Server netip.AddrPort
	// ReflexiveAddress is, with StunSuccess, where the server saw the request
	// come from: this socket's address beyond all NATs.
	ReflexiveAddress netip.AddrPort
	// AlternateServer is where a 300 response points, if it does.
	AlternateServer netip.AddrPort
	// IsVerified: the response carried valid integrity. Otherwise anybody may
	// have written it.
	IsVerified bool
	// RTT is from request to response; 0 if not known, as when the request was
	// sent more than once.
	RTT time.Duration
	// AlgDetected: something on the way rewrites addresses in payloads.
	AlgDetected bool
}

// StunClient learns this host's reflexive address from one server, over UDP.
// It owns no socket: after each call that tells it something, poll its
// transmits and its event, then wait for a datagram or for NextTimeout.
type StunClient struct {
	handle    *C.natkit_stun_client
	callbacks callbacks
}

// NewStunClient makes a client. Nothing is sent before Start. Errors:
// ErrBadArgument, ErrBadValue, ErrBadLength, ErrBadEncoding (texts),
// ErrLimitExceeded.
func NewStunClient(config StunClientConfig) (*StunClient, error) {
	copies := texts{op: "natkit_stun_client_new"}
	defer copies.free()
	given := C.natkit_stun_client_config{
		struct_size:       C.sizeof_natkit_stun_client_config,
		server:            toAddress(config.Server),
		server_kind:       C.uint32_t(config.ServerKind),
		software:          copies.add(config.Software),
		username:          copies.add(config.Username),
		password:          copies.add(config.Password),
		mechanism:         C.uint32_t(config.Mechanism),
		sends_fingerprint: bit(config.SendsFingerprint),
		no_filler:         bit(config.NoFiller),
		follows_redirects: bit(config.FollowsRedirects),
		refuses_md5:       bit(config.RefusesMD5),
		shows_username:    bit(config.ShowsUsername),
		schedule: C.natkit_stun_schedule{
			initial_timeout_ns: C.uint64_t(config.Schedule.InitialTimeout),
			max_interval_ns:    C.uint64_t(config.Schedule.MaxInterval),
			final_wait_ns:      C.uint64_t(config.Schedule.FinalWait),
			request_count:      C.uint32_t(config.Schedule.RequestCount),
		},
	}
	if copies.err != nil {
		return nil, copies.err
	}
	client := &StunClient{callbacks: newCallbacks(config.Random, nil)}
	err := check(copies.op, C.natkit_go_stun_client_new(&given,
		C.uintptr_t(client.callbacks.random), &client.handle))
	if err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// Close frees the client.
func (s *StunClient) Close() {
	C.natkit_stun_client_free(s.handle)
	s.callbacks.free()
}

// Start begins to ask, or begins anew. There will be one event, unless Cancel
// comes before.
func (s *StunClient) Start(now Instant) error {
	return check("natkit_stun_client_start", C.natkit_stun_client_start(s.handle, C.uint64_t(now)))
}

// Cancel ends without an event.
func (s *StunClient) Cancel() error {
	return check("natkit_stun_client_cancel", C.natkit_stun_client_cancel(s.handle))
}

// HandleDatagram hands in a datagram. It returns whether that is a response to
// this client, used or not; otherwise it belongs to somebody else.
func (s *StunClient) HandleDatagram(now Instant, from netip.AddrPort, data []byte) (bool, error) {
	sender := toAddress(from)
	result := C.natkit_go_stun_client_handle_datagram(s.handle, C.uint64_t(now), &sender,
		pointerTo(data), C.size_t(len(data)))
	return result == 1, check("natkit_stun_client_handle_datagram", result)
}

// HandleTimeout says what time it is; early, late and repeated calls are
// harmless.
func (s *StunClient) HandleTimeout(now Instant) error {
	return check("natkit_stun_client_handle_timeout",
		C.natkit_stun_client_handle_timeout(s.handle, C.uint64_t(now)))
}

// PollTransmit writes the next datagram to send to out and returns its size and
// whom to; 0 if there is none. Errors: ErrBufferTooSmall (it stays;
// StunMaxUDPSize bytes are enough unless names, realm or nonce are long,
// StunMaxMessageSize always).
func (s *StunClient) PollTransmit(out []byte) (int, netip.AddrPort, error) {
	var to C.natkit_address
	size := C.natkit_go_stun_client_poll_transmit(s.handle, &to,
		pointerTo(out), C.size_t(len(out)))
	if size <= 0 {
		return 0, netip.AddrPort{}, check("natkit_stun_client_poll_transmit", size)
	}
	return int(size), fromAddress(&to), nil
}

// PollEvent takes the event, once there is one; else nil.
func (s *StunClient) PollEvent() (*StunEvent, error) {
	read := C.natkit_stun_event{struct_size: C.sizeof_natkit_stun_event}
	result := C.natkit_stun_client_poll_event(s.handle, &read)
	if result <= 0 {
		return nil, check("natkit_stun_client_poll_event", result)
	}
	return fromStunEvent(&read), nil
}

func fromStunEvent(read *C.natkit_stun_event) *StunEvent {
	return &StunEvent{
		Outcome:          StunOutcome(read.outcome),
		ErrorCode:        int(read.error_code),
		Server:           fromAddress(&read.server),
		ReflexiveAddress: fromAddress(&read.reflexive_address),
		AlternateServer:  fromAddress(&read.alternate_server),
		IsVerified:       read.is_verified == 1,
		RTT:              time.Duration(read.rtt_ns),
		AlgDetected:      read.is_alg_detected == 1,
	}
}

// NextTimeout returns when to call HandleTimeout next; false if there is
// nothing to wait for.
func (s *StunClient) NextTimeout() (Instant, bool, error) {
	var at C.uint64_t
	result := C.natkit_stun_client_next_timeout(s.handle, &at)
	return Instant(at), result == 1, check("natkit_stun_client_next_timeout", result)
}

// Run begins to ask, or begins anew, over a UDP socket such as a *net.UDPConn,
// and blocks its goroutine and a thread until the event, for programs without an
// event loop. What else arrives is dropped, so nobody else may be using the
// socket. Times are Now's. That nobody answers is an event. Errors:
// ErrUnsupported (no UDP socket, or one of another address family), and what
// sockets say, such as ErrUnreachable; or that socket is closed.
func (s *StunClient) Run(socket syscall.Conn) (*StunEvent, error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	read := C.natkit_stun_event{struct_size: C.sizeof_natkit_stun_event}
	var result C.int
	err = raw.Control(func(fd uintptr) {
		result = C.natkit_stun_client_run(s.handle, C.int(fd), &read)
	})
	if err == nil {
		err = check("natkit_stun_client_run", result)
	}
	if err != nil {
		return nil, err
	}
	return fromStunEvent(&read), nil
}
