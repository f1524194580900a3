#!/usr/bin/env python3
"""Clients of derpd by the C API alone: c_derp_peer is a C program that speaks
DERP over natkit's TLS and has nothing but natkit/natkit.h and libnatkit.so.

NATKIT_TESTS names the folder of c_derp_peer, NATKIT_BIN that of derpd.
"""
import os
import subprocess
import threading
import unittest

import derpd_test

PEER = os.path.join(os.environ.get("NATKIT_TESTS", "build/tests"),
                    "c_derp_peer")


class Peer:
    """One program; its lines are read by a thread so that it never blocks."""

    def __init__(self, port, pin):
        self.process = subprocess.Popen(
            [PEER, str(port), pin], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            bufsize=1)
        self.lines = []
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.lines.append(None)
            self.news.notify_all()

    def expect(self, prefix):
        """The first line that begins so."""
        with self.news:
            def find():
                return next((line for line in self.lines
                             if line is None or line.startswith(prefix)), "")
            self.news.wait_for(lambda: find() != "", derpd_test.DEADLINE)
            assert find(), f"no {prefix} in {self.lines}"
            return find()

    def tell(self, line):
        self.process.stdin.write(line + "\n")

    def stop(self):
        """What it wrote to stderr, and its status."""
        if self.process.poll() is None:
            self.tell("quit")
        status = self.process.wait(derpd_test.DEADLINE)
        self.reader.join(derpd_test.DEADLINE)
        errors = self.process.stderr.read()
        for stream in (self.process.stdin, self.process.stdout,
                       self.process.stderr):
            stream.close()
        return status, errors


class CDerpTest(unittest.TestCase):
    def setUp(self):
        self.derpd = derpd_test.Derpd("--dev")
        self.addCleanup(self.derpd.stop)
        self.pin = self.derpd.expect(r"certificate pin (sha256-raw:\w{64})")

    def open(self):
        peer = Peer(self.derpd.port, self.pin)
        self.addCleanup(lambda: peer.process.poll() is None and peer.stop())
        peer.expect("connected")
        return peer, peer.expect("key ").split()[1]

    def test_packets_pass_both_ways(self):
        a, a_key = self.open()
        b, b_key = self.open()
        for peer in (a, b):
            self.assertEqual(peer.expect("start "), "start fast")
        a.tell(f"send {b_key} from a")
        self.assertEqual(b.expect("packet "), f"packet {a_key} from a")
        b.tell(f"send {a_key} from b")
        self.assertEqual(a.expect("packet "), f"packet {b_key} from b")
        a.tell("ping")
        a.expect("pong")
        # The relay tells those who talked with it that one is gone.
        self.assertEqual(b.stop(), (0, ""))
        self.assertEqual(a.expect("gone "), f"gone {b_key}")
        self.assertEqual(a.stop(), (0, ""))

    def test_another_certificate_is_refused(self):
        digit = "0" if self.pin[-1] != "0" else "1"
        peer = Peer(self.derpd.port, self.pin[:-1] + digit)
        peer.process.wait(derpd_test.DEADLINE)
        status, errors = peer.stop()
        self.assertEqual(status, 1)
        self.assertIn("certificate differs from the pinned one", errors)
        self.assertNotIn("connected", peer.lines)

    def test_the_end_of_the_relay_is_told(self):
        a, _ = self.open()
        self.assertEqual(self.derpd.stop(), 0)
        a.expect("closed")
        self.assertEqual(a.process.wait(derpd_test.DEADLINE), 0)
        a.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
