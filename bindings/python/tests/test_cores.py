"""The STUN client and the WireGuard tunnel, in a time of the test's own."""
import ipaddress
import os
import socket
import struct
import threading
import unittest

import natkit
from natkit import Code, NatkitError, StunClient, StunOutcome, Tunnel

SERVER = natkit.Address.parse("192.0.2.1:3478")
SECOND = 10**9
COOKIE = 0x2112A442


def stun_response(request, address):
    """The success response to a request: XOR-MAPPED-ADDRESS alone (RFC 8489
    section 14.2)."""
    ip, port = address
    value = struct.pack(">BBHI", 0, 1, port ^ COOKIE >> 16,
                        int(ipaddress.IPv4Address(ip)) ^ COOKIE)
    return (struct.pack(">HH", 0x0101, len(value) + 4) + request[4:20]
            + struct.pack(">HH", 0x0020, len(value)) + value)


def ip_packet(source, target, payload):
    """An IPv4 packet with no more in its header than is looked at."""
    return struct.pack(">BBHIBBH4s4s", 0x45, 0, 20 + len(payload), 0, 64, 17, 0,
                       ipaddress.IPv4Address(source).packed,
                       ipaddress.IPv4Address(target).packed) + payload


class StunTest(unittest.TestCase):
    def client(self, **options):
        client = StunClient(SERVER, **options)
        self.addCleanup(client.close)
        return client

    def test_it_asks_and_waits_by_itself(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
            server.bind(("127.0.0.1", 0))

            def answer():
                request, address = server.recvfrom(1500)
                server.sendto(stun_response(request, address), address)

            thread = threading.Thread(target=answer)
            thread.start()
            with StunClient(server.getsockname()) as client:
                event = client.run(ours)
                thread.join()
                self.assertEqual(event.outcome, StunOutcome.SUCCESS)
                self.assertEqual(event.reflexive_address.as_tuple(),
                                 ("127.0.0.1", ours.getsockname()[1]))
                self.assertIsNone(client.poll_event())
                with self.assertRaises(NatkitError) as caught:
                    client.run(-1)
                self.assertEqual(caught.exception.code, Code.UNSUPPORTED)

    def test_it_learns_its_address(self):
        client = self.client()
        self.assertIsNone(client.poll_transmit())
        self.assertIsNone(client.next_timeout())
        client.start(SECOND)
        to, request = client.poll_transmit()
        self.assertEqual(to, SERVER)
        self.assertIsNone(client.poll_event())
        self.assertEqual(client.next_timeout(), SECOND + SECOND // 2)
        response = stun_response(request, ("203.0.113.9", 4711))
        now = SECOND + 30_000_000
        self.assertFalse(client.handle_datagram(now, SERVER, b"hello"))
        self.assertFalse(client.handle_datagram(now, "192.0.2.9:3478",
                                                response))
        self.assertTrue(client.handle_datagram(now, SERVER.as_tuple(),
                                               bytearray(response)))
        event = client.poll_event()
        self.assertEqual(event.outcome, StunOutcome.SUCCESS)
        self.assertEqual(event.reflexive_address,
                         natkit.Address.parse("203.0.113.9:4711"))
        self.assertEqual((event.server, event.rtt_ns), (SERVER, 30_000_000))
        self.assertEqual((event.error_code, event.alternate_server,
                          event.is_verified, event.alg_detected),
                         (None, None, False, False))
        self.assertIsNone(client.next_timeout())
        self.assertIsNone(client.poll_event())

    def test_it_asks_again_and_gives_up(self):
        client = self.client(schedule=natkit.StunSchedule(
            initial_timeout_ns=SECOND, request_count=2, final_wait_ns=SECOND))
        client.start(0)
        sent, now = [], 0
        while (event := client.poll_event()) is None:
            while client.poll_transmit():
                sent.append(now)
            now = client.next_timeout()
            client.handle_timeout(now)
        self.assertEqual(sent, [0, SECOND])
        self.assertEqual(event.outcome, StunOutcome.TIMED_OUT)
        self.assertEqual(now, 2 * SECOND)

    def test_it_may_be_cancelled(self):
        client = self.client()
        client.start(0)
        client.cancel()
        self.assertIsNone(client.poll_event())

    def test_requests_are_as_it_is_told(self):
        def request(**options):
            client = self.client(**options)
            client.start(0)
            return client.poll_transmit()[1]

        self.assertEqual(len(request(filler=False)), 20)
        self.assertGreater(len(request()), 20)
        self.assertIn(b"me", request(software="me"))
        self.assertIn(b"user", request(username="user", password="secret"))
        self.assertEqual(request(random=lambda n: b"\x07" * n)[8:20],
                         b"\x07" * 12)

    def test_what_does_not_fit_is_refused(self):
        for options in ({"software": "a\0b"}, {"server_kind": -1},
                        {"schedule": natkit.StunSchedule(-1)},
                        {"schedule": natkit.StunSchedule(
                            request_count=1 << 32)}):
            with self.subTest(options), self.assertRaises(ValueError):
                self.client(**options)
        for options in ({"software": "x" * 764}, {"server_kind": 9},
                        {"username": "user"},
                        {"schedule": natkit.StunSchedule(
                            request_count=101)}):
            with self.subTest(options), self.assertRaises(NatkitError):
                self.client(**options)
        client = self.client()
        for now in (-1, 1 << 64):
            with self.assertRaises(ValueError):
                client.start(now)
        with self.assertRaises(NatkitError) as caught:
            client.start(1 << 62)
        self.assertEqual(caught.exception.code, Code.BAD_ARGUMENT)
        client.close()
        with self.assertRaises(NatkitError) as caught:
            client.start(0)
        self.assertEqual(caught.exception.code, Code.BAD_HANDLE)


class TunnelTest(unittest.TestCase):
    HELLO = ip_packet("10.0.0.1", "10.0.0.2", b"hello")
    ANSWER = ip_packet("10.0.0.2", "10.0.0.1", b"answer")

    def setUp(self):
        self.keys = [natkit.generate_key() for _ in range(2)]
        self.now = 5 * SECOND

    def tunnel(self, side, **options):
        tunnel = Tunnel(self.keys[side], natkit.public_key(self.keys[1 - side]),
                        now_ns=self.now, wall_clock_ns=10**18 + self.now,
                        **options)
        self.addCleanup(tunnel.close)
        return tunnel

    def carry(self, a, b):
        """Carries datagrams until none is left; the IP packets that came."""
        packets = []
        is_moving = True
        while is_moving:
            is_moving = False
            for source, target in ((a, b), (b, a)):
                while (datagram := source.poll_transmit()) is not None:
                    is_moving = True
                    packet = target.open(self.now, datagram)
                    if packet is not None:
                        packets.append(packet)
        return packets

    def test_packets_wait_for_the_handshake_and_arrive(self):
        a, b = self.tunnel(0), self.tunnel(1)
        self.assertIsNone(a.poll_transmit())
        self.assertIsNone(a.seal(self.now, self.HELLO))
        self.assertEqual(self.carry(a, b), [self.HELLO])
        event = a.poll_event()
        self.assertEqual((event.type, event.is_initiator),
                         (natkit.WgEventType.HANDSHAKE_COMPLETED, True))
        self.assertFalse(b.poll_event().is_initiator)
        self.assertIsNone(a.poll_event())
        sealed = b.seal(self.now, bytearray(self.ANSWER))
        self.assertLessEqual(len(sealed), natkit.sealed_size(len(self.ANSWER)))
        self.assertNotIn(b"answer", sealed)
        self.assertEqual(a.open(self.now, memoryview(sealed)), self.ANSWER)
        self.assertEqual((a.counters.data_sealed, a.counters.data_opened),
                         (1, 1))
        status = a.status
        self.assertTrue(status.has_session)
        self.assertFalse(status.has_preshared_key)
        self.assertEqual(status.public_key, natkit.public_key(self.keys[1]))
        self.assertGreater(status.last_handshake_ns, 10**18)

    def test_a_dropped_datagram_says_why(self):
        a, b = self.tunnel(0), self.tunnel(1)
        a.initiate_handshake(self.now)
        self.carry(a, b)
        sealed = a.seal(self.now, self.HELLO)
        broken = bytearray(a.seal(self.now, self.HELLO))
        broken[-1] ^= 1
        self.assertEqual(b.open(self.now, sealed), self.HELLO)
        for datagram, code in ((sealed, Code.REPLAYED),
                               (broken, Code.AUTH_FAILED),
                               (b"", Code.BAD_VALUE),
                               (b"no WireGuard", Code.BAD_VALUE)):
            with self.subTest(code), self.assertRaises(NatkitError) as caught:
                b.open(self.now, datagram)
            self.assertEqual(caught.exception.code, code)
        drops = {name: n for name, n in b.counters.drops.items() if n}
        self.assertEqual(drops, {"data_replayed": 1, "data_auth": 1,
                                 "malformed": 2})

    def test_allowed_addresses_hold_both_ways(self):
        a = self.tunnel(0, allowed_ips=["10.0.0.2/32", "2001:db8::/32"])
        with self.assertRaises(NatkitError) as caught:
            a.seal(self.now, self.ANSWER)
        self.assertEqual(caught.exception.code, Code.NO_ROUTE)
        self.assertIsNone(a.seal(self.now, self.HELLO))
        self.assertEqual(a.status.allowed_ip_count, 2)

    def test_a_preshared_key_has_to_be_shared(self):
        psk = os.urandom(32)
        a, b = self.tunnel(0, preshared_key=psk), self.tunnel(1)
        a.initiate_handshake(self.now)
        with self.assertRaises(NatkitError):
            self.carry(a, b)
        c = self.tunnel(1, preshared_key=psk)
        self.now += 6 * SECOND
        a.initiate_handshake(self.now, forced=True)
        self.carry(a, c)
        self.assertTrue(a.status.has_session and c.status.has_session)

    def test_keepalives_prove_a_path(self):
        a, b = self.tunnel(0), self.tunnel(1)
        with self.assertRaises(NatkitError) as caught:
            a.send_keepalive(self.now)
        self.assertEqual(caught.exception.code, Code.NO_SESSION)
        a.initiate_handshake(self.now)
        self.carry(a, b)
        before = b.counters.keepalives_received
        a.send_keepalive(self.now)
        self.assertEqual(self.carry(a, b), [])
        self.assertEqual(b.counters.keepalives_received, before + 1)

    def test_it_gives_up_when_nobody_answers(self):
        a = self.tunnel(0)
        a.seal(self.now, self.HELLO)
        sent = 0
        while (deadline := a.next_timeout()) is not None and not (
                event := a.poll_event()):
            self.now = max(self.now, deadline)
            a.handle_timeout(self.now)
            while a.poll_transmit():
                sent += 1
        self.assertEqual(event.type, natkit.WgEventType.HANDSHAKE_GAVE_UP)
        self.assertGreater(sent, 10)

    def test_what_does_not_fit_is_refused(self):
        good = natkit.public_key(self.keys[1])
        times = {"now_ns": 1, "wall_clock_ns": 1}
        for private, public, options in (
                (self.keys[0], good[1:], times), (b"", good, times),
                (self.keys[0], good, {**times, "mtu": 1 << 32}),
                (self.keys[0], good, {**times, "now_ns": -1}),
                (self.keys[0], good, {**times, "preshared_key": b"x"}),
                (self.keys[0], good, {**times, "allowed_ips": ["10.0.0.1/8"]})):
            with self.assertRaises(ValueError):
                Tunnel(private, public, **options)
        for public, options, code in (
                (bytes(32), times, Code.BAD_VALUE),
                (natkit.public_key(self.keys[0]), times, Code.BAD_VALUE),
                (good, {**times, "wall_clock_ns": 0}, Code.BAD_ARGUMENT),
                (good, {**times, "keepalive_ns": 65536 * SECOND},
                 Code.BAD_VALUE)):
            with self.assertRaises(NatkitError) as caught:
                Tunnel(self.keys[0], public, **options)
            self.assertEqual(caught.exception.code, code)
        a = self.tunnel(0)
        for packet in (b"", b"\x00" * 20, bytes(65476)):
            with self.assertRaises(NatkitError):
                a.seal(self.now, packet)
        a.close()
        for call in (lambda: a.seal(1, self.HELLO), lambda: a.open(1, b"x"),
                     a.poll_transmit, a.next_timeout, a.poll_event,
                     lambda: a.status, lambda: a.counters,
                     lambda: a.handle_timeout(1), lambda: a.send_keepalive(1)):
            with self.assertRaises(NatkitError) as caught:
                call()
            self.assertEqual(caught.exception.code, Code.BAD_HANDLE)


if __name__ == "__main__":
    unittest.main()
