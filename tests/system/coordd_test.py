#!/usr/bin/env python3
"""The coordination server as a program: nodes over real TLS, restarts, floods."""
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import unittest

from coordd_support import (COORDD, PATIENCE, CoorddTest, free_port,
                            tls_context)


class Coordd(CoorddTest):
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
