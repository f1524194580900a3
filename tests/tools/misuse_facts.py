"""What make_misuse_calls.py cannot read in the headers of the C API. A new
function needs a line here only if it is unlike the others."""

# Texts that are good: of a parameter, or of all with a name.
TEXTS = {
    "text": "192.0.2.1:80",
    "host": "192.0.2.1",
    "password": "0123456789012345678901",
    "username": "somebody",
    "realm": "example.org",
    "reason": "No Reason",
    "ufrag": "abcd",
    "label": "EXPORTER-test",
    "certificate_name": "relay.example",
    ("natkit_key_parse", "text"):
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ("natkit_ice_candidate_parse", "text"):
        "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host",
    ("natkit_ice_agent_add_remote_candidate_line", "line"):
        "candidate:1 1 udp 2130706431 192.0.2.9 5000 typ host",
    ("natkit_agent_set_remote_description", "text"):
        "a=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n",
}

# Who writes good memory, of a parameter or of all with a name: functions of
# misuse_fixtures.c. Structures have a Fill_… of their own name.
FILLS = {
    "data": "FillStunMessage",
    "value": "FillBytes",
    "private_key": "FillKey",
    "public_key": "FillKey",
    "server_key": "FillKey",
    "destination": "FillKey",
    "key": "FillKey",
    "id": "FillKey",
    "types": "FillTypes",
    "understood": "FillTypes",
    "certificates": "FillCertificates",
    "sizes": "FillCertificateSizes",
    "context": "FillBytes",
    ("natkit_address_from_sockaddr", "address"): "FillSockaddr",
    ("natkit_ice_agent_add_host_base", "base"): "FillOtherAddress",
    ("natkit_ice_agent_add_reflexive", "mapped"): "FillOtherAddress",
    ("natkit_wg_device_find_peer", "public_key"): "FillPeerKey",
    ("natkit_wg_device_find_route", "address"): "FillInnerAddress",
    ("natkit_stun_find", "data"): "FillResponse",
    ("natkit_stun_get_mapped_address", "data"): "FillResponse",
    ("natkit_stun_get_address", "data"): "FillResponse",
    ("natkit_stun_get_text", "data"): "FillResponse",
    ("natkit_stun_get_u32", "data"): "FillResponse",
    ("natkit_stun_get_u64", "data"): "FillResponse",
    ("natkit_stun_get_error", "data"): "FillErrorResponse",
    ("natkit_stun_get_types", "data"): "FillErrorResponse",
    ("natkit_stun_verify", "data"): "FillSignedMessage",
    ("natkit_wg_tunnel_seal", "data"): "FillIpPacket",
    ("natkit_wg_tunnel_open", "data"): "FillWgMessage",
    ("natkit_derp_client_handle_bytes", "data"): "FillBytes",
    ("natkit_derp_client_send", "data"): "FillBytes",
    ("natkit_tls_channel_handle_ciphertext", "data"): "FillTlsRecord",
    ("natkit_tls_channel_write_plaintext", "data"): "FillBytes",
    ("natkit_behavior_handle_stream_data", "data"): "FillBytes",
    ("natkit_agent_send", "data"): "FillBytes",
    ("natkit_wg_device_handle_uapi", "request"): "FillUapiRequest",
    ("natkit_tls_context_reload", "chain_pem"): "FillChainPem",
    ("natkit_tls_context_reload", "key_pem"): "FillKeyPem",
    ("natkit_tls_get_pin", "chain_pem"): "FillChainPem",
}

# Elements of memory that has no length beside it.
COUNTS = {
    "void*": 66000,
    "char*": 16500,
    ("uint8_t*", "out"): 32,
    ("uint16_t*", "out"): 16,
    ("natkit_init_struct", "structure"): 64,
    ("natkit_wipe", "memory"): 64,
    ("natkit_set_misuse_hook", "context"): 1,
    ("natkit_stun_make_id", "out"): 12,
    ("natkit_address_to_sockaddr", "out"): 128,
    ("natkit_hub_get_local_addresses", "out"): 16,
    ("natkit_resolve", "out"): 4,
    ("natkit_stun_get_attributes", "out"): 8,
    ("natkit_wg_device_get_peers", "out"): 4,
    ("natkit_wg_device_get_allowed_ips", "out"): 4,
    ("natkit_ice_agent_get_paths", "out"): 4,
    ("natkit_ice_agent_get_local_candidates", "out"): 4,
    ("natkit_behavior_get_external_addresses", "out"): 4,
    ("natkit_behavior_get_hops", "out"): 4,
    ("natkit_nat64_find_prefixes", "out"): 4,
}

# Structures that have grown since their first version: its last field.
FIRST_VERSIONS = {
    "natkit_hub_config": "log",
    "natkit_hub_counters": "events_lost",
    "natkit_relay": "certificate_name",
}

# Structures that functions both read and write.
IN_OUT = {"natkit_batch", "natkit_stun_builder"}
ONLY_OUT = {("natkit_stun_begin", "builder")}

# Which parameter a size is about, where it is not the one before; "none": an
# ordinary number.
LENGTHS = {
    ("natkit_derp_find_server_key", "count"): "certificates",
}

BAD_ARGUMENT = "NATKIT_ERR_BAD_ARGUMENT"

# Lengths that are refused for being too much, before memory is looked at: the
# most that is not, and the code.
LIMITS = {
    ("natkit_hub_set_stun_servers", "count"): (16, BAD_ARGUMENT),
    ("natkit_nat64_find_prefixes", "count"): (64, BAD_ARGUMENT),
    ("natkit_derp_find_server_key", "count"): (64, BAD_ARGUMENT),
    ("natkit_stun_add_types", "count"): (128, BAD_ARGUMENT),
    ("natkit_wg_tunnel_seal", "size"): (65535, BAD_ARGUMENT),
    ("natkit_wg_tunnel_open", "size"): (65535, BAD_ARGUMENT),
    ("natkit_tls_channel_export", "context_size"): (65536, BAD_ARGUMENT),
    ("natkit_tls_channel_handle_ciphertext", "size"):
        (262144, "NATKIT_ERR_LIMIT_EXCEEDED"),
    ("natkit_derp_client_send", "size"):
        (65536, "NATKIT_ERR_FRAME_TOO_LARGE"),
    ("natkit_agent_send", "size"): (65536, "NATKIT_ERR_INVALID_STATE"),
    ("natkit_stun_add", "size"): (65535, "kDocumented"),
    # What messages say of their own length is believed, if it is less.
    **{(f"natkit_{name}", "size"): (65552, "kDocumented") for name in (
        "stun_is_message", "stun_peek_size", "stun_parse", "stun_find",
        "stun_get_attributes", "stun_get_mapped_address", "stun_get_address",
        "stun_get_text", "stun_get_u32", "stun_get_u64", "stun_get_error",
        "stun_get_types", "stun_get_unknown_required", "stun_verify",
        "stun_client_handle_datagram", "stun_transaction_handle_datagram",
        "stun_server_handle_datagram", "stun_server_handle_stream",
        "ice_agent_handle_datagram", "ice_mux_note_sent", "ice_mux_route",
        "behavior_handle_datagram", "classify_datagram")},
}

# Good numbers, of a parameter or of all with a name.
VALUES = {
    "port": 80,
    "fd": "(uint64_t)-1",  # good enough to be refused
    "peer": 1,
    "socket": 1,
    "axis": "NATKIT_NAT_AXIS_MAPPING",
    "type": "NATKIT_STUN_SOFTWARE",
    "id": 1,
    "now_ns": 5000000,
    "deadline_ns": 6000000,
    "now_s": 1700000000,
    "algorithm": "NATKIT_STUN_SHA256",
    "integrity": "NATKIT_STUN_HMAC_SHA1",
    "method": "NATKIT_STUN_BINDING",
    ("natkit_strerror", "code"): "(uint64_t)NATKIT_ERR_BUSY",
    ("natkit_stun_add_error", "code"): 400,
    ("natkit_stun_reason", "error_code"): 400,
    ("natkit_behavior_handle_socket_failed", "code"):
        "(uint64_t)NATKIT_ERR_ADDRESS_IN_USE",
    ("natkit_behavior_handle_icmp_error", "type"): 11,
    ("natkit_behavior_handle_icmp_error", "code"): 0,
    ("natkit_behavior_get_lifetime", "axis"):
        "NATKIT_NAT_AXIS_ASSURED_LIFETIME",
    ("natkit_stun_add_address", "type"): "NATKIT_STUN_XOR_MAPPED_ADDRESS",
    ("natkit_stun_get_address", "type"): "NATKIT_STUN_XOR_MAPPED_ADDRESS",
    ("natkit_stun_add_u32", "type"): "NATKIT_STUN_PRIORITY",
    ("natkit_stun_get_u32", "type"): "NATKIT_STUN_PRIORITY",
    ("natkit_stun_add_u64", "type"): "NATKIT_STUN_ICE_CONTROLLED",
    ("natkit_stun_get_u64", "type"): "NATKIT_STUN_ICE_CONTROLLED",
}

# Pointers that may be NULL by themselves. (Those with a size of 0 need no
# mention.) The header has to say so.
MAY_BE_NULL = {
    ("natkit_agent_new", "config"),
    ("natkit_hub_receive", "out_agent"),
    ("natkit_hub_receive_batch", "out_agents"),
    ("natkit_hub_receive_batch", "out_users"),
    ("natkit_ice_mux_new", "config"),
    ("natkit_init_struct", "structure"),
    ("natkit_key_generate", "random"),
    ("natkit_address_equal", "a"),
    ("natkit_address_equal", "b"),
    ("natkit_set_allocator", "allocator"),
    ("natkit_set_misuse_hook", "context"),
    ("natkit_stun_add_error", "reason"),
    ("natkit_stun_is_message", "data"),
    ("natkit_stun_make_id", "random"),
    ("natkit_stun_server_handle_datagram", "local"),
    ("natkit_stun_server_handle_stream", "local"),
    ("natkit_derp_client_start", "server_key"),
    ("natkit_tls_channel_connect", "certificate_name"),
    ("natkit_wg_device_handle_datagrams", "datagrams"),
    ("natkit_wg_device_handle_timeout", "datagrams"),
    ("natkit_wg_device_handle_uapi", "out_size"),
    ("natkit_wg_device_initiate_handshake", "datagrams"),
    ("natkit_wg_device_send_keepalive", "datagrams"),
    ("natkit_wg_device_send_packets", "datagrams"),
    ("natkit_wg_device_set_endpoint", "local"),
    ("natkit_wg_device_set_peer", "out_peer"),
    ("natkit_wg_device_set_private_key", "private_key"),
    ("natkit_wipe", "memory"),
}

# What refused calls write to nevertheless, as the header says.
CHANGED_BY_FAILURES = {
    ("natkit_stun_begin", "buffer"),
    ("natkit_stun_transaction_poll_event", "out_size"),
    ("natkit_hub_receive", "out_size"),
    ("natkit_wg_device_handle_uapi", "out_size"),
}

# Handles that any of their kind will not do for: a function of
# misuse_handles.c.
MADE_BY = {
    ("natkit_tls_context_reload", "context"): "MakeServerContext",
    ("natkit_tls_channel_accept", "context"): "MakeServerContext",
}

# What a kind of handle has been told before a call: a function of
# misuse_handles.c, except for functions that have to be first.
PREPARED = {
    "natkit_stun_client_": "StartClient",
    "natkit_stun_transaction_": "StartTransaction",
    "natkit_behavior_": "StartBehavior",
    "natkit_derp_client_": "StartDerpClient",
}
UNPREPARED = {
    "natkit_stun_transaction_start", "natkit_behavior_start",
    "natkit_derp_client_start",
}

# What functions return that cannot succeed with what the test gives them.
EXPECTED = {
    "natkit_agent_send": "NATKIT_ERR_INVALID_STATE",
    "natkit_agent_send_batch": "NATKIT_ERR_INVALID_STATE",
    "natkit_behavior_get_evidence": "NATKIT_ERR_NOT_FOUND",
    "natkit_set_allocator": "kDocumented",  # not everywhere
    "natkit_stun_client_run": "NATKIT_ERR_UNSUPPORTED",
    "natkit_tls_channel_export": "NATKIT_ERR_INVALID_STATE",
    "natkit_tls_channel_get_peer_certificate": "NATKIT_ERR_NOT_FOUND",
    "natkit_tls_channel_handle_end_of_stream": "NATKIT_ERR_CLOSED",
    "natkit_wg_device_send_keepalive": "NATKIT_ERR_NO_SESSION",
    "natkit_wg_tunnel_open": "NATKIT_ERR_AUTH_FAILED",
    "natkit_wg_tunnel_send_keepalive": "NATKIT_ERR_NO_SESSION",
}

# Functions that may return NULL.
MAYBE_STRINGS = {"natkit_wg_drop_name"}

# Functions whose errors are those of others, without naming them in "Errors".
SAYS_IT_TOO = {
    "natkit_stun_make_long_term_key": ["natkit_stun_make_short_term_key"],
    # "A channel that failed stays so: each later call reports the same error."
    **{f"natkit_tls_channel_{name}": ["natkit_tls_channel_handle_ciphertext"]
       for name in ("write_plaintext", "read_plaintext", "close",
                    "handle_end_of_stream")},
    # "Errors of all of them".
    **{f"natkit_stun_{name}": ["natkit_stun_begin"] for name in (
        "add", "add_address", "add_text", "add_u32", "add_u64", "add_error",
        "add_types", "add_integrity", "add_fingerprint", "finish")},
}

# Fields that are natkit's own, or whose value is the caller's alone.
UNTOUCHED_FIELDS = {
    ("natkit_random", "context"), ("natkit_log", "context"),
    ("natkit_allocator", "context"),
    *(("natkit_stun_builder", name) for name in (
        "stage", "failure", "reserved", "buffer", "capacity", "state")),
}

# Counts that nothing bounds: what lies about them is not found out.
UNBOUNDED_COUNTS = {
    ("natkit_stun_server_config", "user_count"),
    ("natkit_wg_peer_config", "allowed_ip_count"),
    ("natkit_wg_tunnel_config", "allowed_ip_count"),
}

# Fields with odd values that need not be refused: of a structure, or of a
# parameter of a function.
LENIENT_FIELDS = {
    # NATKIT_ICE_NEVER.
    *(("natkit_ice_agent_config", name) for name in (
        "rest_after_ns", "recheck_interval_ns", "reprobe_interval_ns")),
    # "Only `data` and `size` count."
    *((function, name) for function in (
        "natkit_wg_device_send_packets", "natkit_agent_send_batch")
      for name in ("remote", "local", "reserved")),
    # 0 is all that it can say.
    ("natkit_address_equal", "family"), ("natkit_address_equal", "reserved"),
}


def prepare_of(name):
    for prefix, prepare in PREPARED.items():
        if (name.startswith(prefix) and name not in UNPREPARED
                and not name.endswith(("_new", "_free"))):
            return prepare
    return None


def doc_of(docs, name):
    """A function's comment; a group's where the group has one for all."""
    return docs[name] + (docs["natkit_wg_device_poll_transmit"] + "NULL"
                         if name.startswith("natkit_wg_device_") else "")


def check(names):
    """Fails if something here is about a function that does not exist."""
    tables = (TEXTS, FILLS, COUNTS, ONLY_OUT, LENGTHS, LIMITS, VALUES,
              MAY_BE_NULL, CHANGED_BY_FAILURES, MADE_BY, LENIENT_FIELDS)
    used = {key[0] for table in tables for key in table
            if isinstance(key, tuple) and key[0].startswith("natkit_")}
    used |= UNPREPARED | set(EXPECTED) | MAYBE_STRINGS
    used |= set(SAYS_IT_TOO)
    gone = used - names - {name for name, _ in LENIENT_FIELDS}
    if gone:
        raise SystemExit(f"misuse_facts.py: no such function: {sorted(gone)}")
