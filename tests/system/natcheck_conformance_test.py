#!/usr/bin/env python3
"""Conformance reports hold for the programs that read them.

JUnit by the rules of junit-10.xsd (Jenkins' xUnit plugin), JSON by the schema in
docs/, HTML as a page that needs nothing else, pcapng by tshark. The box has a
name that every format has to escape. And the exit statuses.
"""
import html.parser
import json
import os
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
NATCHECK = pathlib.Path(os.environ["NATKIT_BIN"]) / "natcheck"
SCHEMA = json.loads(
    (ROOT / "docs/natcheck-conformance.schema.json").read_text())
BOX = pathlib.Path("b<o>x&\"'\u00e4\x01\x1b.toml")
SCENARIO = """
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[nat]]
name = "box"
profile = "linux-masquerade"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
"""
# What junit-10.xsd lets an element have: attributes and children.
JUNIT = {
    "testsuite": ({"name", "tests", "failures", "errors", "skipped", "time",
                   "timestamp", "hostname", "id", "package", "file"},
                  {"properties", "testcase", "system-out", "system-err"}),
    "testcase": ({"name", "classname", "time", "group"},
                 {"skipped", "error", "failure", "system-out", "system-err"}),
    "skipped": ({"message", "type"}, set()),
    "failure": ({"message", "type"}, set()),
    "system-out": (set(), set()),
}


def conformance(*options, **more):
    return subprocess.run([NATCHECK, "conformance", *options], text=True,
                          capture_output=True, timeout=110, **more)


class Page(html.parser.HTMLParser):
    """Tags nest, void elements aside; collects what a page would load."""
    VOID = {"meta", "br"}

    def __init__(self):
        super().__init__()
        self.open, self.counts, self.external = [], {}, []

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.external += [value for name, value in attributes
                          if name in ("src", "href", "data", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> out of place")


class Formats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        (cls.folder / BOX).write_text(SCENARIO)
        cls.capture = cls.folder / "evidence.pcapng"
        cls.text = {kind: cls.render(kind) for kind in ("json", "junit",
                                                        "html")}
        cls.report = json.loads(cls.text["json"])

    @classmethod
    def render(cls, kind):
        ran = conformance("--scenario", str(BOX), "--box", "box", "--carrier",
                          "--format", kind, "--pcap", str(cls.capture),
                          "--state", "6888-10=pass:it's <b>\x02\u00e4</b>",
                          cwd=cls.folder)
        if ran.returncode != 1 or ran.stderr:
            raise AssertionError(ran)
        return ran.stdout

    def test_json_follows_its_schema(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)
        jsonschema.validate(self.report, SCHEMA)
        self.assertIn(str(BOX), self.report["subject"])
        findings = self.report["findings"]
        for word in ("pass", "fail", "inconclusive", "not-applicable"):
            self.assertEqual(
                self.report["summary"][word.replace("-", "_")],
                len([one for one in findings if one["verdict"] == word]))
        self.assertEqual(
            {one["test"] for one in findings} - {None},
            set(self.report["tests"]))
        for broken in ({"schema": 2}, {"findings": [{}]}):
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate({**self.report, **broken}, SCHEMA)

    def check_junit(self, element):
        attributes, children = JUNIT[element.tag]
        self.assertLessEqual(set(element.keys()), attributes, element.tag)
        for child in element:
            self.assertIn(child.tag, children, element.tag)
            self.check_junit(child)

    def test_junit_follows_its_schema(self):
        root = xml.etree.ElementTree.fromstring(self.text["junit"].encode())
        self.assertEqual("testsuite", root.tag)
        self.check_junit(root)
        cases = root.findall("testcase")
        self.assertEqual(int(root.get("tests")), len(cases))
        for name, tag in (("failures", "failure"), ("skipped", "skipped")):
            self.assertEqual(int(root.get(name)),
                             len(root.findall(f"testcase/{tag}")))
        self.assertEqual("0", root.get("errors"))
        names = [(case.get("classname"), case.get("name")) for case in cases]
        self.assertEqual(len(names), len(set(names)))
        self.assertTrue(all(case.get("name") for case in cases))
        shown = str(BOX).replace("\x01", "\ufffd").replace("\x1b", "\ufffd")
        self.assertIn(shown, root.get("name"))
        failed = {case.get("name").split()[0] for case in cases
                  if case.find("failure") is not None}
        self.assertEqual(
            failed, {one["requirement"] for one in self.report["findings"]
                     if one["verdict"] == "fail"
                     and one["level"].startswith("MUST")})

    def test_html_needs_nothing_else(self):
        text = self.text["html"]
        page = Page()
        page.feed(text)
        page.close()
        self.assertEqual([], page.open)
        self.assertEqual([], page.external)
        for word in ("<script", "@import", "url(", "http:", "https:", "<b>\x02",
                     "\x01"):
            self.assertNotIn(word, text)
        self.assertIn("it&apos;s &lt;b&gt;\ufffd\u00e4&lt;/b&gt;", text)
        # A row for each requirement, and one head for each RFC.
        self.assertEqual(len(self.report["findings"]) + 5, page.counts["tr"])

    def test_tshark_reads_the_capture(self):
        ran = subprocess.run(
            ["tshark", "-r", self.capture, "-T", "fields", "-E",
             "separator=|", "-e", "frame.interface_name", "-e",
             "frame.packet_flags_direction", "-e", "frame.comment", "-e",
             "_ws.malformed", "-e", "ip.version"],
            text=True, capture_output=True, timeout=110)
        self.assertEqual(0, ran.returncode, ran.stderr)
        rows = [line.split("|") for line in ran.stdout.splitlines()]
        entries = [(entry["side"], entry["kind"])
                   for test in self.report["tests"].values()
                   for entry in test["evidence"] if entry["kind"] != "note"]
        self.assertEqual(len(entries), len(rows))
        for side in ("inside", "outside"):
            self.assertEqual(
                len([one for one in entries if one[0] == side]),
                len([row for row in rows if row[0] == side]))
        for _, _, comment, malformed, version in rows:
            self.assertTrue(comment.split(":")[0] in self.report["tests"],
                            comment)
            # Payloads are ours, whatever protocol their port belongs to.
            self.assertNotRegex(malformed, r"Packet: (IP|UDP|TCP|ICMP|Raw)")
            self.assertTrue(version.startswith("4"), version)


class ExitStatus(unittest.TestCase):
    def status(self, *options):
        ran = conformance(*options)
        return ran.returncode, ran.stderr

    def test_0_where_no_must_failed(self):
        self.assertEqual((0, ""), self.status(
            "--profile", "full-cone", "--only", "4787-1"))
        self.assertEqual((0, ""), self.status(
            "--profile", "linux-masquerade", "--only", "4787-8"))  # a SHOULD

    def test_1_where_one_did(self):
        self.assertEqual((1, ""), self.status(
            "--profile", "linux-masquerade", "--only", "4787-1,4787-2"))

    def test_2_where_there_is_no_run(self):
        for options, word in (
                (["--profile", "nonsense"], "no profile"),
                (["--profile", "full-cone", "--only", "4787-99"],
                 "no requirement"),
                (["--profile", "full-cone", "--output", "/no/such/file"],
                 "cannot write"),
                (["--profile", "full-cone", "--inside-agent", "x"],
                 "needs one of"),
                (["--profile", "full-cone", "--format", "pdf"], "pdf"),
                ([], "needs one of")):
            status, said = self.status(*options)
            self.assertEqual(2, status, options)
            self.assertIn(word, said)

    def test_3_where_nothing_could_be_judged(self):
        for options in (["--profile", "udp-blocked", "--only", "4787"],
                        ["--profile", "full-cone", "--only", "6888"],
                        ["--profile", "full-cone", "--carrier", "--only",
                         "6888-10"]):
            status, said = self.status(*options)
            self.assertEqual(3, status, options)
            self.assertIn("no requirement could be judged", said)

    def test_all_protocols_pass_only_if_all_were_tested(self):
        for options, verdict in (
                (["--only", "6888-1"], "inconclusive"),
                (["--only", "6888"], "inconclusive"),
                (["--only", "6888-1", "--state", "6888-1=pass:seen"], "pass"),
                ([], "pass")):
            ran = conformance("--profile", "full-cone", "--carrier",
                              "--format", "json", *options)
            found = [one for one in json.loads(ran.stdout)["findings"]
                     if one["requirement"] == "6888-1"]
            self.assertEqual([verdict], [one["verdict"] for one in found],
                             (options, found))


if __name__ == "__main__":
    unittest.main(verbosity=2)
