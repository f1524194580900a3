"""Loads libnatkit and declares its functions, each of which raises NatkitError
where it returns a negative code."""
from __future__ import annotations

import ctypes
import os
from ctypes import (c_char_p, c_int, c_size_t, c_uint16, c_uint32, c_uint64,
                    c_void_p)
from typing import Any

from . import _structs as s
from .errors import NatkitError

Out = ctypes.POINTER


def _handle_out() -> Any:
    return Out(c_void_p)


# Result and arguments of each function. Results of type c_int are counts, or
# codes if they are negative.
_WITH_TIME = (c_void_p, c_uint64)
_HUB: "dict[str, tuple[Any, tuple[Any, ...]]]" = {
    "natkit_hub_new": (c_int, (Out(s.HubConfig), _handle_out())),
    "natkit_hub_free": (None, (c_void_p,)),
    "natkit_hub_get_public_key": (c_int, (c_void_p, c_void_p)),
    "natkit_hub_get_local_addresses": (c_int, (c_void_p, c_void_p, c_size_t)),
    "natkit_hub_set_stun_servers": (c_int, (c_void_p, c_void_p, c_size_t)),
    "natkit_hub_add_relay": (c_int, (c_void_p, Out(s.Relay))),
    "natkit_hub_get_fd": (c_int, (c_void_p,)),
    "natkit_hub_get_timeout": (c_int, (c_void_p, Out(c_int))),
    "natkit_hub_process": (c_int, (c_void_p,)),
    "natkit_hub_network_changed": (c_int, (c_void_p,)),
    "natkit_hub_poll_event": (c_int, (c_void_p, Out(s.HubEvent))),
    "natkit_hub_receive": (c_int, (c_void_p, _handle_out(), c_void_p,
                                   c_size_t, Out(c_size_t))),
    "natkit_hub_receive_batch": (c_int, (c_void_p, Out(s.Batch),
                                         _handle_out(), Out(c_void_p))),
    "natkit_hub_receive_unclaimed": (c_int, (c_void_p, Out(s.Batch))),
    "natkit_hub_get_counters": (c_int, (c_void_p, Out(s.HubCounters))),
    "natkit_agent_new": (c_int, (c_void_p, Out(s.AgentConfig),
                                 _handle_out())),
    "natkit_agent_free": (None, (c_void_p,)),
    "natkit_agent_get_local_description": (c_int, (c_void_p, c_void_p,
                                                   c_size_t)),
    "natkit_agent_set_remote_description": (c_int, (c_void_p, c_char_p)),
    "natkit_agent_restart": (c_int, (c_void_p,)),
    "natkit_agent_send": (c_int, (c_void_p, c_char_p, c_size_t)),
    "natkit_agent_send_batch": (c_int, (c_void_p, Out(s.Packet), c_size_t)),
    "natkit_agent_get_user": (c_int, (c_void_p, ctypes.POINTER(c_void_p))),
    "natkit_agent_get_state": (c_int, (c_void_p,)),
    "natkit_agent_get_path": (c_int, (c_void_p, Out(s.Path))),
    "natkit_agent_explain": (c_int, (c_void_p, Out(s.Diagnosis))),
    "natkit_agent_get_counters": (c_int, (c_void_p, Out(s.AgentCounters))),
    "natkit_resolve": (c_int, (c_char_p, c_uint16, c_void_p, c_size_t)),
}
_COMMON: "dict[str, tuple[Any, tuple[Any, ...]]]" = {
    "natkit_version": (c_char_p, ()),
    "natkit_strerror": (c_char_p, (c_int,)),
    "natkit_monotonic_ns": (c_uint64, ()),
    "natkit_wall_clock_ns": (c_uint64, ()),
    "natkit_poll_timeout_ms": (c_int, (c_uint64, c_uint64)),
    "natkit_address_parse": (c_int, (c_char_p, Out(s.Address))),
    "natkit_address_format": (c_int, (Out(s.Address), c_void_p, c_size_t)),
    "natkit_key_generate": (c_int, (Out(s.Random), c_void_p)),
    "natkit_key_get_public": (c_int, (c_char_p, c_void_p)),
    "natkit_key_parse": (c_int, (c_char_p, c_void_p)),
    "natkit_key_format": (c_int, (c_char_p, c_void_p, c_size_t)),
    "natkit_wipe": (None, (c_void_p, c_size_t)),
    "natkit_set_misuse_hook": (None, (s.MisuseFunction, c_void_p)),
}
_CORES: "dict[str, tuple[Any, tuple[Any, ...]]]" = {
    "natkit_wg_drop_name": (c_char_p, (c_uint32,)),
    "natkit_wg_tunnel_new": (c_int, (Out(s.WgTunnelConfig), _handle_out())),
    "natkit_wg_tunnel_free": (None, (c_void_p,)),
    "natkit_wg_tunnel_seal": (c_int, (*_WITH_TIME, c_char_p, c_size_t,
                                      c_void_p, c_size_t)),
    "natkit_wg_tunnel_open": (c_int, (*_WITH_TIME, c_char_p, c_size_t,
                                      c_void_p, c_size_t)),
    "natkit_wg_tunnel_poll_transmit": (c_int, (c_void_p, c_void_p, c_size_t)),
    "natkit_wg_tunnel_handle_timeout": (c_int, _WITH_TIME),
    "natkit_wg_tunnel_next_timeout": (c_int, (c_void_p, Out(c_uint64))),
    "natkit_wg_tunnel_poll_event": (c_int, (c_void_p, Out(s.WgEvent))),
    "natkit_wg_tunnel_initiate_handshake": (c_int, (*_WITH_TIME, c_int)),
    "natkit_wg_tunnel_send_keepalive": (c_int, _WITH_TIME),
    "natkit_wg_tunnel_get_status": (c_int, (c_void_p, Out(s.WgPeerStatus))),
    "natkit_wg_tunnel_get_counters": (c_int, (c_void_p, Out(s.WgCounters))),
    "natkit_stun_client_new": (c_int, (Out(s.StunClientConfig),
                                       _handle_out())),
    "natkit_stun_client_free": (None, (c_void_p,)),
    "natkit_stun_client_start": (c_int, _WITH_TIME),
    "natkit_stun_client_cancel": (c_int, (c_void_p,)),
    "natkit_stun_client_handle_datagram": (c_int, (*_WITH_TIME, Out(s.Address),
                                                   c_char_p, c_size_t)),
    "natkit_stun_client_handle_timeout": (c_int, _WITH_TIME),
    "natkit_stun_client_poll_transmit": (c_int, (c_void_p, Out(s.Address),
                                                 c_void_p, c_size_t)),
    "natkit_stun_client_poll_event": (c_int, (c_void_p, Out(s.StunEvent))),
    "natkit_stun_client_next_timeout": (c_int, (c_void_p, Out(c_uint64))),
    "natkit_stun_client_run": (c_int, (c_void_p, c_int, Out(s.StunEvent))),
}
_NAT: "dict[str, tuple[Any, tuple[Any, ...]]]" = {
    "natkit_behavior_new": (c_int, (Out(s.BehaviorConfig), _handle_out())),
    "natkit_behavior_free": (None, (c_void_p,)),
    "natkit_behavior_abort": (c_int, _WITH_TIME),
    "natkit_behavior_is_finished": (c_int, (c_void_p,)),
    "natkit_behavior_get_verdict": (c_int, (c_void_p, c_uint32,
                                            Out(s.NatVerdict))),
    "natkit_behavior_get_report": (c_int, (c_void_p, Out(s.NatReport))),
    "natkit_behavior_get_external_addresses": (c_int, (c_void_p, c_void_p,
                                                       c_size_t)),
    "natkit_nat_check_new": (c_int, (c_void_p, _handle_out())),
    "natkit_nat_check_free": (None, (c_void_p,)),
    "natkit_nat_check_get_fd": (c_int, (c_void_p,)),
    "natkit_nat_check_get_timeout": (c_int, (c_void_p, Out(c_int))),
    "natkit_nat_check_process": (c_int, (c_void_p,)),
    "natkit_get_local_address": (c_int, (Out(s.Address), Out(s.Address))),
}
PROTOTYPES = {**_COMMON, **_HUB, **_CORES, **_NAT}


def strerror(code: int) -> str:
    """A few words for a code."""
    words: bytes = lib.natkit_strerror(code)
    return words.decode()


def _check(result: int, function: Any, _arguments: Any) -> int:
    if result < 0:
        raise NatkitError(function.__name__, result, strerror(result))
    return result


def _load() -> Any:
    """$NATKIT_LIBRARY, or the library as the system finds it."""
    path = os.environ.get("NATKIT_LIBRARY", "libnatkit.so.1")
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"{error}; natkit's C library has to be where the "
                          "loader looks (ldconfig), or in NATKIT_LIBRARY"
                          ) from error
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(library, name, None)
        if function is None:
            raise ImportError(f"{path} is older than this package: {name}() "
                              "is not in it")
        function.restype = result
        function.argtypes = arguments
        if result is c_int:
            function.errcheck = _check
    return library


lib: Any = _load()
