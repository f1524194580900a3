"""Hubs and agents over this host's loopback addresses, and misuse."""
import ctypes
import gc
import os
import select
import socket
import threading
import time
import unittest
import warnings
from unittest import mock

import natkit
from natkit import Agent, Code, Hub, NatkitError

LIMIT = 60  # seconds; only failures take so long


class HubCase(unittest.TestCase):
    def hub(self, **options):
        hub = Hub(loopback=True, ipv6=False, **options)
        self.addCleanup(hub.close)
        return hub

    def assert_refused(self, code, call, *arguments, **options):
        with self.assertRaises(NatkitError) as caught:
            call(*arguments, **options)
        self.assertEqual(caught.exception.code, code)

    def run_until(self, condition, *hubs):
        """Drives hubs; what they told and received is kept."""
        end = time.monotonic() + LIMIT
        while not condition():
            self.assertLess(time.monotonic(), end)
            waits = [wait for hub in hubs
                     if (wait := hub.timeout()) is not None]
            select.select(hubs, [], [], min([1.0, *waits]))
            for hub in hubs:
                hub.process()
                self.events += hub.events()
                self.received += hub.datagrams()

    def setUp(self):
        self.events = []
        self.received = []


class ConnectionTest(HubCase):
    def connect(self, **options):
        a, b = (Agent(self.hub(**options)) for _ in range(2))
        a.set_remote_description(b.local_description)
        b.set_remote_description(a.local_description)
        connected = natkit.AgentState.CONNECTED
        self.run_until(lambda: a.state == b.state == connected, a.hub, b.hub)
        return a, b

    def test_two_agents_connect_and_talk(self):
        a, b = self.connect()
        self.assertEqual(a.path.kind, natkit.PathKind.DIRECT)
        self.assertIn(a.path.remote, b.hub.local_addresses)
        self.assertIn(a.path.local, a.hub.local_addresses)
        self.assertIsNone(a.path.relay)
        for sender, receiver, data in ((a, b, b"h\0llo"), (b, a, b""),
                                       (a, b, bytearray(9000)),
                                       (b, a, memoryview(b"view"))):
            self.received.clear()
            sender.send(data)
            self.run_until(lambda: self.received, a.hub, b.hub)
            self.assertEqual(self.received, [(receiver, bytes(data))])
        counters = b.hub.counters
        self.assertEqual((counters.received, counters.sent_direct,
                          counters.sent_relayed), (2, 2, 0))
        self.assertEqual(b.counters, natkit.AgentCounters(
            sent_direct=2, sent_relayed=0, sent_bytes=4, received=2,
            received_bytes=9005, dropped_received=0))

    def test_batches_arrive_whole(self):
        a, b = self.connect()
        sent = [bytes([i]) * (i * 7 % 1400) for i in range(200)]
        self.assertEqual(a.send_batch(sent), 200)
        self.assertEqual(a.send_batch([]), 0)
        end = time.monotonic() + LIMIT
        while b.counters.received < 200:
            self.assertLess(time.monotonic(), end)
            b.hub.process()
        got = []
        while batch := b.hub.receive_batch():
            self.assertLessEqual(len(batch), 64)
            got += batch
        self.assertEqual(got, [(b, data) for data in sent])

    def test_a_batch_ends_at_what_is_refused(self):
        a, _ = self.connect()
        stun = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)
        self.assertEqual(a.send_batch([b"one", stun, b"two"]), 1)
        self.assert_refused(Code.BAD_VALUE, a.send_batch, [stun, b"two"])
        self.assert_refused(Code.BAD_ARGUMENT, a.send_batch,
                            [b"one", bytes(65536)])
        self.assertEqual(a.counters.sent_direct, 1)

    def test_one_agents_part_of_the_buffer_may_be_limited(self):
        a, b = self.connect(agent_receive_buffer=65536)
        for _ in range(100):
            a.send(bytes(1000))
        end = time.monotonic() + LIMIT
        while b.counters.received < 100:
            self.assertLess(time.monotonic(), end)
            b.hub.process()
        self.assertEqual(b.counters.dropped_received, 36)
        self.assertEqual(len(list(b.hub.datagrams())), 64)

    def test_stun_messages_are_no_data(self):
        a, _ = self.connect()
        message = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)
        self.assert_refused(Code.BAD_VALUE, a.send, message)

    def test_too_long_datagrams_are_refused(self):
        a, _ = self.connect()
        self.assert_refused(Code.FRAME_TOO_LARGE, a.send, bytes(65508))

    def test_events_tell_of_it(self):
        a, b = self.connect()
        self.run_until(lambda: any(isinstance(event, natkit.RttEvent)
                                   for event in self.events), a.hub, b.hub)
        mine = [event for event in self.events if event.agent is a]
        states = [event.state for event in mine
                  if isinstance(event, natkit.StateEvent)]
        self.assertEqual(states[-1], natkit.AgentState.CONNECTED)
        paths = [event.path for event in mine
                 if isinstance(event, natkit.PathEvent)]
        self.assertIn(paths[-1].remote, b.hub.local_addresses)
        rtts = [event.rtt_ns for event in self.events
                if isinstance(event, natkit.RttEvent)]
        self.assertGreater(rtts[0], 0)

    def test_a_path_is_explained(self):
        a, _ = self.connect()
        diagnosis = a.explain()
        self.assertEqual(diagnosis.reason, natkit.PathReason.DIRECT)
        self.assertTrue(diagnosis.summary)
        lonely = Agent(self.hub()).explain()
        self.assertEqual(lonely.reason, natkit.PathReason.PEER_SILENT)
        self.assertEqual([fix.code for fix in lonely.fixes], ["start-peer"])
        self.assertEqual(lonely.fixes[0].side, natkit.FixSide.THEIRS)

    def test_a_restart_makes_another_description(self):
        a, b = self.connect()
        before = a.local_description
        self.events.clear()
        a.restart()
        self.run_until(lambda: any(
            isinstance(event, natkit.DescriptionEvent) and event.agent is a
            for event in self.events), a.hub, b.hub)
        self.assertNotEqual(a.local_description, before)

    def test_events_of_closed_agents_are_nobodys(self):
        a, b = self.connect()
        b.send(b"late")
        a.close()
        deadline = time.monotonic() + LIMIT
        while a.hub.counters.dropped_unknown == 0:
            self.assertLess(time.monotonic(), deadline)
            select.select([a.hub], [], [], 1)
            a.hub.process()
            self.assertIsNone(a.hub.receive())
        self.assertIsNone(a.hub.poll_event())
        self.assertEqual(a.hub.agents, [])


class HubTest(HubCase):
    def test_sockets_may_be_the_callers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
            mine.bind(("127.0.0.1", 0))
            where = mine.getsockname()
            hub = self.hub(sockets=[mine])
        self.assertEqual([address.as_tuple()
                          for address in hub.local_addresses], [where])

    def test_a_socket_may_be_shared_with_another_protocol(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            mine.bind(("127.0.0.1", 0))
            stranger.bind(("127.0.0.1", 0))
            hub = self.hub(sockets=[mine], unclaimed_buffer=1 << 20)
            for data in (b"something else", b""):
                stranger.sendto(data, mine.getsockname())
            end = time.monotonic() + LIMIT
            while hub.counters.unclaimed < 2:
                self.assertLess(time.monotonic(), end)
                hub.process()
            taken = hub.unclaimed()
            self.assertEqual([datagram.data for datagram in taken],
                             [b"something else", b""])
            self.assertEqual(taken[0].remote.as_tuple(), stranger.getsockname())
            self.assertEqual(taken[0].local.as_tuple(), mine.getsockname())
            self.assertEqual(hub.unclaimed(), [])
            mine.sendto(b"answer", stranger.getsockname())
            stranger.settimeout(LIMIT)
            self.assertEqual(stranger.recv(100), b"answer")
            self.assertEqual((hub.counters.dropped_unknown,
                              hub.counters.dropped_unclaimed), (0, 0))

    def test_other_descriptors_are_refused(self):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream:
            self.assert_refused(Code.UNSUPPORTED, Hub, sockets=[stream])
            self.assert_refused(Code.BAD_ARGUMENT, Hub, sockets=[stream] * 3)
        self.assert_refused(Code.UNSUPPORTED, Hub, sockets=[-1])

    def test_a_port_in_use_is_said(self):
        port = self.hub().local_addresses[0].port
        self.assert_refused(Code.ADDRESS_IN_USE, self.hub, port=port)

    def test_interfaces_may_be_ignored(self):
        for names in (["nothing0", "lo"], ["l*"]):
            hub = self.hub(ignored_interfaces=names)
            self.assertEqual([address for address in hub.local_addresses
                              if address.ip.is_loopback], [])
        self.assert_refused(Code.BAD_ARGUMENT, self.hub,
                            ignored_interfaces=["a-name-of-17-byte"])

    def test_a_key_may_be_the_callers(self):
        private = natkit.generate_key()
        hub = self.hub(private_key=private)
        self.assertEqual(hub.public_key, natkit.public_key(private))
        self.assertNotEqual(self.hub().public_key, self.hub().public_key)

    def test_values_that_do_not_fit_are_refused(self):
        for options in ({"port": 65536}, {"port": -1}, {"fwmark": -1},
                        {"ignored_interfaces": ["\0"]}, {"private_key": b"x"},
                        {"receive_buffer": -1}, {"roots_pem": "\0"},
                        {"power": 1 << 32}):
            with self.subTest(options), self.assertRaises(ValueError):
                self.hub(**options)
        self.assert_refused(Code.BAD_ARGUMENT, self.hub, power=7)
        self.assert_refused(Code.BAD_CERTIFICATE, self.hub, roots_pem="none")

    def test_stun_servers_are_checked(self):
        hub = self.hub()
        hub.set_stun_servers(["192.0.2.1:3478", ("192.0.2.2", 3478)])
        hub.set_stun_servers([])
        self.assert_refused(Code.BAD_ARGUMENT, hub.set_stun_servers,
                            ["192.0.2.1:3478"] * 17)

    def test_relays_have_numbers(self):
        hub = self.hub()
        here = ["192.0.2.1"]
        pin = "sha256-raw:" + "ab" * 32
        self.assertEqual(hub.add_relay(natkit.Relay("a.test", here, name="a",
                                                    certificate_name=pin)), 0)
        self.assertEqual(hub.add_relay(natkit.Relay("b.test", here, 80,
                                                    is_plain=True)), 1)
        self.assert_refused(Code.ALREADY_EXISTS, hub.add_relay,
                            natkit.Relay("c.test", here, 80, name="a",
                                         is_plain=True))
        self.assert_refused(Code.BAD_ENCODING, hub.add_relay,
                            natkit.Relay("d.test", here,
                                         certificate_name="sha256-raw:zz"))
        self.assert_refused(Code.BAD_ARGUMENT, hub.add_relay,
                            natkit.Relay("e.test", [], is_plain=True))
        Agent(hub)
        self.assert_refused(Code.INVALID_STATE, hub.add_relay,
                            natkit.Relay("f.test", here, is_plain=True))

    def test_a_relay_that_is_down_is_told_and_logged(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            lines = []
            hub = self.hub(log=lambda *line: lines.append(line))
            number = hub.add_relay(natkit.Relay(
                "127.0.0.1", ["127.0.0.1"], port, is_plain=True))
            Agent(hub)
            self.run_until(lambda: any(isinstance(event, natkit.RelayEvent)
                                       for event in self.events), hub)
        event = next(event for event in self.events
                     if isinstance(event, natkit.RelayEvent))
        self.assertEqual((event.relay, event.is_up), (number, False))
        self.assertTrue(event.text)
        self.assertTrue(lines)
        self.assertIsInstance(lines[0][0], natkit.LogLevel)
        self.assertTrue(lines[0][1])


class AgentTest(HubCase):
    def test_peers_are_checked(self):
        hub = self.hub()
        self.assert_refused(Code.BAD_VALUE, Agent, hub,
                            peer_key=hub.public_key)
        peer = natkit.public_key(natkit.generate_key())
        Agent(hub, peer_key=peer, role=natkit.Role.CONTROLLED,
              relayed_data=False)
        self.assert_refused(Code.ALREADY_EXISTS, Agent, hub, peer_key=peer)
        with self.assertRaises(ValueError):
            Agent(hub, peer_key=peer[1:])
        self.assertEqual(len(hub.agents), 1)

    def test_descriptions_are_checked(self):
        agent = Agent(self.hub())
        self.assertIn("a=ice-ufrag:", agent.local_description)
        for text, code in (("", Code.BAD_SIGNAL), ("hello", Code.BAD_SIGNAL),
                           ("a=x\r\n" * 9999, Code.BAD_LENGTH),
                           (agent.local_description, Code.BAD_VALUE)):
            self.assert_refused(code, agent.set_remote_description, text)
        with self.assertRaises(ValueError):
            agent.set_remote_description(agent.local_description + "\0")

    def test_nothing_is_sent_without_a_path(self):
        agent = Agent(self.hub())
        self.assertEqual(agent.state, natkit.AgentState.NEW)
        self.assertEqual(agent.path.kind, natkit.PathKind.NONE)
        self.assertIsNone(agent.path.remote)
        self.assert_refused(Code.INVALID_STATE, agent.send, b"early")
        for data in (5, "text", None):
            with self.assertRaises(TypeError):
                agent.send(data)


class LifeTest(HubCase):
    def test_what_is_closed_is_refused(self):
        hub = self.hub()
        agent = Agent(hub)
        hub.close()
        hub.close()
        self.assertTrue(hub.closed and agent.closed)
        for call in (hub.process, hub.timeout, hub.fileno, hub.poll_event,
                     hub.receive, hub.network_changed, agent.restart,
                     agent.explain):
            self.assert_refused(Code.BAD_HANDLE, call)
        for read in (lambda: hub.public_key, lambda: hub.counters,
                     lambda: hub.local_addresses, lambda: agent.path,
                     lambda: agent.state, lambda: agent.local_description):
            self.assert_refused(Code.BAD_HANDLE, read)
        self.assert_refused(Code.BAD_HANDLE, agent.send, b"late")
        self.assert_refused(Code.BAD_HANDLE, Agent, hub)

    def test_with_closes(self):
        with Hub(loopback=True) as hub:
            with Agent(hub) as agent:
                self.assertEqual(hub.agents, [agent])
            self.assertEqual(hub.agents, [])
            self.assertFalse(hub.closed)
        self.assertTrue(hub.closed)

    def test_what_is_forgotten_is_closed_and_told(self):
        def descriptors():
            return len(os.listdir("/proc/self/fd"))

        gc.collect()
        before = descriptors()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            Agent(Hub(loopback=True))
            gc.collect()
        self.assertEqual(descriptors(), before)
        self.assertIn("Hub was not closed",
                      [str(warning.message) for warning in told])

    def test_a_hub_keeps_its_agents(self):
        hub = self.hub()
        Agent(hub)
        gc.collect()
        self.assertFalse(hub.agents[0].closed)

    def test_a_child_does_not_close_what_is_its_parents(self):
        a, b = (Agent(self.hub()) for _ in range(2))
        for agent in (a, b):  # its descriptors are waited on from here
            agent.hub.process()
        child = os.fork()
        if child == 0:
            a.hub.close()
            os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        a.set_remote_description(b.local_description)
        b.set_remote_description(a.local_description)
        connected = natkit.AgentState.CONNECTED
        self.run_until(lambda: a.state == b.state == connected, a.hub, b.hub)

    def test_callbacks_do_not_reach_their_hub(self):
        codes = []

        def source(size):
            if hubs:
                try:
                    hubs[0].process()
                except NatkitError as error:
                    codes.append(error.code)
            return os.urandom(size)

        hubs = []
        hub = self.hub(random=source)
        hubs.append(hub)
        Agent(hub)
        hubs.clear()
        self.assertTrue(codes)
        self.assertEqual(set(codes), {Code.BUSY})

    def test_callbacks_may_close_it(self):
        def source(size):
            for hub in hubs:
                hub.close()
            return os.urandom(size)

        hubs = []
        hub = self.hub(random=source)
        agent = Agent(hub)
        hubs.append(hub)
        agent.restart()
        self.assertTrue(hub.closed and agent.closed)
        self.assert_refused(Code.BAD_HANDLE, hub.process)

    def test_the_buffer_is_one_calls_until_it_is_copied(self):
        hub = self.hub(unclaimed_buffer=65536)
        refused = []

        def meanwhile(*_):
            # As of another thread, to which Python may turn here.
            for call in (hub.receive, hub.receive_batch, hub.unclaimed):
                with self.assertRaises(NatkitError) as caught:
                    call()
                refused.append(caught.exception.code)
            return b"copied"

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"x", hub.local_addresses[0].as_tuple())
        with mock.patch.object(ctypes, "string_at", meanwhile):
            end = time.monotonic() + LIMIT
            while not (taken := hub.unclaimed()):
                self.assertLess(time.monotonic(), end)
                select.select([hub], [], [], 1)
                hub.process()
        self.assertEqual(taken[0].data, b"copied")
        self.assertEqual(refused, [Code.BUSY] * 3)
        self.assertIsNone(hub.receive())

    def test_a_second_thread_is_refused_meanwhile(self):
        inside, leave = threading.Event(), threading.Event()
        others = []

        def source(size):
            if others:
                inside.set()
                leave.wait(LIMIT)
            return os.urandom(size)

        hub = self.hub(random=source)
        others.append(True)
        worker = threading.Thread(target=Agent, args=(hub,))
        worker.start()
        self.assertTrue(inside.wait(LIMIT))
        self.assert_refused(Code.BUSY, hub.process)
        leave.set()
        worker.join()
        self.assertEqual(len(hub.agents), 1)
        hub.process()


if __name__ == "__main__":
    unittest.main()
