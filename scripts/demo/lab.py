"""The demo's cast: relays, STUN servers and mesh nodes on a simulated network."""
import dataclasses
import json
import os
import pathlib
import subprocess
import time

RELAYS = {"relay1": "203.0.113.11", "relay2": "203.0.113.12"}
STUN_SERVERS = {"stun1": "203.0.113.21", "stun2": "203.0.113.22"}


@dataclasses.dataclass(frozen=True)
class Node:
    """One mesh host, and what its NATs do (mapping/filtering, RFC 4787)."""
    name: str
    site: str
    behaviour: str
    label: str
    relay: str
    address: str


NODES = [
    Node("public", "internet", "EI/EI", "no NAT", "relay1", "10.77.0.1"),
    Node("home1", "home", "EI/APD", "home NAT, first host", "relay1",
         "10.77.0.2"),
    Node("home2", "home", "EI/APD", "home NAT, second host", "relay2",
         "10.77.0.3"),
    Node("portres", "portres", "EI/APD", "port-restricted NAT", "relay1",
         "10.77.0.4"),
    Node("fullcone", "fullcone", "EI/EI", "full-cone NAT", "relay2",
         "10.77.0.5"),
    Node("symmetric", "symmetric", "APD/APD", "symmetric NAT", "relay1",
         "10.77.0.6"),
    Node("cgn", "cgn", "APD/APD", "home NAT behind a carrier's NAT", "relay2",
         "10.77.0.7"),
    Node("blocked", "blocked", "blocked", "UDP blocked", "relay1",
         "10.77.0.8"),
]


class LabError(Exception):
    """Something did not come up; the text says what and where to look."""


def wait_until(what, condition, seconds):
    """Polls until `condition` gives a true value, which is returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"gave up after {seconds} s waiting for {what}")
        time.sleep(0.05)


class Lab:
    """Starts the daemons inside `network` (a running simulation)."""

    def __init__(self, network, bin_dir, work_dir):
        self.network = network
        self.bin = pathlib.Path(bin_dir).resolve()
        self.work = pathlib.Path(work_dir).resolve()
        self.work.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.processes = {}
        self.started_at = {}
        self.pins = {}

    # Set-up, in the order of the story.

    def start_relays(self):
        for host, address in RELAYS.items():
            log = self.spawn(host, host, [
                self.bin / "derpd", "--dev", "--hostname", address,
                "--listen", f"{address}:443", "--stun-listen",
                f"{address}:3478"])
            self.pins[host] = wait_until(
                f"{host} to print its pin ({log})",
                lambda: self._find_pin(host, log), 120)

    def start_stun_servers(self):
        for host, address in STUN_SERVERS.items():
            self.spawn(host, host, [self.bin / "stunsrv", "--listen",
                                     f"{address}:3478"])

    def write_mesh_file(self):
        """Makes the keys and the inventory; returns the file's path."""
        lines = ["[mesh]", 'name = "demo"', ""]
        for host, address in RELAYS.items():
            lines += ["[[relay]]", f'name = "{host}"', f'host = "{address}"',
                      f'pin = "{self.pins[host]}"', ""]
        for address in STUN_SERVERS.values():
            lines += ["[[stun]]", f'host = "{address}"', ""]
        for node in NODES:
            lines += ["[[node]]", f'name = "{node.name}"',
                      f'public_key = "{self._make_key(node.name)}"',
                      f'addresses = ["{node.address}"]',
                      f'relay = "{node.relay}"', ""]
        path = self.work / "mesh.toml"
        path.write_text("\n".join(lines))
        return path

    def start_node(self, node, mesh_file):
        self.started_at[node.name] = time.time()
        self.spawn(node.name, node.name, [
            self.bin / "meshnode", "up", "--mesh", mesh_file, "--name",
            node.name, "--key-file", self._key_path(node.name), "--control",
            self.control(node.name), "--tun", "mesh0"])

    def wait_for_node(self, node):
        """Until the node's home relay has taken its login."""
        def is_ready():
            state = self.status(node.name)
            return state and any(relay["home"] and relay["up"]
                                 for relay in state["relays"])
        wait_until(f"{node.name} to reach its relay "
                   f"({self._log(node.name)})", is_ready, 120)

    # Questions to running nodes.

    def status(self, name):
        """The node's state as a dict, or None while it does not answer."""
        self.check_alive(name)
        result = subprocess.run(
            [self.bin / "meshnode", "status", "--json", "--control",
             self.control(name)], capture_output=True, text=True,
            timeout=120, check=False)
        return json.loads(result.stdout) if result.returncode == 0 else None

    def path(self, name, peer):
        """The path from `name` to `peer`: a dict with "kind"."""
        state = self.status(name)
        for entry in state["peers"] if state else []:
            if entry["name"] == peer:
                return entry["path"]
        return {"kind": "none"}

    def relays(self):
        """Their addresses by name."""
        return dict(RELAYS)

    def stop_nodes(self):
        """Ends the nodes, and leaves the servers."""
        self._end([self.processes.pop(node.name) for node in NODES])

    def stop(self):
        """Ends what was started, politely first."""
        self._end(self.processes.values())

    @staticmethod
    def _end(processes):
        processes = list(processes)
        for process in processes:
            if process.poll() is None:
                process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # Helpers.

    def spawn(self, name, host, argv):
        """Starts a program on a host, or without one: as it says itself."""
        log = self._log(name)
        words = [str(word) for word in argv]
        start = subprocess.Popen if host is None else (
            lambda *arguments, **options: self.network.popen(
                host, *arguments, **options))
        with open(log, "a", encoding="utf-8") as out:
            self.processes[name] = start(words, stdout=out,
                                         stderr=subprocess.STDOUT)
        return log

    def check_alive(self, name):
        process = self.processes.get(name)
        if process and process.poll() is not None:
            tail = self._log(name).read_text(errors="replace")[-2000:]
            raise LabError(f"{name} ended with status {process.returncode}; "
                           f"its last words:\n{tail}")

    def _find_pin(self, host, log):
        self.check_alive(host)
        for word in log.read_text(errors="replace").split():
            pin = word.strip("\"',;")
            if pin.startswith("sha256-raw:") and len(pin) == 75:
                return pin
        return None

    def _make_key(self, name):
        private = subprocess.run([self.bin / "meshnode", "genkey"], check=True,
                                 capture_output=True).stdout
        path = self._key_path(name)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                               0o600), "wb") as file:
            file.write(private)
        return subprocess.run([self.bin / "meshnode", "pubkey"], check=True,
                              input=private, capture_output=True
                              ).stdout.decode().strip()

    def _key_path(self, name):
        return self.work / f"{name}.key"

    def control(self, name):
        return self.work / f"{name}.sock"

    def _log(self, name):
        return self.work / f"{name}.log"
