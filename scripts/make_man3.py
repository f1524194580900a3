#!/usr/bin/env python3
"""Writes the manual pages of the C API, section 3, from its headers: natkit(3),
a page for each header, and each function's name as a link to its page.

usage: make_man3.py FOLDER VERSION
"""
import pathlib
import re
import sys
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))

import c_headers  # noqa: E402  (found by the line above)

DATE = "November 22, 2026"

USE = """
Programs find the library by pkg-config:

```
cc program.c $(pkg-config --cflags --libs natkit)
cc program.c $(pkg-config --cflags --libs natkit-static)
```

or by CMake, as `natkit::natkit` and `natkit::natkit_static`:

```
find_package(natkit REQUIRED)
target_link_libraries(program PRIVATE natkit::natkit)
```

All functions, types and constants are described in the page of their header:
"""


def escaped(text):
    text = text.replace("\\", "\\e")
    text = re.sub(r"`([^`]+)`", r"\\fI\1\\fP", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"\\fB\1\\fP", text)
    text = text.replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    text = re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", text)
    return "\\&" + text if text[:1] in (".", "'") else text


def quoted(text):
    return '"' + escaped(text).replace('"', '""') + '"'


def lines_of(text):
    """A paragraph, a sentence a line."""
    flat = c_headers.flat(text)
    flat = re.sub(r"^@return ", "Returns ", flat)
    return [escaped(line) for line in
            re.split(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\.[a-z]\.) ", flat)]


def list_lines(text):
    lines = [".Bl -bullet"]
    for entry in re.split(r"^- ", text, flags=re.M)[1:]:
        lines += [".It", *lines_of(entry)]
    return [*lines, ".El"]


def blocks(doc):
    """(is literal, text) of the paragraphs, lists and code (between fences, or
    four spaces in) of a comment."""
    for number, part in enumerate(re.split(r"^```\n?", doc, flags=re.M)):
        if number % 2:
            yield True, part
            continue
        part = re.sub(r"^(?=@return |Errors: |- )", "\n", part, flags=re.M)
        for text in re.split(r"\n{2,}", part):
            if text.startswith("    "):
                yield True, textwrap.dedent(text)
            elif text.strip():
                yield False, text.strip()


def body(doc):
    """The lines of a comment; paragraphs are apart, the first has no .Pp."""
    lines, entries = [], []  # entries: of the list that is being read

    def end_list():
        if entries:
            lines.extend(list_lines("\n".join(entries)))
            entries.clear()

    for literal, text in blocks(doc):
        if not literal and text.startswith("- "):
            entries.append(text)
            continue
        end_list()
        if literal:
            lines += [".Bd -literal -offset indent",
                      *map(escaped, text.rstrip().splitlines()), ".Ed"]
        else:
            lines += [*([".Pp"] if lines else []), *lines_of(text)]
    end_list()
    return lines


def synopsis(header):
    lines = [".Sh SYNOPSIS", f".In natkit/{header.path.name}"]
    for item in header.of("function"):
        prototype = re.sub(r"(\w)(\*+) (\w)", r"\1 \2\3", item.text)
        result, arguments = re.fullmatch(rf"(.*?)\s*\b{item.name}\((.*)\)",
                                         prototype).groups()
        lines += [f".Ft {quoted(result)}", f".Fo {item.name}"]
        lines += [f".Fa {quoted(argument)}"
                  for argument in re.split(r", (?![^(]*\))", arguments.strip())]
        lines.append(".Fc")
    return lines


def parts(item):
    if not item.parts:
        return []
    macro = "Dv" if item.kind == "enum" else "Fa"
    lines = [".Bl -tag -width Ds"]
    for part in item.parts:
        lines += [f".It {macro} {quoted(part.text)}", *body(part.doc)]
    return [*lines, ".El"]


def entry(item):
    name, _, value = item.text.partition(" ")
    if item.kind == "function":
        title = f"Fn {item.name}"
    elif item.kind == "macro" and "(" in name:
        title = "Fn " + re.sub(r"[(),]", " ", name).strip()
    elif item.kind == "macro":
        title = f"Dv {quoted(f'{name} = {value}' if value else name)}"
    else:
        title = f"Vt {item.name}"
    lines = [f".It {title}", *body(item.doc)]
    if item.kind == "callback":
        lines += [".Bd -literal", escaped(item.text), ".Ed"]
    return lines + parts(item)


def description(header):
    lines = [".Sh DESCRIPTION"]
    if header.name == "common":
        lines += ["See", ".Xr natkit 3", "for the contract of all functions."]
    else:
        lines += body(header.doc)
    section = None
    for item in header.items:
        if item.section != section:
            lines += [*([".El"] if section is not None else []),
                      *([f".Ss {item.section}"] if item.section else []),
                      ".Bl -tag -width Ds"]
            section = item.section
        lines += entry(item)
    return [*lines, ".El"]


def head(name, names, about):
    return [f".Dd {DATE}", f".Dt {name.upper()} 3", ".Os natkit", ".Sh NAME",
            *[f".Nm {each} ," for each in names[:-1]], f".Nm {names[-1]}",
            f".Nd {escaped(about)}"]


def first_sentence(doc):
    sentence = re.split(r"[.:](?:\s|$)", c_headers.flat(doc), maxsplit=1)[0]
    return sentence.replace("`", "")


def see_also(pages):
    pages = sorted(pages)
    lines = [".Sh SEE ALSO"]
    return lines + [f".Xr {page} 3 ," for page in pages[:-1]] + [
        f".Xr {pages[-1]} 3"]


def page_of(header, pages):
    name = f"natkit_{header.name}"
    names = [name, *[item.name for item in header.of("function")]]
    return [*head(name, names, first_sentence(header.doc)), *synopsis(header),
            *description(header),
            ".Sh RETURN VALUES",
            "Unless a function says otherwise: 0 or a count, or a negative",
            ".Vt natkit_code ;", "see", ".Fn natkit_strerror .",
            *see_also(["natkit", *[page for page in pages if page != name]])]


def overview(headers, version):
    common = next(header for header in headers if header.name == "common")
    contract = common.doc.split("\n\n", 1)[1]
    lines = [*head("natkit", ["natkit"],
                   "NAT traversal, relaying and WireGuard for C programs"),
             ".Sh SYNOPSIS", ".In natkit/natkit.h", ".Sh DESCRIPTION",
             f"This is version {version}.", ".Pp",
             *body(contract), ".Pp", *body(USE), ".Bl -tag -width Ds"]
    for header in headers:
        lines += [f".It Xr natkit_{header.name} 3",
                  f"{escaped(first_sentence(header.doc))}."]
    return [*lines, ".El",
            *see_also([f"natkit_{header.name}" for header in headers])]


def main(folder, version):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.3"):
        old.unlink()
    headers = c_headers.read_headers()
    pages = [f"natkit_{header.name}" for header in headers]
    (folder / "natkit.3").write_text(
        "\n".join(overview(headers, version)) + "\n")
    for header in headers:
        name = f"natkit_{header.name}"
        (folder / f"{name}.3").write_text(
            "\n".join(page_of(header, pages)) + "\n")
        for item in header.items:
            callable_macro = item.kind == "macro" and "(" in (
                item.text.split(" ")[0])
            if item.kind == "function" or callable_macro:
                (folder / f"{item.name}.3").write_text(f".so man3/{name}.3\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), sys.argv[2])
