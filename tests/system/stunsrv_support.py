"""A stunsrv of a test's own: its log, its configuration, clients of it."""
import pathlib
import signal
import subprocess
import tempfile
import unittest

import stun_wire as stun
import wg_interop_lab as lab

A1, A2, A3 = "127.0.0.1", "127.0.0.2", "127.0.0.3"
P1, P2 = 3478, 3479


class Server:
    """A running stunsrv; its log is a file, so that nothing blocks."""

    def __init__(self, folder, command, **options):
        self.path = pathlib.Path(tempfile.mkstemp(dir=folder)[1])
        with self.path.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log, **options)

    @property
    def log(self):
        return self.path.read_text()

    def wait_log(self, text, count=1):
        def said():
            if self.process.poll() is not None and text not in self.log:
                raise AssertionError(self.log)
            return self.log.count(text) >= count
        lab.wait_until(said, f"{text!r} in the log")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=lab.DEADLINE)
        return code


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def begin(self, config, *arguments, ready="listening on", count=1,
              name="stunsrv.toml", **options):
        file = self.write(name, config)
        return self.start([lab.program("stunsrv"), "--config", file, *arguments], ready,
                          count, **options)

    def start(self, command, ready, count, **options):
        server = Server(self.folder, command, **options)
        self.addCleanup(server.process.wait)
        self.addCleanup(server.process.kill)
        server.wait_log(ready, count)
        return server

    def write(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def client(self, source=A3, timeout=lab.DEADLINE / 5):
        client = stun.udp_client(source, timeout)
        self.addCleanup(client.close)
        return client


DISCOVERY = f"""
listen = "{A1}:{P1}"
discovery_addresses = ["{A1}", "{A2}"]
amplification = "any"
"""
