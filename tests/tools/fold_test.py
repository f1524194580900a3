#!/usr/bin/env python3
"""cmake/fold_library.sh, on a library made for the purpose and a C++ program that
has everything of the same name: inline functions and their static data, operator
new, malloc's neighbours, BoringSSL's hooks. Neither may get what is the other's.
"""
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLD = ROOT / "cmake/fold_library.sh"
SOURCES = [ROOT / "bindings/c/src/common" / name
           for name in ("block_table.cc", "blocks.cc", "malloc.cc", "operator_new.cc")]

# What both sides have; WHO makes their copies differ.
COMMON = r"""
#include <string>
#include <vector>

namespace common {

struct Thing {
  char unused[WHO == 1 ? 8 : 64];
  std::string name = WHO == 1 ? "the library" : "the program";
};

template <class T>
struct Counter {
  static inline int count = 0;  // one per process, if the linker may choose
};

inline int& Static() {
  static int value = WHO;
  return value;
}

inline std::string Name() {
  std::vector<Thing> things(3);
  things.insert(things.begin(), Thing());
  return things.back().name;
}

inline thread_local int per_thread = WHO;

}  // namespace common
"""

LIBRARY = COMMON + r"""
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>
#include <stdexcept>

extern "C" __attribute__((weak)) void* OPENSSL_memory_alloc(size_t size);

extern "C" int natkit_try(char* out, size_t size) {
  std::ostringstream text;
  try {
    throw std::runtime_error(common::Name());
  } catch (const std::exception& error) {
    text << error.what();
  }
  text << ' ' << ++common::Counter<int>::count << ' ' << common::Static() << ' '
       << common::per_thread;
  char* const copy = strdup(text.str().c_str());
  char* const hooked = static_cast<char*>(OPENSSL_memory_alloc(100));
  std::strncpy(out, copy, size);
  std::free(hooked);
  std::free(copy);
  return 0;
}
"""

PROGRAM = COMMON + r"""
#include <cstdio>
#include <cstdlib>
#include <new>

static int calls;

void* operator new(std::size_t size) {
  ++calls;
  return std::malloc(size);
}

void operator delete(void* memory) noexcept { std::free(memory); }

void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

extern "C" {
int natkit_try(char* out, std::size_t size);

void* OPENSSL_memory_alloc(std::size_t) { std::abort(); }

void sdallocx(void*, std::size_t, int) { std::abort(); }

int common_static(void) { return 7; }
}

int main() {
  char text[100] = "";
  common::Counter<int>::count = 40;
  const int before = calls;
  natkit_try(text, sizeof text);
  const int during = calls - before;
  std::printf("%s; %s %d %d %d; %d calls\n", text, common::Name().c_str(),
              ++common::Counter<int>::count, common::Static(),
              common::per_thread, during);
}
"""
PRINTED = "the library 1 1 1; the program 41 2 2; 0 calls\n"

MAP = "NATKIT_1 { global: natkit_*; local: *; };\n"


def run(*command, **environment):
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, check=False, timeout=300,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        raise AssertionError(f"{command}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Fold(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def compile(self, compiler, source, *flags):
        out = self.root / f"{pathlib.Path(source).stem}.o"
        run(compiler, "-std=c++20", "-O1", "-fPIC", "-c", source, "-o", out,
            *flags)
        return out

    def fold(self, compiler):
        """The folded object of LIBRARY."""
        source = self.root / "library.cc"
        source.write_text(LIBRARY)
        api = self.root / "api.a"
        run("ar", "rc", api, self.compile(compiler, source, "-DWHO=1"))
        own = [self.compile(compiler, path, "-fvisibility=hidden",
                            f"-I{ROOT / 'bindings/c/src'}",
                            f"-I{ROOT / 'bindings/c/include'}")
               for path in SOURCES]
        out = self.root / "folded.o"
        run("bash", FOLD, out, api, *own, api, *[
            run(compiler, f"-print-file-name={name}").strip()
            for name in ("libstdc++.a", "libgcc.a")])
        return out

    def test_library_and_program_keep_what_is_theirs(self):
        for inside, outside in itertools.product(("g++", "clang++-19"),
                                                 repeat=2):
            folded = self.fold(inside)
            (self.root / "map").write_text(MAP)
            shared = self.root / "libtry.so"
            run("gcc", "-shared", folded, "-o", shared, "-Wl,-z,defs", "-lm",
                f"-Wl,--version-script={self.root / 'map'}")
            source = self.root / "program.cc"
            source.write_text(PROGRAM)
            for number, library in enumerate((folded, shared)):
                program = self.root / f"program{number}"
                run(outside, "-std=c++20", "-O1", "-DWHO=2", source, library,
                    "-o", program, f"-Wl,-rpath,{self.root}")
                self.assertEqual(PRINTED, run(program),
                                 f"{inside} {outside} {library.name}")

    def test_only_the_api_is_global(self):
        folded = self.fold("g++")
        listed = run("nm", "--extern-only", "--defined-only", folded)
        self.assertEqual(["natkit_try"],
                         [line.split()[2] for line in listed.splitlines()])

    def test_an_archive_without_api_is_refused(self):
        empty = self.root / "empty.a"
        source = self.root / "empty.cc"
        source.write_text("int other;\n")
        run("ar", "rc", empty, self.compile("g++", source))
        with self.assertRaisesRegex(AssertionError, "no natkit_"):
            run("bash", FOLD, self.root / "out.o", empty, empty)


if __name__ == "__main__":
    sys.exit(unittest.main())
