#!/usr/bin/env python3
"""`meshnode render`, `rotate` and `verify` with wg-quick and wireguard-go.

Three hosts on one network: a hub and two spokes, or a full mesh. NATKIT_BIN
names the folder of the programs.
"""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import wg_interop_lab as lab

STREAM = str(pathlib.Path(__file__).with_name("meshnode_fleet_stream.py"))
PROGRAMS = ("wg", "wg-quick", "wireguard-go", "sysctl", "nsenter")
ONE_HANDSHAKE = 5.0  # seconds: REKEY_TIMEOUT, after which it is tried again
# wg replaces the AllowedIPs of a peer by none and then by those of the file; a
# packet that comes in between is dropped, in each of two hosts.
LOST_BY_APPLYING = 2
MESHNODE = ""


class Host:
    """A network namespace with a /run/wireguard of its own, so that each host
    can call its interface wg0."""

    counter = 0

    def __init__(self, name, number):
        Host.counter += 1
        self.name = name
        self.namespace = f"{name}{Host.counter}"
        self.outer = f"192.0.2.{number}"
        self.inner = f"10.77.0.{number}"
        lab.run("ip", "netns", "add", self.namespace)
        self.holder = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, "unshare", "--mount", "sh", "-c",
             "mount -t tmpfs tmpfs /run/wireguard && echo ready && exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.holder.stdout.readline()
        self.run("ip", "link", "set", "lo", "up")
        self.cable = f"v-{self.namespace}"
        lab.run("ip", "link", "add", self.cable, "type", "veth", "peer",
                "name", "eth0", "netns", self.namespace)
        lab.run("ip", "link", "set", self.cable, "master", "br0", "up")
        self.run("ip", "address", "add", f"{self.outer}/24", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")

    def wrap(self, *command):
        return ["nsenter", "-t", str(self.holder.pid), "-m", "-n", *command]

    def run(self, *command, **options):
        return lab.run(*self.wrap(*command), **options)

    def wg(self, *arguments):
        return self.run("wg", *arguments)

    def close(self):
        with contextlib.suppress(Exception):  # ends wireguard-go
            self.run("ip", "link", "delete", "wg0")
        lab.run("ip", "link", "delete", self.cable)
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()
        lab.run("ip", "netns", "delete", self.namespace, check=False)


class Stream:
    """Echo requests from one host to an address, until it is asked."""

    PATIENCE = 10  # seconds after the last request

    def __init__(self, host, address):
        self.process = subprocess.Popen(
            host.wrap(sys.executable, "-I", STREAM, address,
                      str(self.PATIENCE)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError(f"{host.name} gets no answer of {address}")

    def end(self):
        self.process.stdin.close()

    def result(self):
        with self.process:
            return json.loads(self.process.stdout.read())


def results(streams):
    for stream in streams:
        stream.end()
    return [stream.result() for stream in streams]


class FleetTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.out = self.folder / "fleet"
        self.keys = self.folder / "keys"
        self.keys.mkdir()
        lab.run("ip", "link", "add", "br0", "type", "bridge")
        self.addCleanup(lab.run, "ip", "link", "delete", "br0")
        lab.run("ip", "link", "set", "br0", "up")
        self.hosts = {}
        for number, name in enumerate(("hub", "a", "b"), start=1):
            self.hosts[name] = Host(name, number)
            self.addCleanup(self.hosts[name].close)
            self.make_key(name)

    def make_key(self, name):
        private = lab.run("wg", "genkey")
        path = self.keys / f"{name}.key"
        path.touch(mode=0o600)
        path.write_text(private)

    def public_key(self, name):
        return lab.run("wg", "pubkey",
                       text=(self.keys / f"{name}.key").read_text()).strip()

    def write_mesh(self, fleet, more):
        """`more` has the lines of each node beyond what all have."""
        text = f'[fleet]\nkey_dir = "{self.keys}"\n{fleet}\n'
        for host in self.hosts.values():
            text += (f'[[node]]\nname = "{host.name}"\n'
                     f'public_key = "{self.public_key(host.name)}"\n'
                     f'addresses = ["{host.inner}"]\n'
                     + more.get(host.name, ""))
        (self.folder / "mesh.toml").write_text(text)

    def endpoint(self, name):
        return f'endpoint = "{self.hosts[name].outer}:51820"\n'

    def write_hub_and_spokes(self, more=""):
        self.write_mesh('topology = "hubs"\nhubs = ["hub"]',
                        {"hub": self.endpoint("hub") + more})

    def meshnode(self, command, *arguments, code=0):
        done = subprocess.run(
            [MESHNODE, command, str(self.folder / "mesh.toml"),
             *map(str, arguments)], capture_output=True, text=True,
            timeout=lab.DEADLINE)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def render(self, *options):
        return self.meshnode("render", "--out", self.out, *options)

    def apply(self, *names):
        for name in names:
            self.hosts[name].run("sh", str(self.out / name / "apply.sh"))

    def dump(self, what="all"):
        """Writes what each host says; returns the folder."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        for host in self.hosts.values():
            (folder / f"{host.name}.dump").write_text(
                host.wg("show", what, "dump"))
        return folder

    def verify(self, *options, code=0, dumps=None):
        return json.loads(self.meshnode(
            "verify", dumps or self.dump(), "--json", "--out", self.out,
            *options, code=code))

    def kinds(self, *options):
        """(kind, node, peer) of every fault."""
        found = self.verify(*options, code=1)
        return {(one["kind"], one["node"], one["peer"])
                for one in found["findings"] if one["level"] == "fault"}

    def wait_ping(self, name, address):
        def answers():
            return "1 received" in self.hosts[name].run(
                "ping", "-n", "-c", "1", "-W", "1", address, check=False)
        lab.wait_until(answers, f"{name} pings {address}")

    def assert_lost(self, at_most, streams):
        for result in results(streams):
            print(f"lost {len(result['lost'])} of {result['sent']}")
            self.assertLessEqual(len(result["lost"]), at_most)

    def bring_up(self):
        self.render()
        self.apply("hub", "a", "b")
        for name in ("a", "b"):
            self.wait_ping(name, self.hosts["hub"].inner)
        self.wait_ping("a", self.hosts["b"].inner)


class HubAndSpokes(FleetTest):
    def setUp(self):
        super().setUp()
        self.write_hub_and_spokes()
        self.bring_up()

    def test_a_healthy_fleet_is_fine(self):
        for what in ("all", "wg0"):
            report = self.verify(dumps=self.dump(what))
            self.assertTrue(report["ok"])
            self.assertEqual(
                [("hub", "a", "up"), ("hub", "b", "up"), ("a", "hub", "up"),
                 ("b", "hub", "up")],
                [(link["node"], link["peer"], link["state"])
                 for link in report["links"]])
        self.assertIn("mtu 1420", self.hosts["a"].run("ip", "link", "show",
                                                      "wg0"))
        self.assertEqual("", self.hosts["a"].wg(
            "show", "wg0", "preshared-keys").replace(
                f"{self.public_key('hub')}\t(none)\n", ""))

    def test_applying_again_interrupts_nothing(self):
        before = self.hosts["a"].wg("show", "wg0", "latest-handshakes")
        stream = Stream(self.hosts["a"], self.hosts["b"].inner)
        self.apply("hub", "a", "b")
        self.assert_lost(LOST_BY_APPLYING, [stream])
        self.assertEqual(before, self.hosts["a"].wg("show", "wg0",
                                                    "latest-handshakes"))
        self.assertIn("nothing changed", self.render())

    def test_a_wrong_private_key_is_refused(self):
        self.make_key("a")
        done = subprocess.run(
            self.hosts["a"].wrap("sh", str(self.out / "a" / "apply.sh")),
            capture_output=True, text=True, timeout=lab.DEADLINE)
        self.assertEqual(1, done.returncode)
        self.assertIn("is not the private key", done.stderr)

    def test_planted_faults_are_found_and_mended(self):
        hub, a = self.hosts["hub"], self.hosts["a"]
        key = {name: self.public_key(name) for name in self.hosts}
        stranger = lab.run("wg", "pubkey", text=lab.run("wg", "genkey")).strip()
        faults = [
            (hub, ["peer", key["b"], "allowed-ips",
                   f"{self.hosts['b'].inner},{a.inner}"],
             ("prefix-of-other", "hub", "a")),
            (hub, ["peer", key["a"], "allowed-ips", ""],
             ("missing-prefix", "hub", "a")),
            (hub, ["peer", key["b"], "remove"], ("missing-peer", "hub", "b")),
            (hub, ["peer", stranger], ("unknown-peer", "hub", None)),
            (hub, ["listen-port", "1000"], ("wrong-port", "hub", None)),
            (a, ["peer", key["hub"], "persistent-keepalive", "0"],
             ("missing-keepalive", "a", "hub")),
            (hub, ["peer", key["a"], "preshared-key",
                   str(self.keys / "b.key")], ("psk-one-sided", "a", "hub")),
        ]
        for host, command, fault in faults:
            with self.subTest(fault=fault):
                host.wg("set", "wg0", *command)
                self.assertIn(fault, self.kinds())
                self.apply(host.name)
                self.wait_ping("a", self.hosts["b"].inner)
                self.assertTrue(self.verify()["ok"])

    def test_down_is_later_than_180_seconds_with_keepalive(self):
        dumps = self.dump()
        handshakes = self.hosts["a"].wg("show", "wg0", "latest-handshakes")
        shaken = int(handshakes.split()[1])
        self.verify("--now", shaken + 125, dumps=dumps)
        found = self.verify("--now", shaken + 300, dumps=dumps, code=1)
        self.assertIn(("down", "a", "hub"),
                      [(one["kind"], one["node"], one["peer"])
                       for one in found["findings"]])

    def test_one_dump_comes_from_stdin(self):
        dump = self.hosts["a"].wg("show", "all", "dump")
        for options in ([], ["--name", "a"]):
            done = subprocess.run(
                [MESHNODE, "verify", str(self.folder / "mesh.toml"), "-",
                 *options], input=dump, capture_output=True, text=True,
                timeout=lab.DEADLINE)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            self.assertIn("links: 1 up", done.stdout)

    def test_what_cannot_be_compared_is_a_third_status(self):
        self.meshnode("verify", self.folder / "none", code=2)
        broken = self.dump()
        (broken / "a.dump").write_text("interface: wg0\n")
        self.assertIn("a.dump:1: error:",
                      self.meshnode("verify", broken, code=2))


class FullMesh(FleetTest):
    def test_keys_and_preshared_keys_go_into_the_files(self):
        self.write_mesh('topology = "full"', {
            name: self.endpoint(name) for name in self.hosts})
        psks = self.folder / "psk"
        psks.mkdir()
        for pair in ("a+b", "a+hub", "b+hub"):
            (psks / f"{pair}.psk").touch(mode=0o600)
            (psks / f"{pair}.psk").write_text(lab.run("wg", "genpsk"))
        self.render("--keys-dir", self.keys, "--psk-dir", psks)
        for path in self.out.rglob("*.*"):
            self.assertEqual(0o600, path.stat().st_mode & 0o777, path)
        self.apply("hub", "a", "b")
        for name, other in (("a", "b"), ("b", "hub"), ("hub", "a")):
            self.wait_ping(name, self.hosts[other].inner)
        report = self.verify("--psk-dir", psks)
        self.assertEqual({"up"}, {link["state"] for link in report["links"]})
        self.assertEqual(6, len(report["links"]))


class Rotation(FleetTest):
    def setUp(self):
        super().setUp()
        self.make_key("hub.next")
        self.write_hub_and_spokes(
            f'next_public_key = "{self.public_key("hub.next")}"\n')
        self.bring_up()

    def rotate(self, *options, code=0):
        return self.meshnode("rotate", "--out", self.out, *options, code=code)

    def wait_fine(self):
        """Until a dump shows no fault; a handshake may still be on its way."""
        def is_fine():
            done = subprocess.run(
                [MESHNODE, "verify", str(self.folder / "mesh.toml"),
                 str(self.dump()), "--out", str(self.out)],
                capture_output=True, text=True, timeout=lab.DEADLINE)
            return done.returncode == 0
        lab.wait_until(is_fine, "the fleet is fine")

    def streams(self):
        """Through the hub, to it, and from it."""
        inner = {name: host.inner for name, host in self.hosts.items()}
        return [Stream(self.hosts["a"], inner["b"]),
                Stream(self.hosts["b"], inner["hub"]),
                Stream(self.hosts["hub"], inner["a"])]

    def test_a_hub_changes_its_key_within_one_handshake(self):
        streams = self.streams()
        self.assertIn("announce", self.rotate())
        self.apply("a", "b")
        self.wait_fine()
        self.assert_lost(LOST_BY_APPLYING, streams)

        self.assertIn("switch", self.rotate("--dumps", self.dump()))
        movers = [subprocess.Popen(self.hosts[name].wrap(
            "sh", str(self.out / name / "move-prefixes.sh")))
                  for name in ("a", "b")]
        streams = self.streams()
        self.assertIn("hub: it uses the old key instead of the next key",
                      self.rotate("--dumps", self.dump(), code=1))
        self.apply("hub")
        for mover in movers:
            self.assertEqual(0, mover.wait(timeout=lab.DEADLINE))
        self.wait_fine()
        for result in results(streams):
            print(f"switch: {len(result['lost'])} of {result['sent']} lost "
                  f"within {result['span']:.2f} s")
            self.assertLess(result["span"], ONE_HANDSHAKE)

        streams = self.streams()
        for step in ("move", "retire"):
            self.assertIn(step, self.rotate("--dumps", self.dump()))
            self.apply("a", "b")
            self.wait_fine()
        self.finish()
        self.assert_lost(3 * LOST_BY_APPLYING, streams)

    def finish(self):
        self.assertIn("last step", self.rotate(code=1))
        (self.keys / "hub.next.key").replace(self.keys / "hub.key")
        self.write_hub_and_spokes()
        self.assertIn("done", self.rotate())
        self.apply("hub", "a", "b")
        self.assertFalse((self.out / "rotation.toml").exists())
        self.assertFalse((self.out / "a" / "move-prefixes.sh").exists())
        self.assertTrue(self.verify()["ok"])

    def test_it_waits_for_every_peer_unless_it_is_forced(self):
        self.rotate()
        self.apply("a")
        text = self.rotate("--dumps", self.dump(), code=1)
        self.assertIn("b: it has no peer with the next key of hub", text)
        self.assertIn("still at step announce", text)
        self.assertIn("give --dumps", self.rotate(code=1))
        text = self.rotate("--dumps", self.dump(), "--force", "b is broken")
        self.assertIn("ignored: b: it has no peer", text)
        self.assertIn("b is broken", (self.out / "rotation.toml").read_text())
        self.assertIn("may use its next key", self.rotate("--abort", code=1))

    def test_aborting_restores_everything(self):
        before = {path: path.read_text() for path in self.out.rglob("*.*")}
        self.rotate()
        self.apply("a", "b")
        self.assertIn("given up", self.rotate("--abort"))
        self.assertEqual(before, {path: path.read_text()
                                  for path in self.out.rglob("*.*")})
        self.apply("a", "b")
        self.wait_ping("a", self.hosts["b"].inner)
        self.assertTrue(self.verify()["ok"])
        self.assertIn("no rotation", self.rotate("--abort", code=1))

    def test_an_interrupted_step_can_be_taken_again(self):
        self.rotate()
        files = {path: path.read_text() for path in self.out.rglob("*.conf")}
        # As if it had ended before the second file: the state comes last.
        (self.out / "rotation.toml").unlink()
        self.render()
        (self.out / "a" / "wg0.conf").write_text(
            files[self.out / "a" / "wg0.conf"])
        self.rotate()
        self.assertEqual(files, {path: path.read_text()
                                 for path in self.out.rglob("*.conf")})


if __name__ == "__main__":
    lab.enter()
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        print("skipped: missing", *missing)
        sys.exit(lab.SKIPPED)
    os.environ["WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD"] = "1"
    MESHNODE = lab.program("meshnode")
    unittest.main(verbosity=2)
