"""Scenarios that several tests use."""


def homes(count, backend):
    """`count` homes of two hosts each behind a box, and one server."""
    parts = ['[[network]]\nname = "internet"\ncidr = "203.0.0.0/16"\n'
             '[[host]]\nname = "server"\nnetwork = "internet"\n'
             'address = "203.0.255.1"\n']
    for i in range(count):
        parts.append(f"""
[[network]]
name = "lan{i}"
cidr = "192.168.1.0/24"
[[host]]
name = "a{i}"
network = "lan{i}"
address = "192.168.1.10"
[[host]]
name = "b{i}"
network = "lan{i}"
address = "192.168.1.11"
[[nat]]
name = "box{i}"
profile = "{'port-restricted' if backend == 'engine' else 'symmetric'}"
inside = "lan{i}"
outside = "internet"
address = "203.0.{i}.1"
backend = "{backend}"
""")
    return "".join(parts)


def two_homes(names, nat):
    """A STUN server, and two hosts each behind a box of its own: NAME is at
    192.168.N.10 and seen from outside as 203.0.113.10N, N being 1 and 2. `nat`
    is TOML for both boxes."""
    return """
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[host]]
name = "stun"
network = "internet"
address = "203.0.113.21"
""" + "".join(f"""
[[network]]
name = "lan-{name}"
cidr = "192.168.{number}.0/24"
[[host]]
name = "{name}"
network = "lan-{name}"
address = "192.168.{number}.10"
[[nat]]
name = "nat-{name}"
{nat}
inside = "lan-{name}"
outside = "internet"
address = "203.0.113.10{number}"
""" for number, name in enumerate(names, 1))
