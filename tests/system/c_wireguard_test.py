#!/usr/bin/env python3
"""A C program on natkit/wireguard.h (tests/c/wg_peer.c) against wireguard-go,
configured with the `wg` tool.

NATKIT_TESTS names the folder of the test programs.
"""
import os
import pathlib
import sys
import tempfile
import unittest

import wg_interop_lab as lab

HELPER = str(pathlib.Path(__file__).with_name("wg_interop_helper.py"))
PEER = [str(pathlib.Path(os.environ.get(
    "NATKIT_TESTS", pathlib.Path(__file__).parents[2] / "build/tests"))
    / "c_wg_peer")]


def helper(host, *arguments):
    return host.start(sys.executable, HELPER, *map(str, arguments),
                      stdout=lab.subprocess.PIPE, text=True)


class CPeer(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.pair = lab.Pair(PEER, folder.name)
        self.addCleanup(self.pair.close)
        self.ours = self.pair.ours
        self.theirs = self.pair.theirs

    def tearDown(self):
        self.assertIsNone(self.ours.process.poll(),
                          pathlib.Path(self.ours.log).read_text())
        self.assertEqual(0, self.ours.stop())

    def assert_up(self, count=20):
        for tunnel in (self.ours, self.theirs):
            self.assertGreater(int(tunnel.peer_value("latest-handshakes")), 0)
        for one, other in ((self.ours, self.theirs), (self.theirs, self.ours)):
            self.assertTrue(one.ping(other.v4, count))
            self.assertTrue(one.ping(other.v6, count))

    def test_handshake_started_by_us(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        self.assert_up()
        received, sent = self.ours.transfer()
        self.assertGreater(received, 0)
        self.assertGreater(sent, 0)

    def test_handshake_started_by_wireguard_go(self):
        self.pair.introduce(self.theirs)
        self.theirs.wait_ping(self.ours.v4)
        self.assert_up()

    def test_over_ipv6(self):
        self.pair.introduce(self.ours, 6)
        self.ours.wait_ping(self.theirs.v6)
        self.assertIn("2001:db8::1", self.theirs.peer_value("endpoints"))
        self.assert_up()

    def test_bulk_both_ways(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        for client, server in ((self.ours, self.theirs),
                               (self.theirs, self.ours)):
            self.exchange(client, server, server.v4)
        # Eight megabytes each way, twice.
        self.assertGreater(min(self.ours.transfer()), 16 << 20)

    def exchange(self, client, server, address):
        listening = helper(server.host, "serve", address, 7000)
        self.assertEqual(listening.stdout.readline(), "ready\n")
        sending = helper(client.host, "exchange", address, 7000)
        sent, _ = sending.communicate(timeout=4 * lab.DEADLINE)
        received, _ = listening.communicate(timeout=lab.DEADLINE)
        self.assertEqual(sending.returncode, 0)
        self.assertEqual(sent, received)
        self.assertEqual(len(sent.strip()), 64)

    def test_preshared_key(self):
        psk = lab.run("wg", "genpsk")
        self.pair.introduce(self.ours)
        self.ours.set_peer(self.theirs, "preshared-key", "/dev/stdin",
                           text=psk)
        self.theirs.set_peer(self.ours, "preshared-key", "/dev/stdin",
                             text=psk)
        self.ours.wait_ping(self.theirs.v4)
        self.assert_up(5)

    def test_the_peer_changes_its_port_under_traffic(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        self.theirs.wg("set", self.theirs.name, "listen-port", "45678")
        self.theirs.wait_ping(self.ours.v4)
        self.assertTrue(self.ours.peer_value("endpoints").endswith(":45678"))
        self.assert_up(5)

    def test_we_change_our_port_and_key(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        self.ours.wg("set", self.ours.name, "listen-port", "45679")
        self.ours.wait_ping(self.theirs.v4)
        self.assertTrue(self.theirs.peer_value("endpoints").endswith(":45679"))
        key = lab.run("wg", "genkey").strip()
        old = self.ours.public_key
        self.ours.public_key = lab.run("wg", "pubkey", text=key).strip()
        self.theirs.wg("set", self.theirs.name, "peer", old, "remove")
        self.theirs.allow(self.ours)
        self.ours.wg("set", self.ours.name, "private-key", "/dev/stdin",
                     text=key)
        self.ours.wait_ping(self.theirs.v4)
        self.assert_up(5)

    def test_persistent_keepalive_needs_no_traffic(self):
        self.pair.introduce(self.ours)
        self.ours.set_peer(self.theirs, "persistent-keepalive", "1")
        lab.wait_until(lambda: int(self.theirs.peer_value(
            "latest-handshakes") or 0) > 0, "a handshake")
        before = self.theirs.transfer()[0]
        lab.wait_until(lambda: self.theirs.transfer()[0] > before,
                       "another keepalive")


if __name__ == "__main__":
    lab.enter()
    unittest.main(verbosity=2)
