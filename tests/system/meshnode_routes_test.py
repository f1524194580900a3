#!/usr/bin/env python3
"""A node's routes on real systems: a subnet router, an exit node and who uses
them, in namespaces that are a small internet. What leaves past the tunnel is
counted on the uplink.

    client --- internet --- router --- lan host
"""
import contextlib
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = pathlib.Path(os.environ.get("NATKIT_TESTS", ROOT / "build/tests"))
SKIP = 77
DEADLINE = 20  # seconds; generous, for slow machines
CARRIER = 7777

CLIENT, ROUTER = "100.64.0.1", "100.64.0.2"
CLIENT6, ROUTER6 = "fd7a::1", "fd7a::2"
SITE, SITE6 = "203.0.113.9", "2001:db8:f::9"  # in the internet
HOST, HOST6 = "10.9.0.2", "2001:db8:9::2"  # behind the router
GATEWAY = "192.0.2.1"  # of the client, and its neighbour
DEFAULTS = ["0.0.0.0/0", "::/0"]
LAN = ["10.9.0.0/24", "2001:db8:9::/64"]


def run(*command, **options):
    return subprocess.run(command, text=True, capture_output=True, check=False,
                          timeout=DEADLINE, **options)


def must(*command, **options):
    done = run(*command, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


class Machine:
    """One network namespace."""

    def __init__(self, name):
        self.name = f"nkr-{name}-{os.getpid()}"
        must("ip", "netns", "add", self.name)
        self.must("ip", "link", "set", "lo", "up")
        self.folder = tempfile.TemporaryDirectory()  # its /run/natkit

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *words]

    def run(self, *words, **options):
        return run(*self.command(*words), **options)

    def must(self, *words, **options):
        return must(*self.command(*words), **options)

    def sysctl(self, name, value):
        self.must("sysctl", "-qw", f"{name}={value}")

    def read(self, name):
        return self.must("sysctl", "-n", name).strip()

    def pings(self, address, tries=1):
        return self.run("ping", "-n", "-c", str(tries), "-i", "0.2", "-W", "1",
                        address).returncode == 0

    def close(self):
        run("ip", "netns", "delete", self.name)
        self.folder.cleanup()


def connect(a, b, net4, net6):
    """A cable between two machines: .1 and .2 of both networks."""
    ends = []
    for machine, other, number in ((a, b, 1), (b, a, 2)):
        ends.append((machine, f"to{other.name.split('-')[1]}", number))
    (one, name1, _), (two, name2, _) = ends
    must("ip", "link", "add", name1, "netns", one.name, "type", "veth", "peer",
         name2, "netns", two.name)
    for machine, name, number in ends:
        machine.must("ip", "address", "add", f"{net4}.{number}/24", "dev", name)
        machine.must("ip", "address", "add", f"{net6}::{number}/64", "dev",
                     name, "nodad")
        machine.must("ip", "link", "set", name, "up")


class Node:
    """A route_node in a machine."""

    def __init__(self, machine, here, there, *options):
        self.process = subprocess.Popen(
            machine.command("sh", "-c", "mkdir -p /run/natkit && "
                            f"mount --bind {machine.folder.name} /run/natkit "
                            "&& exec \"$@\"", "sh",
                            str(TESTS / "route_node"), "mesh0", "1280",
                            f"{here}:{CARRIER}", f"{there}:{CARRIER}",
                            *options),
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answers = queue.Queue()
        self.logs = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.guardian = self._next()["ready"]

    def _read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            if "log" in answer:
                self.logs.append(answer["log"])
            else:
                self.answers.put(answer)

    def _next(self):
        return self.answers.get(timeout=DEADLINE)

    def plan(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer = self._next()
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(DEADLINE)
        self._close()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE)
        self._close()

    def _close(self):
        self.reader.join(DEADLINE)
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


class Sniffer:
    """What comes from the client's uplink beside the tunnel itself."""

    def __init__(self, machine, interface):
        self.process = subprocess.Popen(
            machine.command(
                "tcpdump", "-n", "-l", "--immediate-mode", "-Q", "in", "-i",
                interface,
                f"(ip or ip6) and not udp port {CARRIER} and not "
                "(icmp6 and ip6[40] >= 130 and ip6[40] <= 143)"),
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.process.stderr.readline()  # it listens

    def seen(self):
        self.process.terminate()
        text = self.process.communicate(timeout=DEADLINE)[0]
        # What a link says to itself, and that nobody listens at the tunnel's
        # port any longer, are no leaks.
        own = ("> ff02::", "udp port 7777 unreachable")
        return [line for line in text.splitlines()
                if line and not any(part in line for part in own)]


class RoutesTest(unittest.TestCase):
    def setUp(self):
        self.client = self.machine("client")
        self.net = self.machine("net")
        self.router = self.machine("router")
        self.host = self.machine("host")
        connect(self.net, self.client, "192.0.2", "2001:db8:1")
        connect(self.net, self.router, "198.51.100", "2001:db8:2")
        connect(self.router, self.host, "10.9.0", "2001:db8:9")
        for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.net.sysctl(name, 1)
        for address in (f"{SITE}/32", f"{SITE6}/128"):
            self.net.must("ip", "address", "add", address, "dev", "lo")
        self.default(self.client, "192.0.2.1", "2001:db8:1::1")
        self.default(self.router, "198.51.100.1", "2001:db8:2::1")
        # Strict, as some distributions have it.
        for name in ("all", "default", "tonet"):
            self.client.sysctl(f"net.ipv4.conf.{name}.rp_filter", 1)
        self.nodes = []
        self.before = {m.name: self.picture(m)
                       for m in (self.client, self.router)}

    def tearDown(self):
        for node in self.nodes:
            node.stop()

    def machine(self, name):
        machine = Machine(name)
        self.addCleanup(machine.close)
        return machine

    @staticmethod
    def default(machine, via4, via6):
        machine.must("ip", "route", "add", "default", "via", via4)
        machine.must("ip", "route", "add", "default", "via", via6)

    @staticmethod
    def picture(machine):
        """All that must be there again at the end."""
        parts = [machine.must("ip", *family, *what)
                 for family in ((), ("-6",))
                 for what in (("rule",), ("route", "show", "table", "51880"),
                              ("route", "show", "table", "51881"),
                              ("route", "show", "table", "51912"))
                 if what == ("rule",) or machine.run(
                     "ip", *family, *what).returncode == 0]
        parts.append(machine.must("nft", "list", "ruleset"))
        parts += [machine.read(name) for name in (
            "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding",
            "net.ipv4.conf.all.src_valid_mark",
            "net.ipv6.conf.tonet.accept_ra")]
        return [part for part in parts if part]

    def expect_restored(self, machine):
        deadline = time.monotonic() + DEADLINE
        while self.picture(machine) != self.before[machine.name]:
            if time.monotonic() > deadline:
                self.assertEqual(self.before[machine.name],
                                 self.picture(machine))
            time.sleep(0.05)

    def start_client(self):
        node = Node(self.client, "192.0.2.2", "198.51.100.2")
        self.nodes.append(node)
        return node

    def start_router(self, *options):
        node = Node(self.router, "198.51.100.2", "192.0.2.2", *options)
        self.nodes.append(node)
        return node

    @staticmethod
    def as_client(node, routes, **more):
        peers = {"router": {"addresses": [ROUTER, ROUTER6], "routes": routes}}
        networks = {"tonet": ["192.0.2.0/24", "2001:db8:1::/64"]}
        return node.plan(**{"addresses": [CLIENT, CLIENT6], "peers": peers,
                            "local_networks": networks, **more})

    @staticmethod
    def as_router(node, routes, **more):
        peers = {"client": {"addresses": [CLIENT, CLIENT6], "routes": []}}
        networks = {"tonet": ["198.51.100.0/24"], "tohost": LAN}
        return node.plan(addresses=[ROUTER, ROUTER6], advertised=routes,
                         peers=peers, local_networks=networks, **more)

    def start_exit(self):
        router = self.start_router("--enable-forwarding")
        self.as_router(router, DEFAULTS)
        client = self.start_client()
        self.as_client(client, DEFAULTS, exit="router")
        return router, client

    def test_a_subnet_router_with_snat(self):
        router = self.start_router("--enable-forwarding")
        self.as_router(router, LAN)
        client = self.start_client()
        self.as_client(client, LAN)
        for address in (ROUTER, ROUTER6, HOST, HOST6):
            self.assertTrue(self.client.pings(address, 3), address)
        client.stop()
        self.expect_restored(self.client)
        router.stop()
        self.expect_restored(self.router)

    def test_a_subnet_router_without_snat_shows_the_real_source(self):
        router = self.start_router("--enable-forwarding")
        self.as_router(router, LAN, snat=False)
        client = self.start_client()
        self.as_client(client, LAN)
        self.assertFalse(self.client.pings(HOST))  # the host knows no way back
        self.default(self.host, "10.9.0.1", "2001:db8:9::1")
        for address in (HOST, HOST6):
            self.assertTrue(self.client.pings(address, 3), address)
        self.as_router(router, LAN, snat=True)  # changes while it runs
        self.host.must("ip", "route", "delete", "default")
        self.assertTrue(self.client.pings(HOST, 3))

    def test_missing_forwarding_is_named(self):
        router = self.start_router()
        answer = self.as_router(router, LAN)
        self.assertIn("net.ipv4.ip_forward=1 and "
                      "net.ipv6.conf.all.forwarding=1", answer["trouble"])
        self.assertIn("--enable-forwarding", router.logs[0])
        self.assertEqual("0", self.router.read("net.ipv4.ip_forward"))
        self.router.sysctl("net.ipv4.ip_forward", 1)
        self.router.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.as_router(router, [])
        self.assertNotIn("trouble", self.as_router(router, LAN))

    def test_forwarding_keeps_routes_from_advertisements_and_is_undone(self):
        router = self.start_router("--enable-forwarding")
        before = self.router.read("net.ipv6.conf.tonet.accept_ra")
        self.assertEqual("1", before)
        self.as_router(router, DEFAULTS)
        self.assertEqual("2", self.router.read("net.ipv6.conf.tonet.accept_ra"))
        self.assertEqual("1", self.router.read("net.ipv4.ip_forward"))
        router.stop()
        self.expect_restored(self.router)

    def test_an_exit_carries_everything_and_nothing_leaks_without_it(self):
        router, client = self.start_exit()
        sniffer = Sniffer(self.net, "toclient")
        for address in (SITE, SITE6):
            self.assertTrue(self.client.pings(address, 3), address)
        router.kill()
        for address in (SITE, SITE6, GATEWAY):
            self.assertFalse(self.client.pings(address), address)
        self.as_client(client, [], exit="router")  # the server lost it, too
        self.assertFalse(self.client.pings(SITE))
        router = self.start_router("--enable-forwarding")  # and it comes back
        self.as_router(router, DEFAULTS)
        self.as_client(client, DEFAULTS, exit="router")
        for address in (SITE, SITE6):
            self.assertTrue(self.client.pings(address, 3), address)
        self.assertEqual([], sniffer.seen())
        self.as_client(client, DEFAULTS)  # the exit is left
        sniffer = Sniffer(self.net, "toclient")
        self.assertTrue(self.client.pings(SITE, 3))
        self.assertNotEqual([], sniffer.seen())
        client.stop()
        self.expect_restored(self.client)

    def test_lan_access(self):
        _, client = self.start_exit()
        sniffer = Sniffer(self.net, "toclient")
        self.client.run("ping", "-c", "1", "-W", "1", "192.0.2.77")
        self.assertEqual([], sniffer.seen())
        self.as_client(client, DEFAULTS, exit="router", lan_access=True)
        sniffer = Sniffer(self.net, "toclient")
        self.assertTrue(self.client.pings(GATEWAY, 3))
        self.assertTrue(self.client.pings("2001:db8:1::1", 3))
        self.assertTrue(self.client.pings(SITE, 3))
        seen = sniffer.seen()
        self.assertTrue([s for s in seen if GATEWAY in s])
        self.assertFalse([s for s in seen if SITE in s])
        # Questions to a resolver of the LAN follow the exit.
        sniffer = Sniffer(self.net, "toclient")
        self.client.must(sys.executable, "-c", "import socket;"
                         "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
                         f"s.sendto(b'?', ('{GATEWAY}', 53));"
                         f"s.sendto(b'?', ('{GATEWAY}', 5300))")
        seen = sniffer.seen()
        self.assertTrue([s for s in seen if f"{GATEWAY}.5300" in s], seen)
        self.assertFalse([s for s in seen if f"{GATEWAY}.53:" in s], seen)

    def test_ipv6_is_blocked_where_the_exit_has_none(self):
        router = self.start_router("--enable-forwarding")
        self.as_router(router, DEFAULTS[:1])
        client = self.start_client()
        sniffer = Sniffer(self.net, "toclient")
        answer = self.as_client(client, DEFAULTS[:1], exit="router")
        self.assertIn("IPv6 is blocked: router does not carry it",
                      answer["findings"])
        self.assertTrue(self.client.pings(SITE, 3))
        self.assertFalse(self.client.pings(SITE6))
        self.assertEqual([], sniffer.seen())

    def test_the_mesh_address_may_change(self):
        self.as_router(self.start_router(), [])
        client = self.start_client()
        self.as_client(client, [])
        self.assertTrue(self.client.pings(ROUTER, 3))
        self.as_client(client, [], addresses=["100.64.0.77", CLIENT6])
        shown = self.client.must("ip", "-4", "address", "show", "dev", "mesh0")
        self.assertIn("100.64.0.77/32", shown)
        self.assertNotIn(f"{CLIENT}/32", shown)

    def test_a_kill_leaves_nothing(self):
        router, client = self.start_exit()
        for node, machine in ((client, self.client), (router, self.router)):
            self.assertNotEqual(self.before[machine.name],
                                self.picture(machine))
            node.kill()
            self.expect_restored(machine)
        self.assertTrue(self.client.pings(SITE, 3))

    def test_the_next_start_undoes_when_the_guardian_was_killed_too(self):
        sniffer = Sniffer(self.net, "toclient")
        router, client = self.start_exit()
        for node in (router, client):
            os.kill(node.guardian, signal.SIGKILL)
            node.kill()
        self.assertFalse(self.client.pings(SITE))  # still closed
        self.assertEqual([], sniffer.seen())
        for machine, start in ((self.router, self.start_router),
                               (self.client, self.start_client)):
            start().stop()
            self.expect_restored(machine)

    def test_overlaps_are_named(self):
        client = self.start_client()
        answer = self.as_client(client, ["192.0.2.0/24"])
        self.assertIn("the route 192.0.2.0/24 of router is not used: it lies in "
                      "the local network 192.0.2.0/24 on tonet, which wins",
                      answer["findings"])
        self.assertTrue(self.client.pings(GATEWAY, 3))


def can_isolate():
    name = f"nkr-try-{os.getpid()}"
    made = run("ip", "netns", "add", name)
    run("ip", "netns", "delete", name)
    return made.returncode == 0, made.stderr.strip()


if __name__ == "__main__":
    usable, why = can_isolate()
    if not usable:
        print(f"cannot make namespaces here: {why}")
        sys.exit(SKIP)
    unittest.main(verbosity=2)
