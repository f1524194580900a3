#!/usr/bin/env python3
"""The ICE core and the agent of the C API against libnice's: c_ice_peer and
c_agent_peer are C programs that have nothing but natkit/natkit.h and
libnatkit.so.

NATKIT_TESTS names the folder of them and of nice_peer.
"""
import os
import sys
import unittest

import ice_libnice_test
import wg_interop_lab as lab


class CLibniceTest(ice_libnice_test.LibniceTest):
    ice_peer = f"{ice_libnice_test.TESTS}/c_ice_peer"


class CAgentLibniceTest(ice_libnice_test.LibniceTest):
    """Sockets, time and paths are the library's here."""
    ice_peer = f"{ice_libnice_test.TESTS}/c_agent_peer"

    @classmethod
    def setUpClass(cls):
        pass  # the other class has done it


def load_tests(loader, tests, pattern):
    # What the base class tests is tested by its own module.
    return unittest.TestSuite(
        loader.loadTestsFromTestCase(case)
        for case in (CLibniceTest, CAgentLibniceTest))


if __name__ == "__main__":
    if not os.path.exists(f"{ice_libnice_test.TESTS}/nice_peer"):
        print("skipped: built without libnice")
        sys.exit(lab.SKIPPED)
    lab.enter()
    unittest.main(verbosity=2)
