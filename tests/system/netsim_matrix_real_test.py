#!/usr/bin/env python3
"""`netsim matrix --real`: the grid's agents as processes in namespaces.

Cells of each kind, through kernel NATs and engines on TAP devices, end as the
virtual grid says; a wrong expectation is noticed.
"""
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from netsim import can_simulate, netsim_program  # noqa: E402


def matrix(*arguments):
    done = subprocess.run([netsim_program(), "matrix", "--real", "--json", *arguments],
                          capture_output=True, text=True, check=False,
                          timeout=500)
    cells = json.loads(done.stdout)["cells"] if done.stdout else []
    return done, cells


class RealMatrix(unittest.TestCase):
    def test_cells_end_as_expected(self):
        done, cells = matrix("--cell", "EI-APD/EI-APD",    # kernel, kernel
                             "--cell", "EI-AD/APD-APD",    # engine, kernel
                             "--cell", "same-cgn-hairpin",  # nested
                             "--cell", "EI-APD/APD-APD")   # never direct
        self.assertEqual(0, done.returncode, done.stderr)
        direct = {cell["case"]: cell["direct"] for cell in cells}
        self.assertEqual({"EI-APD/EI-APD": 1, "EI-AD/APD-APD": 1,
                          "same-cgn-hairpin": 1, "EI-APD/APD-APD": 0}, direct)

    def test_a_wrong_expectation_is_noticed(self):
        done, _ = matrix("--cell", "same-lan", "--expect", "same-lan=no")
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn("netsim matrix --cell same-lan", done.stderr)

    def test_nothing_stays(self):
        matrix("--cell", "same-lan")
        runs = subprocess.run([netsim_program(), "list", "--json"], check=True,
                              capture_output=True, timeout=60)
        names = [run["scenario"] for run in json.loads(runs.stdout)["runs"]]
        self.assertNotIn("matrix", names)

    def test_traces_are_refused(self):
        done, _ = matrix("--cell", "same-lan", "--trace", "x.pcapng")
        self.assertEqual(2, done.returncode)
        self.assertIn("virtual time", done.stderr)


if __name__ == "__main__":
    REASON = can_simulate()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main(verbosity=2)
