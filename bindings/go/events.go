package natkit

// #include "natkit/natkit.h"
import "C"

import (
	"time"
	"unsafe"
)

// Event is something that happened to a hub or one of its agents: a
// *StateEvent, *PathEvent, *RTTEvent, *DescriptionEvent, *WhyNotDirectEvent,
// *RelayEvent or *OtherEvent.
type Event interface{ isEvent() }

// StateEvent: a connection stands elsewhere.
type StateEvent struct {
	// Agent is which connection.
	Agent *Agent
	// State is where it stands now.
	State State
}

// PathEvent: data takes another way.
type PathEvent struct {
	// Agent is which connection.
	Agent *Agent
	// Path is the way that data takes now.
	Path Path
}

// RTTEvent: the round-trip time of the direct path was measured, or is another
// one by 2 ms and a quarter.
type RTTEvent struct {
	// Agent is which connection.
	Agent *Agent
	// RTT is the time.
	RTT time.Duration
}

// DescriptionEvent: the local description has changed. Unless agents exchange
// descriptions over a relay, take it to the other side.
type DescriptionEvent struct {
	// Agent is whose description.
	Agent *Agent
	// IsComplete: all that belongs to it is there.
	IsComplete bool
}

// WhyNotDirectEvent: why there is no direct path is another reason than before;
// Agent.Explain has all of it.
type WhyNotDirectEvent struct {
	// Agent is which connection.
	Agent *Agent
	// Reason is the new one.
	Reason Reason
}

// RelayEvent: a relay is up or down.
type RelayEvent struct {
	// Relay is its number.
	Relay int
	// IsUp: it is up.
	IsUp bool
	// Text is why it is down.
	Text string
}

// OtherEvent is of a type that this package does not know.
type OtherEvent struct {
	// Type is the number of the type in the C API.
	Type int
}

func (*StateEvent) isEvent()        {}
func (*PathEvent) isEvent()         {}
func (*RTTEvent) isEvent()          {}
func (*DescriptionEvent) isEvent()  {}
func (*WhyNotDirectEvent) isEvent() {}
func (*RelayEvent) isEvent()        {}
func (*OtherEvent) isEvent()        {}

// PollEvent takes the next event; nil if there is none.
func (h *Hub) PollEvent() (Event, error) {
	var agent *Agent
	read := C.natkit_hub_event{struct_size: C.sizeof_natkit_hub_event}
	count, err := h.call("natkit_hub_poll_event", func() C.int {
		result := C.natkit_hub_poll_event(h.handle, &read)
		agent = h.agents[read.agent]
		return result
	})
	if err != nil || count == 0 {
		return nil, err
	}
	return fromEvent(&read, agent), nil
}

func fromEvent(from *C.natkit_hub_event, agent *Agent) Event {
	switch from._type {
	case C.NATKIT_HUB_EVENT_STATE:
		return &StateEvent{agent, State(from.state)}
	case C.NATKIT_HUB_EVENT_PATH:
		return &PathEvent{agent, fromPath(&from.path)}
	case C.NATKIT_HUB_EVENT_RTT:
		return &RTTEvent{agent, time.Duration(from.rtt_ns)}
	case C.NATKIT_HUB_EVENT_DESCRIPTION:
		return &DescriptionEvent{agent, from.is_complete == 1}
	case C.NATKIT_HUB_EVENT_WHY_NOT_DIRECT:
		return &WhyNotDirectEvent{agent, Reason(from.reason)}
	case C.NATKIT_HUB_EVENT_RELAY:
		return &RelayEvent{int(from.relay), from.is_up == 1, C.GoString(&from.text[0])}
	}
	return &OtherEvent{int(from._type)}
}

// Reason is why a path is not direct.
type Reason uint32

const (
	// ReasonDirect: it is.
	ReasonDirect Reason = C.NATKIT_PATH_REASON_DIRECT
	// ReasonNoRelay: neither a relay nor anybody else carries descriptions.
	ReasonNoRelay Reason = C.NATKIT_PATH_REASON_NO_RELAY
	// ReasonIdle: nobody has asked for a path.
	ReasonIdle Reason = C.NATKIT_PATH_REASON_IDLE
	// ReasonPeerSilent: the peer has told nothing yet.
	ReasonPeerSilent Reason = C.NATKIT_PATH_REASON_PEER_SILENT
	// ReasonSearching: it is being looked for.
	ReasonSearching Reason = C.NATKIT_PATH_REASON_SEARCHING
	// ReasonUDPBlocked: UDP is blocked on one side or both.
	ReasonUDPBlocked Reason = C.NATKIT_PATH_REASON_UDP_BLOCKED
	// ReasonSameNAT: both are behind one NAT that does not lead back inside.
	ReasonSameNAT Reason = C.NATKIT_PATH_REASON_SAME_NAT
	// ReasonNATPair: the behaviours of the two NATs do not fit.
	ReasonNATPair Reason = C.NATKIT_PATH_REASON_NAT_PAIR
	// ReasonUnknownBehavior: not enough is known of one side's NAT.
	ReasonUnknownBehavior Reason = C.NATKIT_PATH_REASON_UNKNOWN_BEHAVIOR
	// ReasonShouldBeDirect: nothing that is known stands in the way.
	ReasonShouldBeDirect Reason = C.NATKIT_PATH_REASON_SHOULD_BE_DIRECT
	// ReasonEatsData: a direct path was found, but loses data.
	ReasonEatsData Reason = C.NATKIT_PATH_REASON_EATS_DATA
)

// FixSide is which side of a connection a Fix is about.
type FixSide uint32

const (
	// FixOurs: this one.
	FixOurs FixSide = C.NATKIT_FIX_OURS
	// FixTheirs: the other one.
	FixTheirs FixSide = C.NATKIT_FIX_THEIRS
	// FixEither: one of them is enough.
	FixEither FixSide = C.NATKIT_FIX_EITHER
	// FixBoth: on one side alone it does not help.
	FixBoth FixSide = C.NATKIT_FIX_BOTH
)

// Fix is one thing that would make a path direct.
type Fix struct {
	// Code is a stable word, such as "forward-port".
	Code string
	// Side is where.
	Side FixSide
	// Text is why it would help; for people.
	Text string
}

// Diagnosis is why a path is direct, or is not.
type Diagnosis struct {
	// Reason is why.
	Reason Reason
	// Summary is one sentence; for people.
	Summary string
	// Ours is our NAT in words.
	Ours string
	// Theirs is the peer's NAT in words.
	Theirs string
	// Fixes are what would help, the most helpful first.
	Fixes []Fix
}

// Explain says why the path is direct or is not, and what would make it so.
func (a *Agent) Explain() (Diagnosis, error) {
	var read C.natkit_diagnosis
	C.natkit_init_struct(unsafe.Pointer(&read), C.sizeof_natkit_diagnosis)
	_, err := a.hub.call("natkit_agent_explain", func() C.int {
		return C.natkit_agent_explain(a.handle, &read)
	})
	if err != nil {
		return Diagnosis{}, err
	}
	found := Diagnosis{
		Reason:  Reason(read.reason),
		Summary: C.GoString(&read.summary[0]),
		Ours:    C.GoString(&read.ours[0]),
		Theirs:  C.GoString(&read.theirs[0]),
	}
	for _, fix := range read.fixes[:read.fix_count] {
		found.Fixes = append(found.Fixes, Fix{
			Code: C.GoString(&fix.code[0]),
			Side: FixSide(fix.side),
			Text: C.GoString(&fix.text[0]),
		})
	}
	return found, nil
}
