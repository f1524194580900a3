#!/usr/bin/env python3
"""What `meshnode status --why` says where no path is direct, and routers of
stock Linux that move a mapping when a packet comes too early. What `meshnode
netcheck` says behind such NATs."""
import json
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import meshnode_mesh_test as base  # noqa: E402
from meshnode_support import (BIN, DEADLINE, MESHNODE, make_key,  # noqa: E402
                              node_text, run, status, wait_for)
from netsim import can_simulate  # noqa: E402

RELAY = base.RELAY
STUNSRV = str(BIN / "stunsrv")
STUN = "203.0.113.12"
STUN_HOST = f"""
[[host]]
name = "stun"
network = "internet"
address = "{STUN}"
"""
KEYS = {"peer", "reason", "summary", "ours", "theirs", "cells", "tried",
        "fixes"}


def with_nat(scenario, name, profile, backend):
    """Replaces a home's NAT."""
    before = f'name = "{name}-nat"\nprofile = "port-restricted"\n' \
             'backend = "kernel"\n'
    assert before in scenario
    return scenario.replace(before, f'name = "{name}-nat"\nprofile = '
                                    f'"{profile}"\nbackend = "{backend}"\n')


class TwoServers(base.Mesh):
    """A second STUN server shows what kind of NAT it is."""
    test_goes_over_the_relay_then_direct_then_down = None

    def start_mesh(self):
        pin = self.start_relay()
        self.spawn("stun", [STUNSRV, "--listen", f"{STUN}:3478",
                            "--rate-limit", "0"])
        text = f'[[relay]]\nname = "eu"\nhost = "{RELAY}"\npin = "{pin}"\n' \
               f'[[stun]]\nhost = "{STUN}"\n'
        for name, address in base.ADDRESSES.items():
            text += node_text(name, make_key(self.folder, name), address)
        (self.folder / "mesh.toml").write_text(text)
        for name in base.ADDRESSES:
            self.nodes[name] = self.spawn(name, [
                MESHNODE, "up", "--mesh", self.folder / "mesh.toml", "--name",
                name, "--control", self.control(name), "--log-level", "debug"])
        for name in base.ADDRESSES:
            wait_for(f"{name} to reach the relay",
                     lambda name=name: self.is_at_relay(name))

    def why(self, name, peer):
        done = run("status", "--why", peer, "--json", "--control",
                   self.control(name))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def why_text(self, name, peer):
        done = run("status", "--why", peer, "--control", self.control(name))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class HardPair(TwoServers):
    scenario = with_nat(base.SCENARIO + STUN_HOST, "b", "symmetric-random",
                        "engine")

    def test_names_the_networks_the_cell_and_what_helps(self):
        self.start_mesh()
        idle = self.why("a", "b")
        self.assertEqual(set(idle), KEYS)
        self.assertEqual(idle["reason"], "idle")
        self.assertEqual([fix["code"] for fix in idle["fixes"]],
                         ["send-traffic"])

        def is_explained():
            self.ping("a", "b", count=1)
            return self.why("a", "b")["reason"] == "nat-pair" and \
                self.why("b", "a")["reason"] == "nat-pair"
        wait_for("the end of the search", is_explained, 2 * DEADLINE)
        self.check_json()
        self.check_text()
        unknown = run("status", "--why", "nobody", "--control",
                      self.control("a"))
        self.assertNotEqual(unknown.returncode, 0)
        self.assertIn("nobody", unknown.stderr)

    def check_json(self):
        why = self.why("a", "b")
        self.assertEqual(set(why), KEYS)
        self.assertTrue(why["cells"])
        for cell in why["cells"]:
            self.assertEqual(set(cell), {"ours", "theirs", "reach"})
            self.assertEqual(cell["ours"], "EI/APD")
            # Servers with one port each cannot tell one from the other.
            self.assertRegex(cell["theirs"], "^(AD|APD)/")
            self.assertIn(cell["reach"], ("one-way", "nothing"))
        for fix in why["fixes"]:
            self.assertEqual(set(fix), {"code", "side", "reason"})
        fixes = {(fix["code"], fix["side"]) for fix in why["fixes"]}
        self.assertLessEqual({
            ("forward-port", "ours"), ("forward-port", "theirs"),
            ("enable-port-mapping", "ours"), ("leave-hard-nat", "theirs"),
            ("use-ipv6", "both"), ("allow-hard-punch", "both")}, fixes)
        mirrored = {(fix["code"], fix["side"])
                    for fix in self.why("b", "a")["fixes"]}
        self.assertIn(("leave-hard-nat", "ours"), mirrored)
        self.assertNotIn(("leave-hard-nat", "theirs"), mirrored)

    def check_text(self):
        text = self.why_text("a", "b")
        for line in (
                "b: these two NATs do not let each other's packets in: "
                "EI/APD against AD/any or APD/any",
                "reason    nat-pair",
                "endpoint-independent mapping",
                "only addresses and ports that were sent to may answer",
                "a symmetric NAT",
                "every pair of known addresses was checked",
                "our router was asked for a port",
                "probing many ports is not allowed",
                "forward-port (ours): ",
                "leave-hard-nat (theirs): "):
            self.assertIn(line, text)


class Netcheck(TwoServers):
    scenario = with_nat(base.SCENARIO + STUN_HOST, "b", "symmetric-random",
                        "engine")

    def netcheck(self, name, *options, code=0):
        done = self.net.run(name, MESHNODE, "netcheck", *options,
                            timeout=2 * DEADLINE)
        self.assertEqual(code, done.returncode,
                         done.stdout + done.stderr + self.logs())
        return done.stdout

    def report(self, name):
        return json.loads(self.netcheck(name, "--json", "--control",
                                        self.control(name)))

    def test_tells_what_each_network_allows(self):
        self.start_mesh()
        cone, symmetric = self.report("a"), self.report("b")
        for report, outside in ((cone, "203.0.113.101:"),
                                (symmetric, "203.0.113.102:")):
            self.assertTrue(report["udp"])
            self.assertTrue(report["IPv4"])
            self.assertFalse(report["IPv6"])
            self.assertTrue(report["GlobalV4"].startswith(outside), report)
            self.assertEqual("eu", report["preferred_relay"])
            relay, = report["relays"]
            self.assertTrue(relay["home"])
            self.assertGreater(relay["udp_ipv4_ms"], 0)
            self.assertGreater(relay["tcp_ms"], 0)
            self.assertIsNone(relay["error"])
            self.assertEqual({"eu"}, set(report["RegionLatency"]))
            self.assertEqual([], report["port_mapping"]["services"])
            self.assertEqual(2, len(report["ipv4"]["servers"]))
        self.assertIs(False, cone["MappingVariesByDestIP"])
        self.assertEqual("endpoint-independent", cone["ipv4"]["mapping"])
        self.assertEqual(1, len(cone["ipv4"]["seen"]))
        self.assertIs(True, symmetric["MappingVariesByDestIP"])
        self.assertEqual(2, len(symmetric["ipv4"]["seen"]))
        self.check_without_a_node()
        self.net.event("b-nat", "block-udp")
        self.check_blocked()
        self.net.event("b-nat", "unblock-udp")

    def check_without_a_node(self):
        by_file = self.netcheck("b", "--mesh", self.folder / "mesh.toml")
        self.assertIn("varies by destination", by_file)
        self.assertRegex(by_file, r"(?m)^  eu +\d+\.\d ms$")
        one = self.netcheck("a", "--stun", STUN)
        self.assertIn("two servers with different addresses", one)
        self.assertIn("nearest relay   none", one)

    def check_blocked(self):
        """The relay is still reached, by TCP."""
        report = self.report("b")
        self.assertIs(False, report["UDP"])
        self.assertIsNone(report["MappingVariesByDestIP"])
        self.assertEqual("eu", report["PreferredDERP"])
        relay, = report["relays"]
        self.assertIsNone(relay["udp_ipv4_ms"])
        self.assertGreater(relay["tcp_ms"], 0)
        self.netcheck("b", "--stun", STUN, code=1)


class BlockedUdp(TwoServers):
    scenario = base.SCENARIO + STUN_HOST

    def test_names_the_side_that_blocks(self):
        self.net.event("b-nat", "block-udp")
        self.start_mesh()

        def is_explained():
            self.ping("a", "b", count=1)
            return self.why("a", "b")["reason"] == "udp-blocked" and \
                self.why("b", "a")["reason"] == "udp-blocked"
        wait_for("the end of STUN's patience", is_explained, 3 * DEADLINE)
        self.assertIn("allow-udp (theirs): ", self.why_text("a", "b"))
        self.assertIn("allow-udp (ours): ", self.why_text("b", "a"))
        self.net.event("b-nat", "unblock-udp")

        def is_direct():
            self.ping("a", "b", count=2)
            return self.path("a")["kind"] == self.path("b")["kind"] == "direct"
        wait_for("a direct path after that advice", is_direct, 3 * DEADLINE)
        self.assertEqual(self.why("a", "b")["reason"], "direct")
        self.assertEqual(self.why("a", "b")["fixes"], [])


class Poisonable(TwoServers):
    """The kernel's NAT with an open INPUT chain, on both sides, one hop from
    each other: openers poison, too."""
    scenario = with_nat(with_nat(
        base.SCENARIO.replace('cidr = "203.0.113.0/24"\n',
                              'cidr = "203.0.113.0/24"\ndelay = "100ms"\n'),
        "a", "linux-poisonable", "kernel"), "b", "linux-poisonable",
        "kernel") + STUN_HOST

    def test_recovers_by_another_port(self):
        self.start_mesh()

        def is_direct():
            self.ping("a", "b", count=2)
            return self.path("a")["kind"] == self.path("b")["kind"] == "direct"
        wait_for("a direct path", is_direct, 3 * DEADLINE)
        fresh = [status(self.control(name))["counters"]["fresh_sockets"]
                 for name in base.ADDRESSES]
        # How the first packets cross is up to the machine.
        self.assertLessEqual(sum(fresh), 4, self.logs())
        done = self.ping("b", "a")
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    REASON = can_simulate() or next(
        (f"{program} is not built" for program in (base.DERPD, STUNSRV)
         if not os.access(program, os.X_OK)), None)
    if REASON:
        print("skipped:", REASON)
        sys.exit(base.SKIPPED)
    unittest.main(verbosity=2)
