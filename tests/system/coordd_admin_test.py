#!/usr/bin/env python3
"""Administration of the coordination server over its socket: who may, what."""
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from coordd_support import COORDD, Lines, PATIENCE, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
OTHER_UID = 54321
OTHER_GID = 54322
NOBODY_UID = 54399
GOOD_POLICY = '{"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}'


def make_certificate(folder):
    """A self-signed certificate, as --dev makes one."""
    dev = folder / "dev"
    port = free_port()
    process = subprocess.Popen(
        [COORDD, "--dev", "--dir", dev, "--listen", f"127.0.0.1:{port}"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    process.stdout.readline()
    process.terminate()
    process.wait(PATIENCE)
    process.stdout.close()
    for name in ("certificate.pem", "private_key.pem"):
        (dev / name).rename(folder / name)


class Server:
    """A server with a configuration file; `more` is added to it."""

    def __init__(self, folder, more=""):
        self.folder = folder
        self.socket = folder / "admin"
        self.port = free_port()
        state = folder / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        self.config = folder / "coordd.toml"
        self.config.write_text(
            f"[server]\nlisten = '127.0.0.1:{self.port}'\n"
            f"certificate = '{folder}/certificate.pem'\n"
            f"private_key = '{folder}/private_key.pem'\n"
            f"state_dir = '{state}'\n{more}")
        self.process = subprocess.Popen([COORDD, "--config", self.config],
                                        stderr=subprocess.PIPE, text=True)
        self.log = Lines(self.process.stderr)
        self.log.wait(lambda line: "nobody reaches anybody" in line
                      or "listening" in line)
        self.wait_for_socket()

    def wait_for_socket(self):
        while subprocess.run([COORDD, "status", "--socket", self.socket],
                             capture_output=True, check=False).returncode == 3:
            if self.process.poll() is not None:
                raise AssertionError("\n".join(self.log.seen))

    def run(self, *arguments, user=None, group=None, extra_groups=None):
        return subprocess.run(
            [COORDD, *arguments, "--socket", self.socket], text=True,
            capture_output=True, check=False, timeout=PATIENCE, user=user,
            group=group, extra_groups=extra_groups)

    def ask(self, *arguments):
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def lines(self, *requests):
        """What the protocol answers to requests that are sent at once."""
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(PATIENCE)
            stream.connect(str(self.socket))
            stream.sendall(b"".join(json.dumps(request).encode() + b"\n"
                                    for request in requests))
            with stream.makefile() as answers:
                return [json.loads(answers.readline()) for _ in requests]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


class Admin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.shared.cleanup)
        make_certificate(pathlib.Path(cls.shared.name))

    def start(self, more=""):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        for name in ("certificate.pem", "private_key.pem"):
            source = pathlib.Path(self.shared.name) / name
            (self.folder / name).write_bytes(source.read_bytes())
            (self.folder / name).chmod(0o600)
        self.folder.chmod(0o755)
        more = f"[admin]\nsocket = '{self.folder}/admin'\n" + more
        self.server = Server(self.folder, more)
        self.addCleanup(lambda process: (process.kill(), process.wait(),
                                         process.stderr.close()),
                        self.server.process)
        return self.server

    def needs_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become another user")

    def test_only_whom_the_file_names_may_administer(self):
        self.needs_root()
        server = self.start(f"users = ['{OTHER_UID}']\n"
                            f"groups = ['{OTHER_GID}']\n")
        refused = server.run("users", "list", user=NOBODY_UID,
                             group=NOBODY_UID, extra_groups=[])
        self.assertEqual(1, refused.returncode)
        self.assertIn(f"unix:{NOBODY_UID} may not administer", refused.stderr)
        self.assertIn("[admin]", refused.stderr)
        for user, group, more in ((OTHER_UID, NOBODY_UID, []),
                                  (NOBODY_UID, OTHER_GID, []),
                                  (NOBODY_UID, NOBODY_UID, [OTHER_GID])):
            done = server.run("users", "list", user=user, group=group,
                              extra_groups=more)
            self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_nobody_else_may_without_such_names(self):
        self.needs_root()
        server = self.start()
        for command in (("status",), ("users", "list"), ("tokens", "list")):
            refused = server.run(*command, user=NOBODY_UID, group=NOBODY_UID,
                                 extra_groups=[])
            self.assertEqual(1, refused.returncode, refused.stdout)
            self.assertIn("may not administer", refused.stderr)

    def test_refused_callers_take_nobodys_place(self):
        self.needs_root()
        server = self.start()
        open_end, done_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setgid(NOBODY_UID)
            os.setuid(NOBODY_UID)
            streams = [socket.socket(socket.AF_UNIX) for _ in range(100)]
            for stream in streams:
                stream.connect(str(server.socket))
            os.write(done_end, b"!")
            signal.pause()
        self.addCleanup(lambda: (os.kill(child, signal.SIGKILL),
                                 os.waitpid(child, 0)))
        self.assertEqual(b"!", os.read(open_end, 1))
        os.close(open_end)
        os.close(done_end)
        self.assertEqual([], server.ask("users", "list"))

    def test_events_name_the_caller(self):
        self.needs_root()
        server = self.start(f"users = ['{OTHER_UID}']\n")
        server.ask("users", "add", "ann@example.com")
        done = server.run("users", "add", "bob@example.com", user=OTHER_UID,
                          group=NOBODY_UID, extra_groups=[])
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        actors = {event["subject"]: event["actor"]
                  for event in server.ask("events")}
        self.assertEqual("unix:" + pwd.getpwuid(0).pw_name,
                         actors["ann@example.com"])
        self.assertEqual(f"unix:{OTHER_UID}", actors["bob@example.com"])

    def test_check_tells_of_unknown_users_and_groups(self):
        server = self.start()
        config = server.config.read_text()
        for line, text in (("users = ['nobody-has-this-name']", "no user"),
                           ("groups = ['nobody-has-this-name']", "no group")):
            server.config.write_text(config + line + "\n")
            done = subprocess.run([COORDD, "--check", server.config], text=True,
                                  capture_output=True, check=False)
            self.assertEqual(2, done.returncode)
            self.assertIn(text + " 'nobody-has-this-name'", done.stderr)

    def test_tokens_are_shown_once_and_revoked(self):
        server = self.start()
        made = server.ask("tokens", "create", "--scope", "nodes:read",
                          "--scope", "policy:write", "--lifetime", "60",
                          "--description", "for a test")
        self.assertRegex(made["secret"], r"^nkapi-[0-9a-f]{12}-[0-9a-f]{64}$")
        listed = server.run("tokens", "list", "--json").stdout
        self.assertNotIn(made["secret"].split("-")[2], listed)
        token, = json.loads(listed)
        self.assertEqual((made["id"], ["nodes:read", "policy:write"]),
                         (token["id"], token["scopes"]))
        refused = server.run("tokens", "create", "--scope", "nodes:wirte")
        self.assertEqual(1, refused.returncode)
        self.assertIn('there is no scope "nodes:wirte"', refused.stderr)
        server.ask("tokens", "revoke", made["id"])
        self.assertEqual([], server.ask("tokens", "list"))
        self.assertEqual(1, server.run("tokens", "revoke",
                                       made["id"]).returncode)

    def test_dns_settings_change_only_where_they_are_said(self):
        server = self.start()
        server.ask("dns", "set", "--resolver", "192.0.2.53", "--search",
                   "corp.example", "--record", "db.mesh.internal=10.0.0.7")
        server.ask("dns", "set", "--route",
                   "corp.example=10.0.0.1,10.0.0.2:5353")
        dns = server.ask("dns", "get")
        self.assertEqual(["192.0.2.53:53"], dns["resolvers"])
        self.assertEqual(["corp.example"], dns["search"])
        self.assertEqual([{"suffix": "corp.example", "resolvers":
                           ["10.0.0.1:53", "10.0.0.2:5353"]}], dns["routes"])
        self.assertEqual([{"name": "db.mesh.internal",
                           "address": "10.0.0.7"}], dns["records"])
        server.ask("dns", "set", "--clear", "search")
        self.assertEqual([], server.ask("dns", "get")["search"])
        wrong = server.run("dns", "set", "--resolver", "nowhere")
        self.assertEqual(1, wrong.returncode)
        self.assertIn('"nowhere" is not an address', wrong.stderr)

    def test_dns_settings_that_no_node_could_use_are_refused(self):
        server = self.start()
        for option, value in (("--search", "bad domain"),
                              ("--record", "foo bar=1.2.3.4"),
                              ("--record", "x" * 70 + "=1.2.3.4"),
                              ("--route", "mesh.internal=10.0.0.1"),
                              ("--route", "a.mesh.internal=10.0.0.1")):
            done = server.run("dns", "set", option, value)
            self.assertEqual(1, done.returncode, done.stdout)
        server.ask("dns", "set", "--resolver", "8.8.8.8", "--record",
                   "db=10.0.0.7,10.0.0.8")
        dns = server.ask("dns", "set", "--clear", "resolvers", "--resolver",
                         "9.9.9.9")
        self.assertEqual(["9.9.9.9:53"], dns["resolvers"])
        self.assertEqual(["10.0.0.7", "10.0.0.8"],
                         [record["address"] for record in dns["records"]])

    def test_output_that_is_lost_is_no_success(self):
        server = self.start()
        server.ask("users", "add", "ann@example.com")
        for command in (("keys", "create", "--user", "ann@example.com"),
                        ("nodes", "list"), ("users", "list", "--json"),
                        ("keys", "--help")):
            with open("/dev/full", "w", encoding="ascii") as full:
                socket_option = ("--socket", server.socket)
                done = subprocess.run(
                    [COORDD, *command,
                     *(() if "--help" in command else socket_option)],
                    stdout=full, stderr=subprocess.PIPE, text=True,
                    check=False, timeout=PATIENCE)
            self.assertEqual(1, done.returncode, command)
            self.assertIn("could not be written", done.stderr)

    def test_mistakes_on_the_command_line_are_named(self):
        for words, typo in ((("frobnicate",), "frobnicate"),
                            (("nodes", "lst"), "lst"),
                            (("policy", "chekc", "file"), "chekc")):
            done = subprocess.run([COORDD, *words], text=True,
                                  capture_output=True, check=False)
            self.assertEqual(2, done.returncode)
            self.assertIn(f"there is no command '{typo}'", done.stderr)
        done = subprocess.run([COORDD, "status", "--socket", "/" + "x" * 110],
                              text=True, capture_output=True, check=False)
        self.assertEqual(3, done.returncode)
        self.assertIn("at most 107 bytes", done.stderr)
        done = subprocess.run([COORDD, "events", "--limit", "5000"], text=True,
                              capture_output=True, check=False)
        self.assertEqual(2, done.returncode)

    def test_folders_are_checked_and_other_names_are_told_of(self):
        server = self.start()
        server.stop()
        config = server.config.read_text()
        state = self.folder / "state"
        state.chmod(0o755)
        for option, code, begin in (("--check", 0, "coordd: warning: "),
                                    ("--config", 2, "coordd: ")):
            done = subprocess.run([COORDD, option, server.config], text=True,
                                  capture_output=True, check=False)
            self.assertEqual(code, done.returncode)
            self.assertRegex(done.stderr,
                             rf"^{begin}/.*coordd\.toml:5: .*chmod 700")
        state.chmod(0o700)
        server.config.write_text(config + "[mesh]\ndomain = 'other.example'\n")
        process = subprocess.Popen([COORDD, "--config", server.config],
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.kill(), process.wait(),
                                 process.stderr.close()))
        told = Lines(process.stderr).wait(lambda line: "is and stays" in line)
        self.assertIn("the mesh's domain is and stays 'mesh.internal'", told)

    def test_folders_that_the_service_manager_makes_may_be_missing(self):
        server = self.start()
        server.stop()
        server.config.write_text(
            server.config.read_text()
            .replace(f"{self.folder}/state", f"{self.folder}/none")
            .replace(f"{server.socket}", f"{self.folder}/run/admin"))
        done = subprocess.run([COORDD, "--check", server.config], text=True,
                              capture_output=True, check=False)
        self.assertEqual((0, "coordd: the configuration is fine\n"),
                         (done.returncode, done.stdout))
        self.assertRegex(done.stderr, "warning: .*No such file or directory; "
                                      "make it with 'mkdir -m 700")
        self.assertRegex(done.stderr, "warning: .*/run, does not exist")

    def test_what_is_said_of_a_policy_does_nothing_to_a_terminal(self):
        server = self.start()
        policy = self.folder / "policy.json"
        policy.write_text('{"acls": [{"action": "\\u001b[2Jdrop\\u009b"}]}')
        config = server.config.read_text()
        server.config.write_text(config + f"[policy]\nfile = '{policy}'\n")
        for command in (("--check", server.config),
                        ("policy", "check", policy)):
            done = subprocess.run([COORDD, *command], capture_output=True,
                                  check=False)
            self.assertNotEqual(0, done.returncode)
            self.assertIn(b"policy.json:1:", done.stderr)
            self.assertNotIn(b"\x1b", done.stdout + done.stderr)
            self.assertNotIn(b"\xc2\x9b", done.stdout + done.stderr)

    def test_routes_of_an_unknown_node_are_an_error(self):
        server = self.start()
        for command in (("nodes", "routes", "x"),
                        ("routes", "list", "--node", "x"),
                        ("routes", "approve", "x")):
            done = server.run(*command)
            self.assertEqual(1, done.returncode)
            self.assertIn('there is no node "x"', done.stderr)
        self.assertEqual([], server.ask("routes", "list"))
        self.assertEqual(3, subprocess.run(
            [COORDD, "routes", "list", "--socket", self.folder / "none"],
            capture_output=True, check=False).returncode)

    def test_events_since_a_time_and_as_they_come(self):
        server = self.start()
        server.ask("users", "add", "ann@example.com")
        everything = server.ask("events")
        self.assertEqual(everything, server.ask("events", "--since", "1h"))
        self.assertEqual([], server.ask("events", "--since",
                                        "2099-01-01T00:00:00Z"))
        self.assertEqual(1, len(server.ask("events", "--limit", "1")))
        self.assertEqual(1, server.run("events", "--since", "noon").returncode)
        follower = subprocess.Popen(
            [COORDD, "events", "--follow", "--json", "--socket",
             server.socket, "--after", str(everything[-1]["sequence"])],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (follower.kill(), follower.wait(),
                                 follower.stdout.close()))
        lines = Lines(follower.stdout)
        server.ask("users", "add", "bob@example.com")
        event = json.loads(lines.wait(lambda line: True))
        self.assertEqual("bob@example.com", event["subject"])

    def test_policies_are_checked_beside_the_loop_and_in_order(self):
        server = self.start()
        bad = '{"acls": [{"action": "deny"}]}'
        answers = server.lines(
            {"verb": "policy.check", "text": bad},
            {"verb": "policy.set", "text": bad},
            {"verb": "policy.set", "text": GOOD_POLICY},
            {"verb": "policy.get"},
            {"verb": "policy.set", "text": GOOD_POLICY, "if_revision": 7},
            {"verb": "users.list"})
        self.assertFalse(answers[0]["result"]["ok"])
        self.assertIn("policy:1:", answers[0]["result"]["findings"][0])
        self.assertIn("policy:1:", answers[1]["error"])
        self.assertEqual(1, answers[2]["result"]["revision"])
        self.assertEqual({"revision": 1, "text": GOOD_POLICY},
                         answers[3]["result"])
        self.assertIn("error", answers[4])
        self.assertEqual([], answers[5]["result"])

    def test_a_backup_is_a_store(self):
        server = self.start()
        server.ask("users", "add", "ann@example.com")
        copy = self.folder / "copy.db"
        self.assertEqual({"file": str(copy)}, server.ask("backup", copy))
        self.assertEqual(0o600, copy.stat().st_mode & 0o777)
        self.assertEqual(1, server.run("backup",
                                       "/nowhere/copy.db").returncode)

    def test_the_documented_configuration_is_fine(self):
        self.start()
        page = (ROOT / "docs/coordd.md").read_text()
        example = page.split("```toml\n")[1].split("```")[0]
        policy = self.folder / "policy.json"
        policy.write_text(GOOD_POLICY)
        for name, here in (("/etc/coordd/chain.pem", "certificate.pem"),
                           ("/etc/coordd/key.pem", "private_key.pem"),
                           ("/etc/coordd/policy.json", "policy.json")):
            self.assertIn(name, example)
            example = example.replace(name, str(self.folder / here))
        example = example.replace("/var/lib/coordd", str(self.folder / "state"))
        example = example.replace("/run/coordd", str(self.folder))
        file = self.folder / "example.toml"
        file.write_text(example)
        done = subprocess.run([COORDD, "--check", file], text=True,
                              capture_output=True, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        # The example and the table name the same keys.
        keys, table = set(), ""
        for line in example.splitlines():
            if line.startswith("["):
                table = line.strip("[]")
            elif line:
                keys.add(f"{table}.{line.split(' ')[0]}")
        rows = [line.split("|")[1] for line in page.splitlines()
                if line.startswith("| `") and "." in line.split("|")[1]]
        named = set()
        for row in rows:
            for key in re.findall(r"`([a-z0-9_.]+)`", row):
                if key.startswith("."):
                    key = "relay" + key
                named.add(key)
        self.assertEqual(named - {"relay.pin"}, keys)

    def test_the_service_manager_hears_how_it_is(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(PATIENCE)
        path = holder.name + "/notify"
        manager.bind(path)
        os.environ.update(NOTIFY_SOCKET=path, WATCHDOG_USEC="200000")
        try:
            server = self.start()
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
        heard = [manager.recv(64) for _ in range(4)]
        self.assertEqual([b"READY=1"] + [b"WATCHDOG=1"] * 3, heard)
        self.assertEqual(0, server.stop())
        while manager.recv(64) != b"STOPPING=1":
            pass

    def test_the_unit_is_sound(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze")
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        unit = pathlib.Path(holder.name) / "coordd.service"
        text = (ROOT / "daemons/coordd/systemd/coordd.service").read_text()
        unit.write_text(text.replace("/usr/bin/coordd", str(COORDD)))
        for command in (["verify", "--man=no"],
                        ["security", "--offline=true", "--threshold=20"]):
            done = subprocess.run(["systemd-analyze", *command, unit],
                                  capture_output=True, text=True, check=False,
                                  timeout=PATIENCE)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            if command[0] == "verify":
                self.assertEqual("", done.stderr)

    def test_what_is_no_request_is_answered(self):
        server = self.start()
        for request, text in (([], "not a JSON object"),
                              ({}, '"verb" is missing'),
                              ({"verb": 7}, '"verb" is missing'),
                              ({"verb": "no.such"}, "unknown verb"),
                              ({"verb": "users.add", "user": 7}, "wrong type"),
                              ({"verb": "users.add"}, '"user" is missing')):
            answer, = server.lines(request)
            self.assertIn(text, answer["error"])


if __name__ == "__main__":
    if not COORDD.exists():
        sys.exit(77)
    unittest.main(verbosity=2)
