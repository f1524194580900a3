#!/usr/bin/env python3
"""What a fleet of streaming nodes costs one coordd: prints JSON.

For each number of nodes a coordd of its own with a store on disk, and as many
real nodes with TLS in one other process, in groups of 100 that see each other:
the first joins with auth keys, memory and CPU while nothing happens, changes
that concern one group, and the return of all after the server was killed.

  bench/coord_load.py [--bin build/bin] [--nodes 100,500,2000] [--idle 60]
                      [--changes 10] [--silent 10000] [--out FILE]

Server and nodes share this machine, so times include what the nodes compute.
"""
import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import queue
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GROUP = 100
JOIN_LIMIT = 300  # seconds
CHANGE_LIMIT = 30


def cpu_seconds(pid):
    """User and system time of a process so far, all its threads."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def memory(pid):
    """RSS and PSS in bytes."""
    fields = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text() \
            .splitlines()[1:]:
        name, size = line.split()[:2]
        fields[name.rstrip(":")] = int(size) * 1024
    return {"rss": fields["Rss"], "pss": fields["Pss"]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def in_ms(seconds):
    return round(seconds * 1000, 1)


def raise_descriptor_limit(needed):
    """Up to what the system allows; a clear end if that is not enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (max(hard, needed), max(hard, needed)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft < needed:
        sys.exit(f"coord_load: {needed} open files are needed and the limit "
                 f"is {soft}; raise it (ulimit -Hn {needed}) or ask for less")


class Server:
    """A coordd with its store in `folder`."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.admin = self.folder / "admin"
        self.process = None
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
             "/CN=coord", "-keyout", self.folder / "key.pem", "-out",
             self.folder / "cert.pem"], check=True, capture_output=True)
        os.chmod(self.folder / "key.pem", 0o600)
        der = ssl.PEM_cert_to_DER_cert((self.folder / "cert.pem").read_text())
        self.pin = "sha256-raw:" + hashlib.sha256(der).hexdigest()
        (self.folder / "coordd.toml").write_text(
            f"[server]\nlisten = '127.0.0.1:{self.port}'\n"
            f"certificate = '{self.folder}/cert.pem'\n"
            f"private_key = '{self.folder}/key.pem'\n"
            f"state_dir = '{self.folder}'\n"
            f"[admin]\nsocket = '{self.admin}'\n")
        self.log = open(self.folder / "log", "ab")

    def start(self):
        self.process = subprocess.Popen(
            [f"{self.options.bin}/coordd", "--config",
             self.folder / "coordd.toml"], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.ask("status")
            except OSError:
                if time.monotonic() > deadline or self.process.poll() \
                        is not None:
                    sys.exit("coordd does not start: " +
                             (self.folder / "log").read_text()[-2000:])
                time.sleep(0.01)

    @property
    def pid(self):
        return self.process.pid

    def ask(self, verb, **arguments):
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(60)
            admin.connect(str(self.admin))
            admin.sendall(json.dumps({"verb": verb, **arguments}).encode() +
                          b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                piece = admin.recv(65536)
                if not piece:
                    raise OSError("no answer")
                answer += piece
        answer = json.loads(answer)
        if "error" in answer:
            sys.exit(f"coordd refuses {verb}: {answer['error']}")
        return answer["result"]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log.close()


class Load:
    """The process with the nodes."""

    def __init__(self, options, server, nodes, more=()):
        self.events = queue.Queue()
        self.answers = queue.Queue()
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [f"{options.bin}/coord_load", "--server", f"127.0.0.1:{server.port}", "--pin",
             server.pin, "--nodes", str(nodes), "--group", str(GROUP), *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            line = json.loads(line)
            (self.events if "event" in line else self.answers).put(line)
        self.events.put({"event": "lost", "why": "coord_load ended"})

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answers.get(timeout=60)

    def wait_whole(self, since, limit=JOIN_LIMIT):
        """When all nodes had their whole maps; the time, after `since`."""
        while True:
            try:
                event = self.events.get(
                    timeout=max(0.1, since + limit - time.monotonic()))
            except queue.Empty:
                sys.exit(f"not all nodes have their map after {limit} s: "
                         f"{self.ask('progress')}")
            if event["event"] == "lost":
                sys.exit(f"a node gave up: {event['why']}")
            if event["t"] > since:
                return event["t"]

    def stop(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def set_up(server, groups):
    """Groups of which everybody sees the others; an auth key for each."""
    tags = [f"tag:g{number}" for number in range(groups)]
    policy = {"tagOwners": {tag: [] for tag in tags},
              "grants": [{"src": [tag], "dst": [tag], "ip": ["*"]}
                         for tag in tags]}
    server.ask("policy.set", text=json.dumps(policy))
    keys = [server.ask("keys.create", tags=[tag], reusable=True)["secret"]
            for tag in tags]
    path = server.folder / "keys"
    path.write_text("".join(key + "\n" for key in keys))
    return path


def quantiles(values):
    return {"p50_ms": in_ms(statistics.median(values)),
            "p99_ms": in_ms(percentile(values, 0.99)),
            "max_ms": in_ms(max(values))}


class Changes:
    """One kind of change, several times: how long until all concerned know."""

    def __init__(self, server, load, nodes, idle_share):
        self.server = server
        self.load = load
        self.nodes = nodes
        self.idle_share = idle_share
        self.delays = []
        self.spent = 0.0
        self.bytes = 0
        self.others_bytes = 0
        self.others_changes = 0
        self.rounds = 0

    def once(self, concerned, gone, change):
        """`change` is carried out and gives the time it began."""
        self.load.ask("mark")
        before = cpu_seconds(self.server.pid)
        since = time.monotonic()
        begun = change()
        deadline = time.monotonic() + CHANGE_LIMIT
        while True:
            time.sleep(0.05)
            taken = self.load.ask("taken")
            times = [taken["times"][node] for node in concerned]
            if all(at is not None for at in times):
                break
            if time.monotonic() > deadline:
                missing = sum(at is None for at in times)
                sys.exit(f"a change did not reach {missing} of "
                         f"{len(times)} nodes")
        time.sleep(0.3)  # what others might get would come by now
        taken = self.load.ask("taken")
        self.spent += cpu_seconds(self.server.pid) - before
        self.spent -= (time.monotonic() - since) * self.idle_share
        self.rounds += 1
        self.delays += [at - begun for at in times]
        self.bytes += sum(taken["bytes"][node] for node in concerned)
        known = {*concerned, *gone}  # who is gone was told so
        for node in range(self.nodes):
            if node not in known:
                self.others_bytes += taken["bytes"][node]
                self.others_changes += taken["times"][node] is not None

    def figures(self):
        return {**quantiles(self.delays),
                "concerned": len(self.delays) // self.rounds,
                "server_cpu_ms_more_than_idle":
                    round(self.spent / self.rounds * 1000, 2),
                "bytes_per_concerned": round(self.bytes / len(self.delays)),
                "bytes_to_others": self.others_bytes,
                "others_that_changed": self.others_changes}


def members(group, nodes, without=()):
    return [node for node in range(group * GROUP,
                                   min(nodes, (group + 1) * GROUP))
            if node not in without]


def measure_changes(server, load, nodes, idle_share, options):
    figures = {}
    groups = nodes // GROUP
    gone = set()

    def run(kind, change, drops=False):
        changes = Changes(server, load, nodes, idle_share)
        for number in range(options.changes):
            group = number % groups
            subject = group * GROUP + number // groups + \
                (options.changes if drops else 0)
            if drops:
                gone.add(subject)
            concerned = members(group, nodes, gone)
            changes.once(concerned, gone, lambda: change(subject, number))
        figures[kind] = changes.figures()

    def by_admin(verb, subject, **arguments):
        begun = time.monotonic()
        server.ask(verb, node=f"load-{subject}", **arguments)
        return begun

    def rename(subject, number):
        return by_admin("nodes.rename", subject,
                        name=f"renamed-{number}-{subject}")

    def endpoints(subject, number):
        return load.ask(f"report {subject} {40000 + number}")["t"]

    def revoke(subject, number):
        return by_admin("nodes.delete", subject)

    run("endpoint_of_a_node", endpoints)
    run("renamed_by_admin", rename)
    run("revoked_by_admin", revoke, drops=True)
    return figures


def measure_idle(server, seconds):
    before = cpu_seconds(server.pid)
    time.sleep(seconds)
    return (cpu_seconds(server.pid) - before) / seconds * 60


def joins(load, since):
    """When nodes were admitted and had all they see; why streams ended."""
    taken = load.ask("joins")
    return {"streams_that_ended": taken["ends"],
            "admitted": quantiles([at - since for at in taken["admitted"]]),
            "whole": quantiles([at - since for at in taken["whole"]])}


def measure(options, nodes):
    with tempfile.TemporaryDirectory(prefix="coord_load.") as folder:
        os.chmod(folder, 0o700)
        server = Server(options, folder)
        load = None
        try:
            server.start()
            keys = set_up(server, nodes // GROUP)
            empty = memory(server.pid)
            spent = cpu_seconds(server.pid)
            load = Load(options, server, nodes, ("--keys", str(keys)))
            whole = load.wait_whole(load.started)
            spent = cpu_seconds(server.pid) - spent
            figures = {"nodes": nodes,
                       "join_s": round(whole - load.started, 2),
                       "join_server_cpu_ms_per_node":
                           round(spent / nodes * 1000, 2),
                       "join": joins(load, load.started)}
            time.sleep(2)
            figures.update(held(server, empty, nodes))
            idle = measure_idle(server, options.idle)
            figures["idle_cpu_s_per_min"] = round(idle, 3)
            figures["after_storm"] = measure_storm(server, load, nodes)
            figures["changes"] = measure_changes(
                server, load, nodes, idle / 60, options)
            figures["store_bytes"] = sum(
                path.stat().st_size for path in server.folder.glob("store.db*"))
            return figures
        finally:
            if load is not None:
                load.stop()
            server.stop()
            if options.keep_log:
                shutil.copy(server.folder / "log",
                            f"{options.keep_log}.{nodes}")


def held(server, empty, nodes):
    full = memory(server.pid)
    return {"rss_empty": empty["rss"], "rss": full["rss"],
            "rss_per_node": (full["rss"] - empty["rss"]) // nodes,
            "pss_per_node": (full["pss"] - empty["pss"]) // nodes}


def measure_storm(server, load, nodes):
    """All return at once after the server was killed."""
    server.kill()
    since = time.monotonic()
    server.start()
    ready = time.monotonic()
    whole = load.wait_whole(ready)
    return {"start_s": round(ready - since, 2),
            "whole_s": round(whole - since, 2),
            "server_cpu_ms_per_node":
                round(cpu_seconds(server.pid) / nodes * 1000, 2),
            "rss": memory(server.pid)["rss"],
            "join": joins(load, since)}


def measure_silent(options):
    """Connections that say nothing, and a node that joins meanwhile."""
    raise_descriptor_limit(options.silent + 200)
    with tempfile.TemporaryDirectory(prefix="coord_load.") as folder:
        os.chmod(folder, 0o700)
        server = Server(options, folder)
        streams = []
        load = None
        try:
            server.start()
            keys = set_up(server, 1)
            empty = memory(server.pid)
            spent = cpu_seconds(server.pid)
            begun = time.monotonic()
            most = empty["rss"]
            for number in range(options.silent):
                # Several sources, since one has no more ports than 28,000.
                streams.append(socket.create_connection(
                    ("127.0.0.1", server.port), timeout=30,
                    source_address=(f"127.0.1.{number % 8 + 1}", 0)))
                if number % 500 == 0:
                    most = max(most, memory(server.pid)["rss"])
            opened = time.monotonic() - begun
            most = max(most, memory(server.pid)["rss"])
            load = Load(options, server, 1, ("--keys", str(keys)))
            joined = load.wait_whole(load.started, 60) - load.started
            ends = [ended_at(stream) for stream in streams]
            return {"connections": options.silent,
                    "opened_s": round(opened, 2),
                    "rss_empty": empty["rss"], "rss_most": most,
                    "node_joins_meanwhile_ms": in_ms(joined),
                    "all_ended_s": round(max(ends) - begun, 2),
                    "rss_after": memory(server.pid)["rss"],
                    "server_cpu_s": round(cpu_seconds(server.pid) - spent, 2)}
        finally:
            for stream in streams:
                stream.close()
            if load is not None:
                load.stop()
            server.stop()


def ended_at(stream):
    stream.settimeout(60)
    with contextlib.suppress(ConnectionError):
        while stream.recv(4096):
            pass
    return time.monotonic()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bin", default=ROOT / "build/bin")
    parser.add_argument("--nodes", default="100,500,2000")
    parser.add_argument("--idle", type=int, default=60, metavar="SECONDS")
    parser.add_argument("--changes", type=int, default=10,
                        help="of each kind, at most 40")
    parser.add_argument("--silent", type=int, default=0, metavar="N",
                        help="measure N silent connections as well")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--keep-log", metavar="FILE",
                        help="copy the server's log to FILE.N")
    options = parser.parse_args()
    counts = [int(count) for count in options.nodes.split(",") if count]
    if any(count % GROUP for count in counts) or options.changes > 40:
        parser.error(f"--nodes are multiples of {GROUP}")
    results = {"group": GROUP, "cpus": os.cpu_count(), "runs": []}
    for count in counts:
        results["runs"].append(measure(options, count))
        print(json.dumps(results["runs"][-1]), file=sys.stderr, flush=True)
    if options.silent:
        results["silent"] = measure_silent(options)
    text = json.dumps(results, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
