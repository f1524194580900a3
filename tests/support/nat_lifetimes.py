"""How long a NAT remembers UDP and TCP, in real time with short timeouts.

The lab's box has udp_timeout 3 s, udp_stream_timeout 7 s and
tcp_established_timeout 3 s. All flows of the schedule run at once.
"""
import time

from nat_lab import S1
from net_probe import SILENCE

TIMEOUTS = {"udp_timeout": "3s", "udp_stream_timeout": "7s",
            "tcp_established_timeout": "3s"}
SERVER = (S1, 1100)
LATE = 0.3      # seconds; a step that comes later makes the run worthless
ATTEMPTS = 10
FIRST_PORT = 11000

# What a flow does at which second: out and in refresh, "probe" asks whether an
# inbound packet still passes. "TEXT: flow, flow" is the question it belongs to.
FLOWS = {
    "one way, 2.5": ((0, "out"), (2.5, "probe")),
    "one way, 3.6": ((0, "out"), (3.6, "probe")),
    "out twice, 4.4": ((0, "out"), (2, "out"), (4.4, "probe")),
    "in refreshes, 4.4": ((0, "out"), (2, "in"), (4.4, "probe")),
    "both ways at once, 3.6": ((0, "out"), (.1, "in"), (.2, "out"),
                               (3.6, "probe")),
    "in after 2 s, 5.9": ((0, "out"), (2.4, "in"), (5.9, "probe")),
    "assured, 9.0": ((0, "out"), (.1, "in"), (2.4, "out"), (9, "probe")),
    "assured, 10.0": ((0, "out"), (.1, "in"), (2.4, "out"), (10, "probe")),
    "assured by in, 9.0": ((0, "out"), (.1, "in"), (2.4, "in"), (9, "probe")),
}


class Lifetimes:
    """Runs the schedule on probes of its own."""

    def __init__(self, lab):
        self.inside = lab.probe("a")
        self.server = lab.probe("s")
        self.source = {}     # flow -> the endpoint that the server sees
        self.lateness = 0

    def _learn(self, port, texts):
        while not all(text in self.source for text in texts):
            heard = self.server.receive(port)
            if heard is None:
                raise RuntimeError("lifetimes: UDP does not pass")
            self.source[heard[0].split("|")[0]] = heard[1]

    def _do(self, number, flow, word):
        inside = FIRST_PORT + number
        if word == "out":
            self.inside.send(inside, self.port, f"{flow}|out")
        else:
            self.server.send(self.port, self.source[flow], word)

    def _settle(self, attempt):
        """Waits until what was sent before has arrived, if it does."""
        port = FIRST_PORT + 500 + attempt
        time.sleep(LATE)
        self.inside.send(port, self.port, "settled|out")
        self._learn(self.port, ["settled"])
        self.server.send(self.port, self.source["settled"], "back")
        if self.inside.receive(port) is None:
            raise RuntimeError("lifetimes: no answer passes")

    def measure(self, attempt):
        """{flow: whether its probe passed}, or None if steps came late."""
        self.port = (S1, 1100 + attempt + 1)
        self.source.clear()
        flows = list(enumerate(FLOWS.items(), len(FLOWS) * attempt))
        self.server.bind(self.port)
        start = time.monotonic()
        for number, (flow, _) in flows:
            self._do(number, flow, "out")
        self._learn(self.port, FLOWS)
        self.lateness = time.monotonic() - start
        steps = sorted((at, number, flow, word) for number, (flow, steps)
                       in flows for at, word in steps if at)
        for at, number, flow, word in steps:
            time.sleep(max(0, start + at - time.monotonic()))
            self._do(number, flow, word)
            self.lateness = max(self.lateness, time.monotonic() - start - at)
        self._settle(attempt)
        passed = {flow: "probe" in self.inside.drain(FIRST_PORT + number)
                  for number, (flow, _) in flows}
        return passed if self.lateness < LATE else None


def udp_lifetimes(lab):
    """The flows, each "passes" or "gone"."""
    lifetimes = Lifetimes(lab)
    for attempt in range(ATTEMPTS):
        if passed := lifetimes.measure(attempt):
            return {flow: "passes" if ok else "gone"
                    for flow, ok in passed.items()}
    return {flow: f"late by {lifetimes.lateness:.1f} s" for flow in FLOWS}


def tcp_idle(lab):
    """A connection is idle for longer than its timeout, then the server
    writes, then the client: "inbound passes|gone, outbound passes|gone|ERROR"
    """
    inside, server = lab.probe("a"), lab.probe("s")
    local = (S1, 2100)
    server.listen(local)
    peer = inside.connect(12900, local)
    if isinstance(peer, str):
        return {"tcp idle": peer}
    time.sleep(4.2)
    server.tcp_send(local, "from the server", peer=peer)
    inward = inside.tcp_receive(12900, timeout=SILENCE)
    inside.tcp_send(12900, "from the client")
    outward = server.tcp_receive(local, peer=peer, timeout=SILENCE)
    inward, outward = (
        "gone" if text is None else "passes" if text.startswith("from the")
        else text for text in (inward, outward))
    return {"tcp idle": f"inbound {inward}, outbound {outward}"}
