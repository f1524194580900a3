"""The binary interface of the C API, as text that abidiff compares.

It is taken from the headers alone: a library of empty functions with their
prototypes, whose debugging information is that of a C program and the same in
every build. It has functions type_X and number_X, too, for types and macros that
no prototype leads to, such as the error codes. That libnatkit.so defines just these functions is another test's
(tests/tools/symbols_test.py); that it defines them with these prototypes is the
compiler's, which sees the headers when it compiles them.
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import c_headers

FOLDER = c_headers.ROOT / "bindings/c"
SYMBOLS = FOLDER / "natkit.symbols"
ABI = FOLDER / "abi/natkit.abi"
SONAME = "libnatkit.so.1"


def run(*command):
    return subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, check=False, timeout=300)


def require(*command):
    done = run(*command)
    if done.returncode != 0:
        raise RuntimeError(f"{command}:\n{done.stdout}{done.stderr}")
    return done.stdout


def items(kind, include=c_headers.INCLUDE):
    return [item for header in c_headers.read_headers(include)
            for item in header.of(kind)]


def numbers(include=c_headers.INCLUDE):
    """Names of macros whose values programs are compiled with."""
    return [item.name for item in items("macro", include)
            if re.match(item.name + r" [\w(-]", item.text)
            and not re.match("NATKIT_(API|VERSION_)", item.name)]


def build_probe(folder, include=c_headers.INCLUDE):
    """The library of empty functions, in `folder`."""
    source, library = folder / "probe.c", folder / SONAME
    lines = ['#include "natkit/natkit.h"']
    lines += [f"{item.text} {{ __builtin_trap(); }}"
              for item in items("function", include)]
    lines += [f"void type_{item.name}({item.name} *value) {{}}"
              for kind in ("struct", "enum", "type", "callback")
              for item in items(kind, include)]
    lines += [f"enum {name}_ {{ {name}_VALUE = {name} }};\n"
              f"void number_{name}(enum {name}_ value) {{}}"
              for name in numbers(include)]
    source.write_text("\n".join(lines) + "\n")
    require("gcc", "-std=c11", "-g", "-O0", "-w", "-fPIC", "-shared",
            f"-ffile-prefix-map={folder}/=",
            f"-I{include}", f"-Wl,-soname,{SONAME}", source, "-o", library)
    return library


def describe(library, out):
    """Writes the interface of a probe."""
    require("abidw", "--exported-interfaces-only", "--no-architecture",
            "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs",
            "--type-id-style", "hash", "--out-file", out, library)


def compare(library, recorded=ABI):
    """What abidiff says of a probe; empty if nothing has changed."""
    try:  # abidiff takes what it can read of a broken file for the whole
        xml.etree.ElementTree.parse(recorded)
    except xml.etree.ElementTree.ParseError as error:
        return f"{recorded} is damaged: {error}"
    done = run("abidiff", "--no-architecture", "--harmless",
               recorded, library)
    if done.returncode == 0:
        return ""
    return done.stdout + done.stderr or f"abidiff ended with {done.returncode}"


def accept():
    SYMBOLS.write_text("".join(
        f"{name}\n" for name in sorted(item.name for item in items("function"))))
    with tempfile.TemporaryDirectory() as folder:
        library = build_probe(pathlib.Path(folder))
        if ABI.exists():
            print(compare(library) or "The interface is as recorded.")
        ABI.parent.mkdir(exist_ok=True)
        describe(library, ABI)


if __name__ == "__main__":
    sys.exit(accept())
