#!/usr/bin/env python3
"""libnat's STUN client against coturn's server: UDP, TCP and TLS, without and
with long-term credentials.

natcheck, too: coturn is the most usual server of RFC 5780.

NATKIT_TESTS names the folder of stun_probe, NATKIT_BIN that of natcheck.
"""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

import wg_interop_lab as lab

PROBE = os.environ["NATKIT_TESTS"] + "/stun_probe"
NATCHECK = os.environ["NATKIT_BIN"] + "/natcheck"
USER = "matrix"
PASSWORD = "The M\u00e4trix"
REALM = "example.org"
FOLDER = ""
ADDRESSES = ("127.0.0.1", "::1")
EI = "endpoint-independent"


def probe(transport, port, *credentials, address="127.0.0.1"):
    """What the client found out, as words."""
    host = f"[{address}]" if ":" in address else address
    done = subprocess.run([PROBE, transport, f"{host}:{port}", *credentials],
                          capture_output=True, text=True, timeout=lab.DEADLINE)
    return done.stdout.split()


class Coturn:
    """One turnserver with a folder and ports of its own."""

    def __init__(self, port, *options, addresses=ADDRESSES):
        self.port = port
        self.tls_port = port + 2
        self.folder = tempfile.mkdtemp(dir=FOLDER)
        self.process = subprocess.Popen(
            ["turnserver", "-n", "-p", str(port),
             "--tls-listening-port", str(self.tls_port),
             *(f"--listening-ip={address}" for address in addresses),
             "--allow-loopback-peers", "--no-cli", "--no-dtls",
             "--cert", f"{FOLDER}/cert.pem", "--pkey", f"{FOLDER}/key.pem",
             "--userdb", f"{self.folder}/db", "--log-file", "stdout",
             "--simple-log", "--pidfile", f"{self.folder}/pid",
             "--realm", REALM, *options],
            cwd=self.folder, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

        self.addresses = addresses

    def wait(self):
        for port in (self.port, self.tls_port):
            lab.wait_until(lambda port=port: self.accepts(port),
                           f"coturn listens on port {port}")

    def accepts(self, port):
        try:
            socket.create_connection((self.addresses[0], port), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()


class CoturnTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        lab.run("ip", "link", "set", "lo", "up")
        lab.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                "-keyout", f"{FOLDER}/key.pem", "-out", f"{FOLDER}/cert.pem",
                "-days", "2", "-subj", "/CN=localhost")
        cls.open = Coturn(3478, "--no-auth")
        cls.secure = Coturn(4478, "--lt-cred-mech", "--secure-stun",
                            "--user", f"{USER}:{PASSWORD}")
        for server in (cls.open, cls.secure):
            cls.addClassCleanup(server.stop)
            server.wait()

    def ports(self, server):
        return (("udp", server.port), ("tcp", server.port),
                ("tls", server.tls_port))

    def test_without_credentials(self):
        for transport, port in self.ports(self.open):
            for address in ADDRESSES:
                with self.subTest(transport=transport, address=address):
                    words = probe(transport, port, address=address)
                    self.assertEqual(words[0], "success", words)
                    self.assertEqual(words[1].rpartition(":")[0].strip("[]"),
                                     address)
                    self.assertEqual(words[2], "open")

    def test_with_long_term_credentials(self):
        for transport, port in self.ports(self.secure):
            with self.subTest(transport=transport):
                words = probe(transport, port, USER, PASSWORD)
                self.assertEqual([words[0], words[-1]],
                                 ["success", "verified"], words)

    def test_a_server_that_asks_for_none_is_open(self):
        self.assertEqual(
            probe("udp", self.open.port, USER, PASSWORD)[::2],
            ["success", "open"])

    def test_missing_or_wrong_credentials_are_refused(self):
        for transport, port in self.ports(self.secure):
            for credentials in ((), (USER, "wrong"), ("nobody", PASSWORD)):
                with self.subTest(transport=transport, user=credentials):
                    self.assertEqual(probe(transport, port, *credentials),
                                     ["error", "401"])

    def test_natcheck_learns_from_it_what_it_can_tell(self):
        server = Coturn(5478, "--no-auth",
                        addresses=("127.0.0.51", "127.0.0.52"))
        self.addCleanup(server.stop)
        server.wait()
        done = subprocess.run(
            [NATCHECK, "--json", "--server", "127.0.0.51:5478"],
            capture_output=True, text=True, timeout=lab.DEADLINE)
        family, = json.loads(done.stdout)["families"]
        for axis, value in (("server", "two-addresses"), ("mapping", "none"),
                            ("filtering", EI), ("poisoning", "no")):
            verdict = family["verdicts"][axis]
            with self.subTest(axis=axis, verdict=verdict):
                self.assertEqual([verdict["outcome"], verdict["value"]],
                                 ["determined", value])


if __name__ == "__main__":
    if not shutil.which("turnserver"):
        print("skipped: coturn is not installed")
        sys.exit(lab.SKIPPED)
    lab.enter()
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = folder
        unittest.main(verbosity=2)
