#!/usr/bin/env python3
"""What stays when processes of a run are killed: nothing. And large runs, and
engine boxes without privileges."""
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from netsim import (NetsimError, Simulation, can_simulate,  # noqa: E402
                    netsim, netsim_program)
from netsim_case import NetsimCase, wait_for_end  # noqa: E402
from netsim_homes import homes  # noqa: E402

SEED = int(os.environ.get("NATKIT_TEST_SEED", random.randrange(1 << 32)))

PAIR = """
name = "pair"
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "server"
network = "internet"
address = "203.0.113.10"
[[host]]
name = "a"
network = "lan"
address = "192.168.1.10"
[[nat]]
name = "box"
profile = "port-restricted"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
backend = "engine"
"""

STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    time.sleep(1000)
"""


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)


class Killing(NetsimCase):
    def start(self, run_id):
        net = Simulation(PAIR, run_id=run_id)
        net.up()
        return net

    def test_down_ends_the_engine_process(self):
        net = self.start("plain")
        engine = self.engine_of("plain")
        net.down()
        wait_for_end(engine)
        self.assertEqual(self.runs(), {})

    def test_the_engine_process_ends_with_the_keeper(self):
        self.start("keeper")
        engine = self.engine_of("keeper")
        kill(self.keeper_of("keeper"))
        wait_for_end(engine)
        self.assertEqual(self.runs(), {"keeper": "leftover"})
        self.assertEqual(netsim("clean"), "removed keeper\n")
        self.assertEqual(self.runs(), {})

    def test_a_run_without_its_engine_process_is_a_leftover(self):
        net = self.start("engine")
        inside = net.popen_python("a", STUBBORN, stdout=subprocess.PIPE)
        self.addCleanup(inside.stdout.close)
        self.assertEqual(inside.stdout.readline(), b"ready\n")
        kill(self.engine_of("engine"))
        self.assertEqual(self.runs(), {"engine": "leftover"})
        with self.assertRaisesRegex(NetsimError, "does not answer"):
            net.event("box", "reboot")
        self.assertEqual(netsim("clean"), "removed engine\n")
        self.assertEqual(inside.wait(), -signal.SIGKILL)

    def test_a_stopped_engine_process_is_removed_too(self):
        net = self.start("stopped")
        os.kill(self.engine_of("stopped"), signal.SIGSTOP)
        net.down()
        self.assertEqual(self.runs(), {})

    def test_clean_spares_a_run_that_is_well(self):
        net = self.start("well")
        self.start("dead")
        kill(self.engine_of("dead"))
        self.assertEqual(netsim("clean"), "removed dead\n")
        self.assertEqual(self.runs(), {"well": "running"})
        net.wait_for_ping("a", "203.0.113.10")

    def test_up_killed_at_any_moment_leaves_nothing(self):
        rng = random.Random(SEED)
        scenario = homes(10, "engine")
        start = time.monotonic()
        with Simulation(scenario):
            usual = time.monotonic() - start
        for attempt in range(12):
            with self.subTest(seed=SEED, attempt=attempt):
                up = subprocess.Popen(
                    [netsim_program(), "up", "--id", "cut", "/dev/stdin"],
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL)
                up.stdin.write(scenario.encode())
                up.stdin.close()
                try:
                    up.wait(rng.uniform(0, usual))
                except subprocess.TimeoutExpired:
                    up.kill()
                    up.wait()
                if self.runs().get("cut") == "running":
                    netsim("down", "cut")
                elif self.runs():
                    self.assertEqual(self.runs(), {"cut": "leftover"})
                    self.assertEqual(netsim("clean"), "removed cut\n")
                self.assertEqual(self.runs(), {})
                self.assert_nothing_left()


class Large(NetsimCase):
    """How long it takes is measured by bench/netsim_up_bench.py."""

    def check_200(self, backend):
        scenario = homes(66, backend)  # 1 + 3 * 66 members and the fabric
        with Simulation(scenario) as net:
            self.assertEqual(len(net.members), 199)
            net.wait_for_ping("b65", "203.0.255.1")
        self.assertEqual(self.runs(), {})

    def test_200_namespaces_with_engine_boxes(self):
        self.check_200("engine")

    def test_200_namespaces_with_kernel_boxes(self):
        self.check_200("kernel")

    def test_200_namespaces_killed_in_the_middle(self):
        for moment, has_come in (
                ("it is listed", lambda _: True),
                ("its namespaces are there", lambda run: run["members"]),
                ("its engine runs", lambda run: run["engine_pid"])):
            with self.subTest(moment=moment):
                self.kill_up_once(has_come)
                self.assertEqual(self.runs(), {"cut": "leftover"})
                self.assertEqual(netsim("clean"), "removed cut\n")
                self.assert_nothing_left()

    def kill_up_once(self, has_come):
        """Goes by what can be seen, not by time. `up` is stopped whenever the
        test looks, so that it cannot be done before the test has looked."""
        with subprocess.Popen(
                [netsim_program(), "up", "--id", "cut", "/dev/stdin"],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as up:
            up.stdin.write(homes(66, "engine").encode())
            up.stdin.close()
            while True:
                up.send_signal(signal.SIGSTOP)
                if self.runs() == {"cut": "starting"} and \
                        has_come(self.run_json("cut")):
                    break
                self.assertIsNone(up.poll(), "ended by itself")
                up.send_signal(signal.SIGCONT)
                time.sleep(0.005)
            up.kill()


class Privileges(NetsimCase):
    SCRIPT = """
set -e
reach() {
  tries=0
  until "$NETSIM" exec a -- ping -c1 -W5 203.0.113.10; do
    tries=$((tries + 1))
    test $tries -lt 20
  done
}
id=$("$NETSIM" up "$SCENARIO")
reach
"$NETSIM" event box reboot
"$NETSIM" event a set-link delay=1ms
"$NETSIM" show box
"$NETSIM" event a link-down
if "$NETSIM" exec a -- ping -c1 -W1 203.0.113.10; then exit 1; fi
"$NETSIM" event a link-up
reach
"$NETSIM" down "$id"
test -z "$("$NETSIM" list)"
"""

    def check_under(self, *wrapper, device=""):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            scenario = pathlib.Path(folder, "pair.toml")
            scenario.write_text(PAIR)
            program = pathlib.Path(folder, "netsim")
            program.write_bytes(pathlib.Path(netsim_program()).read_bytes())
            program.chmod(0o755)
            environment = dict(os.environ, NETSIM=str(program),
                               SCENARIO=str(scenario),
                               NATKIT_NETSIM_DEVICE=device,
                               NATKIT_NETSIM_DIR=folder + "/runs")
            done = subprocess.run([*wrapper, "sh", "-c", self.SCRIPT],
                                  env=environment, text=True,
                                  capture_output=True, check=False, cwd="/")
            self.assertEqual(done.returncode, 0, done.stderr)

    def require(self, *wrapper):
        probe = subprocess.run([*wrapper, "true"], capture_output=True,
                               check=False)
        if probe.returncode != 0:
            self.skipTest(f"{wrapper[0]}: {probe.stderr.decode().strip()}")

    def test_works_in_a_user_namespace(self):
        self.require("unshare", "-Urnm")
        for device in ("", "packet"):
            self.check_under("unshare", "-Urnm", device=device)

    def test_works_for_a_plain_user(self):
        wrapper = []
        if os.geteuid() == 0:
            wrapper = ["setpriv", "--reuid=65534", "--regid=65534",
                       "--clear-groups", "--inh-caps=-all"]
            self.require(*wrapper, "unshare", "-Urn")
        for device in ("", "packet"):
            self.check_under(*wrapper, device=device)


if __name__ == "__main__":
    REASON = can_simulate()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main(verbosity=2)
