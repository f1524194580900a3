#!/usr/bin/env python3
"""A coordination server among enemies: each is told why, or ends, and nodes
are served all the while."""
import contextlib
import os
import pathlib
import resource
import socket
import ssl
import sys
import threading
import time
import unittest

from coordd_support import COORDD, PATIENCE, CoorddTest, tls_context

MEBIBYTE = 1 << 20
# The bodies of a Frame, and reasons of a Goodbye (control.proto).
CHALLENGE, AUTHENTICATE, GOODBYE = 1, 2, 11
REFUSED, PROTOCOL, OVERLOADED, VERSION, SILENT = 3, 4, 6, 7, 8


def field(number, data):
    """A length-delimited Protobuf field."""
    size = len(data)
    length = b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(message):
    """Fields of a message by number; the last of each counts."""
    found = {}
    at = 0
    while at < len(message):
        tag, at = varint(message, at)
        if tag & 7 == 0:
            found[tag >> 3], at = varint(message, at)
        elif tag & 7 == 1:
            found[tag >> 3], at = message[at:at + 8], at + 8
        else:
            size, at = varint(message, at)
            found[tag >> 3], at = message[at:at + size], at + size
    return found


def frame(body):
    return len(body).to_bytes(4, "big") + body


def forged_login():
    """An answer to a challenge with keys and proofs made up."""
    login = b"".join(field(number, os.urandom(size)) for number, size in
                     ((1, 32), (2, 32), (3, 32), (4, 64), (5, 32), (6, 32)))
    return frame(field(AUTHENTICATE, login + field(8, b"enemy")))


class Stranger:
    """A client that has TLS and nothing else."""

    def __init__(self, port, source="127.0.0.1"):
        self.stream = tls_context().wrap_socket(socket.create_connection(
            ("127.0.0.1", port), timeout=PATIENCE, source_address=(source, 0)))

    def close(self):
        self.stream.close()

    def exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.stream.recv(size - len(data))
            if not piece:
                raise ConnectionError("the stream ended")
            data += piece
        return data

    def frame(self):
        """The next frame: which body, and its fields."""
        size = int.from_bytes(self.exactly(4), "big")
        body = fields(self.exactly(size))
        (kind, message), = body.items()
        return kind, fields(message)

    def challenge(self):
        assert self.exactly(1) == b"\x01"
        kind, message = self.frame()
        assert kind == CHALLENGE, kind
        return message

    def goodbye(self):
        """Reason and text; then the stream must end."""
        kind, message = self.frame()
        assert kind == GOODBYE, kind
        with contextlib.suppress(ConnectionError):
            assert self.stream.recv(1) == b""
        return message[1], message.get(2, b"").decode()


class Tap:
    """Stands between nodes and the server. Without `context` it passes bytes
    on, from another address; with it, it has the server's own certificate and
    key and reads all that nodes say."""

    def __init__(self, port, source="127.0.0.1", context=None):
        self.target = port
        self.source = source
        self.context = context
        self.heard = []
        self.first = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,),
                                 daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client, socket.create_connection(
                ("127.0.0.1", self.target),
                source_address=(self.source, 0)) as server:
            if not self.context:
                self.carry_both(client, server)
                return
            with self.context.wrap_socket(client, server_side=True) as inner, \
                    tls_context().wrap_socket(server) as outer:
                self.carry_both(inner, outer)

    def carry_both(self, client, server):
        back = threading.Thread(target=self.carry,
                                args=(server, client, False), daemon=True)
        back.start()
        self.carry(client, server, True)
        back.join()

    def carry(self, origin, to, is_heard):
        with contextlib.suppress(OSError):
            while data := origin.recv(65536):
                if is_heard:
                    self.heard.append(data)
                    self.first.set()
                to.sendall(data)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()


class Address:
    """The server, reached over a Tap."""

    def __init__(self, server, tap):
        self.address = f"127.0.0.1:{tap.port}"
        self.pin, self.key = server.pin, server.key


def resident(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text() \
            .splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def raise_descriptors(wanted):
    """As many as the system lets us have; how many those are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (max(hard, wanted), max(hard, wanted)))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class CoorddHostile(CoorddTest):
    def stranger(self, source="127.0.0.1"):
        stranger = Stranger(self.port, source)
        self.addCleanup(stranger.close)
        return stranger

    def tap(self, **options):
        tap = Tap(self.port, **options)
        self.addCleanup(tap.close)
        return tap

    def peers_over(self, tap, **options):
        real, self.server = self.server, Address(self.server, tap)
        try:
            return self.peers(**options)
        finally:
            self.server = real

    def assert_serves(self, seed=77):
        self.peers(seed=seed).event(lambda e: e["event"] == "admitted"
                                    and e["state"] == 1)

    def test_keys_that_nobody_has_are_refused_with_a_reason(self):
        self.start()
        stranger = self.stranger()
        stranger.challenge()
        stranger.stream.sendall(b"\x01" + forged_login())
        reason, text = stranger.goodbye()
        self.assertEqual(REFUSED, reason)
        self.assertIn("do not verify", text)
        self.server.log.wait(lambda line: "127.0.0.1" in line
                             and "do not verify" in line)
        self.assert_serves()

    def test_an_answer_is_worth_nothing_on_another_connection(self):
        self.start()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = pathlib.Path(self.folder.name)
        context.load_cert_chain(folder / "certificate.pem",
                                folder / "private_key.pem")
        context.set_alpn_protocols(["natkit-coordination/1"])
        tap = self.tap(context=context)
        # Who has the server's key still cannot pass an answer on ...
        lost = self.peers_over(tap, seed=5).event(
            lambda e: e["event"] == "lost")
        self.assertIn("do not verify", lost["why"])
        # ... nor give it himself, to another challenge.
        self.assertTrue(tap.first.wait(PATIENCE))
        recorded = b"".join(tap.heard)
        self.assertEqual(AUTHENTICATE, recorded[5] >> 3)
        stranger = self.stranger()
        stranger.challenge()
        stranger.stream.sendall(recorded)
        reason, text = stranger.goodbye()
        self.assertEqual(REFUSED, reason)
        self.assertIn("do not verify", text)
        # The node itself was not registered by that, and is not locked out.
        self.assert_serves(seed=5)

    def test_challenges_differ(self):
        self.start()
        nonces = set()
        for _ in range(5):
            nonces.add(self.stranger().challenge()[1])
        self.assertEqual(5, len(nonces))

    def test_broken_rules_are_named(self):
        self.start()
        for said, reason in (
                (b"\x01" + (21 * 1024).to_bytes(4, "big"), PROTOCOL),
                (b"\x01" + b"\xff" * 4, PROTOCOL),
                (b"\x01" + frame(field(AUTHENTICATE, b"\xff" * 9)), PROTOCOL),
                (b"\x01" + frame(field(10, b"")), PROTOCOL),  # a heartbeat
                (b"\x02", VERSION)):
            stranger = self.stranger()
            stranger.challenge()
            stranger.stream.sendall(said)
            self.assertEqual(reason, stranger.goodbye()[0], said[:16])
        self.assert_serves()

    def test_half_a_login_is_waited_for_only_so_long(self):
        self.start()
        slow = self.stranger()
        slow.challenge()
        slow.stream.sendall(b"\x01" + forged_login()[:100])
        gone = self.stranger()
        gone.challenge()
        gone.stream.sendall(b"\x01" + forged_login()[:100])
        gone.close()
        self.assert_serves()
        self.assertEqual(SILENT, slow.goodbye()[0])

    def test_what_is_no_tls_ends(self):
        self.start()
        for said in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(4096),
                     b"\x16\x03\x01\xff\xff" + bytes(4096), b"\x80" * 64):
            with socket.create_connection(("127.0.0.1", self.port),
                                          timeout=PATIENCE) as plain:
                with contextlib.suppress(ConnectionError):
                    plain.sendall(said)
                    heard = b""
                    while piece := plain.recv(4096):
                        heard += piece
                    self.assertNotIn(b"HTTP", heard)
        self.assert_serves()

    def test_a_flood_of_forged_logins_from_one_address_is_bounded(self):
        self.start()
        reasons = []
        for _ in range(60):
            stranger = self.stranger("127.0.0.9")
            stranger.challenge()
            stranger.stream.sendall(b"\x01" + forged_login())
            reasons.append(stranger.goodbye()[0])
            stranger.close()
        # A burst of 20, and one a second for a test that takes its time.
        self.assertGreaterEqual(reasons.count(REFUSED), 20)
        self.assertEqual([REFUSED] * 20, reasons[:20])
        self.assertIn(OVERLOADED, reasons[20:])
        self.assert_serves()  # from another address

    def test_a_flood_of_wrong_auth_keys_is_bounded(self):
        self.start()
        wrong = self.server.key[:-8] + "00000000"
        flood = self.peers_over(self.tap(source="127.0.0.9"), count=40,
                                seed=3, key=wrong)
        flood.event(lambda e: e["event"] == "lost" and e["final"])
        flood.event(lambda e: e["event"] == "lost"
                    and "too many failed logins" in e["why"])
        self.server.log.wait(lambda line: "127.0.0.9" in line)
        self.assert_serves()

    def test_ten_thousand_silent_connections(self):
        allowed = raise_descriptors(10_100)
        self.start()
        self.assert_serves(seed=1)
        before = resident(self.server.process)
        streams = []
        self.addCleanup(lambda: [stream.close() for stream in streams])
        for number in range(min(10_000, allowed - 100)):
            streams.append(socket.create_connection(
                ("127.0.0.1", self.port), timeout=PATIENCE,
                source_address=(f"127.0.1.{number % 8 + 1}", 0)))
        self.assert_serves(seed=2)
        after = resident(self.server.process)
        self.assertLess(after - before, 200 * MEBIBYTE)
        deadline = time.monotonic() + PATIENCE
        for stream in streams:
            stream.settimeout(max(1, deadline - time.monotonic()))
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(b"", stream.recv(1))
        self.assert_serves(seed=3)


if __name__ == "__main__":
    if not COORDD.exists():
        sys.exit(77)
    unittest.main(verbosity=2)
