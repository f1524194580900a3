#!/usr/bin/env python3
"""Subnet routers and exit nodes of a mesh with its coordination server: real
programs, in namespaces that are a small internet.

                     +--- one ---+
    client --- net --+           +--- lan host
          (coordd)   +--- two ---+
"""
import contextlib
import json
import os
import pathlib
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from meshnode_routes_test import Machine, can_isolate, connect, run
from meshnode_support import BIN, MESHNODE, status, wait_for

UPNP = pathlib.Path(__file__).resolve().parents[1] / "support/upnp_gateway.py"
SKIP = 77
DEADLINE = 60  # seconds; a limit for busy machines, nothing waits for it
# How long a failover may take here. What it does take, less than 5 seconds, is
# asserted in virtual time (tests/sim/router_failover_sim_test.cc); without the
# server's watch over routers it would be 45.
FAILOVER = 15
TUNNEL = 7777  # the UDP port of all nodes
SERVER, SITE, SITE6 = "203.0.113.1", "203.0.113.9", "2001:db8:f::9"
GATEWAY = "198.51.1.1"  # of the client
HOST, HOST6 = "10.9.0.100", "2001:db8:9::100"  # behind the routers
LAN = ["10.9.0.0/24", "2001:db8:9::/64"]
POLICY = '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}'
INTERNET_POLICY = """{
  "acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}],
  "autoApprovers": {"routes": {"10.0.0.0/8": ["dev@localhost"]}}
}"""


class Lines:
    """What a program prints."""

    def __init__(self, stream):
        self.queue = queue.Queue()
        self.seen = []
        threading.Thread(target=self._read, args=(stream,),
                         daemon=True).start()

    def _read(self, stream):
        for line in stream:
            self.seen.append(line.rstrip("\n"))
            self.queue.put(self.seen[-1])
        stream.close()

    def wait(self, pattern):
        """The first match from where the last call ended."""
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                line = self.queue.get(timeout=deadline - time.monotonic())
            except (queue.Empty, ValueError):
                raise AssertionError("\n".join(
                    [f"not printed: {pattern}", *self.seen[-30:]])) from None
            found = re.search(pattern, line)
            if found:
                return found


class Server:
    """coordd in a machine."""

    def __init__(self, machine):
        self.folder = machine.folder.name + "/coordd"
        self.process = subprocess.Popen(
            machine.command(str(BIN / "coordd"), "--dev", "--dir", self.folder,
                            "--listen", f"{SERVER}:8443"),
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.log = Lines(self.process.stderr)
        found = Lines(self.process.stdout).wait(
            r"--server (\S+) --server-pin (\S+) --auth-key (\S+)")
        self.arguments = ["--server", found[1], "--server-pin", found[2],
                          "--auth-key", found[3]]
        self.set_policy(POLICY)

    def ask(self, *words):
        done = run(str(BIN / "coordd"), *words, "--socket",
                   self.folder + "/admin")
        if done.returncode != 0:
            raise AssertionError(f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def set_policy(self, text):
        path = pathlib.Path(self.folder) / "test-policy.json"
        path.write_text(text)
        self.ask("policy", "set", str(path))

    def routes(self):
        """By node and route: the state that an administrator reads."""
        return {(item["node"], item["route"]): item["state"]
                for item in json.loads(self.ask("routes", "list", "--json"))}

    def is_online(self, node):
        return json.loads(self.ask("nodes", "show", node,
                                   "--json"))["state"] == "online"

    def approve(self, node, *routes):
        wanted = [r for r in routes if r != "exit"] or ["exit"]
        for route in wanted:
            wait_for("the offer", lambda r=route: (node, r) in self.routes())
        self.ask("routes", "approve", node,
                 *[r for r in routes if r != "exit"],
                 *(["--exit"] if "exit" in routes else []))

    def stop(self):
        self.process.kill()
        self.process.wait()


class Node:
    """`meshnode up` in a machine."""

    def __init__(self, machine, name, server, *options, maps_ports=False):
        folder = machine.folder.name
        self.machine = machine
        self.control = f"{folder}/{name}.sock"
        self.process = subprocess.Popen(
            machine.command("sh", "-c", "mkdir -p /run/natkit && "
                            f"mount --bind {folder} /run/natkit && "
                            "exec \"$@\"", "sh", MESHNODE, "up",
                            *server.arguments, "--hostname", name,
                            "--state", f"{folder}/state", "--control",
                            self.control, "--listen-port", str(TUNNEL),
                            # The machines share their /etc with the host.
                            "--no-accept-dns",
                            *([] if maps_ports else ["--no-port-mapping"]),
                            *options),
            text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.log = Lines(self.process.stderr)
        self.log.wait(r" is up: ")
        self.address = wait_for("an address", self._address)

    def _address(self):
        shown = self.machine.run("ip", "-4", "-o", "address", "show", "dev",
                                 "natkit0").stdout
        found = re.search(r"inet (100\.[0-9.]+)", shown)
        return found and found[1]

    def command(self, verb):
        return run(MESHNODE, verb, "--control", self.control)

    def logs(self, text):
        return wait_for(text, lambda: [line for line in self.log.seen
                                       if text in line])

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(DEADLINE)

    def kill(self):
        self.process.kill()
        self.process.wait(DEADLINE)


class Sniffer:
    """Packets that come in by an interface, or go out."""

    def __init__(self, machine, interface, wanted, way="in"):
        self.process = subprocess.Popen(
            machine.command("tcpdump", "-n", "-l", "--immediate-mode", "-Q",
                            way, "-i", interface, wanted),
            text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.process.stderr.readline()  # it listens

    def stop(self):
        self.process.terminate()
        out = self.process.communicate(timeout=DEADLINE)[0]
        return [line for line in out.splitlines() if line]


def leaks(machine):
    """What comes from the client beside its tunnel and its server."""
    return Sniffer(machine, "toclient",
                   f"(ip or ip6) and not udp port {TUNNEL} and not host "
                   f"{SERVER} and not (icmp6 and ip6[40] >= 130 and ip6[40] <= "
                   "143) and not dst net ff02::/16")


class MeshRoutesTest(unittest.TestCase):
    def setUp(self):
        self.net, self.client, self.one, self.two, self.host = (
            self.machine(name) for name in ("net", "client", "one", "two",
                                            "host"))
        for number, machine in ((1, self.client), (2, self.one),
                                (3, self.two)):
            connect(self.net, machine, f"198.51.{number}",
                    f"2001:db8:{number}")
            for via in (f"198.51.{number}.1", f"2001:db8:{number}::1"):
                machine.must("ip", "route", "add", "default", "via", via)
        for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.net.sysctl(name, 1)
        for address in (f"{SERVER}/32", f"{SITE}/32", f"{SITE6}/128"):
            self.net.must("ip", "address", "add", address, "dev", "lo")
        self.make_lan()
        self.before = {m.name: self.picture(m)
                       for m in (self.client, self.one, self.two)}
        self.server = Server(self.net)
        self.addCleanup(self.server.stop)

    def machine(self, name):
        machine = Machine(name)
        self.addCleanup(machine.close)
        return machine

    def make_lan(self):
        self.host.must("ip", "link", "add", "lan", "type", "bridge")
        for address in (f"{HOST}/24", f"{HOST6}/64"):
            self.host.must("ip", "address", "add", address, "dev", "lan")
        for number, router in ((1, self.one), (2, self.two)):
            port = f"port{number}"
            self.host.must("ip", "link", "add", port, "type", "veth", "peer",
                           "lan", "netns", router.name)
            self.host.must("ip", "link", "set", port, "master", "lan", "up")
            for address in (f"10.9.0.{number}/24", f"2001:db8:9::{number}/64"):
                router.must("ip", "address", "add", address, "dev", "lan")
            router.must("ip", "link", "set", "lan", "up")
        self.host.must("ip", "link", "set", "lan", "up")

    @staticmethod
    def picture(machine):
        """All of a machine that must be there again at the end."""
        parts = [machine.run("ip", *family, *what).stdout
                 for family in ((), ("-6",))
                 for what in (("rule",), ("route", "show", "table", "51880"),
                              ("route", "show", "table", "51881"),
                              ("route", "show", "table", "51912"))]
        parts.append(machine.must("nft", "list", "ruleset"))
        parts += [machine.read(name) for name in (
            "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding",
            "net.ipv4.conf.all.src_valid_mark")]
        return parts

    def expect_restored(self, machine):
        with contextlib.suppress(AssertionError):
            wait_for("the old state", lambda: self.picture(machine) ==
                     self.before[machine.name], 20)
        self.assertEqual(self.before[machine.name], self.picture(machine))

    def node(self, machine, *options, **more):
        name = machine.name.split("-")[1]
        node = Node(machine, name, self.server, *options, **more)
        self.addCleanup(node.stop)
        return node

    def router(self, machine, *more):
        return self.node(machine, "--advertise-routes", ",".join(LAN),
                         "--enable-forwarding", *more)

    def reaches(self, address, machine=None):
        machine = machine or self.client
        wait_for(f"an answer of {address}", lambda: machine.pings(address))

    def source_at_host(self):
        """Who the host behind the routers takes the client for."""
        sniffer = Sniffer(self.host, "lan", "icmp[icmptype] = icmp-echo")
        self.reaches(HOST)
        lines = sniffer.stop()
        self.assertTrue(lines)
        return re.search(r"IP (\S+) >", lines[-1])[1]

    def test_a_router_is_used_once_it_is_approved(self):
        client = self.node(self.client)
        router = self.router(self.one)
        self.reaches(router.address)
        wait_for("the offer",
                 lambda: ("one", LAN[0]) in self.server.routes())
        self.assertFalse(self.client.pings(HOST))
        self.server.approve("one", *LAN)
        for address in (HOST, HOST6):
            self.reaches(address)
        self.assertEqual("10.9.0.1", self.source_at_host())
        router.stop()
        self.expect_restored(self.one)
        self.host.must("ip", "route", "add", "100.64.0.0/10", "via",
                       "10.9.0.1")
        router = self.router(self.one, "--snat-subnet-routes=false")
        self.assertEqual(client.address, self.source_at_host())
        self.server.ask("routes", "approve", "one", "--none")
        wait_for("the end of it", lambda: not self.client.pings(HOST))
        self.assertEqual(0, client.command("down").returncode)
        client.process.wait(DEADLINE)
        self.expect_restored(self.client)

    def test_the_policy_approves_and_what_is_wrong_is_named(self):
        self.server.set_policy(INTERNET_POLICY)
        router = self.node(self.one, "--advertise-routes",
                           "10.9.0.0/24,10.77.0.0/16")
        router.logs("IP forwarding is off, so the advertised routes lead "
                    "nowhere: set net.ipv4.ip_forward=1")
        router.logs("advertises 10.77.0.0/16, but is part of no network in it")
        self.assertEqual("0", self.one.read("net.ipv4.ip_forward"))
        self.client.must("ip", "link", "add", "home", "type", "veth", "peer",
                         "homeless")
        for end in ("home", "homeless"):
            self.client.must("ip", "link", "set", end, "up")
        client = self.node(self.client)
        self.client.must("ip", "address", "add", "10.77.5.1/24", "dev", "home")
        client.logs("the route 10.77.0.0/16 of one contains the local network "
                    "10.77.5.0/24 on home, which wins")
        self.assertIn("dev home", self.client.must("ip", "route", "get",
                                                   "10.77.5.9"))
        self.assertIn("dev natkit0", self.client.must("ip", "route", "get",
                                                      "10.77.6.9"))

    def test_another_router_takes_over_and_keeps_its_place(self):
        self.node(self.client)
        for machine in (self.one, self.two):
            self.router(machine)
            self.server.approve(machine.name.split("-")[1], *LAN)
            self.reaches(HOST)
        self.assertEqual("10.9.0.1", self.source_at_host())
        # Its cable is pulled: nobody is told.
        self.net.must("ip", "link", "set", "toone", "down")
        cut = time.monotonic()
        wait_for("the other router", lambda: self.client.pings(HOST), FAILOVER)
        print(f"failover took {time.monotonic() - cut:.1f} s", flush=True)
        self.assertEqual("10.9.0.2", self.source_at_host())
        self.net.must("ip", "link", "set", "toone", "up")
        self.one.must("ip", "-6", "route", "replace", "default", "via",
                      "2001:db8:2::1")
        wait_for("its return", lambda: self.server.is_online("one"))
        for _ in range(3):
            self.assertEqual("10.9.0.2", self.source_at_host())

    def test_an_exit_node_without_a_leak(self):
        exit_node = self.node(self.one, "--advertise-exit-node",
                              "--enable-forwarding")
        sniffer = leaks(self.net)
        client = self.node(self.client, "--exit-node", "one")
        client.logs("the chosen exit node one is not an (approved) exit node: "
                    "everything that would use it is blocked")
        self.assertFalse(self.client.pings(SITE))
        self.reaches(exit_node.address)
        self.server.approve("one", "exit")
        for address in (SITE, SITE6):
            self.reaches(address)
        exit_node.kill()
        for address in (SITE, SITE6, GATEWAY):
            self.assertFalse(self.client.pings(address))
        self.node(self.one, "--advertise-exit-node", "--enable-forwarding")
        self.reaches(SITE)
        self.assertEqual([], sniffer.stop())
        client.kill()
        self.expect_restored(self.client)
        self.assertTrue(self.client.pings(SITE, 3))  # past the tunnel again
        # Its first routes are those of the saved map.
        client = self.node(self.client, "--exit-node", "one",
                           "--exit-node-allow-lan-access")
        self.reaches(SITE)
        sniffer = leaks(self.net)
        self.assertTrue(self.client.pings(GATEWAY, 3))
        self.assertNotEqual([], sniffer.stop())
        self.assertEqual(0, client.command("down").returncode)
        client.process.wait(DEADLINE)
        self.expect_restored(self.client)

    def start_upnp(self):
        """A router of the client that maps ports; its log."""
        process = subprocess.Popen(
            self.net.command(sys.executable, str(UPNP), GATEWAY,
                             "203.0.113.77"),
            text=True, stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return Lines(process.stdout)

    def test_the_nodes_own_packets_stay_outside_of_its_exit(self):
        upnp = self.start_upnp()
        self.node(self.one, "--advertise-exit-node", "--enable-forwarding")
        self.server.approve("one", "exit")
        # It knows the exit from its first moment on: from the saved map.
        self.node(self.client, "--exit-node", "one").stop()
        sniffer = Sniffer(
            self.client, "any",
            f"udp port {TUNNEL} or udp port 5351 or udp port 1900 or tcp port "
            f"5000 or host {SERVER}", "out")
        client = self.node(self.client, "--exit-node", "one", maps_ports=True)
        self.reaches(SITE)
        wait_for("a mapping", lambda: status(
            client.control)["port_mapping"]["mappings"])
        self.client.must("ip", "address", "add", "198.51.1.77/24", "dev",
                         "tonet")  # the network has changed
        self.reaches(SITE)
        self.assertEqual(0, client.command("down").returncode)
        client.process.wait(DEADLINE)
        upnp.wait("DeletePortMapping")
        lines = sniffer.stop()
        self.assertEqual([], [line for line in lines if "natkit0" in line])
        for own in (f"{GATEWAY}.5351:", ".1900:", f"{GATEWAY}.5000:",
                    f"{SERVER}.8443:", f".{TUNNEL} >"):
            self.assertTrue([line for line in lines
                             if "tonet" in line and own in line], own)
        self.expect_restored(self.client)

    def test_a_crash_of_all_is_undone_at_the_next_start(self):
        self.router(self.one)
        self.server.approve("one", *LAN)
        client = self.node(self.client, "--exit-node", "nobody")
        wait_for("its routes", lambda: self.before[self.client.name] !=
                 self.picture(self.client))
        client.logs("the chosen exit node nobody is not there")
        children = pathlib.Path(
            f"/proc/{client.process.pid}/task/{client.process.pid}/children")
        for child in children.read_text().split():
            os.kill(int(child), signal.SIGKILL)
        client.kill()
        self.assertFalse(self.client.pings(SITE))  # still closed
        client = self.node(self.client)
        self.assertTrue(self.client.pings(SITE, 3))
        self.reaches(HOST)
        client.stop()
        self.expect_restored(self.client)


if __name__ == "__main__":
    usable, why = can_isolate()
    if not usable:
        print(f"cannot make namespaces here: {why}")
        sys.exit(SKIP)
    unittest.main(verbosity=2)
