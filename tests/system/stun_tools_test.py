#!/usr/bin/env python3
"""Programs of others against `stunsrv`: coturn's turnutils_natdiscovery and
turnutils_stunclient (RFC 5780, RFC 5389), Vovida's stun (RFC 3489).

Behind NATs of several kinds each must find what the profile promises, as it
does with coturn's server (netsim_crosscheck_test.py).
"""
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import nat_lifetimes  # noqa: E402
import nat_tools  # noqa: E402
import wg_interop_lab  # noqa: E402
from nat_lab import A, EXTERNAL, NatLab, S1, S2  # noqa: E402
from netsim import can_simulate  # noqa: E402
from netsim_crosscheck_promises import PROMISES, TIMEOUTS  # noqa: E402

PROFILES = ("open", "firewall-only", "full-cone", "restricted-cone",
            "port-restricted", "symmetric")
SETTINGS = f"""
listen = ["{S1}:3478", "{S2}:3478"]
discovery_addresses = ["{S1}", "{S2}"]
rfc3489 = true
rate_limit = 0
amplification = "any"
"""


@contextlib.contextmanager
def stunsrv(lab):
    """Ours on both addresses of the server, ports 3478 and 3479."""
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "stunsrv.toml"
        config.write_text(SETTINGS)
        process = lab.net.popen("s", [wg_interop_lab.program("stunsrv"),
                                      "--quiet", "--config", str(config)])
        nat_tools.wait_until_bound(lab)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def stun_client(lab, *options):
    """What turnutils_stunclient takes for its reflexive address, and whether it
    also got the answers from elsewhere. It waits for ever for one that a NAT
    keeps back. The server is a new one each time, as it answers RESPONSE-PORT
    only now and then."""
    with stunsrv(lab):
        text = lab.run("a", "timeout", "3", "stdbuf", "-oL",
                       "turnutils_stunclient", *options, "-L", A, S1)
    found = re.search(r"UDP reflexive addr: (\S+):\d+", text)
    return found[1] if found else text, "RFC 5780 response 3" in text


def measure(profile):
    """What the programs say, and what they should."""
    keys = {**nat_lifetimes.TIMEOUTS, **TIMEOUTS.get(profile, {})}
    with NatLab(profile, "kernel", **keys) as lab:
        found = nat_tools.ask_programs(lab, stunsrv)
        found["stunclient"] = stun_client(lab)
        found["stunclient, RFC 5780"] = stun_client(lab, "-f")
        address = EXTERNAL if lab.translates else A
    promise = {name: answer for name, answer in PROMISES[profile].items()
               if name.startswith("coturn:") or name == "stun"}
    # The answer to another port comes through where nothing is translated or
    # kept back.
    promise["stunclient"] = promise["stunclient, RFC 5780"] = (
        address, profile == "open")
    return found, promise


def attempt(profile):
    """Once more, alone, if something was lost on a busy machine."""
    try:
        found, promise = measure(profile)
        if found == promise:
            return found, promise
    except (RuntimeError, subprocess.SubprocessError) as error:
        print(profile, repr(error), flush=True)
    return None


class ToolsTest(unittest.TestCase):
    def test_programs_of_others_find_what_profiles_promise(self):
        with ThreadPoolExecutor(3) as pool:
            first = dict(zip(PROFILES, pool.map(attempt, PROFILES)))
        for profile in PROFILES:
            with self.subTest(profile):
                found, promise = first[profile] or measure(profile)
                self.assertEqual(found, promise)


if __name__ == "__main__":
    REASON = can_simulate() or ", ".join(
        f"{name} is missing" for name in nat_tools.missing_programs())
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    unittest.main(verbosity=2)
