#!/usr/bin/env python3
"""coordd's answers about random policies are those of policy_oracle.py.

Every round makes a policy, nodes and questions, biased to edges. ctest runs a
few; by hand: POLICY_SEED=7 POLICY_ROUNDS=500 policy_oracle_test.py.
"""
import concurrent.futures
import ipaddress
import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import time
import unittest

import policy_oracle as oracle
from policy_world import MISTAKES, World

COORDD = pathlib.Path(os.environ["NATKIT_BIN"]) / "coordd"
SEED = int(os.environ.get("POLICY_SEED", "1"))
ROUNDS = int(os.environ.get("POLICY_ROUNDS", "20"))
QUESTIONS = 10  # for each policy, a process each
TESTS = 40  # in each policy, all in one process


def policy_text(policy, tests=()):
    """JSON with one test on each line, from the second line on."""
    head = json.dumps(policy)[:-1]
    lines = ",\n".join(json.dumps(test) for test in tests)
    return f'{head}, "tests": [\n{lines}\n]}}\n'


class Desk:
    """A folder with a policy and nodes, and coordd to ask about them."""

    def __init__(self, folder, policy, nodes, tests=()):
        self.policy = pathlib.Path(folder) / "policy.json"
        self.nodes = pathlib.Path(folder) / "nodes.json"
        self.policy.write_text(policy_text(policy, tests), encoding="utf-8")
        self.nodes.write_text(json.dumps(nodes), encoding="utf-8")

    def run(self, verb, *options):
        return subprocess.run(
            [COORDD, "policy", verb, self.policy, "--nodes", self.nodes,
             *options], capture_output=True, text=True, check=False)

    def ask(self, question):
        src, dst, proto, port = question
        done = self.run("eval", "--src", src, "--dst", dst, "--proto", proto,
                        "--port", str(port))
        return done.returncode, done.stdout + done.stderr


def rules_for(judge, question, unix):
    src, dst, proto, port = question
    return judge.decide(ipaddress.ip_address(src), ipaddress.ip_address(dst),
                        oracle.proto_number(proto), port, oracle.Moment(unix))


def agree(judge, question, answer, moments):
    """Whether an answer is right at one of two moments around it."""
    code, text = answer
    for moment in moments:
        rules = rules_for(judge, question, moment)
        if not rules and code == 1 and text.startswith("deny\n"):
            return True
        decided = re.match(r"accept\n((?:acls|grants)\[\d+\])", text)
        if code == 0 and decided and decided[1] in rules:
            return True
    return False


def likely(judge, world):
    """A question that some rule allows, if a few tries find one."""
    for _ in range(50):
        question = world.question()
        if rules_for(judge, question, time.time()):
            break
    return question


def of_real_machines(judge, test):
    """A made-up machine plays a name or address without one: not here."""
    pairs = judge.test_pairs(test)
    return bool(pairs) and all(side.node or side.routers
                               for pair in pairs for side in pair)


class PolicyOracle(unittest.TestCase):
    def setUp(self):
        self.wrong = []
        self.asked = {"accept": 0, "deny": 0}

    def each_world(self, purpose, work):
        """Runs `work` on every world of a seed of its own, two at a time."""
        def one(place):
            world = World(random.Random(f"{purpose} {SEED} {place}"))
            with tempfile.TemporaryDirectory() as folder:
                work(world, folder)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(one, range(ROUNDS)))
        if self.wrong:
            self.fail("\n\n".join(["", *self.wrong[:5]]) +
                      f"\n{len(self.wrong)} answers differ")

    def differ(self, world, *what):
        self.wrong.append("\n".join([json.dumps(world.policy),
                                     json.dumps(world.nodes),
                                     *map(str, what)]))

    def test_flows(self):
        def work(world, folder):
            judge = oracle.Oracle(world.policy, world.nodes)
            desk = Desk(folder, world.policy, world.nodes)
            for place in range(QUESTIONS):
                question = world.question()
                if place % 2:
                    question = likely(judge, world)
                before = time.time()
                answer = desk.ask(question)
                after = time.time()
                self.asked["deny" if answer[0] else "accept"] += 1
                if not agree(judge, question, answer, (before, after)):
                    self.differ(world, question, answer,
                                rules_for(judge, question, before))
        self.each_world("flows", work)
        print("flows:", self.asked)
        # A generator that asks only what nobody allows would prove nothing.
        self.assertGreater(self.asked["accept"], ROUNDS // 2)

    def test_tests_of_the_file(self):
        def work(world, folder):
            judge = oracle.Oracle(world.policy, world.nodes)
            tests = [test for test in (world.test() for _ in range(TESTS))
                     if of_real_machines(judge, test)]
            done = Desk(folder, world.policy, world.nodes, tests).run("check")
            found = re.findall(r"json:(\d+):\d+: error: (.*)", done.stderr)
            failed = {int(line): text for line, text in found}
            for line, test in enumerate(tests, 2):
                holds = judge.test_holds(test)
                self.asked["accept" if holds else "deny"] += 1
                if holds != (line not in failed):
                    self.differ(world, json.dumps(test),
                                failed.pop(line, "holds"), f"oracle: {holds}")
                failed.pop(line, None)
            if failed:
                self.differ(world, done.stderr)
        self.each_world("tests", work)
        print("tests of the file:", self.asked)
        self.assertGreater(self.asked["accept"], ROUNDS)
        self.assertGreater(self.asked["deny"], ROUNDS)

    def test_mistakes_are_refused(self):
        """Alone in a policy that is else taken."""
        world = World(random.Random(SEED))
        taken = []
        with tempfile.TemporaryDirectory() as folder:
            good = {**world.names(), "grants": []}
            done = Desk(folder, good, world.nodes).run("check")
            self.assertEqual(done.returncode, 0, done.stderr)
            for mistake in MISTAKES:
                done = Desk(folder, {**good, **mistake},
                            world.nodes).run("check")
                if done.returncode == 0 or "error:" not in done.stderr:
                    taken.append(json.dumps(mistake))
        self.assertFalse(taken, "\n".join(["taken:", *taken]))


if __name__ == "__main__":
    unittest.main()
