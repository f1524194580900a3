#!/usr/bin/env python3
"""Names on nodes that joined a coordination server: two machines, each with
namespaces and a resolv.conf of its own, and a resolver for all other names.

Names are asked as programs ask them, through the C library.
"""
import contextlib
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

from coordd_support import COORDD, Server
from meshnode_dns_test import SKIP, Resolver, can_isolate, must, run, wait_for
from meshnode_support import DEADLINE, MESHNODE

INSIDE = "NATKIT_NAMES_INSIDE"
SERVER = "192.0.2.1"
OUTSIDE = "192.0.2.53"
ORIGINAL = f"nameserver {OUTSIDE}\nsearch lan.example\noptions timeout:3\n"
DOMAIN = "mesh.internal"  # what coordd calls a new mesh
ANN, BOB = "192.0.2.10", "192.0.2.11"
POLICY = '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}'

# systemd-resolved as far as a node sees it: it notes what it is told.
RESOLVED = f"""
mount -t tmpfs tmpfs /usr/local/sbin
printf '#!/bin/sh\necho "$*" >> /run/told\n' > /usr/local/sbin/resolvectl
chmod +x /usr/local/sbin/resolvectl
mkdir -p /run/systemd/resolve
echo nameserver {OUTSIDE} > /run/systemd/resolve/resolv.conf
echo nameserver 127.0.0.53 > /etc/resolv.conf
"""

# Makes /etc, /run and /var/lib of a machine its own.
FURNISH = f"""
mount -t tmpfs tmpfs /run
mkdir -p /run/etc/up /run/etc/work
mount -t overlay overlay -o \
lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work /etc
mount -t tmpfs tmpfs /var/lib
echo 'hosts: files dns' > /etc/nsswitch.conf
rm -f /etc/resolv.conf
printf '{ORIGINAL.encode("unicode_escape").decode()}' > /etc/resolv.conf
ip link set lo up
"""

# Asks the node's server itself: NAME ADDRESS; prints the response code.
ASK = """
import socket, sys
name = b"".join(bytes([len(l)]) + l.encode() for l in sys.argv[1].split("."))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.sendto(bytes.fromhex("123401000001000000000000") + name
         + b"\\0\\0\\1\\0\\1", (sys.argv[2], 53))
answer = s.recv(2048)
print(answer[3] & 15, int.from_bytes(answer[6:8], "big"))
"""


class Machine:
    """A machine on the network of the server; `node` is its meshnode."""

    links = itertools.count()

    def __init__(self, index, name):
        self.name = name
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sleep", "infinity"])
        own = os.readlink("/proc/self/ns/net")
        wait_for("the namespaces", lambda: os.readlink(
            f"/proc/{self.holder.pid}/ns/net") != own and run(
                "pgrep", "-P", str(os.getpid()), "-x", "sleep").returncode == 0)
        self.must("sh", "-ec", FURNISH)
        # A new name: the kernel removes that of an ended namespace later.
        link = f"veth{next(Machine.links)}"
        must("ip", "link", "add", link, "master", "br0", "type", "veth",
             "peer", "eth0", "netns", str(self.holder.pid))
        must("ip", "link", "set", link, "up")
        self.must("ip", "address", "add", f"192.0.2.{10 + index}/24", "dev",
                  "eth0")
        self.must("ip", "link", "set", "eth0", "up")
        self.node = None
        self.log = tempfile.TemporaryFile("w+")

    def enter(self):
        return ["nsenter", "--target", str(self.holder.pid), "--net",
                "--mount"]

    def must(self, *command):
        return must(*self.enter(), *command)

    def run(self, *command):
        return run(*self.enter(), *command)

    def start(self, server, *more):
        self.node = subprocess.Popen(
            [*self.enter(), MESHNODE, "up", "--server", server.address,
             "--server-pin", server.pin, "--hostname", self.name,
             "--tun", "mesh0", "--no-port-mapping", *more],
            stderr=self.log, env={**os.environ, "NATKIT_AUTH_KEY": server.key})

    def end(self, how):
        self.node.send_signal(how)
        self.node.wait(DEADLINE)

    def close(self):
        if self.node and self.node.poll() is None:
            self.end(signal.SIGKILL)
        self.holder.kill()
        self.holder.wait()
        self.log.close()

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def lookup(self, name):
        done = self.run("getent", "ahostsv4", name)
        return {line.split()[0] for line in done.stdout.splitlines()}

    def reverse(self, address):
        return self.run("getent", "hosts", address).stdout.split()[1:]

    def ask(self, name, address):
        """(response code, answers) of the server at `address`."""
        done = self.must(sys.executable, "-c", ASK, name, address)
        return tuple(map(int, done.split()))

    def conf(self):
        return self.must("cat", "/etc/resolv.conf")

    def files(self):
        return self.must("ls", "/etc").split()


class Network(unittest.TestCase):
    """A server, two machines, and a resolver for all other names."""

    outside = None

    @classmethod
    def setUpClass(cls):
        if Network.outside:  # all classes of a run share it
            return
        must("ip", "link", "set", "lo", "up")
        must("ip", "link", "add", "br0", "type", "bridge")
        must("ip", "link", "set", "br0", "up")
        for address in (SERVER, OUTSIDE):
            must("ip", "address", "add", f"{address}/24", "dev", "br0")
        Network.outside = Resolver(OUTSIDE, "198.51.100.1")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.server = Server(self.folder, 8443, SERVER)
        self.addCleanup(self.end_server)
        self.outside.names.clear()
        self.outside.clients.clear()
        self.machines = {}
        for index, name in enumerate(("ann", "bob")):
            self.machines[name] = Machine(index, name)
            self.addCleanup(self.machines[name].close)
        self.ann, self.bob = self.machines.values()

    def end_server(self):
        self.server.kill()
        self.server.process.stdout.close()
        self.server.process.stderr.close()

    def admin(self, *words):
        return json.loads(must(str(COORDD), *words, "--json", "--socket",
                               f"{self.folder}/admin") or "null")

    def address(self, name):
        """The IPv4 address that the server gave to the node `name`."""
        def find():
            for node in self.admin("nodes", "list"):
                if node["name"] == name:
                    return node["addresses"][0]
            return None
        return wait_for(f"{name} to join", find)

    def start_both(self, *more):
        self.ann.start(self.server, *more)
        self.bob.start(self.server)
        address = self.address("bob")
        wait_for("the name of the other", lambda: self.sees("bob", address))
        return address

    def sees(self, name, address):
        if self.ann.node.poll() is not None:
            raise AssertionError(self.ann.said())
        return self.ann.lookup(name) == {address}

    def expect_as_before(self):
        wait_for("resolv.conf as it was",
                 lambda: self.ann.conf() == ORIGINAL)
        self.assertNotIn("resolv.conf.natkit-backup", self.ann.files())


class Names(Network):
    def test_names_resolve_and_follow_the_map(self):
        address = self.start_both()
        self.assertEqual({address}, self.ann.lookup(f"bob.{DOMAIN}"))
        self.assertEqual({self.address("ann")}, self.ann.lookup("ann"))
        self.assertEqual([f"bob.{DOMAIN}"], self.ann.reverse(address))
        self.assertEqual(set(), self.ann.lookup(f"nobody.{DOMAIN}."))
        self.assertEqual({"198.51.100.1"}, self.ann.lookup("www.example.org"))
        self.assertIn("www.example.org", self.outside.names)
        self.assertEqual([], [name for name in self.outside.names
                              if name.endswith(DOMAIN)])
        self.assertIn(f"search {DOMAIN} lan.example\n", self.ann.conf())
        # Others' questions are not for this node to answer.
        self.assertEqual((5, 0), self.bob.ask("www.example.org",
                                              self.address("ann")))

        self.admin("nodes", "rename", "bob", "bobby")
        wait_for("the new name", lambda: self.sees("bobby", address))
        self.assertEqual(set(), self.ann.lookup(f"bob.{DOMAIN}."))
        self.assertEqual([f"bobby.{DOMAIN}"], self.ann.reverse(address))

        self.ann.must(MESHNODE, "down", "--name", "mesh0")
        self.assertEqual(0, self.ann.node.wait(DEADLINE))
        self.expect_as_before()
        self.bob.end(signal.SIGTERM)
        self.assertEqual(ORIGINAL, self.bob.conf())

    def test_killed_nodes_leave_the_system_as_it_was(self):
        address = self.start_both()
        self.ann.end(signal.SIGKILL)
        self.expect_as_before()
        self.ann.start(self.server)
        wait_for("names again", lambda: self.sees("bob", address))
        # The guardian too; as after a power cut, only the next start is left.
        guardian = must("pgrep", "-x", "natkit-dns", "-P",
                        str(self.ann.node.pid)).split()
        self.assertEqual(1, len(guardian))
        os.kill(int(guardian[0]), signal.SIGKILL)
        self.ann.end(signal.SIGKILL)
        self.assertIn(self.address("ann"), self.ann.conf())
        self.ann.start(self.server, "--no-accept-dns")
        self.expect_as_before()

    def test_a_node_leaves_the_system_alone_if_told(self):
        self.ann.start(self.server, "--no-accept-dns")
        self.bob.start(self.server)
        self.address("bob")
        own = self.address("ann")
        wait_for("the server", lambda: self.ann.run(
            sys.executable, "-c", ASK, f"ann.{DOMAIN}", own).returncode == 0)
        wait_for("the map", lambda: self.ann.ask(f"bob.{DOMAIN}",
                                                 own) == (0, 1))
        self.assertEqual(ORIGINAL, self.ann.conf())
        self.assertEqual({"198.51.100.1"}, self.ann.lookup("bob"))

    def test_a_node_that_is_removed_gives_names_back(self):
        self.start_both()
        self.admin("nodes", "delete", "ann")
        self.expect_as_before()
        self.assertIsNone(self.ann.node.poll())

    def test_a_taken_port_is_a_warning(self):
        with subprocess.Popen(
                [*self.ann.enter(), sys.executable, "-c",
                 "import socket, sys, time\n"
                 "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                 "s.bind(('0.0.0.0', 53))\n"
                 "print('bound', flush=True)\n"
                 "sys.stdin.read()"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            other.stdout.readline()
            self.ann.start(self.server)
            wait_for("a warning", lambda: "another DNS server"
                     in self.ann.said())
            self.assertEqual(ORIGINAL, self.ann.conf())
            self.assertIsNone(self.ann.node.poll())
            other.stdin.close()


class Exit(Network):
    """The machine bob is an exit node, and ann uses it."""

    def setUp(self):
        super().setUp()
        path = pathlib.Path(self.folder) / "policy.json"
        path.write_text(POLICY)
        self.admin("policy", "set", str(path))
        self.bob.start(self.server, "--advertise-exit-node",
                       "--enable-forwarding", "--no-accept-dns")
        wait_for("the offer", lambda: [
            r for r in self.admin("routes", "list") if r["route"] == "exit"])
        self.admin("routes", "approve", "bob", "--exit")

    def start_ann(self):
        self.ann.start(self.server, "--exit-node", "bob")
        address = self.address("bob")
        wait_for("names by the exit", lambda: self.sees("bob", address) and
                 self.asker() == {BOB})

    def asker(self):
        """Whom the resolver takes the questions of ann for."""
        self.outside.clients.clear()
        self.ann.lookup("www.example.org")
        return set(self.outside.clients)

    def kill_guardians(self):
        """Those that would undo what the node of ann has changed."""
        guardians = must("pgrep", "-x", "natkit-dns|natkit-routes", "-P",
                         str(self.ann.node.pid)).split()
        self.assertEqual(2, len(guardians))
        for guardian in guardians:
            os.kill(int(guardian), signal.SIGKILL)

    def test_names_are_asked_by_the_exit_or_not_at_all(self):
        self.start_ann()
        self.assertEqual({"198.51.100.1"}, self.ann.lookup("www.example.org"))
        self.bob.end(signal.SIGKILL)
        self.assertEqual(set(), self.asker())
        self.ann.must(MESHNODE, "down", "--name", "mesh0")
        self.assertEqual(0, self.ann.node.wait(DEADLINE))
        self.expect_as_before()
        self.assertEqual({ANN}, self.asker())

    def test_a_killed_node_gives_the_systems_dns_back(self):
        self.start_ann()
        self.ann.end(signal.SIGKILL)
        self.expect_as_before()
        wait_for("the old routes", lambda: self.asker() == {ANN})
        self.start_ann()
        self.kill_guardians()
        self.ann.end(signal.SIGKILL)
        self.assertNotEqual(ORIGINAL, self.ann.conf())
        self.ann.start(self.server, "--no-accept-dns")
        self.expect_as_before()
        wait_for("the old routes", lambda: self.asker() == {ANN})

    def standing(self):
        return json.loads(self.ann.must(MESHNODE, "status", "--json",
                                        "--name", "mesh0"))

    def set_exit(self, name):
        self.ann.must(MESHNODE, "set", "--name", "mesh0", f"exit-node={name}")

    def test_an_exit_that_the_system_refuses_is_not_usable(self):
        self.start_ann()
        self.assertEqual({"Name": "bob", "Usable": True},
                         self.standing()["ExitNode"])
        self.set_exit("none")
        nft = self.ann.must("sh", "-c", "command -v nft").strip()
        self.ann.must("mount", "--bind", "/bin/false", nft)
        self.set_exit("bob")
        standing = self.standing()
        self.assertEqual({"Name": "bob", "Usable": False},
                         standing["ExitNode"])
        self.assertIn("nft failed with status 1", standing["Health"][0])
        self.ann.must("umount", nft)

    def test_resolved_hands_over_all_names_while_there_is_an_exit(self):
        self.ann.must("sh", "-ec", RESOLVED)
        self.ann.start(self.server, "--exit-node", "bob")
        own = self.address("ann")
        wait_for("a name by the exit", lambda: self.ann.run(
            sys.executable, "-c", ASK, "www.example.org", own).stdout.split()
            == ["0", "1"])
        self.assertEqual({BOB}, self.outside.clients)
        self.assertIn("~.", self.told("domain"))
        self.assertEqual("yes", self.told("default-route")[-1])
        self.ann.must(MESHNODE, "set", "--name", "mesh0", "exit-node=none")
        wait_for("the end of it",
                 lambda: self.told("default-route")[-1] == "no")
        self.assertNotIn("~.", self.told("domain"))
        self.ann.must(MESHNODE, "down", "--name", "mesh0")
        self.assertEqual(0, self.ann.node.wait(DEADLINE))
        self.assertEqual(["mesh0"], self.told("revert"))

    def told(self, verb):
        """What resolvectl VERB was told last."""
        lines = [line.split() for line
                 in self.ann.must("cat", "/run/told").splitlines()]
        return [line for line in lines if line[0] == verb][-1][1:]


def main(script):
    """Runs the tests of `script` in namespaces of their own."""
    if os.environ.get(INSIDE):
        unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
    usable, why = can_isolate()
    if not usable or not pathlib.Path("/dev/net/tun").exists():
        print(f"cannot make namespaces and TUN devices here: {why}")
        sys.exit(SKIP)
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(subprocess.run(
            ["unshare", "--net", "--mount", "--fork", "--pid", "--mount-proc",
             "--kill-child", sys.executable, script, *sys.argv[1:]],
            env={**os.environ, INSIDE: "1"}, check=False).returncode)


if __name__ == "__main__":
    main(__file__)
