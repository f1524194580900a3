"""Which NAT: against a server of the test's own, and against nobody."""
import select
import socket
import time
import unittest

import natkit
from natkit import Code, NatAxis, NatCheck, NatkitError, NatOutcome
from test_cores import stun_response

LIMIT = 60  # seconds; only failures take so long


class NatCheckTest(unittest.TestCase):
    def setUp(self):
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.server.close)
        self.server.bind(("127.0.0.1", 0))

    def check(self, **options):
        check = NatCheck([self.server.getsockname()], **options)
        self.addCleanup(check.close)
        return check

    def answer(self):
        request, source = self.server.recvfrom(2048)
        if request[:2] == b"\0\1":  # a Binding request
            self.server.sendto(stun_response(request, source), source)

    def test_a_server_that_answers_shows_that_there_is_no_nat(self):
        check = self.check(axes=[NatAxis.UDP, NatAxis.TRANSLATION])
        end = time.monotonic() + LIMIT
        while not check.is_finished:
            self.assertLess(time.monotonic(), end)
            ready, _, _ = select.select([check, self.server], [], [],
                                        check.timeout())
            if self.server in ready:
                self.answer()
            check.process()
        self.assertEqual(check.verdict(NatAxis.UDP).value, "open")
        self.assertEqual(check.verdict(NatAxis.TRANSLATION).value, "none")
        self.assertEqual(check.verdict(NatAxis.TCP).outcome,
                         NatOutcome.UNTESTED)
        self.assertEqual(set(check.verdicts()), set(NatAxis))
        report = check.report()
        self.assertEqual(report.server.as_tuple(), self.server.getsockname())
        self.assertEqual([str(a) for a in report.external_addresses],
                         ["127.0.0.1:0"])
        self.assertGreater(report.datagrams_received, 0)

    def test_it_may_be_aborted(self):
        check = self.check()
        self.assertFalse(check.is_finished)
        check.process()
        check.abort()
        self.assertTrue(check.is_finished)
        self.assertNotEqual(check.verdict(NatAxis.MAPPING).outcome,
                            NatOutcome.DETERMINED)
        self.assertIsNone(check.report().server)

    def test_what_is_closed_is_refused(self):
        with self.check() as check:
            self.assertGreaterEqual(check.fileno(), 0)
        check.close()
        for call in (check.process, check.fileno, check.timeout, check.abort,
                     check.report, check.verdicts, lambda: check.is_finished):
            with self.assertRaises(NatkitError) as caught:
                call()
            self.assertEqual(caught.exception.code, Code.BAD_HANDLE)

    def test_servers_are_checked(self):
        for servers, own in (([], []), (["192.0.2.1:3478"] * 65, ["192.0.2.9"]),
                             (["192.0.2.1:3478"], ["::1"])):
            with self.assertRaises(NatkitError) as caught:
                NatCheck(servers, local_addresses=own)
            self.assertEqual(caught.exception.code, Code.BAD_ARGUMENT)
        with self.assertRaises(ValueError):
            self.check(axes=[64])
        with self.assertRaises(NatkitError):
            self.check(axes=[63])

    def test_the_local_address_is_that_of_the_way(self):
        self.assertEqual(str(natkit.local_address("127.0.0.1:9")),
                         "127.0.0.1:0")


if __name__ == "__main__":
    unittest.main()
