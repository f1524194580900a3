#!/usr/bin/env python3
"""`netsim run`: the steps of a scenario, its reports, and that it always takes
the network down."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from netsim import can_simulate, netsim, netsim_program  # noqa: E402
from netsim_case import NetsimCase, wait_for_end  # noqa: E402

PAIR = """\
name = "pair"
[[network]]
name = "link"
cidr = "10.9.0.0/24"
[[host]]
name = "left"
network = "link"
address = "10.9.0.1"
[[host]]
name = "right"
network = "link"
address = "10.9.0.2"
[[link]]
member = "left"
delay = 0
"""
FIRST_STEP_LINE = PAIR.count("\n") + 1

SERVER = """
[[step]]
name = "a server"
on = "right"
run = ["python3", "-uc", '''
import socket
s = socket.create_server(("0.0.0.0", 5000))
print("serving", flush=True)
while True:
    s.accept()[0].sendall(b"welcome")
''']
background = true
output = "^serving"
"""

CLIENT = """
[[step]]
name = "a client"
on = "left"
run = ["python3", "-c", '''
import socket
print(socket.create_connection(("10.9.0.2", 5000), 5).recv(100).decode())
''']
output = "wel.ome"
"""


class Run(NetsimCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name, "steps.toml")
        self.junit = pathlib.Path(folder.name, "junit.xml")

    def run_steps(self, steps, *options):
        self.file.write_text(PAIR + steps)
        return subprocess.run(
            [netsim_program(), "run", *options, str(self.file)], text=True,
            capture_output=True, check=False)

    def report(self, steps, *options):
        done = self.run_steps(steps, "--json", *options)
        return done.returncode, json.loads(done.stdout)

    def test_runs_background_processes_commands_and_events(self):
        done = self.run_steps(SERVER + CLIENT + """
[[step]]
on = "left"
event = "link-down"
[[step]]
name = "nobody there"
on = "left"
run = "ping -c1 -W1 10.9.0.2"
exit = 2
[[step]]
on = "left"
event = "link-up"
""" + CLIENT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"ok 1 a server \([\d.]+ s\)\n")
        self.assertEqual(done.stdout.count("ok "), 6)
        self.assertEqual(self.runs(), {})

    def test_says_where_what_and_why_when_a_step_fails(self):
        done = self.run_steps("""[[step]]
name = "impossible"
on = "left"
run = "echo to be or not; exit 3"
output = "not to be"
[[step]]
on = "left"
run = "true"
""")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.file}:{FIRST_STEP_LINE}: step failed: impossible",
                      done.stdout)
        self.assertIn("expected: exit 0, output matching /not to be/",
                      done.stdout)
        self.assertIn("found:    exit 3, no such output", done.stdout)
        self.assertIn("| to be or not", done.stdout)
        self.assertNotIn("ok 2", done.stdout)
        self.assertEqual(self.runs(), {})

    def test_tries_again_within_the_time_given(self):
        marker = self.file.parent / "tries"
        status, report = self.report(f"""[[step]]
on = "left"
run = "echo x >> {marker}; test $(wc -l < {marker}) -ge 3"
within = "30s"
""")
        self.assertEqual((status, report["steps"][0]["tries"]), (0, 3))

    def test_gives_up_on_a_command_that_hangs(self):
        status, report = self.report("""[[step]]
on = "left"
run = "echo started; sleep 1000"
timeout = "3s"
""")
        self.assertEqual(status, 1)
        step = report["steps"][0]
        self.assertEqual(step["found"], "still running after 3s")
        self.assertEqual(step["output"], "started\n")

    def test_notices_a_background_process_that_ends_too_early(self):
        status, report = self.report("""[[step]]
on = "left"
run = "echo sorry; exit 4"
background = true
output = "ready"
""")
        self.assertEqual(status, 1)
        self.assertEqual(report["steps"][0]["found"], "exit 4 before that")

    def test_a_command_that_does_not_exist_fails(self):
        status, report = self.report("""[[step]]
on = "left"
run = ["/nonexistent", "--option"]
""")
        self.assertEqual(status, 1)
        self.assertEqual(report["steps"][0]["found"], "exit 127")
        self.assertIn("/nonexistent", report["steps"][0]["output"])

    def test_an_event_that_is_impossible_fails_before_anything_runs(self):
        done = self.run_steps("""[[step]]
on = "left"
event = "reboot"
""")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'reboot' is for boxes, and 'left' is a host",
                      done.stderr)
        self.assertEqual(done.stdout, "")

    def test_a_background_command_that_cannot_start_fails(self):
        marker = self.file.with_suffix(".ended")
        status, report = self.report(f"""[[step]]
on = "right"
run = "trap 'touch {marker}' EXIT; nosuchprogram"
background = true
[[step]]
on = "left"
run = "test -e {marker}"
within = "60s"
[[step]]
on = "left"
run = "ping -c1 10.9.0.2"
""")
        self.assertEqual(status, 1)
        self.assertEqual(("failed", "exit 127"),
                         (report["steps"][0]["status"],
                          report["steps"][0]["found"]))

    def dying(self, ending, key=""):
        """Steps: a server that ends with `ending` during the second one."""
        folder = self.file.parent
        return f"""[[step]]
name = "a server"
on = "right"
run = '''
echo $$ > {folder}/pid
echo ready
while ! test -e {folder}/go; do sleep 0.02; done
echo cannot go on
{ending}
'''
background = true
output = "ready"
{key}
[[step]]
name = "a client"
on = "left"
run = "touch {folder}/go; while kill -0 $(cat {folder}/pid); do sleep 0.02; done"
[[step]]
on = "left"
run = "true"
"""

    def test_notices_a_background_process_that_dies_later(self):
        for ending, found in (("exit 7", "exit 7"),
                              ("kill -KILL $$", "signal 9")):
            done = self.run_steps(self.dying(ending), "--junit",
                                  str(self.junit))
            (self.file.parent / "go").unlink()
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, r"ok 1 a server.*\n"
                                          r"ok 2 a client.*\n"
                                          r"FAILED 1 a server.*\n")
            self.assertIn(f"{self.file}:{FIRST_STEP_LINE}: step failed: "
                          "a server", done.stdout)
            self.assertIn(f"found:    {found}\n", done.stdout)
            self.assertIn("| cannot go on\n", done.stdout)
            self.assertNotIn("ok 3", done.stdout)
            suite = xml.etree.ElementTree.parse(self.junit).getroot()
            self.assertEqual(("1", "1"),
                             (suite.get("failures"), suite.get("skipped")))

    def test_a_background_process_may_end_well_or_as_the_scenario_says(self):
        for ending, key in (("exit 0", ""), ("exit 7", "may_exit = true"),
                            ("kill -KILL $$", "may_exit = true")):
            done = self.run_steps(self.dying(ending, key))
            (self.file.parent / "go").unlink()
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_does_not_try_again_after_a_background_process_died(self):
        done = self.run_steps(self.dying("exit 7").replace(
            'sleep 0.02; done"\n', 'sleep 0.02; done; false"\n'
            'within = "30s"\n'))
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAILED 1 a server", done.stdout)
        self.assertIn("FAILED 2 a client", done.stdout)

    def test_a_background_command_that_is_not_found_fails_at_its_own_step(self):
        for command in ('"nosuchprogram"', '["nosuchprogram", "-v"]'):
            done = self.run_steps(f"""[[step]]
name = "a server"
on = "right"
run = {command}
background = true
may_exit = true
[[step]]
on = "left"
run = "true"
""")
            self.assertEqual(done.returncode, 1)
            self.assertTrue(done.stdout.startswith("FAILED 1 a server"),
                            done.stdout)
            self.assertNotIn("ok 2", done.stdout)

    def test_within_ends_the_last_try(self):
        status, report = self.report("""[[step]]
on = "left"
run = "sleep 60"
within = "300ms"
""")
        self.assertEqual(status, 1)
        self.assertIn("still running after", report["steps"][0]["found"])
        self.assertEqual(report["steps"][0]["tries"], 1)

    def test_an_end_by_signal_can_be_expected(self):
        status, _ = self.report("""[[step]]
on = "left"
run = "kill -9 $$"
exit = 137
""")
        self.assertEqual(status, 0)

    def test_json_has_everything(self):
        status, report = self.report(SERVER + CLIENT, "--id", "mine")
        self.assertEqual(status, 0)
        self.assertEqual(
            {key: report[key] for key in
             ("schema", "scenario", "id", "passed", "problem")},
            {"schema": "natkit-netsim-run-1", "scenario": "pair", "id": "mine",
             "passed": True, "problem": ""})
        server, client = report["steps"]
        self.assertEqual((server["kind"], server["status"], server["found"]),
                         ("background", "passed", "runs"))
        self.assertEqual(
            (client["kind"], client["on"], client["found"], client["output"]),
            ("command", "left", "exit 0, such output", "welcome\n"))

    def test_output_of_any_bytes_is_reported(self):
        status, report = self.report(r"""[[step]]
on = "left"
run = '''printf '\377\001"\\\n\303\251<&>' '''
""", "--junit", str(self.junit))
        self.assertEqual(status, 0)
        self.assertEqual(report["steps"][0]["output"],
                         '\ufffd\x01"\\\n\u00e9<&>')
        xml.etree.ElementTree.parse(self.junit)

    def test_asks_for_the_junit_file_before_it_works(self):
        ran = self.run_steps("""
[[step]]
on = "left"
run = "echo happened"
""", "--junit", "/no/such/folder/x.xml")
        self.assertEqual(2, ran.returncode)
        self.assertIn("cannot write /no/such/folder/x.xml: No such", ran.stderr)
        self.assertEqual("", ran.stdout)

    def test_junit_counts_failures_and_what_was_not_run(self):
        done = self.run_steps(SERVER + """
[[step]]
name = "wrong & <bad>"
on = "left"
run = "exit 1"
""" + CLIENT, "--junit", str(self.junit))
        self.assertEqual(done.returncode, 1)
        suite = xml.etree.ElementTree.parse(self.junit).getroot()
        self.assertEqual({key: suite.get(key) for key in
                          ("name", "tests", "failures", "skipped", "errors")},
                         {"name": "pair", "tests": "3", "failures": "1",
                          "skipped": "1", "errors": "0"})
        failed = suite.findall("testcase")[1]
        self.assertEqual(failed.get("name"), "wrong & <bad>")
        self.assertIn("found:    exit 1", failed.find("failure").text)

    def test_a_scenario_without_steps_is_refused(self):
        done = self.run_steps("")
        self.assertEqual(done.returncode, 2)
        self.assertIn("nothing to run", done.stderr)

    def test_keep_leaves_the_run_up(self):
        done = self.run_steps('[[step]]\non = "left"\nrun = "true"\n',
                              "--keep", "--id", "kept")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.runs(), {"kept": "running"})
        netsim("exec", "--id", "kept", "left", "--", "true")

    def start_hanging(self):
        self.file.write_text(PAIR + SERVER + """
[[step]]
on = "left"
run = "echo waiting; sleep 1000"
timeout = "1000s"
""")
        process = subprocess.Popen(
            [netsim_program(), "run", "--id", "hung", str(self.file)],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.assertTrue(process.stdout.readline().startswith("ok 1"))
        return process

    def test_takes_everything_down_when_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start_hanging()
            process.send_signal(number)
            self.assertEqual(process.wait(), 128 + number)
            self.assertIn(f"interrupted by signal {int(number)}",
                          process.stdout.read())
            self.assertEqual(self.runs(), {})
            self.assert_nothing_left()

    def test_leaves_no_running_network_when_killed(self):
        process = self.start_hanging()
        keeper = self.keeper_of("hung")
        process.kill()
        process.wait()
        wait_for_end(keeper)
        self.assertEqual(self.runs(), {"hung": "leftover"})
        self.assertEqual(netsim("clean"), "removed hung\n")
        self.assert_nothing_left()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    REASON = can_simulate()
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main(verbosity=2)
