#!/usr/bin/env python3
"""ICE agents of several makers, each against its own kind, behind two NATs.

Two homes behind port-restricted NATs, 40 ms apart; signalling takes no time. A
round starts a fresh pair of each kind in turn. Shown, medians over the rounds:
the time from the first remote candidate of the later side until both sides are
connected, the same from the start of gathering, the packets that a side sent,
and the CPU time of a side. Usage:

  bench/ice_compare.py [--build build] [--rounds 11] [--loss 0.05]

Agents that are not installed (libnice, werift) are left out, and it says so.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
for folder in ("tests/support", "tests/system"):
    sys.path.insert(0, str(ROOT / folder))
from netsim import Simulation  # noqa: E402
from netsim_homes import two_homes  # noqa: E402

STUN = "203.0.113.21:3478"
SIGNALS = ("credentials", "candidate", "end-of-candidates")
ROLES = {"one": "controlling", "two": "controlled"}
ADDRESSES = {"one": "192.168.1.10", "two": "192.168.2.10"}
PATIENCE = 30  # seconds until a pair counts as failed


def scenario(loss):
    """The round trip between the homes is 4 cables of 10 ms; to STUN, 2."""
    nat = 'profile = "port-restricted"\nbackend = "kernel"'
    return two_homes(("one", "two"), nat) + "".join(
        f'[[link]]\nmember = "nat-{name}"\nnetwork = "internet"\n'
        f'delay = "10ms"\nloss = {loss / 2}\n' for name in ("one", "two"))


class Kind:
    def __init__(self, name, command, done):
        self.name = name
        self.command = command  # of role and address
        self.done = done        # the lines that say "connected", all of them
        self.results = []
        self.failures = 0


def kinds(build):
    tests = pathlib.Path(build) / "tests"
    packages = os.environ.get("NATKIT_NPM",
                              str(pathlib.Path(build) / "npm/node_modules"))
    os.environ["NODE_PATH"] = packages
    ours = ("state connected", "selected 2")
    found = [
        Kind("natkit, mesh timing",
             lambda role, ip: [tests / "ice_peer", role, "--mesh", "--stun",
                               STUN, ip], ours),
        Kind("natkit, RFC timing",
             lambda role, ip: [tests / "ice_peer", role, "--stun", STUN, ip],
             ours)]
    if (tests / "nice_peer").exists():
        # It has a valid pair at first, and is "ready" once it has nominated.
        for name, state in (("libnice, connected", "state connected"),
                            ("libnice, ready", "state ready")):
            found.append(Kind(name,
                              lambda role, ip: [tests / "nice_peer", role,
                                                "--stun", STUN, ip],
                              (state,)))
    else:
        print("left out: libnice (libnice-dev was missing at build)")
    peer = ROOT / "tests/system/werift/werift_peer.js"
    if shutil.which("node") and (pathlib.Path(packages) / "werift-ice").exists():
        found.append(Kind("werift", lambda role, ip: ["node", peer, role,
                                                      "--stun", STUN, ip],
                          ("connected",)))
    else:
        print("left out: werift (see scripts/setup.sh)")
    return found


class Agent:
    """One process; what it signals goes to `peer` at once."""

    def __init__(self, command, done):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        bufsize=1)
        self.peer = None
        self.missing = set(done)
        self.first_candidate = None
        self.done_at = None
        self.spent = self.sent = 0
        self.is_ready = threading.Event()
        self.is_done = threading.Event()
        self.reader = threading.Thread(target=self.read, daemon=True)

    def tell(self, line):
        try:
            self.process.stdin.write(line + "\n")
        except OSError:
            pass  # it ended; its silence is counted as a failure

    def read(self):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            verb = line.split(" ")[0]
            if verb == "credentials":
                self.is_ready.set()
            if verb in SIGNALS:
                if verb == "candidate" and "srflx" in line:
                    self.peer.first_candidate = (self.peer.first_candidate
                                                 or time.monotonic())
                self.peer.tell(line)
            self.missing = {text for text in self.missing
                            if not line.startswith(text)}
            if not self.missing and self.done_at is None:
                self.done_at = time.monotonic()
                self.measure()
                self.is_done.set()

    def counters(self):
        """CPU seconds, and packets that left this host."""
        pid = self.process.pid
        cpu = sum(int((task / "schedstat").read_text().split()[0])
                  for task in pathlib.Path(f"/proc/{pid}/task").iterdir())
        lines = pathlib.Path(f"/proc/{pid}/net/dev").read_text().splitlines()
        sent = sum(int(line.split(":")[1].split()[9]) for line in lines[2:]
                   if line.split(":")[0].strip() != "lo")
        return cpu / 1e9, sent

    def mark(self):
        self.start = self.counters()

    def measure(self):
        cpu, sent = self.counters()
        self.spent, self.sent = cpu - self.start[0], sent - self.start[1]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


def one_round(net, kind):
    agents = [Agent(net.command(name, kind.command(role, ADDRESSES[name])),
                    kind.done) for name, role in ROLES.items()]
    agents[0].peer, agents[1].peer = agents[1], agents[0]
    try:
        for agent in agents:
            agent.reader.start()
        for agent in agents:
            if not agent.is_ready.wait(PATIENCE):
                raise RuntimeError(f"{kind.name} does not start")
        for agent in agents:
            agent.mark()
        start = time.monotonic()
        for agent in agents:
            agent.tell("gather")
        if all(agent.is_done.wait(PATIENCE) for agent in agents):
            known = max(agent.first_candidate for agent in agents)
            done = max(agent.done_at for agent in agents)
            kind.results.append((
                done - known, done - start,
                statistics.mean(agent.sent for agent in agents),
                statistics.mean(agent.spent for agent in agents)))
        else:
            kind.failures += 1
    finally:
        for agent in agents:
            agent.stop()


def show(found, rounds):
    print(f"{'agent':22} {'known -> done':>14} {'slowest':>9} "
          f"{'start -> done':>14} {'packets':>8} {'CPU':>8} {'failed':>7}")
    for kind in found:
        if not kind.results:
            print(f"{kind.name:22} failed in {rounds} of {rounds} rounds")
            continue
        known, total, sent, spent = (
            statistics.median(column) for column in zip(*kind.results))
        slowest = max(result[0] for result in kind.results)
        print(f"{kind.name:22} {known * 1e3:11.0f} ms {slowest * 1e3:6.0f} ms "
              f"{total * 1e3:11.0f} ms {sent:8.0f} {spent * 1e3:5.1f} ms "
              f"{kind.failures:7}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--loss", type=float, default=0.0,
                        help="share lost between the homes, each way")
    options = parser.parse_args()
    os.environ.setdefault("NATKIT_NETSIM", f"{options.build}/bin/netsim")
    found = kinds(options.build)
    with Simulation(scenario(options.loss)) as net, \
            tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        # libnice asks in the form of RFC 3489.
        config.write(f'listen = ["{STUN}"]\nrfc3489 = true\nrate_limit = 0\n')
        config.flush()
        net.popen("stun", [f"{options.build}/bin/stunsrv", "--quiet",
                           "--config", config.name])
        for _ in range(options.rounds):
            for kind in found:
                one_round(net, kind)
    show(found, options.rounds)


if __name__ == "__main__":
    main()
