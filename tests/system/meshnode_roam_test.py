#!/usr/bin/env python3
"""Nodes in real namespaces that move, and a path that eats WireGuard: the
session stays and a stream through the tunnel goes on. How long it may pause is
asserted in virtual time (tests/sim/mesh_path_sim_test.cc); here wide bounds
hold, since a test machine may lose seconds at any time."""
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import meshnode_mesh_test as mesh  # noqa: E402
from meshnode_support import DEADLINE, status, wait_for  # noqa: E402
from netsim import can_simulate  # noqa: E402

PAUSE = 20  # seconds
# The first byte behind the UDP header: 4 is WireGuard's transport data.
EATER = """
table inet eater {
  chain in { type filter hook input priority 0;
    iifname != "lo" meta l4proto udp @th,64,8 4 drop; }
  chain out { type filter hook output priority 0;
    oifname != "natkit0" meta l4proto udp @th,64,8 4 drop; }
}
"""


class Stream:
    """A ping in the tunnel, ten times a second."""

    def __init__(self, net, host, address):
        self.ping = net.popen(host, ["ping", "-n", "-D", "-i", "0.1", address],
                              stdout=subprocess.PIPE, text=True)
        self.times = []

    def wait_for_replies(self, count):
        """Reads on until `count` more replies came."""
        wanted = len(self.times) + count
        while len(self.times) < wanted:
            line = self.ping.stdout.readline()
            if not line:
                raise AssertionError("ping ended")
            match = re.match(r"\[([0-9.]+)\] \d+ bytes", line)
            if match:
                self.times.append(float(match[1]))

    def longest_pause(self):
        return max(b - a for a, b in zip(self.times, self.times[1:]))

    def end(self):
        self.ping.terminate()
        self.ping.wait(DEADLINE)
        self.ping.stdout.close()


class Roam(mesh.Mesh):
    test_goes_over_the_relay_then_direct_then_down = None

    def start_stream(self):
        self.start_mesh()
        self.become_direct()
        stream = Stream(self.net, "b", mesh.ADDRESSES["a"])
        self.addCleanup(stream.end)
        stream.wait_for_replies(20)
        return stream

    def kinds(self):
        return {self.path(name)["kind"] for name in mesh.ADDRESSES}

    def sessions(self):
        return {name: status(self.control(name))["peers"][0]
                ["last_handshake_unix"] for name in mesh.ADDRESSES}

    def test_a_new_address_keeps_the_session(self):
        stream = self.start_stream()
        before = self.sessions()
        device = self.net.exec("a", "ip", "-o", "-4", "addr", "show", "to",
                               "192.168.1.7").split()[1]
        self.net.exec("a", "sh", "-c",
                      f"ip addr del 192.168.1.7/24 dev {device} && "
                      f"ip addr add 192.168.1.9/24 dev {device} && "
                      f"ip route replace default via 192.168.1.1 dev {device}")
        stream.wait_for_replies(30)
        print(f"longest pause {stream.longest_pause():.3f} s")
        self.assertLess(stream.longest_pause(), PAUSE, self.logs())
        wait_for("both to be direct from the new address", lambda:
                 self.kinds() == {"direct"} and
                 (self.path("a")["local"] or "").startswith("192.168.1.9:"))
        stream.wait_for_replies(10)
        self.assertEqual(before, self.sessions())

    def test_a_path_that_eats_wireguard_is_left(self):
        stream = self.start_stream()
        self.net.exec("a", "nft", EATER)
        wait_for("both to take the relay",
                 lambda: self.kinds() == {"relay"})
        stream.wait_for_replies(20)
        print(f"longest pause {stream.longest_pause():.3f} s")
        self.assertLess(stream.longest_pause(), PAUSE, self.logs())
        self.net.exec("a", "nft", "delete table inet eater")
        wait_for("the direct path to be trusted again",
                 lambda: self.kinds() == {"direct"}, 3 * DEADLINE)
        stream.wait_for_replies(10)


if __name__ == "__main__":
    REASON = can_simulate() or (
        None if os.access(mesh.DERPD, os.X_OK) else "derpd is not built")
    if REASON:
        print("skipped:", REASON)
        sys.exit(mesh.SKIPPED)
    unittest.main(verbosity=2)
