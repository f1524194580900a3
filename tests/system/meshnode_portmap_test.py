#!/usr/bin/env python3
"""A pair of NATs that nothing but a port mapping, or many probes, connects:
meshnode asks the router for one, and takes it back at the end."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import meshnode_mesh_test as base  # noqa: E402
from meshnode_support import run, status, wait_for  # noqa: E402
from netsim import can_simulate  # noqa: E402


def with_engine(name, profile, more=""):
    """Replaces a home's NAT in the scenario of the other test."""
    before = f'name = "{name}-nat"\nprofile = "port-restricted"\n' \
             'backend = "kernel"\n'
    return before, f'name = "{name}-nat"\nprofile = "{profile}"\n' \
                   f'backend = "engine"\n{more}'


class PortMapping(base.Mesh):
    scenario = base.SCENARIO.replace(
        *with_engine("a", "port-restricted", 'services = ["pcp", "upnp"]\n')
    ).replace(*with_engine("b", "symmetric-random"))
    test_goes_over_the_relay_then_direct_then_down = None

    def mapping(self):
        return status(self.control("a"))["port_mapping"]

    def is_mapped(self):
        """What somebody else's client sees at the router."""
        return "->192.168.1.7:" in self.net.exec("a", "upnpc", "-i", "-l")

    def test_a_mapping_makes_a_hard_pair_direct(self):
        self.start_mesh()
        wait_for("a verified mapping", lambda: [
            m for m in self.mapping()["mappings"]
            if m["standing"] == "verified"])
        self.assertEqual(self.mapping()["service"], "PCP")
        self.assertEqual(self.mapping()["router"], "203.0.113.101")
        attempts = {one["service"]: one for one in self.mapping()["attempts"]}
        self.assertEqual(attempts["PCP"]["state"], "answered")
        self.assertIn(attempts["NAT-PMP"]["state"], ("asking", "failed"))
        # b's router has no service, which is known by now or soon.
        wait_for("b's reason", lambda: status(
            self.control("b"))["port_mapping"]["error"] == "no-answer")
        self.assertIn("none: the router does not answer", run(
            "status", "--control", self.control("b")).stdout)

        def is_direct():
            self.ping("b", "a", count=1)
            return self.path("a")["kind"] == self.path("b")["kind"] == "direct"
        wait_for("a direct path", is_direct)
        why = json.loads(run("status", "--why", "a", "--json", "--control",
                             self.control("b")).stdout)
        self.assertEqual(why["reason"], "direct")
        self.assertIn("reachable for all", why["theirs"])
        self.assertIn("by PCP", run("status", "--control",
                                    self.control("a")).stdout)
        self.assertTrue(self.is_mapped())
        run("down", "--control", self.control("a"))
        self.assertEqual(self.nodes["a"].wait(60), 0, self.logs())
        log = (self.folder / "a.log").read_text()
        self.assertIn("the router maps 203.0.113.101:", log)
        self.assertFalse(self.is_mapped())


if __name__ == "__main__":
    REASON = can_simulate()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main(verbosity=2)
