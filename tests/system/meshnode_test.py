#!/usr/bin/env python3
"""The command line of meshnode: keys, check, errors, control socket."""
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import unittest

from meshnode_support import (DEADLINE, MESHNODE, ROOT, make_key, node_text, run,
                              status, wait_for)


class Folder(unittest.TestCase):
    """A test with a folder and a mesh of two nodes in it, without relays."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="meshnode-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.mesh = self.folder / "mesh.toml"
        self.control = self.folder / "a.sock"
        self.keys = {name: make_key(self.folder, name) for name in "ab"}
        self.mesh.write_text(
            '[mesh]\nname = "test"\n'
            + node_text("a", self.keys["a"], "10.77.0.1")
            + node_text("b", self.keys["b"], "10.77.0.2"))

    def up_arguments(self, *more, name="a"):
        return ["up", "--mesh", self.mesh, "--name", name, "--control",
                self.control, "--no-tun", "--no-port-mapping", *more]

    def start(self, *more):
        process = subprocess.Popen(
            [MESHNODE, *map(str, self.up_arguments(*more))],
            stderr=subprocess.PIPE, text=True)

        def end():
            process.kill()
            process.communicate()
        self.addCleanup(end)
        wait_for("the node to answer", lambda: status(self.control))
        return process

    def assert_fails(self, arguments, *texts, code=1):
        done = run(*arguments)
        self.assertEqual(done.returncode, code, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)


class Keys(unittest.TestCase):
    def test_prints_one_line_of_base64(self):
        for command in ("genkey", "genpsk"):
            self.assertRegex(run(command).stdout, r"\A[A-Za-z0-9+/]{43}=\n\Z")
            self.assertNotEqual(run(command).stdout, run(command).stdout)

    @unittest.skipUnless(shutil.which("wg"), "wireguard-tools is missing")
    def test_agrees_with_wg(self):
        for make in ([MESHNODE, "genkey"], ["wg", "genkey"]):
            key = subprocess.run(make, capture_output=True, check=True).stdout
            ours, theirs = (
                subprocess.run([program, "pubkey"], input=key, check=True,
                               capture_output=True).stdout
                for program in (MESHNODE, "wg"))
            self.assertEqual(ours, theirs)

    def test_pubkey_refuses_what_is_no_key(self):
        for text in ("", "abc", "x" * 44, "A" * 43 + "=\nmore\n", "A" * 200):
            done = run("pubkey", input=text)
            self.assertEqual((done.returncode, done.stdout), (1, ""), text)
            self.assertIn("one private key", done.stderr)

    def test_warns_when_others_may_read_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            for mode, warns in ((0o644, True), (0o600, False)):
                path = pathlib.Path(folder) / "key"
                with open(path, "wb") as out:
                    os.fchmod(out.fileno(), mode)
                    done = subprocess.run([MESHNODE, "genkey"], stdout=out,
                                          stderr=subprocess.PIPE, check=True)
                self.assertEqual(b"umask 077" in done.stderr, warns)


class Completions(unittest.TestCase):
    def complete(self, *words):
        """What bash offers for the last of `words`."""
        script = (
            'source <("$1" completions bash); shift; COMP_WORDS=("$@"); '
            'COMP_CWORD=$(($# - 1)); COMPREPLY=(); _meshnode; '
            'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(
            ["bash", "-c", script, "bash", MESHNODE, MESHNODE, *words],
            capture_output=True, text=True, check=True, timeout=DEADLINE)
        self.assertEqual("", done.stderr)
        return done.stdout.split()

    def test_bash_completes_commands_and_options(self):
        self.assertEqual(["genkey", "genpsk"], self.complete("gen"))
        self.assertIn("status", self.complete(""))
        self.assertEqual(["--json"], self.complete("status", "--js"))
        self.assertIn("--auth-key-file", self.complete("up", "--auth"))
        self.assertEqual(["accept-dns=", "accept-routes="],
                         self.complete("set", "acc"))

    def test_every_shell_takes_its_script(self):
        for shell in ("bash", "zsh", "fish"):
            done = run("completions", shell)
            self.assertEqual(0, done.returncode)
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=done.stdout, text=True,
                               check=True, timeout=DEADLINE)
        self.assertEqual(2, run("completions", "tcsh").returncode)


class Output(Folder):
    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_what_cannot_be_written_is_a_failure(self):
        self.start()
        target = ["--control", self.control]
        for command in (["--help"], ["--version"], ["up", "--help"],
                        ["check", self.mesh], ["completions", "bash"],
                        ["genkey"], ["genpsk"],
                        ["render", self.mesh, "--out", self.folder / "out"],
                        ["status", *target], ["status", "--json", *target],
                        ["ip", *target], ["whois", "b", *target],
                        ["wait", "--json", *target], ["debug", *target]):
            with self.subTest(command=command), open("/dev/full", "wb") as full:
                done = subprocess.run(
                    [MESHNODE, *map(str, command)], stdout=full,
                    stderr=subprocess.PIPE, text=True, check=False,
                    cwd=self.folder, timeout=DEADLINE)
                self.assertEqual(1, done.returncode)
                self.assertIn("cannot write the", done.stderr)


    def test_a_bundle_that_cannot_be_written_is_a_failure(self):
        def no_files():  # more than none
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        done = run("debug", self.folder / "bundle", "--control", self.control,
                   preexec_fn=no_files, restore_signals=False)
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertIn(f"cannot write {self.folder}/bundle/version.txt: File "
                      "too large", done.stderr)


class Terminal(Folder):
    """What other machines say does nothing to the terminal that shows it."""

    def answer(self, *lines):
        """A node whose answer to anything is these lines."""
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(str(self.control))
        server.listen()

        def serve():
            stream, _ = server.accept()
            with stream:
                stream.recv(4096)
                for line in lines:
                    stream.sendall(json.dumps(line).encode() + b"\n")
                stream.recv(4096)
        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)

    def test_errors_of_a_server(self):
        self.answer({"error": "refused:\n\x1b[2Jall is fine\x9b"})
        done = run("rekey", "--control", self.control)
        self.assertEqual(1, done.returncode)
        self.assertEqual("meshnode rekey: refused:\n\\x1b[2Jall is "
                         "fine\\xc2\\x9b\n", done.stderr)

    def test_names_of_peers(self):
        path = {"kind": "relay", "relay": "e\x1bu"}
        self.answer(
            {"ping": {"peer": "b\x1b[2J", "address": "10.77.0.2"}},
            {"reply": {"seq": 1, "time_ms": 5, "path": path}},
            {"lost": {"seq": 2}}, {"done": {"sent": 2, "received": 1}})
        done = run("ping", "b", "--control", self.control)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(3, done.stdout.count("b\\x1b[2J"))
        self.assertIn("e\\x1bu", done.stdout)
        self.assertNotIn("\x1b", done.stdout)

    def test_settings(self):
        self.answer({"result": {"settings": {"hostname": "a\x1b"}}})
        done = run("set", "--control", self.control)
        self.assertEqual("hostname=a\\x1b\n", done.stdout)


class Check(Folder):
    def test_accepts_a_good_file_and_counts_warnings(self):
        done = run("check", self.mesh)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("warning: ", done.stdout)  # there is no relay
        self.assertIn("2 nodes, 0 relays; 1 warning", done.stdout)
        self.assertEqual(run("check", "--strict", self.mesh).returncode, 1)

    def test_for_scripts(self):
        done = run("check", "--json", self.mesh)
        said = json.loads(done.stdout)
        self.assertEqual((0, True, 2, 0), (
            done.returncode, said["ok"], said["nodes"], said["relays"]))
        self.assertEqual(["warning"],
                         [found["severity"] for found in said["findings"]])
        self.mesh.write_text("[mesh]\nnmae = \"x\"\n")
        done = run("check", "--json", self.mesh)
        said = json.loads(done.stdout)
        self.assertEqual((1, False), (done.returncode, said["ok"]))
        self.assertIn(("error", 2), [(found["severity"], found["line"])
                                     for found in said["findings"]])

    def test_names_file_and_line_of_every_error(self):
        self.mesh.write_text("[mesh]\nnmae = \"x\"\n[[node]]\nname = \"a\"\n")
        done = run("check", self.mesh)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.mesh}:2: error: ", done.stdout)
        self.assertRegex(done.stdout.splitlines()[-1], r"\d+ errors")

    def test_usage_is_exit_code_2(self):
        self.assertEqual(run("check").returncode, 2)
        self.assertEqual(run("check", "--wrong", self.mesh).returncode, 2)
        self.assertEqual(run("check", "--help").returncode, 0)

    def test_a_file_that_is_not_there(self):
        self.assert_fails(["check", self.folder / "none.toml"], "none.toml: ")


class UpErrors(Folder):
    def test_broken_toml_has_its_line(self):
        self.mesh.write_text("[mesh]\nname = \n")
        self.assert_fails(self.up_arguments(), f"{self.mesh}:2: error")

    def test_unknown_name_lists_the_names(self):
        self.assert_fails(self.up_arguments(name="c"),
                          'no node "c"', "its nodes are a, b")

    def test_missing_key_file_says_how_to_make_one(self):
        (self.folder / "a.key").unlink()
        self.assert_fails(self.up_arguments(), "a.key", "meshnode genkey >")

    def test_key_readable_by_others(self):
        (self.folder / "a.key").chmod(0o640)
        self.assert_fails(self.up_arguments(), "chmod 600")

    def test_key_of_another_node_names_both_public_keys(self):
        self.assert_fails(
            self.up_arguments("--key-file", self.folder / "b.key"),
            self.keys["a"], self.keys["b"])

    def test_port_in_use(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("0.0.0.0", 0))
            port = taken.getsockname()[1]
            self.assert_fails(self.up_arguments("--listen-port", port),
                              f"UDP port {port} is in use", "--listen-port")

    def test_bad_psk_file(self):
        psk = self.folder / "psk"
        psk.touch(0o600)
        psk.write_text("short\n")
        self.assert_fails(self.up_arguments("--psk-file", psk), "genpsk")

    def test_unknown_log_level_is_usage(self):
        self.assert_fails(self.up_arguments("--log-level", "loud"), "loud",
                          code=2)

    def up_with_tun(self, *wrapper):
        return subprocess.run(
            [*wrapper, MESHNODE, "up", "--mesh", self.mesh, "--name", "a",
             "--control", self.control, "--tun", "natkit-test",
             "--no-port-mapping"],
            capture_output=True, text=True, check=False, timeout=DEADLINE)

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"),
                         "needs root and setpriv")
    def test_no_permission_for_tun(self):
        done = self.up_with_tun("setpriv", "--bounding-set=-all",
                                "--inh-caps=-all")
        self.assertEqual(done.returncode, 1)
        self.assertIn("CAP_NET_ADMIN", done.stderr)
        self.assertFalse(self.control.exists())

    @unittest.skipUnless(os.geteuid() == 0 and os.path.isdir("/dev/net"),
                         "needs root and /dev/net")
    def test_no_tun_device_file(self):
        done = self.up_with_tun(
            "unshare", "-m", "sh", "-c",
            'mount -t tmpfs none /dev/net && exec "$@"', "sh")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/dev/net/tun", done.stderr)
        self.assertIn("modprobe tun", done.stderr)


class UpUsage(Folder):
    """Command lines that cannot be right are exit status 2, before anything is
    opened."""

    def refuse(self, *options, text):
        with self.subTest(options=options):
            self.assert_fails(["up", *options], text, code=2)

    def test_a_node_of_a_file_refuses_options_of_one_that_joins(self):
        for option in (["--exit-node", "b"], ["--advertise-routes", "10.0.0.0/8"],
                       ["--auth-key", "k"], ["--state", "s"],
                       ["--posture-file", "p"], ["--no-accept-dns"],
                       ["--hostname", "a"], ["--ephemeral"],
                       ["--snat-subnet-routes=false"]):
            self.refuse("--mesh", self.mesh, "--name", "a", *option,
                        text=option[0].split("=")[0] + " is of a node that")
        self.refuse("--auth-key", "k", text="--auth-key is of a node that")

    def test_the_environment_is_no_option(self):
        environment = {**os.environ, "NATKIT_AUTH_KEY": "k"}
        done = run(*self.up_arguments(name="c"), env=environment)
        self.assertEqual(1, done.returncode)
        self.assertIn('no node "c"', done.stderr)

    def test_a_node_that_joins_refuses_options_of_a_file(self):
        self.refuse("--server", "h", "--mesh", self.mesh, text="exclude")
        self.refuse("--server", "h", "--key-file", "k", text="--key-file is of")
        self.refuse("--server", "h", "--psk-file", "k", text="--psk-file is of")

    def test_values_are_checked(self):
        empty = self.folder / "empty"
        empty.touch(0o600)
        empty.write_text("\n")
        pin = "sha256-raw:" + "0" * 64
        for options, text in (
                (["--server", "http://h"], "https://HOST"),
                (["--server", "h:99999"], '"99999" is not a port'),
                (["--server", "h", "--server-pin", "bad"], "is no pin"),
                (["--server", "h", "--server-pin", pin[:-1]], "is no pin"),
                (["--server", "h", "--advertise-routes", "10.0.0.0/33"],
                 "is no network"),
                (["--server", "h", "--advertise-routes", "0.0.0.0/0"],
                 "offer it by advertise-exit-node"),
                (["--server", "h", "--exit-node", "a b"], "no node's name"),
                (["--server", "h", "--exit-node", ""], "the value is empty"),
                (["--server", "h", "--advertise-routes", ""],
                 "the value is empty"),
                (["--server", "h", "--exit-node", "b", "--advertise-exit-node"],
                 "exclude each other"),
                (["--server", "h", "--auth-key", ""], "--auth-key: "),
                (["--server", "h", "--auth-key-file", ""], "--auth-key-file: "),
                (["--server", "h", "--auth-key-file", empty], "no auth key"),
                (["--server", "h", "--auth-key", "k" * 129], "129 bytes"),
                (["--server", "h", "--advertise-tags", "web"],
                 "write tag:web"),
                (["--server", "h", "--advertise-tags", "tag:a,tag:1"],
                 '"tag:1" is no tag'),
                (["--server", "h", "--advertise-tags", "tag:" + "a" * 250],
                 "at most 253 bytes"),
                (["--server", "h", "--advertise-tags", ",".join(
                    f"tag:t{number}" for number in range(65))],
                 "at most 64 tags, not 65"),
                (["--server", "h", "--tun", "way-too-long-name"], "1 to 15"),
                (["--server", "h", "--tun", "a b"], "without blanks"),
                (["--server", "h", "--tun", "a/b"], "is no name of a network"),
                (["--server", "h", "--tun", "wg%d"], "is no name of a network"),
                *((["--server", "h", "--hostname", name], "up to 63")
                  for name in ("", "...", "Ann's Laptop", "a" * 64))):
            self.refuse(*options, text=text)

    def test_settings_are_checked_before_the_node_is_asked(self):
        for words, text in ((["foo=bar"], 'no setting "foo"'),
                            (["accept-dns=maybe"], "true or false"),
                            (["hostname=two words"], "without blanks"),
                            (["hostname"], "KEY=VALUE")):
            self.assert_fails(["set", *words, "--control", self.control], text,
                              code=2)


class Render(Folder):
    """What is missing of the folders of secrets is not taken for none."""

    def setUp(self):
        super().setUp()
        text = '[fleet]\ntopology = "full"\n'
        for number, name in enumerate("ab", start=1):
            text += node_text(name, self.keys[name], f"10.77.0.{number}",
                              f'endpoint = "192.0.2.{number}:51820"')
        self.mesh.write_text(text)
        self.psks = self.folder / "psks"
        self.psks.mkdir()
        self.write_psk("a+b")
        self.render("--psk-dir", self.psks)

    def write_psk(self, pair):
        path = self.psks / f"{pair}.psk"
        path.touch(0o600)
        path.write_text(run("genpsk").stdout)

    def render(self, *options, code=0):
        done = run("render", self.mesh, "--out", self.folder / "out", *options)
        self.assertEqual(code, done.returncode, done.stderr)
        return done

    def conf(self):
        return (self.folder / "out/a/wg0.conf").read_text()

    def test_a_folder_that_is_not_there_is_an_error(self):
        before = self.conf()
        self.assertIn("PresharedKey", before)
        for option in ("--psk-dir", "--keys-dir"):
            done = self.render(option, self.folder / "none", code=1)
            self.assertIn(f"{self.folder}/none: cannot read this folder: No "
                          "such file or directory", done.stderr)
            self.render(option, "", code=2)
        self.assertEqual(before, self.conf())
        done = run("verify", self.mesh, self.folder, "--psk-dir",
                   self.folder / "none")
        self.assertEqual(2, done.returncode)

    def test_for_scripts(self):
        said = json.loads(self.render("--json").stdout)
        self.assertEqual((str(self.folder / "out"), []), (
            said["out"], [path for path in said["changed"]
                          if "wg0.conf" not in path]))
        self.assertNotIn("PresharedKey", self.conf())
        self.assertEqual([], json.loads(self.render("--json").stdout)["changed"])

    def test_a_rotation_for_scripts(self):
        text = self.mesh.read_text()
        key = make_key(self.folder, "a.next")
        self.mesh.write_text(text.replace(
            'name = "a"\n', f'name = "a"\nnext_public_key = "{key}"\n', 1))
        command = ("rotate", self.mesh, "--out", self.folder / "out", "--json")
        said = json.loads(run(*command).stdout)
        self.assertEqual(("a", "announce"), (said["node"], said["step"]))
        self.assertIn("apply the files", said["advice"])
        self.assertIn("b/wg0.conf", said["changed"])
        said = json.loads(run(*command, "--abort").stdout)
        self.assertIsNone(said["step"])
        self.assertIn("given up", said["advice"])

    def test_files_that_nobody_asks_for_are_named(self):
        self.write_psk("b+a")
        done = self.render("--psk-dir", self.psks, "--keys-dir", self.folder)
        self.assertIn(f"{self.psks}/b+a.psk: warning: not used", done.stderr)
        self.assertNotIn("a+b.psk", done.stderr)
        self.assertNotIn(".key", done.stderr)
        make_key(self.folder, "c")
        make_key(self.folder, "a.next")
        done = self.render("--keys-dir", self.folder)
        self.assertIn(f"{self.folder}/c.key: warning: not used", done.stderr)
        self.assertNotIn("a.next", done.stderr)


class Control(Folder):
    @unittest.skipUnless(os.geteuid() == 0, "needs other users")
    def test_others_may_read_and_not_change(self):
        self.start("--operator", "4001")
        self.folder.chmod(0o755)
        self.assertEqual(stat.S_IMODE(self.control.stat().st_mode), 0o666)
        for user, may_change in ((4002, False), (4001, True)):
            others = {"user": user, "group": user, "extra_groups": []}
            target = ["--control", self.control]
            self.assertEqual(run("status", *target, **others).returncode, 0)
            self.assertEqual(run("ip", *target, **others).stdout,
                             "10.77.0.1\n")
            self.assertIn("no reply",
                          run("ping", "b", "-c", "1", "-W", "0.1", *target,
                              **others).stdout)
            for command in (["set", "accept-dns=true"], ["logout"], ["set"],
                            ["down"]):
                done = run(*command, *target, **others)
                self.assertEqual("--operator" in done.stderr, not may_change,
                                 (command, done.stderr))
            running = run("status", *target).returncode == 0
            self.assertEqual(running, not may_change)

    def test_an_operator_who_is_nobody_is_usage(self):
        self.assert_fails(self.up_arguments("--operator", "no-such-user"),
                          "there is no user", code=2)

    def test_addresses_and_their_owners(self):
        self.start()
        target = ["--control", self.control]
        self.assertEqual(run("ip", "b", *target).stdout, "10.77.0.2\n")
        self.assertEqual(json.loads(run("ip", "--json", *target).stdout),
                         ["10.77.0.1"])
        self.assert_fails(["ip", "-6", *target], "no address")
        self.assert_fails(["ip", "c", *target], 'no node "c"')
        for address in ("10.77.0.2", "10.77.0.2:22"):
            owner = json.loads(run("whois", address, "--json",
                                   *target).stdout)
            self.assertEqual(("b", self.keys["b"]),
                             (owner["HostName"], owner["PublicKey"]))
        self.assertIn("10.77.0.1", run("whois", "10.77.0.1", *target).stdout)
        self.assert_fails(["whois", "10.77.0.3", *target], "10.77.0.3")
        self.assertIn("10.77.0.2", run("whois", "B", *target).stdout)
        self.assertEqual(run("ip", "B", *target).stdout, "10.77.0.2\n")
        self.assert_fails(["whois", "nonsense", *target],
                          'no node "nonsense"')

    def test_wait_is_over_when_the_node_runs(self):
        target = ["--control", self.control]
        self.assert_fails(["wait", "--timeout", "0.3", *target],
                          "no node answers")
        waiting = subprocess.Popen([MESHNODE, "wait", *map(str, target)])
        self.start()
        self.assertEqual(waiting.wait(DEADLINE), 0)
        self.assert_fails(["wait", "b", "--timeout", "0.5", *target],
                          "b does not answer")

    def test_a_node_of_a_file_has_no_settings(self):
        self.start()
        target = ["--control", self.control]
        self.assert_fails(["set", "accept-dns=true", *target], "mesh file")
        self.assert_fails(["logout", *target], "mesh file")
        self.assertTrue(status(self.control))

    def test_status_as_json_and_as_table(self):
        self.start()
        state = status(self.control)
        self.assertEqual(list(state), [
            "mesh", "name", "public_key", "addresses", "local_endpoints",
            "reflexive", "mapping_lifetime_s", "port_mapping", "relays",
            "peers", "counters", "BackendState", "Health", "MeshDomain",
            "Self", "DNS", "ExitNode", "Peer"])
        self.assertEqual("Running", state["BackendState"])
        self.assertEqual(["10.77.0.1"], state["Self"]["MeshIPs"])
        self.assertEqual("b", state["Peer"][self.keys["b"]]["HostName"])
        self.assertEqual(state["public_key"], self.keys["a"])
        peer, = state["peers"]
        self.assertEqual(list(peer), [
            "name", "public_key", "addresses", "path", "suspect",
            "resting", "keepalive_s", "last_handshake_unix", "rx_bytes", "tx_bytes"])
        self.assertEqual(peer["path"], {
            "kind": "none", "relay": None, "remote": None, "local": None,
            "rtt_ms": None, "loss": None})
        table = run("status", "--control", self.control).stdout
        self.assertRegex(table, r"PEER +ADDRESS +PATH +RTT +HANDSHAKE")
        self.assertRegex(table, r"b +10\.77\.0\.2 +none +- +never +0 B")

    def test_ping_without_a_path_fails(self):
        self.start()
        done = run("ping", "b", "-c", "2", "-i", "0.05", "-W", "0.1",
                   "--control", self.control)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no reply from b (10.77.0.2): seq=2", done.stdout)
        self.assertIn("2 sent, 0 received", done.stdout)

    def test_ping_and_down_for_scripts(self):
        process = self.start()
        target = ["--json", "--control", self.control]
        done = run("ping", "b", "-c", "1", "-W", "0.1", *target)
        self.assertEqual([
            {"peer": "b", "address": "10.77.0.2", "seq": 1, "time_ms": None},
            {"peer": "b", "address": "10.77.0.2", "sent": 1, "received": 0,
             "round_trip_ms": None}],
            [json.loads(line) for line in done.stdout.splitlines()])
        self.assertEqual({"stopped": True},
                         json.loads(run("down", *target).stdout))
        self.assertEqual(process.wait(DEADLINE), 0)
        done = run("down", *target)
        self.assertEqual(("", 3), (done.stdout, done.returncode))

    def test_a_peer_is_found_by_its_address_and_in_any_case(self):
        self.start()
        target = ["--control", self.control]
        for name in ("B", "10.77.0.2"):
            done = run("ping", name, "-c", "1", "-W", "0.1", *target)
            self.assertIn("1 sent, 0 received", done.stdout, done.stderr)
            why = run("status", "--why", name, "--json", *target)
            self.assertEqual("b", json.loads(why.stdout)["peer"])
        for name in ("a", "10.77.0.1", "c"):
            self.assert_fails(["status", "--why", name, *target], "no peer")

    def test_ping_of_nobody(self):
        self.start()
        for name, text in (("c", "its peers are b"), ("a", "itself")):
            self.assert_fails(["ping", name, "--control", self.control], text)

    def test_second_node_on_the_socket(self):
        self.start()
        self.assert_fails(self.up_arguments(), "already", "--control")

    def test_down_stops_and_cleans_up(self):
        process = self.start()
        self.assertEqual(run("down", "--control", self.control).returncode, 0)
        self.assertEqual(process.wait(DEADLINE), 0)
        self.assertFalse(self.control.exists())

    def test_signals_stop_and_clean_up(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process = self.start()
            process.send_signal(number)
            self.assertEqual(process.wait(DEADLINE), 0)
            self.assertFalse(self.control.exists())

    def test_nohup_keeps_it_running(self):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGHUP, before)
        process = self.start()
        process.send_signal(signal.SIGHUP)
        self.assertTrue(status(self.control))
        self.assertIsNone(process.poll())

    def test_tells_the_service_manager(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self.folder / "notify"))
            manager.settimeout(DEADLINE)
            os.environ["NOTIFY_SOCKET"] = str(self.folder / "notify")
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET")
            process = self.start()
            self.assertEqual(b"READY=1", manager.recv(512))
            process.send_signal(signal.SIGTERM)
            self.assertEqual(b"STOPPING=1", manager.recv(512))

    @unittest.skipUnless(shutil.which("systemd-analyze"),
                         "systemd-analyze is missing")
    def test_the_unit_is_sound(self):
        unit = (ROOT / "daemons/meshnode/systemd/meshnode@.service").read_text()
        path = self.folder / "meshnode@natkit0.service"
        path.write_text(unit.replace("/usr/bin/meshnode", MESHNODE))
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", path],
            capture_output=True, text=True, timeout=DEADLINE, check=False)
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_stale_socket_is_replaced(self):
        process = self.start()
        process.kill()
        process.wait()
        self.assertTrue(self.control.exists())
        self.start()

    def test_no_node_running(self):
        for command in (["status"], ["down"], ["ping", "b"]):
            self.assert_fails([*command, "--control", self.control],
                              "no node answers", "meshnode up", code=3)

    def test_garbage_on_the_socket_is_answered(self):
        self.start()
        for line, text in ((b"hello\n", b"JSON"), (b"{}\n", b"no command"),
                           (b"x" * 5000, b"too long")):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(DEADLINE)
                client.connect(str(self.control))
                client.sendall(line)
                answer = client.recv(4096)
                self.assertIn(b'{"error":', answer)
                self.assertIn(text, answer)
        self.assertTrue(status(self.control))


if __name__ == "__main__":
    unittest.main(verbosity=2)
