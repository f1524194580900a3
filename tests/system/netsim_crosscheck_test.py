#!/usr/bin/env python3
"""Is a NAT of ours what the kernel and programs of others take it for?

Every profile that the kernel can play is brought up there and on the engine,
in the same network, and both are asked the same: by coturn's and Vovida's STUN
clients (nat_tools), by sockets and hand-made packets (nat_questions) and by
waiting (nat_lifetimes). The answers must be the profile's promises; where the
kernel is known to differ, netsim_crosscheck_promises.py says how.

    netsim_crosscheck_test.py [PROFILE...]     prints all answers of these
"""
import json
import pathlib
import sys
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
import nat_lifetimes  # noqa: E402
import nat_questions  # noqa: E402
import nat_tools  # noqa: E402
from nat_lab import NatLab  # noqa: E402
from netsim import can_simulate, netsim  # noqa: E402
from netsim_crosscheck_promises import (  # noqa: E402
    ENGINE_DIFFERS, KERNEL_DIFFERS, PROMISES, TIMEOUTS)

BACKENDS = {"kernel": KERNEL_DIFFERS, "engine": ENGINE_DIFFERS}
AT_ONCE = 10


def kernel_profiles():
    """The profiles that the kernel can play, exactly or nearly."""
    profiles = json.loads(netsim("profiles", "--json"))["profiles"]
    return [p["name"] for p in profiles if p["kernel"] != "no"]


def promise(profile, backend):
    return {**PROMISES[profile], **BACKENDS[backend].get(profile, {})}


def measure(profile, backend):
    """All answers of one box. What waits long runs beside the rest."""
    keys = {**nat_lifetimes.TIMEOUTS, **TIMEOUTS.get(profile, {})}
    with NatLab(profile, backend, **keys) as lab, ThreadPoolExecutor() as pool:
        waiting = [pool.submit(nat_tools.ask_programs, lab),
                   pool.submit(nat_lifetimes.tcp_idle, lab)]
        if lab.has_udp:
            waiting.append(pool.submit(nat_lifetimes.udp_lifetimes, lab))
        answers = nat_questions.ask_undisturbing(lab)
        for late in waiting:
            answers |= late.result()
        return answers | nat_questions.ask(lab, nat_questions.EVENTS)


def attempt(profile, backend):
    """The answers, or what went wrong, as an answer."""
    try:
        return measure(profile, backend)
    except Exception as error:  # pylint: disable=broad-except
        return {"measuring": repr(error)}


def table_of(profile, found, only_wrong=True):
    """The answers of one profile, a row per question."""
    names = list(dict.fromkeys(
        name for backend in found
        for name in (*promise(profile, backend), *found[backend])))
    rows = [("question", "promised", *found)]
    for name in names:
        row = [PROMISES[profile].get(name, "(nothing)")]
        is_wrong = False
        for backend in found:
            answer = found[backend].get(name, "(nothing)")
            is_wrong |= answer != promise(profile, backend).get(name)
            row.append(answer)
        if is_wrong or not only_wrong:
            rows.append((name, *row))
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width
                               in zip(row, widths)).rstrip() for row in rows)


def is_right(profile, backend, answers):
    return answers == promise(profile, backend)


class CrossCheck(unittest.TestCase):
    """Measures everything first, some boxes at once, then compares."""

    @classmethod
    def setUpClass(cls):
        cls.profiles = kernel_profiles()
        cls.found = {profile: {} for profile in cls.profiles}
        jobs = [(profile, backend) for profile in cls.profiles
                for backend in BACKENDS]
        # Those that wait longest first.
        jobs.sort(key=lambda job: "assured, 9.0" not in PROMISES[job[0]])
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for job, answers in zip(jobs, pool.map(lambda j: attempt(*j),
                                                   jobs)):
                cls.found[job[0]][job[1]] = answers
        for profile, backend in jobs:
            answers = cls.found[profile][backend]
            if not is_right(profile, backend, answers):
                print(f"{profile} on {backend}: once more, alone; was:\n"
                      + table_of(profile, {backend: answers}),
                      flush=True)
                cls.found[profile][backend] = attempt(profile, backend)

    def test_every_profile_has_a_promise(self):
        self.assertEqual(sorted(self.profiles), sorted(PROMISES))

    def test_answers_are_as_promised(self):
        for profile in self.profiles:
            with self.subTest(profile):
                found = self.found[profile]
                self.assertTrue(
                    all(is_right(profile, backend, found[backend])
                        for backend in BACKENDS),
                    f"{profile}:\n{table_of(profile, found)}")


def show(profiles):
    for profile in profiles:
        start = time.monotonic()
        found = {backend: attempt(profile, backend) for backend in BACKENDS}
        print(f"== {profile} ({time.monotonic() - start:.1f} s)\n"
              + table_of(profile, found, only_wrong=False), flush=True)


if __name__ == "__main__":
    REASON = can_simulate() or ", ".join(
        f"{name} is missing" for name in nat_tools.missing_programs())
    if REASON:
        print(f"skipped: {REASON}")
        sys.exit(77)
    if sys.argv[1:]:
        show(sys.argv[1:])
    else:
        unittest.main(verbosity=2)
