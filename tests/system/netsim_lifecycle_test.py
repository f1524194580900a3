#!/usr/bin/env python3
"""Runs of netsim beside each other, crashes, cleaning up, privileges."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from netsim import (NetsimError, Simulation, can_simulate,  # noqa: E402
                    netsim, netsim_program)
from netsim_case import GENEROUS, NetsimCase  # noqa: E402

SCENARIO = """
name = "pair"
[[network]]
name = "link"
cidr = "10.9.0.0/24"
cidr6 = "2001:db8:9::/64"
[[host]]
name = "left"
network = "link"
address = "10.9.0.1"
address6 = "2001:db8:9::1"
[[host]]
name = "right"
network = "link"
address = "10.9.0.2"
address6 = "2001:db8:9::2"
"""

# Says it is there, then outlives every polite request to end.
STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
while True:
    time.sleep(1000)
"""


def network_namespace(pid):
    return os.stat(f"/proc/{pid}/ns/net").st_ino


def is_running(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


class Running(NetsimCase):
    def test_two_runs_of_one_scenario_do_not_meet(self):
        with Simulation(SCENARIO) as one, Simulation(SCENARIO) as two:
            self.assertNotEqual(one.id, two.id)
            one.exec("left", "ip", "addr", "del", "10.9.0.1/24", "dev", "eth0")
            self.assertNotEqual(one.run("right", "ping", "-c1", "-W1",
                                        "10.9.0.1").returncode, 0)
            two.wait_for_ping("right", "10.9.0.1")
            with self.assertRaisesRegex(NetsimError, "several runs"):
                netsim("exec", "left", "--", "true")
            one.down()
            two.wait_for_ping("right", "10.9.0.1")

    def test_ipv6_works_at_once(self):
        with Simulation(SCENARIO) as net:
            net.exec("left", "ping", "-c1", "-W60", "2001:db8:9::2")

    def test_one_run_needs_no_id(self):
        with Simulation(SCENARIO):
            self.assertIn("10.9.0.1", netsim("exec", "left", "--", "ip", "addr"))

    def test_exec_passes_the_exit_status_on(self):
        with Simulation(SCENARIO) as net:
            self.assertEqual(net.run("left", "sh", "-c", "exit 42").returncode,
                             42)
            self.assertEqual(net.run("left", "/nonexistent").returncode, 127)
            self.assertEqual(net.run("left", "/etc/passwd").returncode, 126)
            self.assertEqual(net.run("nobody", "true").returncode, 1)

    def test_exec_shows_the_devices_of_the_namespace_in_sys(self):
        with Simulation(SCENARIO) as net:
            self.assertEqual(net.exec("left", "ls", "/sys/class/net").split(),
                             ["eth0", "lo"])

    def test_exec_tells_the_command_where_it_is(self):
        with Simulation(SCENARIO, run_id="here") as net:
            self.assertEqual(
                net.exec("left", "sh", "-c",
                         "echo $NATKIT_NETSIM_ID $NATKIT_NETSIM_HOST"),
                "here left\n")

    def test_an_id_is_used_once(self):
        with Simulation(SCENARIO, run_id="mine"):
            with self.assertRaisesRegex(NetsimError, "a run 'mine' exists"):
                netsim("up", "--id", "mine", "/dev/stdin", input=SCENARIO)
            self.assertEqual(self.runs(), {"mine": "running"})

    def test_an_empty_id_is_a_mistake(self):
        with Simulation(SCENARIO):
            for command in (("up", "--id", "", "/dev/stdin"),
                            ("run", "--id=", "/dev/stdin"),
                            ("exec", "--id", "", "left", "--", "true"),
                            ("event", "--id", "", "left", "link-down"),
                            ("down", "")):
                done = subprocess.run([netsim_program(), *command],
                                      input=SCENARIO, text=True,
                                      capture_output=True, check=False)
                self.assertEqual(done.returncode, 2, command)
                self.assertIn("id of a run is not empty", done.stderr)
            self.assertEqual(list(self.runs().values()), ["running"])

    def test_a_word_that_is_no_command_is_named(self):
        done = subprocess.run([netsim_program(), "frob", "x"], text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("'frob' is not a command", done.stderr)
        self.assertRegex(done.stderr, r"check, draw,.* matrix")

    def test_one_thing_is_singular(self):
        one = SCENARIO[:SCENARIO.rindex("[[host]]")]
        self.assertIn("ok, 1 network, 1 host, 0 boxes\n",
                      netsim("check", "/dev/stdin", input=one))

    def test_ps_tells_keeper_and_engine_apart(self):
        with Simulation(SCENARIO + "[[link]]\nmember = \"left\"\n"
                        "delay = 0\n",
                        run_id="some-run") as net:
            for pid, name in ((self.keeper_of(net.id), "netsim-keeper"),
                              (self.engine_of(net.id), "netsim-engine")):
                shown = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
                self.assertEqual(shown.rstrip(b"\0").decode(),
                                 f"{name} some-run")
                environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
                self.assertIn(b"NATKIT_NETSIM_DIR=", environment)

    def test_problems_name_file_and_line(self):
        done = subprocess.run([netsim_program(), "check", "/dev/stdin"],
                              input=SCENARIO + "[[host]]\n", text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("/dev/stdin:17: [[host]]: 'name' is missing",
                      done.stderr)


class Ending(NetsimCase):
    def test_down_ends_processes_that_ignore_sigterm(self):
        net = Simulation(SCENARIO)
        net.up()
        process = net.popen_python("left", STUBBORN, stdout=subprocess.PIPE)
        self.assertEqual(process.stdout.readline(), b"ready\n")
        net.down()
        self.assertEqual(process.returncode, -signal.SIGKILL)
        process.stdout.close()
        self.assertEqual(self.runs(), {})

    def test_down_leaves_other_processes_alone(self):
        net = Simulation(SCENARIO)
        net.up()
        outside = subprocess.Popen(["sleep", "1000"])
        net.down()
        self.assertIsNone(outside.poll())
        outside.kill()
        outside.wait()

    def test_clean_spares_what_runs(self):
        with Simulation(SCENARIO, run_id="alive"):
            self.assertEqual(netsim("clean"), "")
            self.assertEqual(self.runs(), {"alive": "running"})

    def test_clean_ends_what_a_dead_keeper_left_inside(self):
        net = Simulation(SCENARIO, run_id="crashed")
        net.up()
        inside = net.popen_python("left", STUBBORN, stdout=subprocess.PIPE)
        self.assertEqual(inside.stdout.readline(), b"ready\n")
        keeper = os.pidfd_open(self.keeper_of(net.id))
        signal.pidfd_send_signal(keeper, signal.SIGKILL)
        self.wait_for_exit(keeper)
        self.assertEqual(self.runs(), {"crashed": "leftover"})
        self.assertNotEqual(net.run("left", "true").returncode, 0)
        self.assertEqual(netsim("clean"), "removed crashed\n")
        self.assertEqual(inside.wait(), -signal.SIGKILL)
        inside.stdout.close()
        self.assertEqual(self.runs(), {})

    def test_clean_removes_what_a_killed_up_left(self):
        with tempfile.TemporaryDirectory() as folder:
            self.make_blocking_ip(folder)
            environment = dict(os.environ,
                               PATH=f"{folder}:{os.environ['PATH']}")
            with open(f"{folder}/reached", "rb", opener=lambda p, _: os.open(
                    p, os.O_RDWR)) as reached:
                up = subprocess.Popen(
                    [netsim_program(), "up", "--id", "halfway", "/dev/stdin"],
                    stdin=subprocess.PIPE, env=environment)
                up.stdin.write(SCENARIO.encode())
                up.stdin.close()
                blocked = int(reached.readline())
            self.assertEqual(self.runs(), {"halfway": "starting"})
            with self.assertRaisesRegex(NetsimError, "is being started"):
                netsim("down", "halfway")
            up.kill()
            up.wait()
        self.assertEqual(self.runs(), {"halfway": "leftover"})
        namespace = network_namespace(blocked)
        self.assertEqual(netsim("clean"), "removed halfway\n")
        self.assertFalse(is_running(blocked))
        self.assertEqual(self.runs(), {})
        self.assert_nobody_in(namespace)

    def make_blocking_ip(self, folder):
        """An `ip` that tells its pid through a fifo and hangs."""
        os.mkfifo(f"{folder}/reached")
        script = pathlib.Path(folder, "ip")
        script.write_text(f"#!/bin/sh\necho $$ > {folder}/reached\n"
                          "exec sleep 1000\n")
        script.chmod(0o755)

    def wait_for_exit(self, pidfd):
        import select
        self.assertTrue(select.select([pidfd], [], [], GENEROUS)[0])
        os.close(pidfd)

    def assert_nobody_in(self, namespace):
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    self.assertNotEqual(network_namespace(entry), namespace)
                except (FileNotFoundError, PermissionError,
                        ProcessLookupError):
                    pass


class Privileges(NetsimCase):
    SCRIPT = """
set -e
id=$("$NETSIM" up "$SCENARIO")
test "$("$NETSIM" exec left -- cat /proc/sys/net/ipv4/icmp_ratelimit)" = 0
"$NETSIM" exec left -- ping -c1 -w60 10.9.0.2
"$NETSIM" down "$id"
test -z "$("$NETSIM" list)"
"""

    def check_under(self, *wrapper):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o777)
            scenario = pathlib.Path(folder, "pair.toml")
            scenario.write_text(SCENARIO)
            program = pathlib.Path(folder, "netsim")
            program.write_bytes(pathlib.Path(netsim_program()).read_bytes())
            program.chmod(0o755)
            environment = dict(os.environ, NETSIM=str(program),
                               SCENARIO=str(scenario),
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
        wrapper = ["unshare", "-Urnm"]
        self.require(*wrapper)
        self.check_under(*wrapper)

    def test_works_for_a_plain_user(self):
        wrapper = []
        if os.geteuid() == 0:
            wrapper = ["setpriv", "--reuid=65534", "--regid=65534",
                       "--clear-groups", "--inh-caps=-all"]
            self.require(*wrapper, "unshare", "-Urn")
        self.check_under(*wrapper)


if __name__ == "__main__":
    REASON = can_simulate()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main(verbosity=2)
