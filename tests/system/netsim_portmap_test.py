#!/usr/bin/env python3
"""Port mapping servers of the engine, asked by clients that others wrote."""
import pathlib
import re
import socket
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from netsim import Simulation, can_simulate  # noqa: E402
from netsim_case import NetsimCase  # noqa: E402
from udp_probe import UdpProbe  # noqa: E402

EXTERNAL = "203.0.113.20"
DESCRIPTION = "http://192.168.1.1:5000/rootDesc.xml"

HOME = """
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "server"
network = "internet"
address = "203.0.113.10"
[[host]]
name = "a"
network = "lan"
address = "192.168.1.10"
[[nat]]
name = "box"
profile = "port-restricted"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
backend = "engine"
services = ["nat-pmp", "pcp", "upnp"]
"""

PCP_MAP = """
import os, socket, struct, sys
mapped = lambda ip: bytes(10) + b"\\xff\\xff" + socket.inet_aton(ip)
request = (struct.pack(">BBHI", 2, 1, 0, 3600) + mapped("192.168.1.10")
           + bytes(range(12)) + struct.pack(">B3xHH", 17, 6000, 6000)
           + mapped("0.0.0.0"))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(request, ("192.168.1.1", 5351))
print(s.recv(1100).hex())
"""


# upnpc -i: it takes a box whose external address is one of the documentation
# ranges for a box without a connection.


class PortMapping(NetsimCase):
    def setUp(self):
        super().setUp()
        self.net = Simulation(HOME)
        self.net.up()
        self.addCleanup(self.net.down)

    def output_of(self, *command):
        done = self.net.run("a", *command)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def assert_reachable(self, external_port, inside_port):
        a, server = (UdpProbe(self.net, host) for host in ("a", "server"))
        self.addCleanup(a.close)
        self.addCleanup(server.close)
        a.bind(inside_port)
        server.send(2000, (EXTERNAL, external_port), "knock")
        got = a.receive(inside_port)
        self.assertEqual(got, ("knock", ("203.0.113.10", 2000)))

    def test_natpmpc_maps_a_port(self):
        output = self.output_of("natpmpc", "-a", "4000", "5000", "udp", "3600")
        self.assertIn(f"Public IP address : {EXTERNAL}", output)
        found = re.search(r"Mapped public port (\d+) protocol UDP to local "
                          r"port 5000", output)
        self.assertTrue(found, output)
        self.assert_reachable(int(found[1]), 5000)

    def test_upnpc_maps_lists_and_deletes_a_port(self):
        self.output_of("upnpc", "-i", "-e", "a test", "-a", "192.168.1.10", "5000",
                       "4000", "UDP", "3600")
        self.assert_reachable(4000, 5000)
        listed = self.output_of("upnpc", "-i", "-l")
        self.assertIn(f"ExternalIPAddress = {EXTERNAL}", listed)
        self.assertRegex(listed,
                         r"UDP +4000->192\.168\.1\.10:5000 +'a test'")
        self.output_of("upnpc", "-i", "-d", "4000", "UDP")
        self.assertNotIn("4000->", self.output_of("upnpc", "-i", "-l"))

    def test_upnpc_maps_many_ports(self):
        # More connections than the box has room for: TIME-WAIT gives way.
        for port in range(5000, 5020):
            self.output_of("upnpc", "-i", "-u", DESCRIPTION, "-a",
                           "192.168.1.10", str(port), str(port), "TCP", "0")
        listed = self.output_of("upnpc", "-i", "-l")
        self.assertEqual(
            len(re.findall(r"TCP +50\d\d->192\.168\.1\.10", listed)), 20,
            listed)

    def test_pcp_maps_a_port(self):
        answer = bytes.fromhex(self.output_of(sys.executable, "-c", PCP_MAP))
        self.assertEqual(answer[:4].hex(), "02810000")
        self.assertEqual(struct.unpack(">I", answer[4:8])[0], 3600)
        self.assertEqual(socket.inet_ntoa(answer[56:60]), EXTERNAL)
        self.assert_reachable(struct.unpack(">H", answer[42:44])[0], 6000)

    def test_a_reboot_forgets_and_is_announced(self):
        self.output_of("natpmpc", "-a", "4000", "5000", "udp", "3600")
        listener = self.net.popen("a", [sys.executable, "-c", """
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("224.0.0.1", 5350))
s.settimeout(60)
print("ready", flush=True)
print(s.recv(100).hex(), flush=True)
"""], stdout=-1, text=True)
        self.assertEqual(listener.stdout.readline(), "ready\n")
        self.net.event("box", "reboot")
        self.assertEqual(listener.stdout.readline()[:8], "00800000")
        listener.wait(30)
        listener.stdout.close()


if __name__ == "__main__":
    REASON = can_simulate()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main(verbosity=2)
