#!/usr/bin/env python3
"""The ICE agent of the C API against libnice's: c_ice_peer is a C program that
has nothing but natkit/natkit.h and libnatkit.so.

NATKIT_TESTS names the folder of c_ice_peer and nice_peer.
"""
import os
import sys
import unittest

import ice_libnice_test
import wg_interop_lab as lab


class CLibniceTest(ice_libnice_test.LibniceTest):
    ice_peer = f"{ice_libnice_test.TESTS}/c_ice_peer"


def load_tests(loader, tests, pattern):
    # What the base class tests is tested by its own module.
    return loader.loadTestsFromTestCase(CLibniceTest)


if __name__ == "__main__":
    if not os.path.exists(f"{ice_libnice_test.TESTS}/nice_peer"):
        print("skipped: built without libnice")
        sys.exit(lab.SKIPPED)
    lab.enter()
    unittest.main(verbosity=2)
