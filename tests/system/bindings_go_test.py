#!/usr/bin/env python3
"""The Go binding: two peers find each other through NATs, and what these are."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import toolchains  # noqa: E402  (found by the line above)

import bindings_lab  # noqa: E402

if __name__ == "__main__":
    bindings_lab.main([toolchains.go_example("peer")],
                      [toolchains.go_example("whichnat")])
