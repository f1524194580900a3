#!/usr/bin/env python3
"""The examples, built against an installed natkit as a reader would, and run."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import ice_interop  # noqa: E402
import wg_interop_lab as lab  # noqa: E402
from netsim import Simulation, can_simulate  # noqa: E402
from netsim_homes import two_homes  # noqa: E402

BUILD = pathlib.Path(os.environ["NATKIT_BIN"]).parent
STUN = "203.0.113.21:3478"
SCENARIO = two_homes(("alice", "bob"),
                     'profile = "port-restricted"')


def run(*command):
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, check=False, timeout=600)
    if done.returncode != 0:
        raise AssertionError(f"{command}:\n{done.stdout}\n{done.stderr}")


class PunchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        run("cmake", "--install", BUILD, "--prefix", root / "prefix")
        run("cmake", "-S", ROOT / "examples" / "punch", "-B", root / "build",
            "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={root / 'prefix'}",
            "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror")
        run("cmake", "--build", root / "build")
        cls.punch = root / "build" / "punch"
        cls.net = Simulation(SCENARIO)
        cls.net.up()
        cls.addClassCleanup(cls.net.down)
        cls.net.popen("stun", [lab.program("stunsrv"), "--quiet", "--listen",
                               STUN])

    def start(self, host):
        agent = ice_interop.Agent(self.net.command(host, [self.punch, STUN]),
                                  host)
        self.addCleanup(agent.stop)
        return agent

    def test_two_people_who_copy_lines_talk_directly(self):
        sides = [self.start(host) for host in ("alice", "bob")]
        for side in sides:
            lab.wait_until(lambda side=side: "" in side.lines,
                           f"{side.name} has gathered")
            self.assertTrue(side.has("credentials "))
        for side, other in zip(sides, reversed(sides)):
            for line in other.lines[:other.lines.index("")]:
                side.tell(line)
        for number, side in zip((2, 1), sides):
            lab.wait_until(lambda side=side: side.has("direct "),
                           f"{side.name} is direct")
            self.assertIn(f"direct 203.0.113.10{number}:",
                          side.has("direct "))
        sides[0].tell("hello from alice")
        lab.wait_until(lambda: sides[1].has("< hello from alice"),
                       "the line arrives")

    def test_mistakes_are_named(self):
        for arguments in ([], ["stun.example.net"], ["[2001:db8::1]:3478"]):
            done = subprocess.run([self.punch, *arguments], text=True,
                                  capture_output=True, check=False, timeout=60)
            self.assertEqual(2, done.returncode)
            self.assertIn("usage: punch", done.stderr)
        done = subprocess.run(
            self.net.command("alice", [self.punch, STUN]), text=True,
            input="credentials x\ngarbage\n", capture_output=True, check=False,
            timeout=60)
        self.assertIn("these are no credentials", done.stderr)
        self.assertIn("this is no candidate: garbage", done.stderr)


if __name__ == "__main__":
    REASON = can_simulate()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(lab.SKIPPED)
    unittest.main(verbosity=2)
