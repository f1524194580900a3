"""Network namespaces, WireGuard processes and waiting for the interop tests.

Everything lives in a mount, network and process namespace of the test's own:
`enter()` moves the test there, and nothing outlives it.
"""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
DEADLINE = 150.0  # seconds; generous, as every wait ends with its condition
ACCEPTS_CONNECTIONS = "00010000"  # Flags in /proc/net/unix (__SO_ACCEPTCON)
ECHO = str(pathlib.Path(__file__).parents[1] / "support" / "echo.py")


def enter():
    """Runs this script again inside namespaces; returns only in there."""
    if os.environ.get("NATKIT_LAB") == "inside":
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        os.makedirs("/run/wireguard", mode=0o700)
        # Leak checkers look themselves up; some containers refuse the mount.
        subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=False,
                       capture_output=True)
        return
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    wrap = ["unshare", *user, "--mount", "--net", "--pid", "--fork",
            "--kill-child"]
    probe = subprocess.run([*wrap, "true"], capture_output=True, text=True)
    if probe.returncode != 0:
        print("skipped: no namespaces here:", probe.stderr.strip())
        sys.exit(SKIPPED)
    if not os.path.exists("/dev/net/tun"):
        print("skipped: /dev/net/tun is missing")
        sys.exit(SKIPPED)
    os.environ["NATKIT_LAB"] = "inside"
    os.execvp(wrap[0], [*wrap, sys.executable, *sys.argv])


def program(name):
    """Path of a program of ours."""
    default = pathlib.Path(__file__).parents[2] / "build" / "bin"
    return str(pathlib.Path(os.environ.get("NATKIT_BIN", default)) / name)


def run(*command, text=None, check=True):
    """Output of a command; its error text is in the exception."""
    done = subprocess.run(command, input=text, capture_output=True, text=True,
                          timeout=DEADLINE)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def wait_until(condition, what, seconds=DEADLINE):
    """Polls; the pause only bounds how often."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def is_perfect(echoes):
    """What echo.py printed: were all answered once?"""
    done = json.loads(echoes)
    return not done["lost"] and done["duplicates"] == 0


class Namespace:
    """A host: a named network namespace."""

    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")

    def wrap(self, *command):
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command, **options):
        return run(*self.wrap(*command), **options)

    def start(self, *command, **options):
        return subprocess.Popen(self.wrap(*command), **options)


def connect(a, b):
    """A cable; both ends are called eth0, with 192.0.2.x and 2001:db8::x."""
    run("ip", "link", "add", "eth0", "netns", a.name, "type", "veth", "peer",
        "name", "eth0", "netns", b.name)
    for host, number in ((a, 1), (b, 2)):
        host.run("ip", "address", "add", f"192.0.2.{number}/24", "dev", "eth0")
        host.run("ip", "address", "add", f"2001:db8::{number}/64", "dev",
                 "eth0", "nodad")
        host.run("ip", "link", "set", "eth0", "up")


class Tunnel:
    """One end: a process with an interface, and its keys."""

    counter = 0

    def __init__(self, host, number, command, log):
        Tunnel.counter += 1
        self.host = host
        self.number = number
        self.name = f"wgt{Tunnel.counter}"
        self.command = command
        self.log = log
        self.private_key = run("wg", "genkey").strip()
        self.public_key = run("wg", "pubkey", text=self.private_key).strip()
        self.port = 0
        self.process = None

    @property
    def v4(self):
        return f"10.77.0.{self.number}"

    @property
    def v6(self):
        return f"fd77::{self.number}"

    def underlay(self, family=4):
        if family == 4:
            return f"192.0.2.{self.number}:{self.port}"
        return f"[2001:db8::{self.number}]:{self.port}"

    def start(self):
        environment = dict(
            os.environ, LOG_LEVEL="verbose",
            WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD="1")
        with open(self.log, "ab") as output:
            self.process = self.host.start(*self.command, self.name,
                                           stdout=output, stderr=output,
                                           env=environment)
        wait_until(self.is_ready, f"{self.command[0]} serves {self.name}")
        self.wg("set", self.name, "private-key", "/dev/stdin",
                text=self.private_key)
        if self.port:
            self.wg("set", self.name, "listen-port", str(self.port))
        for address in (f"{self.v4}/24", f"{self.v6}/64"):
            self.host.run("ip", "address", "add", address, "dev", self.name,
                          *(["nodad"] if ":" in address else []))
        self.host.run("ip", "link", "set", self.name, "up")
        wait_until(lambda: self.show("listen-port") != "0", "a listen port")
        self.port = int(self.show("listen-port"))

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(pathlib.Path(self.log).read_text())
        return self.is_listening() and subprocess.run(
            ["wg", "show", self.name], capture_output=True).returncode == 0

    def is_listening(self):
        """Whether the interface's socket takes connections. `wg` must not look
        before: it takes one that is bound, and does not listen yet, for what a
        dead process left, and removes it."""
        sockets = (line.split() for line in
                   self.host.run("cat", "/proc/net/unix").splitlines())
        return any(fields[3] == ACCEPTS_CONNECTIONS
                   and fields[-1].endswith(f"/{self.name}.sock")
                   for fields in sockets)

    def wg(self, *arguments, text=None):
        return self.host.run("wg", *arguments, text=text)

    def show(self, what):
        return self.wg("show", self.name, what).strip()

    def peer_value(self, what):
        """The last column of `wg show IF what`, for the one peer."""
        fields = self.show(what).split()
        return fields[-1] if fields else None

    def transfer(self):
        fields = self.show("transfer").split()
        return (int(fields[1]), int(fields[2])) if fields else (0, 0)

    def set_peer(self, peer, *settings, text=None):
        self.wg("set", self.name, "peer", peer.public_key, *settings,
                text=text)

    def allow(self, peer, *settings):
        self.set_peer(peer, "allowed-ips", f"{peer.v4}/32,{peer.v6}/128",
                      *settings)

    def start_echoes(self, *arguments):
        """Starts echo.py."""
        return self.host.start(sys.executable, "-IS", ECHO,
                               *map(str, arguments), stdout=subprocess.PIPE,
                               text=True)

    def ping(self, address, count=1, patience=DEADLINE, more=()):
        """Whether all answers came, none twice; waits long for late ones."""
        echoes = self.start_echoes(address, count, 0.05, patience, *more)
        return is_perfect(echoes.communicate()[0])

    def wait_ping(self, address):
        """Until one answer came."""
        def answers():
            out = self.host.run("ping", "-n", "-i", "0.2", "-c", "1", "-w",
                                "10", address, check=False)
            return "1 received" in out
        wait_until(answers, f"{self.name} pings {address}")

    def stop(self, with_signal=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(timeout=DEADLINE) if self.process else None


class Pair:
    """Our interface on host a, wireguard-go's on host b."""

    counter = 0

    def __init__(self, command, folder):
        """`command` takes the name of the interface as its last argument."""
        Pair.counter += 1
        self.a = Namespace(f"a{Pair.counter}")
        self.b = Namespace(f"b{Pair.counter}")
        connect(self.a, self.b)
        prefix = f"{folder}/{Pair.counter}"
        self.ours = Tunnel(self.a, 1, command, prefix + "-ours.log")
        self.theirs = Tunnel(self.b, 2, ["wireguard-go", "-f"],
                             prefix + "-theirs.log")
        self.ours.start()
        self.theirs.start()

    def introduce(self, initiator, family=4, *settings):
        """Only the initiator knows where the other one is."""
        other = self.theirs if initiator is self.ours else self.ours
        other.allow(initiator, *settings)
        initiator.allow(other, *settings, "endpoint", other.underlay(family))
        return other

    def close(self):
        for tunnel in (self.ours, self.theirs):
            with contextlib.suppress(Exception):
                tunnel.stop()
        for host in (self.a, self.b):
            run("ip", "netns", "delete", host.name, check=False)
