#!/usr/bin/env python3
"""`meshnode wg` against wireguard-go, configured with the `wg` tool.

NATKIT_BIN names the folder of the programs.
"""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import wg_interop_lab as lab

HELPER = str(pathlib.Path(__file__).with_name("wg_interop_helper.py"))
MESHNODE = ""
FOLDER = ""
REKEY_PAIRS = []


def helper(host, *arguments):
    return host.start(sys.executable, HELPER, *map(str, arguments),
                      stdout=subprocess.PIPE, text=True)


class RekeyPair:
    """A tunnel under continuous ping for longer than REKEY_AFTER_TIME (120 s).

    Runs in the background of all other tests; the side that starts the first
    handshake is the one that has to renew it.
    """

    PINGS = 1350  # ten a second

    def __init__(self, initiator_is_ours):
        self.pair = lab.Pair([MESHNODE, "wg", "--log-level", "debug"],
                             FOLDER)
        pair = self.pair
        self.initiator = pair.ours if initiator_is_ours else pair.theirs
        other = pair.introduce(self.initiator)
        self.initiator.wait_ping(other.v4)
        self.first_handshake = int(
            self.initiator.peer_value("latest-handshakes"))
        self.echoes = self.initiator.start_echoes(other.v4, self.PINGS, 0.1,
                                                   lab.DEADLINE)


def setUpModule():
    for initiator_is_ours in (True, False):
        REKEY_PAIRS.append(RekeyPair(initiator_is_ours))


def tearDownModule():
    for background in REKEY_PAIRS:
        background.echoes.kill()
        background.echoes.wait()
        background.echoes.stdout.close()
        background.pair.close()


class PairTest(unittest.TestCase):
    def setUp(self):
        self.pair = lab.Pair([MESHNODE, "wg", "--log-level", "debug"],
                             FOLDER)
        self.addCleanup(self.pair.close)
        self.ours = self.pair.ours
        self.theirs = self.pair.theirs

    def tearDown(self):
        self.assertIsNone(self.ours.process.poll(), "meshnode has ended")


class Handshake(PairTest):
    def test_started_by_us(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        self.assert_up()

    def test_started_by_the_peer(self):
        self.pair.introduce(self.theirs)
        self.theirs.wait_ping(self.ours.v4)
        self.assert_up()

    def test_over_ipv6(self):
        self.pair.introduce(self.ours, 6)
        self.ours.wait_ping(self.theirs.v6)
        self.assertTrue(self.theirs.ping(self.ours.v6, 10))
        self.assertIn("2001:db8::1", self.theirs.peer_value("endpoints"))

    def assert_up(self):
        for tunnel in (self.ours, self.theirs):
            self.assertGreater(int(tunnel.peer_value("latest-handshakes")), 0)
        self.assertTrue(self.ours.ping(self.theirs.v4, 10))
        self.assertTrue(self.ours.ping(self.theirs.v6, 10))
        self.assertTrue(self.theirs.ping(self.ours.v4, 10))
        self.assertTrue(self.theirs.ping(self.ours.v6, 10))


class Data(PairTest):
    def test_tcp_bulk_both_ways(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        for client, server in ((self.ours, self.theirs),
                               (self.theirs, self.ours)):
            for address in (server.v4, server.v6):
                with self.subTest(client=client.command[0], to=address):
                    self.exchange(client, server, address)

    def exchange(self, client, server, address):
        listening = helper(server.host, "serve", address, 7000)
        self.assertEqual(listening.stdout.readline(), "ready\n")
        sending = helper(client.host, "exchange", address, 7000)
        sent, _ = sending.communicate(timeout=4 * lab.DEADLINE)
        received, _ = listening.communicate(timeout=lab.DEADLINE)
        self.assertEqual(sending.returncode, 0)
        self.assertEqual(sent, received)
        self.assertEqual(len(sent.strip()), 64)

    def test_largest_packets(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        self.assertTrue(self.ours.ping(self.theirs.v4, 3,
                                       more=[1392]))  # 1420 bytes
        self.assertFalse(self.ours.ping(self.theirs.v4, 1, patience=1,
                                        more=[1393]))


class Keys(PairTest):
    def give_psk(self, tunnel, peer, psk):
        tunnel.set_peer(peer, "preshared-key", "/dev/stdin", text=psk)

    def test_right_preshared_key(self):
        psk = lab.run("wg", "genpsk")
        self.pair.introduce(self.ours)
        self.give_psk(self.ours, self.theirs, psk)
        self.give_psk(self.theirs, self.ours, psk)
        self.ours.wait_ping(self.theirs.v4)

    def test_wrong_preshared_key_then_corrected(self):
        psk = lab.run("wg", "genpsk")
        self.pair.introduce(self.ours)
        self.give_psk(self.ours, self.theirs, psk)
        self.give_psk(self.theirs, self.ours, lab.run("wg", "genpsk"))
        self.assertFalse(self.ours.ping(self.theirs.v4, 3, patience=1))
        lab.wait_until(lambda: self.theirs.transfer()[0] >= 148,
                       "an initiation arrived")
        self.assertEqual(self.ours.peer_value("latest-handshakes"), "0")
        self.give_psk(self.theirs, self.ours, psk)
        self.ours.wait_ping(self.theirs.v4)

    def test_new_private_key_needs_a_new_handshake(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        old = self.ours.public_key
        self.ours.private_key = lab.run("wg", "genkey").strip()
        self.ours.public_key = lab.run(
            "wg", "pubkey", text=self.ours.private_key).strip()
        self.ours.wg("set", self.ours.name, "private-key", "/dev/stdin",
                     text=self.ours.private_key)
        self.theirs.wg("set", self.theirs.name, "peer", old, "remove")
        self.theirs.allow(self.ours)
        self.ours.wait_ping(self.theirs.v4)

    def test_either_side_restarts(self):
        self.pair.introduce(self.ours)
        self.theirs.allow(self.ours, "endpoint", self.ours.underlay())
        self.ours.wait_ping(self.theirs.v4)
        for restarted, other in ((self.ours, self.theirs),
                                 (self.theirs, self.ours)):
            restarted.stop()
            restarted.start()
            restarted.allow(other, "endpoint", other.underlay())
            restarted.wait_ping(other.v4)
            other.wait_ping(restarted.v4)


class Paths(PairTest):
    def move(self, host, old, new):
        # Without this, deleting the first address deletes its siblings, too.
        host.run("sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1")
        host.run("ip", "address", "add", f"{new}/24", "dev", "eth0")
        host.run("ip", "address", "delete", f"{old}/24", "dev", "eth0")

    def test_we_roam(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        self.move(self.pair.a, "192.0.2.1", "192.0.2.101")
        self.ours.wait_ping(self.theirs.v4)
        self.assertIn("192.0.2.101:", self.theirs.peer_value("endpoints"))
        self.assertTrue(self.theirs.ping(self.ours.v4, 10))

    def test_the_peer_roams(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        self.move(self.pair.b, "192.0.2.2", "192.0.2.102")
        self.theirs.wait_ping(self.ours.v4)
        self.assertIn("192.0.2.102:", self.ours.peer_value("endpoints"))
        self.assertTrue(self.ours.ping(self.theirs.v4, 10))

    def test_the_peer_changes_its_port_under_traffic(self):
        self.pair.introduce(self.theirs)
        self.theirs.wait_ping(self.ours.v4)
        self.theirs.wg("set", self.theirs.name, "listen-port", "7654")
        self.theirs.wait_ping(self.ours.v4)
        self.assertIn(":7654", self.ours.peer_value("endpoints"))

    def test_we_change_our_port_under_traffic(self):
        self.pair.introduce(self.ours)
        self.ours.wait_ping(self.theirs.v4)
        self.ours.wg("set", self.ours.name, "listen-port", "7655")
        self.ours.wait_ping(self.theirs.v4)
        self.assertIn(":7655", self.theirs.peer_value("endpoints"))

    def test_persistent_keepalive_needs_no_traffic(self):
        self.pair.introduce(self.ours)
        self.ours.set_peer(self.theirs, "persistent-keepalive", "1")
        lab.wait_until(
            lambda: self.ours.peer_value("latest-handshakes") != "0",
            "a handshake by the keepalive alone")
        before = self.theirs.transfer()[0]
        lab.wait_until(lambda: self.theirs.transfer()[0] >= before + 3 * 32,
                       "three keepalives")


class Disturbance(PairTest):
    def test_garbage_and_replays_change_nothing(self):
        self.pair.introduce(self.theirs)
        self.theirs.wait_ping(self.ours.v4)
        self.pair.b.run(sys.executable, HELPER, "garbage", "192.0.2.1",
                        str(self.ours.port), "5000")
        self.theirs.wait_ping(self.ours.v4)  # the garbage was read by then
        replay = helper(self.pair.b, "replay", "eth0", self.ours.port, 50)
        self.assertEqual(replay.stdout.readline(), "ready\n")
        self.assertTrue(self.theirs.ping(self.ours.v4, 80))
        self.assertEqual(replay.communicate(timeout=lab.DEADLINE)[0], "done\n")
        self.assertTrue(self.ours.ping(self.theirs.v4, 10))

    def test_captured_traffic_dissects_as_wireguard(self):
        capture = f"{FOLDER}/{self.ours.name}.pcapng"
        shark = self.pair.a.start(
            "tshark", "-i", "eth0", "-f", "udp", "-w", capture,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(shark.wait)
        self.addCleanup(shark.kill)
        lab.wait_until(lambda: self.captures(capture), "tshark captures")
        self.pair.introduce(self.ours, 4)
        self.ours.wait_ping(self.theirs.v4)
        self.assertTrue(self.ours.ping(self.theirs.v4, 20))
        lab.wait_until(lambda: self.types(capture)[4] >= 40, "40 data messages")
        shark.send_signal(signal.SIGINT)
        shark.wait(timeout=lab.DEADLINE)
        types = self.types(capture)
        self.assertGreaterEqual(types[1], 1)
        self.assertGreaterEqual(types[2], 1)
        self.assertEqual(self.fields(
            capture, "_ws.malformed && udp.dstport != 9", "frame.number"), [])
        self.assertEqual(self.fields(
            capture, "udp && !wg && udp.dstport != 9", "frame.number"), [])

    def captures(self, capture):
        """Announcing to capture comes before capturing: sends a probe."""
        self.pair.a.run(sys.executable, HELPER, "garbage", "192.0.2.2", "9",
                        "1")
        return self.fields(capture, "udp.dstport == 9", "frame.number")

    def fields(self, capture, display_filter, field):
        return lab.run("tshark", "-r", capture, "-Y", display_filter, "-T",
                       "fields", "-e", field, check=False).split()

    def types(self, capture):
        found = self.fields(capture, "wg", "wg.type")
        return {kind: found.count(str(kind)) for kind in (1, 2, 3, 4)}


class Configuration(PairTest):
    def test_setconf_showconf_and_syncconf(self):
        psk = lab.run("wg", "genpsk").strip()
        conf = (f"[Interface]\nListenPort = 7000\n"
                f"PrivateKey = {self.ours.private_key}\n\n[Peer]\n"
                f"PublicKey = {self.theirs.public_key}\n"
                f"PresharedKey = {psk}\n"
                "AllowedIPs = 10.77.0.2/32, fd77::2/128\n"
                "Endpoint = 192.0.2.2:7001\nPersistentKeepalive = 25\n")
        name = self.ours.name
        self.ours.wg("setconf", name, "/dev/stdin", text=conf)
        self.assertEqual(self.ours.wg("showconf", name), conf)
        fewer = conf.replace(", fd77::2/128", "")
        self.ours.wg("syncconf", name, "/dev/stdin", text=fewer)
        self.assertEqual(self.ours.wg("showconf", name), fewer)
        self.ours.wg("setconf", name, "/dev/stdin",
                     text=f"[Interface]\nPrivateKey = {self.ours.private_key}")
        self.assertEqual(self.ours.show("peers"), "")

    def test_a_port_in_use_is_refused_and_changes_nothing(self):
        code = ("import socket,sys;s=socket.socket(socket.AF_INET,"
                "socket.SOCK_DGRAM);s.bind(('',7100));print('ready',"
                "flush=True);sys.stdin.read()")
        taken = self.pair.a.start(sys.executable, "-c", code,
                                  stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(taken.communicate)
        self.assertEqual(taken.stdout.readline(), "ready\n")
        with self.assertRaisesRegex(RuntimeError, "in use"):
            self.ours.wg("set", self.ours.name, "listen-port", "7100")
        self.assertEqual(self.ours.show("listen-port"), str(self.ours.port))


class LifeCycle(unittest.TestCase):
    def setUp(self):
        self.host = lab.Namespace(f"life-{os.urandom(4).hex()}")
        self.addCleanup(lab.run, "ip", "netns", "delete", self.host.name)

    def begin(self):
        tunnel = lab.Tunnel(self.host, 1, [MESHNODE, "wg"],
                            f"{FOLDER}/{self.host.name}.log")
        tunnel.start()
        self.addCleanup(tunnel.stop)
        return tunnel

    def assert_clean(self, tunnel):
        self.assertFalse(
            os.path.exists(f"/var/run/wireguard/{tunnel.name}.sock"))
        self.assertNotIn(tunnel.name, self.host.run("ip", "link"))

    def test_signals_end_it_cleanly(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            tunnel = self.begin()
            self.assertEqual(tunnel.stop(number), 0)
            self.assert_clean(tunnel)

    def test_deleting_the_interface_ends_it(self):
        tunnel = self.begin()
        self.host.run("ip", "link", "delete", tunnel.name)
        self.assertEqual(tunnel.process.wait(timeout=lab.DEADLINE), 0)
        self.assert_clean(tunnel)

    def test_a_killed_one_leaves_nothing_that_stops_the_next(self):
        tunnel = self.begin()
        tunnel.stop(signal.SIGKILL)
        self.assertTrue(
            os.path.exists(f"/var/run/wireguard/{tunnel.name}.sock"))
        tunnel.start()

    def test_says_why_it_cannot_start(self):
        tunnel = self.begin()
        cases = [
            (tunnel.name, 1, "exists already"),
            ("lo", 1, "exists already"),
            ("not/a/name", 2, "is no name of a network interface"),
            ("averyveryverylongname", 2, "is no name of a network interface"),
            ("wg%d", 2, "is no name of a network interface"),
        ]
        for name, code, text in cases:
            done = subprocess.run(self.host.wrap(MESHNODE, "wg", name),
                                  capture_output=True, text=True,
                                  timeout=lab.DEADLINE)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(text, done.stderr)

    def test_without_privileges_it_says_what_it_takes(self):
        done = subprocess.run(
            self.host.wrap("setpriv", "--bounding-set", "-net_admin",
                           "--inh-caps", "-net_admin", MESHNODE, "wg", "wgx"),
            capture_output=True, text=True, timeout=lab.DEADLINE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("CAP_NET_ADMIN", done.stderr)


class ZRekey(unittest.TestCase):
    """Last by name: waits for what setUpModule started."""

    def test_ping_loses_nothing_across_the_renewal_at_120_seconds(self):
        for background in REKEY_PAIRS:
            with self.subTest(initiator=background.initiator.command[0]):
                out, _ = background.echoes.communicate()
                self.assertEqual(json.loads(out)["sent"], RekeyPair.PINGS)
                self.assertTrue(lab.is_perfect(out), out)
                renewed = int(
                    background.initiator.peer_value("latest-handshakes"))
                self.assertGreaterEqual(renewed - background.first_handshake,
                                        119)


if __name__ == "__main__":
    lab.enter()
    MESHNODE = lab.program("meshnode")
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = folder
        program = unittest.main(exit=False, verbosity=2)
        if not program.result.wasSuccessful() and os.environ.get("NATKIT_LOGS"):
            for log in sorted(pathlib.Path(folder).glob("*.log")):
                print(f"--- {log.name}\n{log.read_text()}")
    sys.exit(not program.result.wasSuccessful())
