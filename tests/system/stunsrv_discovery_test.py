#!/usr/bin/env python3
"""`stunsrv` answers NAT behaviour discovery, on one machine and on two.

NATKIT_BIN names the folder of the programs.
"""
import os
import select
import signal
import struct
import subprocess
import unittest

import stun_wire as stun
import wg_interop_lab as lab
from stunsrv_support import A1, A2, A3, DISCOVERY, P1, P2, Case


class Discovery(Case):
    def expect_all_changes(self, ask_from):
        for flags, source in ((0, (A1, P1)),
                              (stun.CHANGE_IP, (A2, P1)),
                              (stun.CHANGE_PORT, (A1, P2)),
                              (stun.CHANGE_IP | stun.CHANGE_PORT, (A2, P2))):
            response, sender = stun.ask(ask_from, (A1, P1),
                                        stun.change(flags))
            self.assertTrue(response.is_success)
            self.assertEqual(sender, source)
            self.assertEqual(response.address(stun.RESPONSE_ORIGIN), source)
            self.assertEqual(response.address(stun.OTHER_ADDRESS), (A2, P2))
            self.assertEqual(response.mapped(), ask_from.getsockname())
            self.assertEqual(response.address(stun.MAPPED_ADDRESS),
                             ask_from.getsockname())

    def test_answers_come_from_the_address_that_was_asked_for(self):
        for threads in ("1", "3"):
            server = self.begin(DISCOVERY, "--threads", threads, count=4)
            for _ in range(4):
                self.expect_all_changes(self.client())
            self.assertEqual(server.stop(), 0)

    def test_a_wildcard_serves_the_four_too(self):
        self.begin(f'listen = ["0.0.0.0:{P1}", "0.0.0.0:{P2}"]\n'
                   f'discovery_addresses = ["{A1}", "{A2}"]\n'
                   'amplification = "any"\n', count=2)
        self.expect_all_changes(self.client())

    def test_ipv6_has_two_addresses_of_its_own(self):
        for address in ("fd00::1", "fd00::2", "fd00::3"):
            lab.run("ip", "address", "replace", f"{address}/64", "dev", "lo",
                    "nodad")
        self.begin(f'listen = "{A1}:{P1}"\n'
                   f'discovery_addresses = ["{A1}", "fd00::1", "{A2}", '
                   '"fd00::2"]\namplification = "any"\n', count=8)
        client = self.client("fd00::3")
        for flags, source in ((0, ("fd00::1", P1)),
                              (stun.CHANGE_IP | stun.CHANGE_PORT,
                               ("fd00::2", P2))):
            response, sender = stun.ask(client, ("fd00::1", P1),
                                        stun.change(flags))
            self.assertEqual(sender, source)
            self.assertEqual(response.address(stun.RESPONSE_ORIGIN), source)
            self.assertEqual(response.mapped(), client.getsockname()[:2])
        self.expect_all_changes(self.client())

    def test_response_port_is_bound_to_a_plain_request_and_to_a_rate(self):
        self.begin(DISCOVERY, "--threads", "4", count=4)
        asking, target = self.client(), self.client()
        port = stun.attribute(
            stun.RESPONSE_PORT,
            target.getsockname()[1].to_bytes(2, "big") + bytes(2))
        refused, _ = stun.ask(asking, (A1, P1), port)
        self.assertEqual(refused.error(), 403)
        # From another port, and so perhaps for another thread's sockets.
        stun.ask(target, (A1, P2))
        asking.sendto(stun.request(port), (A1, P1))
        answer = stun.Response(target.recv(2048))
        self.assertEqual(answer.mapped(), asking.getsockname())
        # There are three at once, and one of them was used; on a slow machine
        # the next comes back meanwhile.
        redirected = 0
        while True:
            asking.sendto(stun.request(port), (A1, P1))
            ready, _, _ = select.select([asking, target], [], [],
                                        lab.DEADLINE)
            self.assertTrue(ready, "no answer")
            answer = stun.Response(ready[0].recv(2048))
            if ready[0] is asking:
                break
            redirected += 1
        self.assertEqual(answer.error(), 403)
        self.assertGreaterEqual(redirected, 2)

    def test_padding_comes_back_in_fragments(self):
        lab.run("ip", "link", "set", "lo", "mtu", "1500")
        self.addCleanup(lab.run, "ip", "link", "set", "lo", "mtu", "65536")
        padding = stun.attribute(stun.PADDING, bytes(1700))
        for config, count in ((DISCOVERY, 4), ("discovery = true\n", 2)):
            server = self.begin(config, count=count)
            for flags in (0, 6) if count == 4 else (0,):
                padded, _ = stun.ask(self.client(), (A1, P1), padding,
                                     stun.change(flags))
                self.assertEqual(len(padded.data), 1732)
            server.stop()

    def test_coturns_client_finds_no_nat(self):
        self.begin(DISCOVERY, count=4)
        done = lab.run("turnutils_natdiscovery", "-m", "-f", "-L", A3, A1,
                       check=False)
        self.assertIn("NAT with Endpoint Independent Mapping", done)
        self.assertIn("NAT with Endpoint Independent Filtering", done)

    def test_an_old_client_finds_no_nat(self):
        self.begin(DISCOVERY + "rfc3489 = true\n", count=4)
        done = subprocess.run(["stun", A1, "-i", A1], capture_output=True,
                              text=True, timeout=lab.DEADLINE)
        self.assertIn("Open", done.stdout + done.stderr)

    def begin_machine(self, own, other, secret="5a" * 32, more=""):
        self.write(f"{own}.secret", secret + "\n")
        return self.begin(
            f'listen = ["{own}:{P1}"]\n'
            f'discovery_addresses = "{own}"\n'
            f'partner_addresses = "{other}"\n'
            f'partner_listen = "{own}:3480"\n'
            f'partner_link = "{other}:3480"\n'
            f'partner_secret_file = "{self.folder}/{own}.secret"\n'
            'amplification = "any"\nmetrics_listen = "127.0.0.1:0"\n' + more,
            count=2, name=f"{own}.toml")

    def test_two_machines_are_one_server(self):
        self.begin_machine(A1, A2)
        self.begin_machine(A2, A1)
        client = self.client()
        self.expect_all_changes(client)
        response, sender = stun.ask(client, (A2, P2),
                                    stun.change(stun.CHANGE_IP))
        self.assertEqual(sender, (A1, P2))
        self.assertEqual(response.address(stun.OTHER_ADDRESS), (A1, P1))
        # What is not authentic is not obeyed, and nobody is told.
        forged = self.client()
        self.assertTrue(stun.is_silent(forged, (A2, 3480), bytes(100)))
        self.assertTrue(stun.is_silent(forged, (A2, 3480), stun.request()))

    def test_two_machines_are_one_server_to_an_old_client(self):
        self.begin_machine(A1, A2, more="rfc3489 = true\n")
        self.begin_machine(A2, A1, more="rfc3489 = true\n")
        client = self.client()
        for flags, sender in ((0, (A1, P1)), (2, (A1, P2)), (4, (A2, P1)),
                              (6, (A2, P2))):
            identity = os.urandom(16)  # of RFC 3489: no cookie in it
            request = struct.pack("!HH16sHHI", 1, 8, identity, 3, 4, flags)

            def answer(request=request):
                client.sendto(request, (A1, P1))
                return client.recvfrom(2048)
            got, source = answer()
            self.assertEqual(source, sender)
            self.assertEqual((got[:2], got[4:20]), (b"\x01\x01", identity))

    def test_another_secret_is_named_and_a_reload_mends_it(self):
        first = self.begin_machine(A1, A2)
        second = self.begin_machine(A2, A1, secret="a5" * 32)
        client = self.client(timeout=0.3)
        request = stun.request(stun.change(stun.CHANGE_IP))
        client.sendto(request, (A1, P1))
        second.wait_log("partner_secret_file differs on the other machine")
        self.write(f"{A1}.secret", "a5" * 32)
        first.process.send_signal(signal.SIGHUP)
        first.wait_log("settings reloaded")

        def is_answered():
            client.sendto(request, (A1, P1))
            try:
                return client.recvfrom(2048)[1] == (A2, P1)
            except TimeoutError:
                return False
        lab.wait_until(is_answered, "an answer from the other machine")

    def test_what_only_the_other_machine_can_send_is_not_sent_from_here(self):
        self.begin_machine(A1, A2)  # and its partner is down
        client = self.client()
        request = stun.request(stun.change(stun.CHANGE_IP))
        self.assertTrue(stun.is_silent(client, (A1, P1), request))
        _, sender = stun.ask(client, (A1, P1), stun.change(stun.CHANGE_PORT))
        self.assertEqual(sender, (A1, P2))

    def test_one_address_alone_refuses_to_change(self):
        self.begin(f'listen = "{A1}:{P1}"\ndiscovery = true\n')
        response, _ = stun.ask(self.client(), (A1, P1), stun.change(6))
        self.assertEqual(response.error(), 420)

if __name__ == "__main__":
    lab.enter()
    lab.run("ip", "link", "set", "lo", "up")
    unittest.main(verbosity=2)
