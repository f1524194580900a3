#!/usr/bin/env python3
"""libnat's port mapping over real sockets: against the engine's servers and
against Debian's miniupnpd, each by NAT-PMP, PCP and UPnP."""
import os
import pathlib
import select
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import miniupnpd  # noqa: E402
from netsim import Simulation, can_simulate  # noqa: E402
from netsim_case import NetsimCase  # noqa: E402
from udp_probe import UdpProbe  # noqa: E402

GENEROUS = 300.0  # seconds: several searches; only failing tests wait so
HELPER = os.environ.get("NATKIT_TESTS", "build/tests") + "/portmap_helper"
SERVICES = {"pcp": "PCP", "nat-pmp": "NAT-PMP", "upnp": "UPnP"}
# miniupnpd maps nothing where its outside has an address that is reserved for
# documentation.
EXTERNAL = "11.0.113.20"
SHORT = 8  # seconds: the lifetime of a mapping that is to end in a test

HOME = """
[[network]]
name = "internet"
cidr = "11.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "server"
network = "internet"
address = "11.0.113.10"
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
address = "11.0.113.20"
"""

ENGINE = 'profile = "port-restricted"\nbackend = "engine"\nservices = [{}]\n'
KERNEL = 'profile = "linux-masquerade"\nbackend = "kernel"\n'

# Another router's PCP: grants everything at an address of its own.
PCP_SERVER = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.168.1.11", 5351))
print("ready", flush=True)
while True:
    request, source = s.recvfrom(1100)
    if len(request) < 24 or request[0] != 2:
        continue
    answer = bytearray(request)
    answer[1] |= 0x80
    answer[2:4] = bytes(2)
    answer[8:24] = (1000).to_bytes(4, "big") + bytes(12)
    if request[1] == 1:
        answer[42:60] = (7777).to_bytes(2, "big") + bytes(10) + \\
            b"\\xff\\xff" + socket.inet_aton("11.0.113.77")
    s.sendto(answer, source)
"""


class Mapper:
    """A portmap_helper on a host, and what it has said."""

    def __init__(self, case, port, *words, host="a"):
        net = case.net
        self.lines = []
        case.addCleanup(self.close)
        self._process = net.popen(host, [HELPER, str(port), *words],
                                  stdout=subprocess.PIPE)

    def wait(self, start, seconds=GENEROUS):
        """The next line that starts so."""
        deadline = time.monotonic() + seconds
        text = b""
        while time.monotonic() < deadline:
            if not select.select([self._process.stdout], [], [], 1)[0]:
                continue
            byte = os.read(self._process.stdout.fileno(), 1)
            if not byte:
                break
            text += byte
            if byte == b"\n":
                self.lines.append(text.decode().strip())
                text = b""
                if self.lines[-1].startswith(start):
                    return self.lines[-1]
        raise AssertionError(f"no line \"{start}\" in {self.lines}")

    def mapped(self):
        """Service and external port of the next mapping."""
        words = self.wait("mapped ").split()
        return words[1], int(words[2].split(":")[1]), words[3]

    def notice_change(self):
        self._process.send_signal(signal.SIGHUP)

    def end(self):
        self._process.send_signal(signal.SIGTERM)
        self.wait("done")
        self._process.wait()
        self.close()

    def kill(self):
        self.close()

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class PortMapCase(NetsimCase):
    def build(self, box):
        self.net = Simulation(HOME + box)
        self.net.up()
        self.addCleanup(self.net.down)
        self.a, self.b, self.server = (UdpProbe(self.net, name)
                                       for name in ("a", "b", "server"))
        self.last_port = 3000
        for probe in (self.a, self.b, self.server):
            self.addCleanup(probe.close)
        self.a.bind(5000)
        self.b.bind(5000)

    def grow_old(self):
        """A loss of state is only seen when there was more than an epoch of
        two seconds to lose."""
        self.assertIsNone(self.a.receive(5000, 5))

    def is_reachable(self, port, timeout=10):
        self.server.send(2000, (EXTERNAL, port), "knock")
        return self.a.receive(5000, timeout) is not None

    def assert_life_of_a_mapping(self, service):
        mapper = Mapper(self, 5000, service, f"seen-as={EXTERNAL}")
        name, port, standing = mapper.mapped()
        self.assertEqual((name, standing), (SERVICES[service], "not-probed"))
        self.assertIn(f"router {EXTERNAL}", mapper.lines)
        self.assertTrue(self.is_reachable(port))
        mapper.end()
        # From another port: the old flow may live on in the box.
        self.server.send(2001, (EXTERNAL, port), "knock")
        self.assertIsNone(self.a.receive(5000, 0.5))


    def assert_two_hosts_share(self, service):
        """Both want external port 5000; each gets one, and its own."""
        mappers = {host: Mapper(self, 5000, service, host=host)
                   for host in ("a", "b")}
        ports = {host: mapper.mapped()[1] for host, mapper in mappers.items()}
        self.assertNotEqual(ports["a"], ports["b"])
        self.assertIn(5000, ports.values())
        for host, probe in (("a", self.a), ("b", self.b)):
            self.server.send(self.unused_port(), (EXTERNAL, ports[host]), host)
            self.assertEqual((probe.receive(5000, 10) or [None])[0], host)
        mappers["a"].end()
        # What belongs to b is still there.
        self.server.send(self.unused_port(), (EXTERNAL, ports["b"]), "again")
        self.assertIsNotNone(self.b.receive(5000, 10))
        mappers["b"].end()

    def unused_port(self):
        """Of the server: the box remembers the flows of the others."""
        self.last_port += 1
        return self.last_port


class EngineBox(PortMapCase):
    def build_with(self, *services):
        self.build(ENGINE.format(", ".join(f'"{s}"' for s in services)))

    def test_each_service_maps_and_deletes(self):
        self.build_with("pcp", "nat-pmp", "upnp")
        for service in SERVICES:
            with self.subTest(service):
                self.assert_life_of_a_mapping(service)

    def test_two_hosts_that_want_the_same_port_get_one_each(self):
        self.build_with("pcp", "nat-pmp", "upnp")
        for service in SERVICES:
            with self.subTest(service):
                self.assert_two_hosts_share(service)

    def test_the_best_of_all_is_chosen(self):
        self.build_with("nat-pmp", "upnp")
        mapper = Mapper(self, 5000, *SERVICES)
        self.assertEqual(mapper.mapped()[0], "NAT-PMP")
        mapper.end()

    def test_a_reboot_is_noticed_and_the_mapping_made_anew(self):
        self.build_with("pcp")
        self.grow_old()
        mapper = Mapper(self, 5000, "pcp")
        port = mapper.mapped()[1]
        self.assertTrue(self.is_reachable(port))
        self.net.event("box", "reboot")
        deadline = time.monotonic() + GENEROUS
        while not self.is_reachable(port, timeout=1):
            self.assertLess(time.monotonic(), deadline)
        mapper.end()

    def test_a_router_without_services_is_known_at_once(self):
        """By ICMP "port unreachable"; nine tries would take two minutes."""
        self.build(KERNEL)
        mapper = Mapper(self, 5000, "pcp", "nat-pmp")
        mapper.wait("service none", 25)
        mapper.end()

    def test_a_killed_program_takes_its_mapping_over_when_it_remembers(self):
        self.build_with("pcp")
        killed = Mapper(self, 5000, "pcp", "remembers")
        port = killed.mapped()[1]
        killed.kill()
        self.assertTrue(self.is_reachable(port))
        # To the router, one with another nonce is somebody else.
        stranger = Mapper(self, 5000, "pcp")
        self.assertEqual(stranger.wait("not-mapped").split()[2], "refused")
        stranger.kill()
        again = Mapper(self, 5000, "pcp", "remembers")
        self.assertEqual(again.mapped()[1], port)
        again.end()
        self.server.send(2001, (EXTERNAL, port), "knock")
        self.assertIsNone(self.a.receive(5000, 0.5))

    def test_the_mapping_moves_to_another_router_with_the_default_route(self):
        self.build_with("pcp")
        other = self.net.popen("b", [sys.executable, "-IS", "-c", PCP_SERVER],
                               stdout=subprocess.PIPE)
        self.addCleanup(other.stdout.close)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        self.assertEqual(other.stdout.readline(), b"ready\n")
        mapper = Mapper(self, 5000, "pcp")
        port = mapper.mapped()[1]
        self.assertTrue(self.is_reachable(port))
        self.net.exec("a", "ip", "route", "replace", "default", "via",
                      "192.168.1.11")
        mapper.notice_change()
        self.assertEqual(mapper.wait("mapped "),
                         "mapped PCP 11.0.113.77:7777 unverified")
        # The first router has been told, too: an answer to its host would not
        # come back this way, but what comes in would.
        self.server.send(2001, (EXTERNAL, port), "knock")
        self.assertIsNone(self.a.receive(5000, 0.5))
        mapper.end()

    def test_another_nat_beyond_is_told(self):
        self.build_with("nat-pmp")
        mapper = Mapper(self, 5000, "nat-pmp", "seen-as=11.0.113.99")
        self.assertEqual(mapper.mapped()[2], "behind-nat")
        mapper.end()


@unittest.skipUnless(miniupnpd.is_there(), "no miniupnpd")
class Miniupnpd(PortMapCase):
    def setUp(self):
        super().setUp()
        self.build(KERNEL)
        self.daemon = miniupnpd.Miniupnpd(self.net, "box")
        self.addCleanup(self.daemon.close)
        self.daemon.start()

    def test_each_service_maps_and_deletes(self):
        for service in SERVICES:
            with self.subTest(service):
                self.assert_life_of_a_mapping(service)

    def test_two_hosts_that_want_the_same_port_get_one_each(self):
        for service in SERVICES:
            with self.subTest(service):
                self.assert_two_hosts_share(service)

    def test_a_restart_is_noticed_and_the_mapping_made_anew(self):
        self.grow_old()
        mapper = Mapper(self, 5000, "pcp", "nat-pmp")
        service, port, _ = mapper.mapped()
        self.assertEqual(service, "PCP")
        self.assertTrue(self.is_reachable(port))
        self.daemon.stop()
        self.daemon.forget()
        self.daemon.start()
        deadline = time.monotonic() + GENEROUS
        while not self.has_redirect():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        mapper.end()
        self.assertFalse(self.has_redirect())

    def test_a_short_mapping_is_renewed_and_ends_with_its_owner(self):
        self.daemon.stop()
        self.daemon.start(shortest=SHORT)
        ports = {5001: "pcp", 5002: "nat-pmp", 5003: "upnp"}
        mappers = [Mapper(self, port, service, f"lifetime={SHORT}")
                   for port, service in ports.items()]
        for mapper, service in zip(mappers, ports.values()):
            self.assertEqual(mapper.mapped()[0], SERVICES[service])
        # Without renewals they would end within this time.
        self.assertIsNone(self.a.receive(5000, 2.5 * SHORT))
        for mapper, port in zip(mappers, ports):
            self.wait_until(lambda port=port: self.has_redirect(port))
            mapper.kill()  # without a word to the router
        self.wait_until(lambda: not any(map(self.has_redirect, ports)))

    def test_mappings_of_others_and_refused_ports_are_met(self):
        # Without a search: that waits two seconds for its answer and no more.
        self.net.exec("a", "upnpc", "-u", "http://192.168.1.1:5555/rootDesc.xml",
                      "-a", "192.168.1.10", "6000", "5000", "UDP", "600")
        for service in SERVICES:
            with self.subTest(service):
                mapper = Mapper(self, 5000, service)
                mapper.mapped()
                mapper.end()
        # By UPnP alone: for the others the daemon tries all 65535 ports first.
        denied = Mapper(self, 600, "upnp")
        self.assertIn(denied.wait("not-mapped").split()[2],
                      ("refused", "conflict"))
        denied.end()

    def wait_until(self, condition):
        deadline = time.monotonic() + GENEROUS
        while not condition():
            self.assertLess(time.monotonic(), deadline)
            self.a.receive(5000, 0.2)

    def has_redirect(self, port=5000):
        """The rule that leads to host a's port."""
        return self.daemon.has_redirect("192.168.1.10", port)


if __name__ == "__main__":
    REASON = can_simulate()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main(verbosity=2)
