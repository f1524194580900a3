"""What the tests of netsim itself share: a directory of runs per test, and the
processes that belong to it."""
import json
import os
import pathlib
import select
import subprocess
import tempfile
import unittest

from netsim import netsim, netsim_program

GENEROUS = 120.0  # seconds; only a failing test waits this long


def command_name(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


def state_of(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][1]


def wait_for_end(pid):
    """Waits until a process that is not our child has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([pidfd], [], [], GENEROUS)[0]:
            raise AssertionError(f"process {pid} does not end")
    finally:
        os.close(pidfd)


class NetsimCase(unittest.TestCase):
    """Every test has a directory of runs to itself, and leaves no process."""

    def setUp(self):
        self._directory = tempfile.TemporaryDirectory()
        os.environ["NATKIT_NETSIM_DIR"] = self._directory.name + "/runs"
        os.environ.pop("NATKIT_NETSIM_ID", None)
        self.addCleanup(self._leave)  # after every other clean-up

    def _leave(self):
        subprocess.run([netsim_program(), "down", "--all"], check=True)
        self.assert_nothing_left()
        del os.environ["NATKIT_NETSIM_DIR"]
        self._directory.cleanup()

    def runs(self):
        return {run["id"]: run["state"]
                for run in json.loads(netsim("list", "--json"))["runs"]}

    def run_json(self, run_id):
        return next(run for run in json.loads(netsim("list", "--json"))["runs"]
                    if run["id"] == run_id)

    def keeper_of(self, run_id):
        path = self.run_json(run_id)["members"][0]["namespace"]
        return int(path.split("/")[2])

    def engine_of(self, run_id):
        return self.run_json(run_id)["engine_pid"]

    def processes(self):
        """Keepers and engine processes of this test: pid to name."""
        mark = f"NATKIT_NETSIM_DIR={os.environ['NATKIT_NETSIM_DIR']}".encode()
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
                name = command_name(pid)
                if mark in environment.split(b"\0") and \
                        name in ("netsim-keeper", "netsim-engine") and \
                        state_of(pid) != "Z":
                    found[int(pid)] = name
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                pass
        return found

    def assert_nothing_left(self):
        for pid in self.processes():
            wait_for_end(pid)
        self.assertEqual(self.processes(), {})
