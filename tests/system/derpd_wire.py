"""A small DERP client for tests, written from the protocol's description.

It shares no code with natkit: NaCl boxes come from libsodium by ctypes, TLS
from Python's ssl module.
"""
import ctypes
import ctypes.util
import hashlib
import json
import os
import re
import socket
import ssl
import struct

MAGIC = "DERP\N{KEY}".encode()
SERVER_KEY, CLIENT_INFO, SERVER_INFO, SEND_PACKET, RECV_PACKET = range(1, 6)
KEEP_ALIVE, NOTE_PREFERRED, PEER_GONE = 6, 7, 8
PING, PONG, RESTARTING = 0x12, 0x13, 0x15

assert MAGIC == bytes.fromhex("44455250f09f9491")

_sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
_sodium.sodium_init()


class KeyPair:
    def __init__(self):
        public = ctypes.create_string_buffer(32)
        private = ctypes.create_string_buffer(32)
        _sodium.crypto_box_keypair(public, private)
        self.public, self.private = public.raw, private.raw

    def seal(self, message, to):
        nonce = os.urandom(24)
        out = ctypes.create_string_buffer(len(message) + 16)
        assert _sodium.crypto_box_easy(
            out, message, ctypes.c_ulonglong(len(message)), nonce, to,
            self.private) == 0
        return nonce + out.raw

    def open(self, box, sender):
        out = ctypes.create_string_buffer(len(box) - 40)
        assert _sodium.crypto_box_open_easy(
            out, box[24:], ctypes.c_ulonglong(len(box) - 24), box[:24], sender,
            self.private) == 0, "box does not open"
        return out.raw


def meta_key(der):
    """The key in a DER certificate whose CN is derpkey<hex>, else None."""
    match = re.search(rb"derpkey([0-9a-f]{64})", der)
    return bytes.fromhex(match.group(1).decode()) if match else None


class Client:
    """One connection, logged in when the constructor returns."""

    def __init__(self, port, key=None, pin=None, fast_start_key=None,
                 login=True, timeout=20):
        self.key = key or KeyPair()
        self.buffer = b""
        self.response = b""
        stream = socket.create_connection(("127.0.0.1", port), timeout)
        if pin is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            stream = context.wrap_socket(stream)
            der = stream.getpeercert(binary_form=True)
            got = "sha256-raw:" + hashlib.sha256(der).hexdigest()
            assert got == pin, f"{got} is not {pin}"
        self.stream = stream
        self.server_key = None
        self._start(fast_start_key)
        if login:
            self.login()

    def _start(self, fast_start_key):
        request = ("GET /derp HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                   "User-Agent: test\r\nConnection: Upgrade\r\n"
                   "Upgrade: DERP\r\n")
        if fast_start_key is not None:
            request += "Derp-Fast-Start: 1\r\n"
        self.stream.sendall(request.encode() + b"\r\n")
        if fast_start_key is not None:
            self.server_key = fast_start_key
            return
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        self.response, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert self.response.startswith(b"HTTP/1.1 101 "), self.response

    def login(self):
        fast = self.server_key is not None
        if not fast:
            self._take_server_key()
        info = json.dumps({"version": 2, "CanAckPings": True}).encode()
        self.send(CLIENT_INFO,
                  self.key.public + self.key.seal(info, self.server_key))
        if fast:
            expected = self.server_key
            self._take_server_key()
            assert self.server_key == expected
        kind, payload = self.frame()
        assert kind == SERVER_INFO, kind
        self.info = json.loads(self.key.open(payload, self.server_key))
        assert self.info["version"] == 2

    def _take_server_key(self):
        kind, payload = self.frame()
        assert kind == SERVER_KEY and payload[:8] == MAGIC, (kind, payload)
        self.server_key = payload[8:40]

    def _fill(self):
        piece = self.stream.recv(65536)
        if not piece:
            raise EOFError
        self.buffer += piece

    def frame(self):
        while len(self.buffer) < 5:
            self._fill()
        kind, size = struct.unpack(">BI", self.buffer[:5])
        while len(self.buffer) < 5 + size:
            self._fill()
        payload = self.buffer[5:5 + size]
        self.buffer = self.buffer[5 + size:]
        return kind, payload

    def frame_of(self, wanted):
        """The next frame of a kind; keepalives and the like are passed over."""
        while True:
            kind, payload = self.frame()
            if kind == wanted:
                return payload

    def send(self, kind, payload):
        self.stream.sendall(struct.pack(">BI", kind, len(payload)) + payload)

    def send_packet(self, to, data):
        self.send(SEND_PACKET, to + data)

    def close(self):
        self.stream.close()
