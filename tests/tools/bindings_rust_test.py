#!/usr/bin/env python3
"""The Rust binding: what is written from the headers, tests, documentation,
the ways to find natkit, and a program that uses it."""
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import toolchains  # noqa: E402  (found by the line above)

STEADY = ("--offline", "--locked")
MANIFEST = """\
[package]
name = "program"
version = "0.1.0"
edition = "2021"

"""
PROGRAM = 'fn main() { println!("{}", natkit::version()); }\n'


def use_from_outside():
    """A crate that has ours as the README says."""
    lines = re.findall(r"^ {4}(\[dependencies\]|natkit = .*)$",
                       (toolchains.RUST / "README.md").read_text(), re.M)
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "Cargo.toml").write_text(MANIFEST + "\n".join(lines).replace(
            "/path/to/natkit/bindings/rust", str(toolchains.RUST)) + "\n")
        (place / "src").mkdir()
        (place / "src/main.rs").write_text(PROGRAM)
        toolchains.run_cargo("run", "--offline", cwd=folder)
        toolchains.run_cargo(
            "run", "--offline", cwd=folder, NATKIT_STATIC="1",
            LD_LIBRARY_PATH="",
            CARGO_TARGET_DIR=str(toolchains.BUILD / "bindings/rust-static"))


def main():
    subprocess.run([sys.executable, toolchains.RUST / "natkit-sys/generate.py",
                    "--check"], check=True)
    toolchains.run_cargo("test", "--workspace", *STEADY)
    toolchains.run_cargo("doc", "--workspace", "--no-deps", *STEADY)
    toolchains.run_cargo("build", "-p", "natkit-sys", *STEADY,
                         PKG_CONFIG="false",
                         NATKIT_LIB_DIR=str(toolchains.BUILD / "lib"))
    use_from_outside()


if __name__ == "__main__":
    main()
