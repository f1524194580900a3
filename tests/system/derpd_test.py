#!/usr/bin/env python3
"""derpd as its users see it: a real process on loopback ports."""
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import zlib

import derpd_wire
from derpd_wire import Client, KeyPair

DERPD = os.path.join(os.environ.get("NATKIT_BIN", "build/bin"), "derpd")
DEADLINE = 60


class Derpd:
    """One derpd; its log is read by a thread so that it never blocks."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            [DERPD, "--listen", "127.0.0.1:0", "--stun-listen", "127.0.0.1:0",
             *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        self.log = []
        self.news = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.port = int(self.expect(r"DERP .*on TCP 127\.0\.0\.1:(\d+)"))
        self.stun_port = int(self.expect(r"STUN on UDP 127\.0\.0\.1:(\d+)"))
        self.key = bytes.fromhex(self.expect(r"relay key nodekey:(\w{64})"))

    def _read(self):
        for line in self.process.stderr:
            with self.news:
                self.log.append(line)
                self.news.notify_all()
        with self.news:
            self.log.append(None)
            self.news.notify_all()

    def expect(self, pattern):
        with self.news:
            def find():
                for line in self.log:
                    match = re.search(pattern, line or "")
                    if match:
                        return match.group(1) if match.groups() else line
                return "" if None in self.log else None
            found = self.news.wait_for(lambda: find() is not None, DEADLINE)
            assert found and find(), f"no {pattern} in {self.log}"
            return find()

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        self.process.stdout.close()
        self.process.stderr.close()
        return status


def run(*options):
    return subprocess.run([DERPD, *options], capture_output=True, text=True,
                          timeout=DEADLINE)


def http(port, request, pin=None):
    """Sends a request and reads to the end of the stream."""
    stream = socket.create_connection(("127.0.0.1", port), DEADLINE)
    if pin is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        stream = context.wrap_socket(stream)
    with stream:
        stream.sendall(request)
        answer = b""
        while piece := stream.recv(65536):
            answer += piece
    return answer


class RelayTest:
    """What holds with and without TLS."""

    def client(self, **how):
        client = Client(self.derpd.port, pin=self.pin, **how)
        self.addCleanup(client.close)
        return client

    def get(self, head):
        return http(self.derpd.port,
                    head.encode() + b"\r\nConnection: close\r\n\r\n", self.pin)

    def exchange(self, a, b, data):
        a.send_packet(b.key.public, data)
        payload = b.frame_of(derpd_wire.RECV_PACKET)
        self.assertEqual(payload[:32], a.key.public)
        self.assertEqual(payload[32:], data)

    def test_answers_the_upgrade_with_exactly_four_fields(self):
        lines = self.client().response.split(b"\r\n")
        self.assertEqual(lines[0], b"HTTP/1.1 101 Switching Protocols")
        self.assertEqual(sorted(line.split(b":")[0] for line in lines[1:]),
                         [b"Connection", b"Derp-Public-Key", b"Derp-Version",
                          b"Upgrade"])

    def test_relays_packets_of_all_sizes_both_ways(self):
        a, b = self.client(), self.client(fast_start_key=self.derpd.key)
        for size in (0, 1, 1420, 16384, 65535, 65536):
            data = os.urandom(size)
            self.exchange(a, b, data)
            self.exchange(b, a, data)

    def test_relays_a_burst_of_small_packets(self):
        a, b = self.client(), self.client()
        packets = [struct.pack(">I", number) + bytes(60)
                   for number in range(256)]
        a.stream.sendall(b"".join(
            struct.pack(">BI", derpd_wire.SEND_PACKET, 32 + len(packet))
            + b.key.public + packet for packet in packets))
        for packet in packets:
            self.assertEqual(b.frame_of(derpd_wire.RECV_PACKET),
                             a.key.public + packet)

    def test_takes_a_login_and_a_packet_in_one_flight(self):
        a = self.client()
        b = self.client(fast_start_key=self.derpd.key, login=False)
        info = b.key.seal(b"{}", self.derpd.key)
        frames = b""
        for kind, payload in ((derpd_wire.CLIENT_INFO, b.key.public + info),
                              (derpd_wire.SEND_PACKET, a.key.public + b"hi")):
            frames += struct.pack(">BI", kind, len(payload)) + payload
        b.stream.sendall(frames)
        self.assertEqual(a.frame_of(derpd_wire.RECV_PACKET),
                         b.key.public + b"hi")
        self.assertEqual(b.frame()[0], derpd_wire.SERVER_KEY)
        self.assertEqual(b.frame()[0], derpd_wire.SERVER_INFO)

    def test_closes_who_sends_too_much(self):
        a = self.client()
        try:
            a.send_packet(a.key.public, bytes(65537))
            with self.assertRaises(EOFError):
                a.frame_of(derpd_wire.RECV_PACKET)
        except (ConnectionError, ssl.SSLError):
            pass  # closed while it was still being sent

    def test_tells_when_a_peer_is_gone(self):
        a, b = self.client(), self.client()
        self.exchange(a, b, b"hello")
        a.close()
        self.assertEqual(b.frame_of(derpd_wire.PEER_GONE),
                         a.key.public + b"\0")

    def test_answers_pings(self):
        a = self.client()
        a.send(derpd_wire.PING, b"12345678")
        self.assertEqual(a.frame_of(derpd_wire.PONG), b"12345678")

    def test_rejects_a_login_with_the_wrong_box(self):
        a = self.client(login=False)
        self.assertEqual(a.frame()[0], derpd_wire.SERVER_KEY)
        a.send(derpd_wire.CLIENT_INFO, a.key.public + bytes(60))
        with self.assertRaises((EOFError, ConnectionError)):
            a.frame()

    def test_serves_the_web_pages(self):
        self.assertTrue(self.get("GET /derp HTTP/1.1\r\nHost: x")
                        .startswith(b"HTTP/1.1 426 "))
        for path in ("/derp/probe", "/derp/latency-check"):
            answer = self.get(f"GET {path} HTTP/1.1\r\nHost: x")
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
            self.assertIn(b"Access-Control-Allow-Origin: *", answer)
        self.assertTrue(self.get("POST /derp/probe HTTP/1.1\r\nHost: x")
                        .startswith(b"HTTP/1.1 405 "))
        answer = self.get("GET /generate_204 HTTP/1.1\r\nHost: x\r\n"
                          "X-Tailscale-Challenge: ts_x")
        self.assertTrue(answer.startswith(b"HTTP/1.1 204 "), answer)
        self.assertIn(b"X-Tailscale-Response: response ts_x", answer)
        self.assertIn(b"natkit", self.get("GET / HTTP/1.1\r\nHost: x"))

    def test_disconnects_who_does_not_read(self):
        a, b = self.client(), self.client()
        self.exchange(b, a, b"from now on tell me when I am gone")
        data = bytes(60000)
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            a.send_packet(b.key.public, data)
            a.send(derpd_wire.PING, b"12345678")
            if a.frame()[0] == derpd_wire.PEER_GONE:
                break
        else:
            self.fail("still connected")
        # The blast must not have been kept in memory either.
        self.assertLess(self.derpd.resident_kib(), 150 * 1024)

    def test_survives_a_flood_of_garbage(self):
        a, b = self.client(), self.client()
        before = self.derpd.resident_kib()
        streams = []
        for i in range(600):
            stream = socket.create_connection(
                ("127.0.0.1", self.derpd.port), DEADLINE)
            try:
                stream.sendall(os.urandom(1 + i * 7 % 2000))
            except ConnectionError:
                pass
            streams.append(stream)
        self.exchange(a, b, b"still here")
        self.exchange(b, self.client(), b"and newcomers too")
        self.assertLess(self.derpd.resident_kib() - before, 100 * 1024)
        for stream in streams:
            stream.close()
        self.assertIsNone(self.derpd.process.poll())


class TlsTest(RelayTest, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.derpd = Derpd("--dev")
        cls.pin = cls.derpd.expect(r"certificate pin (sha256-raw:\w{64})")

    @classmethod
    def tearDownClass(cls):
        assert cls.derpd.stop() == 0

    def test_sends_the_meta_certificate_last(self):
        shown = subprocess.run(
            ["openssl", "s_client", "-showcerts", "-connect",
             f"127.0.0.1:{self.derpd.port}"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=DEADLINE).stdout
        chain = re.findall(r"-----BEGIN CERT.*?-----END CERTIFICATE-----",
                           shown, re.S)
        self.assertEqual(len(chain), 2)
        ders = [ssl.PEM_cert_to_DER_cert(pem) for pem in chain]
        self.assertIsNone(derpd_wire.meta_key(ders[0]))
        self.assertEqual(derpd_wire.meta_key(ders[1]), self.derpd.key)
        meta = subprocess.run(
            ["openssl", "x509", "-noout", "-serial", "-text"], input=chain[1],
            capture_output=True, text=True, timeout=DEADLINE).stdout
        self.assertIn("serial=02", meta)
        self.assertIn("ED25519", meta)
        self.assertEqual(meta.count("X509v3 "), 2)  # the heading and one more

    def test_speaks_tls_12_and_nothing_older(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with socket.create_connection(("127.0.0.1", self.derpd.port),
                                      DEADLINE) as tcp:
            with context.wrap_socket(tcp) as stream:
                self.assertEqual(stream.version(), "TLSv1.2")
                self.assertNotIn("CBC", stream.cipher()[0])

    def test_answers_stun(self):
        request = (struct.pack(">HHI", 1, 20, 0x2112A442) + bytes(range(1, 13))
                   + bytes.fromhex("80220008") + b"tailnode"
                   + bytes.fromhex("80280004"))
        request += struct.pack(">I", zlib.crc32(request[:32]) ^ 0x5354554E)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(DEADLINE)
            udp.bind(("127.0.0.1", 0))
            udp.sendto(request, ("127.0.0.1", self.derpd.stun_port))
            answer = udp.recv(1500)
            port = udp.getsockname()[1]
        self.assertEqual(answer[:2], b"\x01\x01")
        self.assertEqual(answer[8:20], bytes(range(1, 13)))
        self.assertEqual(struct.unpack(">H", answer[26:28])[0] ^ 0x2112, port)


class PlainTest(RelayTest, unittest.TestCase):
    pin = None

    @classmethod
    def setUpClass(cls):
        cls.derpd = Derpd("--dev", "--plain")

    @classmethod
    def tearDownClass(cls):
        assert cls.derpd.stop() == 0


class LifeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def path(self, name):
        return str(self.folder / name)

    def config(self, text=""):
        path = self.path("derpd.toml")
        pathlib.Path(path).write_text(
            f"hostname = '127.0.0.1'\nkey_file = '{self.path('key')}'\n"
            f"certificate = '{self.path('cert')}'\nself_signed = true\n"
            f"private_key = '{self.path('cert.key')}'\n" + text)
        return path

    def start(self, *options):
        derpd = Derpd(*options)
        self.addCleanup(derpd.stop)
        return derpd

    def test_prints_an_entry_for_the_mesh_file(self):
        derpd = self.start("--dev")
        pin = derpd.expect(r"certificate pin (\S+)")
        lines = [derpd.process.stdout.readline().strip() for _ in range(6)]
        self.assertEqual(lines, [
            "[[relay]]", 'name = "dev"', 'host = "127.0.0.1"',
            f"port = {derpd.port}", f'pin = "{pin}"',
            f"stun_port = {derpd.stun_port}"])

    def test_keeps_key_and_certificate_over_a_restart(self):
        config = self.config()
        first = self.start("--config", config)
        pin = first.expect(r"certificate pin (\S+)")
        self.assertEqual(first.stop(), 0)
        for name in ("key", "cert.key"):
            mode = os.stat(self.path(name)).st_mode & 0o777
            self.assertEqual(mode, 0o600, name)
        second = self.start("--config", config)
        self.assertEqual(second.key, first.key)
        self.assertEqual(second.expect(r"certificate pin (\S+)"), pin)

    def test_reloads_the_certificate_for_new_connections(self):
        config = self.config()
        derpd = self.start("--config", config)
        old_pin = derpd.expect(r"certificate pin (\S+)")
        old = Client(derpd.port, pin=old_pin)
        self.addCleanup(old.close)
        os.unlink(self.path("cert"))
        os.unlink(self.path("cert.key"))
        derpd.process.send_signal(signal.SIGHUP)
        new_pin = derpd.expect(r"certificate reloaded, pin (\S+)")
        self.assertNotEqual(new_pin, old_pin)
        new = Client(derpd.port, pin=new_pin)
        self.addCleanup(new.close)
        new.send_packet(old.key.public, b"x")
        self.assertEqual(old.frame_of(derpd_wire.RECV_PACKET)[32:], b"x")

    def test_keeps_the_certificate_when_the_new_one_is_bad(self):
        derpd = self.start("--config", self.config())
        pin = derpd.expect(r"certificate pin (\S+)")
        pathlib.Path(self.path("cert")).write_text("nonsense")
        derpd.process.send_signal(signal.SIGHUP)
        derpd.expect(r"no usable PEM certificate chain; the old certificate")
        Client(derpd.port, pin=pin).close()

    def test_says_goodbye_at_sigterm(self):
        derpd = self.start("--dev", "--plain")
        client = Client(derpd.port)
        derpd.process.send_signal(signal.SIGTERM)
        payload = client.frame_of(derpd_wire.RESTARTING)
        self.assertEqual(len(payload), 8)
        with self.assertRaises(EOFError):
            client.frame()
        client.close()
        self.assertEqual(derpd.stop(), 0)

    def test_names_the_port_that_is_in_use(self):
        taken = self.start("--dev", "--plain")
        for option, port in (("--listen", taken.port),
                             ("--stun-listen", taken.stun_port)):
            ended = run("--dev", "--plain", "--listen", "127.0.0.1:0",
                        "--stun-listen", "127.0.0.1:0", option,
                        f"127.0.0.1:{port}")
            self.assertEqual(ended.returncode, 1)
            self.assertRegex(ended.stderr,
                             rf"cannot listen on \w+ 127.0.0.1:{port}: .*"
                             "another program has this port")

    def expect_usage_error(self, pattern, *options):
        ended = run(*options)
        self.assertEqual(ended.returncode, 2, ended.stderr)
        self.assertRegex(ended.stderr, pattern)
        self.assertNotIn("terminate called", ended.stderr)

    def test_explains_mistakes_in_the_file(self):
        for text, pattern in (
                ("lsiten = ':1'\n", r"derpd\.toml:6: unknown key 'lsiten'"),
                ("write_timeout = 'x'\n", r":6: 'write_timeout' must be a nu"),
                ("not_here = 'x'\n", r":6: 'not_here' must be"),
                ("bad\n", r"derpd\.toml:6: "),
                ("listen = 'nowhere'\n", r"listen: 'nowhere' is not an addr"),
                ("log_level = 'loud'\n", r"log level 'loud' is not one of")):
            self.expect_usage_error(pattern, "--check", "--config",
                                    self.config(text))

    def test_explains_mistakes_on_the_command_line(self):
        self.expect_usage_error("certificate and private_key are missing")
        self.expect_usage_error("not-there.toml: ", "--config",
                                "/not-there.toml")
        self.expect_usage_error("the name of the file is empty", "--config", "")
        self.expect_usage_error("--nonsense", "--nonsense")

    def test_explains_unusable_secrets(self):
        config = self.config()
        pathlib.Path(self.path("key")).write_text("x")
        os.chmod(self.path("key"), 0o644)
        self.expect_usage_error("key: holds a secret but others may read it",
                                "--check", "--config", config)
        os.chmod(self.path("key"), 0o600)
        self.expect_usage_error("key: not a private key", "--check",
                                "--config", config)

    def test_explains_unusable_certificates(self):
        config = self.config()
        pathlib.Path(self.path("cert")).write_text("x")
        self.expect_usage_error("cert.key: not found", "--check", "--config",
                                config)
        pathlib.Path(self.path("cert.key")).write_text("x")
        os.chmod(self.path("cert.key"), 0o600)
        self.expect_usage_error("cert: no usable PEM certificate", "--check",
                                "--config", config)

    def test_checks_without_creating_anything(self):
        ended = run("--check", "--config", self.config())
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(os.listdir(self.folder), ["derpd.toml"])

    def test_tells_its_version(self):
        ended = run("--version")
        self.assertEqual(ended.returncode, 0)
        self.assertRegex(ended.stdout, r"^derpd \(natkit\) \d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
