#!/usr/bin/env python3
"""The Python binding: two peers find each other through NATs, and what these
are."""
import os
import pathlib
import sys

import bindings_lab

BINDING = pathlib.Path(__file__).resolve().parents[2] / "bindings/python"

if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(BINDING / "src")
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    bindings_lab.main([sys.executable, BINDING / "examples/peer.py"],
                      [sys.executable, BINDING / "examples/which_nat.py"])
