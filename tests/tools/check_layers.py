#!/usr/bin/env python3
"""Fails when the tree's includes break the layer picture.

Five rules (docs/architecture.md): a library includes only what ALLOWED names,
a core touches no socket, clock, random source or event loop, public
headers do not include each other in a circle, each is listed for
installation, and no two files define a type of the same name.
"""
import collections
import pathlib
import re
import sys

# Folder -> namespaces below include/natkit/ that it may include.
CORES = {"libbase", "libnat", "libderp", "libwg", "libtls", "libmesh"}
ALLOWED = {
    "libbase": {"base"},
    "libnat": {"base", "nat"},
    "libderp": {"base", "derp"},
    "libwg": {"base", "wg"},
    "libtls": {"base", "tls"},
    "libio": {"base", "io"},
    "libmesh": {"base", "nat", "derp", "wg", "mesh"},
    "netsim": {"base", "io", "netsim"},
    "bindings": {"base", "nat", "derp", "wg", "tls", "io", "mesh", "shell"},
    "daemons": {"base", "nat", "derp", "wg", "tls", "io", "mesh", "shell"},
    "tools": {"base", "nat", "derp", "wg", "tls", "io", "mesh", "shell",
              "netsim", "natcheck"},
}
# Folders inside those that have rules of their own.
ALLOWED_BELOW = {
    # As a user's program: the C API alone.
    "bindings/c/examples/": set(),
    "netsim/program/": {"base", "io", "netsim", "nat"},
}
CORES_BELOW = (
    "netsim/src/engine/", "netsim/src/ethernet/", "netsim/src/ipv6/",
    "netsim/src/link/", "netsim/src/packet/", "netsim/src/portmap/",
    "netsim/src/world/", "netsim/src/profile.cc", "netsim/src/sim_rng.cc",
)
# What only some folders may include; everybody else may not.
THIRD_PARTY = {
    r"<uv\.h>": {"libio", "bindings/c/examples"},
    r"<openssl/": {"libnat", "libderp", "libwg", "libtls"},
    r"<sodium": {"libbase", "libnat", "libderp", "libwg", "libmesh"},
    r"<blake2": {"libwg"},
    r"<google/protobuf": {"libmesh"},
    r"<sqlite3": {"libmesh"},
    r"<toml\+\+": {"libmesh", "netsim", "daemons", "tools"},
    r"<spdlog": {"daemons", "tools"},
    r"<miniupnpc/": {"daemons"},
    r"<CLI/": {"daemons", "netsim", "tools"},
}
FORBIDDEN_IN_CORES = [
    r"#include\s*<uv\.h>", r"#include\s*<sys/socket\.h>",
    r"#include\s*<netinet/", r"#include\s*<thread>", r"::now\(",
    r"std::random_device", r"\bRAND_bytes\b", r"\bsleep_for\b",
]
EXEMPT = {
    # The one place that wraps the system's random source.
    ("libbase/src/rng.cc", r"\brandombytes_buf\b"),
    # A simulation's own time.
    ("netsim/src/world/world.cc", r"::now\("),
}
FORBIDDEN_IN_CORES.append(r"\brandombytes_buf\b")

# As clang-format writes them: what a namespace holds is not indented, and the
# end of each is marked.
NAMESPACE = re.compile(r"(?:inline )?namespace(?: ([\w:]+))? \{$")
NAMESPACE_END = re.compile(r"\}  // namespace")
TYPE = re.compile(r"(?:class|struct|union|enum(?: class)?) (\w+)"
                  r"(?: final)?(?: :[^:].*)?(?: \{|$)")

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)


def sources(root):
    for folder in sorted(ALLOWED):
        base = root / folder
        if base.is_dir():
            for path in sorted(base.rglob("*")):
                if path.suffix in {".h", ".cc", ".c"}:
                    yield folder, path


def strip_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


def allowed(name, folder):
    for below, namespaces in ALLOWED_BELOW.items():
        if name.startswith(below):
            return namespaces
    return ALLOWED[folder]


def check_file(root, folder, path, graph):
    text = strip_comments(path.read_text())
    name = path.relative_to(root).as_posix()
    problems = []
    for kind, target in INCLUDE.findall(text):
        match = re.match(r"natkit/(\w+)/", target)
        if match:
            graph.setdefault(header_name(name), set()).add(target)
            if match.group(1) not in allowed(name, folder):
                problems.append(f"{name}: includes {target}, which {folder} "
                                "may not use")
        for pattern, users in THIRD_PARTY.items():
            if re.match(pattern, f"<{target}") or \
                    re.match(pattern, f"<{target}>"):
                if not name.startswith(tuple(f"{user}/" for user in users)):
                    problems.append(f"{name}: includes {target}; only "
                                    f"{', '.join(sorted(users))} may")
    if folder in CORES or name.startswith(CORES_BELOW):
        for pattern in FORBIDDEN_IN_CORES:
            if re.search(pattern, text) and (name, pattern) not in EXEMPT:
                problems.append(f"{name}: a core may not use {pattern}")
    return problems


def header_name(name):
    marker = "/include/"
    return name.split(marker, 1)[1] if marker in name else name


def find_cycle(graph):
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        path.append(node)
        for following in sorted(graph.get(node, ())):
            cycle = visit(following)
            if cycle:
                return cycle
        path.pop()
        done.add(node)
        return None

    for start in sorted(graph):
        cycle = visit(start)
        if cycle:
            return cycle
    return None


def unlisted_headers(root):
    """Public headers that are not installed: no CMakeLists names them."""
    problems = []
    for folder in sorted(ALLOWED):
        lists = root / folder / "CMakeLists.txt"
        include = root / folder / "include"
        if include.is_dir() and lists.is_file():
            listed = set(lists.read_text().split())
            for path in sorted(include.rglob("*.h")):
                name = path.relative_to(root / folder).as_posix()
                if name not in listed:
                    problems.append(f"{folder}/{name}: not in {folder}/"
                                    "CMakeLists.txt, so not installed")
    return problems


def types_of(path):
    """The types that others could define too, with their namespaces."""
    spaces, before = [], ""
    for line in path.read_text().splitlines():
        if space := NAMESPACE.match(line):
            spaces.append(space.group(1))
        elif NAMESPACE_END.match(line):
            spaces.pop()
        elif found := TYPE.match(line):
            if None not in spaces and not before.startswith("template <>"):
                yield "::".join(spaces + [found.group(1)])
        before = line


def types_of_two_files(root):
    """A linker takes one of two classes of the same name for both."""
    files = collections.defaultdict(set)
    for _, path in sources(root):
        if path.suffix != ".c" and "examples" not in path.parts:
            for name in types_of(path):
                files[name].add(path.relative_to(root).as_posix())
    return [f"{name}: defined in {' and in '.join(sorted(places))}"
            for name, places in sorted(files.items()) if len(places) > 1]


def check(root):
    graph, problems, count = {}, [], 0
    for folder, path in sources(root):
        count += 1
        problems += check_file(root, folder, path, graph)
    problems += types_of_two_files(root)
    cycle = find_cycle(graph)
    if cycle:
        problems.append("include cycle: " + " -> ".join(cycle))
    return count, problems + unlisted_headers(root)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    count, problems = check(root)
    for problem in problems:
        print(problem)
    print(f"check_layers: {count} files, {len(problems)} problems")
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
