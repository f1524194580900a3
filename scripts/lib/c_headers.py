"""Reads the headers of the C API, which keep to a few forms: each declaration
has its own /** comment */ before it, and enumerations, structures and callbacks
are typedefs. What has another form is an error here.
"""
import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "bindings/c/include"

TOKEN = re.compile(r"""
    (?P<doc>/\*\*.*?\*/)
  | (?P<note>/\*.*?\*/)
  | (?P<macro>^[ \t]*\#[ \t]*define[ \t](?:[^\n\\]|\\.)*)
  | (?P<other>^[ \t]*\#(?:[^\n\\]|\\.)*)
  | (?P<code>[^\s/\#;{}][^/\#;{}]*|[;{}/])
""", re.X | re.S | re.M)
MACRO = re.compile(r"#[ \t]*define[ \t]+(\w+)(\([^)]*\))?[ \t]*(.*)", re.S)


@dataclasses.dataclass
class Part:
    """A field of a structure, or a constant of an enumeration."""
    name: str
    text: str
    doc: str


@dataclasses.dataclass
class Item:
    """A declaration: kind is function, struct, enum, type, callback or macro."""
    kind: str
    name: str
    text: str
    doc: str
    parts: list = dataclasses.field(default_factory=list)
    section: str = ""


@dataclasses.dataclass
class Header:
    path: pathlib.Path
    doc: str
    items: list

    @property
    def name(self):
        return self.path.stem

    def of(self, *kinds):
        return [item for item in self.items if item.kind in kinds]


def prose(comment):
    """The text of a /** comment */."""
    lines = [re.sub(r"^\s*\*? ?", "", line)
             for line in comment[3:-2].splitlines()]
    return "\n".join(lines).strip()


def flat(text):
    return re.sub(r"\s+", " ", text).strip()


def declarations(text):
    """(comment, code, title) of each declaration and macro; code keeps the
    comments inside it. The title is that of the notes between declarations."""
    doc, code, depth, title = "", "", 0, ""
    for token in TOKEN.finditer(text):
        kind, word = token.lastgroup, token.group()
        if kind in ("doc", "note") and (depth or code):
            code += word + "\n" if kind == "doc" else " "
        elif kind == "doc":
            doc = word
        elif kind == "note":
            title = flat(word[2:-2]).rstrip(".")
        elif kind == "macro" and not depth:
            yield doc, word.strip(), title
            doc = ""
        elif kind == "code":
            code += word
            depth += {"{": 1, "}": -1}.get(word, 0)
            if word == ";" and not depth:
                yield doc, code, title
                doc, code = "", ""
    if code.strip() or depth:
        raise ValueError(f"unfinished declaration: {code}")


def parts_of(kind, body):
    form = (r"(\w+(?:\s*=[^,]*)?)(?:,|$)" if kind == "enum" else r"([^;]+);")
    parts = []
    for found in re.finditer(r"\s*(?:(/\*\*.*?\*/)\s*)?" + form, body.rstrip(),
                             re.S):
        code = flat(found.group(2))
        named = (re.search(r"\(\*\s*(\w+)\)", code) or
                 re.search(r"(\w+)(?:\[[^]]*\])*$",
                           code.split("=")[0].strip()))
        parts.append(Part(named.group(1), code,
                          prose(found.group(1) or "/***/")))
    return parts


def item_of(doc, code, title):
    doc = prose(doc) if doc else ""
    if code.startswith("#"):
        name, arguments, value = MACRO.match(code).groups()
        return Item("macro", name, flat(f"{name}{arguments or ''} {value}"),
                    doc, [], title)
    code = code.rstrip("; \n")
    found = re.fullmatch(r"typedef (struct|enum) (\w+)\s*\{(.*)\}\s*(\w+)",
                         code, re.S)
    if found:
        kind, tag, body, name = found.groups()
        if tag != name:
            raise ValueError(f"{tag} and {name} are one thing")
        return Item(kind, name, f"typedef {kind} {name}", doc,
                    parts_of(kind, body), title)
    code = flat(code)
    found = re.fullmatch(r"typedef [\w ]+?(\w+)", code)
    if found:
        return Item("type", found.group(1), code, doc, [], title)
    found = re.fullmatch(r"typedef .*\(\*\s*(\w+)\)\s*\(.*\)", code)
    if found:
        return Item("callback", found.group(1), code, doc, [], title)
    found = re.fullmatch(r"NATKIT_API (.*?\W(\w+)\(.*\))", code)
    if found:
        return Item("function", found.group(2), found.group(1), doc, [], title)
    if re.fullmatch(r"struct \w+", code):  # one of the system's
        return None
    raise ValueError(f"a declaration of another form: {code}")


def read_header(path):
    text = path.read_text()
    text = re.sub(r"^#ifdef __cplusplus\n.*?^#endif\n", "", text,
                  flags=re.S | re.M)
    about = re.search(r"/\*\*\s*\*\s*@file\s*\n(.*?)\*/", text, re.S)
    if about:
        text = text.replace(about.group(), "", 1)
    items = []
    for doc, code, title in declarations(text):
        item = item_of(doc, code, title)
        guard = item and item.kind == "macro" and item.name.endswith("_H_")
        seen = item and any(item.name == other.name and item.kind == other.kind
                            for other in items)
        if item and not guard and not seen:
            items.append(item)
    return Header(path, prose("/**" + about.group(1) + "*/") if about else "",
                  items)


def read_headers(folder=INCLUDE):
    """All headers, common.h first, natkit.h (which includes them) left out."""
    paths = sorted((folder / "natkit").glob("*.h"),
                   key=lambda path: (path.stem != "common", path.stem))
    return [read_header(path) for path in paths if path.stem != "natkit"]
