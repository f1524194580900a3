#!/usr/bin/env python3
"""coordd policy check, eval and diff: the cases of policy_cases.py."""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from policy_cases import DIFFS, FLOWS, NAMES, NODES, acl
from policy_scenarios import SCENARIOS
from policy_texts import TEXTS

COORDD = pathlib.Path(os.environ["NATKIT_BIN"]) / "coordd"


def run(*arguments):
    done = subprocess.run([COORDD, "policy", *arguments], text=True,
                          capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def parts(question):
    """"+ann web 22/udp @TIME" as what is expected and options of eval."""
    source, destination, port, *time = question[1:].split()
    port, _, protocol = port.partition("/")
    options = ["--src", source, "--dst", destination, "--port", port,
               "--proto", protocol or "tcp"]
    return question[0] == "+", options + (["--at", time[0][1:]] if time else [])


def text_of(case):
    """Names in the first line, the case's sections in the second."""
    if not isinstance(case, dict):
        return case
    names = {key: value for key, value in NAMES.items() if key not in case}
    more = {key: {**value, **NAMES[key]} if key in NAMES and
            isinstance(value, dict) else value for key, value in case.items()}
    return json.dumps(names)[:-1] + ",\n" + json.dumps(more)[1:]


class PolicyCommand(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.nodes = self.write("nodes.json", json.dumps(NODES))

    def write(self, name, text):
        file = self.folder / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def policy(self, sections, name="policy.json"):
        return self.write(name, json.dumps({**NAMES, **sections}))

    def expect_none(self, work, cases):
        """Of each case: what is wrong, or None."""
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            wrong = [text for text in pool.map(work, cases) if text]
        self.assertFalse(wrong, "\n".join(["", *wrong]))

    def expect_answers(self, policies):
        def ask(case):
            file, question = case
            accepted, options = parts(question)
            answer = run("eval", file, "--nodes", self.nodes, *options)
            good = ((0, "accept") if accepted else (1, "deny")) == (
                answer[0], answer[1].split("\n")[0])
            return None if good else f"{question}: {answer} {file.read_text()}"
        cases = [(self.policy(sections, f"policy{place}.json"), question)
                 for place, (sections, *questions) in enumerate(policies)
                 for question in questions]
        self.expect_none(ask, cases)

    def test_flows(self):
        self.expect_answers(FLOWS)

    def test_scenarios(self):
        self.expect_answers([case[1:] for case in SCENARIOS])

    def test_texts(self):
        def check(place):
            case, *wanted = TEXTS[place]
            file = self.write(f"policy{place}.json", text_of(case))
            code, out, _ = run("check", file, "--json", "--nodes", self.nodes)
            answer = json.loads(out)
            found = [f"{one['line']}:{one['column']}: {one['severity']}: "
                     f"{one['message']}" for one in answer["findings"]]
            is_bad = any(": error: " in one for one in found)
            ends = 0 if not is_bad else 1 if answer.get("failed_tests") else 2
            if (code == ends and answer["ok"] != is_bad and
                    len(found) == len(wanted) and all(
                        map(str.startswith, found, wanted))):
                return None
            return f"{case}\n  found  {found} {code}\n  wanted {wanted}"
        self.expect_none(check, range(len(TEXTS)))

    def test_diffs(self):
        def compare(place):
            before, after, *lines = DIFFS[place]
            files = (self.policy(before, f"before{place}.json"),
                     self.policy(after, f"after{place}.json"))
            code, out, errors = run("diff", *files, "--nodes", self.nodes)
            if lines != out.splitlines() or code != bool(lines):
                return f"{before} {after}\n{code} {out} {errors}"
            # Without nodes, names stand for more machines than there are.
            code, out, errors = run("diff", *files)
            if (lines and not out) or code != bool(out):
                return f"by name: {before} {after}\n{code} {out} {errors}"
            return None
        self.expect_none(compare, range(len(DIFFS)))

    def test_json_of_eval(self):
        file = self.policy(acl("ann@example.com", "tag:web:22"))
        options = ("--nodes", self.nodes, "--src", "ann", "--dst", "web")
        code, out, errors = run("eval", file, *options, "--port", "22", "--json")
        answer = json.loads(out)
        self.assertEqual((0, "", "accept", "acls", 0, "rule"), (
            code, errors, answer["decision"], answer["rule"]["section"],
            answer["rule"]["index"], answer["reason"]))
        self.assertEqual(2, len(answer["pairs"]))
        code, out, _ = run("eval", file, *options, "--port", "23", "--json")
        answer = json.loads(out)
        self.assertEqual((1, "deny", "other-port"), (
            code, answer["decision"], answer["reason"]))

    def test_json_of_diff(self):
        files = (self.policy(acl("ann@example.com", "tag:web:22"), "a.json"),
                 self.policy(acl("ann@example.com", "tag:web:22,80,90-99"),
                             "b.json"))
        code, out, _ = run("diff", *files, "--json")
        self.assertEqual((1, [{
            "change": "opened", "src": "ann@example.com", "dst": "tag:web",
            "protocols": ["tcp", "udp"], "ports": ["80", "90-99"],
            "text": "+ ann@example.com -> tag:web tcp,udp 80,90-99"}]), (
                code, json.loads(out)["changes"]))

    def test_no_answer_is_no_denial(self):
        good = self.policy({"acls": []})
        bad = self.policy({"acl": []}, "bad.json")
        flow = ("--src", "ann", "--dst", "web", "--port", "22")
        asked = (good, "--nodes", self.nodes, *flow)
        for arguments in (
                ("check", bad), ("check", "missing.json"), ("check",),
                ("check", good, "--nodes", bad),
                ("eval", bad, "--nodes", self.nodes, *flow),
                ("eval", good, "--nodes", "missing.json", *flow),
                ("eval", good, "--nodes", self.nodes, "--src", "zoe", "--dst",
                 "web", "--port", "22"),
                ("eval", *asked[:-2]), ("eval", *asked, "--proto", "nope"),
                ("eval", *asked[:-1], "65536"),
                ("eval", *asked, "--at", "yesterday"),
                ("eval", *asked, "--mesh-prefix", "here"),
                ("diff", good, bad), ("diff", bad, good), ("diff", good)):
            code, out, errors = run(*arguments)
            self.assertEqual((2, ""), (code, out), arguments)
            self.assertTrue(errors, arguments)
            if bad in arguments:
                self.assertRegex(errors, r"bad\.json:1:\d+: error: ")


if __name__ == "__main__":
    unittest.main()
