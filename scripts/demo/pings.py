"""Runs the system's ping inside a namespace and reads what it says."""
import re
import statistics
import subprocess
import threading
import time

REPLY = re.compile(r"^\[(\d+\.\d+)\] \d+ bytes from .* icmp_seq=(\d+) .*"
                   r"time=([\d.]+) ms")
SUMMARY = re.compile(r"^(\d+) packets transmitted, (\d+) received")


class Ping:
    """One running ping; replies are read as they come. It goes on until it is
    stopped: one that counts its requests itself ends two round trips after
    the last one, and takes for lost what is a little later."""

    def __init__(self, network, host, address, interval):
        self.started = time.time()
        self.replies = []  # (unix time, sequence, rtt in ms)
        self.answered = set()  # sequences
        self.duplicates = 0
        self.sent = self.received = None  # known once it has ended
        self._process = network.popen(
            host, ["ping", "-n", "-D", "-i", str(interval), address],
            stdout=subprocess.PIPE, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._process.stdout:
            reply = REPLY.match(line)
            if reply:
                if "DUP!" in line:
                    self.duplicates += 1
                    continue
                self.replies.append((float(reply[1]), int(reply[2]),
                                     float(reply[3])))
                self.answered.add(int(reply[2]))
            summary = SUMMARY.match(line)
            if summary:
                self.sent, self.received = int(summary[1]), int(summary[2])
        self._process.wait()

    def stop(self):
        """As if interrupted from the keyboard: ping prints its summary."""
        if self._process.poll() is None:
            self._process.send_signal(2)
        self._thread.join(60)

    def lost_of(self, count):
        """How many of the first `count` requests are not answered so far."""
        return count - sum(1 for n in self.answered.copy() if n <= count)

    def first_reply(self):
        """Seconds from the start to the first reply, or None."""
        return self.replies[0][0] - self.started if self.replies else None

    def median_rtt(self, begin, end):
        """Median RTT in ms of the replies between two unix times."""
        values = [rtt for at, _, rtt in self.replies if begin <= at < end]
        return statistics.median(values) if values else None

    def early_rtt(self, end):
        """Median RTT in ms of the replies before `end`. Where the path changed
        too soon for that, the best of the first two: the first one waited for
        the handshake."""
        early = [rtt for at, _, rtt in self.replies[1:] if at < end]
        first = [rtt for _, _, rtt in self.replies[:2]]
        return statistics.median(early) if early else min(first, default=None)

    def longest_gap(self, begin):
        """Longest silence in seconds between replies after `begin`."""
        times = [begin] + [at for at, _, _ in self.replies if at > begin]
        return max((b - a for a, b in zip(times, times[1:])), default=None)
