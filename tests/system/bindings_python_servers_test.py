#!/usr/bin/env python3
"""The Python binding and derpd. Hubs that know each other's key need nothing else
to carry their descriptions."""
import os
import pathlib
import re
import select
import subprocess
import sys
import time
import unittest

BIN = pathlib.Path(os.environ.get("NATKIT_BIN", "build/bin")).resolve()
ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ["NATKIT_LIBRARY"] = str(BIN.parent / "lib/libnatkit.so")
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "bindings/python/src"))
import natkit  # noqa: E402

DEADLINE = 120  # seconds; only failures take so long


class RelayTest(unittest.TestCase):
    def start_relay(self, *options):
        """Starts derpd; the relay, as hubs are told of it."""
        server = subprocess.Popen(
            [BIN / "derpd", "--dev", "--listen", "127.0.0.1:0", "--stun-listen",
             "127.0.0.1:0", *options], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        self.addCleanup(server.communicate)
        self.addCleanup(server.terminate)
        port = pin = None
        while not port or not (pin or "--plain" in options):
            line = server.stderr.readline()
            self.assertTrue(line, "derpd has ended")
            listening = re.search(r"DERP .*on TCP 127\.0\.0\.1:(\d+)", line)
            port = int(listening.group(1)) if listening else port
            pinned = re.search(r"sha256-raw:[0-9a-f]{64}", line)
            pin = pinned.group() if pinned else pin
        return natkit.Relay("127.0.0.1", ["127.0.0.1"], port, name="here",
                            is_plain="--plain" in options,
                            certificate_name=pin)

    def pair(self, relay, hub=None, **options):
        """Two hubs at the relay with an agent each, by their keys alone."""
        hubs = [natkit.Hub(loopback=True, **(hub or {})) for _ in range(2)]
        self.events = []
        self.received = []
        for hub in hubs:
            self.addCleanup(hub.close)
            hub.add_relay(relay)
        return [natkit.Agent(hub, peer_key=other.public_key, **options)
                for hub, other in (hubs, reversed(hubs))]

    def run_until(self, condition, agents):
        end = time.monotonic() + DEADLINE
        hubs = [agent.hub for agent in agents]
        while not condition():
            self.assertLess(time.monotonic(), end, self.events)
            waits = [wait for hub in hubs
                     if (wait := hub.timeout()) is not None]
            select.select(hubs, [], [], min([1, *waits]))
            for hub in hubs:
                hub.process()
                self.events += hub.events()
                self.received += hub.datagrams()

    def check(self, agents):
        """They meet at the relay, and find the direct path from there."""
        self.run_until(lambda: all(agent.path.kind is natkit.PathKind.DIRECT
                                   for agent in agents), agents)
        ups = [event for event in self.events
               if isinstance(event, natkit.RelayEvent)]
        self.assertEqual([(event.relay, event.is_up, event.text)
                          for event in ups], [(0, True, "")] * 2)
        first, second = agents
        first.send(b"hello")
        self.run_until(lambda: self.received, agents)
        self.assertEqual(self.received, [(second, b"hello")])

    def test_over_tls_with_a_pinned_certificate(self):
        self.check(self.pair(self.start_relay()))

    def test_without_tls(self):
        self.check(self.pair(self.start_relay("--plain")))

    def test_relays_may_carry_no_data(self):
        agents = self.pair(self.start_relay(), relayed_data=False)
        self.check(agents)
        self.assertFalse([event for event in self.events
                          if isinstance(event, natkit.PathEvent)
                          and event.path.kind is natkit.PathKind.RELAY])
        self.assertEqual([agent.hub.counters.sent_relayed for agent in agents],
                         [0, 0])

    def test_batches_go_over_relays(self):
        agents = self.pair(self.start_relay("--plain"),
                           hub={"ignored_interfaces": ["*"]})
        self.run_until(lambda: all(agent.path.kind is natkit.PathKind.RELAY
                                   for agent in agents), agents)
        first, second = agents
        sent = [b"%d" % i for i in range(1000)]
        for start in range(0, len(sent), 20):  # a relay keeps no more than 32
            self.assertEqual(first.send_batch(sent[start:start + 20]), 20)
            self.run_until(lambda: len(self.received) >= start + 20, agents)
        self.assertEqual(self.received, [(second, data) for data in sent])
        self.assertEqual(first.send_batch(sent), len(sent))
        self.assertEqual(first.counters.sent_relayed, 2 * len(sent))
        self.assertEqual(first.hub.counters.dropped_sent, 0)

    def test_another_certificate_is_refused(self):
        relay = self.start_relay()
        agents = self.pair(natkit.Relay(
            relay.host, relay.addresses, relay.port,
            certificate_name="sha256-raw:" + "ab" * 32))
        self.run_until(lambda: sum(isinstance(event, natkit.RelayEvent)
                                   for event in self.events) >= 2, agents)
        for event in self.events:
            if isinstance(event, natkit.RelayEvent):
                self.assertFalse(event.is_up)
                self.assertIn("certificate", event.text)
        self.run_until(lambda: all(
            agent.explain().reason is natkit.PathReason.NO_RELAY
            for agent in agents), agents)


if __name__ == "__main__":
    unittest.main(verbosity=2)
