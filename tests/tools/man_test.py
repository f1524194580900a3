#!/usr/bin/env python3
"""The manual pages in man/ say what the programs do.

They render without warnings. Every option, argument and command that --help names
is described where it belongs, and nothing else is; so are the keys of the files.
Literal blocks below the comment `.\\" run` are executed by bash, those below
`.\\" file NAME` are the files for it.
"""
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from man_pages import Page

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ["NATKIT_BIN"])
PAGES = {path.stem: Page(path) for path in sorted((ROOT / "man").glob("*.[1-8]"))}
PROGRAMS = [page for page in PAGES.values() if page.section in "18"]
ALWAYS = {"-h", "--help"}  # described once, under DESCRIPTION

# What ends with each exit status; ? stands for a folder of the test.
STATUSES = {
    "netsim": [(0, "profiles"), (1, "exec --id none host -- true"),
               (2, "check ?/none.toml"), (2, "--bogus")],
    "meshnode": [(0, "genpsk"), (1, "check ?/none.toml"), (2, "bogus"),
                 (3, "status --control ?/none")],
    "derpd": [(0, "--check --dev"), (2, "--config ?/none.toml"),
              (1, "--dev --no-stun --listen 192.0.2.1:1")],
    "coordd": [(0, "--version"), (1, "--dev --dir ? --listen 192.0.2.1:1"),
               (2, "--check ?/none.toml"), (3, "status --socket ?/none")],
    "natcheck": [(0, "--version"), (1, "--server nosuch.invalid"),
                 (2, "--server [::1")],
    "stunsrv": [(0, "--version"), (1, "--listen 192.0.2.1:1"),
                (2, "--listen bogus")],
}


def run(*command, **options):
    return subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, check=False, timeout=120,
                          **options)


def help_lines(*command):
    """(heading, first word, line) of the lists that --help prints."""
    done = run(BIN / command[0], *command[1:], "--help")
    rows, heading = [], ""
    for line in done.stdout.splitlines():
        if re.fullmatch(r"[A-Z]\w+:", line):
            heading = line[:-1]
        elif not line:
            heading = ""
        elif heading and (found := re.match(r"  (\S+)", line)):
            rows.append((heading, found.group(1), line))
    return rows


def options_of(*command):
    """Of a command with commands of its own: theirs."""
    lines = help_lines(*command)
    words = [word for _, word, _ in lines if word.startswith("-")]
    inner = [word for heading, word, _ in lines
             if heading == "Subcommands" and len(command) == 2]
    return set().union(*(options_of(*command, word) for word in inner)) | {
            name.split("{")[0].split("=")[0]
            for word in words for name in word.split(",")}


def commands_of(program):
    return [word for heading, word, _ in help_lines(program)
            if heading in ("Commands", "Subcommands")]


def positionals_of(*command):
    return {re.split("[,=]", word)[0].upper()
            for heading, word, _ in help_lines(*command)
            if heading == "Positionals"}


@functools.cache
def all_options(program):
    return options_of(program).union(
        {"--help", "--version"},
        *(options_of(program, command) for command in commands_of(program)))


def rendered(page):
    text = run("mandoc", "-T", "ascii", "-O", "width=1000", page.path).stdout
    return re.sub(".\b", "", text)


def rows_of_table(document, heading):
    """Code words in the first column of the tables below a heading."""
    text = (ROOT / "docs" / document).read_text().split(heading, 1)[1]
    cells = re.findall(r"^\| (`[^|]*) \|", text.split("\n## ")[0], re.M)
    return {word for cell in cells for word in re.findall(r"`([a-z-]+)", cell)}


class Rendering(unittest.TestCase):
    def test_pages_render_without_warnings(self):
        self.assertGreater(len(PAGES), 5)
        for page in PAGES.values():
            for command in (["mandoc", "-T", "lint", "-W", "warning"],
                            ["groff", "-mdoc", "-ww", "-Tutf8", "-z"]):
                done = run(*command, page.path)
                self.assertEqual((0, ""),
                                 (done.returncode, done.stdout + done.stderr))

    def test_pages_have_the_sections_that_readers_look_for(self):
        for page in PROGRAMS:
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS",
                            "SIGNALS", "EXAMPLES", "SEE ALSO"):
                self.assertIn(section, page.sections(), page.name)

    def test_every_installed_program_has_a_page(self):
        lists = [path for folder in ROOT.iterdir() if folder.is_dir()
                 and not folder.name.startswith(("build", "."))
                 for path in folder.rglob("CMakeLists.txt")]
        programs = re.findall(r"natkit_add_program\(NAME (\w+)",
                              "".join(path.read_text() for path in lists))
        self.assertEqual({page.name for page in PROGRAMS}, set(programs))

    def test_pages_refer_to_pages_that_exist(self):
        for page in PAGES.values():
            for name, section in page.references():
                if name in PAGES:
                    self.assertEqual(PAGES[name].section, section, page.name)

    def test_pages_are_installed(self):
        with tempfile.TemporaryDirectory() as prefix:
            script = pathlib.Path(os.environ["NATKIT_BUILD"]) / "man"
            done = run("cmake", f"-DCMAKE_INSTALL_PREFIX={prefix}", "-P",
                       script / "cmake_install.cmake")
            self.assertEqual(0, done.returncode, done.stderr)
            found = {f"{path.parent.name}/{path.name}"
                     for path in pathlib.Path(prefix).rglob("*.[1-8]")}
        self.assertEqual({f"man{page.section}/{page.path.name}"
                          for page in PAGES.values()}, found)


class Options(unittest.TestCase):
    def test_commands_are_those_of_the_help(self):
        for page in PROGRAMS:
            self.assertEqual(sorted(commands_of(page.name)),
                             sorted(page.subsections("COMMANDS")), page.name)

    def test_every_option_is_described_and_no_other(self):
        for page in PROGRAMS:
            options = options_of(page.name) | ALWAYS
            if page.name == "meshnode":  # its help has no list of options
                options |= {"--version"}
            self.assertEqual(options, page.described_options("DESCRIPTION"),
                             page.name)
            for command in commands_of(page.name):
                self.assertEqual(
                    options_of(page.name, command) - ALWAYS,
                    page.described_options("COMMANDS", command),
                    f"{page.name} {command}")

    def test_every_argument_is_named(self):
        for page in PROGRAMS:
            for command in commands_of(page.name):
                self.assertLessEqual(positionals_of(page.name, command),
                                     page.arguments("COMMANDS", command),
                                     f"{page.name} {command}")

    def test_no_page_names_an_option_that_does_not_exist(self):
        known = set().union(*(all_options(page.name) for page in PROGRAMS))
        for page in PAGES.values():
            options = (all_options(page.name) if page in PROGRAMS else known)
            for line in rendered(page).splitlines():
                others = (all_options(other.name) for other in PROGRAMS
                          if re.search(rf"\b{other.name}\b", line))
                named = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", line))
                self.assertLessEqual(named, options.union(*others),
                                     f"{page.name}: {line}")

    def test_json_is_of_the_kind_that_the_page_says(self):
        for command in ("profiles", "parameters", "list"):
            said = re.search(r"JSON (array|object)", "\n".join(
                PAGES["netsim"].lines("COMMANDS", command))).group(1)
            printed = json.loads(run(BIN / "netsim", command, "--json").stdout)
            self.assertEqual("array" if isinstance(printed, list) else "object",
                             said, command)

    def test_exit_statuses_are_listed(self):
        self.assertEqual(set(STATUSES), {page.name for page in PROGRAMS})
        for name, cases in STATUSES.items():
            # More: a conformance run decided nothing, no server or node
            # answers, the node is in no mesh.
            count = {"coordd": 4, "natcheck": 4, "meshnode": 5}.get(name, 3)
            self.assertEqual(list(map(str, range(count))),
                             PAGES[name].tags("EXIT STATUS"))
            for status, words in cases:
                with tempfile.TemporaryDirectory() as folder:
                    command = [word.replace("?", folder)
                               for word in words.split()]
                    self.assertEqual(status,
                                     run(BIN / name, *command).returncode,
                                     f"{name} {words}")


class Keys(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / "file.toml"

    def complaints(self, text, *command):
        self.file.write_text(text)
        done = run(BIN / command[0], *command[1:], self.file)
        return done.stdout + done.stderr

    def test_scenario_keys(self):
        page = PAGES["netsim-scenario"]
        common = page.described_words("Ic", "SECTIONS", "Link settings")
        titles = [title for title in page.subsections("SECTIONS")
                  if title.startswith("[[")]
        listed = run(BIN / "netsim", "parameters", "--json").stdout
        parameters = {row["key"] for row in json.loads(listed)["parameters"]}
        for title in titles:
            keys = page.described_words("Ic", "SECTIONS", title)
            if title in ("[[network]]", "[[link]]"):
                keys |= common
            known = parameters if title == "[[nat]]" else set()
            for profile in ("open", "cgn"):  # the second takes more keys
                text = self.complaints(
                    f'{title}\nprofile = "{profile}"\nbogus = 1\n',
                    "netsim", "check")
                known |= set(re.search(r"'bogus' \(known: ([^)]*)\)", text)
                             .group(1).split(", "))
            self.assertEqual(known, keys, title)
        root = self.complaints("bogus = 1\n", "netsim", "check")
        known = re.search(r"\(known: ([^)]*)\)", root).group(1).split(", ")
        self.assertEqual(set(known), {
            *titles, *page.described_words("Ic", "SECTIONS")})

    def test_scenario_profiles(self):
        listed = json.loads(run(BIN / "netsim", "profiles", "--json").stdout)
        self.assertEqual(
            {row["name"] for row in listed["profiles"]},
            PAGES["netsim-scenario"].described_words("Cm", "PROFILES"))

    def test_scenario_events(self):
        events = PAGES["netsim-scenario"].described_words("Cm", "EVENTS")
        self.assertEqual(rows_of_table("netsim.md", "\nEvents, "), events)
        scenario = next(block.text for block in PAGES["netsim-scenario"].blocks()
                        if block.mark == "file home.toml")
        for event in [*events, "bogus"]:
            text = self.complaints(
                f'{scenario}\n[[step]]\non = "router"\nevent = "{event}"\n',
                "netsim", "check")
            self.assertEqual(event == "bogus", "unknown event" in text, text)

    def test_mesh_keys(self):
        page = PAGES["mesh-file"]
        named = set()
        for title in page.subsections("SECTIONS"):
            keys = page.described_words("Ic", "SECTIONS", title)
            text = "".join(f"{key} = 1\n" for key in keys)
            self.assertNotIn("unknown", self.complaints(
                f"{title}\n{text}", "meshnode", "check"))
            named |= keys
        table = (ROOT / "docs/mesh.md").read_text().split("\n## Paths")[0]
        rows = re.findall(r"^\| (?:`\[+(\w+)\]+`)? *\| (`[^|]*) \|", table, re.M)
        self.assertEqual({title for title, _ in rows if title},
                         {title.strip("[]")
                          for title in page.subsections("SECTIONS")})
        self.assertEqual({key for _, cell in rows
                          for key in re.findall(r"`(\w+)`", cell)}, named)

    def test_derpd_keys(self):
        keys = PAGES["derpd"].described_words("Ic", "CONFIGURATION FILE")
        text = "".join(f"{key} = []\n" for key in keys)
        self.assertNotIn("unknown key", self.complaints(
            text, "derpd", "--check", "--config"))
        footer = run(BIN / "derpd", "--help").stdout.split("Keys of the file")
        options = {name[2:].replace("-", "_") for name in options_of("derpd")}
        self.assertEqual(
            set(re.findall(r"^  ([a-z_]+) ", footer[1], re.M)) | {"stun"} |
            options - {"check", "config", "dev", "help", "version", "no_stun",
                       ""}, keys)


class Examples(unittest.TestCase):
    def test_examples_run(self):
        for page in PAGES.values():
            with tempfile.TemporaryDirectory() as folder:
                ran = 0
                for block in page.blocks():
                    if block.mark != "run":
                        name = block.mark.removeprefix("file ")
                        (pathlib.Path(folder) / name).write_text(block.text)
                        continue
                    self.run_block(page, block.text, folder)
                    ran += 1
                self.assertGreater(ran, 0, page.name)

    def run_block(self, page, text, folder):
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text], cwd=folder,
                env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
                stdout=output, stderr=output, check=False, timeout=120)
            output.seek(0)
            self.assertEqual(0, done.returncode,
                             f"{page.name}:\n{text}\n{output.read()}")


if __name__ == "__main__":
    sys.exit(unittest.main())
