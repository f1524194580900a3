package natkit

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"io"
	"net/netip"
	"time"
	"unsafe"
)

const (
	// WgOverhead is the bytes that sealing adds to the padded packet.
	WgOverhead = C.NATKIT_WG_OVERHEAD
	// WgMaxPacketSize is the longest IP packet that can be sealed.
	WgMaxPacketSize = C.NATKIT_WG_MAX_PACKET_SIZE
	// WgHandshakeSize is the bytes of the longest handshake message.
	WgHandshakeSize = C.NATKIT_WG_HANDSHAKE_SIZE
)

// WgSealedSize returns the bytes that a sealed packet of size bytes takes at
// most.
func WgSealedSize(size int) int { return (size+15)/16*16 + WgOverhead }

// TunnelConfig is how a tunnel is made. The keys are required.
type TunnelConfig struct {
	// Now is the time of the call.
	Now Instant
	// WallClock is the time that handshakes carry: peers refuse what is not
	// later than what they have seen, in earlier runs too. Zero: time.Now().
	WallClock time.Time
	// PrivateKey is ours.
	PrivateKey PrivateKey
	// PeerKey is the peer's public key.
	PeerKey PublicKey
	// PresharedKey is what both share beside their own keys; zero: none.
	PresharedKey PresharedKey
	// AllowedIPs are the sources of packets that the peer may send, and the
	// destinations of those for it. None: all.
	AllowedIPs []netip.Prefix
	// Keepalive is how often a datagram is sent at least, to keep NATs open:
	// at most 65,535 seconds. 0: never.
	Keepalive time.Duration
	// MTU: packets are not padded beyond it. 0: 1420.
	MTU uint32
	// MaxStagedPackets may wait for a handshake. 0: 128.
	MaxStagedPackets uint32
	// MaxStagedBytes is the bytes of them. 0: 262,144.
	MaxStagedBytes uint32
	// HandshakesPerSecond put the tunnel under load: senders need cookies
	// then. 0: 250.
	HandshakesPerSecond uint32
	// Random is where random bytes come from; nil: the system. The program
	// ends if it fails.
	Random io.Reader
}

// TunnelEventType is what a TunnelEvent is about.
type TunnelEventType uint32

const (
	// TunnelHandshakeCompleted: a new session is in use.
	TunnelHandshakeCompleted TunnelEventType = C.NATKIT_WG_EVENT_HANDSHAKE_COMPLETED
	// TunnelHandshakeGaveUp: no answer for 90 seconds; packets that waited are
	// gone. The next packet starts over.
	TunnelHandshakeGaveUp TunnelEventType = C.NATKIT_WG_EVENT_HANDSHAKE_GAVE_UP
	// TunnelSessionExpired: all keys of the peer were erased.
	TunnelSessionExpired TunnelEventType = C.NATKIT_WG_EVENT_SESSION_EXPIRED
)

// TunnelEvent is something that happened.
type TunnelEvent struct {
	// Type is what.
	Type TunnelEventType
	// IsInitiator: TunnelHandshakeCompleted, and we began the handshake.
	IsInitiator bool
}

// TunnelStatus is what there is to know about a tunnel; no secrets.
type TunnelStatus struct {
	// RxBytes of authentic datagrams from the peer, of all kinds.
	RxBytes uint64
	// TxBytes of datagrams for the peer, of all kinds.
	TxBytes uint64
	// LastHandshake is when the last one was completed, by the wall clock;
	// zero: never.
	LastHandshake time.Time
	// Keepalive is that of the configuration.
	Keepalive time.Duration
	// PeerKey is the peer's public key.
	PeerKey PublicKey
	// HasSession: packets can be sealed without a new handshake.
	HasSession bool
	// HasPresharedKey: there is one.
	HasPresharedKey bool
	// AllowedIPCount is how many prefixes are allowed.
	AllowedIPCount int
}

// WgDrop is why a packet went no further: an index in TunnelCounters.Drops.
type WgDrop uint32

const (
	// WgDropMalformed: in: no WireGuard message, or a wrong length.
	WgDropMalformed WgDrop = C.NATKIT_WG_DROP_MALFORMED
	// WgDropNoPrivateKey: in: a handshake message while there is no key.
	WgDropNoPrivateKey WgDrop = C.NATKIT_WG_DROP_NO_PRIVATE_KEY
	// WgDropBadMAC1: in: the sender does not know our public key.
	WgDropBadMAC1 WgDrop = C.NATKIT_WG_DROP_BAD_MAC1
	// WgDropCookieRequired: in: under load; the sender was given a cookie.
	WgDropCookieRequired WgDrop = C.NATKIT_WG_DROP_COOKIE_REQUIRED
	// WgDropRateLimited: in: under load, too many handshakes from one address.
	WgDropRateLimited WgDrop = C.NATKIT_WG_DROP_RATE_LIMITED
	// WgDropHandshakeAuth: in: a handshake message that does not decrypt.
	WgDropHandshakeAuth WgDrop = C.NATKIT_WG_DROP_HANDSHAKE_AUTH
	// WgDropUnknownPeer: in: a handshake of a key that is not configured.
	WgDropUnknownPeer WgDrop = C.NATKIT_WG_DROP_UNKNOWN_PEER
	// WgDropTimestampReplayed: in: an initiation no newer than the last one.
	WgDropTimestampReplayed WgDrop = C.NATKIT_WG_DROP_TIMESTAMP_REPLAYED
	// WgDropInitiationFlood: in: more than 50 initiations a second.
	WgDropInitiationFlood WgDrop = C.NATKIT_WG_DROP_INITIATION_FLOOD
	// WgDropUnexpectedResponse: in: a response to nothing that we asked.
	WgDropUnexpectedResponse WgDrop = C.NATKIT_WG_DROP_UNEXPECTED_RESPONSE
	// WgDropUnexpectedCookie: in: a cookie for nothing that we sent.
	WgDropUnexpectedCookie WgDrop = C.NATKIT_WG_DROP_UNEXPECTED_COOKIE
	// WgDropUnknownIndex: in: of no session that we have.
	WgDropUnknownIndex WgDrop = C.NATKIT_WG_DROP_UNKNOWN_INDEX
	// WgDropSessionExpired: in: of a session that is too old.
	WgDropSessionExpired WgDrop = C.NATKIT_WG_DROP_SESSION_EXPIRED
	// WgDropDataAuth: in: does not decrypt.
	WgDropDataAuth WgDrop = C.NATKIT_WG_DROP_DATA_AUTH
	// WgDropDataReplayed: in: seen before, or too old to tell.
	WgDropDataReplayed WgDrop = C.NATKIT_WG_DROP_DATA_REPLAYED
	// WgDropBadInnerPacket: in: what was sealed is no IP packet.
	WgDropBadInnerPacket WgDrop = C.NATKIT_WG_DROP_BAD_INNER_PACKET
	// WgDropNotAllowed: in: the source is outside of AllowedIPs.
	WgDropNotAllowed WgDrop = C.NATKIT_WG_DROP_NOT_ALLOWED
	// WgDropBadPlaintext: out: no IP packet, or too long.
	WgDropBadPlaintext WgDrop = C.NATKIT_WG_DROP_BAD_PLAINTEXT
	// WgDropNoRoute: out: the destination is outside of AllowedIPs.
	WgDropNoRoute WgDrop = C.NATKIT_WG_DROP_NO_ROUTE
	// WgDropNoEndpoint: out: the peer's endpoint is not known.
	WgDropNoEndpoint WgDrop = C.NATKIT_WG_DROP_NO_ENDPOINT
	// WgDropStagedOverflow: out: the oldest packet that waited made room.
	WgDropStagedOverflow WgDrop = C.NATKIT_WG_DROP_STAGED_OVERFLOW
	// WgDropStagedFlushed: out: waited until the handshake gave up.
	WgDropStagedFlushed WgDrop = C.NATKIT_WG_DROP_STAGED_FLUSHED
)

// String returns the name that metrics use, such as "bad_mac1".
func (d WgDrop) String() string {
	if name := C.natkit_wg_drop_name(C.uint32_t(d)); name != nil {
		return C.GoString(name)
	}
	return "unknown"
}

// TunnelCounters are totals since the tunnel was made.
type TunnelCounters struct {
	// Drops are dropped packets, by WgDrop.
	Drops [C.NATKIT_WG_DROP_COUNT]uint64
	// DataSealed: packets sealed.
	DataSealed uint64
	// DataOpened: packets opened and given to the caller.
	DataOpened uint64
	// KeepalivesSent: keepalives made.
	KeepalivesSent uint64
	// KeepalivesReceived: keepalives received.
	KeepalivesReceived uint64
	// InitiationsSent: handshake initiations made.
	InitiationsSent uint64
	// InitiationsAccepted: handshake initiations accepted.
	InitiationsAccepted uint64
	// ResponsesAccepted: handshake responses accepted.
	ResponsesAccepted uint64
	// CookieRepliesSent: cookies given to senders.
	CookieRepliesSent uint64
	// CookieRepliesAccepted: cookies received.
	CookieRepliesAccepted uint64
	// EventsLost: events that nobody asked for in time; the oldest went.
	EventsLost uint64
}

// Tunnel is a WireGuard tunnel to one peer over a transport of the caller's:
// anything that carries datagrams to that peer. After each call, send what
// PollTransmit gives until it gives nothing, and have HandleTimeout called at
// NextTimeout.
type Tunnel struct {
	handle    *C.natkit_wg_tunnel
	callbacks callbacks
}

// NewTunnel makes a tunnel. Nothing is sent before there is a packet to seal, a
// keepalive interval, or InitiateHandshake. Errors: ErrBadArgument (also for a
// bad prefix), ErrBadValue (a key of zeros, our own key as the peer's, a
// keepalive too long), ErrLimitExceeded.
func NewTunnel(config TunnelConfig) (*Tunnel, error) {
	const op = "natkit_wg_tunnel_new"
	wall := config.WallClock
	if wall.IsZero() {
		wall = time.Now()
	}
	if config.Keepalive < 0 || wall.Unix() < 0 {
		return nil, &Error{op, ErrBadArgument}
	}
	given := C.natkit_wg_tunnel_config{
		struct_size:           C.sizeof_natkit_wg_tunnel_config,
		now_ns:                C.uint64_t(config.Now),
		wall_clock_ns:         C.uint64_t(wall.UnixNano()),
		allowed_ips:           toPrefixes(config.AllowedIPs),
		allowed_ip_count:      C.size_t(len(config.AllowedIPs)),
		keepalive_ns:          C.uint64_t(config.Keepalive),
		mtu:                   C.uint32_t(config.MTU),
		max_staged_packets:    C.uint32_t(config.MaxStagedPackets),
		max_staged_bytes:      C.uint32_t(config.MaxStagedBytes),
		handshakes_per_second: C.uint32_t(config.HandshakesPerSecond),
	}
	defer C.free(unsafe.Pointer(given.allowed_ips))
	toKey(&given.private_key, config.PrivateKey)
	toKey(&given.public_key, config.PeerKey)
	toKey(&given.preshared_key, config.PresharedKey)
	defer C.natkit_wipe(unsafe.Pointer(&given), C.sizeof_natkit_wg_tunnel_config)

	tunnel := &Tunnel{callbacks: newCallbacks(config.Random, nil)}
	err := check(op, C.natkit_go_wg_tunnel_new(&given,
		C.uintptr_t(tunnel.callbacks.random), &tunnel.handle))
	if err != nil {
		tunnel.Close()
		return nil, err
	}
	return tunnel, nil
}

// toPrefixes writes prefixes to memory of C, which the caller frees. One that is
// not valid has no family, which C refuses.
func toPrefixes(from []netip.Prefix) *C.natkit_prefix {
	if len(from) == 0 {
		return nil
	}
	memory := C.calloc(C.size_t(len(from)), C.sizeof_natkit_prefix)
	out := unsafe.Slice((*C.natkit_prefix)(memory), len(from))
	for i, prefix := range from {
		if prefix.IsValid() {
			out[i].address = toAddress(netip.AddrPortFrom(prefix.Addr(), 0))
			out[i].length = C.uint32_t(prefix.Bits())
		}
	}
	return &out[0]
}

// Close frees the tunnel and wipes its keys.
func (t *Tunnel) Close() {
	C.natkit_wg_tunnel_free(t.handle)
	t.callbacks.free()
}

// Seal seals an IP packet into out, which has room for WgSealedSize of its
// length or more and does not overlap it. It returns the length of the datagram
// to send; 0 if the packet waits for a handshake: PollTransmit gives it then.
// Errors: ErrBadArgument (an overlap, over 65,535 bytes), ErrBufferTooSmall,
// ErrBadValue (no IP packet, or one of more than WgMaxPacketSize), ErrNoRoute
// (outside of AllowedIPs), ErrLimitExceeded (too much waits for PollTransmit).
func (t *Tunnel) Seal(now Instant, packet, out []byte) (int, error) {
	size := C.natkit_go_wg_tunnel_seal(t.handle, C.uint64_t(now), pointerTo(packet),
		C.size_t(len(packet)), pointerTo(out), C.size_t(len(out)))
	return sizeOf("natkit_wg_tunnel_seal", size)
}

// Open takes a datagram from the peer's side. An IP packet in it goes to out,
// which has room for as many bytes and does not overlap it. It returns the
// packet's length; 0 if there is none, as in handshakes and keepalives.
// Errors: ErrBadArgument, ErrBufferTooSmall. The others say why the datagram was
// dropped, and are no reason to stop: ErrBadValue, ErrAuthFailed, ErrReplayed,
// ErrUnknownIndex, ErrUnknownPeer, ErrNoSession (too old), ErrNotAllowed
// (outside of AllowedIPs), ErrLimitExceeded.
func (t *Tunnel) Open(now Instant, datagram, out []byte) (int, error) {
	size := C.natkit_go_wg_tunnel_open(t.handle, C.uint64_t(now), pointerTo(datagram),
		C.size_t(len(datagram)), pointerTo(out), C.size_t(len(out)))
	return sizeOf("natkit_wg_tunnel_open", size)
}

// PollTransmit writes the next datagram for the peer to out and returns its
// length; 0 if there is none. Errors: ErrBufferTooSmall (it stays; WgSealedSize
// of the longest packet that was given to Seal is enough, or WgHandshakeSize if
// that is more).
func (t *Tunnel) PollTransmit(out []byte) (int, error) {
	size := C.natkit_go_wg_tunnel_poll_transmit(t.handle, pointerTo(out), C.size_t(len(out)))
	return sizeOf("natkit_wg_tunnel_poll_transmit", size)
}

// HandleTimeout does what is due. Early, late or repeated calls are harmless.
func (t *Tunnel) HandleTimeout(now Instant) error {
	return check("natkit_wg_tunnel_handle_timeout",
		C.natkit_wg_tunnel_handle_timeout(t.handle, C.uint64_t(now)))
}

// NextTimeout returns when to call HandleTimeout next, at once while datagrams
// wait to be sent; false if nothing is planned.
func (t *Tunnel) NextTimeout() (Instant, bool, error) {
	var at C.uint64_t
	result := C.natkit_wg_tunnel_next_timeout(t.handle, &at)
	return Instant(at), result == 1, check("natkit_wg_tunnel_next_timeout", result)
}

// PollEvent takes the next event; nil if there is none.
func (t *Tunnel) PollEvent() (*TunnelEvent, error) {
	read := C.natkit_wg_event{struct_size: C.sizeof_natkit_wg_event}
	result := C.natkit_wg_tunnel_poll_event(t.handle, &read)
	if result <= 0 {
		return nil, check("natkit_wg_tunnel_poll_event", result)
	}
	return &TunnelEvent{TunnelEventType(read._type), read.is_initiator == 1}, nil
}

// InitiateHandshake starts a handshake, which is retried for 90 seconds; a
// session that exists goes on until then. At most one in 5 seconds, or with
// force in 20 milliseconds. Errors: ErrInvalidState (the peer's key is none that
// exists), ErrLimitExceeded (too soon; it is tried when the time has come).
func (t *Tunnel) InitiateHandshake(now Instant, force bool) error {
	return check("natkit_wg_tunnel_initiate_handshake",
		C.natkit_wg_tunnel_initiate_handshake(t.handle, C.uint64_t(now), C.int(bit(force))))
}

// SendKeepalive makes an empty packet for the peer, to prove a path. Errors:
// ErrNoSession.
func (t *Tunnel) SendKeepalive(now Instant) error {
	return check("natkit_wg_tunnel_send_keepalive",
		C.natkit_wg_tunnel_send_keepalive(t.handle, C.uint64_t(now)))
}

// Status reads what there is to know.
func (t *Tunnel) Status() (TunnelStatus, error) {
	read := C.natkit_wg_peer_status{struct_size: C.sizeof_natkit_wg_peer_status}
	err := check("natkit_wg_tunnel_get_status", C.natkit_wg_tunnel_get_status(t.handle, &read))
	status := TunnelStatus{
		RxBytes:         uint64(read.rx_bytes),
		TxBytes:         uint64(read.tx_bytes),
		Keepalive:       time.Duration(read.keepalive_ns),
		HasSession:      read.has_session == 1,
		HasPresharedKey: read.has_preshared_key == 1,
		AllowedIPCount:  int(read.allowed_ip_count),
	}
	for i := range status.PeerKey {
		status.PeerKey[i] = byte(read.public_key[i])
	}
	if read.last_handshake_ns != 0 {
		status.LastHandshake = time.Unix(0, int64(read.last_handshake_ns))
	}
	return status, err
}

// Counters reads the counters.
func (t *Tunnel) Counters() (TunnelCounters, error) {
	read := C.natkit_wg_counters{struct_size: C.sizeof_natkit_wg_counters}
	err := check("natkit_wg_tunnel_get_counters", C.natkit_wg_tunnel_get_counters(t.handle, &read))
	counters := TunnelCounters{
		DataSealed:            uint64(read.data_sealed),
		DataOpened:            uint64(read.data_opened),
		KeepalivesSent:        uint64(read.keepalives_sent),
		KeepalivesReceived:    uint64(read.keepalives_received),
		InitiationsSent:       uint64(read.initiations_sent),
		InitiationsAccepted:   uint64(read.initiations_accepted),
		ResponsesAccepted:     uint64(read.responses_accepted),
		CookieRepliesSent:     uint64(read.cookie_replies_sent),
		CookieRepliesAccepted: uint64(read.cookie_replies_accepted),
		EventsLost:            uint64(read.events_lost),
	}
	for i := range counters.Drops {
		counters.Drops[i] = uint64(read.drops[i])
	}
	return counters, err
}

// sizeOf is a length, unless it is an error.
func sizeOf(op string, result C.int) (int, error) {
	if result < 0 {
		return 0, check(op, result)
	}
	return int(result), nil
}
