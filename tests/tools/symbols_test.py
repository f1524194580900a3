#!/usr/bin/env python3
"""libnatkit.so and libnatkit.a define what bindings/c/natkit.symbols lists and
nothing else, and need nothing but libc, libm and libgcc_s; every name in the
headers has the prefix, and nearly everything there is documented.
"""
import _ctypes
import ctypes
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))

import c_headers  # noqa: E402  (found by the line above)

LIB = pathlib.Path(os.environ["NATKIT_BUILD"]) / "lib"
SHARED, STATIC = LIB / "libnatkit.so", LIB / "libnatkit.a"
LISTED = (ROOT / "bindings/c/natkit.symbols").read_text().split()
PREFIX = re.compile(r"natkit_|NATKIT_")
DOCUMENTED_AT_LEAST = 0.95

NEEDED = re.compile(r"(libc|libm|libgcc_s|ld-linux.*)\.so\.\d+")
# What start-up files bring along.
OF_THE_COMPILER = {"__cxa_finalize", "__gmon_start__",
                   "_ITM_deregisterTMCloneTable", "_ITM_registerTMCloneTable"}
# What these return is freed by free(), which is ours (cmake/fold_library.sh):
# a block that malloc() within libc made must not get there. getcwd() and
# realpath() do so when they are given no buffer.
RETURNS_A_BLOCK_OF_LIBC = {
    "asprintf", "vasprintf", "__asprintf_chk", "__vasprintf_chk", "getline",
    "getdelim", "__getdelim", "getcwd", "get_current_dir_name", "realpath",
    "canonicalize_file_name", "open_memstream", "open_wmemstream", "scandir",
    "scandir64", "wcsdup", "__strdup", "tempnam", "backtrace_symbols"}
# And these would have to be wrapped like malloc() if something used them.
ALLOCATES = {"memalign", "valloc", "pvalloc", "reallocarray", "cfree",
             "__libc_malloc", "__libc_free"}

KINDS = {"FunctionDecl": "function", "RecordDecl": "type", "EnumDecl": "type",
         "TypedefDecl": "type", "EnumConstantDecl": "constant",
         "FieldDecl": "field", "VarDecl": "variable"}


def run(*command):
    return subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, check=True, timeout=300).stdout


def names(*nm):
    return [line.split()[0] for line in run("nm", "--format=posix", *nm)
            .splitlines() if len(line.split()) > 1]


def walk(node, place, documented):
    """Of clang's tree: (kind, name, has a comment) of declarations that are in
    our headers. `place` remembers the file, which the tree gives when it
    changes."""
    for key in ("loc", "range"):
        for spot in (node.get(key, {}), node.get(key, {}).get("begin", {}),
                     node.get(key, {}).get("end", {})):
            for inner in (spot.get("spellingLoc", {}),
                          spot.get("expansionLoc", {}), spot):
                place["file"] = inner.get("file", place["file"])
        if key == "loc":
            here = "natkit/" in place["file"]
    inner = node.get("inner", [])
    kind = KINDS.get(node.get("kind"))
    if kind and here and node.get("name") and not node.get("isImplicit"):
        comment = any(child.get("kind") == "FullComment" for child in inner)
        documented.append((kind, node["name"], comment))
    for child in inner:
        if child.get("kind") != "FullComment":
            walk(child, place, documented)


def declared_by_clang():
    tree = json.loads(run(
        "clang-19", "-x", "c", "-std=c11", "-fsyntax-only", "-Xclang",
        "-ast-dump=json", f"-I{c_headers.INCLUDE}",
        c_headers.INCLUDE / "natkit/natkit.h"))
    found = []
    walk(tree, {"file": ""}, found)
    commented = {}
    for kind, name, comment in found:
        commented[kind, name] = commented.get((kind, name), False) or comment
    return found, commented


def macros_of_gcc():
    def defined(text):
        done = subprocess.run(
            ["gcc", "-std=c11", "-E", "-dM", f"-I{c_headers.INCLUDE}", "-"],
            input=text, text=True, capture_output=True, check=True, timeout=60)
        return set(re.findall(r"#define (\w+)", done.stdout))
    return defined("#include <natkit/natkit.h>\n") - defined(
        "#include <stddef.h>\n#include <stdint.h>\n")


class Libraries(unittest.TestCase):
    def test_list_is_sorted(self):
        self.assertEqual(sorted(set(LISTED)), LISTED)

    def test_shared_library_exports_the_list(self):
        found = names("--dynamic", "--defined-only", SHARED)
        self.assertEqual(["NATKIT_1"] + [f"{name}@@NATKIT_1" for name in LISTED],
                         found, "if it is meant: scripts/accept-abi.sh")

    def test_archive_defines_the_list(self):
        found = names("--extern-only", "--defined-only", STATIC)
        self.assertEqual(LISTED, sorted(found),
                         "if it is meant: scripts/accept-abi.sh")

    def test_shared_library_stands_alone(self):
        print(", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB"
                        for path in (SHARED, STATIC)))
        dynamic = run("readelf", "--dynamic", "--wide", SHARED)
        self.assertIn("soname: [libnatkit.so.1]", dynamic)
        for library in re.findall(r"NEEDED.*\[(.*)\]", dynamic):
            self.assertRegex(library, NEEDED)
        # It can be loaded late, by dlopen() or by a language's runtime.
        self.assertNotIn("STATIC_TLS", dynamic)
        self.assertNotIn("TEXTREL", dynamic)
        self.assertIn("NODELETE", dynamic)
        self.assertIn("NOW", dynamic)
        self.assertIn("GNU_RELRO", run("readelf", "--segments", SHARED))
        for name in names("--dynamic", "--undefined-only", SHARED):
            self.assertTrue("@GLIBC_" in name or "@GCC_" in name
                            or name in OF_THE_COMPILER, name)

    def test_shared_library_can_be_loaded_late_and_again(self):
        for _ in range(2):
            library = ctypes.CDLL(str(SHARED))
            library.natkit_version.restype = ctypes.c_char_p
            self.assertRegex(library.natkit_version(), rb"^\d+\.\d+\.\d+$")
            _ctypes.dlclose(library._handle)

    def test_memory_of_libc_does_not_reach_our_free(self):
        used = set(names("--undefined-only", STATIC))
        self.assertIn("malloc", used)
        self.assertEqual(set(), used & (RETURNS_A_BLOCK_OF_LIBC | ALLOCATES))


class Headers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.found, cls.commented = declared_by_clang()
        cls.macros = macros_of_gcc()
        cls.read = [item for header in c_headers.read_headers()
                    for item in header.items]

    def test_declare_the_list(self):
        self.assertEqual(LISTED, sorted({
            name for kind, name, _ in self.found if kind == "function"}))

    def test_are_read_by_our_tools_as_by_compilers(self):
        functions = {item.name for item in self.read
                     if item.kind == "function"}
        self.assertEqual(set(LISTED), functions)
        parts = sorted(part.name for item in self.read for part in item.parts)
        self.assertEqual(sorted(name for kind, name, _ in self.found
                                if kind in ("constant", "field")), parts)
        types = {name for kind, name, _ in self.found
                 if kind == "type"} - {"sockaddr"}
        self.assertEqual(types, {item.name for item in self.read if item.kind
                                 in ("struct", "enum", "type", "callback")})
        macros = {item.name for item in self.read if item.kind == "macro"}
        self.assertEqual({name for name in self.macros
                          if not name.endswith("_H_")}, macros)

    def test_every_name_has_the_prefix(self):
        for kind, name, _ in self.found:
            if kind != "field" and name != "sockaddr":
                self.assertRegex(name, PREFIX, kind)
        for name in self.macros:
            self.assertRegex(name, PREFIX)

    def test_nearly_everything_is_documented(self):
        commented = dict(self.commented)
        commented.pop(("type", "sockaddr"), None)
        for item in self.read:
            if item.kind == "macro":
                commented["macro", item.name] = bool(item.doc)
        # Fields share names: each counts.
        commented = {key: value for key, value in commented.items()
                     if key[0] not in ("field", "constant")}
        for item in self.read:
            for part in item.parts:
                commented["part", f"{item.name}.{part.name}"] = bool(part.doc)
        lacking = sorted(name for (_, name), has in commented.items()
                         if not has)
        share = 1 - len(lacking) / len(commented)
        print(f"documented: {share:.1%} of {len(commented)}"
              + (f"; not: {' '.join(lacking)}" if lacking else ""))
        self.assertGreaterEqual(share, DOCUMENTED_AT_LEAST)


if __name__ == "__main__":
    sys.exit(unittest.main())
