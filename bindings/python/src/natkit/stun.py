"""A STUN client without a socket: it is told the time and what came in, and
says what to send and when to be called again."""
from __future__ import annotations

import ctypes
import dataclasses
from typing import Optional, Tuple, Union

from . import _structs as s
from ._convert import (Buffer, Handle, RandomSource, nanoseconds, octets,
                       optional_text, pointer_or_null, random_struct, unsigned)
from ._library import lib
from .common import Address, AddressLike, from_c, to_c
from .errors import OpenEnum
from .hub import HasFileno


class StunOutcome(OpenEnum):
    """How a request ended."""

    SUCCESS = 1
    #: See StunEvent.error_code.
    ERROR_RESPONSE = 2
    TIMED_OUT = 3
    #: Responses came, and none proved that it knows the password.
    INTEGRITY_VIOLATION = 4
    #: A response that cannot be used: no mapped address, no ERROR-CODE.
    BAD_RESPONSE = 5
    #: The server, or somebody in between, offers weaker security than it said
    #: before or than is allowed (RFC 8489 section 9.2).
    BID_DOWN = 6
    #: A comprehension-required attribute is not known.
    UNKNOWN_ATTRIBUTE = 7


class StunServerKind(OpenEnum):
    """The form of requests."""

    #: Servers of RFC 5389 and RFC 8489.
    ANY = 0
    #: Tailscale's DERP servers, which answer one form of request only.
    DERP = 1
    #: Servers of RFC 3489.
    RFC3489 = 2


class StunMechanism(OpenEnum):
    """How a user proves its password."""

    #: RFC 8489 section 9.1.
    SHORT_TERM = 0
    #: RFC 8489 section 9.2: the server challenges, with realm and nonce.
    LONG_TERM = 1


@dataclasses.dataclass(frozen=True)
class StunSchedule:
    """When requests are sent again; zeros are the defaults of the server kind:
    7 requests at 0, 500, 1500, 3500, ... ms and the end after 39.5 s."""

    #: The wait after the first request; each further one doubles.
    initial_timeout_ns: int = 0
    #: No wait between two requests is longer.
    max_interval_ns: int = 0
    #: The wait after the last request.
    final_wait_ns: int = 0
    #: Requests that are sent, at most 100.
    request_count: int = 0


@dataclasses.dataclass(frozen=True)
class StunEvent:
    """How a request ended."""

    outcome: StunOutcome
    #: 300 to 699 with StunOutcome.ERROR_RESPONSE.
    error_code: Optional[int]
    #: Who was asked last.
    server: Optional[Address]
    #: With StunOutcome.SUCCESS: where the server saw the request come from.
    reflexive_address: Optional[Address]
    #: Where a 300 response points.
    alternate_server: Optional[Address]
    #: The response carried valid integrity. Otherwise anybody may have written
    #: it.
    is_verified: bool
    #: From request to response, if known.
    rtt_ns: Optional[int]
    #: Something on the way rewrites addresses in payloads.
    alg_detected: bool

    @classmethod
    def from_c(cls, raw: s.StunEvent) -> "StunEvent":
        """The event of a natkit_stun_event."""
        return cls(StunOutcome(raw.outcome), raw.error_code or None,
                   from_c(raw.server), from_c(raw.reflexive_address),
                   from_c(raw.alternate_server), bool(raw.is_verified),
                   raw.rtt_ns or None, bool(raw.is_alg_detected))


class StunClient(Handle):
    """Learns this host's reflexive address from one server, over UDP.

    After each call that tells it something, take poll_transmit() and
    poll_event() until there are none, then wait for a datagram or for the time
    that next_timeout() says. Times are nanoseconds of any monotonic clock, such
    as time.monotonic_ns().
    """

    _free = "natkit_stun_client_free"

    def __init__(self, server: AddressLike, *,
                 server_kind: StunServerKind = StunServerKind.ANY,
                 software: Optional[str] = None,
                 username: Optional[str] = None,
                 password: Optional[str] = None,
                 mechanism: StunMechanism = StunMechanism.SHORT_TERM,
                 sends_fingerprint: bool = False, filler: bool = True,
                 follows_redirects: bool = False, refuses_md5: bool = False,
                 shows_username: bool = False,
                 schedule: StunSchedule = StunSchedule(),
                 random: Optional[RandomSource] = None) -> None:
        """Makes a client; nothing is sent before start().

        software: SOFTWARE of requests, at most 763 bytes.
        username, password: the user; None: requests prove nothing.
        filler: requests are as long as the response, because some servers never
            send more than they got.
        follows_redirects: goes where a verified 300 points.
        refuses_md5: long-term servers that know MD5 alone are refused.
        shows_username: sends the user's name in clear also where the server
            understands USERHASH.
        random: where transaction IDs come from; None: the system.
        """
        super().__init__()
        self._random = random_struct(random)
        self._buffer = ctypes.create_string_buffer(s.STUN_MAX_MESSAGE_SIZE)
        config = s.StunClientConfig()
        config.server = to_c(server)
        config.server_kind = unsigned(server_kind, 32, "server_kind")
        config.software = optional_text(software, "software")
        config.username = optional_text(username, "username")
        config.password = optional_text(password, "password")
        config.mechanism = unsigned(mechanism, 32, "mechanism")
        config.sends_fingerprint = sends_fingerprint
        config.no_filler = not filler
        config.follows_redirects = follows_redirects
        config.refuses_md5 = refuses_md5
        config.shows_username = shows_username
        config.schedule = s.StunSchedule(
            nanoseconds(schedule.initial_timeout_ns),
            nanoseconds(schedule.max_interval_ns),
            nanoseconds(schedule.final_wait_ns),
            unsigned(schedule.request_count, 32, "request_count"))
        config.random = pointer_or_null(self._random)
        out = ctypes.c_void_p()
        lib.natkit_stun_client_new(config, ctypes.byref(out))
        self._pointer = out.value

    def start(self, now_ns: int) -> None:
        """Begins to ask, or begins anew. There will be one event."""
        lib.natkit_stun_client_start(self._pointer, nanoseconds(now_ns))

    def cancel(self) -> None:
        """Ends without an event."""
        lib.natkit_stun_client_cancel(self._pointer)

    def handle_datagram(self, now_ns: int, source: AddressLike,
                        data: Buffer) -> bool:
        """Hands in a datagram that came from `source`. True if it is a response
        to this client, used or not; False if it belongs to somebody else."""
        raw = octets(data)
        taken: int = lib.natkit_stun_client_handle_datagram(
            self._pointer, nanoseconds(now_ns), to_c(source), raw, len(raw))
        return taken == 1

    def handle_timeout(self, now_ns: int) -> None:
        """Says what time it is; early, late and repeated calls are harmless."""
        lib.natkit_stun_client_handle_timeout(self._pointer,
                                              nanoseconds(now_ns))

    def poll_transmit(self) -> Optional[Tuple[Address, bytes]]:
        """The next datagram to send, and whom to; None if there is none."""
        to = s.Address()
        with self._alone("natkit_stun_client_poll_transmit"):
            size = lib.natkit_stun_client_poll_transmit(
                self._pointer, to, self._buffer, len(self._buffer))
            target = from_c(to)
            if size == 0 or target is None:
                return None
            return target, ctypes.string_at(self._buffer, size)

    def poll_event(self) -> Optional[StunEvent]:
        """How the request ended, once it has."""
        raw = s.StunEvent()
        if lib.natkit_stun_client_poll_event(self._pointer, raw) == 0:
            return None
        return StunEvent.from_c(raw)

    def next_timeout(self) -> Optional[int]:
        """When to call handle_timeout() next; None: nothing to wait for."""
        out = ctypes.c_uint64()
        if lib.natkit_stun_client_next_timeout(self._pointer,
                                               ctypes.byref(out)) == 0:
            return None
        return out.value

    def run(self, socket: Union[int, HasFileno]) -> StunEvent:
        """Begins to ask, or begins anew, over a UDP socket, and blocks until the
        event, for programs without an event loop. What else arrives is dropped,
        so nobody else may be using the socket; other Python threads run
        meanwhile. Times are monotonic_ns(). That nobody answers is an event.
        Errors: Code.UNSUPPORTED (no UDP socket, or one of another address
        family), and what sockets say, such as Code.UNREACHABLE."""
        raw = s.StunEvent()
        number = socket if isinstance(socket, int) else socket.fileno()
        lib.natkit_stun_client_run(self._pointer, number, raw)
        return StunEvent.from_c(raw)
