#!/usr/bin/env python3
"""`stunsrv` as its operators and clients see it.

NATKIT_BIN names the folder of the programs.
"""
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

import wg_interop_lab as lab

STUNSRV = ""
FOLDER = ""
COOKIE = 0x2112A442


def request():
    """A Binding request without attributes, and its transaction ID."""
    transaction = os.urandom(12)
    return struct.pack(">HHI", 1, 0, COOKIE) + transaction, transaction


def mapped_address(response, transaction):
    """(address, port) of XOR-MAPPED-ADDRESS in a success response."""
    kind, length, cookie = struct.unpack(">HHI", response[:8])
    assert (kind, cookie) == (0x0101, COOKIE), response.hex()
    assert response[8:20] == transaction and length == len(response) - 20
    attribute, size, family, port = struct.unpack(">HHxBH", response[20:28])
    assert attribute == 0x0020, response.hex()
    mask = struct.pack(">I", COOKIE) + transaction
    plain = bytes(a ^ b for a, b in zip(response[28:24 + size], mask))
    kind = socket.AF_INET if family == 1 else socket.AF_INET6
    return socket.inet_ntop(kind, plain), port ^ (COOKIE >> 16)


class Server:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([STUNSRV, *arguments],
                                        stderr=subprocess.PIPE, text=True)
        self.log = ""
        self.listening = []

    def wait_listening(self, count):
        while len(self.listening) < count:
            line = self.process.stderr.readline()
            if not line:
                raise AssertionError(self.log)
            self.log += line
            if found := re.search(r"listening on (\S+):(\d+)", line):
                self.listening.append((found[1].strip("[]"), int(found[2])))
        return self.listening

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.log += self.process.communicate(timeout=lab.DEADLINE)[1]
        return self.process.returncode


class StunsrvTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab.run("ip", "link", "set", "lo", "up")

    def begin(self, *arguments, sockets):
        server = Server(*arguments)
        self.addCleanup(server.process.stderr.close)
        self.addCleanup(server.process.wait)
        self.addCleanup(server.process.kill)
        return server, server.wait_listening(sockets)

    def ask(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(lab.DEADLINE)
            message, transaction = request()
            client.sendto(message, (address, port))
            response, sender = client.recvfrom(2048)
            self.assertEqual(sender[:2], (address, port))
            own_port = client.getsockname()[1]
            self.assertEqual(mapped_address(response, transaction)[1], own_port)
            return mapped_address(response, transaction)[0]

    def test_answers_on_both_families_from_the_address_asked(self):
        _, [(_, v4_port), (_, v6_port)] = self.begin(
            "--listen", "0.0.0.0:0", "--listen", "[::]:0", sockets=2)
        self.assertEqual(self.ask("127.0.0.1", v4_port), "127.0.0.1")
        self.assertEqual(self.ask("127.0.0.77", v4_port), "127.0.0.1")
        self.assertEqual(self.ask("::1", v6_port), "::1")

    def test_default_is_port_3478_of_both_families(self):
        _, listening = self.begin(sockets=2)
        self.assertEqual(listening, [("0.0.0.0", 3478), ("::", 3478)])

    def test_signals_stop_it_cleanly_with_its_counters(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server, [(_, port)] = self.begin("--listen", "127.0.0.1:0",
                                             sockets=1)
            self.ask("127.0.0.1", port)
            self.assertEqual(server.stop(number), 0)
            self.assertIn("received 1, answered 1", server.log)

    def test_port_in_use_is_a_clear_error(self):
        _, [(_, port)] = self.begin("--listen", "127.0.0.1:0", sockets=1)
        second = subprocess.run([STUNSRV, "--listen", f"127.0.0.1:{port}"],
                                capture_output=True, text=True,
                                timeout=lab.DEADLINE)
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"127.0.0.1:{port}: address in use", second.stderr)

    def test_wrong_usage_is_code_2(self):
        for arguments in (["--listen", "3478"], ["--no-such-option"],
                          ["--rate-limit", "x"], ["--log-level", "loud"],
                          ["--config", ""]):
            done = subprocess.run([STUNSRV, *arguments], capture_output=True,
                                  text=True, timeout=lab.DEADLINE)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertTrue(done.stderr)

    def test_help_and_version(self):
        for option, text in (("--help", "--listen"), ("--version", "stunsrv")):
            self.assertIn(text, lab.run(STUNSRV, option))

    def test_rate_limit_holds_and_zero_lifts_it(self):
        for limit, expect_all in (("10", False), ("0", True)):
            server, [(_, port)] = self.begin(
                "--listen", "127.0.0.1:0", "--rate-limit", limit,
                "--amplification", "any", sockets=1)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(lab.DEADLINE)
                client.connect(("127.0.0.1", port))
                for _ in range(200):
                    client.send(request()[0])
                for _ in range(200 if expect_all else 1):
                    self.assertTrue(client.recv(2048))
            server.stop()
            answered = int(re.search(r"answered (\d+)", server.log)[1])
            self.assertEqual(answered == 200, expect_all, server.log)

    def test_quiet_logs_nothing_when_all_is_well(self):
        server = Server("--listen", "127.0.0.1:3500", "--quiet")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.1)
            client.connect(("127.0.0.1", 3500))
            lab.wait_until(lambda: self.is_answered(client), "an answer")
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.log, "")

    def is_answered(self, client):
        try:
            client.send(request()[0])
            return client.recv(2048)
        except OSError:
            return None

    def test_answers_dissect_as_stun(self):
        _, [(_, port)] = self.begin("--listen", "127.0.0.1:3478", sockets=1)
        capture = f"{FOLDER}/stun.pcapng"
        shark = subprocess.Popen(
            ["tshark", "-i", "lo", "-f", "udp port 3478", "-w", capture],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(shark.stderr.close)
        self.addCleanup(shark.wait)
        self.addCleanup(shark.kill)
        lab.wait_until(lambda: "Capturing" in shark.stderr.readline(),
                       "tshark captures")

        def captured():
            self.ask("127.0.0.1", port)
            return "0x0101" in self.dissect(capture, "stun", "stun.type")

        lab.wait_until(captured, "a captured success response")
        self.assertEqual(self.dissect(capture, "_ws.malformed || !stun",
                                      "frame.number"), [])
        self.assertIn("127.0.0.1",
                      self.dissect(capture, "stun.type == 0x0101",
                                   "stun.att.ipv4"))

    def dissect(self, capture, display_filter, field):
        return lab.run("tshark", "-r", capture, "-Y", display_filter, "-T",
                       "fields", "-e", field, check=False).split()


if __name__ == "__main__":
    lab.enter()
    STUNSRV = lab.program("stunsrv")
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = folder
        unittest.main(verbosity=2)
