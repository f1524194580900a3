#!/usr/bin/env python3
"""A pair of NATs that nothing but a port mapping, or many probes, connects:
meshnode asks the router for one, and takes it back at the end."""
import json
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import meshnode_mesh_test as base  # noqa: E402
import miniupnpd  # noqa: E402
from meshnode_support import (BIN, DEADLINE, MESHNODE, make_key,  # noqa: E402
                              node_text, run, status, wait_for)
from netsim import can_simulate  # noqa: E402

STUNSRV = str(BIN / "stunsrv")


def stun_host(address):
    return f'''
[[host]]
name = "stun"
network = "internet"
address = "{address}"
'''


def elsewhere(text):
    """miniupnpd maps nothing where its outside has an address that is reserved
    for documentation."""
    return text.replace("203.0.113.", "11.0.113.")


def with_engine(name, profile, more=""):
    """Replaces a home's NAT in the scenario of the other test."""
    before = f'name = "{name}-nat"\nprofile = "port-restricted"\n' \
             'backend = "kernel"\n'
    return before, f'name = "{name}-nat"\nprofile = "{profile}"\n' \
                   f'backend = "engine"\n{more}'


class Mapped(base.Mesh):
    """Beside the relay, a STUN server with two addresses: it can try whether
    a mapped port is open from outside."""
    test_goes_over_the_relay_then_direct_then_down = None
    stun = ("203.0.113.12", "203.0.113.13")

    def start_mesh(self):
        pin = self.start_relay()
        self.net.exec("stun", "ip", "addr", "add", f"{self.stun[1]}/24", "dev",
                      "eth0")
        (self.folder / "stunsrv.toml").write_text(
            f'discovery_addresses = ["{self.stun[0]}", "{self.stun[1]}"]\n')
        self.spawn("stun", [STUNSRV, "--config", self.folder / "stunsrv.toml"])
        text = f'[[relay]]\nname = "eu"\nhost = "{self.relay}"\n' \
               f'pin = "{pin}"\n[[stun]]\nhost = "{self.stun[0]}"\n'
        for name, address in base.ADDRESSES.items():
            text += node_text(name, make_key(self.folder, name), address)
        (self.folder / "mesh.toml").write_text(text)
        for name in base.ADDRESSES:
            self.start_node(name)

    def start_node(self, name):
        self.nodes[name] = self.spawn(name, [
            MESHNODE, "up", "--mesh", self.folder / "mesh.toml", "--name",
            name, "--control", self.control(name), "--log-level", "debug"])
        wait_for(f"{name} to reach the relay", lambda: self.is_at_relay(name))

    def mapping(self):
        return status(self.control("a"))["port_mapping"]

    def wait_for_standing(self, standing):
        return wait_for(f"a mapping that is {standing}", lambda: [
            m for m in self.mapping()["mappings"]
            if m["standing"] == standing])[0]

    def is_direct(self):
        self.ping("b", "a", count=1)
        return self.path("a")["kind"] == self.path("b")["kind"] == "direct"

    def why(self, name, peer):
        return json.loads(run("status", "--why", peer, "--json", "--control",
                              self.control(name)).stdout)

    def table(self, name):
        return run("status", "--control", self.control(name)).stdout


class PortMapping(Mapped):
    scenario = base.SCENARIO.replace(
        *with_engine("a", "port-restricted", 'services = ["pcp", "upnp"]\n')
    ).replace(*with_engine("b", "symmetric-random")) + stun_host(Mapped.stun[0])

    def is_mapped(self):
        """What somebody else's client sees at the router."""
        return "->192.168.1.7:" in self.net.exec("a", "upnpc", "-i", "-l")

    def test_a_mapping_makes_a_hard_pair_direct(self):
        self.start_mesh()
        self.wait_for_standing("verified")
        self.assertEqual(self.mapping()["service"], "PCP")
        self.assertEqual(self.mapping()["router"], "203.0.113.101")
        attempts = {one["service"]: one for one in self.mapping()["attempts"]}
        self.assertEqual(attempts["PCP"]["state"], "answered")
        self.assertIn(attempts["NAT-PMP"]["state"], ("asking", "failed"))
        # b's router has no service, which is known by now or soon.
        wait_for("b's reason", lambda: status(
            self.control("b"))["port_mapping"]["error"] == "no-answer")
        self.assertIn("none: the router does not answer", self.table("b"))
        wait_for("a direct path", self.is_direct)
        why = self.why("b", "a")
        self.assertEqual(why["reason"], "direct")
        self.assertIn("reachable for all", why["theirs"])
        self.assertIn("by PCP", self.table("a"))
        self.assertTrue(self.is_mapped())
        run("down", "--control", self.control("a"))
        self.assertEqual(self.nodes["a"].wait(60), 0, self.logs())
        log = (self.folder / "a.log").read_text()
        self.assertIn("the router maps 203.0.113.101:", log)
        self.assertIn("packets from outside come in there", log)
        self.assertFalse(self.is_mapped())

    def test_a_signal_takes_the_mapping_back(self):
        self.start_mesh()
        self.wait_for_standing("verified")
        self.assertTrue(self.is_mapped())
        self.nodes["a"].send_signal(signal.SIGTERM)
        self.assertEqual(self.nodes["a"].wait(60), 0, self.logs())
        self.assertFalse(self.is_mapped())


FIREWALL = """
table inet firewall {
  chain input {
    type filter hook input priority 0; policy accept;
    iifname eth0 meta l4proto udp ct state new drop
  }
}
"""


@unittest.skipUnless(miniupnpd.is_there(), "no miniupnpd")
class Firewalled(Mapped):
    """miniupnpd forwards the port, and the host's own firewall drops what
    comes in there."""
    stun = tuple(elsewhere(each) for each in Mapped.stun)
    relay = elsewhere(base.RELAY)
    scenario = elsewhere(base.SCENARIO.replace(
        *with_engine("b", "symmetric-random")) + stun_host(Mapped.stun[0]))

    def test_a_mapping_that_nothing_reaches_is_told(self):
        daemon = miniupnpd.Miniupnpd(self.net, "a-nat")
        self.addCleanup(daemon.close)
        daemon.start()
        self.net.exec("a", "nft", "-f", "-", input=FIREWALL)
        self.start_mesh()
        mapping = self.wait_for_standing("unreachable")
        self.assertTrue(daemon.has_redirect("192.168.1.7",
                                            mapping["internal_port"]))
        self.assertIn("(packets from outside do not arrive there)",
                      self.table("a"))

        def is_explained():
            self.ping("a", "b", count=1)
            return self.why("a", "b")["reason"] == "nat-pair" and \
                "nothing arrives" in self.why("b", "a")["theirs"]
        wait_for("the end of the search", is_explained, 2 * DEADLINE)
        self.assertIn(("allow-inbound", "ours"), self.fixes("a", "b"))
        self.assertIn(("allow-inbound", "theirs"), self.fixes("b", "a"))
        self.assertNotIn(("forward-port", "ours"), self.fixes("a", "b"))
        # As advised.
        self.net.exec("a", "nft", "delete", "table", "inet", "firewall")
        run("down", "--control", self.control("a"))
        self.assertEqual(self.nodes["a"].wait(60), 0, self.logs())
        self.assertFalse(daemon.has_redirect("192.168.1.7",
                                             mapping["internal_port"]))
        self.start_node("a")
        self.wait_for_standing("verified")
        wait_for("a direct path", self.is_direct, 2 * DEADLINE)

    def fixes(self, name, peer):
        return {(fix["code"], fix["side"])
                for fix in self.why(name, peer)["fixes"]}


if __name__ == "__main__":
    REASON = can_simulate() or next(
        (f"{program} is not built" for program in (base.DERPD, STUNSRV)
         if not os.access(program, os.X_OK)), None)
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main(verbosity=2)
