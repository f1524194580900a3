#!/usr/bin/env python3
"""libnat's ICE agent against that of werift, a WebRTC stack for Node.

NATKIT_TESTS names the folder of ice_peer, NATKIT_NPM that of the Node packages
which scripts/test.sh installs.
"""
import os
import pathlib
import shutil
import sys
import unittest

import ice_interop
import wg_interop_lab as lab

TESTS = os.environ["NATKIT_TESTS"]
PACKAGES = os.environ["NATKIT_NPM"]
PEER = pathlib.Path(__file__).parent / "werift" / "werift_peer.js"


class WeriftTest(ice_interop.InteropCases, unittest.TestCase):
    ice_peer = f"{TESTS}/ice_peer"
    their_done = "connected"

    @classmethod
    def setUpClass(cls):
        ice_interop.set_up_network()
        os.environ["NODE_PATH"] = PACKAGES

    def their_command(self, role):
        return ["node", str(PEER), role, ice_interop.THEIRS]


if __name__ == "__main__":
    if not shutil.which("node") or not os.path.isdir(f"{PACKAGES}/werift-ice"):
        print("skipped: no node, or werift-ice is not in", PACKAGES)
        sys.exit(lab.SKIPPED)
    lab.enter()
    unittest.main(verbosity=2)
