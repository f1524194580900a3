#!/usr/bin/env python3
"""What people do with a node that joined every day: status for scripts, wait,
settings that outlive the run, a bundle for the one who looks for a fault, and
leaving. Two machines as in meshnode_names_test."""
import json
import os
import pathlib
import signal
import subprocess
import sys

from meshnode_dns_test import wait_for
from meshnode_names_test import DOMAIN, ORIGINAL, SERVER, Network, main
from meshnode_support import DEADLINE, MESHNODE

STATE = "/var/lib/natkit/mesh0"

# Opens many connections to the socket and says nothing on them.
HOG = """
import os, socket, sys
os.setuid(65534)
held = []
for _ in range(100):
    one = socket.socket(socket.AF_UNIX)
    one.connect(sys.argv[1])
    held.append(one)
print("held", flush=True)
sys.stdin.read()
"""

# Ends each connection at once.
DEAF = """
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("ready", flush=True)
while True:
    server.accept()[0].close()
"""


class Daily(Network):
    def node(self, *words):
        return self.ann.run(MESHNODE, *words, "--name", "mesh0")

    def json(self, *words):
        done = self.node(*words, "--json")
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def test_status_for_scripts(self):
        address = self.start_both()
        waited = self.json("wait", "bob", "--timeout", str(DEADLINE))
        self.assertEqual((True, "Running", "bob", None),
                         tuple(waited[key] for key in
                               ("ready", "state", "peer", "missing")))
        status = self.json("status")
        self.assertEqual("Running", status["BackendState"])
        self.assertEqual([], status["Health"])
        self.assertEqual(f"ann.{DOMAIN}", status["Self"]["DNSName"])
        self.assertTrue(status["Self"]["Online"])
        self.assertEqual("file", status["DNS"]["System"])
        bob, = status["Peer"].values()
        self.assertEqual(("bob", True), (bob["HostName"], bob["Online"]))
        self.assertEqual("dev@localhost", bob["User"])
        self.assertIn(address, bob["MeshIPs"])
        self.assertGreater(bob["RxBytes"], 0)
        self.assertIsNotNone(bob["LastHandshake"])
        self.assertEqual(address, self.json("ip", "bob", "-4")[0])
        self.assertEqual("bob",
                         self.json("whois", f"{address}:22")["HostName"])

    def test_exit_statuses_tell_how_a_node_stands(self):
        self.assertEqual(3, self.node("status").returncode)
        self.server.key = ""  # an administrator has to approve
        self.ann.start(self.server)
        wait_for("approval", lambda: "NeedsMachineAuth"
                 in self.node("status", "--json").stdout)
        waiting = self.node("status")
        self.assertEqual(4, waiting.returncode)
        self.assertIn("coordd nodes approve", waiting.stdout)
        gave_up = self.node("wait", "--timeout", "0.3", "--json")
        self.assertEqual(1, gave_up.returncode)
        said = json.loads(gave_up.stdout)
        self.assertEqual((False, "NeedsMachineAuth"),
                         (said["ready"], said["state"]))
        self.assertIn("NeedsMachineAuth", said["missing"])
        self.assertGreater(said["waited_s"], 0.2)
        node, = self.admin("nodes", "list")
        self.admin("nodes", "approve", node["code"], "--user",
                   "dev@localhost")
        self.assertEqual(0, self.node("wait", "--timeout",
                                      str(DEADLINE)).returncode)
        self.assertEqual(0, self.node("status").returncode)

    def start_alone(self, pin=True, key=None):
        """ann, with the key, the pin or without them."""
        self.ann.node = subprocess.Popen(
            [*self.ann.enter(), MESHNODE, "up", "--server",
             self.server.address, "--hostname", "ann", "--tun", "mesh0",
             "--no-port-mapping",
             *(["--server-pin", self.server.pin] if pin else []),
             *(["--auth-key", key] if key else [])],
            stderr=self.ann.log)

    def test_a_refused_key_ends_up_and_wait(self):
        self.admin("keys", "revoke", self.admin("keys", "list")[0]["id"])
        for key, why in (("nkauth-nonsense", "the auth key is not known here"),
                         (self.server.key, "the auth key was revoked")):
            waiting = subprocess.Popen(
                [*self.ann.enter(), MESHNODE, "wait", "--name", "mesh0",
                 "--timeout", str(DEADLINE)], stderr=subprocess.PIPE,
                text=True)
            self.start_alone(key=key)
            _, said = waiting.communicate(timeout=DEADLINE)
            self.assertEqual(4, waiting.returncode, said)
            self.assertIn(why, said)
            self.assertEqual(1, self.ann.node.wait(DEADLINE))
            self.assertIn(f"refused this node: {why}; ask an administrator",
                          self.ann.said())

    def test_an_unknown_certificate_names_server_and_option(self):
        self.start_alone(pin=False)
        self.assertEqual(1, self.node("wait", "--timeout", "0.1").returncode)

        def health():
            status = self.node("status", "--json").stdout
            return [text for text in json.loads(status or "{}").get(
                "Health", []) if "no stream" in text]
        text, = wait_for("the server's certificate", health)
        self.assertIn(f"no stream to {SERVER}:8443: ", text)
        self.assertIn("--server-pin", text)
        self.assertIn(f"connecting to {SERVER}:8443", self.ann.said())

    def test_health_tells_of_exits_routes_and_files(self):
        self.ann.must("mkdir", "-m", "700", "-p", STATE)
        self.ann.must("mount", "-t", "tmpfs", "-o", "size=64k,mode=700",
                      "tmpfs", STATE)
        forwarding = "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"
        self.ann.must("sysctl", "-q", "-w",
                      *(f"{name}=0" for name in forwarding))
        self.start_both()
        self.assertIsNone(self.json("status")["ExitNode"])
        self.node("set", "exit-node=nobody")
        status = self.json("status")
        self.assertEqual({"Name": "nobody", "Usable": False},
                         status["ExitNode"])
        self.assertIn("nobody is not there", status["Health"][0])
        self.assertIn("exit node   nobody (blocked)",
                      self.node("status").stdout)

        self.node("set", "exit-node=none", "advertise-routes=10.9.0.0/16")
        wait_for("the offer", lambda: [
            node for node in self.admin("nodes", "list")
            if node["advertised"] == ["10.9.0.0/16"]])
        self.admin("routes", "approve", "ann", "10.9.0.0/16")
        wait_for("the missing forwarding", lambda: [
            text for text in self.json("status")["Health"]
            if "IP forwarding is off" in text])
        self.ann.must("sysctl", "-q", "-w",
                      *(f"{name}=1" for name in forwarding))
        self.assertEqual([], self.json("status")["Health"])

        self.ann.run("sh", "-c", f"cat /dev/zero > {STATE}/filler")
        self.admin("nodes", "rename", "bob", "bobby")
        text, = wait_for("the full disk",
                         lambda: self.json("status")["Health"])
        self.assertIn(f"cannot write {STATE}/map", text)
        self.assertIn("No space left on device", text)

    def test_settings_are_in_force_and_outlive_the_run(self):
        address = self.start_both()
        done = self.node("set", "accept-dns=false", "hostname=renamed",
                         "advertise-routes=10.9.0.0/16")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("accept-dns=false\n", done.stdout)
        self.assertEqual(ORIGINAL, self.ann.conf())

        def told():
            ann, = [node for node in self.admin("nodes", "list")
                    if node["name"] == "ann"]
            return (ann["host_name"], ann["advertised"]) == (
                "renamed", ["10.9.0.0/16"])
        wait_for("the server to know", told)
        self.assertEqual(2, self.node("set", "accept-dns=maybe").returncode)
        self.assertEqual(2, self.node("set", "accept-dns").returncode)

        self.ann.end(signal.SIGKILL)
        self.ann.start(self.server)
        self.node("wait", "--timeout", str(DEADLINE))
        settings = self.json("set")["settings"]
        self.assertEqual("false", settings["accept-dns"])
        self.assertEqual("10.9.0.0/16", settings["advertise-routes"])
        self.assertEqual(ORIGINAL, self.ann.conf())

        self.node("set", "accept-dns=", "hostname=", "advertise-routes=")
        wait_for("names again", lambda: self.sees("bob", address))
        self.assertEqual("none",
                         self.json("set")["settings"]["advertise-routes"])

    def test_damaged_settings_end_a_start(self):
        self.start_both()
        done = self.node("set", "exit-node=bob")
        self.assertEqual(0, done.returncode, done.stderr)
        done = self.node("set", "exit-node=off")
        self.assertIn("exit-node=off\n", done.stdout)
        self.ann.end(signal.SIGTERM)
        settings = f"{STATE}/settings.json"
        self.ann.must("sh", "-c", f"echo '{{' > {settings}")
        self.ann.start(self.server)
        self.assertEqual(1, self.ann.node.wait(DEADLINE))
        self.ann.log.seek(0)
        self.assertIn("settings.json is damaged", self.ann.log.read())
        self.ann.must("rm", settings)
        self.ann.start(self.server)
        self.assertEqual(0, self.node("wait", "--timeout",
                                      str(DEADLINE)).returncode)

    def start_script(self, script, path):
        process = subprocess.Popen(
            [*self.ann.enter(), sys.executable, "-IS", "-c", script, path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process.stdout.readline().strip()

    def test_nobody_keeps_others_from_the_control_socket(self):
        self.start_both()
        socket = "/run/natkit/mesh0.sock"
        self.assertEqual("held", self.start_script(HOG, socket))
        self.assertEqual(0, self.node("status").returncode)
        readers = self.ann.run("setpriv", "--reuid", "65534", "--clear-groups",
                               MESHNODE, "status", "--name", "mesh0")
        self.assertEqual(0, readers.returncode, readers.stderr)
        done = self.node("down")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(0, self.ann.node.wait(DEADLINE))

    def test_down_fails_where_nobody_answers(self):
        self.start_both()
        path = "/run/deaf.sock"
        self.assertEqual("ready", self.start_script(DEAF, path))
        done = self.ann.run(MESHNODE, "down", "--control", path)
        self.assertEqual(1, done.returncode)
        self.assertIn("the node ended the connection", done.stderr)

    def test_a_bundle_has_no_secrets(self):
        self.start_both()
        folder = pathlib.Path(self.folder) / "bundle"
        said = self.json("debug", str(folder))
        self.assertEqual(str(folder), said["folder"])
        self.assertEqual({path.name for path in folder.iterdir()},
                         set(said["files"]))
        self.assertEqual(0o700, folder.stat().st_mode & 0o777)
        node = json.loads((folder / "node.json").read_text())
        self.assertEqual(DOMAIN, node["map"]["dns"]["domain"])
        self.assertTrue([line for line in node["log"]
                         if "in the mesh" in line])
        self.assertIn("mesh0", (folder / "interfaces.txt").read_text())
        self.assertIn("natkit", (folder / "resolv.conf").read_text())
        secrets = [self.server.key]
        for name in ("machine", "node", "signalling"):
            secrets.append(self.ann.must("cat", f"{STATE}/{name}.key").strip())
        for secret in secrets:
            self.assertGreater(len(secret), 40)
            for path in folder.iterdir():
                self.assertNotIn(secret, path.read_text(), path)
        self.assertEqual(1, self.node("debug", str(folder)).returncode)

    def test_logout_leaves_the_mesh_and_forgets(self):
        self.start_both()
        before = self.ann.must("cat", f"{STATE}/machine.key")
        self.assertEqual({"server_told": True}, self.json("logout"))
        self.assertEqual(0, self.ann.node.wait(DEADLINE))
        self.assertEqual(ORIGINAL, self.ann.conf())
        self.assertEqual(["bob"], [node["name"] for node
                                   in self.admin("nodes", "list")])
        self.assertEqual("", self.ann.must("find", STATE, "-name", "*.key",
                                           "-o", "-name", "map"))
        self.ann.start(self.server)  # as a new machine
        self.address("ann")
        self.assertNotEqual(before,
                            self.ann.must("cat", f"{STATE}/machine.key"))

    def test_logout_without_a_server_says_so(self):
        self.start_both()
        os.kill(self.server.process.pid, signal.SIGKILL)
        wait_for("the node to notice",
                 lambda: self.json("status")["Health"])
        done = self.node("logout")
        self.assertEqual(0, done.returncode)
        self.assertIn("administrator has to remove", done.stderr)
        self.assertEqual(0, self.ann.node.wait(DEADLINE))
        self.assertEqual("", self.ann.must("find", STATE, "-name", "*.key"))


if __name__ == "__main__":
    main(__file__)
