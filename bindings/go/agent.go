package natkit

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"net/netip"
	"time"
	"unsafe"
)

// State is where a connection stands.
type State uint32

const (
	// StateNew: nothing is known of the other side.
	StateNew State = C.NATKIT_AGENT_STATE_NEW
	// StateConnecting: a path is looked for.
	StateConnecting State = C.NATKIT_AGENT_STATE_CONNECTING
	// StateConnected: there is a path.
	StateConnected State = C.NATKIT_AGENT_STATE_CONNECTED
	// StateDisconnected: there was a path; another is looked for.
	StateDisconnected State = C.NATKIT_AGENT_STATE_DISCONNECTED
	// StateFailed: none was found in 30 s. It is looked for still.
	StateFailed State = C.NATKIT_AGENT_STATE_FAILED
)

// String returns the state's name, such as "connected".
func (s State) String() string {
	return nameOf(uint32(s), "new", "connecting", "connected", "disconnected", "failed")
}

// PathKind is which way data takes.
type PathKind uint32

const (
	// PathNone: there is none.
	PathNone PathKind = C.NATKIT_PATH_NONE
	// PathRelay: over a relay.
	PathRelay PathKind = C.NATKIT_PATH_RELAY
	// PathDirect: between two UDP sockets.
	PathDirect PathKind = C.NATKIT_PATH_DIRECT
)

// String returns "none", "relay" or "direct".
func (k PathKind) String() string { return nameOf(uint32(k), "none", "relay", "direct") }

// Path is a way that data takes.
type Path struct {
	// Kind is which.
	Kind PathKind
	// Local is our address, if the path is direct.
	Local netip.AddrPort
	// Remote is the peer's address, if the path is direct.
	Remote netip.AddrPort
	// Relay is the number of the relay that the path goes over.
	Relay int
	// RTT is the smoothed round-trip time of a direct path; 0 until it is
	// measured.
	RTT time.Duration
}

// Role is who controls an ICE session (RFC 8445 section 6.1.1). It matters
// little: roles that collide are mended.
type Role uint32

const (
	// RoleDefault: with PeerKey the side with the greater key, else we do.
	RoleDefault Role = C.NATKIT_AGENT_ROLE_DEFAULT
	// RoleControlling: this side controls.
	RoleControlling Role = C.NATKIT_AGENT_ROLE_CONTROLLING
	// RoleControlled: the other side controls.
	RoleControlled Role = C.NATKIT_AGENT_ROLE_CONTROLLED
)

// AgentConfig is what an agent is made with; the zero value will do.
type AgentConfig struct {
	// PeerKey is the public key of the other side's hub: descriptions then
	// travel over the relays that both use. Zero: it is learnt from the other
	// side's description, which the program brings.
	PeerKey PublicKey
	// Role is who controls.
	Role Role
	// NoRelayedData: relays carry descriptions only, never data.
	NoRelayedData bool
}

// Agent is one connection of a hub to one peer. Data are datagrams as they are,
// not encrypted, which may be lost or change their order.
type Agent struct {
	hub    *Hub
	handle *C.natkit_agent
}

// NewAgent makes an agent, which begins to look for its peer. Errors:
// ErrBadArgument, ErrBadValue (PeerKey is the hub's own), ErrAlreadyExists
// (another agent has this peer), ErrLimitExceeded.
func (h *Hub) NewAgent(config AgentConfig) (*Agent, error) {
	given := C.natkit_agent_config{
		struct_size: C.sizeof_natkit_agent_config,
		role:        C.uint32_t(config.Role),
		flags:       bit(config.NoRelayedData) * C.NATKIT_AGENT_NO_RELAYED_DATA,
	}
	toKey(&given.peer_key, config.PeerKey)
	agent := &Agent{hub: h}
	_, err := h.call("natkit_agent_new", func() C.int {
		result := C.natkit_agent_new(h.handle, &given, &agent.handle)
		if result == 0 {
			h.agents[agent.handle] = agent
		}
		return result
	})
	if err != nil {
		return nil, err
	}
	return agent, nil
}

// Close ends a connection; the other side is not told. What waits for it is
// gone.
func (a *Agent) Close() {
	a.hub.mutex.Lock()
	defer a.hub.mutex.Unlock()
	C.natkit_agent_free(a.handle)
	delete(a.hub.agents, a.handle)
	a.hub.wake()
}

// LocalDescription returns what the other side has to know, as SDP attributes.
// It is complete for itself at any time, and grows as addresses become known
// (DescriptionEvent). Secret: who has it can take the peer's place.
func (a *Agent) LocalDescription() (string, error) {
	var text [C.NATKIT_DESCRIPTION_SIZE]byte
	size, err := a.hub.call("natkit_agent_get_local_description", func() C.int {
		return C.natkit_agent_get_local_description(a.handle,
			(*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)))
	})
	if err != nil {
		return "", err
	}
	return string(text[:size]), nil
}

// SetRemoteDescription takes the other side's description: of natkit, or the
// ICE attributes of any SDP. May be called again, with all of it or only with
// more candidates. Another user name fragment than before begins a new session.
// Errors: ErrBadSignal, ErrBadLength (over 16 KiB), ErrBadCredentials,
// ErrBadValue (our own, or another peer's), ErrAlreadyExists (another agent has
// this peer), ErrInvalidState (candidates alone, and no credentials before).
func (a *Agent) SetRemoteDescription(text string) error {
	copies := texts{op: "natkit_agent_set_remote_description"}
	defer copies.free()
	given := copies.add(text)
	if given == nil {
		return &Error{copies.op, ErrBadSignal}
	}
	_, err := a.hub.call(copies.op, func() C.int {
		return C.natkit_agent_set_remote_description(a.handle, given)
	})
	return err
}

// Restart begins a new ICE session: new credentials, so a DescriptionEvent
// follows. A path that works goes on meanwhile.
func (a *Agent) Restart() error {
	_, err := a.hub.call("natkit_agent_restart", func() C.int {
		return C.natkit_agent_restart(a.handle)
	})
	return err
}

// Send sends one datagram of up to 65,507 bytes (65,487 over IPv6, 65,536 over
// a relay). Success does not mean that it arrives. What has the form of a STUN
// message (RFC 8489 section 5) is never taken for data: it cannot be sent.
// Errors: ErrInvalidState (there is no path), ErrBadValue (a STUN message),
// ErrFrameTooLarge, ErrLimitExceeded (a relay's limits).
func (a *Agent) Send(data []byte) error {
	_, err := a.hub.call("natkit_agent_send", func() C.int {
		return C.natkit_go_agent_send(a.handle, pointerTo(data), C.size_t(len(data)))
	})
	return err
}

// SendBatch sends datagrams in order, as Send does, with fewer calls of the
// system, and returns how many were taken, from the first on. If that is not
// all, the one after them was refused; what for, a call with the rest says.
// Errors: those of Send, where the first datagram is refused; ErrBadArgument if
// any has more than 65,535 bytes: nothing was sent.
func (a *Agent) SendBatch(datagrams [][]byte) (int, error) {
	packets := toPackets(datagrams)
	defer C.free(unsafe.Pointer(packets))
	taken, err := a.hub.call("natkit_agent_send_batch", func() C.int {
		return C.natkit_agent_send_batch(a.handle, packets, C.size_t(len(datagrams)))
	})
	if err != nil {
		return 0, err
	}
	return taken, nil
}

// toPackets copies datagrams for C, which the caller frees.
func toPackets(from [][]byte) *C.natkit_packet {
	if len(from) == 0 {
		return nil
	}
	size := len(from) * C.sizeof_natkit_packet
	for _, data := range from {
		size += len(data)
	}
	memory := unsafe.Slice((*byte)(C.malloc(C.size_t(size))), size)
	packets := unsafe.Slice((*C.natkit_packet)(unsafe.Pointer(&memory[0])), len(from))
	rest := memory[len(from)*C.sizeof_natkit_packet:]
	for i, data := range from {
		packets[i] = C.natkit_packet{data: pointerTo(rest), size: C.size_t(len(data))}
		rest = rest[copy(rest, data):]
	}
	return &packets[0]
}

// State reads where the connection stands.
func (a *Agent) State() (State, error) {
	state, err := a.hub.call("natkit_agent_get_state", func() C.int {
		return C.natkit_agent_get_state(a.handle)
	})
	if err != nil {
		return StateNew, err
	}
	return State(state), nil
}

// Path reads the way that data takes now.
func (a *Agent) Path() (Path, error) {
	read := C.natkit_path{struct_size: C.sizeof_natkit_path}
	_, err := a.hub.call("natkit_agent_get_path", func() C.int {
		return C.natkit_agent_get_path(a.handle, &read)
	})
	return fromPath(&read), err
}

// AgentCounters are what an agent has sent, received and dropped; they only
// grow.
type AgentCounters struct {
	// SentDirect: datagrams sent directly.
	SentDirect uint64
	// SentRelayed: datagrams given to relays.
	SentRelayed uint64
	// SentBytes: bytes in both.
	SentBytes uint64
	// Received: datagrams received, either way.
	Received uint64
	// ReceivedBytes: bytes in them.
	ReceivedBytes uint64
	// DroppedReceived: received datagrams that nobody took in time.
	DroppedReceived uint64
}

// Counters reads the counters.
func (a *Agent) Counters() (AgentCounters, error) {
	read := C.natkit_agent_counters{struct_size: C.sizeof_natkit_agent_counters}
	_, err := a.hub.call("natkit_agent_get_counters", func() C.int {
		return C.natkit_agent_get_counters(a.handle, &read)
	})
	return AgentCounters{
		SentDirect:      uint64(read.sent_direct),
		SentRelayed:     uint64(read.sent_relayed),
		SentBytes:       uint64(read.sent_bytes),
		Received:        uint64(read.received),
		ReceivedBytes:   uint64(read.received_bytes),
		DroppedReceived: uint64(read.dropped_received),
	}, err
}

func fromPath(from *C.natkit_path) Path {
	return Path{
		Kind:   PathKind(from.kind),
		Local:  fromAddress(&from.local),
		Remote: fromAddress(&from.remote),
		Relay:  int(from.relay),
		RTT:    time.Duration(from.rtt_ns),
	}
}

func nameOf(index uint32, names ...string) string {
	if int(index) < len(names) {
		return names[index]
	}
	return "unknown"
}
