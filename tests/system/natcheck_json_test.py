#!/usr/bin/env python3
"""natcheck --json has the keys that docs/nat-behavior.md lists, and no others."""
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ["NATKIT_BIN"])
DOCUMENT = (ROOT / "docs/nat-behavior.md").read_text()
SCHEMA = json.loads((ROOT / "docs/natcheck.schema.json").read_text())


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


SERVER = f"127.0.0.1:{free_port()}"


def keys_of_tables(text):
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.M)
    return {word for cell in cells for word in re.findall(r"`(\w+)`", cell)}


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204 if self.path == "/empty?1" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


class Json(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.web = HTTPServer(("127.0.0.1", 0), EmptyPage)
        threading.Thread(target=cls.web.serve_forever, daemon=True).start()
        page = f"http://127.0.0.1:{cls.web.server_port}/empty?1"
        cls.server = subprocess.Popen(
            [BIN / "stunsrv", "--listen", SERVER, "--rate-limit", "0"],
            stderr=subprocess.PIPE, text=True)
        while "listening" not in (line := cls.server.stderr.readline()):
            if not line:
                raise RuntimeError("stunsrv has ended")
        done = subprocess.run([BIN / "natcheck", "--server", SERVER, "--json",
                               "--portal-url", page], capture_output=True,
                              text=True, check=True, timeout=110)
        cls.report = json.loads(done.stdout)

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.communicate()
        cls.web.shutdown()
        cls.web.server_close()

    def test_keys_are_those_of_the_document(self):
        section = DOCUMENT.split("\n## JSON\n")[1]
        outer, inner = section.split("Each family:")
        self.assertEqual(keys_of_tables(outer), set(self.report))
        family, = self.report["families"]
        self.assertEqual(keys_of_tables(inner), set(family))
        self.assertEqual(1, self.report["schema"])

    def test_it_fits_the_schema(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)
        jsonschema.validate(self.report, SCHEMA)
        for needed in ("families", "schema"):
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate({key: of for key, of in self.report.items()
                                     if key != needed}, SCHEMA)

    def test_axes_are_those_of_the_document(self):
        section = DOCUMENT.split("\n## The axes\n")[1].split("\n## ")[0]
        named = {cell for cell in re.findall(r"^\| `(\w+)` \|", section, re.M)}
        verdicts = self.report["families"][0]["verdicts"]
        self.assertEqual(named, set(verdicts))

    def test_loopback_is_not_translated(self):
        family = self.report["families"][0]
        self.assertEqual("open", family["verdicts"]["udp"]["value"])
        self.assertEqual("none", family["verdicts"]["translation"]["value"])
        probe = family["verdicts"]["udp"]["evidence"][0]
        self.assertEqual(SERVER, probe["answered_from"])
        self.assertEqual(probe["local"], probe["mapped"])

    def test_an_empty_page_means_no_portal(self):
        verdict = self.report["families"][0]["verdicts"]["captive_portal"]
        self.assertEqual("no", verdict["value"], verdict)

    def test_a_server_without_tcp_leaves_its_mapping_open(self):
        verdict = self.report["families"][0]["verdicts"]["tcp"]
        self.assertEqual("inconclusive", verdict["outcome"])
        self.assertIn("connection refused", verdict["evidence"][0]["note"])


class Complaints(unittest.TestCase):
    def complain(self, status, *arguments):
        done = subprocess.run([BIN / "natcheck", *arguments], text=True,
                              capture_output=True, check=False, timeout=110)
        self.assertEqual(status, done.returncode)
        self.assertEqual("", done.stdout)
        return done.stderr

    def test_no_server(self):
        self.assertIn("no server given", self.complain(2))

    def test_server_that_is_none(self):
        for text in ("host:port", ":1", "[::1", "192.0.2.1:0"):
            self.assertIn("is not HOST", self.complain(2, "--server", text))

    def test_name_that_has_no_address(self):
        said = self.complain(1, "--server", "nosuch.invalid")
        self.assertIn("cannot look up nosuch.invalid", said)

    def test_page_that_is_none(self):
        for text in ("page", "https://page.example/", "http://", "http://a b/",
                     "http://page.example:port/"):
            self.assertIn("is not http://", self.complain(
                2, "--server", SERVER, "--portal-url", text))

    def test_local_address_that_is_none(self):
        self.assertIn("is not an address", self.complain(
            2, "--server", SERVER, "--local", "here"))


if __name__ == "__main__":
    sys.exit(unittest.main())
