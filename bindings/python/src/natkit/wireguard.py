"""A WireGuard tunnel to one peer without a socket."""
from __future__ import annotations

import ctypes
import dataclasses
import ipaddress
from typing import Any, Dict, Iterable, Optional, Union

from . import _structs as s
from ._convert import (Buffer, Handle, RandomSource, c_text, nanoseconds,
                       octets, pointer_or_null, put_key, random_struct,
                       unsigned)
from ._library import lib
from .common import to_c
from .errors import OpenEnum

#: Where allowed addresses are given: a network, or its text.
NetworkLike = Union[str, ipaddress.IPv4Network, ipaddress.IPv6Network]

_MAX_DATAGRAM = 65536


def sealed_size(size: int) -> int:
    """Bytes that a sealed packet of `size` bytes takes at most."""
    return (size + 15) // 16 * 16 + s.WG_OVERHEAD


class WgEventType(OpenEnum):
    """What happened."""

    #: A new session is in use.
    HANDSHAKE_COMPLETED = 1
    #: No answer for 90 seconds: retries have stopped, packets that waited are
    #: gone. The next packet starts over.
    HANDSHAKE_GAVE_UP = 2
    #: Of devices only.
    ENDPOINT_CHANGED = 3
    #: All keys of the peer were erased: 9 minutes without a new handshake.
    SESSION_EXPIRED = 4


@dataclasses.dataclass(frozen=True)
class WgEvent:
    """Something that happened."""

    type: WgEventType
    #: HANDSHAKE_COMPLETED: we began the handshake.
    is_initiator: bool


@dataclasses.dataclass(frozen=True)
class WgPeerStatus:
    """What there is to know about the peer; no secrets."""

    #: Bytes of authentic datagrams from the peer, of all kinds.
    rx_bytes: int
    #: Bytes of datagrams for the peer, of all kinds.
    tx_bytes: int
    #: By the wall clock, nanoseconds since 1970; None: never.
    last_handshake_ns: Optional[int]
    keepalive_ns: int
    public_key: bytes
    #: Packets can be sealed without a new handshake.
    has_session: bool
    has_preshared_key: bool
    allowed_ip_count: int


@dataclasses.dataclass(frozen=True)
class WgCounters:
    """Totals since the tunnel was made."""

    #: Dropped packets by the reason's name, such as ``bad_mac1``.
    drops: Dict[str, int]
    data_sealed: int
    data_opened: int
    keepalives_sent: int
    keepalives_received: int
    initiations_sent: int
    initiations_accepted: int
    responses_accepted: int
    cookie_replies_sent: int
    cookie_replies_accepted: int
    #: Events that nobody asked for in time.
    events_lost: int

    @classmethod
    def from_c(cls, raw: s.WgCounters) -> "WgCounters":
        """The counters of a natkit_wg_counters."""
        values: Dict[str, Any] = {field.name: getattr(raw, field.name)
                                  for field in dataclasses.fields(cls)}
        names = [lib.natkit_wg_drop_name(i) for i in range(s.WG_DROP_COUNT)]
        values["drops"] = {c_text(name): count
                           for name, count in zip(names, raw.drops) if name}
        return cls(**values)


def _prefixes(networks: Iterable[NetworkLike]) -> Any:
    parsed = [ipaddress.ip_network(network) for network in networks]
    return (s.Prefix * len(parsed))(*[
        s.Prefix(to_c((str(network.network_address), 0)), network.prefixlen)
        for network in parsed])


class Tunnel(Handle):
    """A tunnel to one peer over a transport of the caller's: a socket, an
    Agent, anything that carries datagrams to that peer.

    After each call, send what poll_transmit() gives until it gives None, and
    have handle_timeout() called at the time that next_timeout() says. Times are
    nanoseconds of any monotonic clock, such as time.monotonic_ns().
    """

    _free = "natkit_wg_tunnel_free"

    def __init__(self, private_key: Buffer, peer_key: Buffer, *, now_ns: int,
                 wall_clock_ns: int, preshared_key: Optional[Buffer] = None,
                 allowed_ips: Iterable[NetworkLike] = (),
                 keepalive_ns: int = 0, mtu: int = 0,
                 max_staged_packets: int = 0, max_staged_bytes: int = 0,
                 handshakes_per_second: int = 0,
                 random: Optional[RandomSource] = None) -> None:
        """Makes a tunnel. Nothing is sent before there is a packet to seal, a
        keepalive interval, or initiate_handshake().

        wall_clock_ns: nanoseconds since 1970 at `now_ns`, such as
            time.time_ns(). Handshakes carry it: peers refuse what is not later
            than what they have seen, in earlier runs too.
        allowed_ips: the sources of packets that the peer may send, and the
            destinations of those for it. None given: all.
        keepalive_ns: how often a datagram is sent at least; 0: never.
        mtu: packets are not padded beyond it. 0: 1420.
        max_staged_packets, max_staged_bytes: what may wait for a handshake; 0:
            128 and 262,144.
        handshakes_per_second: how many mean load, so that senders need
            cookies. 0: 250.

        Errors: Code.BAD_VALUE (a key of zeros, our own key as the peer's, a
        keepalive too long), BAD_ARGUMENT (`wall_clock_ns` is 0).
        """
        super().__init__()
        self._random = random_struct(random)
        self._buffer = ctypes.create_string_buffer(sealed_size(_MAX_DATAGRAM))
        prefixes = _prefixes(allowed_ips)
        config = s.WgTunnelConfig()
        config.random = pointer_or_null(self._random)
        config.now_ns = nanoseconds(now_ns)
        config.wall_clock_ns = nanoseconds(wall_clock_ns)
        config.allowed_ips = prefixes
        config.allowed_ip_count = len(prefixes)
        config.keepalive_ns = nanoseconds(keepalive_ns)
        for name, value in (("mtu", mtu),
                            ("max_staged_packets", max_staged_packets),
                            ("max_staged_bytes", max_staged_bytes),
                            ("handshakes_per_second", handshakes_per_second)):
            setattr(config, name, unsigned(value, 32, name))
        out = ctypes.c_void_p()
        try:
            put_key(config.private_key, private_key, "a private key")
            put_key(config.public_key, peer_key, "a peer's key")
            put_key(config.preshared_key, preshared_key, "a pre-shared key")
            lib.natkit_wg_tunnel_new(config, ctypes.byref(out))
        finally:
            lib.natkit_wipe(ctypes.byref(config), ctypes.sizeof(config))
        self._pointer = out.value

    def seal(self, now_ns: int, packet: Buffer) -> Optional[bytes]:
        """Seals an IP packet. Returns the datagram to send; None if the packet
        waits for a handshake: poll_transmit() gives it then.

        Errors: Code.BAD_VALUE (no IP packet, or too long), NO_ROUTE (outside of
        `allowed_ips`), LIMIT_EXCEEDED (too much waits for poll_transmit())."""
        raw = octets(packet)
        return self._filled(lib.natkit_wg_tunnel_seal, nanoseconds(now_ns), raw,
                            len(raw))

    def open(self, now_ns: int, datagram: Buffer) -> Optional[bytes]:
        """Takes a datagram from the peer's side. Returns the IP packet in it;
        None if there is none, as in handshakes and keepalives.

        Errors say why the datagram was dropped, and are no reason to stop:
        Code.BAD_VALUE (no WireGuard message, or no IP packet in it),
        AUTH_FAILED, REPLAYED, UNKNOWN_INDEX, UNKNOWN_PEER, NO_SESSION (too
        old), NOT_ALLOWED (outside of `allowed_ips`), LIMIT_EXCEEDED."""
        raw = octets(datagram)
        return self._filled(lib.natkit_wg_tunnel_open, nanoseconds(now_ns), raw,
                            len(raw))

    def poll_transmit(self) -> Optional[bytes]:
        """Takes the next datagram that is to be sent to the peer: handshakes,
        keepalives, and packets that waited. None if there is none."""
        return self._filled(lib.natkit_wg_tunnel_poll_transmit)

    def handle_timeout(self, now_ns: int) -> None:
        """Does what is due. Early, late or repeated calls are harmless."""
        lib.natkit_wg_tunnel_handle_timeout(self._pointer, nanoseconds(now_ns))

    def next_timeout(self) -> Optional[int]:
        """When to call handle_timeout() next; None: nothing is planned."""
        out = ctypes.c_uint64()
        if lib.natkit_wg_tunnel_next_timeout(self._pointer,
                                             ctypes.byref(out)) == 0:
            return None
        return out.value

    def poll_event(self) -> Optional[WgEvent]:
        """Takes the next event; None if there is none."""
        raw = s.WgEvent()
        if lib.natkit_wg_tunnel_poll_event(self._pointer, raw) == 0:
            return None
        return WgEvent(WgEventType(raw.type), bool(raw.is_initiator))

    def initiate_handshake(self, now_ns: int, *, forced: bool = False) -> None:
        """Starts a handshake, which is retried for 90 seconds; a session that
        exists goes on until then. At most one in 5 seconds, or if `forced` in
        20 milliseconds. Errors: Code.INVALID_STATE, LIMIT_EXCEEDED (too soon;
        it is tried when the time has come)."""
        lib.natkit_wg_tunnel_initiate_handshake(
            self._pointer, nanoseconds(now_ns), int(forced))

    def send_keepalive(self, now_ns: int) -> None:
        """Makes an empty packet for the peer, to prove a path.
        Errors: Code.NO_SESSION."""
        lib.natkit_wg_tunnel_send_keepalive(self._pointer, nanoseconds(now_ns))

    @property
    def status(self) -> WgPeerStatus:
        """What there is to know about the peer."""
        raw = s.WgPeerStatus()
        lib.natkit_wg_tunnel_get_status(self._pointer, raw)
        return WgPeerStatus(
            raw.rx_bytes, raw.tx_bytes, raw.last_handshake_ns or None,
            raw.keepalive_ns, bytes(raw.public_key), bool(raw.has_session),
            bool(raw.has_preshared_key), raw.allowed_ip_count)

    @property
    def counters(self) -> WgCounters:
        """Totals since the tunnel was made."""
        raw = s.WgCounters()
        lib.natkit_wg_tunnel_get_counters(self._pointer, raw)
        return WgCounters.from_c(raw)

    def _filled(self, function: Any, *arguments: Any) -> Optional[bytes]:
        """What a function writes to the buffer, if it does."""
        with self._alone(function.__name__):
            size = function(self._pointer, *arguments, self._buffer,
                            len(self._buffer))
            return ctypes.string_at(self._buffer, size) if size else None
