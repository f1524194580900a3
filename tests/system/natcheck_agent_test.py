#!/usr/bin/env python3
"""Conformance runs by two agents, in real networks of netsim.

The box is played by the engine and by the kernel's nftables. A few requirements
that take seconds are judged; the verdicts are those of the profile. The agents
have addresses of their own, which the system does not know.
"""
import json
import pathlib
import shlex
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from netsim import Simulation, can_simulate, netsim_program  # noqa: E402

BIN = pathlib.Path(netsim_program()).parent
SCENARIO = """
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
name = "laptop"
network = "lan"
address = "192.168.1.10"
[[host]]
name = "desktop"
network = "lan"
address = "192.168.1.11"
[[nat]]
name = "box"
profile = "{profile}"
backend = "{backend}"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
"""
ONLY = ["4787-1", "4787-3", "4787-8", "4787-9", "4787-12b", "4787-14",
        "5382-1", "5382-2", "5382-3", "5508-1", "5508-4"]
LINUX_FAILS = {"4787-1", "4787-3", "4787-8", "4787-9", "5382-1", "5382-3"}
CASES = {
    ("full-cone", "engine"): set(),
    ("linux-masquerade", "engine"): LINUX_FAILS,
    ("linux-masquerade", "kernel"): LINUX_FAILS,
}


def agent(net, member, network, addresses, gateway=None, before=()):
    """The command of an agent in a member's namespace."""
    interface = json.loads(net.exec(member, "ip", "-j", "-4", "route", "show",
                                    network))[0]["dev"]
    words = [netsim_program(), "exec", "--id", net.id, member, "--",
             *before, str(BIN / "natcheck"), "agent", "--interface", interface,
             "--address", ",".join(addresses), "--network", network]
    if gateway:
        words += ["--gateway", gateway]
    return shlex.join(words)


class Agents(unittest.TestCase):
    def verdicts(self, profile, backend):
        with Simulation(SCENARIO.format(profile=profile,
                                        backend=backend)) as net:
            gateway = json.loads(net.exec(
                "laptop", "ip", "-j", "-4", "route", "show",
                "default"))[0]["gateway"]
            done = subprocess.run(
                [BIN / "natcheck", "conformance", "--format", "json",
                 "--only", ",".join(ONLY),
                 "--inside-agent",
                 agent(net, "laptop", "192.168.1.0/24",
                       [f"192.168.1.{n}" for n in range(101, 105)], gateway),
                 "--outside-agent",
                 agent(net, "server", "203.0.113.0/24",
                       [f"203.0.113.{n}" for n in range(101, 105)],
                       "203.0.113.20")],
                capture_output=True, text=True, check=False, timeout=240)
            self.assertIn(done.returncode, (0, 1), done.stderr)
            return {finding["requirement"]: finding
                    for finding in json.loads(done.stdout)["findings"]}

    def test_verdicts_are_those_of_the_profile(self):
        for (profile, backend), fails in CASES.items():
            with self.subTest(profile=profile, backend=backend):
                found = self.verdicts(profile, backend)
                self.assertEqual(set(ONLY), set(found))
                for name, finding in found.items():
                    self.assertEqual(
                        "fail" if name in fails else "pass",
                        finding["verdict"], (name, finding["reason"]))


    def test_somebody_sends_to_an_agent_before_it_begins(self):
        with Simulation(SCENARIO.format(profile="full-cone",
                                        backend="engine")) as net:
            ping = net.popen("desktop", ["ping", "-n", "-i", "0.2",
                                         "192.168.1.101"],
                             stdout=subprocess.DEVNULL)
            done = subprocess.run(
                [BIN / "natcheck", "conformance", "--only", "4787-1",
                 "--inside-agent", agent(net, *INSIDE), "--outside-agent",
                 agent(net, *OUTSIDE)],
                capture_output=True, text=True, check=False, timeout=120)
            ping.terminate()
            ping.wait()
            self.assertEqual((0, ""), (done.returncode, done.stderr))


INSIDE = ("laptop", "192.168.1.0/24",
          [f"192.168.1.{n}" for n in range(101, 105)], "192.168.1.1")
OUTSIDE = ("server", "203.0.113.0/24",
           [f"203.0.113.{n}" for n in range(101, 105)], "203.0.113.20")


class Mistakes(unittest.TestCase):
    """Each ends the run at once, by one line that says what is wrong."""

    def complaint(self, inside, outside):
        done = subprocess.run(
            [BIN / "natcheck", "conformance", "--only", "4787-1",
             "--inside-agent", inside, "--outside-agent", outside],
            capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertEqual("", done.stdout)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        return done.stderr

    def test_of_people_who_set_it_up(self):
        with Simulation(SCENARIO.format(profile="full-cone",
                                        backend="engine")) as net:
            good = agent(net, *INSIDE)
            outside = agent(net, *OUTSIDE)
            cases = {
                "the inside agent ended with status 3": ("exit 3", outside),
                "the outside agent ended with status 4": (good, "exit 4"),
                "says what no agent says": ("echo hello, world; cat", outside),
                "Operation not permitted": (
                    agent(net, *INSIDE, before=["setpriv", "--reuid=65534",
                                                "--clear-groups"]), outside),
                "answers for the gateway 192.168.1.77": (
                    agent(net, *INSIDE[:3], "192.168.1.77"), outside),
                "another host has its address 192.168.1.1": (
                    agent(net, *INSIDE[:2], ["192.168.1.101", "192.168.1.1"],
                          "192.168.1.1"), outside),
                "outside, but have 1 and 4": (
                    agent(net, *INSIDE[:2], ["192.168.1.101"],
                          "192.168.1.1"), outside),
                "nothing that the inside agent sends": (outside, good),
                "no router is between the agents": (
                    good, agent(net, "desktop", "192.168.1.0/24",
                                [f"192.168.1.{n}" for n in range(201, 205)],
                                "192.168.1.1")),
            }
            for words, commands in cases.items():
                with self.subTest(words):
                    self.assertIn(words, self.complaint(*commands))

    def test_no_nat_between(self):
        with Simulation(SCENARIO.format(profile="open",
                                        backend="engine")) as net:
            self.assertIn("but no NAT", self.complaint(
                agent(net, *INSIDE), agent(net, *OUTSIDE)))


def main():
    if reason := can_simulate():
        print(f"skipped: {reason}")
        return 77
    return unittest.main()


if __name__ == "__main__":
    sys.exit(main())
