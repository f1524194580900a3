#!/usr/bin/env python3
"""A coordination server that is killed while it revokes a node, at one moment
after another: what it acknowledged holds, and the rest never happened or can
be done again. Every step in virtual time: tests/sim/coord_crash_sim_test.cc."""
import json
import pathlib
import subprocess
import time
import unittest

from coordd_support import COORDD, PATIENCE, CoorddTest

MOMENTS = [0.0, 0.002, 0.004, 0.006, 0.009, 0.013, 0.02, 0.03, 0.05]  # s


class CoorddKilled(CoorddTest):
    def coordd(self, *words):
        return subprocess.Popen(
            [COORDD, *words, "--socket",
             str(pathlib.Path(self.folder.name) / "admin")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def names(self):
        out, errors = self.coordd("nodes", "list", "--json").communicate(
            timeout=PATIENCE)
        self.assertEqual("", errors)
        return {node["name"] for node in json.loads(out)}

    def wait_for_all(self, nodes, wanted):
        """Until each of `wanted`, conditions on an event, was met once."""
        missing = list(wanted)
        while missing:
            event = nodes.event(lambda e: any(is_met(e) for is_met in missing))
            missing = [is_met for is_met in missing if not is_met(event)]

    @staticmethod
    def map_of(node, is_wanted):
        return lambda event: (event["event"] == "map" and event["node"] == node
                              and is_wanted(set(event["peers"])))

    def test_a_revocation_holds_or_never_was(self):
        outcomes = []
        for number, moment in enumerate(MOMENTS):
            self.start()
            seed = 100 + number
            victim = f"s{seed}n0"
            others = {f"s{seed}n{index}" for index in (1, 2)}
            nodes = self.peers(count=3, seed=seed)
            self.wait_for_all(nodes, [
                self.map_of(node, lambda peers: victim in peers
                            and others & peers) for node in (1, 2)])
            command = self.coordd("nodes", "delete", victim)
            # Spreads the kills over the command; nothing is waited for.
            time.sleep(moment)
            self.server.kill()
            command.communicate(timeout=PATIENCE)
            acknowledged = command.returncode == 0
            self.start()
            remains = victim in self.names()
            outcomes.append((acknowledged, remains))
            self.assertFalse(acknowledged and remains, f"at {moment} s")
            if remains:
                again = self.coordd("nodes", "delete", victim)
                again.communicate(timeout=PATIENCE)
                self.assertEqual(0, again.returncode)
            self.wait_for_all(nodes, [
                self.map_of(1, lambda peers: victim not in peers),
                self.map_of(2, lambda peers: victim not in peers),
                lambda e: e["event"] == "lost" and e["node"] == 0
                and e["final"]])
            self.assertTrue(others <= self.names())
            self.server.stop()
            nodes.stop()
        print("acknowledged, remains:", outcomes)


if __name__ == "__main__":
    unittest.main(verbosity=2)
