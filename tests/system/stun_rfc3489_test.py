#!/usr/bin/env python3
"""Programs of RFC 3489 (Vovida's `stund`) and libnat's STUN client.

NATKIT_TESTS names the folder of stun_probe.
"""
import os
import shutil
import subprocess
import sys
import unittest

import ice_interop
import wg_interop_lab as lab

PROBE = os.environ["NATKIT_TESTS"] + "/stun_probe"
FIRST, SECOND = ice_interop.OURS, ice_interop.THEIRS


def probe(mode, endpoint):
    done = subprocess.run([PROBE, mode, endpoint], capture_output=True,
                          text=True, timeout=lab.DEADLINE)
    return done.stdout.split()


class OurClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = subprocess.Popen(["stund", "-h", FIRST, "-a", SECOND],
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.kill)
        # The schedule of retransmits outlives the server's start.
        lab.wait_until(lambda: probe("rfc3489", f"{FIRST}:3478")[0] ==
                       "success", "stund answers")

    def test_old_servers_answer_our_client(self):
        for mode in ("rfc3489", "udp"):
            for server in (f"{FIRST}:3478", f"{SECOND}:3479"):
                with self.subTest(mode=mode, server=server):
                    words = probe(mode, server)
                    self.assertEqual(words[0], "success", words)
                    self.assertIn(words[1].split(":")[0], (FIRST, SECOND))


if __name__ == "__main__":
    if not shutil.which("stund"):
        print("skipped: stun-server is not installed")
        sys.exit(lab.SKIPPED)
    lab.enter()
    ice_interop.set_up_network()
    unittest.main(verbosity=2)
