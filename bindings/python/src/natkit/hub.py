"""Hubs: UDP sockets and relays, which any number of agents share."""
from __future__ import annotations

import ctypes
import dataclasses
import enum
from typing import (TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator,
                    List, Optional, Protocol, Sequence, Tuple, Union)

from . import _structs as s
from ._convert import (Buffer, Handle, RandomSource, optional_text,
                       pointer_or_null, put_key, random_struct, text, unsigned)
from ._library import lib
from .common import (Address, AddressLike, LogLevel, address_array, known,
                     take_addresses)
from .errors import OpenEnum
from .events import Event, event_from_c

if TYPE_CHECKING:
    from .agent import Agent

#: Takes one line of a hub's log.
LogSink = Callable[[LogLevel, str], None]

_MAX_DATAGRAM = 65536
_BATCH = 64


class HasFileno(Protocol):
    """A socket, or what else has a descriptor."""

    def fileno(self) -> int:
        """The descriptor."""


class Power(OpenEnum):
    """How much packets cost this host."""

    #: Nothing worth mentioning.
    MAINS = 0
    #: As few as NATs allow.
    BATTERY = 1
    #: None for idle connections.
    MOBILE_IDLE = 2


class HubFlag(enum.IntFlag):
    """Bits of natkit_hub_config::flags."""

    LOOPBACK = 1
    NO_IPV6 = 2
    NO_NETWORK_WATCH = 4


@dataclasses.dataclass(frozen=True)
class Relay:
    """A relay (a DERP server). Both sides of a connection name it alike."""

    #: The DNS name or IP address that its certificate is for.
    host: str
    #: Where it is: 1 to 16; see resolve(). Their ports are not looked at.
    addresses: Sequence[AddressLike]
    #: TCP port; 0: 443.
    port: int = 0
    #: What both sides call it, without spaces; None: ``HOST:PORT``.
    name: Optional[str] = None
    #: No TLS. For development only.
    is_plain: bool = False
    #: None: the certificate is checked by trusted roots and `host`; a DNS name
    #: to check it against instead; or ``sha256-raw:`` and 64 hex digits of the
    #: SHA-256 of the certificate that is expected.
    certificate_name: Optional[str] = None


@dataclasses.dataclass(frozen=True)
class HubCounters:
    """What a hub has done and dropped; only ever grows."""

    #: Datagrams of data sent directly.
    sent_direct: int
    #: Datagrams of data given to relays.
    sent_relayed: int
    #: Datagrams of data received, either way.
    received: int
    #: Datagrams from nobody that is known.
    dropped_unknown: int
    #: Relayed packets from nobody that is known, or too many at once.
    dropped_relayed: int
    #: Descriptions over a relay that were old or of no use.
    dropped_signals: int
    #: Received datagrams that nobody took in time.
    dropped_received: int
    #: Events that nobody took in time; the oldest went.
    events_lost: int
    #: Datagrams that were kept for unclaimed().
    unclaimed: int
    #: Those of them that nobody took in time.
    dropped_unclaimed: int
    #: Datagrams of any kind that the system did not take.
    dropped_sent: int


@dataclasses.dataclass(frozen=True)
class Unclaimed:
    """A datagram from nobody that is known."""

    data: bytes
    #: Where it came from.
    remote: Address
    #: Where it came to.
    local: Address


def _bytes_of(packet: s.Packet) -> bytes:
    """A copy of its bytes."""
    return ctypes.string_at(packet.data, packet.size) if packet.size else b""


def _log_struct(sink: Optional[LogSink]) -> Optional[s.Log]:
    if sink is None:
        return None
    told: LogSink = sink

    def line(_context: Any, level: int, words: bytes) -> None:
        told(LogLevel(level), words.decode(errors="replace"))

    return s.Log(s.LineFunction(line), None)


class Hub(Handle):
    """UDP sockets and connections to relays, which its agents share.

    In a loop: wait until fileno() is readable or timeout() seconds have passed,
    then process(), then take all events() and datagrams().

    A hub and its agents are one thing as to threads: one call at a time, on
    whichever of them. A second one raises NatkitError with Code.BUSY. No thread
    is started, and no call blocks.

    Closing it closes its agents.
    """

    _free = "natkit_hub_free"

    def __init__(self, *, private_key: Optional[Buffer] = None, port: int = 0,
                 sockets: Sequence[Union[int, HasFileno]] = (),
                 loopback: bool = False, ipv6: bool = True,
                 network_watch: bool = True, power: Power = Power.MAINS,
                 receive_buffer: int = 0, agent_receive_buffer: int = 0,
                 unclaimed_buffer: int = 0,
                 ignored_interfaces: Sequence[str] = (), fwmark: int = 0,
                 roots_pem: Optional[str] = None,
                 random: Optional[RandomSource] = None,
                 log: Optional[LogSink] = None) -> None:
        """Opens the hub's sockets; nothing is sent before it has an agent.

        private_key: who the hub is at relays, and what peers know it by: 32
            bytes, see generate_key(). None: a new one.
        port: the UDP port to bind; 0: the system chooses.
        sockets: bound UDP sockets to use instead, at most one for each family,
            IPv6 ones with IPV6_V6ONLY. The hub has duplicates of them: the
            caller may close its own, and must not read from them.
        loopback: use loopback addresses although there are others.
        ipv6: open an IPv6 socket, too.
        network_watch: watch the system for changes of addresses. Otherwise the
            program calls network_changed().
        receive_buffer: bytes of datagrams that may wait; 0: 1 MiB. Where there
            is no room, the agent that has the most waiting loses its oldest.
        agent_receive_buffer: what one agent has of them at most; 0: no limit
            but that.
        unclaimed_buffer: bytes of datagrams from nobody that is known that are
            kept for unclaimed(); 0: they are dropped.
        ignored_interfaces: those whose addresses are not told to peers, such
            as the tunnel that the datagrams come from: names, of which the last
            character may be ``*`` for any end.
        fwmark: the mark (SO_MARK) of all that the hub sends, also to relays; 0:
            none. Needs CAP_NET_ADMIN.
        roots_pem: certificates to trust relays by; None: the system's.
        random: asked for random bytes; None: the system's.
        log: called with log lines, in the thread of a call. It must not use the
            hub or its agents.

        Errors: Code.UNSUPPORTED (a descriptor is no bound UDP socket, or is
        connected, or two are of one family), ADDRESS_IN_USE,
        PERMISSION_DENIED, IO, BAD_CERTIFICATE (`roots_pem`).
        """
        super().__init__()
        self._agents: Dict[int, "Agent"] = {}
        self._random = random_struct(random)
        self._log = _log_struct(log)
        self._buffer = ctypes.create_string_buffer(_MAX_DATAGRAM)
        self._packets = (s.Packet * _BATCH)()
        config = s.HubConfig()
        config.port = unsigned(port, 16, "a port")
        config.flags = ((HubFlag.LOOPBACK if loopback else 0)
                        | (0 if ipv6 else HubFlag.NO_IPV6)
                        | (0 if network_watch else HubFlag.NO_NETWORK_WATCH))
        config.power = unsigned(power, 32, "power")
        numbers = [fd if isinstance(fd, int) else fd.fileno() for fd in sockets]
        config.socket_count = len(numbers)
        config.sockets = (ctypes.c_int * len(numbers))(*numbers)
        config.receive_buffer = unsigned(receive_buffer, 63, "receive_buffer")
        config.agent_receive_buffer = unsigned(agent_receive_buffer, 63,
                                               "agent_receive_buffer")
        config.unclaimed_buffer = unsigned(unclaimed_buffer, 63,
                                           "unclaimed_buffer")
        names = [text(name, "an interface") for name in ignored_interfaces]
        config.ignored_interface_count = len(names)
        config.ignored_interfaces = (ctypes.c_char_p * len(names))(*names)
        config.fwmark = unsigned(fwmark, 32, "a mark")
        config.roots_pem = optional_text(roots_pem, "roots_pem")
        config.random = pointer_or_null(self._random)
        config.log = pointer_or_null(self._log)
        out = ctypes.c_void_p()
        try:
            put_key(config.private_key, private_key, "a private key")
            lib.natkit_hub_new(config, ctypes.byref(out))
        finally:
            lib.natkit_wipe(config.private_key, s.KEY_SIZE)
        self._pointer = out.value

    def close(self) -> None:
        """Closes the hub's agents, sockets and relays."""
        for agent in list(self._agents.values()):
            agent.close()
        super().close()

    @property
    def agents(self) -> "List[Agent]":
        """The agents that are not closed."""
        return list(self._agents.values())

    @property
    def public_key(self) -> bytes:
        """What peers know the hub by: 32 bytes."""
        out = ctypes.create_string_buffer(s.KEY_SIZE)
        lib.natkit_hub_get_public_key(self._pointer, out)
        return out.raw

    @property
    def local_addresses(self) -> List[Address]:
        """Where the hub's sockets are reachable on this host."""
        return take_addresses(lib.natkit_hub_get_local_addresses,
                              self._pointer)

    def set_stun_servers(self, servers: Iterable[AddressLike]) -> None:
        """Says which STUN servers to ask what the hub's addresses look like
        from outside; two or more, at different addresses, also tell how the NAT
        maps. They replace those of before."""
        array = address_array(list(servers))
        lib.natkit_hub_set_stun_servers(self._pointer, array, len(array))

    def add_relay(self, relay: Relay) -> int:
        """Adds a relay, before the first agent; at most 16, in order of
        preference. Returns its number, from 0.

        Errors: Code.INVALID_STATE (there was an agent), ALREADY_EXISTS (the
        name), LIMIT_EXCEEDED, NOT_FOUND (the system's trusted roots),
        BAD_CERTIFICATE (they are not usable), BAD_ENCODING (the pin)."""
        array = address_array(list(relay.addresses))
        raw = s.Relay()
        raw.name = optional_text(relay.name, "a relay's name")
        raw.host = text(relay.host, "a relay's host")
        raw.addresses = array
        raw.address_count = len(array)
        raw.port = unsigned(relay.port, 16, "a port")
        raw.is_plain = relay.is_plain
        raw.certificate_name = optional_text(relay.certificate_name,
                                             "certificate_name")
        number: int = lib.natkit_hub_add_relay(self._pointer, raw)
        return number

    def fileno(self) -> int:
        """The descriptor to wait on until it is readable. It stays the same and
        belongs to the hub: never read from it or close it."""
        fd: int = lib.natkit_hub_get_fd(self._pointer)
        return fd

    def timeout(self) -> Optional[float]:
        """How long to wait on fileno() at most, in seconds as select() takes
        them; None: for ever; 0 while events or datagrams wait to be taken. To
        be asked after every other call on the hub or its agents."""
        out = ctypes.c_int()
        lib.natkit_hub_get_timeout(self._pointer, ctypes.byref(out))
        return None if out.value < 0 else out.value / 1000

    def process(self) -> None:
        """Reads, sends and does all that is due. Then take events() and
        datagrams()."""
        lib.natkit_hub_process(self._pointer)

    def network_changed(self) -> None:
        """Has the host's addresses looked up again. Errors: Code.IO."""
        lib.natkit_hub_network_changed(self._pointer)

    def poll_event(self) -> Optional[Event]:
        """Takes the next event; None if there is none."""
        raw = s.HubEvent()
        while lib.natkit_hub_poll_event(self._pointer, raw) == 1:
            event = event_from_c(raw, self._agents.get(raw.agent or 0))
            if event is not None:
                return event
        return None

    def events(self) -> Iterator[Event]:
        """Takes all events."""
        while (event := self.poll_event()) is not None:
            yield event

    def receive(self) -> "Optional[Tuple[Agent, bytes]]":
        """Takes the next datagram that arrived, and whose it is; None if there
        is none."""
        agent = ctypes.c_void_p()
        size = ctypes.c_size_t()
        with self._alone("natkit_hub_receive"):
            while lib.natkit_hub_receive(self._pointer, ctypes.byref(agent),
                                         self._buffer, _MAX_DATAGRAM,
                                         ctypes.byref(size)) == 1:
                owner = self._agents.get(agent.value or 0)
                if owner is not None:
                    return owner, ctypes.string_at(self._buffer, size.value)
        return None

    def datagrams(self) -> "Iterator[Tuple[Agent, bytes]]":
        """Takes all datagrams that arrived."""
        while (datagram := self.receive()) is not None:
            yield datagram

    def receive_batch(self) -> "List[Tuple[Agent, bytes]]":
        """Takes datagrams that arrived, up to 64 with one call of the library;
        empty if there are none."""
        batch = self._room()
        owners = (ctypes.c_void_p * _BATCH)()
        taken: "List[Tuple[Agent, bytes]]" = []
        with self._alone("natkit_hub_receive_batch"):
            # Those of agents that were closed meanwhile are nobody's.
            while not taken and lib.natkit_hub_receive_batch(
                    self._pointer, batch, owners, None) > 0:
                taken = [
                    (self._agents[owner], _bytes_of(packet))
                    for packet, owner in zip(batch.packets[:batch.packet_count],
                                             owners)
                    if owner in self._agents]
                batch.packet_count = batch.memory_used = 0
        return taken

    def unclaimed(self) -> List[Unclaimed]:
        """Takes datagrams from nobody that is known, up to 64; empty if there
        are none. Another protocol can share the hub's sockets so: it sends on
        a descriptor of its own. Among them are STUN messages that no agent
        knows, and what comes from a peer before or after its path."""
        batch = self._room()
        with self._alone("natkit_hub_receive_unclaimed"):
            lib.natkit_hub_receive_unclaimed(self._pointer, batch)
            return [Unclaimed(_bytes_of(packet), known(packet.remote),
                              known(packet.local))
                    for packet in batch.packets[:batch.packet_count]]

    def _room(self) -> s.Batch:
        """An empty batch over the hub's buffer."""
        batch = s.Batch()
        batch.memory = ctypes.addressof(self._buffer)
        batch.memory_size = _MAX_DATAGRAM
        batch.packets = self._packets
        batch.packet_capacity = _BATCH
        return batch

    @property
    def counters(self) -> HubCounters:
        """What the hub has done and dropped."""
        raw = s.HubCounters()
        lib.natkit_hub_get_counters(self._pointer, raw)
        return HubCounters(**{field.name: getattr(raw, field.name)
                              for field in dataclasses.fields(HubCounters)})

    # For Agent.

    def _adopt(self, agent: "Agent", pointer: int) -> None:
        self._agents[pointer] = agent

    def _forget(self, pointer: Optional[int]) -> None:
        self._agents.pop(pointer or 0, None)

