"""Which pairs of NATs let two nodes talk directly.

The table is the result of an exhaustive simulation of simultaneous hole
punching without port prediction: each side knows the other's server-reflexive
address, both send repeatedly, and any observed source is tried as well. Only
"Y", the same 5-tuple working both ways, is a direct path.
"""

# Behaviours as mapping/filtering in RFC 4787's words: endpoint-independent,
# address-dependent, address-and-port-dependent.
ORDER = ["EI/EI", "EI/AD", "EI/APD", "AD/EI", "AD/AD", "AD/APD",
         "APD/EI", "APD/AD", "APD/APD"]
TABLE = [
    "Y Y Y Y Y Y Y Y Y",
    "Y Y Y Y Y Y Y Y Y",
    "Y Y Y 1 - - 1 - -",
    "Y Y 1 Y Y 1 Y Y 1",
    "Y Y - Y - - Y - -",
    "Y Y - 1 - - 1 - -",
    "Y Y 1 Y Y 1 a a 1",
    "Y Y - Y - - a - -",
    "Y Y - 1 - - 1 - -",
]
BLOCKED = "blocked"


def cell(a, b):
    """The table's entry for two behaviours."""
    return TABLE[ORDER.index(a)].split()[ORDER.index(b)]


def predict(a, b):
    """("direct" or "relay", why) for two nodes with .behaviour and .site."""
    if BLOCKED in (a.behaviour, b.behaviour):
        return "relay", "UDP is blocked"
    if a.site == b.site:
        return "direct", "same network"
    entry = cell(a.behaviour, b.behaviour)
    return ("direct" if entry == "Y" else "relay",
            f"{a.behaviour} x {b.behaviour}: {entry}")
