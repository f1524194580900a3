#!/usr/bin/env python3
"""natcheck --full measures the lifetimes of a kernel's NAT and what refreshes it.

The timers of connection tracking are scaled down (nat.md 6.3).
"""
import json
import pathlib
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "support"))
from natcheck_test import BIN, SCENARIO, SECOND, SERVER, wait_for  # noqa: E402
from netsim import NetsimError, Simulation, can_simulate  # noqa: E402

UNREPLIED, ASSURED = 8, 17


def measure():
    with Simulation(f'{SCENARIO}profile = "linux-masquerade"\n'
                    f'backend = "kernel"\n'
                    f'udp_timeout = "{UNREPLIED}s"\n'
                    f'udp_stream_timeout = "{ASSURED}s"\n') as net:
        net.exec("server", "ip", "addr", "add", f"{SECOND}/24", "dev", "eth0")
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
            config.write(f'discovery_addresses = ["{SERVER}", "{SECOND}"]\n')
            config.flush()
            server = net.popen("server", [BIN / "stunsrv", "--config",
                                          config.name], stderr=-1, text=True)
            with server.stderr:
                wait_for(server, "listening")
                done = net.run("laptop", BIN / "natcheck", "--json", "--full",
                               "--longest", "20", "--server", SERVER,
                               timeout=600)
                server.terminate()
    if not done.stdout:
        raise NetsimError(f"natcheck: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["families"][0]


class Full(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.report = measure()

    def assert_within(self, axis, seconds):
        verdict = self.report["verdicts"][axis]
        self.assertEqual("determined", verdict["outcome"], verdict)
        alive, dead = map(int, verdict["value"].removesuffix(" s").split("-"))
        # The kernel may be late in noticing; natcheck's clock is its own.
        self.assertLessEqual(alive, seconds + 2, verdict)
        self.assertGreaterEqual(dead + 1, seconds, verdict)

    def test_lifetimes(self):
        self.assert_within("unreplied_lifetime", UNREPLIED)
        self.assert_within("one_exchange_lifetime", UNREPLIED)
        self.assert_within("assured_lifetime", ASSURED)

    def test_both_directions_refresh_each_session(self):
        for axis, value in (("outbound_refresh", "yes"),
                            ("inbound_refresh", "yes"),
                            ("timer_scope", "session")):
            verdict = self.report["verdicts"][axis]
            self.assertEqual(("determined", value),
                             (verdict["outcome"], verdict["value"]), verdict)
        self.assertIs(True, self.report["traits"]["refreshed_by_outbound"])

    def test_the_advice_keeps_the_mapping(self):
        self.assertLess(self.report["keepalive"], ASSURED)
        advice, = [line for line in self.report["summary"]
                   if line.startswith("To stay reachable")]
        self.assertIn("to each peer", advice)


if __name__ == "__main__":
    if REASON := can_simulate():
        print(f"skipped: {REASON}")
        sys.exit(77)
    sys.exit(unittest.main())
