#!/usr/bin/env python3
"""Installs the C API to an empty prefix and builds programs against it: by CMake
and by pkg-config, with gcc and clang, as C11 and as C++17, shared and static.
"""
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["NATKIT_BUILD"])
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# Of each compiler: its C and its C++.
COMPILERS = {"gcc": ("gcc", "g++"), "clang": ("clang-19", "clang++-19")}
LANGUAGES = {"c": "-std=c11", "c++": "-std=c++17"}

PROJECT = """
cmake_minimum_required(VERSION 3.13)
project(consumer LANGUAGES C CXX)
set(CMAKE_C_STANDARD 11)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_EXTENSIONS OFF)
add_compile_options(-Wall -Wextra -Wpedantic -Werror)
# Whoever wants the C API alone has none of what the C++ libraries need.
set(CMAKE_DISABLE_FIND_PACKAGE_PkgConfig ON)
set(CMAKE_DISABLE_FIND_PACKAGE_Protobuf ON)
set(CMAKE_DISABLE_FIND_PACKAGE_SQLite3 ON)
find_package(natkit 0.1 REQUIRED)
add_executable(c_shared main.c)
target_link_libraries(c_shared PRIVATE natkit::natkit)
add_executable(c_static main.c)
target_link_libraries(c_static PRIVATE natkit::natkit_static)
add_executable(cpp_shared main.cc)
target_link_libraries(cpp_shared PRIVATE natkit::natkit)
add_executable(cpp_static main.cc)
target_link_libraries(cpp_static PRIVATE natkit::natkit_static)
"""

PLUGIN_PROJECT = """
cmake_minimum_required(VERSION 3.13)
project(consumer LANGUAGES C)
find_package(natkit REQUIRED)
add_library(plugin MODULE ../plugin.c)
target_link_libraries(plugin PRIVATE natkit::natkit_static)
"""

# The C++ libraries are not in the tree that the C API alone is installed to.
COMPONENT = """
cmake_minimum_required(VERSION 3.13)
project(consumer LANGUAGES C)
find_package(natkit QUIET COMPONENTS cpp)
set(required ${natkit_FOUND})
find_package(natkit QUIET OPTIONAL_COMPONENTS cpp)
message(STATUS "required: ${required}, optional: ${natkit_FOUND}")
"""

# Both C11 and C++17. A key is derived and printed, so something is linked that
# needs the libraries inside.
PROGRAM = """
#include <natkit/natkit.h>

#include <stdio.h>

int main(void) {
  uint8_t secret[NATKIT_KEY_SIZE];
  uint8_t key[NATKIT_KEY_SIZE];
  char text[NATKIT_KEY_TEXT_SIZE];
  natkit_address address;
  for (unsigned i = 0; i < sizeof secret; ++i) {
    secret[i] = (uint8_t)i;
  }
  if (natkit_key_get_public(secret, key) != NATKIT_OK ||
      natkit_key_format(key, text, sizeof text) < 0 ||
      natkit_address_parse("[2001:db8::1]:7", &address) != NATKIT_OK) {
    return 1;
  }
  printf("%s %s %u\\n", natkit_version(), text, address.port);
  return 0;
}
"""
# Of a shared object that has natkit in it. TLS has something to do when a thread
# ends that has used it.
PLUGIN = """
#include <natkit/natkit.h>

int UseNatkit(void) {
  natkit_hub_config config;
  natkit_relay relay;
  natkit_address address;
  natkit_hub* hub = NULL;
  int code = natkit_address_parse("127.0.0.1", &address);
  natkit_init(&config);
  natkit_init(&relay);
  relay.host = "relay.example";
  relay.addresses = &address;
  relay.address_count = 1;
  relay.certificate_name = "sha256-raw:"
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  code = code == NATKIT_OK ? natkit_hub_new(&config, &hub) : code;
  code = code == NATKIT_OK ? natkit_hub_add_relay(hub, &relay) : code;
  natkit_hub_free(hub);
  return code;
}
"""
# Its thread ends when the plugin is closed.
PLUGIN_USER = """
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

static void* Use(void* path) {
  void* const plugin = dlopen(path, RTLD_NOW);
  if (plugin == NULL) {
    fprintf(stderr, "%s\\n", dlerror());
    return plugin;
  }
  int (*use)(void) = (int (*)(void))(intptr_t)dlsym(plugin, "UseNatkit");
  const int result = use();
  dlclose(plugin);
  return result == 0 ? path : NULL;
}

int main(int argc, char** argv) {
  pthread_t thread;
  void* result = NULL;
  return argc != 2 || pthread_create(&thread, NULL, Use, argv[1]) != 0 ||
         pthread_join(thread, &result) != 0 || result == NULL;
}
"""
# RFC 7748's function of 0, 1, ... 31.
PRINTED = "0.1.0 j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8= 7\n"


def run(*command, **environment):
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, check=False, timeout=300,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        raise AssertionError(f"{command}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


class CInstall(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        built = cls.root / "built"
        run("cmake", "--install", BUILD, "--component", "c", "--prefix", built)
        # The tree may be moved.
        cls.prefix = built.rename(cls.root / "prefix")
        cls.library = next(cls.prefix.rglob("libnatkit.so")).parent
        (cls.root / "source").mkdir()
        for name, text in (("CMakeLists.txt", PROJECT), ("main.c", PROGRAM),
                           ("main.cc", PROGRAM)):
            (cls.root / "source" / name).write_text(text)

    def flags(self, module, *options):
        return run("pkg-config", "--cflags", "--libs", *options, module,
                   PKG_CONFIG_PATH=str(self.library / "pkgconfig")).split()

    def test_consumers_build_by_cmake(self):
        for name, (c, cpp) in COMPILERS.items():
            build = self.root / f"cmake-{name}"
            run("cmake", "-S", self.root / "source", "-B", build, "-G", "Ninja",
                f"-DCMAKE_PREFIX_PATH={self.prefix}",
                f"-DCMAKE_C_COMPILER={c}", f"-DCMAKE_CXX_COMPILER={cpp}")
            run("cmake", "--build", build)
            for program in ("c_shared", "c_static", "cpp_shared", "cpp_static"):
                self.assertEqual(PRINTED, run(build / program), program)

    def test_consumers_build_by_pkg_config(self):
        for (name, commands), (language, standard), module in itertools.product(
                COMPILERS.items(), LANGUAGES.items(),
                ("natkit", "natkit-static")):
            command = commands[0 if language == "c" else 1]
            program = self.root / f"{name}-{language}-{module}"
            source = "main.c" if language == "c" else "main.cc"
            run(command, standard, *WARNINGS, self.root / "source" / source,
                "-o", program, *self.flags(module))
            self.assertEqual(PRINTED, run(
                program, LD_LIBRARY_PATH=str(self.library)), program)

    def test_flags_are_those_that_every_language_takes(self):
        """cgo refuses linker options that it does not know."""
        for module in ("natkit", "natkit-static"):
            for flag in self.flags(module):
                self.assertRegex(flag, r"^-[ILl]|^/.*/libnatkit\.a$")

    def test_a_program_may_be_static_altogether(self):
        for module in ("natkit-static", "natkit"):
            program = self.root / f"static-{module}"
            run("gcc", "-static", self.root / "source/main.c", "-o", program,
                *self.flags(module, "--static"))
            self.assertEqual(PRINTED, run(program))

    def test_a_plugin_may_be_closed(self):
        (self.root / "plugin.c").write_text(PLUGIN)
        (self.root / "plugin_user.c").write_text(PLUGIN_USER)
        user = self.root / "plugin_user"
        run("gcc", self.root / "plugin_user.c", "-o", user, "-pthread")
        for module in ("natkit", "natkit-static"):
            plugin = self.root / f"plugin-{module}.so"
            run("gcc", "-shared", "-fPIC", self.root / "plugin.c", "-o", plugin,
                *self.flags(module))
            run(user, plugin, LD_LIBRARY_PATH=str(self.library))
        project = self.root / "plugin"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(PLUGIN_PROJECT)
        run("cmake", "-S", project, "-B", project / "build", "-G", "Ninja",
            f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", project / "build")
        run(user, project / "build/libplugin.so")

    def test_programs_have_no_executable_stack(self):
        program = self.root / "stack"
        run("gcc", self.root / "source/main.c", "-o", program,
            *self.flags("natkit-static"))
        for file in (program, self.library / "libnatkit.so"):
            stack = re.search(r"GNU_STACK.* (\w+) +0x\w+$", run(
                "readelf", "--segments", "--wide", file), re.M)
            self.assertEqual("RW", stack.group(1), file)

    def test_a_component_that_is_not_installed_is_said(self):
        source = self.root / "component"
        source.mkdir()
        (source / "CMakeLists.txt").write_text(COMPONENT)
        said = run("cmake", "-S", source, "-B", source / "build",
                   f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.assertIn("-- required: 0, optional: 1", said)

    def test_the_page_leads_to_what_is_installed(self):
        folder = self.prefix / "share/doc/natkit"
        self.assertTrue((folder / "LICENSE").exists())
        page = (folder / "c-api.md").read_text()
        named = set(re.findall(r"\]\(([^)#:]+)\)", page))
        named |= set(re.findall(r"examples/\w+\.c", page))
        self.assertGreater(len(named), 5)
        self.assertEqual([], sorted(name for name in named
                                    if not (folder / name).exists()))

    def test_the_licenses_of_what_is_folded_in_are_there(self):
        folder = self.prefix / "share/doc/natkit/licenses"
        licenses = {path.name: path.read_text() for path in folder.iterdir()}
        self.assertEqual(
            ["boringssl", "libb2", "libsodium", "libuv", "protobuf"],
            sorted(licenses))
        for name, text in licenses.items():
            self.assertRegex(text, r"(?i)copyright", name)

    def test_files_know_no_place_of_this_machine(self):
        places = [str(place).encode() for place in (ROOT, BUILD)]
        files = self.files()
        self.assertGreater(len(files), 200)
        for name, data in files.items():
            for place in places:
                self.assertNotIn(place, data, name)

    def test_installing_again_changes_nothing(self):
        before = self.files()
        run("cmake", "--install", BUILD, "--component", "c", "--prefix",
            self.prefix)
        after = self.files()
        self.assertEqual(before.keys(), after.keys())
        self.assertEqual([], [name for name in before
                              if before[name] != after[name]])

    def files(self):
        """What is installed, by its name."""
        folders = (self.prefix / name for name in ("include", "share"))
        found = [path for folder in (*folders, self.library)
                 for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.prefix)): path.read_bytes()
                for path in found}

    def test_each_header_stands_alone(self):
        headers = sorted((self.prefix / "include/natkit").glob("*.h"))
        self.assertIn("natkit.h", {header.name for header in headers})
        for header, (c, cpp) in itertools.product(headers, COMPILERS.values()):
            for command, language in ((c, "c"), (cpp, "c++")):
                run(command, LANGUAGES[language], *WARNINGS, "-x", language,
                    "-fsyntax-only", "-include", header, "/dev/null",
                    f"-I{self.prefix / 'include'}")

    def test_it_is_a_module_of_clang(self):
        """Which is how Swift sees a C library."""
        headers = self.prefix / "include/natkit"
        self.assertEqual(
            {path.name for path in headers.glob("*.h")},
            set(re.findall(r'header "(.+)"',
                           (headers / "module.modulemap").read_text())))
        source = self.root / "module.c"
        source.write_text("#pragma clang module import natkit\n"
                          + PROGRAM.replace("#include <natkit/natkit.h>", ""))
        program = self.root / "module"
        run("clang-19", "-std=c11", *WARNINGS, "-fmodules",
            f"-fmodules-cache-path={self.root / 'modules'}", source,
            "-o", program, *self.flags("natkit"))
        self.assertEqual(PRINTED, run(
            program, LD_LIBRARY_PATH=str(self.library)))
        for standard in ("c++17", "c++20"):
            run("clang++-19", f"-std={standard}", *WARNINGS, "-fmodules",
                f"-fmodules-cache-path={self.root / 'modules'}",
                "-fsyntax-only", self.root / "source/main.cc",
                f"-I{self.prefix / 'include'}")

    def test_only_the_archive_is_needed_to_link_it(self):
        archive = self.prefix / "moved.a"
        archive.write_bytes((self.library / "libnatkit.a").read_bytes())
        program = self.root / "alone"
        run("gcc", f"-I{self.prefix / 'include'}", self.root / "source/main.c",
            archive, "-lm", "-o", program)
        needed = run("readelf", "--dynamic", program)
        self.assertNotIn("libstdc++", needed)
        self.assertEqual(PRINTED, run(program))


if __name__ == "__main__":
    sys.exit(unittest.main())
