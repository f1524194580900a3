#!/usr/bin/env python3
"""Measures what each NAT profile does to UDP, with sockets on both sides.

Mapping and filtering as RFC 4787 defines them: EI endpoint-independent, AD
address-dependent, APD address-and-port-dependent.
"""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from netsim import Simulation, can_simulate  # noqa: E402
from udp_probe import UdpProbe  # noqa: E402

S1, S2 = "203.0.113.11", "203.0.113.12"
EXTERNAL = "203.0.113.20"
QUIET = 0.1  # seconds without a datagram that count as "none comes"


SCENARIO = """
name = "lab"
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "s1"
network = "internet"
address = "203.0.113.11"
[[host]]
name = "s2"
network = "internet"
address = "203.0.113.12"
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
backend = "kernel"
inside = "lan"
outside = "internet"
"""


class Lab:
    """Two servers outside, two hosts inside, one box between."""

    def __init__(self, profile, options="", address=EXTERNAL):
        self.net = Simulation(
            SCENARIO + f'profile = "{profile}"\n{options}\n'
            f"address = {json.dumps(address)}\n")

    def __enter__(self):
        self.net.up()
        try:
            self.s1, self.s2, self.a, self.b = (
                UdpProbe(self.net, host) for host in ("s1", "s2", "a", "b"))
            self.server = {S1: self.s1, S2: self.s2}
            for address in (S1, S2):
                for port in (1000, 1001):
                    self.server[address].bind(port)
        except BaseException:
            self.net.down()
            raise
        return self

    def __exit__(self, *_):
        for probe in (self.s1, self.s2, self.a, self.b):
            probe.close()
        self.net.down()

    def mapped(self, inside, port, address, server_port):
        """Sends from inside:port; the source that the server saw."""
        inside.send(port, (address, server_port), "map")
        heard = self.server[address].receive(server_port)
        return heard and heard[1]

    def mapping(self):
        """EI, AD or APD."""
        first = self.mapped(self.a, 40000, S1, 1000)
        other_port = self.mapped(self.a, 40000, S1, 1001)
        other_address = self.mapped(self.a, 40000, S2, 1000)
        assert None not in (first, other_port, other_address)
        if first == other_port == other_address:
            return "EI"
        return "AD" if first == other_port else "APD"

    def filtering(self):
        """EI, AD or APD: who reaches a mapping that knows only S1:1000."""
        source = self.mapped(self.a, 40010, S1, 1000)
        self.s2.send(1000, source, "other address")
        self.s1.send(1001, source, "other port")
        self.s1.send(1000, source, "same endpoint")
        passed = set()
        while "same endpoint" not in passed:
            passed.add(self.a.receive(40010)[0])
        while late := self.a.receive(40010, QUIET):
            passed.add(late[0])
        if "other address" in passed:
            return "EI"
        return "AD" if "other port" in passed else "APD"

    def behavior(self):
        return self.mapping(), self.filtering()

    def port_after_early_probe(self):
        """An outside packet to port 40060 comes before the inside host uses
        that port toward the same endpoint; the external port it then gets."""
        self.s1.send(1000, (EXTERNAL, 40060), "early")
        return self.mapped(self.a, 40060, S1, 1000)[1]


class Profiles(unittest.TestCase):
    def test_none_is_transparent(self):
        with Lab("none") as lab:
            self.assertEqual(lab.mapped(lab.a, 40000, S1, 1000),
                             ("192.168.1.10", 40000))
            lab.a.bind(40001)
            lab.s2.send(1000, ("192.168.1.10", 40001), "unsolicited")
            self.assertEqual(lab.a.receive(40001)[0], "unsolicited")

    def test_firewall_keeps_addresses_and_filters(self):
        with Lab("firewall") as lab:
            self.assertEqual(lab.mapped(lab.a, 40000, S1, 1000),
                             ("192.168.1.10", 40000))
            self.assertEqual(lab.filtering(), "APD")

    def test_full_cone(self):
        with Lab("full-cone") as lab:
            self.assertEqual(lab.behavior(), ("EI", "EI"))
            self.assertEqual(lab.port_after_early_probe(), 40060)

    def test_restricted(self):
        with Lab("restricted") as lab:
            self.assertEqual(lab.behavior(), ("EI", "AD"))
            self.assertEqual(lab.port_after_early_probe(), 40060)

    def test_port_restricted(self):
        with Lab("port-restricted") as lab:
            self.assertEqual(lab.behavior(), ("EI", "APD"))

    def test_port_restricted_survives_an_early_probe(self):
        with Lab("port-restricted") as lab:
            self.assertEqual(lab.port_after_early_probe(), 40060)
            lab.s1.send(1000, (EXTERNAL, 40060), "punched")
            self.assertEqual(lab.a.receive(40060)[0], "punched")

    def test_linux_poisonable_behaves_like_port_restricted_if_first(self):
        with Lab("linux-poisonable") as lab:
            self.assertEqual(lab.behavior(), ("EI", "APD"))

    def test_linux_poisonable_loses_the_port_to_an_early_probe(self):
        with Lab("linux-poisonable") as lab:
            self.assertNotEqual(lab.port_after_early_probe(), 40060)
            lab.s1.send(1000, (EXTERNAL, 40060), "punched")
            self.assertIsNone(lab.a.receive(40060, QUIET))

    def test_symmetric(self):
        with Lab("symmetric") as lab:
            self.assertEqual(lab.behavior(), ("APD", "APD"))

    def test_symmetric_stays_in_its_port_range(self):
        with Lab("symmetric", 'port_range = "5000-5063"') as lab:
            ports = {lab.mapped(lab.a, 40000 + i, S1, 1000)[1]
                     for i in range(8)}
            self.assertTrue(all(5000 <= port <= 5063 for port in ports), ports)

    def test_udp_blocked_passes_tcp_and_no_udp(self):
        with Lab("udp-blocked") as lab:
            lab.a.send(40000, (S1, 1000), "map")
            self.assertIsNone(lab.s1.receive(1000, QUIET))
            server = lab.net.popen_python("s1", TCP_ECHO, stdout=-1)
            self.assertEqual(server.stdout.readline(), b"ready\n")
            self.assertIn(EXTERNAL,
                          lab.net.exec("a", sys.executable, "-c", TCP_ASK, S1))
            server.stdout.close()

    def test_cgn_with_symmetric_carrier(self):
        with Lab("cgn") as lab:
            self.assertEqual(lab.behavior(), ("APD", "APD"))
            self.assertEqual(lab.mapped(lab.a, 41000, S1, 1000)[0], EXTERNAL)

    def test_cgn_with_full_cone_carrier_filters_at_home(self):
        with Lab("cgn", 'carrier_profile = "full-cone"') as lab:
            self.assertEqual(lab.behavior(), ("EI", "APD"))

    def test_two_inside_hosts_may_share_an_external_port(self):
        """Linux overloads ports: not EI once two hosts contend for one."""
        with Lab("port-restricted") as lab:
            self.assertEqual(lab.mapped(lab.a, 40000, S1, 1000)[1], 40000)
            self.assertEqual(lab.mapped(lab.b, 40000, S2, 1000)[1], 40000)
            self.assertNotEqual(lab.mapped(lab.b, 40000, S1, 1000)[1], 40000)

    def test_a_paired_pool_keeps_a_host_on_one_address(self):
        pool = ["203.0.113.20", "203.0.113.21", "203.0.113.22", "203.0.113.23"]
        with Lab("symmetric", address=pool) as lab:
            seen = {lab.mapped(lab.a, 40000 + i, server, 1000)[0]
                    for i in range(8) for server in (S1, S2)}
            self.assertEqual(len(seen), 1)
            self.assertTrue(seen <= set(pool))


TCP_ECHO = """
import socket
s = socket.create_server(("0.0.0.0", 2000))
print("ready", flush=True)
c, source = s.accept()
c.sendall(source[0].encode())
"""

TCP_ASK = """
import socket, sys
print(socket.create_connection((sys.argv[1], 2000), 10).recv(100).decode())
"""


class Events(unittest.TestCase):
    def test_reboot_forgets_mappings(self):
        for profile in ("port-restricted", "full-cone"):
            with self.subTest(profile), Lab(profile) as lab:
                source = lab.mapped(lab.a, 40000, S1, 1000)
                lab.net.event("box", "reboot")
                lab.s1.send(1000, source, "lost")
                self.assertIsNone(lab.a.receive(40000, QUIET))
                source = lab.mapped(lab.a, 40000, S1, 1000)
                lab.s1.send(1000, source, "again")
                self.assertEqual(lab.a.receive(40000)[0], "again")

    def test_reboot_can_change_the_address(self):
        with Lab("port-restricted") as lab:
            self.assertEqual(lab.mapped(lab.a, 40000, S1, 1000)[0], EXTERNAL)
            lab.net.event("box", "reboot", "--new-address", "203.0.113.77")
            self.assertEqual(lab.mapped(lab.a, 40000, S1, 1000)[0],
                             "203.0.113.77")

    def test_udp_can_be_blocked_and_unblocked(self):
        with Lab("port-restricted") as lab:
            lab.mapped(lab.a, 40000, S1, 1000)
            lab.net.event("box", "block-udp")
            lab.a.send(40000, (S1, 1000), "blocked")
            self.assertIsNone(lab.s1.receive(1000, QUIET))
            lab.net.event("box", "unblock-udp")
            self.assertIsNotNone(lab.mapped(lab.a, 40000, S1, 1000))

    def test_links_can_be_unplugged(self):
        with Lab("port-restricted") as lab:
            for member in ("a", "box"):
                lab.net.event(member, "link-down")
                self.assertNotEqual(
                    lab.net.run("a", "ping", "-c1", "-W1", S1).returncode, 0)
                lab.net.event(member, "link-up")
                lab.net.wait_for_ping("a", S1)


if __name__ == "__main__":
    REASON = can_simulate()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main(verbosity=2)
