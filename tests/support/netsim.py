"""Simulated networks for tests and the demo: a thin layer over `netsim`.

    with Simulation("netsim/scenarios/demo.toml") as net:
        net.exec("home1", "ping", "-c1", "203.0.113.11")   # raises on failure
        server = net.popen("stun1", ["build/bin/stunsrv"])
        net.event("home-nat", "reboot")

Leaving the block ends every process inside and removes the namespaces, also
after an exception. Works as root and where users may make user namespaces.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


class NetsimError(RuntimeError):
    """`netsim` refused; the text is what it said."""


def netsim_program():
    """$NATKIT_NETSIM, or build/bin/netsim of this tree."""
    return os.environ.get("NATKIT_NETSIM", str(ROOT / "build/bin/netsim"))


def netsim(*arguments, **options):
    """Runs `netsim ARGUMENTS` and returns what it printed."""
    done = subprocess.run([netsim_program(), *arguments], text=True,
                          capture_output=True, check=False, **options)
    if done.returncode != 0:
        raise NetsimError(done.stderr.strip() or f"exit {done.returncode}")
    return done.stdout


def can_simulate():
    """Why simulations cannot run here, or None if they can."""
    try:
        run_id = netsim("up", "/dev/stdin",
                        input='[[network]]\nname="n"\ncidr="10.0.0.0/24"\n'
                              '[[network]]\nname="i"\ncidr="10.1.0.0/24"\n'
                              '[[nat]]\nname="b"\nprofile="linux-masquerade"\n'
                              'inside="i"\noutside="n"\naddress="10.0.0.2"\n')
        netsim("down", run_id.strip())
    except (NetsimError, OSError) as error:
        return str(error)
    return None


class Simulation:
    """One running scenario. `scenario` is a path, or the TOML text itself."""

    def __init__(self, scenario, run_id=None):
        self.scenario = str(scenario)
        self.id = run_id
        self.members = {}
        self._processes = []

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.down()

    def up(self):
        """Builds the network; self.id and self.members are set afterwards."""
        arguments = ["up", "--json"]
        if self.id:
            arguments += ["--id", self.id]
        if "\n" in self.scenario:
            text = netsim(*arguments, "/dev/stdin", input=self.scenario)
        else:
            text = netsim(*arguments, self.scenario)
        run = json.loads(text)
        self.id = run["id"]
        self.members = {m["name"]: m for m in run["members"]}

    def down(self):
        """Ends everything inside; harmless if there is nothing to end."""
        try:
            if self.id and self.members:
                netsim("down", self.id)
        finally:
            self.members = {}
            for process in self._processes:
                process.wait()
            self._processes = []

    def command(self, host, command):
        """The argument list that runs `command` on `host`."""
        return [netsim_program(), "exec", "--id", self.id, host, "--",
                *map(str, command)]

    def run(self, host, *command, **options):
        """Runs a command on a host; the result as of subprocess.run, with
        text output captured unless the options say otherwise."""
        options.setdefault("text", True)
        options.setdefault("check", False)
        if "stdout" not in options and "stderr" not in options:
            options.setdefault("capture_output", True)
        return subprocess.run(self.command(host, command), **options)

    def exec(self, host, *command, **options):
        """Like run(), but returns the output and raises if it fails."""
        done = self.run(host, *command, **options)
        if done.returncode != 0:
            raise NetsimError(f"{host}: {' '.join(map(str, command))}: exit "
                              f"{done.returncode}: {done.stderr}")
        return done.stdout

    def wait_for_ping(self, host, address, *options, patience=120):
        """What ping said, once an answer came. While a machine stalls,
        neighbors are given up for unreachable, and answers are late."""
        deadline = time.monotonic() + patience  # only failures take so long
        while True:
            done = self.run(host, "ping", "-n", "-c1", "-i0.2", "-w5",
                            *options, address)
            if done.returncode == 0:
                return done.stdout
            if time.monotonic() > deadline:
                raise NetsimError(f"{host} does not reach {address}: "
                                  f"{done.stdout}")

    def popen(self, host, command, **options):
        """Starts a command on a host. The process is the command itself, so
        its pid and signals are the real ones; down() ends it at the latest."""
        process = subprocess.Popen(self.command(host, command), **options)
        self._processes.append(process)
        return process

    def popen_python(self, host, code, *arguments, **options):
        """Starts a piece of Python on a host."""
        return self.popen(host, [sys.executable, "-IS", "-c", code,
                                 *arguments],
                          **options)

    def show(self, member):
        """What the engine process knows of a box or host: mappings, counters
        and links, as `netsim show --json` says it."""
        return json.loads(netsim("show", "--id", self.id, member, "--json"))

    def event(self, box, what, *arguments):
        """reboot [A], block-udp, unblock-udp, link-down, link-up, blackhole TIME,
        set-link KEY=VALUE..."""
        netsim("event", "--id", self.id, box, what, *arguments)
