#!/usr/bin/env python3
"""Echo requests of which every answer counts, however late it comes.

    echo.py ADDRESS COUNT [INTERVAL [PATIENCE [SIZE]]]

prints {"sent": .., "lost": [..], "duplicates": .., "slowest": ..} and exits
with 0 if each of COUNT requests was answered once. The system's ping does not
wait like this: after its last request it goes on for two round trips only,
whatever -W says, so that a stall of the machine there looks like a loss.
SIZE is that of the data, and forbids fragments of IPv4. Needs the right to
open raw sockets.
"""
import json
import os
import select
import socket
import struct
import sys
import time

PATIENCE = 60.0  # seconds after the last request; only losses take as long
SIZE = 56  # bytes behind the header, as of ping
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2  # linux/in.h


class Echo:
    """Requests to one address, INTERVAL seconds apart or more."""

    def __init__(self, address, interval, size=None):
        self.is_v6 = ":" in address
        family = socket.AF_INET6 if self.is_v6 else socket.AF_INET
        protocol = socket.getprotobyname("ipv6-icmp" if self.is_v6 else "icmp")
        self.socket = socket.socket(family, socket.SOCK_RAW, protocol)
        if size is not None and not self.is_v6:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER,
                                   IP_PMTUDISC_DO)
        self.socket.connect((address, 0))
        self.socket.setblocking(False)
        self.interval = interval
        self.identifier = int.from_bytes(os.urandom(2), "big")
        self.token = os.urandom(SIZE if size is None else size)
        self.sent = {}  # sequence: when
        self.waiting = set()
        self.duplicates = 0
        self.slowest = 0.0

    def run(self, count, patience):
        for sequence in range(1, count + 1):
            self.send(sequence)
            self.receive(self.interval, lambda: False)
        self.receive(patience, lambda: not self.waiting)

    def send(self, sequence):
        kind = 128 if self.is_v6 else 8
        header = struct.pack("!BBHHH", kind, 0, 0, self.identifier, sequence)
        if not self.is_v6:  # otherwise the kernel fills it in
            header = struct.pack("!BBHHH", kind, 0,
                                 checksum(header + self.token),
                                 self.identifier, sequence)
        self.sent[sequence] = time.monotonic()
        self.waiting.add(sequence)
        try:
            self.socket.send(header + self.token)
        except OSError:
            pass  # then it is lost

    def receive(self, seconds, is_done):
        """Takes what comes within a time, or until there is no need to."""
        end = time.monotonic() + seconds
        while not is_done():
            left = end - time.monotonic()
            if not select.select([self.socket], [], [], max(0, left))[0]:
                return
            try:
                self.take(self.socket.recv(65536))
            except OSError:
                pass  # what ICMP says of an earlier one

    def take(self, packet):
        if not self.is_v6:
            packet = packet[(packet[0] & 15) * 4:]
        if len(packet) < 8 or packet[8:] != self.token:
            return
        kind, _, _, identifier, sequence = struct.unpack("!BBHHH", packet[:8])
        if kind != (129 if self.is_v6 else 0) or \
                identifier != self.identifier or sequence not in self.sent:
            return
        self.slowest = max(self.slowest,
                           time.monotonic() - self.sent[sequence])
        if sequence in self.waiting:
            self.waiting.remove(sequence)
        else:
            self.duplicates += 1

    def summary(self):
        return {"sent": len(self.sent), "lost": sorted(self.waiting),
                "duplicates": self.duplicates, "slowest": self.slowest}


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def main(address, count, interval="1", patience=PATIENCE, size=None):
    echo = Echo(address, float(interval), None if size is None else int(size))
    echo.run(int(count), float(patience))
    print(json.dumps(echo.summary()), flush=True)
    return bool(echo.waiting or echo.duplicates)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
