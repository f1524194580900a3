#!/usr/bin/env python3
"""The examples of the C API do what they say, on one machine."""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from netsim import Simulation, can_simulate  # noqa: E402

BIN = pathlib.Path(os.environ["NATKIT_BIN"])
EXAMPLES = BIN.parent / "examples"
DEADLINE = 120


def run(name, *arguments):
    return subprocess.run([EXAMPLES / name, *arguments], capture_output=True,
                          text=True, check=False, timeout=DEADLINE)


class StunQuery(unittest.TestCase):
    def serve(self, address):
        server = subprocess.Popen(
            [BIN / "stunsrv", "--listen", f"{address}:0"],
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.terminate)
        while "listening on" not in (line := server.stderr.readline()):
            self.assertTrue(line, "stunsrv has ended")
        return line.split()[-1]

    def check(self, address):
        done = run("stun_query", self.serve(address))
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        seen, _, port = done.stdout.strip().rpartition(":")
        self.assertEqual(address, seen)
        self.assertGreater(int(port), 0)

    def test_it_prints_the_address_that_the_server_sees(self):
        self.check("127.0.0.1")

    def test_it_speaks_ipv6(self):
        self.check("[::1]")

    def test_it_says_how_it_is_used(self):
        done = run("stun_query", "nonsense")
        self.assertEqual(2, done.returncode)
        self.assertIn("usage", done.stderr)

    def test_it_gives_up_when_nobody_answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            port = silent.getsockname()[1]
            done = run("stun_query", f"127.0.0.1:{port}")
        self.assertEqual((1, "no answer\n"), (done.returncode, done.stdout))


SERVERS = ["203.0.113.10", "203.0.113.11"]
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
[[nat]]
name = "box"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
profile = "port-restricted"
backend = "engine"
"""


class WhichNat(unittest.TestCase):
    def test_it_says_what_the_nat_is(self):
        if reason := can_simulate():
            self.skipTest(reason)
        with Simulation(SCENARIO) as net, \
                tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
            net.exec("server", "ip", "addr", "add", f"{SERVERS[1]}/24", "dev",
                     "eth0")
            config.write(f"discovery_addresses = {json.dumps(SERVERS)}\n")
            config.flush()
            server = net.popen("server", [BIN / "stunsrv", "--config",
                                          config.name], stderr=-1, text=True)
            with server.stderr:
                while "listening" not in (line := server.stderr.readline()):
                    self.assertTrue(line, "stunsrv has ended")
                done = net.run("laptop", EXAMPLES / "which_nat",
                               f"{SERVERS[0]}:3478", timeout=DEADLINE)
                server.terminate()
        said = dict(line.split(None, 1) for line in done.stdout.splitlines())
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertGreater(len(said), 8, said)
        self.assertEqual("endpoint-independent", said["mapping"])
        self.assertEqual("address-and-port-dependent", said["filtering"])

    def test_it_says_how_it_is_used(self):
        for arguments in ([], ["nonsense"]):
            done = run("which_nat", *arguments)
            self.assertEqual(2, done.returncode)
            self.assertIn("usage", done.stderr)


class Program:
    """An example that goes on running, with the lines that it has printed."""

    def __init__(self, case, name, *arguments):
        self.process = subprocess.Popen(
            [EXAMPLES / name, *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1)
        self.lines = []
        self.case = case
        case.addCleanup(self.process.communicate)
        case.addCleanup(self.process.kill)

    def say(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def wait_for(self, prefix):
        end = time.monotonic() + DEADLINE
        while True:
            self.case.assertLess(time.monotonic(), end, self.lines)
            line = self.process.stdout.readline()
            self.case.assertTrue(line, f"it has ended after {self.lines}")
            self.lines.append(line.rstrip())
            if self.lines[-1].startswith(prefix):
                return self.lines[-1]


class Punch(unittest.TestCase):
    def describe(self, program):
        lines = []
        while line := program.process.stdout.readline().strip():
            lines.append(line)
        self.assertIn("a=end-of-candidates", lines)
        return "\n".join(lines) + "\n\n"

    def test_two_find_each_other(self):
        sides = [Program(self, "punch"), Program(self, "punch")]
        texts = [self.describe(side) for side in sides]
        for side, text in zip(sides, reversed(texts)):
            side.say(text)
        for side in sides:
            side.wait_for("received: hello")
            self.assertEqual(0, side.process.wait(DEADLINE))

    def test_it_says_what_is_wrong(self):
        done = run("punch", "stun.example")
        self.assertEqual(1, done.returncode)
        self.assertIn("stun.example: bad encoding", done.stderr)


class Chat(unittest.TestCase):
    """agent_poll, agent_uv and agent_glib are one program in three loops."""

    def relay(self):
        server = subprocess.Popen(
            [BIN / "derpd", "--dev", "--no-stun", "--listen", "127.0.0.1:0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.terminate)
        lines = []
        while not lines or "certificate pin" not in lines[-1]:
            lines.append(server.stderr.readline())
            self.assertTrue(lines[-1], "derpd has ended")
        port = re.search(r"on TCP 127\.0\.0\.1:(\d+)", "".join(lines)).group(1)
        return ["127.0.0.1", port, lines[-1].split()[-1]]

    def key(self):
        private = subprocess.run(["wg", "genkey"], capture_output=True,
                                 check=True).stdout
        public = subprocess.run(["wg", "pubkey"], input=private,
                                capture_output=True, check=True).stdout
        return private.decode().strip(), public.decode().strip()

    def check(self, first, second):
        relay = self.relay()
        keys = [self.key(), self.key()]
        a = Program(self, first, keys[0][0], keys[1][1], *relay)
        b = Program(self, second, keys[1][0], keys[0][1], *relay)
        a.wait_for("path direct")
        b.wait_for("path direct")
        a.say("from a\n")
        b.say("from b\n")
        a.wait_for("< from b")
        b.wait_for("< from a")
        for side in (a, b):
            side.process.stdin.close()
            side.process.stdin = None
            self.assertEqual(0, side.process.wait(DEADLINE))

    def test_poll_meets_libuv(self):
        self.check("agent_poll", "agent_uv")

    def test_glib_meets_poll(self):
        self.check("agent_glib", "agent_poll")

    def test_it_says_why_its_relay_is_down(self):
        host, port, _ = self.relay()
        private, public = self.key()[0], self.key()[1]
        for trust, why in (("plain", "closed"), ("sha256-raw:" + 64 * "0",
                           "certificate differs from the pinned one")):
            with subprocess.Popen(
                    [EXAMPLES / "agent_poll", private, public, host, port,
                     trust], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE, text=True) as chat:
                self.assertEqual(f"relay down: {why}\n",
                                 chat.stderr.readline())
                chat.stdin.close()
                self.assertEqual(0, chat.wait(DEADLINE))

    def test_it_says_what_is_wrong(self):
        self.assertIn("usage", run("agent_poll").stderr)
        done = run("agent_uv", "key", "key", "localhost", "443", "-")
        self.assertEqual((1, "private key: bad length\n"),
                         (done.returncode, done.stderr))


if __name__ == "__main__":
    unittest.main()
