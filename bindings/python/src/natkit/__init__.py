"""NAT traversal, relays, STUN and WireGuard for Python: natkit's C API, thin.

- Hub and Agent: connections that find their path by themselves, as one
  descriptor and one timeout for whatever loop the program has.
- NatCheck: which NAT this host is behind.
- Tunnel: WireGuard to one peer over any transport.
- StunClient: learns this host's address beyond all NATs.

Whatever the library refuses is a NatkitError with its Code; values that C
cannot hold are ValueError. Everything that owns something is closed by
``with``.
"""
from .agent import Agent, AgentCounters, AgentFlag, Role
from .common import (Address, AddressLike, LogLevel, MisuseHook, format_key,
                     generate_key, monotonic_ns, parse_key, poll_timeout_ms,
                     public_key, resolve, set_misuse_hook, version,
                     wall_clock_ns)
from .errors import Code, NatkitError
from .events import (AgentState, DescriptionEvent, Diagnosis, Event, EventType,
                     Fix, FixSide, Path, PathEvent, PathKind, PathReason,
                     RelayEvent, RttEvent, StateEvent, WhyNotDirectEvent)
from .hub import (Hub, HubCounters, HubFlag, LogSink, Power, Relay,
                  Unclaimed)
from .nat import (NatAxis, NatCheck, NatOutcome, NatReport, NatVerdict,
                  local_address)
from .stun import (StunClient, StunEvent, StunMechanism, StunOutcome,
                   StunSchedule, StunServerKind)
from .wireguard import (Tunnel, WgCounters, WgEvent, WgEventType, WgPeerStatus,
                        sealed_size)

__version__ = "0.1.0"

__all__ = [
    "Address", "AddressLike", "Agent", "AgentCounters", "AgentFlag",
    "AgentState", "Code", "DescriptionEvent", "Diagnosis", "Event", "EventType", "Fix", "FixSide",
    "Hub", "HubCounters", "HubFlag", "LogLevel", "LogSink", "MisuseHook",
    "NatAxis", "NatCheck", "NatOutcome", "NatReport", "NatVerdict",
    "NatkitError", "Path", "PathEvent", "PathKind", "PathReason", "Power",
    "Relay", "RelayEvent", "Role", "RttEvent", "StateEvent", "StunClient",
    "StunEvent", "StunMechanism", "StunOutcome", "StunSchedule",
    "StunServerKind", "Tunnel", "Unclaimed", "WgCounters", "WgEvent", "WgEventType",
    "WgPeerStatus", "WhyNotDirectEvent", "format_key", "generate_key",
    "local_address", "monotonic_ns", "parse_key", "poll_timeout_ms",
    "public_key", "resolve", "sealed_size", "set_misuse_hook", "version",
    "wall_clock_ns",
]
