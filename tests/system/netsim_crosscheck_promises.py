"""What each profile that the kernel can play answers to the cross-check."""

ERROR = "EHOSTUNREACH from "
NO_HOP = ERROR + "192.168.1.1, 11/0 from 192.168.1.1, "

# A Linux router whose ports outside are closed; the others are told by what
# they do otherwise.
MASQUERADE = {
    # Programs of others.
    "coturn: mapping": "EI",
    "coturn: mapping, 1.5 KB": "EI",
    "coturn: filtering": "APD",
    "coturn: hairpin": "no",
    "coturn: collision": "two ports",
    "coturn: after 2 s": "alive",
    "coturn: after 4 s": "gone",
    "stun": "Independent Mapping, Port Dependent Filter, preserves ports, "
            "no hairpin",
    # nat_questions.
    "mapping": "EI",
    "filtering": "APD",
    "ports": "kept, kept, kept",
    "contention": "kept, other, then the same",
    "echo_contention": "reply, reply",
    "early_inbound": "kept, arrives, then the same",
    "unsolicited_outside": "UDP silence, TCP silence",
    "unsolicited_inside": "UDP refused, TCP refused, UDP refused, TCP refused",
    "error_to_inside": "refused",
    "error_to_outside": "ECONNREFUSED from 203.0.113.20",
    "hop_outward": NO_HOP + "arrives",
    "hop_inward": ERROR + "203.0.113.20",
    "pings": "reply, reply, reply, reply",
    "fragments": "out, in, out, in",
    "other_protocols": "from 203.0.113.20, answered",
    "hairpin": "none, ECONNREFUSED",
    "tcp": "kept, the same, silence",
    "tcp_contention": "kept, other",
    "policy": "UDP 53 443 1000, TCP 53 80 443 2000",
    "udp_blocked_event": "silence, passes",
    "reboot_event": "lost, arrives, 203.0.113.77",
    # nat_lifetimes, with 3 and 7 seconds.
    "one way, 2.5": "passes",
    "one way, 3.6": "gone",
    "out twice, 4.4": "passes",
    "in refreshes, 4.4": "passes",
    "both ways at once, 3.6": "gone",
    "in after 2 s, 5.9": "gone",
    "assured, 9.0": "passes",
    "assured, 10.0": "gone",
    "assured by in, 9.0": "passes",
    "tcp idle": "inbound gone, outbound passes",
}

RANDOM = {
    **MASQUERADE,
    "coturn: mapping": "APD",
    "coturn: mapping, 1.5 KB": "APD",
    "stun": "Dependent Mapping, random port, no hairpin",
    "mapping": "APD",
    "ports": "other, below 1024, below 1024",
    "contention": "other, other, then other",
    "early_inbound": "other, lost, then other",
    "tcp": "other, another, silence",
    "tcp_contention": "other, other",
    "tcp idle": "inbound gone, outbound gone",
}

FIREWALL = {
    **MASQUERADE,
    "coturn: mapping": "none",
    "coturn: mapping, 1.5 KB": "none",
    "coturn: hairpin": "yes",
    "coturn: collision": "none",
    "stun": "Firewall",
    "mapping": "none",
    "contention": "kept, kept, then the same",
    "error_to_outside": "ECONNREFUSED from 192.168.1.10",
    "other_protocols": "from 192.168.1.10, answered",
    "hairpin": "no need",
    "tcp_contention": "kept, kept",
    "reboot_event": "lost, arrives",
}

OPEN = {
    **FIREWALL,
    "coturn: filtering": "EI",
    "coturn: after 4 s": "alive",
    "stun": "Open",
    "filtering": "EI",
    "unsolicited_outside": "UDP refused, TCP refused",
    "tcp": "kept, the same, admitted",
    "reboot_event": "arrives, arrives",
    "tcp idle": "inbound passes, outbound passes",
    **{name: "passes" for name in MASQUERADE if MASQUERADE[name] == "gone"
       and not name.startswith("coturn")},
}

WITHOUT_UDP = {
    "coturn: mapping": "-",
    "stun": "Blocked or could not reach STUN server",
    "echo_contention": "reply, reply",
    "unsolicited_outside": "UDP silence, TCP silence",
    "unsolicited_inside": "UDP refused, TCP refused, UDP refused, TCP refused",
    "error_to_inside": "silence",
    "hop_outward": NO_HOP + "lost",
    "pings": "reply, reply, reply, reply",
    "other_protocols": "dropped",
    "tcp": "kept, the same, silence",
    "tcp_contention": "kept, other",
    "policy": "UDP none, TCP 53 80 443 2000",
    "udp_blocked_event": "silence, silence",
    "tcp idle": "inbound gone, outbound passes",
}

FEW_PORTS = {
    **WITHOUT_UDP,
    "tcp": "silence, silence",
    "tcp_contention": "silence",
    "tcp idle": "silence",
}

NO_PING = {
    "echo_contention": "silence, silence",
    "pings": "silence, reply, reply, reply",
}

# Mappings are objects: one lifetime each, from the first two-way packet on,
# which only outbound packets extend.
PORT_RESTRICTED = {
    **MASQUERADE,
    "ports": "kept, other, other",
    "contention": "other, other, then the same",
    "in refreshes, 4.4": "gone",
    "both ways at once, 3.6": "passes",
    "in after 2 s, 5.9": "gone",
    "assured by in, 9.0": "gone",
    "tcp_contention": "other, other",
    "tcp idle": "inbound gone, outbound gone",
}

FULL_CONE = {
    **PORT_RESTRICTED,
    "coturn: filtering": "EI",
    "coturn: hairpin": "yes",
    "stun": "Independent Mapping, Independent Filter, preserves ports, "
            "will hairpin",
    "filtering": "EI",
    "hairpin": "at once, external source, answered",
    "tcp": "kept, the same, admitted",
}

RESTRICTED_CONE = {
    **FULL_CONE,
    "coturn: filtering": "AD",
    "coturn: hairpin": "no",
    "stun": "Independent Mapping, Address Dependent Filter, preserves ports, "
            "will hairpin",
    "filtering": "AD",
    "hairpin": "once contacted, external source, answered",
    "tcp": "kept, the same, silence",
}

PROMISES = {
    "open": OPEN,
    "firewall-only": FIREWALL,
    "linux-masquerade": MASQUERADE,
    "linux-poisonable": {
        **MASQUERADE,
        "early_inbound": "other, lost, then the same",
        "unsolicited_outside": "UDP refused, TCP refused",
        "tcp": "kept, the same, refused",
        "tcp idle": "inbound gone, outbound ECONNRESET",
    },
    "linux-random-fully": RANDOM,
    "symmetric": RANDOM,
    "bsd-pf": {
        **RANDOM,
        "ports": "other, other, other",
        "assured, 9.0": "gone",
        "assured by in, 9.0": "gone",
    },
    "full-cone": FULL_CONE,
    "restricted-cone": RESTRICTED_CONE,
    "port-restricted": PORT_RESTRICTED,
    "udp-blocked": WITHOUT_UDP,
    "corporate-firewall": {
        **FEW_PORTS, **NO_PING,
        "policy": "UDP none, TCP 443",
    },
    "hotel": {
        **FEW_PORTS, **NO_PING,
        "policy": "UDP 53, TCP 53 80 443",
        "udp_blocked_event": "silence, passes",
    },
    "dns-only": {
        **WITHOUT_UDP,
        "policy": "UDP 53, TCP 53 80 443 2000",
        "udp_blocked_event": "silence, passes",
    },
}

# Where the kernel is only near: connection tracking under these profiles too.
TRACKED = {name: MASQUERADE[name] for name in (
    "contention", "in refreshes, 4.4",
    "both ways at once, 3.6", "assured by in, 9.0", "tcp_contention", "tcp")}
KERNEL_DIFFERS = {"full-cone": TRACKED, "restricted-cone": TRACKED,
                  "port-restricted": TRACKED}

# The cones drop what has no ports; connection tracking translates addresses.
ENGINE_DIFFERS = {name: {"other_protocols": "dropped"} for name in (
    "full-cone", "restricted-cone", "port-restricted")}

# One lifetime only, so that the kernel can play it.
TIMEOUTS = {"bsd-pf": {"udp_stream_timeout": "3s"}}
