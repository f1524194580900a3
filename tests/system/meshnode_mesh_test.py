#!/usr/bin/env python3
"""Two nodes behind NATs and a relay: over the relay, then direct."""
import os
import pathlib
import signal
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from meshnode_support import (BIN, DEADLINE, MESHNODE, make_key,  # noqa: E402
                              node_text, run, status, wait_for)
from netsim import Simulation, can_simulate  # noqa: E402

DERPD = str(BIN / "derpd")
SKIPPED = 77  # ctest's SKIP_RETURN_CODE
RELAY = "203.0.113.11"
SCENARIO = f"""
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[host]]
name = "relay"
network = "internet"
address = "{RELAY}"
""" + "".join(f"""
[[network]]
name = "{name}-lan"
cidr = "{cidr}"
[[nat]]
name = "{name}-nat"
profile = "port-restricted"
backend = "kernel"
inside = "{name}-lan"
outside = "internet"
address = "{outside}"
[[host]]
name = "{name}"
network = "{name}-lan"
address = "{inside}"
""" for name, cidr, inside, outside in (
    ("a", "192.168.1.0/24", "192.168.1.7", "203.0.113.101"),
    ("b", "192.168.2.0/24", "192.168.2.7", "203.0.113.102")))
ADDRESSES = {"a": "10.77.0.1", "b": "10.77.0.2"}


class Mesh(unittest.TestCase):
    scenario = SCENARIO
    relay = RELAY

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="meshnode-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.net = Simulation(self.scenario)
        self.addCleanup(self.net.down)
        self.net.up()
        self.nodes = {}

    def control(self, name):
        return self.folder / f"{name}.sock"

    def spawn(self, host, command):
        log = self.folder / f"{host}.log"
        with open(log, "w", encoding="utf-8") as out:
            return self.net.popen(host, command, stdout=out, stderr=out)

    def start_relay(self):
        """Starts derpd; returns the pin of its certificate."""
        self.spawn("relay", [DERPD, "--dev", "--hostname", self.relay,
                             "--listen", f"{self.relay}:443", "--stun-listen",
                             f"{self.relay}:3478"])

        def find_pin():
            for word in (self.folder / "relay.log").read_text().split():
                word = word.strip("\"',;")
                if word.startswith("sha256-raw:"):
                    return word
            return None
        return wait_for("derpd to print its pin", find_pin)

    def start_mesh(self):
        pin = self.start_relay()
        text = f'[[relay]]\nname = "eu"\nhost = "{RELAY}"\npin = "{pin}"\n'
        for name, address in ADDRESSES.items():
            text += node_text(name, make_key(self.folder, name), address)
        (self.folder / "mesh.toml").write_text(text)
        for name in ADDRESSES:
            self.nodes[name] = self.spawn(name, [
                MESHNODE, "up", "--mesh", self.folder / "mesh.toml", "--name",
                name, "--control", self.control(name), "--log-level", "debug"])
        for name in ADDRESSES:
            wait_for(f"{name} to reach the relay",
                     lambda name=name: self.is_at_relay(name))

    def is_at_relay(self, name):
        self.assertIsNone(self.nodes[name].poll(), self.logs())
        state = status(self.control(name))
        return state and state["relays"] == [
            {"name": "eu", "up": True, "home": True}]

    def logs(self):
        return "\n".join(f"--- {path.name}\n{path.read_text()}"
                         for path in sorted(self.folder.glob("*.log")))

    def path(self, name):
        return status(self.control(name))["peers"][0]["path"]

    def ping(self, name, peer, count=3):
        return run("ping", peer, "-c", count, "-i", "0.1", "-W", "20",
                   "--control", self.control(name), timeout=3 * DEADLINE)

    def test_goes_over_the_relay_then_direct_then_down(self):
        for name in ADDRESSES:
            self.net.event(f"{name}-nat", "block-udp")
        self.start_mesh()
        done = self.ping("a", "b")
        self.assertEqual(done.returncode, 0, done.stdout + self.logs())
        self.assertIn("reply from b (10.77.0.2): seq=1 time=", done.stdout)
        self.assertIn("via relay eu", done.stdout)
        self.assertIn("3 sent, 3 received", done.stdout)
        self.assertEqual(self.path("a")["relay"], "eu")

        for name in ADDRESSES:
            self.net.event(f"{name}-nat", "unblock-udp")
        self.become_direct()
        self.check_kernel_ping_and_counters()
        self.check_ends()

    def become_direct(self):
        """Traffic goes on until both ends are direct and what they send goes
        there: a machine that stalls may send them back to the relay."""
        deadline = time.monotonic() + 4 * DEADLINE
        said = ""
        while {self.path(name)["kind"] for name in ADDRESSES} != {"direct"} \
                or "via direct 203.0.113.101:" not in said:
            self.assertLess(time.monotonic(), deadline, said + self.logs())
            self.ping("a", "b", count=5)
            done = self.ping("b", "a")
            self.assertEqual(done.returncode, 0, done.stdout)
            said = done.stdout
        path = wait_for("a to be direct", self.direct_path)
        self.assertTrue(path["remote"].startswith("203.0.113.102:"), path)
        self.assertTrue(path["local"].startswith("192.168.1.7:"), path)
        wait_for("a round trip", lambda: self.path("a")["rtt_ms"] is not None)

    def direct_path(self):
        path = self.path("a")
        return path if path["kind"] == "direct" and path["local"] else None

    def check_kernel_ping_and_counters(self):
        self.net.exec("a", "ping", "-n", "-c", "3", "-i", "0.2", "-W", "10",
                      ADDRESSES["b"])
        state = status(self.control("a"))
        self.assertTrue(any(each.startswith("203.0.113.101:")
                            for each in state["reflexive"]), state)
        peer, = state["peers"]
        self.assertIsNotNone(peer["last_handshake_unix"])
        self.assertGreater(min(peer["rx_bytes"], peer["tx_bytes"]), 0)
        for counter in ("sent_direct", "sent_relayed", "received_direct",
                        "received_relayed"):
            self.assertGreater(state["counters"][counter], 0, counter)
        wait_for("a table with the path", lambda: "direct 203.0.113.102:" in
                 run("status", "--control", self.control("a")).stdout)

    def check_ends(self):
        interfaces = self.net.exec("a", "ip", "-o", "link")
        self.assertIn("natkit0", interfaces)
        down = run("down", "--control", self.control("a"))
        self.assertEqual(down.returncode, 0, down.stderr)
        interfaces = self.net.exec("a", "ip", "-o", "link")
        self.assertNotIn("natkit0", interfaces)
        self.assertEqual(self.nodes["a"].wait(DEADLINE), 0)
        self.nodes["b"].send_signal(signal.SIGTERM)
        self.assertEqual(self.nodes["b"].wait(DEADLINE), 0)
        for name in ADDRESSES:
            self.assertFalse(self.control(name).exists())


if __name__ == "__main__":
    REASON = can_simulate() or (
        None if os.access(DERPD, os.X_OK) else f"{DERPD} is not built")
    if REASON:
        print("skipped:", REASON)
        sys.exit(SKIPPED)
    unittest.main(verbosity=2)
