#!/usr/bin/env python3
"""natcheck finds out what NATs do, in real networks, from stunsrv.

Each profile is a NAT between a laptop and a server with two addresses, played by
the engine and, where it can, by the kernel. What natcheck says is what the
profile is.

    natcheck_test.py [PROFILE...]     prints the reports of these
"""
import json
import pathlib
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from netsim import (  # noqa: E402
    NetsimError, Simulation, can_simulate, netsim_program)

AT_ONCE = 4
BIN = pathlib.Path(netsim_program()).parent
SERVER, SECOND = "203.0.113.10", "203.0.113.11"
ENDPOINTS = [f"{address}:{port}" for address in (SERVER, SECOND)
             for port in (3478, 3479)]
LAPTOP, TABLET = "192.168.1.10", "192.168.1.11"
SCENARIO = f"""
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "server"
network = "internet"
address = "{SERVER}"
[[host]]
name = "laptop"
network = "lan"
address = "{LAPTOP}"
[[nat]]
name = "box"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
"""

EI, AD = "endpoint-independent", "address-dependent"
APD = "address-and-port-dependent"


def answers(mapping, filtering, allocation, overloading="no", poisoning=None,
            hairpinning=None):
    if hairpinning is None:
        # Linux would drop what comes back with its own address as the source,
        # and dependent mappings hide all of it.
        hairpinning = "inconclusive"
    return {"udp": "open", "server": "two-addresses", "mapping": mapping,
            "tcp": mapping,
            "filtering": filtering, "allocation": allocation,
            "fragments": "both", "payload": "unchanged", "depth": "one",
            "overloading": overloading, "hairpinning": hairpinning,
            "poisoning": poisoning or ("no" if mapping == EI
                                       else "not_applicable")}


LINUX = answers(EI, APD, "preserved", overloading="yes")
RANDOM = answers(APD, APD, "random")
BLOCKED = {"udp": "blocked"}
TRUTH = {
    "engine": {
        "full-cone": answers(EI, EI, "preserved",
                             hairpinning="external-source"),
        "addr-restricted": answers(EI, AD, "preserved",
                                   hairpinning="external-source"),
        "port-restricted": answers(EI, APD, "preserved"),
        "linux-masquerade": LINUX,
        "linux-poisonable": {**LINUX, "poisoning": "yes"},
        "symmetric-addr": answers(AD, AD, "random"),
        "symmetric-seq": answers(APD, APD, "sequential 1"),
        "symmetric": RANDOM,
        "bsd-pf": answers(APD, APD, "random 50001-65535"),
        "cgn-random": answers(EI, APD, "random"),
        "udp-blocked": BLOCKED,
    },
    "kernel": {
        "linux-masquerade": LINUX,
        "linux-poisonable": {**LINUX, "poisoning": "yes"},
        "symmetric": RANDOM,
        "bsd-pf": answers(APD, APD, "random 50001-65535"),
        "udp-blocked": BLOCKED,
    },
}


def wait_for(process, word):
    for line in process.stderr:
        if word in line:
            return
    raise NetsimError(f"ended before it said {word!r}")


def check(profile, backend):
    """The report of natcheck, for IPv4."""
    scenario = (f'{SCENARIO}profile = "{profile}"\n'
                f'backend = "{backend}"\n')
    with Simulation(scenario) as net:
        net.exec("server", "ip", "addr", "add", f"{SECOND}/24", "dev", "eth0")
        net.exec("laptop", "ip", "addr", "add", f"{TABLET}/24", "dev", "eth0")
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
            config.write(f'discovery_addresses = ["{SERVER}", "{SECOND}"]\n'
                         f"listen_tcp = {ENDPOINTS}\n")
            config.flush()
            server = net.popen("server", [BIN / "stunsrv", "--config",
                                          config.name], stderr=-1, text=True)
            with server.stderr:
                wait_for(server, "listening")
                done = net.run(
                    "laptop", BIN / "natcheck", "--json", "--server", SERVER,
                    SECOND, f"{SERVER}:3479", "--local", LAPTOP, TABLET,
                    timeout=200)
                server.terminate()
    if not done.stdout:
        raise NetsimError(f"natcheck: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["families"][0]


def said(report):
    """What each verdict says, in one word."""
    return {axis: verdict["value"] if verdict["outcome"] == "determined"
            else verdict["outcome"]
            for axis, verdict in report["verdicts"].items()}


class Profiles(unittest.TestCase):
    def test_each_profile_is_seen_as_what_it_is(self):
        cases = [(profile, backend, truth)
                 for backend, profiles in TRUTH.items()
                 for profile, truth in profiles.items()]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(lambda case: check(*case[:2]), cases))
        for (profile, backend, truth), report in zip(cases, found):
            verdicts = said(report)
            for axis, value in truth.items():
                with self.subTest(profile=profile, backend=backend, axis=axis):
                    self.assertTrue(
                        verdicts[axis].startswith(value),
                        f"{value} expected, {verdicts[axis]} found: "
                        f"{report['verdicts'][axis]}")


def main():
    if reason := can_simulate():
        print(f"skipped: {reason}")
        return 77
    if len(sys.argv) > 1:
        for profile in sys.argv[1:]:
            for backend in TRUTH:
                if profile in TRUTH[backend]:
                    started = time.monotonic()
                    print(profile, backend, json.dumps(
                        said(check(profile, backend)), indent=1),
                        f"{time.monotonic() - started:.1f} s")
        return 0
    return unittest.main()


if __name__ == "__main__":
    sys.exit(main())
