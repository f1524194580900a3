#!/usr/bin/env python3
"""Section 3 of the manual, which is made of the C API's headers, renders without
warnings, has a page for each function, and is installed.
"""
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

BUILD = pathlib.Path(os.environ["NATKIT_BUILD"])


def run(*command):
    return subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, check=False, timeout=120)


def rendered(page):
    text = run("mandoc", "-T", "ascii", "-O", "width=1000", page).stdout
    return re.sub(".\b", "", text)


class Section3(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        prefix = pathlib.Path(folder.name)
        done = run("cmake", "--install", BUILD, "--component", "c", "--prefix",
                   prefix)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        cls.files = {path.name: path for path in prefix.rglob("man/man3/*.3")}
        cls.links = {name: path.read_text() for name, path in cls.files.items()
                     if path.read_text().startswith(".so ")}
        cls.pages = {name: path for name, path in cls.files.items()
                     if name not in cls.links}

    def test_there_is_a_page_for_each_header_and_an_overview(self):
        self.assertEqual(
            {"natkit.3"} | {f"natkit_{header.name}.3"
                            for header in c_headers.read_headers()},
            set(self.pages))

    def test_pages_render_without_warnings(self):
        for page in self.pages.values():
            # Prototypes may have words that are too long for a line.
            for command in (["mandoc", "-T", "lint", "-W", "warning"],
                            ["groff", "-mdoc", "-ww", "-Wbreak", "-Tutf8",
                             "-z"]):
                done = run(*command, page)
                self.assertEqual((0, ""),
                                 (done.returncode, done.stdout + done.stderr))

    def test_functions_lead_to_their_page(self):
        for header in c_headers.read_headers():
            for item in header.of("function"):
                self.assertEqual(f".so man3/natkit_{header.name}.3\n",
                                 self.links.get(f"{item.name}.3"), item.name)

    def test_pages_have_all_of_their_headers(self):
        for header in c_headers.read_headers():
            text = rendered(self.pages[f"natkit_{header.name}.3"])
            names, prototypes = text.split("SYNOPSIS")[:2]
            flat = c_headers.flat(prototypes)
            for item in header.items:
                self.assertIn(item.name, flat)
                if item.kind == "function":
                    self.assertRegex(names, rf"\b{item.name}\b")
                    plain = re.sub(r"\s*(\*+)\s*", r" \1", item.text)
                    self.assertIn(re.sub(r"\( ", "(", plain),
                                  re.sub(r"\s*(\*+)\s*", r" \1", flat))
                for part in item.parts:
                    self.assertIn(part.name, flat, item.name)

    def test_comments_are_whole(self):
        page = rendered(self.pages["natkit_common.3"])
        self.assertIn("The system's monotonic clock in nanoseconds, for callers "
                      "that have no other clock at hand.", page)
        self.assertIn("Errors: NATKIT_ERR_BAD_ARGUMENT, "
                      "NATKIT_ERR_BAD_ENCODING.", page)
        self.assertNotIn("/**", page)
        self.assertNotIn("@return", page)

    def test_code_keeps_its_lines(self):
        self.assertRegex(rendered(self.pages["natkit_agent.3"]),
                         r"\n +natkit_hub_get_timeout\(hub, &ms\);\n +poll\(")
        self.assertRegex(rendered(self.pages["natkit.3"]),
                         r"\n +find_package\(natkit REQUIRED\)\n +target_link")


if __name__ == "__main__":
    sys.exit(unittest.main())
