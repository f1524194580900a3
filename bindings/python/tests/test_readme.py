"""The README's program and the examples do what they say."""
import pathlib
import re
import subprocess
import sys
import unittest

BINDING = pathlib.Path(__file__).resolve().parents[1]
LIMIT = 120  # seconds; only failures take so long


class ReadmeTest(unittest.TestCase):
    def test_the_example_prints_what_is_said(self):
        text = (BINDING / "README.md").read_text(encoding="utf-8")
        program, = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
        said = re.search(r"It prints `([^`]+)`", text).group(1)
        done = subprocess.run([sys.executable, "-W", "error", "-c", program],
                              capture_output=True, text=True, check=False,
                              timeout=LIMIT)
        self.assertEqual((done.stdout, done.stderr), (said + "\n", ""))

    def test_hubs_work_in_asyncio(self):
        done = subprocess.run([sys.executable, "-W", "error", "-X", "dev",
                               BINDING / "examples/asyncio_hub.py"],
                              capture_output=True, text=True, check=False,
                              timeout=LIMIT)
        self.assertEqual((done.stdout, done.stderr), ("HELLO\n", ""))

    def test_the_peer_says_how_it_is_used(self):
        peer = [sys.executable, BINDING / "examples/peer.py"]
        done = subprocess.run([*peer, "--help"], capture_output=True, text=True,
                              check=True, timeout=LIMIT)
        self.assertIn("--relay HOST:PORT:PIN|plain", done.stdout)
        done = subprocess.run([*peer, "--stun", "nowhere"], capture_output=True,
                              text=True, check=False, timeout=LIMIT)
        self.assertEqual(done.returncode, 2)
        done = subprocess.run(peer, input="", capture_output=True, text=True,
                              check=True, timeout=LIMIT)
        self.assertTrue(done.stdout.startswith("description "))


if __name__ == "__main__":
    unittest.main()
