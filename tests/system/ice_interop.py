"""Two ICE agents as processes, and the signalling between them.

Each agent speaks the line protocol of ice_peer.cc. The cases here are the same
for every foreign agent; a test module says how its agent is started.
"""
import queue
import subprocess
import threading
import time

import wg_interop_lab as lab

OURS = "192.0.2.1"
THEIRS = "192.0.2.2"
OURS6 = "2001:db8::1"
THEIRS6 = "2001:db8::2"
SIGNALS = ("credentials", "candidate", "end-of-candidates")


def set_up_network():
    """Two addresses that are not loopback, in the test's own namespace."""
    lab.run("ip", "link", "set", "lo", "up")
    lab.run("ip", "link", "add", "ice0", "type", "veth", "peer", "name", "ice1")
    for address in (OURS, THEIRS):
        lab.run("ip", "address", "add", f"{address}/24", "dev", "ice0")
    for address in (OURS6, THEIRS6):
        lab.run("ip", "address", "add", f"{address}/64", "dev", "ice0", "nodad")
    for link in ("ice0", "ice1"):
        lab.run("ip", "link", "set", link, "up")


class Agent:
    """One process. Signals go to `outbox`; all lines are kept."""

    def __init__(self, command, name):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True,
                                        bufsize=1)
        self.lines = []
        self.outbox = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            line = line.rstrip("\n")
            self.lines.append(line)
            if line.split(" ")[0] in SIGNALS:
                self.outbox.put(line)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def has(self, prefix, since=0):
        """The first line after `since` that begins so."""
        return next((line for line in self.lines[since:]
                     if line.startswith(prefix)), None)

    def last(self, prefix):
        return next((line for line in reversed(list(self.lines))
                     if line.startswith(prefix)), None)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Session:
    """Ours and theirs, and what passes between them."""

    def __init__(self, ours, theirs, done, trickle=True):
        self.ours = Agent(ours, "ours")
        self.theirs = Agent(theirs, "theirs")
        self.done = done  # what theirs says when a pair is nominated
        self.trickle = trickle
        self.held = {"ours": [], "theirs": []}
        self.sent = 0

    def stop(self):
        self.ours.stop()
        self.theirs.stop()

    def start(self):
        for agent in (self.ours, self.theirs):
            agent.tell("gather")

    def relay(self):
        """Passes on what waits: at once, or all candidates in one go."""
        for source, target in ((self.ours, self.theirs),
                               (self.theirs, self.ours)):
            held = self.held[source.name]
            while not source.outbox.empty():
                held.append(source.outbox.get())
            complete = "end-of-candidates" in held
            if self.trickle or complete:
                for line in held:
                    target.tell(line)
                held.clear()

    def wait(self, condition, what):
        def step():
            for agent in (self.ours, self.theirs):
                assert agent.process.poll() is None, f"{agent.name} ended"
            self.relay()
            return condition()
        try:
            return lab.wait_until(step, what)
        except AssertionError as error:
            raise AssertionError(
                f"{error}\nours: {self.ours.lines}\ntheirs: "
                f"{self.theirs.lines}") from error

    def wait_connected(self):
        self.wait(lambda: self.ours.last("state") == "state connected"
                  and ":" in (self.ours.last("selected") or ""),
                  "ours is connected")
        self.wait(lambda: self.theirs.has(self.done), "theirs is done")

    def exchange(self):
        """Data arrives both ways; datagrams before selection may be lost."""
        self.sent += 1
        texts = {self.ours: f"from ours {self.sent}",
                 self.theirs: f"from theirs {self.sent}"}

        def both_got_it():
            got = [self.theirs.has(f"data {texts[self.ours]}"),
                   self.ours.has(f"data {texts[self.theirs]}")]
            if not all(got):
                for agent, text in texts.items():
                    agent.tell(f"send {text}")
                time.sleep(0.05)
            return all(got)

        self.wait(both_got_it, "data arrives both ways")

    def restart(self, by):
        """One side restarts: both get new credentials, theirs completes the new
        session, and data goes on. Ours says nothing, as the pair is the same;
        without its part in the nomination theirs would not complete."""
        other = self.theirs if by is self.ours else self.ours
        seen = {agent: len(agent.lines) for agent in (by, other)}
        by.tell("restart")
        self.wait(lambda: by.has("credentials", seen[by])
                  and other.has("credentials", seen[other]),
                  "both sides have new credentials")
        self.wait(lambda: self.theirs.has(self.done, seen[self.theirs]),
                  "theirs is done with the new session")
        self.exchange()


class InteropCases:
    """Mixed into a unittest.TestCase that has `ice_peer`, `their_done` and
    `their_command(role)`."""

    def begin(self, our_role, trickle=True, ours=(OURS,), their_role=None):
        their_role = their_role or ("controlled" if our_role == "controlling"
                                    else "controlling")
        session = Session([self.ice_peer, our_role, *ours],
                          self.their_command(their_role), self.their_done,
                          trickle)
        self.addCleanup(session.stop)
        session.start()
        return session

    def check_session(self, our_role, **options):
        session = self.begin(our_role, **options)
        session.wait_connected()
        session.exchange()
        # What is selected is the pair of the two sockets.
        _, local, remote = session.ours.last("selected").split()
        self.assertEqual(local.split(":")[0], OURS)
        self.assertEqual(remote.split(":")[0], THEIRS)
        return session

    def test_we_control_with_trickle(self):
        self.check_session("controlling")

    def test_they_control_with_trickle(self):
        self.check_session("controlled")

    def test_we_control_without_trickle(self):
        self.check_session("controlling", trickle=False)

    def test_they_control_without_trickle(self):
        self.check_session("controlled", trickle=False)

    def test_both_roles_with_the_timing_of_meshes(self):
        for role in ("controlling", "controlled"):
            self.check_session(role, ours=["--mesh", OURS])

    def test_restarts_by_us_and_by_them(self):
        for role in ("controlling", "controlled"):
            with self.subTest(our_role=role):
                session = self.check_session(role)
                session.restart(session.ours)
                session.restart(session.theirs)
                session.restart(session.ours)
