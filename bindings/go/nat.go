package natkit

// #include <stdlib.h>
// #include "bridge.h"
import "C"

import (
	"io"
	"net/netip"
	"os"
	"time"
	"unsafe"
)

// NatAxis is one question about a NAT; natkit's docs/nat-behavior.md explains
// them.
type NatAxis uint32

const (
	// AxisUDP: do answers to UDP come back at all.
	AxisUDP NatAxis = C.NATKIT_NAT_AXIS_UDP
	// AxisServer: is the server what it says it is (RFC 5780 section 3).
	AxisServer NatAxis = C.NATKIT_NAT_AXIS_SERVER
	// AxisTranslation: is there address translation.
	AxisTranslation NatAxis = C.NATKIT_NAT_AXIS_TRANSLATION
	// AxisMapping: what an external port depends on (RFC 4787 section 4.1).
	AxisMapping NatAxis = C.NATKIT_NAT_AXIS_MAPPING
	// AxisFiltering: who may send to it (RFC 4787 section 5).
	AxisFiltering NatAxis = C.NATKIT_NAT_AXIS_FILTERING
	// AxisPoisoning: does an early packet from outside move a mapping.
	AxisPoisoning NatAxis = C.NATKIT_NAT_AXIS_POISONING
	// AxisAllocation: how external ports are chosen.
	AxisAllocation NatAxis = C.NATKIT_NAT_AXIS_ALLOCATION
	// AxisPreservation: is the inside port kept (RFC 4787 section 4.2.1).
	AxisPreservation NatAxis = C.NATKIT_NAT_AXIS_PRESERVATION
	// AxisParity: even to even, odd to odd (RFC 4787 section 4.2.2).
	AxisParity NatAxis = C.NATKIT_NAT_AXIS_PARITY
	// AxisContiguity: port p + 1 next to p (RFC 4787 section 4.2.3).
	AxisContiguity NatAxis = C.NATKIT_NAT_AXIS_CONTIGUITY
	// AxisPooling: are the external addresses of a host one (RFC 4787 section
	// 4.1).
	AxisPooling NatAxis = C.NATKIT_NAT_AXIS_POOLING
	// AxisOverloading: one external port for two hosts (RFC 4787 REQ-3).
	AxisOverloading NatAxis = C.NATKIT_NAT_AXIS_OVERLOADING
	// AxisHairpinning: does it lead back inside (RFC 4787 section 6).
	AxisHairpinning NatAxis = C.NATKIT_NAT_AXIS_HAIRPINNING
	// AxisDeterminism: the same under load (RFC 4787 REQ-11).
	AxisDeterminism NatAxis = C.NATKIT_NAT_AXIS_DETERMINISM
	// AxisUnrepliedLifetime: of a mapping that was never answered. Takes
	// minutes.
	AxisUnrepliedLifetime NatAxis = C.NATKIT_NAT_AXIS_UNREPLIED_LIFETIME
	// AxisOneExchangeLifetime: of a mapping that was answered once. Takes
	// minutes.
	AxisOneExchangeLifetime NatAxis = C.NATKIT_NAT_AXIS_ONE_EXCHANGE_LIFETIME
	// AxisAssuredLifetime: of a mapping that carries a conversation. Takes
	// minutes.
	AxisAssuredLifetime NatAxis = C.NATKIT_NAT_AXIS_ASSURED_LIFETIME
	// AxisOutboundRefresh: do packets from inside prolong a mapping (RFC 4787
	// REQ-6). Takes minutes.
	AxisOutboundRefresh NatAxis = C.NATKIT_NAT_AXIS_OUTBOUND_REFRESH
	// AxisInboundRefresh: do packets from outside prolong a mapping. Takes
	// minutes.
	AxisInboundRefresh NatAxis = C.NATKIT_NAT_AXIS_INBOUND_REFRESH
	// AxisTimerScope: one timer per mapping, or one per remote endpoint. Takes
	// minutes.
	AxisTimerScope NatAxis = C.NATKIT_NAT_AXIS_TIMER_SCOPE
	// AxisFragments: do fragmented datagrams pass, and which way.
	AxisFragments NatAxis = C.NATKIT_NAT_AXIS_FRAGMENTS
	// AxisPayload: are addresses in payloads rewritten (RFC 4787 REQ-10).
	AxisPayload NatAxis = C.NATKIT_NAT_AXIS_PAYLOAD
	// AxisDepth: how many hops away NATs are.
	AxisDepth NatAxis = C.NATKIT_NAT_AXIS_DEPTH
	// AxisPortMapping: PCP, NAT-PMP, UPnP IGD.
	AxisPortMapping NatAxis = C.NATKIT_NAT_AXIS_PORT_MAPPING
	// AxisTCP: dependence of TCP mappings (RFC 5382 REQ-1).
	AxisTCP NatAxis = C.NATKIT_NAT_AXIS_TCP
	// AxisCaptivePortal: does a web page stand between us and the Internet.
	AxisCaptivePortal NatAxis = C.NATKIT_NAT_AXIS_CAPTIVE_PORTAL
	// AxisNAT64: is IPv4 reached by IPv6 (RFC 6146, RFC 6877).
	AxisNAT64 NatAxis = C.NATKIT_NAT_AXIS_NAT64
)

// NatAxisCount is how many questions there are: they count from 0.
const NatAxisCount = C.NATKIT_NAT_AXIS_NAT64 + 1

// String returns the name, such as "mapping".
func (a NatAxis) String() string { return C.GoString(C.natkit_nat_axis_name(C.uint32_t(a))) }

// NatOutcome is how much a verdict is worth.
type NatOutcome uint32

const (
	// NatUntested: not asked for, or not possible here.
	NatUntested NatOutcome = C.NATKIT_NAT_UNTESTED
	// NatInconclusive: tested; the evidence does not suffice.
	NatInconclusive NatOutcome = C.NATKIT_NAT_INCONCLUSIVE
	// NatNotApplicable: the question makes no sense behind this NAT.
	NatNotApplicable NatOutcome = C.NATKIT_NAT_NOT_APPLICABLE
	// NatDetermined: certain.
	NatDetermined NatOutcome = C.NATKIT_NAT_DETERMINED
)

// String returns the word, such as "determined".
func (o NatOutcome) String() string { return C.GoString(C.natkit_nat_outcome_name(C.uint32_t(o))) }

// NatVerdict is the answer to one question.
type NatVerdict struct {
	// Outcome is how much it is worth.
	Outcome NatOutcome
	// Value is, with NatDetermined, a word of the axis' vocabulary or a
	// quantity; with NatInconclusive, what is likely, if anything.
	Value string
	// Reason is why; for people.
	Reason string
}

// NatReport is what else is known.
type NatReport struct {
	// Server is the one that was used; not set if none answered.
	Server netip.AddrPort
	// OtherServer is its other address and port; not set if it has none.
	OtherServer netip.AddrPort
	// ExternalAddresses of this host, in the order that they were seen; ports
	// are 0.
	ExternalAddresses []netip.AddrPort
	// DatagramsSent is their number.
	DatagramsSent uint64
	// DatagramsReceived is their number.
	DatagramsReceived uint64
	// Took is from the start to the last input.
	Took time.Duration
	// ClassicName is that of RFC 3489, such as "port restricted cone"; for
	// display only: it hides what matters. Empty if it is not known.
	ClassicName string
	// ServerSoftware is what the server says.
	ServerSoftware string
}

// NatCheckConfig says what to find out. Servers are required.
type NatCheckConfig struct {
	// Servers are 1 to 64 STUN servers of one family, in order of preference.
	// The first one with two addresses (RFC 5780) that answers is used for
	// everything; it takes three to say that UDP is blocked.
	Servers []netip.AddrPort
	// LocalAddresses are those of this host; none: the one that leads to the
	// first server. With two, also what needs two hosts is tested.
	LocalAddresses []netip.AddrPort
	// Axes are the questions, which bring those along that they need; none:
	// all that take seconds.
	Axes []NatAxis
	// Gateway is the router, to ask it for port mapping services.
	Gateway netip.AddrPort
	// Random is where random bytes come from; nil: the system. The program
	// ends if it fails.
	Random io.Reader
}

// NatCheck finds out which NAT this host is behind (RFC 5780, RFC 4787), with
// sockets of its own. Wait and Process until IsFinished; what is known so far
// can be asked for at any time. One goroutine at a time uses it.
type NatCheck struct {
	behavior  *C.natkit_behavior
	handle    *C.natkit_nat_check
	callbacks callbacks
	ready     *os.File
}

// LocalAddress returns the address of this host that packets to toward leave
// with, port 0. Nothing is sent. Errors: ErrBadArgument, ErrUnreachable, ErrIO.
func LocalAddress(toward netip.AddrPort) (netip.AddrPort, error) {
	var found C.natkit_address
	given := toAddress(toward)
	err := check("natkit_get_local_address", C.natkit_get_local_address(&given, &found))
	return fromAddress(&found), err
}

// NewNatCheck starts a check. Errors: ErrBadArgument (addresses of two families,
// too few or too many, no such question), ErrUnreachable (there is no way to the
// first server).
func NewNatCheck(config NatCheckConfig) (*NatCheck, error) {
	own := config.LocalAddresses
	if len(config.Servers) > 0 && len(own) == 0 {
		local, err := LocalAddress(config.Servers[0])
		if err != nil {
			return nil, err
		}
		own = []netip.AddrPort{local}
	}
	given := C.natkit_behavior_config{
		struct_size:         C.sizeof_natkit_behavior_config,
		servers:             toAddresses(config.Servers),
		server_count:        C.size_t(len(config.Servers)),
		local_addresses:     toAddresses(own),
		local_address_count: C.size_t(len(own)),
		gateway:             toAddress(config.Gateway),
		drops_own_source:    1,
	}
	defer C.free(unsafe.Pointer(given.servers))
	defer C.free(unsafe.Pointer(given.local_addresses))
	for _, axis := range config.Axes {
		if axis >= 64 {
			return nil, &Error{"natkit_behavior_new", ErrBadArgument}
		}
		given.axes |= 1 << axis
	}
	made := &NatCheck{callbacks: newCallbacks(config.Random, nil)}
	if err := made.start(&given); err != nil {
		made.Close()
		return nil, err
	}
	return made, nil
}

func (n *NatCheck) start(given *C.natkit_behavior_config) error {
	err := check("natkit_behavior_new", C.natkit_go_behavior_new(given,
		C.uintptr_t(n.callbacks.random), &n.behavior))
	if err != nil {
		return err
	}
	err = check("natkit_nat_check_new", C.natkit_nat_check_new(n.behavior, &n.handle))
	if err != nil {
		return err
	}
	n.ready, err = pollable(C.natkit_nat_check_get_fd(n.handle))
	return err
}

// Close closes the sockets, and forgets what was found.
func (n *NatCheck) Close() {
	C.natkit_nat_check_free(n.handle)
	C.natkit_behavior_free(n.behavior)
	n.callbacks.free()
	if n.ready != nil {
		n.ready.Close()
	}
}

// Wait blocks until Process has something to do or, unless longest is negative,
// that much time has passed.
func (n *NatCheck) Wait(longest time.Duration) error {
	var limit C.int
	err := check("natkit_nat_check_get_timeout", C.natkit_nat_check_get_timeout(n.handle, &limit))
	if err != nil {
		return err
	}
	if err := n.ready.SetReadDeadline(deadline(limit, longest)); err != nil {
		return err
	}
	return awaitReadable(n.ready)
}

// Process reads, sends and does all that is due.
func (n *NatCheck) Process() error {
	return check("natkit_nat_check_process", C.natkit_nat_check_process(n.handle))
}

// Abort ends it now: what is under way becomes inconclusive.
func (n *NatCheck) Abort() error {
	return check("natkit_behavior_abort", C.natkit_behavior_abort(n.behavior, C.uint64_t(Now())))
}

// IsFinished says whether all is known, or it was aborted.
func (n *NatCheck) IsFinished() (bool, error) {
	result := C.natkit_behavior_is_finished(n.behavior)
	return result == 1, check("natkit_behavior_is_finished", result)
}

// Verdict returns the answer to one question. Errors: ErrBadArgument (there is
// no such question).
func (n *NatCheck) Verdict(axis NatAxis) (NatVerdict, error) {
	read := C.natkit_nat_verdict{struct_size: C.sizeof_natkit_nat_verdict}
	err := check("natkit_behavior_get_verdict",
		C.natkit_behavior_get_verdict(n.behavior, C.uint32_t(axis), &read))
	return NatVerdict{NatOutcome(read.outcome), C.GoString(&read.value[0]),
		C.GoString(&read.reason[0])}, err
}

// Report returns what else is known.
func (n *NatCheck) Report() (NatReport, error) {
	read := C.natkit_nat_report{struct_size: C.sizeof_natkit_nat_report}
	err := check("natkit_behavior_get_report", C.natkit_behavior_get_report(n.behavior, &read))
	if err != nil {
		return NatReport{}, err
	}
	external, err := listAddresses("natkit_behavior_get_external_addresses",
		func(out *C.natkit_address, capacity C.size_t) C.int {
			return C.natkit_behavior_get_external_addresses(n.behavior, out, capacity)
		})
	return NatReport{
		Server:            fromAddress(&read.server),
		OtherServer:       fromAddress(&read.other_server),
		ExternalAddresses: external,
		DatagramsSent:     uint64(read.datagrams_sent),
		DatagramsReceived: uint64(read.datagrams_received),
		Took:              time.Duration(read.took_ns),
		ClassicName:       C.GoString(&read.classic_name[0]),
		ServerSoftware:    C.GoString(&read.server_software[0]),
	}, err
}
