#!/usr/bin/env python3
"""Candidates that hide behind names of multicast DNS, as browsers send them:
the agent asks the link for the address, and finds the path.

Two hosts on one link; a responder of the other side's host, which answers as
RFC 6762 says, is a few lines of Python that share nothing with libnat.
"""
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import ice_interop  # noqa: E402
import wg_interop_lab as lab  # noqa: E402

TESTS = os.environ["NATKIT_TESTS"]
NAME = "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"
OURS, THEIRS = ice_interop.OURS, ice_interop.THEIRS
OURS6, THEIRS6 = ice_interop.OURS6, ice_interop.THEIRS6

RESPONDER = r'''
import ipaddress, socket, struct, sys
name, family, link, address = sys.argv[1:]
group = "224.0.0.251" if family == "4" else "ff02::fb"
index = socket.if_nametoindex(link)
kind = socket.AF_INET if family == "4" else socket.AF_INET6
sock = socket.socket(kind, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if family == "4":
    sock.bind(("", 5353))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
        "4s4si", socket.inet_aton(group), socket.inet_aton("0.0.0.0"), index))
else:
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind(("", 5353))
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, struct.pack(
        "16si", socket.inet_pton(socket.AF_INET6, group), index))
raw = ipaddress.ip_address(address).packed
wanted = b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0"
print("ready", flush=True)
while True:
    query, source = sock.recvfrom(9000)
    ident, flags, count = struct.unpack("!HHH", query[:6])
    if flags & 0x8000 or query[12:12 + len(wanted)].lower() != wanted:
        continue
    at, asked = 12 + len(wanted), {}
    asked[struct.unpack("!HH", query[at:at + 4])[0]] = True
    bits = struct.unpack("!HH", query[at:at + 4])[1]
    print("asked", "unicast" if bits & 0x8000 else "multicast", flush=True)
    record = wanted + struct.pack("!HHIH", 1 if len(raw) == 4 else 28, 0x8001,
                                  120, len(raw)) + raw
    answer = struct.pack("!HHHHHH", ident, 0x8400, 0, 1, 0, 0) + record
    sock.sendto(answer, source)
'''


class MdnsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.here, cls.there = lab.Namespace("here"), lab.Namespace("there")
        lab.connect(cls.here, cls.there)

    def respond(self, family, address):
        process = subprocess.Popen(
            self.there.wrap(sys.executable, "-IS", "-c", RESPONDER, NAME,
                            family, "eth0", address),
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")
        return process

    def start(self, space, *arguments):
        agent = ice_interop.Agent(
            space.wrap(f"{TESTS}/ice_peer", *arguments), arguments[0])
        self.addCleanup(agent.stop)
        return agent

    def connect_by_name(self, ours_at, theirs_at):
        """Theirs is told nothing of where ours is: only what ours finds out by
        the name can bring them together."""
        ours = self.start(self.here, "controlling", ours_at)
        theirs = self.start(self.there, "controlled", theirs_at)
        for agent in (ours, theirs):
            agent.tell("gather")
            lab.wait_until(lambda agent=agent: agent.has("end-of-candidates"),
                           "candidates are gathered")
        ours.tell(theirs.has("credentials"))
        theirs.tell(ours.has("credentials"))
        words = theirs.has("candidate").split(" ")
        self.assertEqual(words[5], theirs_at)
        words[5] = NAME
        ours.tell(" ".join(words))
        return ours

    def check(self, family, ours_at, theirs_at):
        responder = self.respond(family, theirs_at)
        ours = self.connect_by_name(ours_at, theirs_at)
        lab.wait_until(lambda: ours.last("state") == "state connected",
                       "connected")
        self.assertIn(theirs_at, ours.has("resolved"))
        self.assertIn(theirs_at, ours.last("selected"))
        self.assertEqual(responder.stdout.readline(), "asked unicast\n")

    def test_over_ipv4(self):
        self.check("4", OURS, THEIRS)

    def test_over_ipv6(self):
        self.check("6", OURS6, THEIRS6)

    def test_a_name_that_nobody_knows_changes_nothing(self):
        ours = self.connect_by_name(OURS, THEIRS)
        self.assertIsNone(ours.has("ignored"))
        self.assertIsNone(ours.has("resolved"))
        ours.tell("candidate 1 1 UDP 2130706431 nas.local 5000 typ host")
        lab.wait_until(lambda: ours.has("ignored"),
                       "a name of another form is refused")


if __name__ == "__main__":
    lab.enter()
    unittest.main(verbosity=2)
