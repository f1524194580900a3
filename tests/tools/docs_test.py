#!/usr/bin/env python3
"""Runs what the documents tell the reader to run.

Every block that starts with ```sh run in a Markdown file is executed by bash, the
blocks of one file in order and in one empty folder, with the built programs on
PATH and the source tree in $NATKIT_SOURCE. A ```c block whose first line is
/* NAME.c */ is there as that file. Options named in other sh blocks must exist in the program's --help.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))

import c_headers  # noqa: E402  (found by the line above)

BIN = pathlib.Path(os.environ["NATKIT_BIN"])
C_FILE = re.compile(r"^```c\n/\* (\w+\.c) \*/\n(.*?)^```", re.M | re.S)
BLOCK = re.compile(r"^```sh( run)?\n(.*?)^```", re.M | re.S)
PROGRAMS = ("coordd", "meshnode", "derpd", "stunsrv", "netsim", "natcheck")


def documents():
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def blocks(path, runnable):
    return [text for run, text in BLOCK.findall(path.read_text())
            if bool(run) == runnable]


def help_of(words):
    """The --help of a program, and of its subcommand where there is one."""
    command = [BIN / words[0]]
    if words[0] in ("meshnode", "netsim") and len(words) > 1:
        command.append(words[1])
    if words[0] == "coordd" and not words[1].startswith("-"):
        command += [word for word in words[1:3] if re.fullmatch("[a-z-]+", word)]
    done = subprocess.run([*command, "--help"], capture_output=True, text=True,
                          check=False, timeout=60)
    return done.stdout + done.stderr


class Documents(unittest.TestCase):
    def test_runnable_blocks_run(self):
        ran = 0
        for path in documents():
            with tempfile.TemporaryDirectory() as folder:
                for name, text in C_FILE.findall(path.read_text()):
                    (pathlib.Path(folder) / name).write_text(text)
                for block in blocks(path, True):
                    done = subprocess.run(
                        ["bash", "-euo", "pipefail", "-c", block], cwd=folder,
                        env={**os.environ, "NATKIT_SOURCE": str(ROOT),
                             "PATH": f"{BIN}:{os.environ['PATH']}"},
                        capture_output=True, text=True, check=False,
                        timeout=120)
                    self.assertEqual(0, done.returncode,
                                     f"{path.name}:\n{block}\n{done.stdout}"
                                     f"{done.stderr}")
                    ran += 1
        self.assertGreater(ran, 0)

    def test_netsim_page_has_every_profile_and_parameter(self):
        page = (ROOT / "docs/netsim.md").read_text()
        for command, key in (("profiles", "name"), ("parameters", "key")):
            listed = subprocess.run([BIN / "netsim", command, "--json"],
                                    capture_output=True, check=True,
                                    timeout=60)
            report = json.loads(listed.stdout)
            self.assertEqual(f"natkit-netsim-{command}-1", report["schema"])
            self.assertTrue(report["schema"] in page)
            rows = report[command]
            self.assertGreater(len(rows), 10)
            for row in rows:
                self.assertTrue(f"| `{row[key]}`" in page,
                                f"docs/netsim.md lacks {row[key]}")
        count = re.search(r"(\d+) named profiles", page).group(1)
        listed = subprocess.run([BIN / "netsim", "profiles", "--json"],
                                capture_output=True, check=True, timeout=60)
        self.assertEqual(int(count), len(json.loads(listed.stdout)["profiles"]))

    def test_named_options_exist(self):
        seen = 0
        for path in documents():
            for block in blocks(path, False):
                for line in block.splitlines():
                    words = line.split("#")[0].split()
                    if not words or words[0] not in PROGRAMS:
                        continue
                    seen += 1
                    text = help_of(words)
                    for word in words[1:]:
                        if word == "--":
                            break
                        if word.startswith("--"):
                            self.assertIn(word.split("=")[0], text,
                                          f"{path.name}: {line}")
        self.assertGreater(seen, 0)

    def test_names_of_the_c_api_exist(self):
        known = {part.name for header in c_headers.read_headers()
                 for item in header.items for part in (item, *item.parts)}
        # CMake targets, and where tests find what was built.
        known |= {"natkit_shared", "natkit_static", "natkit_man3",
                  "NATKIT_BUILD"}
        named = set(re.findall(r"\b(?:natkit|NATKIT)_\w+",
                               (ROOT / "docs/c-api.md").read_text()))
        self.assertGreater(len(named), 50)
        self.assertEqual([], sorted(
            name for name in named - known if not name.startswith("natkit_x_")))

    def test_links_lead_somewhere(self):
        for path in documents():
            for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
                self.assertTrue((path.parent / target).exists(),
                                f"{path.name}: {target}")

    def test_scripts_named_exist_and_are_executable(self):
        text = "".join(path.read_text() for path in documents())
        for name in set(re.findall(r"scripts/[a-z]+\.sh", text)):
            self.assertTrue(os.access(ROOT / name, os.X_OK), name)


if __name__ == "__main__":
    sys.exit(unittest.main())
