"""Large scenarios."""


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
