#!/usr/bin/env python3
"""The examples of the C API do what they say, on one machine."""
import os
import pathlib
import socket
import subprocess
import unittest

BIN = pathlib.Path(os.environ["NATKIT_BIN"])
EXAMPLES = BIN.parent / "examples"
DEADLINE = 120


def run(name, *arguments):
    return subprocess.run([EXAMPLES / name, *arguments], capture_output=True,
                          text=True, check=False, timeout=DEADLINE)


class StunQuery(unittest.TestCase):
    def serve(self, address):
        with socket.socket(socket.AF_INET6 if ":" in address
                           else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
            port = probe.getsockname()[1]
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        server = subprocess.Popen([BIN / "stunsrv", "--listen", where],
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.terminate)
        while "listening" not in (line := server.stderr.readline()):
            self.assertTrue(line, "stunsrv has ended")
        return where

    def check(self, address, prefix):
        done = run("stun_query", self.serve(address))
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        seen, _, port = done.stdout.strip().rpartition(":")
        self.assertEqual(prefix, seen)
        self.assertGreater(int(port), 0)

    def test_it_prints_the_address_that_the_server_sees(self):
        self.check("127.0.0.1", "127.0.0.1")

    def test_it_speaks_ipv6(self):
        self.check("::1", "[::1]")

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


if __name__ == "__main__":
    unittest.main()
