#!/usr/bin/env python3
"""The node's DNS on whole systems: resolv.conf alone, Debian's resolvconf,
openresolv and systemd-resolved, each in namespaces of its own.

Names are asked as programs ask them, through the C library. Two resolvers
stand outside: one for all names, one for those of a split route. The node is
ended in good order, and by kill -9.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = pathlib.Path(os.environ.get("NATKIT_TESTS", ROOT / "build/tests"))
DEBS = pathlib.Path(os.environ.get("NATKIT_DEBS", ROOT / "build/debs"))
SKIP = 77
INSIDE = "NATKIT_DNS_INSIDE"
DEADLINE = 30  # seconds; generous, for slow machines

OUTSIDE = "192.0.2.53"  # knows all names
CORP = "192.0.2.54"  # knows those of corp.example
NODE = "100.64.0.1"
CONF = pathlib.Path("/etc/resolv.conf")
BACKUP = pathlib.Path("/etc/resolv.conf.natkit-backup")
ORIGINAL = f"nameserver {OUTSIDE}\nsearch lan.example\noptions timeout:3\n"
SETTINGS = f"""
domain = "corp.mesh"
interface = "mesh0"
listen = ["{NODE}"]
[hosts]
web = ["100.64.0.7"]
[routes]
"corp.example" = ["{CORP}"]
"""


def run(*command, **options):
    return subprocess.run(command, text=True, capture_output=True, check=False,
                          timeout=DEADLINE, **options)


def must(*command):
    done = run(*command)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def wait_for(what, condition):
    deadline = time.monotonic() + DEADLINE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"gave up waiting for {what}")
        time.sleep(0.02)


def lookup(name):
    """The IPv4 addresses of `name`, as any program learns them."""
    done = run("getent", "ahostsv4", name)
    return {line.split()[0] for line in done.stdout.splitlines()}


class Resolver(threading.Thread):
    """Answers every A question with one address and writes the names down."""

    def __init__(self, address, answer):
        super().__init__(daemon=True)
        self.answer = socket.inet_aton(answer)
        self.names = []
        self.clients = set()  # their addresses
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.start()

    def run(self):
        while True:
            query, client = self.socket.recvfrom(2048)
            self.clients.add(client[0])
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind = struct.unpack(">H", query[at + 1:at + 3])[0]
            self.names.append(".".join(labels).lower())
            records = b""
            if kind == 1:
                records = (b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4" + self.answer)
            head = query[:2] + struct.pack(">HHHHH", 0x8180, 1,
                                           1 if records else 0, 0, 0)
            self.socket.sendto(head + query[12:at + 5] + records, client)


class Node:
    """One dns_node; `lines` is what it has said."""

    def __init__(self, folder, **settings):
        path = folder / "node.toml"
        extra = "".join(f"{key} = {json.dumps(value)}\n"
                        for key, value in settings.items())
        path.write_text(extra + SETTINGS)
        self.lines = []
        self.process = subprocess.Popen([TESTS / "dns_node", path], text=True,
                                        stdout=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        wait_for("the node", self.backend)

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def backend(self):
        if self.process.poll() is not None:
            raise AssertionError(f"dns_node ended: {self.lines}")
        ready = [s for s in self.lines if s.startswith("ready ")]
        return ready[0].split()[1] if ready else None

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, how):
        self.process.send_signal(how)
        self.process.wait(DEADLINE)
        self.reader.join(DEADLINE)
        self.process.stdout.close()


def overlay(directory, *lower):
    """Makes `directory` writable for this test alone, with `lower` over it."""
    scratch = pathlib.Path(tempfile.mkdtemp(dir="/run/test"))
    (scratch / "up").mkdir()
    (scratch / "work").mkdir()
    lowers = ":".join(str(p) for p in [*lower, directory] if p)
    must("mount", "-t", "overlay", "overlay", "-o",
         f"lowerdir={lowers},upperdir={scratch}/up,workdir={scratch}/work",
         directory)


def merged(package):
    """The unpacked package with /sbin, /bin and /lib below usr, as Debian
    installs it."""
    source, to = DEBS / package, pathlib.Path("/run/test") / package
    shutil.copytree(source, to, symlinks=True)
    for name in ("bin", "sbin", "lib"):
        if (to / name).is_dir():
            shutil.copytree(to / name, to / "usr" / name, symlinks=True,
                            dirs_exist_ok=True)
            shutil.rmtree(to / name)
    return to


class System(unittest.TestCase):
    """A machine with one network, a mesh interface and two resolvers."""

    PACKAGES = ()

    @classmethod
    def setUpClass(cls):
        for package in cls.PACKAGES:
            if not (DEBS / package).is_dir():
                raise unittest.SkipTest(
                    f"{package} is not unpacked in {DEBS}")
        must("mount", "-t", "tmpfs", "tmpfs", "/run")
        pathlib.Path("/run/test").mkdir()
        roots = [merged(package) for package in cls.PACKAGES]
        overlay("/usr", *[root / "usr" for root in roots])
        overlay("/etc", *[root / "etc" for root in roots
                          if (root / "etc").is_dir()])
        must("mount", "-t", "tmpfs", "tmpfs", "/var/lib")
        nsswitch = pathlib.Path("/etc/nsswitch.conf")
        nsswitch.write_text("passwd: files\ngroup: files\nhosts: files dns\n")
        must("ip", "link", "set", "lo", "up")
        must("ip", "link", "add", "mesh0", "type", "veth", "peer", "mesh1")
        must("ip", "link", "add", "eth7", "type", "veth", "peer", "eth8")
        for name in ("mesh0", "mesh1", "eth7", "eth8"):
            must("ip", "link", "set", name, "up")
        must("ip", "address", "add", f"{NODE}/32", "dev", "mesh0")
        for address in (OUTSIDE, CORP):
            must("ip", "address", "add", f"{address}/24", "dev", "eth7")
        cls.outside = Resolver(OUTSIDE, "198.51.100.1")
        cls.corp = Resolver(CORP, "198.51.100.2")
        cls.folder = pathlib.Path("/run/test")
        cls.set_up_system()

    @classmethod
    def set_up_system(cls):
        """Configures DNS as this kind of system has it."""

    def setUp(self):
        self.before = self.picture()
        self.assertEqual({"198.51.100.1"}, lookup("before.example.org"))
        self.outside.names.clear()
        self.corp.names.clear()
        self.node = None

    def tearDown(self):
        if self.node and self.node.process.poll() is None:
            self.node.kill()
            # The guardian is at work for a moment.
            wait_for("everything as it was",
                     lambda: self.picture() == self.before)

    def picture(self):
        """All that must be there again at the end."""
        link = os.readlink(CONF) if CONF.is_symlink() else None
        status = CONF.lstat()
        return (link, CONF.read_text(), status.st_mode, status.st_uid,
                BACKUP.exists())

    def start(self, **settings):
        self.node = Node(self.folder, **settings)

    def expect_served(self):
        self.assertEqual({"100.64.0.7"}, lookup("web"))
        self.assertEqual({"100.64.0.7"}, lookup("web.corp.mesh"))
        self.assertEqual(set(), lookup("nobody.corp.mesh."))
        self.assertEqual({"198.51.100.2"}, lookup("git.corp.example"))
        self.assertEqual({"198.51.100.1"}, lookup("www.example.org"))
        self.assertIn("www.example.org", self.outside.names)
        leaked = [n for n in self.outside.names + self.corp.names
                  if n.endswith("corp.mesh")]
        self.assertEqual([], leaked)
        self.assertFalse(
            [n for n in self.outside.names if n.endswith("corp.example")])

    def expect_restored(self):
        wait_for("everything as it was", lambda: self.picture() == self.before)
        self.assertEqual({"198.51.100.1"}, lookup("after.example.org"))


class Checks:
    """What holds on every kind of system."""

    def test_serves_and_restores_at_the_end(self):
        self.start()
        self.assertEqual(self.BACKEND, self.node.backend())
        self.expect_served()
        self.node.stop()
        self.assertEqual("stopped", self.node.lines[-1])
        self.assertEqual(self.before, self.picture())
        self.expect_restored()

    def test_restores_after_a_kill(self):
        self.start()
        self.expect_served()
        self.node.kill()
        self.expect_restored()
        self.start()  # and nothing is in the way of the next
        self.expect_served()
        self.node.stop()
        self.expect_restored()

    def test_the_next_start_restores_when_the_guardian_was_killed_too(self):
        self.start()
        guardians = must("pgrep", "-x", "natkit-dns", "-P",
                         str(self.node.process.pid)).split()
        self.assertEqual(1, len(guardians))
        os.kill(int(guardians[0]), signal.SIGKILL)
        self.node.kill()
        self.start()
        self.expect_served()
        self.node.stop()
        self.expect_restored()


class ResolvConf(System, Checks):
    """A machine where nobody keeps resolv.conf."""

    BACKEND = "file"

    @classmethod
    def set_up_system(cls):
        CONF.unlink(missing_ok=True)
        CONF.write_text(ORIGINAL)

    def test_search_and_options_of_the_network_stay(self):
        self.start()
        text = CONF.read_text()
        self.assertIn("search corp.mesh lan.example\n", text)
        self.assertIn("options timeout:3\n", text)
        self.assertIn(f"resolvers {OUTSIDE}:53", self.node.lines)

    def test_a_new_network_is_taken_over(self):
        self.start()
        new = CONF.with_suffix(".dhcp")
        new.write_text(f"nameserver {CORP}\n")
        new.rename(CONF)
        wait_for("the new resolver",
                 lambda: f"resolvers {CORP}:53" in self.node.lines)
        wait_for("our file", lambda: NODE in CONF.read_text())
        self.assertEqual({"100.64.0.7"}, lookup("web"))
        self.assertEqual({"198.51.100.2"}, lookup("new.example.org"))
        self.node.stop()
        self.assertEqual(f"nameserver {CORP}\n", CONF.read_text())
        CONF.write_text(ORIGINAL)


class LinkedResolvConf(System, Checks):
    """A machine where resolv.conf leads to a file that somebody keeps."""

    BACKEND = "file"

    @classmethod
    def set_up_system(cls):
        CONF.unlink(missing_ok=True)
        pathlib.Path("/run/keeper").mkdir()
        pathlib.Path("/run/keeper/resolv.conf").write_text(ORIGINAL)
        CONF.symlink_to("../run/keeper/resolv.conf")


class MountedResolvConf(System, Checks):
    """A container, where resolv.conf is a mount that cannot be replaced."""

    BACKEND = "file"

    @classmethod
    def set_up_system(cls):
        CONF.unlink(missing_ok=True)
        CONF.touch()
        given = pathlib.Path("/run/given")
        given.write_text(ORIGINAL)
        must("mount", "--bind", given, CONF)


class DebianResolvconf(System, Checks):
    """Debian's resolvconf, with a network that told it a resolver."""

    BACKEND = "resolvconf"
    PACKAGES = ("resolvconf",)

    @classmethod
    def set_up_system(cls):
        pathlib.Path("/run/resolvconf/interface").mkdir(parents=True)
        CONF.unlink(missing_ok=True)
        CONF.symlink_to("../run/resolvconf/resolv.conf")
        must("resolvconf", "--enable-updates")
        cls.tell("eth7.dhclient", ORIGINAL)

    @staticmethod
    def tell(record, text):
        done = run("resolvconf", "-a", record, input=text)
        if done.returncode != 0:
            raise AssertionError(done.stderr)

    def test_a_new_network_is_taken_over(self):
        self.start()
        self.tell("eth7.dhclient", f"nameserver {CORP}\n")
        wait_for("the new resolver",
                 lambda: f"resolvers {CORP}:53" in self.node.lines)
        self.assertEqual({"198.51.100.2"}, lookup("new.example.org"))
        self.tell("eth7.dhclient", ORIGINAL)
        self.node.stop()
        self.expect_restored()


class Openresolv(System, Checks):
    """openresolv, with a network that told it a resolver."""

    BACKEND = "resolvconf"
    PACKAGES = ("openresolv",)

    @classmethod
    def set_up_system(cls):
        CONF.unlink(missing_ok=True)
        done = run("resolvconf", "-a", "eth7", input=ORIGINAL)
        if done.returncode != 0:
            raise AssertionError(done.stderr)


class Resolved(System, Checks):
    """systemd-resolved on a bus of its own."""

    BACKEND = "resolved"
    PACKAGES = ("systemd-resolved", "libsystemd-shared")

    @classmethod
    def set_up_system(cls):
        with open("/etc/passwd", "a", encoding="ascii") as file:
            file.write("systemd-resolve:x:64998:64998::/:/usr/sbin/nologin\n")
        with open("/etc/group", "a", encoding="ascii") as file:
            file.write("systemd-resolve:x:64998:\n")
        pathlib.Path("/run/dbus").mkdir()
        pathlib.Path("/run/systemd/resolve").mkdir(parents=True)
        shutil.chown("/run/systemd/resolve", 64998, 64998)
        cls.bus = subprocess.Popen(
            ["dbus-daemon", "--system", "--nofork", "--nopidfile"])
        wait_for("the bus",
                 pathlib.Path("/run/dbus/system_bus_socket").exists)
        pathlib.Path("/etc/systemd").mkdir(exist_ok=True)
        pathlib.Path("/etc/systemd/resolved.conf").write_text(
            "[Resolve]\nLLMNR=no\nMulticastDNS=no\nDNSSEC=no\nCache=no\n")
        CONF.unlink(missing_ok=True)
        cls.resolved = subprocess.Popen(["/usr/lib/systemd/systemd-resolved"])
        wait_for("systemd-resolved", lambda: run(
            "resolvectl", "dns", "eth7", OUTSIDE).returncode == 0)
        must("resolvectl", "default-route", "eth7", "yes")
        CONF.symlink_to("../run/systemd/resolve/stub-resolv.conf")
        wait_for("its file", CONF.exists)

    @classmethod
    def tearDownClass(cls):
        for process in (cls.resolved, cls.bus):
            process.terminate()
            process.wait(DEADLINE)

    def picture(self):
        """Also what it says of the mesh's link."""
        texts = [must("resolvectl", what, "mesh0")
                 for what in ("dns", "domain")]
        return (*super().picture(), *texts)

    def test_other_names_do_not_come_to_the_node(self):
        self.start()
        link = must("resolvectl", "domain", "mesh0")
        self.assertIn("corp.mesh ~corp.example", link)
        self.assertIn("no", must("resolvectl", "default-route", "mesh0"))

    def test_all_names_come_to_the_node_if_it_takes_them(self):
        self.start(takes_all=True, resolvers=[CORP])
        self.assertEqual({"198.51.100.2"}, lookup("www.example.org"))
        self.assertEqual({"100.64.0.7"}, lookup("web"))
        self.assertEqual([], self.outside.names)
        self.node.stop()
        self.expect_restored()

    def test_without_resolvers_of_its_own_the_node_asks_those_of_the_links(
            self):
        self.start(takes_all=True)
        self.assertIn("yes", must("resolvectl", "default-route", "mesh0"))
        self.assertEqual({"198.51.100.1"}, lookup("www.example.org"))
        self.assertIn("www.example.org", self.outside.names)
        self.node.stop()
        self.expect_restored()


def systems():
    return [ResolvConf, LinkedResolvConf, MountedResolvConf, DebianResolvconf,
            Openresolv, Resolved]


class Machines(unittest.TestCase):
    """Each system is a run of this script in namespaces of its own."""

    def test_machines(self):
        for system in systems():
            with self.subTest(system.__name__):
                done = subprocess.run(
                    ["unshare", "--net", "--mount", "--fork", "--pid",
                     "--mount-proc", "--kill-child", sys.executable, __file__],
                    env={**os.environ, INSIDE: system.__name__}, text=True,
                    capture_output=True, check=False, timeout=200)
                sys.stderr.write(done.stderr)
                self.assertEqual(0, done.returncode,
                                 done.stdout + done.stderr)


def can_isolate():
    done = run("unshare", "--net", "--mount", "sh", "-c",
               "mkdir -p /run/t && mount -t tmpfs t /run/t && "
               "mkdir /run/t/u /run/t/w && mount -t overlay o -o "
               "lowerdir=/etc,upperdir=/run/t/u,workdir=/run/t/w /etc")
    return done.returncode == 0, done.stderr.strip()


def main():
    inside = os.environ.get(INSIDE)
    if inside:
        unittest.main(argv=[sys.argv[0], "-v", inside])
    usable, why = can_isolate()
    if not usable:
        print(f"cannot make namespaces here: {why}")
        sys.exit(SKIP)
    with contextlib.suppress(KeyboardInterrupt):
        unittest.main(argv=[sys.argv[0], "-v", "Machines"])


if __name__ == "__main__":
    main()
