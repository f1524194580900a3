"""The demo's second half: the same machines join a coordination server by auth
key, and it tells them of each other: names, a policy, a subnet router."""
import dataclasses
import hashlib
import json
import subprocess
import sys
import time

from lab import LabError, wait_until

SERVER_HOST = "stun1"
SERVER = "203.0.113.21"
DOMAIN = "demo.internal"
ANN = "ann@example.com"
BOB = "bob@example.com"
OWNERS = {"home1": ANN, "portres": ANN, "home2": BOB, "symmetric": BOB,
          "cgn": BOB, "public": "tag:server", "fullcone": "tag:server",
          "blocked": "tag:server"}
ROUTER = "fullcone"
PRINTER = ("printer", "192.168.2.20", 9100)
ROUTE = "192.168.2.0/24"
SSH, WEB = 22, 80

# Makes /etc, /run and /var/lib of a host its own: a node changes resolv.conf.
FURNISH = """
mount -t tmpfs tmpfs /run
mkdir -p /run/etc/up /run/etc/work
mount -t overlay overlay -o \\
lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work /etc
mount -t tmpfs tmpfs /var/lib
echo 'hosts: files dns' > /etc/nsswitch.conf
rm -f /etc/resolv.conf
echo 'nameserver 192.0.2.53' > /etc/resolv.conf
echo furnished
exec sleep infinity
"""
LISTENER = """
import socket, sys, threading
def serve(port):
    listener = socket.create_server(("", port))
    print("listening", flush=True)
    while True:
        stream, source = listener.accept()
        stream.close()
for port in sys.argv[1:]:
    threading.Thread(target=serve, args=(int(port),)).start()
"""
CALLER = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])),
                         timeout=float(sys.argv[3])).close()
"""


@dataclasses.dataclass
class Check:
    """One sentence of what the mesh promises, and whether it held."""
    what: str
    ok: bool
    detail: str = ""


def policy(engineers, tests_for=None):
    """The tests say who may log in: `tests_for`, or the engineers."""
    wanted = engineers if tests_for is None else tests_for
    return {
        "groups": {"group:engineers": engineers},
        "tagOwners": {"tag:server": []},
        "autoApprovers": {"routes": {ROUTE: ["tag:server"]}},
        "acls": [
            {"action": "accept", "src": ["group:engineers"],
             "dst": [f"tag:server:{SSH}", f"{ROUTE}:{PRINTER[2]}"]},
            {"action": "accept", "src": ["autogroup:member"],
             "dst": [f"tag:server:{WEB}"]}],
        "tests": [
            {"src": user,
             "accept" if user in wanted else "deny": [f"tag:server:{SSH}"]}
            for user in (ANN, BOB)]}


class JoinedMesh:
    """Runs on the network of `lab`, whose relays are up and nodes are not."""

    def __init__(self, lab, say, patience):
        self.lab = lab
        self.say = say
        self.patience = patience
        self.holders = {}
        self.checks = []

    def check(self, what, ok, detail=""):
        self.checks.append(Check(what, ok, detail))
        self.say(f"  {'ok  ' if ok else 'FAIL'} {what}"
                 + (f" ({detail})" if detail else ""))

    # The server.

    def start_server(self):
        folder = self.lab.work / "coordd"
        folder.mkdir(mode=0o700)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
             f"/CN={SERVER}", "-addext", f"subjectAltName=IP:{SERVER}",
             "-keyout", folder / "key.pem", "-out", folder / "chain.pem"],
            check=True, capture_output=True)
        relays = "".join(
            f'[[relay]]\nname = "{name}"\nhost = "{address}"\n'
            f'pin = "{self.lab.pins[name]}"\n'
            for name, address in self.lab.relays().items())
        (folder / "coordd.toml").write_text(
            f'[server]\nlisten = "{SERVER}:443"\n'
            f'certificate = "{folder}/chain.pem"\n'
            f'private_key = "{folder}/key.pem"\nstate_dir = "{folder}"\n'
            f'[mesh]\nname = "demo"\ndomain = "{DOMAIN}"\n'
            f'[admin]\nsocket = "{folder}/admin"\n{relays}')
        self.lab.spawn("coordd", SERVER_HOST, [
            self.lab.bin / "coordd", "--config", folder / "coordd.toml"])
        wait_until("coordd to answer", lambda: self.ask("status") is not None,
                   60 * self.patience)
        der = subprocess.run(
            ["openssl", "x509", "-in", folder / "chain.pem", "-outform",
             "der"], check=True, capture_output=True).stdout
        self.lab.pins["coordd"] = "sha256-raw:" + hashlib.sha256(
            der).hexdigest()

    def ask(self, *words):
        """What `coordd WORDS` answers, or None."""
        self.lab.check_alive("coordd")
        done = subprocess.run(
            [self.lab.bin / "coordd", *map(str, words), "--json", "--socket",
             self.lab.work / "coordd" / "admin"], capture_output=True,
            text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def tell(self, *words):
        answer = self.ask(*words)
        if answer is None:
            raise LabError(f"coordd refused: {' '.join(map(str, words))}")
        return answer

    def write_policy(self, *who):
        path = self.lab.work / "policy.json"
        path.write_text(json.dumps(policy(*who), indent=1))
        return path

    def set_policy(self, engineers):
        self.tell("policy", "set", self.write_policy(engineers))

    # The hosts.

    def furnish(self):
        for name in OWNERS:
            self.holders[name] = self.lab.network.popen(
                name, ["unshare", "--mount", "sh", "-ec", FURNISH],
                stdout=subprocess.PIPE, text=True)
        for name, holder in self.holders.items():
            if holder.stdout.readline() != "furnished\n":
                raise LabError(f"{name} has no files of its own")

    def enter(self, host):
        return ["nsenter", "--target", str(self.holders[host].pid), "--net",
                "--mount"]

    def run(self, host, *command):
        return subprocess.run([*self.enter(host), *map(str, command)],
                              capture_output=True, text=True, check=False)

    def join(self, name):
        owner = OWNERS[name]
        kind = "--tag" if owner.startswith("tag:") else "--user"
        key = self.tell("keys", "create", kind, owner)["secret"]
        command = [self.lab.bin / "meshnode", "up", "--server",
                   f"https://{SERVER}", "--server-pin",
                   self.lab.pins["coordd"], "--auth-key", key, "--hostname",
                   name, "--state", self.lab.work / f"{name}.state",
                   "--control", self.lab.control(name), "--tun", "mesh0"]
        if name == ROUTER:
            command += ["--advertise-routes", ROUTE, "--enable-forwarding"]
        self.lab.spawn(name, None, [*self.enter(name), *command])

    def join_all(self):
        started = time.monotonic()
        for user in (ANN, BOB):
            self.tell("users", "add", user)
        self.set_policy([ANN])
        for name in OWNERS:
            self.join(name)
        for name in OWNERS:
            wait_until(f"{name} to have joined",
                       lambda name=name: self.is_up(name), 120)
        self.check(f"{len(OWNERS)} machines joined, each by an auth key", True,
                   f"{time.monotonic() - started:.1f} s")

    def is_up(self, name):
        state = self.lab.status(name)
        return state and any(relay["home"] and relay["up"]
                             for relay in state["relays"])

    def listen(self):
        programs = []
        for name, ports in [(name, (SSH, WEB)) for name in OWNERS] + [
                (PRINTER[0], PRINTER[2:])]:
            programs.append((self.lab.network.popen_python(
                name, LISTENER, *map(str, ports), stdout=subprocess.PIPE,
                text=True), len(ports)))
        for program, count in programs:
            for _ in range(count):
                program.stdout.readline()

    def reaches(self, host, target, port, seconds):
        return self.run(host, sys.executable, "-IS", "-c", CALLER, target,
                        port, seconds).returncode == 0

    def comes_to_reach(self, host, target, port):
        """Seconds until it does, or None."""
        started = time.monotonic()
        while time.monotonic() - started < 30 * self.patience:
            if self.reaches(host, target, port, 5):
                return time.monotonic() - started
        return None

    # The story.

    def check_names(self):
        wanted = {f"{host} finds {peer}": (host, peer)
                  for host, peer in (("home1", "public"), ("cgn", "blocked"),
                                     ("symmetric", f"fullcone.{DOMAIN}"))}
        for what, (host, peer) in wanted.items():
            done = self.run(host, "getent", "ahostsv4", peer)
            address = done.stdout.split()[0] if done.stdout else "no address"
            self.check(f"{what} by name", done.returncode == 0, address)

    def check_policy(self):
        for host in ("home1", "portres", "home2", "symmetric", "cgn"):
            for server in ("public", "fullcone", "blocked"):
                web = self.comes_to_reach(host, server, WEB)
                ssh = self.reaches(host, server, SSH,
                                   10 if OWNERS[host] == ANN else 2)
                may = "may" if OWNERS[host] == ANN else "may not"
                self.check(f"{host} reaches {server}'s web page and {may} "
                           "log in", web is not None
                           and ssh == (OWNERS[host] == ANN),
                           f"{self.lab.path(host, server)['kind']}")
        self.check("a server opens no connection to a laptop",
                   not self.reaches("public", "home1", SSH, 2))

    def check_router(self):
        took = self.comes_to_reach("home1", PRINTER[1], PRINTER[2])
        self.check(f"home1 prints over the subnet router {ROUTER}",
                   took is not None)
        self.check("home2 may not", not self.reaches("home2", PRINTER[1],
                                                     PRINTER[2], 2))

    def check_changes(self):
        self.check("a policy that breaks its own tests is refused",
                   self.ask("policy", "set", self.write_policy(
                       [ANN, BOB], [ANN])) is None)
        self.set_policy([ANN, BOB])
        took = self.comes_to_reach("home2", "public", SSH)
        self.check("home2's owner is put into the group and may log in",
                   took is not None,
                   "" if took is None else f"after {took * 1000:.0f} ms")
        self.tell("nodes", "delete", "home2")
        self.check("home2 is revoked and reaches nobody", not self.reaches(
            "home2", self.lab.status("public")["addresses"][0], WEB, 2))

    def run_all(self):
        self.furnish()
        self.start_server()
        self.join_all()
        self.listen()
        self.check_names()
        self.check_policy()
        self.check_router()
        self.check_changes()
        return self.checks
