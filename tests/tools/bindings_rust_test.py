#!/usr/bin/env python3
"""The Rust binding: what is written from the headers, tests, documentation, and
both ways to find natkit."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import toolchains  # noqa: E402  (found by the line above)

STEADY = ("--offline", "--locked")


def main():
    subprocess.run([sys.executable, toolchains.RUST / "natkit-sys/generate.py",
                    "--check"], check=True)
    toolchains.run_cargo("test", "--workspace", *STEADY)
    toolchains.run_cargo("doc", "--workspace", "--no-deps", *STEADY)
    toolchains.run_cargo("build", "-p", "natkit-sys", *STEADY,
                         PKG_CONFIG="false",
                         NATKIT_LIB_DIR=str(toolchains.BUILD / "lib"))


if __name__ == "__main__":
    main()
