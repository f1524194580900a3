"""Reads manual pages as far as man_test.py needs it: their mdoc source."""
import dataclasses
import re

OPTION = re.compile(r"\bFl (-?\w[\w-]*)")


@dataclasses.dataclass
class Block:
    """A literal display, and the comment above it: `run` or `file NAME`."""
    mark: str
    text: str


class Page:
    def __init__(self, path):
        self.path = path
        self.name, self.section = path.stem, path.suffix[1:]
        self.source = path.read_text()
        self._parts = self._split()

    def _split(self):
        """Lines by section, and by subsection: {(Sh, Ss): [line]}."""
        parts, section, sub = {}, "", ""
        for line in self.source.splitlines():
            if line.startswith(".Sh "):
                section, sub = line[4:], ""
            elif line.startswith(".Ss "):
                sub = line[4:]
            else:
                parts.setdefault((section, sub), []).append(line)
        return parts

    def sections(self):
        return [section for section, sub in self._parts if not sub]

    def subsections(self, section):
        return [sub for one, sub in self._parts if one == section and sub]

    def lines(self, section, sub=""):
        return self._parts.get((section, sub), [])

    def tags(self, section, sub=""):
        """What the items of a list describe: their lines without `.It`."""
        return [line[4:] for line in self.lines(section, sub)
                if line.startswith(".It ")]

    def described_options(self, section, sub=""):
        return {"-" + name for tag in self.tags(section, sub)
                for name in OPTION.findall(tag)}

    def described_words(self, macro, section, sub=""):
        """`.It Ic a , b` describes a and b; so does `.It Cm a , b Ar C`."""
        words = set()
        for tag in self.tags(section, sub):
            if tag.startswith(macro + " "):
                words |= set(re.split(r" (?:Ar|Op)\b", tag[3:])[0]
                             .replace(",", " ").split())
        return words

    def arguments(self, section, sub=""):
        return {name for line in self.lines(section, sub)
                if line.startswith(".") for name in
                re.findall(r"\bAr ([A-Z]\w*)", line)}

    def references(self):
        return re.findall(r"\bXr (\S+) (\d)", self.source)

    def blocks(self):
        found = re.findall(r'^\.\\" (run|file \S+)\n\.Bd [^\n]*\n(.*?)^\.Ed',
                           self.source, re.M | re.S)
        return [Block(mark, text.replace("\\e", "\\").replace("\\&", ""))
                for mark, text in found]
