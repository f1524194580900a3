"""What a hub tells of itself and its agents."""
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, List, Optional, Union

from . import _structs as s
from ._convert import c_text
from .common import Address, from_c
from .errors import OpenEnum

if TYPE_CHECKING:
    from .agent import Agent


class EventType(OpenEnum):
    """What an event is about (``natkit_hub_event_type``)."""

    STATE = 1
    PATH = 2
    RTT = 3
    DESCRIPTION = 4
    WHY_NOT_DIRECT = 5
    RELAY = 6


class AgentState(OpenEnum):
    """Where a connection stands."""

    #: Nothing is known of the other side.
    NEW = 0
    #: A path is looked for.
    CONNECTING = 1
    #: There is a path.
    CONNECTED = 2
    #: There was one; another is looked for.
    DISCONNECTED = 3
    #: None was found in 30 s. It is looked for still.
    FAILED = 4


class PathKind(OpenEnum):
    """Which way data takes."""

    NONE = 0
    RELAY = 1
    DIRECT = 2


class PathReason(OpenEnum):
    """Why a path is not direct."""

    #: It is.
    DIRECT = 0
    #: Neither a relay nor anybody else carries descriptions.
    NO_RELAY = 1
    #: Nobody has asked for a path.
    IDLE = 2
    #: The peer has told nothing yet.
    PEER_SILENT = 3
    #: It is being looked for.
    SEARCHING = 4
    #: UDP is blocked on one side or both.
    UDP_BLOCKED = 5
    #: Both are behind one NAT that does not lead back inside.
    SAME_NAT = 6
    #: The behaviours of the two NATs do not fit.
    NAT_PAIR = 7
    #: Not enough is known of one side's NAT.
    UNKNOWN_BEHAVIOR = 8
    #: Nothing that is known stands in the way.
    SHOULD_BE_DIRECT = 9
    #: A direct path was found, but loses data.
    EATS_DATA = 10


class FixSide(OpenEnum):
    """Which side of a connection a Fix is about."""

    OURS = 0
    THEIRS = 1
    #: One of them is enough.
    EITHER = 2
    #: On one side alone it does not help.
    BOTH = 3


@dataclasses.dataclass(frozen=True)
class Path:
    """A way that data takes."""

    kind: PathKind
    #: Direct: our address.
    local: Optional[Address]
    #: Direct: the peer's address.
    remote: Optional[Address]
    #: Over a relay: its number.
    relay: Optional[int]
    #: Direct: the smoothed round-trip time; None until it is measured.
    rtt_ns: Optional[int]

    @classmethod
    def from_c(cls, raw: s.Path) -> "Path":
        """The path of a natkit_path."""
        kind = PathKind(raw.kind)
        return cls(kind, from_c(raw.local), from_c(raw.remote),
                   raw.relay if kind is PathKind.RELAY else None,
                   raw.rtt_ns or None)


@dataclasses.dataclass(frozen=True)
class Fix:
    """One thing that would make a path direct."""

    #: A stable word, such as ``"forward-port"``.
    code: str
    side: FixSide
    #: Why it would help; for people.
    text: str


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Why a path is direct, or is not."""

    reason: PathReason
    #: One sentence; for people.
    summary: str
    #: Our NAT in words.
    ours: str
    #: The peer's NAT in words.
    theirs: str
    #: What would help, the most helpful first.
    fixes: List[Fix]

    @classmethod
    def from_c(cls, raw: s.Diagnosis) -> "Diagnosis":
        """The diagnosis of a natkit_diagnosis."""
        fixes = [Fix(c_text(fix.code), FixSide(fix.side), c_text(fix.text))
                 for fix in raw.fixes[:raw.fix_count]]
        return cls(PathReason(raw.reason), c_text(raw.summary),
                   c_text(raw.ours), c_text(raw.theirs), fixes)


@dataclasses.dataclass(frozen=True)
class StateEvent:
    """A connection stands elsewhere than before."""

    agent: "Agent"
    state: AgentState


@dataclasses.dataclass(frozen=True)
class PathEvent:
    """Data takes another way."""

    agent: "Agent"
    path: Path


@dataclasses.dataclass(frozen=True)
class RttEvent:
    """The round-trip time of the direct path was measured, or is another one
    by 2 ms and a quarter."""

    agent: "Agent"
    rtt_ns: int


@dataclasses.dataclass(frozen=True)
class DescriptionEvent:
    """The local description has changed: unless agents exchange descriptions
    over a relay, take it to the other side."""

    agent: "Agent"
    #: All that belongs to the description is there.
    is_complete: bool


@dataclasses.dataclass(frozen=True)
class WhyNotDirectEvent:
    """Why there is no direct path is another reason than before;
    Agent.explain() has all of it."""

    agent: "Agent"
    reason: PathReason


@dataclasses.dataclass(frozen=True)
class RelayEvent:
    """A relay is up or down."""

    #: Its number, as Hub.add_relay() returned it.
    relay: int
    is_up: bool
    #: Why it is down; for people.
    text: str


#: What Hub.poll_event() returns.
Event = Union[StateEvent, PathEvent, RttEvent, DescriptionEvent,
              WhyNotDirectEvent, RelayEvent]


def event_from_c(raw: s.HubEvent, agent: "Optional[Agent]") -> Optional[Event]:
    """The event of a natkit_hub_event, which is about `agent` if it is about
    one; None for one that this version does not know."""
    if raw.type == EventType.RELAY:
        return RelayEvent(raw.relay, bool(raw.is_up), c_text(raw.text))
    if agent is None:
        return None
    if raw.type == EventType.STATE:
        return StateEvent(agent, AgentState(raw.state))
    if raw.type == EventType.PATH:
        return PathEvent(agent, Path.from_c(raw.path))
    if raw.type == EventType.RTT:
        return RttEvent(agent, raw.rtt_ns)
    if raw.type == EventType.DESCRIPTION:
        return DescriptionEvent(agent, bool(raw.is_complete))
    if raw.type == EventType.WHY_NOT_DIRECT:
        return WhyNotDirectEvent(agent, PathReason(raw.reason))
    return None
