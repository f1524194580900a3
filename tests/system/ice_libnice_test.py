#!/usr/bin/env python3
"""libnat's ICE agent against libnice's.

NATKIT_TESTS names the folder of ice_peer and nice_peer.
"""
import os
import sys
import unittest

import ice_interop
import wg_interop_lab as lab

TESTS = os.environ["NATKIT_TESTS"]


class LibniceTest(ice_interop.InteropCases, unittest.TestCase):
    ice_peer = f"{TESTS}/ice_peer"
    their_done = "state ready"
    their_addresses = (ice_interop.THEIRS,)

    @classmethod
    def setUpClass(cls):
        ice_interop.set_up_network()

    def their_command(self, role):
        return [f"{TESTS}/nice_peer", role, *self.their_addresses]

    def test_ipv6_and_both_families(self):
        ours, ours6 = ice_interop.OURS, ice_interop.OURS6
        for addresses, theirs in (
                ((ours6,), (ice_interop.THEIRS6,)),
                ((ours, ours6), (ice_interop.THEIRS6, ice_interop.THEIRS))):
            for role in ("controlling", "controlled"):
                with self.subTest(addresses=addresses, our_role=role):
                    self.their_addresses = theirs
                    session = self.begin(role, ours=addresses)
                    session.wait_connected()
                    session.exchange()

    def test_a_role_conflict_is_resolved(self):
        for role in ("controlling", "controlled"):
            self.check_session(role, their_role=role)


if __name__ == "__main__":
    if not os.path.exists(f"{TESTS}/nice_peer"):
        print("skipped: built without libnice")
        sys.exit(lab.SKIPPED)
    lab.enter()
    unittest.main(verbosity=2)
