"""What the demo measures on the running mesh."""
import dataclasses
import json
import subprocess
import time

from pings import Ping
from predict import predict

PING_INTERVAL = 0.01
PING_COUNT = 450
PINGS_AFTER_SWITCH = 100
# The promises that the demo's exit status stands for.
FIRST_REPLY_LIMIT = 1.0
DIRECT_LIMIT = 3.0
REPLY_LIMIT = 5.0


@dataclasses.dataclass
class PairResult:
    """One pair of nodes; times in seconds, round trips in milliseconds."""
    a: str
    b: str
    predicted: str
    why: str
    path: str = "none"
    remote: str = ""
    first_reply: float = None
    time_to_direct: float = None
    sent: int = 0
    received: int = 0
    rtt_relayed: float = None
    rtt_direct: float = None
    problems: list = dataclasses.field(default_factory=list)

    @property
    def ok(self):
        return not self.problems


def rounds(nodes):
    """Splits all pairs into rounds of disjoint pairs (circle method)."""
    nodes = list(nodes)
    fixed, ring = nodes[0], nodes[1:]
    for _ in range(len(nodes) - 1):
        circle = [fixed] + ring
        half = len(circle) // 2
        yield list(zip(circle[:half], reversed(circle[half:])))
        ring = ring[1:] + ring[:1]


class PairProbe:
    """Pings from one node to another and watches the path meanwhile."""

    def __init__(self, lab, a, b):
        self.lab, self.a, self.b = lab, a, b
        kind, why = predict(a, b)
        self.result = PairResult(a.name, b.name, kind, why)
        self.direct_at = None
        self.count = PING_COUNT  # so many requests have to be answered
        self.ping = Ping(lab.network, a.name, b.address, PING_INTERVAL)

    def look(self):
        """Notes the moment at which both ends use a direct path."""
        if self.direct_at is None:
            now = time.time()
            if all(self.lab.path(x.name, y.name)["kind"] == "direct"
                   for x, y in ((self.a, self.b), (self.b, self.a))):
                self.direct_at = now
                last = max(self.ping.answered.copy(), default=0)
                self.count = max(self.count, last + PINGS_AFTER_SWITCH)

    def is_done(self, patience):
        """Whether there is nothing left to wait for, or no time."""
        limit = PING_COUNT * PING_INTERVAL + (
            FIRST_REPLY_LIMIT + DIRECT_LIMIT + REPLY_LIMIT) * patience
        if time.time() > self.ping.started + limit:
            return True
        return self.ping.lost_of(self.count) == 0 and (
            self.direct_at is not None or self.result.predicted != "direct")

    def settled_path(self, seconds):
        """The path in the end. A busy machine may make a direct one look
        broken, and relayed until it is tried again."""
        deadline = time.time() + seconds
        while True:
            path = self.lab.path(self.a.name, self.b.name)
            if (path["kind"] == self.result.predicted
                    or time.time() > deadline):
                return path
            time.sleep(0.02)

    def finish(self, patience):
        self.look()
        result, ping = self.result, self.ping
        path = self.settled_path(DIRECT_LIMIT * patience)
        result.path = path["kind"]
        result.remote = path.get("remote") or path.get("relay") or ""
        result.first_reply = ping.first_reply()
        result.sent = self.count
        result.received = self.count - ping.lost_of(self.count)
        ended = time.time()
        switch = self.direct_at or ended
        result.rtt_relayed = ping.early_rtt(switch - 0.1)
        if self.direct_at:
            result.time_to_direct = max(0.0, self.direct_at - ping.started)
            result.rtt_direct = ping.median_rtt(switch + 0.1, ended)
        judge(result, patience)
        return result


def judge(result, patience):
    """Compares a result with what was promised."""
    def complain(text):
        result.problems.append(text)

    if result.first_reply is None:
        complain("no reply at all")
        return
    if result.first_reply > FIRST_REPLY_LIMIT * patience:
        complain(f"first reply after {result.first_reply:.2f} s")
    if result.path != result.predicted:
        complain(f"path is {result.path}, predicted {result.predicted}")
    elif result.path == "direct" and (
            result.time_to_direct - result.first_reply
            > DIRECT_LIMIT * patience):
        complain(f"direct only after {result.time_to_direct:.2f} s")
    if result.received != result.sent:
        complain(f"{result.sent - result.received} of {result.sent} "
                 "echo replies lost")


def measure_pairs(lab, nodes, patience, report):
    """All pairs, in rounds of pairs that do not share a node."""
    results = []
    for number, pairs in enumerate(rounds(nodes), 1):
        probes = [PairProbe(lab, a, b) for a, b in pairs]
        while not all(probe.is_done(patience) for probe in probes):
            for probe in probes:
                probe.look()
            time.sleep(0.01)
        for probe in probes:
            probe.ping.stop()
        for probe in probes:
            result = probe.finish(patience)
            results.append(result)
            report(number, result)
    return results


def throughput(lab, server, client, seconds):
    """Bits per second of one TCP stream from `client` to `server`; None if
    no try within 30 s succeeded."""
    deadline = time.time() + 30
    listener = None
    try:
        while time.time() < deadline:
            if listener is None or listener.poll() is not None:
                listener = lab.network.popen(
                    server.name, ["iperf3", "-s", "-1", "-B", server.address],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            result = lab.network.run(client.name, "iperf3", "-c",
                                     server.address, "-t", seconds, "-J")
            # A client that comes before its server says so inside the JSON.
            end = json.loads(result.stdout or "{}").get("end", {})
            if "sum_received" in end:
                return end["sum_received"]["bits_per_second"]
            time.sleep(0.1)
        return None
    finally:
        if listener.poll() is None:
            listener.terminate()
        listener.wait()


@dataclasses.dataclass
class RebootResult:
    """A NAT lost its state under a running ping; times in seconds."""
    nat: str
    a: str
    b: str
    sent: int = 0
    received: int = 0
    outage: float = None
    back_to_direct: float = None
    samples: list = dataclasses.field(default_factory=list)
    problems: list = dataclasses.field(default_factory=list)


def reboot_nat(lab, nat, a, b, new_address, patience):
    """Reboots `nat` with another external address while a pings b."""
    result = RebootResult(nat, a.name, b.name)
    ping = Ping(lab.network, a.name, b.address, 0.02)
    old = wait_for_direct(lab, a, b, 20 * patience)
    wait_for_replies(ping, 50, 30 * patience)
    rebooted = time.time()
    lab.network.event(nat, "reboot", "--new-address", new_address)
    new = wait_for_direct(lab, a, b, 30 * patience, other_than=old)
    if new:
        result.back_to_direct = new[0] - rebooted
    wait_for_replies(ping, 50, 30 * patience)
    ping.stop()
    result.sent, result.received = ping.sent or 0, ping.received or 0
    result.outage = ping.longest_gap(rebooted)
    result.samples = [(round(at - rebooted, 4), rtt)
                      for at, _, rtt in ping.replies]
    if not old or not new:
        result.problems.append("no direct path " +
                               ("after" if old else "before") + " the reboot")
    if not ping.replies or new and ping.replies[-1][0] < new[0]:
        result.problems.append("no reply after the reboot")
    return result


def wait_for_replies(ping, count, seconds):
    """Until `count` more replies have come, or none will."""
    enough = len(ping.replies) + count
    deadline = time.time() + seconds
    while (len(ping.replies) < enough and ping.sent is None
           and time.time() < deadline):
        time.sleep(0.02)


def wait_for_direct(lab, a, b, seconds, other_than=None):
    """(when, endpoints) once both ends are direct, not by `other_than`."""
    deadline = time.time() + seconds
    while time.time() < deadline:
        paths = [lab.path(a.name, b.name), lab.path(b.name, a.name)]
        endpoints = [path.get("remote") for path in paths]
        if all(path["kind"] == "direct" for path in paths) and (
                other_than is None or endpoints != other_than[1]):
            return time.time(), endpoints
        time.sleep(0.02)
    return None
