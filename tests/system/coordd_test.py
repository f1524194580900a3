#!/usr/bin/env python3
"""The coordination server as a program: nodes over real TLS, restarts, floods."""
import json
import os
import pathlib
import queue
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

COORDD = pathlib.Path(os.environ["NATKIT_BIN"]) / "coordd"
PEER = pathlib.Path(os.environ["NATKIT_TESTS"]) / "coord_peer"
PATIENCE = 60  # seconds; a limit for busy machines, nothing waits for it


def free_port():
    """A TCP port with a free one above it (TCP and UDP) for the relay."""
    while True:
        with socket.socket() as one, socket.socket() as other, \
                socket.socket(type=socket.SOCK_DGRAM) as stun:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                other.bind(("127.0.0.1", port + 1))
                stun.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


class Lines:
    """What a program prints, line by line."""

    def __init__(self, stream):
        self.queue = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, args=(stream,), daemon=True).start()

    def read(self, stream):
        for line in stream:
            self.queue.put(line.rstrip("\n"))
        self.queue.put(None)

    def wait(self, wanted, limit=PATIENCE):
        """The first line (or parsed event) for which `wanted` is true."""
        deadline = time.monotonic() + limit
        while True:
            try:
                line = self.queue.get(timeout=deadline - time.monotonic())
            except (queue.Empty, ValueError):
                line = None
            if line is None:
                raise AssertionError("\n".join(["not printed; seen:",
                                                *self.seen[-20:]]))
            self.seen.append(line)
            if wanted(line):
                return line


class Server:
    def __init__(self, folder, port, host="127.0.0.1"):
        self.port = port
        self.process = subprocess.Popen(
            [COORDD, "--dev", "--dir", folder, "--listen",
             f"{host}:{port}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.log = Lines(self.process.stderr)
        self.out = Lines(self.process.stdout)
        line = self.out.wait(lambda text: True)
        found = re.fullmatch(
            r"meshnode up --server (\S+) --server-pin (sha256-raw:[0-9a-f]{64})"
            r" --auth-key (nkauth-\S+)", line)
        assert found, line
        self.address, self.pin, self.key = found.groups()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class Peers:
    def __init__(self, server, count=1, seed=1, key=None, more=()):
        self.process = subprocess.Popen(
            [PEER, "--server", server.address, "--pin", server.pin,
             "--auth-key", server.key if key is None else key,
             "--nodes", str(count), "--seed", str(seed),
             "--prefix", f"s{seed}n", *more],
            stdout=subprocess.PIPE, text=True)
        self.lines = Lines(self.process.stdout)

    def event(self, wanted):
        return json.loads(self.lines.wait(lambda line: wanted(
            json.loads(line))))

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def tls_context(alpn=("natkit-coordination/1",)):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class Coordd(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.port = free_port()
        self.server = None

    def start(self):
        self.server = Server(self.folder.name, self.port)
        self.addCleanup(lambda process: (process.kill(), process.wait(),
                                         process.stdout.close(),
                                         process.stderr.close()),
                        self.server.process)
        return self.server

    def peers(self, *arguments, **options):
        peers = Peers(self.server, *arguments, **options)
        self.addCleanup(peers.stop)
        return peers

    def test_nodes_join_and_see_each_other(self):
        self.start()
        nodes = self.peers(count=5)
        for index in range(5):
            whole = nodes.event(lambda e: e["event"] == "map"
                                and len(e["peers"]) == 4)
            self.assertRegex(whole["address"], r"^100\.")
            self.assertEqual(1, whole["relays"])
        self.assertEqual(0, self.server.stop())
        lost = nodes.event(lambda e: e["event"] == "lost")
        self.assertIn("shutting", lost["why"])
        self.assertFalse(lost["final"])

    def test_files_are_private_and_survive(self):
        self.start()
        pin = self.server.pin
        for name in ("store.db", "private_key.pem", "relay.key"):
            mode = os.stat(pathlib.Path(self.folder.name) / name).st_mode
            self.assertEqual(0o600, mode & 0o777, name)
        self.assertEqual(0, self.server.stop())
        self.start()
        self.assertEqual(pin, self.server.pin)

    def test_a_wrong_key_is_refused_for_good(self):
        self.start()
        wrong = self.server.key[:-4] + "0000"
        lost = self.peers(key=wrong).event(lambda e: e["event"] == "lost")
        self.assertTrue(lost["final"])

    def test_nothing_acknowledged_is_lost_when_killed(self):
        ids = {}
        for round_number in range(1, 5):
            self.start()
            nodes = self.peers(count=3, seed=round_number)
            for _ in range(3):
                event = nodes.event(lambda e: e["event"] == "admitted")
                self.assertEqual(1, event["state"])
                ids[(round_number, event["node"])] = event["id"]
            self.server.kill()  # the moment it was acknowledged
            nodes.stop()
        self.start()
        self.assertEqual(len(ids), len(set(ids.values())))
        for seed in range(1, 5):
            # Without a key: only who is registered gets in.
            nodes = self.peers(count=3, seed=seed, key="")
            for _ in range(3):
                event = nodes.event(lambda e: e["event"] == "admitted")
                self.assertEqual((1, ids[(seed, event["node"])]),
                                 (event["state"], event["id"]))

    def test_silent_connections_keep_nobody_out(self):
        self.start()
        context = tls_context()
        streams = [socket.create_connection(("127.0.0.1", self.port))
                   for _ in range(2000)]
        self.addCleanup(lambda: [stream.close() for stream in streams])
        for stream in streams[:200]:
            stream.sendall(b"\x16\x03\x01\x02\x00\x01")  # half a ClientHello
        proven = context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.port)))
        self.addCleanup(proven.close)
        self.assertEqual(b"\x01", proven.recv(1))  # a challenge
        self.peers().event(lambda e: e["event"] == "admitted")
        # The handshake's budget ends them, the login's the other one.
        streams[0].settimeout(PATIENCE)
        try:
            self.assertEqual(b"", streams[0].recv(4096))
        except ConnectionResetError:
            pass
        proven.settimeout(PATIENCE)
        while proven.recv(65536):
            pass

    def test_oversized_frames_end_the_stream(self):
        self.start()
        with tls_context().wrap_socket(socket.create_connection(
                ("127.0.0.1", self.port), timeout=PATIENCE)) as stream:
            stream.sendall(b"\x01" + (2**20).to_bytes(4, "big"))
            while stream.recv(65536):
                pass
        self.peers().event(lambda e: e["event"] == "admitted")

    def test_other_protocols_and_old_tls_are_refused(self):
        self.start()
        with self.assertRaises(ssl.SSLError):
            tls_context(["h2"]).wrap_socket(
                socket.create_connection(("127.0.0.1", self.port))).close()
        old = tls_context()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            old.wrap_socket(
                socket.create_connection(("127.0.0.1", self.port))).close()

    def test_check_tells_every_mistake_with_its_line(self):
        path = pathlib.Path(self.folder.name) / "coordd.toml"
        path.write_text("[server]\nlisten = 'nowhere'\ncertificate = 'c'\n"
                        "private_key = 'k'\nlsiten = 1\n[mesh]\n"
                        "ipv4 = '10.0.0.0/31'\n[[relay]]\nname = 'eu'\n")
        done = subprocess.run([COORDD, "--check", path], text=True,
                              capture_output=True, check=False, timeout=60)
        self.assertEqual(2, done.returncode)
        for line, text in ((2, "is not an address"), (5, "unknown key"),
                           (7, "must be a prefix")):
            self.assertRegex(done.stderr, rf"coordd\.toml:{line}: .*{text}")
        self.assertIn("'relay[0].host' is missing", done.stderr)

    def test_a_second_server_on_the_same_store_is_refused(self):
        self.start()
        done = subprocess.run(
            [COORDD, "--dev", "--dir", self.folder.name, "--listen",
             f"127.0.0.1:{free_port()}"],
            text=True, capture_output=True, check=False, timeout=60)
        self.assertEqual(1, done.returncode)
        self.assertIn("store.db", done.stderr)


if __name__ == "__main__":
    if not COORDD.exists():
        sys.exit(77)
    unittest.main(verbosity=2)
