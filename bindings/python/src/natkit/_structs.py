"""The structures of the C API, field by field; tests compare their layout with
that of the C compiler."""
from __future__ import annotations

import ctypes
from ctypes import (c_char, c_char_p, c_int, c_size_t, c_uint8, c_uint16,
                    c_uint32, c_uint64, c_void_p)

KEY_SIZE = 32
KEY_TEXT_SIZE = 45
ADDRESS_TEXT_SIZE = 56
DESCRIPTION_SIZE = 16385
HUB_TEXT_SIZE = 256
DIAGNOSIS_TEXT_SIZE = 384
DIAGNOSIS_FIXES = 8
STUN_MAX_MESSAGE_SIZE = 65552
WG_OVERHEAD = 32
WG_DROP_COUNT = 32
NAT_VALUE_SIZE = 128
NAT_REASON_SIZE = 512
NAT_NAME_SIZE = 32

Key = c_uint8 * KEY_SIZE

FillFunction = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)
LineFunction = ctypes.CFUNCTYPE(None, c_void_p, c_int, c_char_p)
MisuseFunction = ctypes.CFUNCTYPE(None, c_void_p, c_char_p, c_int)


class Address(ctypes.Structure):
    """natkit_address"""
    _fields_ = [("family", c_uint8), ("ip", c_uint8 * 16),
                ("reserved", c_uint8), ("port", c_uint16)]


class Random(ctypes.Structure):
    """natkit_random"""
    _fields_ = [("fill", FillFunction), ("context", c_void_p)]


class Log(ctypes.Structure):
    """natkit_log"""
    _fields_ = [("line", LineFunction), ("context", c_void_p)]


class Sized(ctypes.Structure):
    """A structure that may grow: it begins with its size."""

    def __init__(self) -> None:
        super().__init__()
        self.struct_size = ctypes.sizeof(self)


class Packet(ctypes.Structure):
    """natkit_packet"""
    _fields_ = [("data", c_void_p), ("size", c_size_t), ("remote", Address),
                ("local", Address), ("peer", c_uint32), ("reserved", c_uint32)]


class Prefix(ctypes.Structure):
    """natkit_prefix"""
    _fields_ = [("address", Address), ("length", c_uint32)]


class Batch(Sized):
    """natkit_batch"""
    _fields_ = [("struct_size", c_size_t), ("memory", c_void_p),
                ("memory_size", c_size_t), ("memory_used", c_size_t),
                ("packets", ctypes.POINTER(Packet)),
                ("packet_capacity", c_size_t), ("packet_count", c_size_t)]


class HubConfig(Sized):
    """natkit_hub_config"""
    _fields_ = [("struct_size", c_size_t), ("private_key", Key),
                ("port", c_uint16), ("reserved", c_uint16),
                ("flags", c_uint32), ("power", c_uint32),
                ("socket_count", c_uint32),
                ("sockets", ctypes.POINTER(c_int)),
                ("receive_buffer", c_size_t),
                ("ignored_interfaces", ctypes.POINTER(c_char_p)),
                ("ignored_interface_count", c_size_t), ("fwmark", c_uint32),
                ("reserved2", c_uint32), ("roots_pem", c_char_p),
                ("random", ctypes.POINTER(Random)),
                ("log", ctypes.POINTER(Log)),
                ("agent_receive_buffer", c_size_t),
                ("unclaimed_buffer", c_size_t)]


class Relay(Sized):
    """natkit_relay"""
    _fields_ = [("struct_size", c_size_t), ("name", c_char_p),
                ("host", c_char_p), ("addresses", ctypes.POINTER(Address)),
                ("address_count", c_size_t), ("port", c_uint16),
                ("is_plain", c_uint16), ("reserved", c_uint32),
                ("certificate_name", c_char_p), ("user", c_void_p)]


class Path(Sized):
    """natkit_path"""
    _fields_ = [("struct_size", c_size_t), ("kind", c_uint32),
                ("local", Address), ("remote", Address), ("relay", c_uint32),
                ("rtt_ns", c_uint64)]


class HubEvent(Sized):
    """natkit_hub_event"""
    _fields_ = [("struct_size", c_size_t), ("type", c_uint32),
                ("state", c_uint32), ("agent", c_void_p), ("user", c_void_p),
                ("path", Path), ("rtt_ns", c_uint64), ("reason", c_uint32),
                ("is_complete", c_uint32), ("relay", c_uint32),
                ("is_up", c_uint32), ("text", c_char * HUB_TEXT_SIZE)]


class HubCounters(Sized):
    """natkit_hub_counters"""
    _fields_ = [("struct_size", c_size_t), ("sent_direct", c_uint64),
                ("sent_relayed", c_uint64), ("received", c_uint64),
                ("dropped_unknown", c_uint64), ("dropped_relayed", c_uint64),
                ("dropped_signals", c_uint64), ("dropped_received", c_uint64),
                ("events_lost", c_uint64), ("unclaimed", c_uint64),
                ("dropped_unclaimed", c_uint64), ("dropped_sent", c_uint64)]


class AgentCounters(Sized):
    """natkit_agent_counters"""
    _fields_ = [("struct_size", c_size_t), ("sent_direct", c_uint64),
                ("sent_relayed", c_uint64), ("sent_bytes", c_uint64),
                ("received", c_uint64), ("received_bytes", c_uint64),
                ("dropped_received", c_uint64)]


class AgentConfig(Sized):
    """natkit_agent_config"""
    _fields_ = [("struct_size", c_size_t), ("peer_key", Key),
                ("role", c_uint32), ("flags", c_uint32), ("user", c_void_p)]


class Fix(ctypes.Structure):
    """natkit_fix"""
    _fields_ = [("code", c_char * 32), ("side", c_uint32),
                ("reserved", c_uint32), ("text", c_char * DIAGNOSIS_TEXT_SIZE)]


class Diagnosis(Sized):
    """natkit_diagnosis"""
    _fields_ = [("struct_size", c_size_t), ("reason", c_uint32),
                ("fix_count", c_uint32),
                ("summary", c_char * DIAGNOSIS_TEXT_SIZE),
                ("ours", c_char * DIAGNOSIS_TEXT_SIZE),
                ("theirs", c_char * DIAGNOSIS_TEXT_SIZE),
                ("fixes", Fix * DIAGNOSIS_FIXES)]


class WgEvent(Sized):
    """natkit_wg_event"""
    _fields_ = [("struct_size", c_size_t), ("type", c_uint32),
                ("peer", c_uint32), ("is_initiator", c_uint32),
                ("remote", Address), ("local", Address),
                ("reserved", c_uint32)]


class WgPeerStatus(Sized):
    """natkit_wg_peer_status"""
    _fields_ = [("struct_size", c_size_t), ("rx_bytes", c_uint64),
                ("tx_bytes", c_uint64), ("last_handshake_ns", c_uint64),
                ("keepalive_ns", c_uint64), ("public_key", Key),
                ("endpoint", Address), ("local", Address), ("peer", c_uint32),
                ("has_session", c_uint32), ("has_preshared_key", c_uint32),
                ("allowed_ip_count", c_uint32)]


class WgCounters(Sized):
    """natkit_wg_counters"""
    _fields_ = [("struct_size", c_size_t), ("drops", c_uint64 * WG_DROP_COUNT),
                ("data_sealed", c_uint64), ("data_opened", c_uint64),
                ("keepalives_sent", c_uint64),
                ("keepalives_received", c_uint64),
                ("initiations_sent", c_uint64),
                ("initiations_accepted", c_uint64),
                ("responses_accepted", c_uint64),
                ("cookie_replies_sent", c_uint64),
                ("cookie_replies_accepted", c_uint64),
                ("events_lost", c_uint64)]


class WgTunnelConfig(Sized):
    """natkit_wg_tunnel_config"""
    _fields_ = [("struct_size", c_size_t), ("random", ctypes.POINTER(Random)),
                ("now_ns", c_uint64), ("wall_clock_ns", c_uint64),
                ("allowed_ips", ctypes.POINTER(Prefix)),
                ("allowed_ip_count", c_size_t), ("keepalive_ns", c_uint64),
                ("private_key", Key), ("public_key", Key),
                ("preshared_key", Key), ("mtu", c_uint32),
                ("max_staged_packets", c_uint32),
                ("max_staged_bytes", c_uint32),
                ("handshakes_per_second", c_uint32)]


class StunSchedule(ctypes.Structure):
    """natkit_stun_schedule"""
    _fields_ = [("initial_timeout_ns", c_uint64),
                ("max_interval_ns", c_uint64), ("final_wait_ns", c_uint64),
                ("request_count", c_uint32), ("reserved", c_uint32)]


class StunClientConfig(Sized):
    """natkit_stun_client_config"""
    _fields_ = [("struct_size", c_size_t), ("server", Address),
                ("server_kind", c_uint32), ("software", c_char_p),
                ("username", c_char_p), ("password", c_char_p),
                ("mechanism", c_uint32), ("sends_fingerprint", c_uint32),
                ("no_filler", c_uint32), ("follows_redirects", c_uint32),
                ("refuses_md5", c_uint32), ("shows_username", c_uint32),
                ("schedule", StunSchedule), ("random", ctypes.POINTER(Random))]


class StunEvent(Sized):
    """natkit_stun_event"""
    _fields_ = [("struct_size", c_size_t), ("outcome", c_uint32),
                ("error_code", c_uint32), ("server", Address),
                ("reflexive_address", Address), ("alternate_server", Address),
                ("is_verified", c_uint32), ("rtt_ns", c_uint64),
                ("is_alg_detected", c_uint32), ("reserved", c_uint32)]


class BehaviorConfig(Sized):
    """natkit_behavior_config"""
    _fields_ = [("struct_size", c_size_t),
                ("servers", ctypes.POINTER(Address)),
                ("server_count", c_size_t),
                ("local_addresses", ctypes.POINTER(Address)),
                ("local_address_count", c_size_t), ("axes", c_uint64),
                ("gateway", Address), ("drops_own_source", c_uint32),
                ("tests_tcp", c_uint32), ("knows_nat64_prefixes", c_uint32),
                ("nat64_prefixes", ctypes.POINTER(Prefix)),
                ("nat64_prefix_count", c_size_t), ("portal_server", Address),
                ("attempts", c_uint32), ("portal_host", c_char_p),
                ("portal_path", c_char_p), ("longest_lifetime_ns", c_uint64),
                ("lifetime_budget_ns", c_uint64),
                ("response_port_interval_ns", c_uint64),
                ("interval_ns", c_uint64),
                ("transactions_per_second", c_uint32),
                ("max_waiting", c_uint32), ("load_mappings", c_uint32),
                ("reserved", c_uint32), ("random", ctypes.POINTER(Random))]


class NatVerdict(Sized):
    """natkit_nat_verdict"""
    _fields_ = [("struct_size", c_size_t), ("outcome", c_uint32),
                ("evidence_count", c_uint32),
                ("value", c_char * NAT_VALUE_SIZE),
                ("reason", c_char * NAT_REASON_SIZE)]


class NatReport(Sized):
    """natkit_nat_report"""
    _fields_ = [("struct_size", c_size_t), ("server", Address),
                ("other_server", Address), ("router_external", Address),
                ("nat64_prefix", Address), ("nat64_prefix_length", c_uint32),
                ("reserved", c_uint32), ("datagrams_sent", c_uint64),
                ("datagrams_received", c_uint64), ("took_ns", c_uint64),
                ("classic_name", c_char * NAT_NAME_SIZE),
                ("server_software", c_char * NAT_VALUE_SIZE)]
