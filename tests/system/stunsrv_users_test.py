#!/usr/bin/env python3
"""`stunsrv` with users: short-term and long-term credentials, hashed keys,
reload, another server, and what `--check` says of mistakes.

NATKIT_BIN names the folder of the programs, NATKIT_TESTS that of stun_probe.
"""
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import unittest
import urllib.request

import wg_interop_lab as lab

STUNSRV = ""
PROBE = os.environ["NATKIT_TESTS"] + "/stun_probe"
HOST, PORT = "127.0.0.1", 3478
REALM = "example.org"


def ha1(name, password, algorithm):
    text = f"{name}:{REALM}:{password}".encode()
    return "0x" + hashlib.new(algorithm, text).hexdigest()


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.users_file = self.folder / "users"

    def write(self, users, kind="long-term", more="", mode=0o600):
        self.users_file.write_text(users)
        self.users_file.chmod(mode)
        realm = f'realm = "{REALM}"\n' if kind == "long-term" else ""
        path = self.folder / "stunsrv.toml"
        file = f'users_file = "{self.users_file}"\n' if users else ""
        path.write_text(
            f'listen = "{HOST}:{PORT}"\nlisten_tcp = "{HOST}:{PORT}"\n'
            f'amplification = "any"\nmetrics_listen = "{HOST}:9478"\n'
            f'credentials = "{kind}"\n{file}{realm}{more}')
        return str(path)

    def begin(self, *arguments, **options):
        self.log = self.folder / "log"
        with self.log.open("w") as log:
            self.server = subprocess.Popen(
                [STUNSRV, "--config", self.write(*arguments, **options)],
                stderr=log)
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        self.wait_log("listening on TCP")

    def wait_log(self, text):
        lab.wait_until(lambda: text in self.log.read_text(),
                       f"{text!r} in the log")

    def reload(self, *arguments, expect, **options):
        self.write(*arguments, **options)
        self.server.send_signal(signal.SIGHUP)
        self.wait_log(expect)

    def probe(self, transport, *credentials):
        done = subprocess.run([PROBE, transport, f"{HOST}:{PORT}",
                               *credentials],
                              capture_output=True, text=True,
                              timeout=lab.DEADLINE)
        return done.stdout.split()

    def expect_user(self, *credentials):
        for transport in ("udp", "tcp"):
            with self.subTest(transport=transport, user=credentials):
                words = self.probe(transport, *credentials)
                self.assertEqual([words[0], words[-1]],
                                 ["success", "verified"])

    def expect_refused(self, *credentials, code="401"):
        for transport in ("udp", "tcp"):
            with self.subTest(transport=transport, user=credentials):
                self.assertEqual(self.probe(transport, *credentials),
                                 ["error", code])

    def metric(self, outcome, transport="udp"):
        text = urllib.request.urlopen(f"http://{HOST}:9478/metrics",
                                      timeout=lab.DEADLINE).read().decode()
        label = f'{{transport="{transport}",outcome="{outcome}"}} '
        return int(text.split("stunsrv_requests_total" + label)[1].split()[0])


class Users(Case):
    def test_long_term_users_by_password_and_by_either_hash(self):
        self.begin("# people\n\nalice:wonder:land\n"
                   f"bob:{ha1('bob', 'builder', 'md5')}\n"
                   f"bob:{ha1('bob', 'builder', 'sha256')}\n")
        self.expect_user("alice", "wonder:land")
        self.expect_user("bob", "builder")
        for credentials in ((), ("alice", "guess"), ("carol", "x"),
                            ("bob", ha1("bob", "builder", "md5"))):
            self.expect_refused(*credentials)

    def test_one_hash_is_enough(self):
        self.begin(f"bob:{ha1('bob', 'builder', 'md5')}\nalice:secret\n")
        self.expect_user("bob", "builder")
        self.expect_user("alice", "secret")
        self.reload(f"bob:{ha1('bob', 'builder', 'sha256')}\n",
                    expect="settings reloaded")
        lab.wait_until(lambda: self.probe("udp", "alice", "secret") ==
                       ["error", "401"], "alice is gone")
        self.expect_user("bob", "builder")

    def test_short_term_users(self):
        self.begin("alice:secret\n", "short-term")
        self.expect_user("alice", "secret", "short-term")
        # Nothing protects the 401, so the client does not believe it.
        self.assertEqual(self.probe("tcp", "alice", "guess", "short-term"),
                         ["integrity-violation"])
        self.expect_refused(code="400")

    def test_users_are_sent_to_another_server(self):
        self.begin("alice:secret\n",
                   more='alternate_server = "127.0.0.9:3478"\n')
        self.assertEqual(self.probe("udp", "alice", "secret"),
                         ["error", "300"])
        self.expect_refused("alice", "guess")
        lab.wait_until(lambda: self.metric("sent_elsewhere") == 1,
                       "it is counted")
        self.assertGreater(self.metric("unauthenticated"), 0)

    def test_a_file_with_a_mistake_changes_nothing(self):
        self.begin("alice:secret\n")
        self.reload("alice\n", expect="the old settings stay in use")
        self.assertIn(f"{self.users_file}:1: NAME:PASSWORD",
                      self.log.read_text())
        self.expect_user("alice", "secret")


class Check(Case):
    def check(self, *arguments, **options):
        return subprocess.run(
            [STUNSRV, "--check", "--config",
             self.write(*arguments, **options)],
            capture_output=True, text=True, timeout=lab.DEADLINE)

    def test_it_names_the_line_and_never_the_secret(self):
        md5 = ha1("bob", "b", "md5")
        sha256 = ha1("carol", "c", "sha256")
        for users, complaint in (
                ("alice:x\nsecretive\n", "users:2: NAME:PASSWORD"),
                ("alice:secretive\nalice:y\n", "users:2: this user is there"),
                ("\nbob:0xsecretive\n", "users:2: after 0x, 32 hex digits"),
                (f"bob:{md5}00\n", "users:1: after 0x, 32 hex digits"),
                ("alice:\n", "users:1: the name or the password"),
                (":secretive\n", "users:1: the name or the password"),
                ("alice:secretive\x07\n", "users:1: the name or the password"),
                ("# nobody\n", "there are no users"),
                (f"bob:{md5}\ncarol:{sha256}\n", "only MD5 and some only")):
            with self.subTest(complaint=complaint):
                done = self.check(users)
                self.assertEqual(done.returncode, 2)
                self.assertIn(complaint, done.stderr)
                self.assertNotIn("secretive", done.stderr)
        self.assertEqual(self.check(f"bob:{md5}\nalice:x\n").returncode, 0)

    def test_settings_that_do_not_fit_together(self):
        for arguments, options, complaint in (
                (("a:b", "none"), {}, "need credentials"),
                (("a:b", "mid-term"), {}, '"none", "short-term", "long-term"'),
                (("a:b", "short-term"), {"more": 'realm = "x"\n'}, "realm"),
                (("a:b",), {"mode": 0o640}, "users"),
                (("a:b",), {"more": 'alternate_server = "x"\n'},
                 "alternate_server 'x' is not ADDRESS:PORT")):
            with self.subTest(complaint=complaint):
                done = self.check(*arguments, **options)
                self.assertEqual(done.returncode, 2)
                self.assertIn(complaint, done.stderr)


class Rfc3489(Case):
    def test_it_is_answered_unless_the_file_says_no_and_then_counted(self):
        self.begin("", "none", more="")
        self.assertEqual(self.probe("rfc3489")[0], "success")
        self.reload("", "none", more="rfc3489 = false\n",
                    expect="settings reloaded")

        def refused():
            with socket.socket(socket.AF_INET,
                                   socket.SOCK_DGRAM) as client:
                client.sendto(b"\0\1\0\0" + os.urandom(16), (HOST, PORT))
            return self.metric("refused_rfc3489") > 0

        lab.wait_until(refused, "it is counted")


if __name__ == "__main__":
    lab.enter()
    lab.run("ip", "link", "set", "lo", "up")
    STUNSRV = lab.program("stunsrv")
    unittest.main(verbosity=2)
