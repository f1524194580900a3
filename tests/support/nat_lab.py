"""One NAT between two inside hosts and a server with two addresses.

    with NatLab("linux-masquerade", backend="kernel") as lab:
        lab.mapped(lab.a, 10000, (S1, 1000))     # the source that S1 saw

Inside ports below 16384 are the caller's; programs of others take theirs above.
"""
from net_probe import NetProbe, SILENCE
from netsim import Simulation

S1, S2 = "203.0.113.11", "203.0.113.12"
EXTERNAL = "203.0.113.20"
GATEWAY = "192.168.1.1"
A, B = "192.168.1.10", "192.168.1.11"
A_MOMENT = 0.1  # seconds, for a packet that overtakes another
SERVER_UDP = (53, 443, 1000, 1001, 1100)
SERVER_TCP = (53, 80, 443, 2000, 2001)

SCENARIO = """
name = "lab"
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "s"
network = "internet"
address = "203.0.113.11"
[[host]]
name = "a"
network = "lan"
address = "192.168.1.10"
[[host]]
name = "b"
network = "lan"
address = "192.168.1.11"
[[nat]]
name = "box"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
"""


class NatLab:
    """The network, with probes on a, b and s."""

    def __init__(self, profile, backend=None, **keys):
        if backend:
            keys["backend"] = backend
        lines = [f'{key} = {value!r}'.replace("'", '"')
                 for key, value in {"profile": profile, **keys}.items()]
        self.net = Simulation(SCENARIO + "\n".join(lines) + "\n")
        self._probes = []
        self._count = 0

    def __enter__(self):
        self.net.up()
        try:
            self.net.exec("s", "ip", "addr", "add", f"{S2}/24", "dev", "eth0")
            self.a, self.b, self.s = (self.probe(host) for host in "abs")
            for address in (S1, S2):
                for port in SERVER_UDP:
                    self.s.bind((address, port))
                for port in SERVER_TCP:
                    self.s.listen((address, port))
            source = self.mapped(self.a, 10000, (S1, 1000))
        except BaseException:
            self.net.down()
            raise
        self.has_udp = source is not None
        self.translates = source is None or source[0] not in (A, B)
        return self

    def __exit__(self, *_):
        for probe in self._probes:
            probe.close()
        self.net.down()

    def probe(self, host):
        """One more process with sockets on a host."""
        self._probes.append(NetProbe(self.net, host))
        return self._probes[-1]

    def mapped(self, inside, port, to, server=None, timeout=SILENCE):
        """Sends from an inside port; the source that the server saw, or None
        if the packet did not arrive."""
        server = server or self.s
        self._count += 1
        text = f"map {self._count}"
        inside.send(port, to, text)
        while heard := server.receive(to, timeout):
            if heard[0] == text:
                return heard[1]
        return None

    def arriving(self, inside, port, target, sources):
        """Which of the server's `sources`, sending in this order, reach an
        inside port; the last one surely should and is waited for."""
        for source in sources:
            self.s.send(source, target, f"{source[0]} {source[1]}")
        last = f"{sources[-1][0]} {sources[-1][1]}"
        arrived = []
        while heard := inside.receive(port, A_MOMENT if last in arrived
                                      else SILENCE):
            arrived.append(heard[0])
        return [source for source in sources
                if f"{source[0]} {source[1]}" in arrived]

    def run(self, host, *command):
        """What a program printed, whatever its exit status."""
        return self.net.run(host, *command, timeout=300,
                            stdout=-1, stderr=-2).stdout
