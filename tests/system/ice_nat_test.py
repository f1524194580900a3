#!/usr/bin/env python3
"""libnat's ICE agent and agents of others, each behind a NAT of its own: the
path is direct, between what a STUN server told each of them.
"""
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import ice_interop  # noqa: E402
import wg_interop_lab as lab  # noqa: E402
from netsim import Simulation, can_simulate  # noqa: E402
from netsim_homes import two_homes  # noqa: E402

TESTS = os.environ["NATKIT_TESTS"]
PACKAGES = os.environ["NATKIT_NPM"]
WERIFT_PEER = pathlib.Path(__file__).parent / "werift" / "werift_peer.js"
STUN = "203.0.113.21:3478"
SCENARIO = two_homes(("ours", "theirs"),
                     'profile = "port-restricted"\nbackend = "kernel"')


class NatTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.net = Simulation(SCENARIO)
        cls.net.up()
        cls.addClassCleanup(cls.net.down)
        # libnice asks STUN servers in the form of RFC 3489.
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        config = pathlib.Path(folder.name) / "stunsrv.toml"
        config.write_text(f'listen = ["{STUN}"]\nrfc3489 = true\n'
                          'rate_limit = 0\n')
        cls.net.popen("stun", [lab.program("stunsrv"), "--quiet", "--config",
                               str(config)])
        lab.wait_until(lambda: cls.net.run(
            "ours", f"{TESTS}/stun_probe", "rfc3489", STUN).returncode == 0,
            "the STUN server answers")
        os.environ["NODE_PATH"] = PACKAGES

    def check(self, their_command, done):
        for role, theirs in (("controlling", "controlled"),
                             ("controlled", "controlling")):
            with self.subTest(our_role=role):
                session = ice_interop.Session(
                    self.net.command("ours", [f"{TESTS}/ice_peer", role,
                                              "--stun", STUN, "192.168.1.10"]),
                    self.net.command("theirs", their_command(theirs)), done)
                self.addCleanup(session.stop)
                session.start()
                session.wait_connected()
                session.exchange()
                _, local, remote = session.ours.last("selected").split()
                self.assertEqual(local.split(":")[0], "203.0.113.101")
                self.assertEqual(remote.split(":")[0], "203.0.113.102")

    @unittest.skipUnless(os.path.exists(f"{TESTS}/nice_peer"), "no libnice")
    def test_libnice(self):
        self.check(lambda role: [f"{TESTS}/nice_peer", role, "--stun", STUN,
                                 "192.168.2.10"], "state ready")

    @unittest.skipUnless(shutil.which("node")
                         and os.path.isdir(f"{PACKAGES}/werift-ice"),
                         "no werift")
    def test_werift(self):
        self.check(lambda role: ["node", WERIFT_PEER, role, "--stun", STUN,
                                 "192.168.2.10"], "connected")


if __name__ == "__main__":
    REASON = can_simulate()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(lab.SKIPPED)
    unittest.main(verbosity=2)
