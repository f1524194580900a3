#!/usr/bin/env python3
"""Nodes in real namespaces where one NAT takes another random port for each
destination: over the relay, then direct where both owners allow probing, and
nothing is probed where one does not."""
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import meshnode_mesh_test as mesh  # noqa: E402
from meshnode_support import (BIN, DEADLINE, MESHNODE, make_key,  # noqa: E402
                              node_text, run, status, wait_for)
from netsim import can_simulate  # noqa: E402

STUNSRV = str(BIN / "stunsrv")
STUN = ("203.0.113.21", "203.0.113.22")
PORT = 51820
ALLOWED = "hard_nat = true"
OPENER_TTL = 5
ATTEMPTS = 4  # an attempt hits in 99 of 100 cases

# What an attempt opens with leaves by other ports than the node's own, by which
# ICE sends openers too.
OTHERS = f'oifname != "natkit0" udp sport != {{ 53, {PORT} }}'
# The budget is 100 packets per second; the kernel's clock is not the node's.
TOO_FAST = "limit rate over 105/second burst 20 packets"
COUNTERS = f"""
table inet counters {{
  counter openers {{ }}
  counter toofast {{ }}
  chain out {{
    type filter hook output priority 0;
    {OTHERS} ip ttl {OPENER_TTL} counter name openers
    {OTHERS} {TOO_FAST} counter name toofast
  }}
}}
"""


def scenario(profile_of_b):
    return f"""
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
""" + "".join(f"""
[[host]]
name = "{name}"
network = "internet"
address = "{address}"
""" for name, address in (("relay", mesh.RELAY), ("stun1", STUN[0]),
                          ("stun2", STUN[1]))) + "".join(f"""
[[network]]
name = "{name}-lan"
cidr = "{cidr}"
[[nat]]
name = "{name}-nat"
profile = "{profile}"
backend = "kernel"
inside = "{name}-lan"
outside = "internet"
address = "{outside}"
[[host]]
name = "{name}"
network = "{name}-lan"
address = "{inside}"
""" for name, profile, cidr, inside, outside in (
        ("a", "port-restricted", "192.168.1.0/24", "192.168.1.7",
         "203.0.113.101"),
        ("b", profile_of_b, "192.168.2.0/24", "192.168.2.7",
         "203.0.113.102")))


class Hard(mesh.Mesh):
    test_goes_over_the_relay_then_direct_then_down = None
    profile_of_b = "linux-random-fully"

    @property
    def scenario(self):
        return scenario(self.profile_of_b)

    def write_mesh(self, allowed):
        pin = self.start_relay()
        text = (f'[[relay]]\nname = "eu"\nhost = "{mesh.RELAY}"\n'
                f'pin = "{pin}"\n')
        for number, address in enumerate(STUN, 1):
            self.spawn(f"stun{number}", [STUNSRV, "--listen",
                                         f"{address}:3478"])
            text += f'[[stun]]\nhost = "{address}"\n'
        for name, address in mesh.ADDRESSES.items():
            more = [ALLOWED] if name in allowed else []
            text += node_text(name, make_key(self.folder, name), address,
                              f"listen_port = {PORT}", "port_mapping = false",
                              *more)
        (self.folder / "mesh.toml").write_text(text)
        for name in mesh.ADDRESSES:
            self.net.run(name, "nft", "-f", "-", input=COUNTERS, check=True)

    def start_nodes(self):
        for name in mesh.ADDRESSES:
            self.nodes[name] = self.spawn(name, [
                MESHNODE, "up", "--mesh", self.folder / "mesh.toml", "--name",
                name, "--control", self.control(name), "--log-level", "debug"])
        for name in mesh.ADDRESSES:
            wait_for(f"{name} to reach the relay",
                     lambda name=name: self.is_at_relay(name))

    def stop_nodes(self):
        for name in mesh.ADDRESSES:
            run("down", "--control", self.control(name))
            self.nodes[name].wait(DEADLINE)

    def counted(self, name, counter):
        text = self.net.exec(name, "nft", "list", "counter", "inet",
                             "counters", counter)
        return int(text.split("packets ")[1].split()[0])

    def why(self, name, peer):
        return run("status", "--why", peer, "--control",
                   self.control(name)).stdout

    def udp_ports(self, name):
        """Ports of the node's own UDP sockets of IPv4."""
        lines = self.net.exec(name, "ss", "-Hlunp4").splitlines()
        return [line.split()[3].rsplit(":", 1)[1] for line in lines
                if "meshnode" in line]

    def start_stream(self):
        """Pings through the tunnel; the kernel drives both nodes."""
        stream = self.net.popen("a", ["ping", "-n", "-i", "0.2",
                                      mesh.ADDRESSES["b"]],
                                stdout=subprocess.DEVNULL)

        def end():
            stream.terminate()
            stream.wait(DEADLINE)
        self.addCleanup(end)
        return end

    def outcome(self):
        """What became of an attempt, or None while it goes on."""
        if {self.path(name)["kind"] for name in mesh.ADDRESSES} == {"direct"}:
            return "direct"
        if all("without success" in self.why(name, peer)
               for name, peer in (("a", "b"), ("b", "a"))):
            return "failed"
        return None


class Allowed(Hard):
    def test_becomes_direct_where_both_owners_allow_it(self):
        self.write_mesh(mesh.ADDRESSES)
        for attempt in range(ATTEMPTS):
            self.start_nodes()
            end = self.start_stream()
            came_to = wait_for("an attempt to end", self.outcome, 4 * DEADLINE)
            if came_to == "direct":
                break
            print("attempt", attempt + 1, "found nothing")
            end()
            self.stop_nodes()
        self.assertEqual("direct", came_to, self.logs())
        self.check_direct()
        self.check_what_was_sent()

    def check_direct(self):
        self.net.exec("a", "ping", "-n", "-c", "5", "-i", "0.2", "-W", "10",
                      mesh.ADDRESSES["b"])
        done = self.ping("b", "a")
        self.assertIn("via direct 203.0.113.101:", done.stdout)
        path = self.path("a")
        self.assertTrue(path["remote"].startswith("203.0.113.102:"), path)
        # Consent and keepalives hold it: still there after more traffic.
        self.ping("a", "b", count=50)
        self.assertEqual("direct", self.path("a")["kind"])
        self.assertEqual("direct", self.path("b")["kind"])

    def check_what_was_sent(self):
        for name in mesh.ADDRESSES:
            counters = status(self.control(name))["counters"]
            self.assertEqual(1, counters["hard_attempts"], counters)
            self.assertLessEqual(counters["hard_datagrams"], 4096)
        # Openers left with their low TTL, by sockets of their own.
        self.assertGreater(self.counted("b", "openers"), 0)
        self.assertLessEqual(self.counted("b", "openers"), 4096 * ATTEMPTS)
        self.assertEqual(0, self.counted("a", "openers"))
        for name in mesh.ADDRESSES:
            self.assertEqual(0, self.counted(name, "toofast"))
        # The losers are closed.
        self.assertEqual([str(PORT)], self.udp_ports("a"))
        self.assertEqual(2, len(self.udp_ports("b")), self.udp_ports("b"))


class NarrowRange(Allowed):
    """The ports of FreeBSD's pf: far fewer probes suffice."""
    profile_of_b = "bsd-pf"


class NotAllowed(Hard):
    def test_probes_nothing_unless_both_owners_allow_it(self):
        for number, allowed in enumerate(((), ("a",), ("b",))):
            with self.subTest(allowed=allowed):
                if number > 0:
                    self.net.down()
                    self.setUp()
                self.write_mesh(allowed)
                self.check_relayed()
                self.stop_nodes()

    def check_relayed(self):
        self.start_nodes()
        end = self.start_stream()
        # Whoever forbids it says so; the other one learns it by asking.
        wait_for("a node to say why", lambda: "not allowed" in
                 self.why("a", "b") + self.why("b", "a"))
        self.ping("a", "b", count=60)
        for name in mesh.ADDRESSES:
            self.assertEqual("relay", self.path(name)["kind"])
            self.assertEqual(0, self.counted(name, "openers"))
            self.assertEqual([str(PORT)], self.udp_ports(name))
            counters = status(self.control(name))["counters"]
            self.assertLessEqual(counters["hard_datagrams"], 64)
        end()


del Hard

if __name__ == "__main__":
    REASON = can_simulate() or next(
        (f"{program} is not built" for program in (mesh.DERPD, STUNSRV)
         if not os.access(program, os.X_OK)), None)
    if REASON:
        print("skipped:", REASON)
        sys.exit(mesh.SKIPPED)
    unittest.main(verbosity=2)
