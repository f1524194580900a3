#!/usr/bin/env python3
"""`netsim matrix`: the grid is as expected, and its reports can be read."""
import html.parser
import json
import math
import os
import pathlib
import shlex
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

NETSIM = os.environ["NATKIT_NETSIM"]
CELLS = 81
WRONG = ["--cell", "EI-APD/APD-APD", "--expect", "EI-APD/APD-APD=yes"]


def matrix(*options, cwd=None):
    return subprocess.run([NETSIM, "matrix", *options], cwd=cwd, text=True,
                          capture_output=True, timeout=900)


class Page(html.parser.HTMLParser):
    """Counts what a page holds; void elements aside, tags must nest."""

    def __init__(self):
        super().__init__()
        self.open, self.counts, self.external = [], {}, []

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.external += [value for name, value in attributes
                          if name in ("src", "href")]
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> out of place")


class Matrix(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_endpoint_independent_pairs_are_direct_in_time(self):
        for delay in (5, 25, 80):
            # The Internet's jitter and both home networks add to its delay.
            round_trip = 2 * (delay * 1.05 + 2 * 0.3)
            for loss, limit in ((0, 3 * round_trip + 100), (5, 2000)):
                ran = matrix("--seeds", "10", "--delays", str(delay), "--loss",
                             str(loss), "--json", "--cell", "EI-*/EI-*")
                self.assertEqual(0, ran.returncode, ran.stderr)
                took = sorted(time for cell in
                              json.loads(ran.stdout)["cells"]
                              for time in cell["milliseconds"])
                self.assertLess(100, len(took))
                self.assertLessEqual(took[math.ceil(0.95 * len(took)) - 1],
                                     limit, f"delay {delay}, loss {loss}")
                if loss:
                    self.assertLessEqual(took[-1], limit)

    def test_hard_cells_are_as_the_planner_promises(self):
        ran = matrix("--hard", "--seeds", "20", "--delays", "25", "--loss",
                     "5", "--json")
        self.assertEqual(0, ran.returncode, ran.stdout[-3000:])
        report = json.loads(ran.stdout)
        cells = report["cells"]
        self.assertIn(" --hard", report["repeat"])
        by_name = {cell["case"]: cell for cell in cells}
        # Of the matrix: all that are not direct by checks alone.
        pairs = [cell for cell in by_name if cell.count("-") == 3
                 and "block" not in cell]
        self.assertEqual(39, len(pairs))
        self.assertLess(0.98, by_name["hard-EI-APD/APD-APD"]["chance"])
        self.assertFalse(by_name["hard-APD-APD/APD-APD"]["expected_direct"])
        self.assertGreater(by_name["hard-EI-APD/sequence"]["direct"], 35)
        one = matrix("--hard", "--cell", "hard-blocks", "--seed", "3",
                     "--loss", "0", "--delays", "25", "--controlling", "a",
                     "--trace", "one.pcapng", cwd=self.folder)
        self.assertIn("hard-blocks", one.stdout)
        self.assertEqual(2, matrix("--hard", "--real").returncode)

    def test_all_that_can_be_direct_is_so_in_time(self):
        for delay in (5, 80):
            limit = 3 * 2 * (delay * 1.05 + 2 * 0.3) + 100
            ran = matrix("--seeds", "5", "--delays", str(delay), "--loss", "0",
                         "--json")
            took = sorted(time for cell in json.loads(ran.stdout)["cells"]
                          for time in cell["milliseconds"])
            self.assertLessEqual(took[math.ceil(0.95 * len(took)) - 1], limit)

    def test_every_cell_is_as_expected_and_every_report_is_well_formed(self):
        ran = matrix("--seeds", "1", "--json", "--junit", "grid.xml",
                     "--html", "grid.html", cwd=self.folder)
        self.assertEqual(0, ran.returncode, ran.stderr)
        report = json.loads(ran.stdout)
        pairs = [cell for cell in report["cells"]
                 if cell["case"] == cell["title"]]
        self.assertEqual(2 * CELLS, len(pairs))
        self.assertEqual(0, report["deviating_cells"])
        for cell in report["cells"]:
            self.assertTrue(cell["as_expected"], cell)
            self.assertEqual(cell["direct"], len(cell["milliseconds"]))
        suites = xml.etree.ElementTree.parse(self.folder / "grid.xml").getroot()
        self.assertEqual(len(report["cells"]),
                         len(suites.findall(".//testcase")))
        self.assertEqual([], suites.findall(".//failure"))
        page = Page()
        page.feed((self.folder / "grid.html").read_text())
        self.assertEqual([], page.open)
        self.assertEqual([], page.external)
        self.assertEqual(len(report["cells"]), page.counts["td"])
        direct = [cell for cell in report["cells"] if cell["direct"]]
        self.assertEqual(len(direct), page.counts["svg"])

    def test_a_wrong_expectation_fails_with_the_command_that_replays_it(self):
        ran = matrix("--seeds", "1", "--junit", "grid.xml", *WRONG,
                     cwd=self.folder)
        self.assertEqual(1, ran.returncode, ran.stderr)
        suites = xml.etree.ElementTree.parse(self.folder / "grid.xml").getroot()
        self.assertEqual(2, len(suites.findall(".//failure")))
        command = ran.stderr.split("replay: ")[1].strip()
        self.assertTrue(command.startswith("netsim matrix "), command)
        traces = []
        for _ in range(2):
            replay = matrix(*shlex.split(command)[2:], cwd=self.folder)
            self.assertEqual(1, replay.returncode, replay.stderr)
            traces.append((self.folder / "replay.pcapng").read_bytes())
        self.assertGreater(len(traces[0]), 1000)
        self.assertEqual(traces[0], traces[1])

    def test_its_report_says_how_to_repeat_it(self):
        first = matrix("--seed", "7,9", "--cell", "EI-*/APD-APD", "--loss", "5",
                       "--delays", "2.5", "--json")
        report = json.loads(first.stdout)
        self.assertEqual("natkit-netsim-matrix-1", report["schema"])
        self.assertEqual([7, 9], report["seeds"])
        self.assertEqual([2.5], report["delays_ms"])
        self.assertEqual({"name": "libnat", "version": report["version"],
                          "settings": "mesh"}, report["agent"])
        again = matrix(*shlex.split(report["repeat"])[2:], "--json")
        self.assertEqual(first.stdout, again.stdout)

    def test_the_rfcs_settings_give_the_same_matrix(self):
        ran = matrix("--seeds", "1", "--loss", "0", "--agent", "rfc8445",
                     "--json")
        self.assertEqual(0, ran.returncode, ran.stdout + ran.stderr)

    def test_refuses_what_makes_no_sense(self):
        for options in (["--cell", "EI/EI"], ["--expect", "EI-EI/EI-EI=maybe"],
                        ["--trace", "x.pcapng"],
                        ["--seeds", "1", "--cell", "same-lan",
                         "--html", "/no/such/folder/x.html"]):
            ran = matrix(*options, cwd=self.folder)
            self.assertEqual(2, ran.returncode, ran.stderr)
            self.assertIn("netsim: ", ran.stderr)

    def test_refuses_numbers_that_are_none(self):
        for options in (["--seed", "-1"], ["--seed", "1,-2"], ["--seed", "1.5"],
                        ["--seed", "18446744073709551616"], ["--seed", "1x"],
                        ["--seeds", "0"], ["--seeds", "-1"],
                        ["--seeds", "4294967297"], ["--loss", "101"],
                        ["--loss", "-1"], ["--loss", "nan"],
                        ["--delays", "-1"], ["--delays", "inf"],
                        ["--delays", "1e300"]):
            ran = matrix("--list", *options)
            self.assertEqual(2, ran.returncode, options)
            self.assertIn("is not a", ran.stderr)
            self.assertEqual("", ran.stdout)
        ran = matrix("--list", "--seed", "18446744073709551615,0", "--loss",
                     "0.5", "--delays", "2.5")
        self.assertEqual(0, ran.returncode, ran.stderr)

    def test_asks_for_its_files_before_it_works(self):
        kept = self.folder / "kept.html"
        kept.write_text("old")
        one = ["--cell", "same-lan", "--seed", "1", "--loss", "0", "--delays",
               "5", "--controlling", "a"]
        for option in ("--html", "--junit", "--trace"):
            for path in ("/no/such/folder/x", self.folder):
                ran = matrix(*one, *(["--html", kept] if option != "--html" else []), option, path)
                self.assertEqual(2, ran.returncode, ran.stderr)
                self.assertIn(f"netsim: cannot write {path}: ", ran.stderr)
                self.assertEqual("", ran.stdout)
                self.assertNotIn("attempts", ran.stderr)
        self.assertEqual("old", kept.read_text())
        self.assertEqual(["kept.html"], os.listdir(self.folder))
        with open("/dev/full", "w") as full:
            ran = subprocess.run([NETSIM, "matrix", *one, "--json"],
                                 stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(2, ran.returncode)
        self.assertIn("cannot write to standard output", ran.stderr)

    def test_lists_its_cells(self):
        names = [line.split()[0]
                 for line in matrix("--list").stdout.splitlines()]
        self.assertIn("APD-AD/EI-EI", names)
        self.assertIn("same-cgn-hairpin", names)


if __name__ == "__main__":
    unittest.main()
