#!/usr/bin/env python3
"""The Go binding: gofmt, go vet, its unit tests, the ways to find natkit, and a
program that uses it."""
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import toolchains  # noqa: E402  (found by the line above)

PROGRAM = """\
package main

import (
	"fmt"

	"natkit"
)

func main() { fmt.Println(natkit.Version()) }
"""


def use_from_outside():
    """A module that has the package as its README says."""
    lines = re.findall(r"^ {4}((?:require|replace) .*)$",
                       (toolchains.GO / "README.md").read_text(), re.M)
    with tempfile.TemporaryDirectory() as folder:
        module = "\n".join(["module program", "go 1.19", *lines]) + "\n"
        place = pathlib.Path(folder)
        (place / "go.mod").write_text(
            module.replace("/path/to/natkit/bindings/go", str(toolchains.GO)))
        (place / "main.go").write_text(PROGRAM)
        toolchains.run_go("run", ".", cwd=folder)
        toolchains.run_go("run", "-tags", "natkit_static", ".", cwd=folder,
                          LD_LIBRARY_PATH="")


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
    use_from_outside()


if __name__ == "__main__":
    main()
