#!/usr/bin/env python3
"""natcheck on a host with IPv6 alone, behind a NAT64: it learns the prefix from a
resolver that makes IPv6 addresses of IPv4 ones (DNS64), and finds out what the
NAT64 does."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from netsim import (  # noqa: E402
    NetsimError, Simulation, can_simulate, netsim_program)

BIN = pathlib.Path(netsim_program()).parent
SERVER, SECOND = "203.0.113.10", "203.0.113.11"
SCENARIO = f"""
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "2001:db8:1::/64"
[[host]]
name = "server"
network = "internet"
address = "{SERVER}"
[[host]]
name = "phone"
network = "lan"
address = "2001:db8:1::10"
[[nat]]
name = "box"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
profile = "nat64"
"""

DNS64 = """
import ipaddress, socket, struct
PREFIX = int(ipaddress.ip_address("64:ff9b::"))
NAMES = {b"ipv4only.arpa": ["192.0.0.170", "192.0.0.171"],
         b"stun.example": ["%s"]}
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("0.0.0.0", 53))
print("ready", flush=True)
while True:
    query, client = listener.recvfrom(1024)
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].lower())
        at += 1 + query[at]
    kind, = struct.unpack_from("!H", query, at + 1)
    answers = []
    for text in NAMES.get(b".".join(labels), []):
        v4 = ipaddress.ip_address(text)
        if kind == 1:
            answers.append(v4.packed)
        elif kind == 28:
            answers.append((PREFIX | int(v4)).to_bytes(16, "big"))
    code = 0 if b".".join(labels) in NAMES else 3
    reply = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(answers), 0,
                                    0) + query[12:at + 5]
    for data in answers:
        reply += struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data
    listener.sendto(reply, client)
""" % SERVER


def wait_for(stream, word):
    for line in stream:
        if word in line:
            return
    raise NetsimError(f"ended before it said {word!r}")


class BehindNat64(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = Simulation(SCENARIO)
        cls.net.up()
        cls.addClassCleanup(cls.net.down)
        cls.net.exec("server", "ip", "addr", "add", f"{SECOND}/24", "dev",
                     "eth0")
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        config = pathlib.Path(cls.folder.name) / "stunsrv.toml"
        config.write_text(f'discovery_addresses = ["{SERVER}", "{SECOND}"]\n')
        cls.resolver = pathlib.Path(cls.folder.name) / "resolv.conf"
        cls.resolver.write_text(f"nameserver 64:ff9b::{SERVER}\n"
                                "options timeout:1 attempts:5\n")
        server = cls.net.popen("server", [BIN / "stunsrv", "--config", config],
                               stderr=subprocess.PIPE, text=True)
        cls.addClassCleanup(server.stderr.close)
        wait_for(server.stderr, "listening")
        names = cls.net.popen_python("server", DNS64, stdout=subprocess.PIPE,
                                     text=True)
        cls.addClassCleanup(names.stdout.close)
        wait_for(names.stdout, "ready")

    def check(self, *arguments):
        """What natcheck says on the phone, for IPv6."""
        done = self.net.run(
            "phone", "unshare", "--mount", "sh", "-c",
            'mount --bind "$0" /etc/resolv.conf && exec "$@"', self.resolver,
            BIN / "natcheck", "--json", *arguments, timeout=200)
        self.assertEqual(0, done.returncode, done.stderr)
        return {family["family"]: family
                for family in json.loads(done.stdout)["families"]}["ipv6"]

    def test_the_prefix_is_what_the_resolver_says(self):
        report = self.check("--server", "stun.example")
        verdict = report["verdicts"]["nat64"]
        self.assertEqual("64:ff9b::/96", verdict["value"], verdict)
        self.assertIn("was told", verdict["reason"])
        self.assertEqual("64:ff9b::/96", report["nat64_prefix"])
        said = {axis: of["value"] for axis, of in report["verdicts"].items()
                if of["outcome"] == "determined"}
        self.assertEqual("nat64", said["translation"], report["verdicts"])
        self.assertEqual("two-addresses", said["server"], report["verdicts"])
        self.assertEqual("endpoint-independent", said["mapping"])
        self.assertEqual("address-dependent", said["filtering"])
        self.assertIn("203.0.113.20", report["traits"]["external_addresses"])
        self.assertTrue(any("NAT64" in line for line in report["summary"]),
                        report["summary"])

    def test_a_server_of_ipv4_is_asked_through_it(self):
        report = self.check("--server", SERVER)
        self.assertEqual("[64:ff9b::cb00:710a]:3478", report["server"])
        self.assertEqual("nat64",
                         report["verdicts"]["translation"]["value"])


if __name__ == "__main__":
    if reason := can_simulate():
        print(f"skipped: {reason}")
        sys.exit(77)
    sys.exit(unittest.main())
