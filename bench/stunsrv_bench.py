#!/usr/bin/env python3
"""CPU per STUN request: stunsrv, a bare loop that validates nothing, coturn.

The same generator sends the same load to each in turn, several rounds in
alternation, on loopback; what counts is the CPU time of the server's process,
user and system, by the answers that came back. Usage:

  bench/stunsrv_bench.py [--bin build/bin] [--rounds 5]

The servers under test get each source as often as it asks: limits are on, and
set so high that they refuse nothing. Each source asks four times in a row;
with --row 1 once, which is the most that serving can cost.
"""
import argparse
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a process so far, all its threads."""
    try:  # nanoseconds, by thread
        total = 0
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9
    except (OSError, ValueError, IndexError):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text()
        fields = fields.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


def is_answering(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        try:
            client.sendto(bytes.fromhex("000100002112a442") + os.urandom(12),
                          ("127.0.0.1", port))
            return bool(client.recv(2048))
        except OSError:
            return False


class Server:
    def __init__(self, name, command, port):
        self.name = name
        self.port = port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not is_answering(port):
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.stop()
                sys.exit(f"{name} does not answer on port {port}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def measure(self, load, options):
        before = cpu_seconds(self.process.pid)
        done = subprocess.run(
            [load, str(self.port), str(options.requests), str(options.rate),
             str(options.sources), str(options.size), str(options.row)],
            capture_output=True, text=True, check=True)
        spent = cpu_seconds(self.process.pid) - before
        sent, answered, size = map(int, done.stdout.split())
        return spent / answered * 1e6, answered / sent, size


def commands(options):
    found = [("bare loop", [f"{options.bin}/stun_bare_loop", "34780"], 34780),
             ("stunsrv", [f"{options.bin}/stunsrv", "--listen",
                          "127.0.0.1:34781", "--rate-limit", "1000000",
                          "--amplification", "any", "--threads",
                          str(options.threads), "--quiet"], 34781)]
    if shutil.which("turnserver"):
        found.append(("coturn", [
            "turnserver", "--stun-only", "--no-tls", "--no-dtls", "--no-tcp",
            "--no-cli", "--listening-ip", "127.0.0.1", "--listening-port",
            "34782", "--relay-threads", "1", "--no-stdout-log", "--log-file",
            "/dev/null", "--pidfile", f"/tmp/stunsrv_bench.{os.getpid()}.pid",
            "-c", "/dev/null"], 34782))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default=ROOT / "build/bin")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=400_000)
    parser.add_argument("--rate", type=int, default=100_000)
    parser.add_argument("--sources", type=int, default=200)
    parser.add_argument("--size", type=int, default=20)
    parser.add_argument("--row", type=int, default=4,
                        help="requests that a source sends at a time")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    servers = []
    results = {}
    try:
        for name, command, port in commands(options):
            servers.append(Server(name, command, port))
        for number in range(options.rounds):
            for server in servers:
                figures = server.measure(f"{options.bin}/stun_load", options)
                results.setdefault(server.name, []).append(figures)
                print(f"round {number + 1}: {server.name:10} "
                      f"{figures[0]:6.2f} CPU s per million requests, "
                      f"{figures[1]:.1%} answered with {figures[2]} bytes",
                      flush=True)
    finally:
        for server in servers:
            server.stop()
    report(results)


def report(results):
    bare = results["bare loop"]
    print(f"\n{'server':12}{'CPU s / 1e6':>12}{'x bare loop':>13}"
          f"{'requests / CPU s':>18}")
    for name, figures in results.items():
        cost = statistics.median(f[0] for f in figures)
        ratio = statistics.median(f[0] / b[0] for f, b in zip(figures, bare))
        print(f"{name:12}{cost:12.2f}{ratio:13.2f}{1e6 / cost:18.0f}")
    if "coturn" in results:
        gain = statistics.median(c[0] / s[0] for c, s in
                                 zip(results["coturn"], results["stunsrv"]))
        print(f"stunsrv answers {gain:.2f} times as many requests per CPU "
              "second as coturn")


if __name__ == "__main__":
    main()
