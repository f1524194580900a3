"""What the tests of coordd share: running it, nodes toward it, TLS."""
import json
import os
import pathlib
import queue
import re
import signal
import socket
import ssl
import subprocess
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


class CoorddTest(unittest.TestCase):
    """Brings `start` and `peers`; has no tests itself."""

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
