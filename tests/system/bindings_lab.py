"""Two peers of a binding of the C API, each behind a NAT of its own, and a host
that asks which NAT it is behind.

A binding's test gives the commands that start its programs:

    bindings_lab.main(["python3", "bindings/python/examples/peer.py"],
                      ["python3", "bindings/python/examples/which_nat.py"])

The peers of all languages have one command line,

    peer [--relay HOST:PORT:PIN|plain] [--stun IP:PORT]...

and speak lines of text. Out: `description BASE64` whenever the other side has
to be told anew, `state NAME`, `path none|relay|direct REMOTE|-`, `data TEXT`.
In: `description BASE64`, `send TEXT` (nothing comes of it without a path) and
`quit`, upon which they end with 0.

The other program is called with STUN servers (`IP:PORT`...), and prints what is
certain of the NAT: `QUESTION  ANSWER`, as `mapping  endpoint-independent`.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from netsim import Simulation, can_simulate  # noqa: E402
from netsim_homes import two_homes  # noqa: E402

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
DEADLINE = 150  # seconds; only failures take so long
AGAIN = 0.1  # seconds between two datagrams that may be lost
BIN = pathlib.Path(os.environ.get("NATKIT_BIN", "build/bin")).resolve()
LIBRARIES = BIN.parent / "lib"
SERVER, SECOND = "203.0.113.21", "203.0.113.22"
STUN = [f"--stun={address}:3478" for address in (SERVER, SECOND)]
OUTSIDE = {"here": "203.0.113.101", "there": "203.0.113.102"}


class Peer:
    """One peer program. What it prints is kept, and `news` tells of it."""

    def __init__(self, process, news):
        self.process = process
        self.news = news
        self.lines = []
        self.has_ended = False
        self.other = None
        self.reader = threading.Thread(target=self._read, daemon=True)

    def begin(self, other):
        """Reads the program, and tells `other` what it has to know."""
        self.other = other
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line.startswith("description "):
                self.other.tell(line)
            with self.news:
                self.lines.append(line)
                self.news.notify_all()
        with self.news:
            self.has_ended = True
            self.news.notify_all()

    def tell(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:  # it has ended, which whoever waits will see
            pass

    def last(self, word):
        """The latest line that begins with `word`."""
        return next((line for line in reversed(self.lines)
                     if line.split(" ")[0] == word), "")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class BindingCase(unittest.TestCase):
    """The cases, the same for every language."""

    command = []
    which_nat = []

    def simulate(self, profile):
        """Two hosts behind NATs of this kind, and one for servers, which has
        two addresses."""
        net = Simulation(two_homes(
            OUTSIDE, f'profile = "{profile}"\nbackend = "kernel"'))
        net.up()
        self.addCleanup(net.down)
        net.exec("stun", "ip", "address", "add", f"{SECOND}/24", "dev", "eth0")
        return net

    def begin(self, profile, options):
        """Two peers behind NATs of this kind, who tell each other."""
        net = self.simulate(profile)
        self.start_servers(net)
        self.news = threading.Condition()
        self.peers = {}
        for name in OUTSIDE:
            process = net.popen(name, [*self.command, *options(self)],
                                stdin=subprocess.PIPE, text=True,
                                stdout=subprocess.PIPE)
            self.peers[name] = Peer(process, self.news)
        here, there = self.peers.values()
        for peer, other in ((here, there), (there, here)):
            peer.begin(other)
            self.addCleanup(peer.stop)

    def start_servers(self, net):
        """A STUN server with two addresses, and a relay."""
        self.start(net, [BIN / "stunsrv", f"--listen={SERVER}:3478",
                         f"--listen={SECOND}:3478", "--rate-limit=0"],
                   "listening")
        said = self.start(net, [BIN / "derpd", "--dev", "--hostname", SERVER,
                                "--listen", f"{SERVER}:443", "--stun-listen",
                                f"{SERVER}:3479"], r"sha256-raw:[0-9a-f]{64}")
        self.relay = f"--relay={SERVER}:443:{said}"

    def start(self, net, command, pattern):
        """Starts a server, and waits for what its log says of `pattern`."""
        server = net.popen("stun", command, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, text=True)
        said = None
        while not said:
            line = server.stderr.readline()
            self.assertTrue(line, f"{command[0]} has ended")
            said = re.search(pattern, line)
        drain = threading.Thread(target=server.stderr.read, daemon=True)
        drain.start()
        self.addCleanup(server.stderr.close)
        self.addCleanup(drain.join)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        return said.group()

    def wait_for(self, condition, what, meanwhile=None):
        """Waits until `condition()` holds; calls `meanwhile` now and then."""
        end = time.monotonic() + DEADLINE
        with self.news:
            while not condition():
                ended = [name for name, peer in self.peers.items()
                         if peer.has_ended]
                if ended or time.monotonic() > end:
                    said = {n: p.lines for n, p in self.peers.items()}
                    self.fail(f"{what}: did not happen; ended: {ended}; {said}")
                if meanwhile:
                    meanwhile()
                self.news.wait(AGAIN if meanwhile else DEADLINE)

    def wait_for_path(self, kind):
        self.wait_for(lambda: all(peer.last("path").startswith(f"path {kind} ")
                                  for peer in self.peers.values()),
                      f"both have a {kind} path")
        self.wait_for(lambda: all(peer.last("state") == "state connected"
                                  for peer in self.peers.values()),
                      "both are connected")

    def exchange(self):
        """Data arrives both ways."""
        texts = {name: f"from {name}, äöü" for name in self.peers}

        def arrived(name, peer):
            return any(f"data {text}" in peer.lines
                       for other, text in texts.items() if other != name)

        def send():
            for name, peer in self.peers.items():
                peer.tell(f"send {texts[name]}")

        self.wait_for(lambda: all(arrived(*item)
                                  for item in self.peers.items()),
                      "data arrives both ways", send)

    def quit(self):
        """Both end when they are asked to."""
        for peer in self.peers.values():
            peer.tell("quit")
        for peer in self.peers.values():
            self.assertEqual(peer.process.wait(DEADLINE), 0)

    def test_behind_two_port_restricted_nats_the_path_is_direct(self):
        self.begin("port-restricted", lambda _: STUN)
        self.wait_for_path("direct")
        self.exchange()
        remotes = {name: peer.last("path").split()[2].rpartition(":")[0]
                   for name, peer in self.peers.items()}
        self.assertEqual(remotes, {"here": OUTSIDE["there"],
                                   "there": OUTSIDE["here"]})
        self.quit()

    def test_behind_two_symmetric_nats_the_relay_carries_the_data(self):
        self.begin("symmetric", lambda case: [*STUN, case.relay])
        self.wait_for_path("relay")
        self.exchange()
        for peer in self.peers.values():
            self.assertFalse([line for line in peer.lines
                              if line.startswith("path direct")])
        self.quit()


    def test_the_check_says_which_nat_it_is(self):
        net = self.simulate("port-restricted")
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
            addresses = json.dumps([SERVER, SECOND])
            config.write(f"discovery_addresses = {addresses}\n")
            config.flush()
            self.start(net, [BIN / "stunsrv", "--config", config.name],
                       "listening")
        said = net.exec("here", *self.which_nat, f"{SERVER}:3478",
                        f"{SECOND}:3478", timeout=DEADLINE)
        values = dict(line.split(None, 1) for line in said.splitlines())
        self.assertEqual((values["mapping"], values["filtering"]),
                         ("endpoint-independent", "address-and-port-dependent"))


def main(command, which_nat):
    """Runs the cases with these programs, if networks can be simulated."""
    reason = can_simulate()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(SKIPPED)
    os.environ["LD_LIBRARY_PATH"] = str(LIBRARIES)
    case = type("Bindings", (BindingCase,),
                {"command": command, "which_nat": which_nat})
    tests = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    done = unittest.TextTestRunner(verbosity=2).run(tests)
    sys.exit(not done.wasSuccessful())
