package natkit

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"io"
	"net/netip"
	"os"
	"sync"
	"time"
	"unsafe"
)

// Power is how much packets cost this host.
type Power uint32

const (
	// PowerMains: nothing worth mentioning.
	PowerMains Power = C.NATKIT_POWER_MAINS
	// PowerBattery: as few packets as NATs allow.
	PowerBattery Power = C.NATKIT_POWER_BATTERY
	// PowerMobileIdle: no packets for idle connections.
	PowerMobileIdle Power = C.NATKIT_POWER_MOBILE_IDLE
)

// HubConfig is what a hub is made with; the zero value will do.
type HubConfig struct {
	// PrivateKey is who the hub is at relays, and what peers know it by. Zero:
	// a new one.
	PrivateKey PrivateKey
	// Port is bound where the hub opens its sockets, one for each family; 0:
	// the system chooses.
	Port uint16
	// Loopback: use loopback addresses although there are others.
	Loopback bool
	// NoIPv6: open no IPv6 socket.
	NoIPv6 bool
	// NoNetworkWatch: do not watch the system for changes of addresses; the
	// program calls NetworkChanged.
	NoNetworkWatch bool
	// Power is how much packets cost.
	Power Power
	// Sockets are descriptors of bound UDP sockets, at most one for each
	// family, IPv6 ones with IPV6_V6ONLY; none: the hub opens its own. The hub
	// duplicates them: they may be closed and must not be read from.
	Sockets []int
	// ReceiveBuffer is the bytes of datagrams that wait for Receive, over all
	// agents; 0: 1 MiB. Where there is no room, the agent that has the most
	// waiting loses its oldest.
	ReceiveBuffer int
	// AgentReceiveBuffer is what one agent has of them at most; 0: no limit but
	// that.
	AgentReceiveBuffer int
	// UnclaimedBuffer is the bytes of datagrams from nobody that is known that
	// are kept for ReceiveUnclaimed; 0: they are dropped.
	UnclaimedBuffer int
	// IgnoredInterfaces have addresses that are not told to peers, such as the
	// tunnel that the datagrams come from: at most 64 names, of which the last
	// character may be '*' for any end.
	IgnoredInterfaces []string
	// Fwmark is the mark (SO_MARK) of all that the hub sends, also to relays,
	// for policy routing around a tunnel; 0: none. Needs CAP_NET_ADMIN.
	Fwmark uint32
	// RootsPEM are certificates to trust relays by; empty: the system's.
	RootsPEM string
	// Random is where random bytes come from; nil: the system. The program
	// ends if it fails.
	Random io.Reader
	// Log takes log lines; nil: nothing is logged.
	Log Logger
}

// Relay is one DERP server.
type Relay struct {
	// Name is what both sides of a connection call it, without spaces, at most
	// 255 bytes; empty: "HOST:PORT".
	Name string
	// Host is the DNS name or IP address that its certificate is for. Required.
	Host string
	// Addresses are where it is, 1 to 16; see Resolve. Their ports are not
	// looked at.
	Addresses []netip.AddrPort
	// Port is its TCP port; 0: 443.
	Port uint16
	// Plain: no TLS. For development only.
	Plain bool
	// CertificateName is empty: the certificate is checked by trusted roots
	// and Host; a DNS name to check against instead; or "sha256-raw:" and 64
	// hex digits of the SHA-256 of the certificate that is expected.
	CertificateName string
}

// HubCounters are what a hub has done and dropped; they only grow.
type HubCounters struct {
	// SentDirect: datagrams of data sent directly.
	SentDirect uint64
	// SentRelayed: datagrams of data given to relays.
	SentRelayed uint64
	// Received: datagrams of data received, either way.
	Received uint64
	// DroppedUnknown: datagrams from nobody that is known.
	DroppedUnknown uint64
	// DroppedRelayed: relayed packets from nobody that is known, or too many
	// at once.
	DroppedRelayed uint64
	// DroppedSignals: descriptions over a relay that were old or of no use.
	DroppedSignals uint64
	// DroppedReceived: received datagrams that nobody took in time.
	DroppedReceived uint64
	// EventsLost: events that nobody took in time: beyond 65,536 the oldest go.
	EventsLost uint64
	// Unclaimed: datagrams that were kept for ReceiveUnclaimed.
	Unclaimed uint64
	// DroppedUnclaimed: those of them that nobody took in time.
	DroppedUnclaimed uint64
	// DroppedSent: datagrams of any kind that the system did not take.
	DroppedSent uint64
}

// Hub is a set of sockets and relays, and the agents that use them.
type Hub struct {
	mutex     sync.Mutex
	handle    *C.natkit_hub
	callbacks callbacks
	agents    map[*C.natkit_agent]*Agent
	ready     *os.File // a duplicate of the hub's descriptor, for Wait
	waiting   bool
	woken     bool
	closed    bool
}

// NewHub makes a hub and opens its sockets. Nothing is sent before there is an
// agent. Errors: ErrBadArgument, ErrUnsupported (a descriptor is no bound UDP
// socket, or is connected, or two are of one family), ErrAddressInUse, ErrPermissionDenied,
// ErrIO, ErrLimitExceeded (no more descriptors or handles), ErrBadCertificate
// (RootsPEM).
func NewHub(config HubConfig) (*Hub, error) {
	copies := texts{op: "natkit_hub_new"}
	defer copies.free()
	given := C.natkit_hub_config{
		struct_size:    C.sizeof_natkit_hub_config,
		port:           C.uint16_t(config.Port),
		flags:          config.flags(),
		power:          C.uint32_t(config.Power),
		socket_count:   C.uint32_t(len(config.Sockets)),
		sockets:        toInts(config.Sockets),
		receive_buffer: C.size_t(config.ReceiveBuffer),
		fwmark:         C.uint32_t(config.Fwmark),
		roots_pem:      copies.add(config.RootsPEM),

		agent_receive_buffer: C.size_t(config.AgentReceiveBuffer),
		unclaimed_buffer:     C.size_t(config.UnclaimedBuffer),

		ignored_interfaces:      copies.list(config.IgnoredInterfaces),
		ignored_interface_count: C.size_t(len(config.IgnoredInterfaces)),
	}
	defer C.free(unsafe.Pointer(given.sockets))
	defer C.free(unsafe.Pointer(given.ignored_interfaces))
	toKey(&given.private_key, config.PrivateKey)
	defer C.natkit_wipe(unsafe.Pointer(&given), C.sizeof_natkit_hub_config)
	if copies.err != nil || config.ReceiveBuffer < 0 ||
		config.AgentReceiveBuffer < 0 || config.UnclaimedBuffer < 0 {
		return nil, &Error{copies.op, ErrBadArgument}
	}
	hub := &Hub{
		callbacks: newCallbacks(config.Random, config.Log),
		agents:    map[*C.natkit_agent]*Agent{},
	}
	err := check(copies.op, C.natkit_go_hub_new(&given, C.uintptr_t(hub.callbacks.random),
		C.uintptr_t(hub.callbacks.logger), &hub.handle))
	if err == nil {
		hub.ready, err = pollable(C.natkit_hub_get_fd(hub.handle))
	}
	if err != nil {
		hub.Close()
		return nil, err
	}
	return hub, nil
}

func (c *HubConfig) flags() C.uint32_t {
	return bit(c.Loopback)*C.NATKIT_HUB_LOOPBACK | bit(c.NoIPv6)*C.NATKIT_HUB_NO_IPV6 |
		bit(c.NoNetworkWatch)*C.NATKIT_HUB_NO_NETWORK_WATCH
}

// toInts copies descriptors for C, which the caller frees.
func toInts(from []int) *C.int {
	if len(from) == 0 {
		return nil
	}
	memory := C.calloc(C.size_t(len(from)), C.sizeof_int)
	for i, value := range from {
		unsafe.Slice((*C.int)(memory), len(from))[i] = C.int(value)
	}
	return (*C.int)(memory)
}

// Close closes all sockets and relays. Agents that are left are of no use.
func (h *Hub) Close() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	C.natkit_hub_free(h.handle)
	h.callbacks.free()
	h.closed = true
	if h.ready != nil {
		h.ready.Close() // a Wait returns
	}
}

// Wait blocks until Process has something to do, Wake is called, or, unless
// longest is negative, that much time has passed; not at all while events or
// datagrams wait to be taken. One goroutine at a time waits.
// Errors: ErrBadHandle (the hub was closed, before or meanwhile), ErrBusy
// (another goroutine waits).
func (h *Hub) Wait(longest time.Duration) error {
	if err := h.beginWait(longest); err != nil {
		return err
	}
	err := awaitReadable(h.ready)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.waiting = false
	if err != nil && h.closed {
		return &Error{"natkit_hub_get_fd", ErrBadHandle}
	}
	return err
}

func (h *Hub) beginWait(longest time.Duration) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.waiting {
		return &Error{"natkit_hub_get_fd", ErrBusy}
	}
	var limit C.int
	if err := check("natkit_hub_get_timeout", C.natkit_hub_get_timeout(h.handle, &limit)); err != nil {
		return err
	}
	until := deadline(limit, longest)
	if h.woken {
		until = longAgo
	}
	h.woken = false
	h.waiting = true
	return h.ready.SetReadDeadline(until)
}

// Wake has Wait return, now or when it is called next.
func (h *Hub) Wake() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.woken = !h.waiting
	h.wake()
}

// wake has a Wait that goes on return: its time limit may be another one.
func (h *Hub) wake() {
	if h.waiting {
		h.ready.SetReadDeadline(longAgo)
	}
}

// call locks the hub for one call of the C API, whose result it checks.
func (h *Hub) call(op string, act func() C.int) (int, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	result := act()
	h.wake()
	return int(result), check(op, result)
}

// PublicKey returns the hub's public key.
func (h *Hub) PublicKey() (key PublicKey, err error) {
	_, err = h.call("natkit_hub_get_public_key", func() C.int {
		return C.natkit_hub_get_public_key(h.handle, pointerTo(key[:]))
	})
	return key, err
}

// LocalAddresses returns where the hub's sockets are reachable on this host.
func (h *Hub) LocalAddresses() ([]netip.AddrPort, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return listAddresses("natkit_hub_get_local_addresses",
		func(out *C.natkit_address, capacity C.size_t) C.int {
			return C.natkit_hub_get_local_addresses(h.handle, out, capacity)
		})
}

// SetStunServers says which servers to ask, every 20 s while there are agents,
// what the hub's addresses look like from outside. Two or more also tell how
// the NAT maps. They replace those of before. Errors: ErrBadArgument (more than
// 16, or one is not an address).
func (h *Hub) SetStunServers(servers []netip.AddrPort) error {
	given := toAddresses(servers)
	defer C.free(unsafe.Pointer(given))
	_, err := h.call("natkit_hub_set_stun_servers", func() C.int {
		return C.natkit_hub_set_stun_servers(h.handle, given, C.size_t(len(servers)))
	})
	return err
}

// AddRelay adds a relay, before the first agent; at most 16, in order of
// preference. It returns its number, from 0. Errors: ErrBadArgument,
// ErrBadValue (Name), ErrInvalidState (there was an agent), ErrAlreadyExists
// (the name), ErrLimitExceeded, ErrNotFound (the system's trusted roots),
// ErrBadCertificate (they are not usable), ErrBadEncoding (CertificateName).
func (h *Hub) AddRelay(relay Relay) (int, error) {
	copies := texts{op: "natkit_hub_add_relay"}
	defer copies.free()
	given := C.natkit_relay{
		struct_size:      C.sizeof_natkit_relay,
		name:             copies.add(relay.Name),
		host:             copies.add(relay.Host),
		addresses:        toAddresses(relay.Addresses),
		address_count:    C.size_t(len(relay.Addresses)),
		port:             C.uint16_t(relay.Port),
		is_plain:         C.uint16_t(bit(relay.Plain)),
		certificate_name: copies.add(relay.CertificateName),
	}
	defer C.free(unsafe.Pointer(given.addresses))
	if copies.err != nil {
		return 0, copies.err
	}
	return h.call(copies.op, func() C.int { return C.natkit_hub_add_relay(h.handle, &given) })
}

// Process reads, sends and does all that is due. Then poll events and receive.
func (h *Hub) Process() error {
	_, err := h.call("natkit_hub_process", func() C.int { return C.natkit_hub_process(h.handle) })
	return err
}

// NetworkChanged has the host's addresses looked up again; a hub does so by
// itself unless NoNetworkWatch was asked for. Errors: ErrIO.
func (h *Hub) NetworkChanged() error {
	_, err := h.call("natkit_hub_network_changed", func() C.int {
		return C.natkit_hub_network_changed(h.handle)
	})
	return err
}

// Receive takes the next datagram that arrived for any agent and returns whose
// it is and its length, which may be 0. The agent is nil if there is none.
// Errors: ErrBufferTooSmall (it stays, and the length is what it needs; 65,536
// bytes are always enough).
func (h *Hub) Receive(buffer []byte) (*Agent, int, error) {
	var agent *Agent
	var size C.size_t
	_, err := h.call("natkit_hub_receive", func() C.int {
		var whose *C.natkit_agent
		result := C.natkit_go_hub_receive(h.handle, &whose, pointerTo(buffer),
			C.size_t(len(buffer)), &size)
		if result == 1 {
			agent = h.agents[whose]
		}
		return result
	})
	if err == nil && agent == nil {
		size = 0
	}
	return agent, int(size), err
}

// Datagram is one of those that ReceiveBatch and ReceiveUnclaimed take.
type Datagram struct {
	// Agent is whose it is; nil: nobody's.
	Agent *Agent
	// Data are its bytes: a part of the buffer.
	Data []byte
	// Remote is where it came from, and Local where it came to; not set if it
	// came over a relay.
	Remote, Local netip.AddrPort
}

// ReceiveBatch takes datagrams that arrived for the hub's agents, the oldest
// first, up to 64 and as many as buffer has room for. None: there is none.
// Errors: ErrBufferTooSmall (not even one fits; nothing is lost, and 65,536
// bytes are always enough for one).
func (h *Hub) ReceiveBatch(buffer []byte) ([]Datagram, error) {
	return h.receive("natkit_hub_receive_batch", 0, buffer)
}

// ReceiveUnclaimed takes datagrams from nobody that is known, as ReceiveBatch
// does, if UnclaimedBuffer was asked for: so that another protocol, which sends
// on a descriptor of its own, can share a socket. Among them are STUN messages
// that no agent knows, and what comes from a peer before or after its path.
// Errors: as ReceiveBatch.
func (h *Hub) ReceiveUnclaimed(buffer []byte) ([]Datagram, error) {
	return h.receive("natkit_hub_receive_unclaimed", 1, buffer)
}

func (h *Hub) receive(op string, unclaimed C.int, buffer []byte) ([]Datagram, error) {
	var read [C.natkit_go_batch]C.natkit_go_datagram
	var datagrams []Datagram
	_, err := h.call(op, func() C.int {
		count := C.natkit_go_receive(h.handle, unclaimed, pointerTo(buffer),
			C.size_t(len(buffer)), &read[0])
		for i := C.int(0); i < count; i++ {
			datagrams = append(datagrams, Datagram{
				Agent:  h.agents[read[i].agent],
				Data:   buffer[:read[i].size:read[i].size],
				Remote: fromAddress(&read[i].remote),
				Local:  fromAddress(&read[i].local),
			})
			buffer = buffer[read[i].size:]
		}
		return count
	})
	return datagrams, err
}

// Counters reads the counters.
func (h *Hub) Counters() (HubCounters, error) {
	read := C.natkit_hub_counters{struct_size: C.sizeof_natkit_hub_counters}
	_, err := h.call("natkit_hub_get_counters", func() C.int {
		return C.natkit_hub_get_counters(h.handle, &read)
	})
	return HubCounters{
		SentDirect:      uint64(read.sent_direct),
		SentRelayed:     uint64(read.sent_relayed),
		Received:        uint64(read.received),
		DroppedUnknown:  uint64(read.dropped_unknown),
		DroppedRelayed:  uint64(read.dropped_relayed),
		DroppedSignals:  uint64(read.dropped_signals),
		DroppedReceived: uint64(read.dropped_received),
		EventsLost:      uint64(read.events_lost),

		Unclaimed:        uint64(read.unclaimed),
		DroppedUnclaimed: uint64(read.dropped_unclaimed),
		DroppedSent:      uint64(read.dropped_sent),
	}, err
}
