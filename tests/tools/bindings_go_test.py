#!/usr/bin/env python3
"""The Go binding: gofmt, go vet, its unit tests, and both ways to find natkit."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import toolchains  # noqa: E402  (found by the line above)


def main():
    unformatted = subprocess.run(
        [toolchains.program("gofmt", "golang-go"), "-l", toolchains.GO],
        capture_output=True, text=True, check=True).stdout
    if unformatted:
        sys.exit(f"not as gofmt writes it:\n{unformatted}")
    toolchains.run_go("vet", "./...")
    toolchains.run_go("test", "-count=1", "-timeout", "300s", "./...")
    toolchains.run_go("vet", "-tags", "natkit_environment", ".",
                      PKG_CONFIG_PATH="", PKG_CONFIG="false",
                      CGO_CFLAGS=f"-I{toolchains.INCLUDE}",
                      CGO_LDFLAGS=f"-L{toolchains.BUILD}/lib")


if __name__ == "__main__":
    main()
