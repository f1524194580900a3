"""Which NAT is this host behind (RFC 5780, RFC 4787)."""
from __future__ import annotations

import ctypes
import dataclasses
from typing import Dict, Iterable, List, Optional

from . import _structs as s
from ._convert import (Handle, RandomSource, c_text, pointer_or_null,
                       random_struct, unsigned)
from ._library import lib
from .common import (Address, AddressLike, address_array, from_c,
                     take_addresses, to_c)
from .errors import OpenEnum


class NatAxis(OpenEnum):
    """One question about a NAT; docs/nat-behavior.md explains them."""

    UDP = 0
    SERVER = 1
    TRANSLATION = 2
    MAPPING = 3
    FILTERING = 4
    POISONING = 5
    ALLOCATION = 6
    PRESERVATION = 7
    PARITY = 8
    CONTIGUITY = 9
    POOLING = 10
    OVERLOADING = 11
    HAIRPINNING = 12
    DETERMINISM = 13
    UNREPLIED_LIFETIME = 14
    ONE_EXCHANGE_LIFETIME = 15
    ASSURED_LIFETIME = 16
    OUTBOUND_REFRESH = 17
    INBOUND_REFRESH = 18
    TIMER_SCOPE = 19
    FRAGMENTS = 20
    PAYLOAD = 21
    DEPTH = 22
    PORT_MAPPING = 23
    TCP = 24
    CAPTIVE_PORTAL = 25
    NAT64 = 26


class NatOutcome(OpenEnum):
    """How much a verdict is worth."""

    #: Not asked for, or not possible here.
    UNTESTED = 0
    #: Tested; the evidence does not suffice.
    INCONCLUSIVE = 1
    #: The question makes no sense behind this NAT.
    NOT_APPLICABLE = 2
    #: Certain.
    DETERMINED = 3


@dataclasses.dataclass(frozen=True)
class NatVerdict:
    """The answer to one question."""

    outcome: NatOutcome
    #: DETERMINED: a word of the axis' vocabulary or a quantity. INCONCLUSIVE:
    #: what is likely, if anything.
    value: str
    #: Why; for people.
    reason: str


@dataclasses.dataclass(frozen=True)
class NatReport:
    """What else is known."""

    #: The server that was used; None if none answered.
    server: Optional[Address]
    #: Its other address and port, if it has one.
    other_server: Optional[Address]
    #: Of this host, in the order they were seen; ports are 0.
    external_addresses: List[Address]
    datagrams_sent: int
    datagrams_received: int
    #: From the start to the last input.
    took_ns: int
    #: The name of RFC 3489, such as ``port restricted cone``; for display only:
    #: it hides what matters. Empty if it is not known.
    classic_name: str
    #: The server's software, as it says.
    server_software: str


def local_address(toward: AddressLike) -> Address:
    """The address of this host that packets to `toward` leave with, port 0.
    Nothing is sent. Errors: Code.UNREACHABLE, Code.IO."""
    out = s.Address()
    lib.natkit_get_local_address(to_c(toward), out)
    address = from_c(out)
    assert address is not None
    return address


class NatCheck(Handle):
    """Finds out which NAT this host is behind, with sockets of its own.

    In a loop: wait until fileno() is readable or timeout() seconds have passed,
    then process(), until is_finished. What is known so far can be asked for at
    any time.
    """

    _free = "natkit_nat_check_free"

    def __init__(self, servers: Iterable[AddressLike], *,
                 local_addresses: Iterable[AddressLike] = (),
                 axes: Iterable[NatAxis] = (),
                 gateway: Optional[AddressLike] = None,
                 random: Optional[RandomSource] = None) -> None:
        """Starts.

        servers: 1 to 64 STUN servers of one family, in order of preference. The
            first one with two addresses (RFC 5780) that answers is used for
            everything; it takes three to say that UDP is blocked.
        local_addresses: addresses of this host; none: that which leads to the
            first server. With two, also what needs two hosts is tested.
        axes: the questions; none: all that take seconds.
        gateway: the router, to ask it for port mapping services.

        Errors: Code.BAD_ARGUMENT (addresses of two families, too few or too
        many), UNREACHABLE (there is no way to the first server).
        """
        super().__init__()
        self._behavior: Optional[int] = None
        self._random = random_struct(random)
        servers = list(servers)
        own = list(local_addresses)
        if servers and not own:
            own = [local_address(servers[0])]
        config = s.BehaviorConfig()
        config.servers = address_array(servers)
        config.server_count = len(servers)
        config.local_addresses = address_array(own)
        config.local_address_count = len(own)
        config.drops_own_source = True
        for axis in axes:
            config.axes |= 1 << unsigned(axis, 6, "an axis")
        if gateway is not None:
            config.gateway = to_c(gateway)
        config.random = pointer_or_null(self._random)
        out = ctypes.c_void_p()
        lib.natkit_behavior_new(config, ctypes.byref(out))
        self._behavior = out.value
        try:
            lib.natkit_nat_check_new(self._behavior, ctypes.byref(out))
        except BaseException:
            self._free_behavior()
            raise
        self._pointer = out.value

    def close(self) -> None:
        """Closes the sockets, and forgets what was found."""
        super().close()
        self._free_behavior()

    def _free_behavior(self) -> None:
        pointer, self._behavior = self._behavior, None
        lib.natkit_behavior_free(pointer)

    def fileno(self) -> int:
        """The descriptor to wait on until it is readable. It stays the same and
        belongs to the check: never read from it or close it."""
        fd: int = lib.natkit_nat_check_get_fd(self._pointer)
        return fd

    def timeout(self) -> Optional[float]:
        """How long to wait on fileno() at most, in seconds; None: for ever."""
        out = ctypes.c_int()
        lib.natkit_nat_check_get_timeout(self._pointer, ctypes.byref(out))
        return None if out.value < 0 else out.value / 1000

    def process(self) -> None:
        """Reads, sends and does all that is due."""
        lib.natkit_nat_check_process(self._pointer)

    def abort(self) -> None:
        """Ends now: what is under way becomes inconclusive."""
        lib.natkit_behavior_abort(self._behavior, lib.natkit_monotonic_ns())

    @property
    def is_finished(self) -> bool:
        """All is known, or it was aborted."""
        finished: int = lib.natkit_behavior_is_finished(self._behavior)
        return finished == 1

    def verdict(self, axis: NatAxis) -> NatVerdict:
        """The answer to one question."""
        raw = s.NatVerdict()
        lib.natkit_behavior_get_verdict(self._behavior,
                                        unsigned(axis, 32, "an axis"), raw)
        return NatVerdict(NatOutcome(raw.outcome), c_text(raw.value),
                          c_text(raw.reason))

    def verdicts(self) -> Dict[NatAxis, NatVerdict]:
        """The answers to all questions."""
        return {axis: self.verdict(axis) for axis in NatAxis}

    def report(self) -> NatReport:
        """What else is known."""
        raw = s.NatReport()
        lib.natkit_behavior_get_report(self._behavior, raw)
        external = take_addresses(lib.natkit_behavior_get_external_addresses,
                                  self._behavior)
        return NatReport(from_c(raw.server), from_c(raw.other_server),
                         external, raw.datagrams_sent, raw.datagrams_received,
                         raw.took_ns, c_text(raw.classic_name),
                         c_text(raw.server_software))
