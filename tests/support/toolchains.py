"""Go and Cargo for the tests of the bindings: they build against this build
tree's libnatkit and headers, without a network, and all that they make is below
the build directory.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("NATKIT_BIN", "build/bin")).resolve()
BUILD = BIN.parent
INCLUDE = SOURCE / "bindings/c/include"
GO = SOURCE / "bindings/go"
RUST = SOURCE / "bindings/rust"

PKG_CONFIG = """\
Name: {name}
Description: the C API in a build tree
Version: 0
Cflags: -I{include} -DNATKIT_HEADERS_{digest}
Libs: {libs}
"""


def program(name, package):
    """The toolchain's program. Debian's, where another one is in the way: it is
    the oldest that the bindings promise to build with."""
    debian = pathlib.Path("/usr/bin") / name
    found = str(debian) if debian.exists() else shutil.which(name)
    if not found:
        sys.exit(f"there is no {name}: scripts/setup.sh --test installs {package}")
    return found


def digest():
    """Of the headers: Go does not look at them when it asks its cache."""
    found = hashlib.sha256()
    for header in sorted((INCLUDE / "natkit").glob("*.h")):
        found.update(header.read_bytes())
    return found.hexdigest()[:16]


def environment():
    """What both toolchains need to find the library."""
    folder = BUILD / "bindings/pkgconfig"
    folder.mkdir(parents=True, exist_ok=True)
    for name, libs in (("natkit", f"-L{BUILD}/lib -lnatkit"),
                       ("natkit-static", f"{BUILD}/lib/libnatkit.a -lm")):
        text = PKG_CONFIG.format(name=name, libs=libs, include=INCLUDE,
                                 digest=digest())
        module = folder / f"{name}.pc"
        if not module.exists() or module.read_text() != text:
            made = folder / f"{name}.pc.{os.getpid()}"  # others may read it now
            made.write_text(text)
            made.replace(module)
    return {**os.environ, "PKG_CONFIG_PATH": str(folder),
            "LD_LIBRARY_PATH": str(BUILD / "lib"),
            "NATKIT_INCLUDE": str(INCLUDE)}


def run_go(*arguments, cwd=GO, **variables):
    """Runs `go`; ends the program if that fails."""
    given = {**environment(), "GOCACHE": str(BUILD / "bindings/go/cache"),
             "GOPATH": str(BUILD / "bindings/go/path"), "GOFLAGS": "-mod=readonly",
             "GOPROXY": "off", "GO111MODULE": "on", "CGO_ENABLED": "1"}
    done = subprocess.run([program("go", "golang-go"), *map(str, arguments)],
                          cwd=cwd, env={**given, **variables}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def go_example(name):
    """Builds an example of the Go binding; returns the program."""
    out = BUILD / "bindings/go/bin" / name
    run_go("build", "-o", out, f"./examples/{name}")
    return out


def run_cargo(*arguments, cwd=RUST, **variables):
    """Runs `cargo`; ends the program if that fails."""
    given = {**environment(), "CARGO_TARGET_DIR": str(BUILD / "bindings/rust"),
             "CARGO_HOME": str(BUILD / "bindings/cargo"),
             "CARGO_NET_OFFLINE": "true", "RUSTFLAGS": "-D warnings",
             "RUSTC": program("rustc", "rustc"),
             "RUSTDOC": program("rustdoc", "rustc"),
             "RUSTDOCFLAGS": "-D warnings"}
    done = subprocess.run([program("cargo", "cargo"), *map(str, arguments)],
                          cwd=cwd, env={**given, **variables}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def rust_example(name):
    """Builds an example of the Rust binding; returns the program."""
    run_cargo("build", "--offline", "--locked", "-p", "natkit", "--example", name)
    return BUILD / "bindings/rust/debug/examples" / name
