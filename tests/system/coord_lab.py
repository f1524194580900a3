"""A small internet with a coordination server, a relay of its own and hosts
behind NATs that join by auth key."""
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from meshnode_support import (BIN, MESHNODE, run, status,  # noqa: E402
                              wait_for)
from netsim import Simulation  # noqa: E402

COORDD = str(BIN / "coordd")
DERPD = str(BIN / "derpd")
SERVER = "203.0.113.10"
RELAY = "203.0.113.11"
DOMAIN = "mesh.example.com"


def scenario(hosts):
    """The server and the relay in public, every other host behind a NAT of its
    own. `hosts` maps a name to its NAT's profile."""
    text = '[[network]]\nname = "internet"\ncidr = "203.0.113.0/24"\n'
    for name, address in (("server", SERVER), ("relay", RELAY)):
        text += (f'[[host]]\nname = "{name}"\nnetwork = "internet"\n'
                 f'address = "{address}"\n')
    for index, (name, profile) in enumerate(hosts.items()):
        text += f"""
[[network]]
name = "{name}-lan"
cidr = "192.168.{index}.0/24"
[[nat]]
name = "{name}-nat"
profile = "{profile}"
backend = "kernel"
inside = "{name}-lan"
outside = "internet"
address = "203.0.113.{100 + index}"
[[host]]
name = "{name}"
network = "{name}-lan"
address = "192.168.{index}.7"
"""
    return text

# Makes /etc, /run and /var/lib of a host its own.
FURNISH = """
mount -t tmpfs tmpfs /run
mkdir -p /run/etc/up /run/etc/work
mount -t overlay overlay -o \
lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work /etc
mount -t tmpfs tmpfs /var/lib
echo 'hosts: files dns' > /etc/nsswitch.conf
rm -f /etc/resolv.conf
echo 'nameserver 192.0.2.53' > /etc/resolv.conf
echo furnished
exec sleep infinity
"""


class CoordLab:
    """`up` builds all; `close` ends all. What the programs print is in
    `folder`/*.log. Hosts have files of their own in /etc, /run and /var/lib."""

    def __init__(self, hosts):
        self.scratch = tempfile.TemporaryDirectory(prefix="coord-lab-")
        self.folder = pathlib.Path(self.scratch.name)
        self.net = Simulation(scenario(hosts))
        self.server = None
        self.pin = None
        self.nodes = {}
        self.holders = dict.fromkeys(hosts)
        self.started = []

    def up(self):
        self.net.up()
        for host in self.holders:
            self.holders[host] = self.net.popen(
                host, ["unshare", "--mount", "sh", "-ec", FURNISH],
                stdout=subprocess.PIPE, text=True)
        for holder in self.holders.values():
            line = holder.stdout.readline()
            holder.stdout.close()
            if line != "furnished\n":
                raise AssertionError("a host could not be furnished")
        relay_pin = self.start_relay()
        self.make_server_files(relay_pin)
        self.start_server()
        return self

    def close(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.net.down()
        self.scratch.cleanup()

    def popen(self, host, command, **options):
        """Starts a command on a host, which is the process itself."""
        if host not in self.holders:
            return self.net.popen(host, command, **options)
        process = subprocess.Popen(
            ["nsenter", "--target", str(self.holders[host].pid), "--net",
             "--mount", *map(str, command)], **options)
        self.started.append(process)
        return process

    def popen_python(self, host, code, *arguments, **options):
        return self.popen(host, [sys.executable, "-IS", "-c", code,
                                 *map(str, arguments)], **options)

    def run(self, host, *command):
        """Runs a command on a host to its end."""
        process = self.popen(host, command, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        out, errors = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, out,
                                           errors)

    def spawn(self, host, log, command):
        with open(self.folder / f"{log}.log", "a", encoding="utf-8") as out:
            return self.popen(host, command, stdout=out, stderr=out)

    def logs(self):
        return "\n".join(f"--- {path.name}\n{path.read_text()}"
                         for path in sorted(self.folder.glob("*.log")))

    def start_relay(self):
        self.spawn("relay", "relay", [
            DERPD, "--dev", "--hostname", RELAY, "--listen", f"{RELAY}:443",
            "--stun-listen", f"{RELAY}:3478"])

        def find_pin():
            for word in (self.folder / "relay.log").read_text().split():
                word = word.strip("\"',;")
                if word.startswith("sha256-raw:"):
                    return word
            return None
        return wait_for("derpd to print its pin", find_pin)

    def make_server_files(self, relay_pin):
        state = self.folder / "coordd"
        state.mkdir(mode=0o700)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
             f"/CN={SERVER}", "-addext", f"subjectAltName=IP:{SERVER}",
             "-keyout", state / "key.pem", "-out", state / "chain.pem"],
            check=True, capture_output=True)
        (state / "key.pem").chmod(0o600)
        (self.folder / "coordd.toml").write_text(f"""
[server]
listen = "{SERVER}:443"
certificate = "{state}/chain.pem"
private_key = "{state}/key.pem"
state_dir = "{state}"
[mesh]
name = "example"
domain = "{DOMAIN}"
[[relay]]
name = "eu"
host = "{RELAY}"
pin = "{relay_pin}"
[admin]
socket = "{self.folder}/admin"
""")

    def start_server(self):
        self.server = self.spawn("server", "coordd", [
            COORDD, "--config", self.folder / "coordd.toml", "--log-level",
            "debug"])
        wait_for("coordd to answer", lambda: self.ask("status").returncode == 0
                 or self.server.poll() is not None)
        if self.server.poll() is not None:
            raise AssertionError("coordd ended\n" + self.logs())

    def ask(self, *words, **options):
        """`coordd WORDS`: the finished process."""
        return subprocess.run(
            [COORDD, *map(str, words), "--socket", self.folder / "admin"],
            text=True, capture_output=True, check=False, **options)

    def coordd(self, *words, **options):
        """What `coordd WORDS --json` answers; raises when it is refused."""
        done = self.ask(*words, "--json", **options)
        if done.returncode != 0:
            raise AssertionError(f"coordd {words}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def set_policy(self, policy):
        path = self.folder / "policy.json"
        path.write_text(json.dumps(policy))
        return self.coordd("policy", "set", path)

    def control(self, name):
        return self.folder / f"{name}.sock"

    def start_node(self, name, auth_key, *more, host=None, wait=True):
        """`meshnode up --server` on the host of that name; a node that has
        joined needs no key."""
        key = ["--auth-key", auth_key] if auth_key else []
        self.nodes[name] = self.spawn(host or name, name, [
            MESHNODE, "up", "--server", f"https://{SERVER}", "--server-pin",
            self.pin_of_server(), *key, "--hostname", name,
            "--state", self.folder / f"{name}.state", "--control",
            self.control(name), "--log-level", "debug", *more])
        if wait:
            wait_for(f"{name} to have joined", lambda: self.is_up(name))

    def is_up(self, name):
        if self.nodes[name].poll() is not None:
            raise AssertionError(f"{name} ended\n" + self.logs())
        state = self.status(name)
        return state and state.get("addresses")

    def status(self, name):
        return status(self.control(name))

    def meshnode(self, name, command, *more, **options):
        """`meshnode COMMAND` asked of a node."""
        return run(command, *more, "--control", self.control(name), **options)

    def pin_of_server(self):
        if self.pin is None:
            der = subprocess.run(
                ["openssl", "x509", "-in", self.folder / "coordd/chain.pem",
                 "-outform", "der"], check=True, capture_output=True).stdout
            self.pin = "sha256-raw:" + hashlib.sha256(der).hexdigest()
        return self.pin
