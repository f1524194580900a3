"""Agents: connections to one peer each, which find their path by themselves."""
from __future__ import annotations

import ctypes
import dataclasses
import enum
from typing import Optional, Sequence

from . import _structs as s
from ._convert import (Buffer, Handle, octets, put_key, take_text, text,
                       unsigned)
from ._library import lib
from .errors import OpenEnum
from .events import AgentState, Diagnosis, Path
from .hub import Hub


class Role(OpenEnum):
    """Who controls an ICE session (RFC 8445 section 6.1.1). It matters little:
    roles that collide are mended."""

    #: With a peer's key: the side with the greater key controls; else we do.
    DEFAULT = 0
    CONTROLLING = 1
    CONTROLLED = 2


class AgentFlag(enum.IntFlag):
    """Bits of natkit_agent_config::flags."""

    NO_RELAYED_DATA = 1


@dataclasses.dataclass(frozen=True)
class AgentCounters:
    """What an agent has sent, received and dropped; only ever grows."""

    #: Datagrams sent directly.
    sent_direct: int
    #: Datagrams given to relays.
    sent_relayed: int
    #: Bytes in both.
    sent_bytes: int
    #: Datagrams received, either way.
    received: int
    #: Bytes in them.
    received_bytes: int
    #: Received datagrams that nobody took in time.
    dropped_received: int


class Agent(Handle):
    """One connection of a hub to one peer.

    The hub keeps it until it is closed, or the hub is. Data are datagrams as
    they are: **they are not encrypted**; Tunnel does that, on top. They may be
    lost or change their order, as in UDP.
    """

    _free = "natkit_agent_free"

    def __init__(self, hub: Hub, *, peer_key: Optional[Buffer] = None,
                 role: Role = Role.DEFAULT, relayed_data: bool = True) -> None:
        """Makes an agent, which begins to look for its peer.

        peer_key: the public key of the other side's hub: descriptions then
            travel over the relays that both use. None: it is learnt from the
            other side's description, which the program brings.
        role: who controls the ICE session.
        relayed_data: False: relays carry descriptions only, never data.

        Errors: Code.BAD_VALUE (`peer_key` is the hub's own), ALREADY_EXISTS
        (another agent has this peer), LIMIT_EXCEEDED (65,536 agents).
        """
        super().__init__()
        self._hub = hub
        config = s.AgentConfig()
        put_key(config.peer_key, peer_key, "a peer's key")
        config.role = unsigned(role, 32, "a role")
        config.flags = 0 if relayed_data else AgentFlag.NO_RELAYED_DATA
        out = ctypes.c_void_p()
        # pylint: disable=protected-access
        lib.natkit_agent_new(hub._pointer, config, ctypes.byref(out))
        assert out.value is not None
        self._pointer = out.value
        hub._adopt(self, out.value)

    @property
    def hub(self) -> Hub:
        """Whose agent it is."""
        return self._hub

    def close(self) -> None:
        """Ends the connection; the other side is not told. What waits for it is
        gone."""
        self._hub._forget(self._pointer)  # pylint: disable=protected-access
        super().close()

    @property
    def local_description(self) -> str:
        """What the other side has to know, as SDP attributes (RFC 8839). It is
        complete for itself at any time, and grows as addresses become known
        (DescriptionEvent). Secret: who has it can take the peer's place."""
        return take_text(lib.natkit_agent_get_local_description, self._pointer,
                         s.DESCRIPTION_SIZE)

    def set_remote_description(self, description: str) -> None:
        """Takes the other side's description: of natkit, or the ICE attributes
        of any SDP. May be called again, with all of it or only with more
        candidates.

        Errors: Code.BAD_SIGNAL (a line is not well-formed, or there is nothing
        of use), BAD_LENGTH (over 16 KiB), BAD_CREDENTIALS, BAD_VALUE (our own,
        or another peer's), ALREADY_EXISTS (another agent has this peer),
        INVALID_STATE (candidates alone, and no credentials before)."""
        lib.natkit_agent_set_remote_description(
            self._pointer, text(description, "a description"))

    def restart(self) -> None:
        """Begins a new ICE session: new credentials, so a DescriptionEvent
        follows. A path that works goes on meanwhile."""
        lib.natkit_agent_restart(self._pointer)

    def send(self, data: Buffer) -> None:
        """Sends one datagram of up to 65,507 bytes (65,487 over IPv6, 65,536
        over a relay). Success does not mean that it arrives. What has the form
        of a STUN message is never taken for data: it cannot be sent.

        Errors: Code.INVALID_STATE (there is no path), BAD_VALUE (a STUN
        message), FRAME_TOO_LARGE, LIMIT_EXCEEDED (a relay's limits)."""
        raw = octets(data)
        lib.natkit_agent_send(self._pointer, raw, len(raw))

    def send_batch(self, datagrams: Sequence[Buffer]) -> int:
        """Sends datagrams in order, as send() does, with fewer calls of the
        system. Returns how many were taken, from the first on: the one after
        them was refused; what for, a call with the rest says.

        Errors: those of send(), where the first datagram is refused;
        Code.BAD_ARGUMENT if any has more than 65,535 bytes: nothing was sent.
        """
        raw = [octets(data) for data in datagrams]
        packets = (s.Packet * len(raw))()
        for packet, data in zip(packets, raw):
            packet.data = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p)
            packet.size = len(data)
        taken: int = lib.natkit_agent_send_batch(self._pointer, packets,
                                                 len(raw))
        return taken

    @property
    def state(self) -> AgentState:
        """Where the connection stands."""
        return AgentState(lib.natkit_agent_get_state(self._pointer))

    @property
    def path(self) -> Path:
        """The way that data takes now."""
        raw = s.Path()
        lib.natkit_agent_get_path(self._pointer, raw)
        return Path.from_c(raw)

    @property
    def counters(self) -> AgentCounters:
        """What the agent has sent, received and dropped."""
        raw = s.AgentCounters()
        lib.natkit_agent_get_counters(self._pointer, raw)
        return AgentCounters(**{field.name: getattr(raw, field.name)
                                for field in dataclasses.fields(AgentCounters)})

    def explain(self) -> Diagnosis:
        """Why the path is direct or is not, and what would make it so."""
        raw = s.Diagnosis()
        lib.natkit_agent_explain(self._pointer, raw)
        return Diagnosis.from_c(raw)
