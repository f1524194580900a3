#!/usr/bin/env python3
"""Writes src/ffi.rs and tests/names/mod.rs from the headers of the C API.

usage: generate.py [--check]    --check: fails if they are not up to date
"""
import pathlib
import re
import sys

CRATE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(CRATE.parents[2] / "scripts/lib"))

import c_headers  # noqa: E402  (found by the line above)

HEAD = "// Written by generate.py from the headers of the C API; do not edit.\n"
TYPES = {
    "void": "c_void", "char": "c_char", "int": "c_int", "size_t": "usize",
    "uint8_t": "u8", "uint16_t": "u16", "uint32_t": "u32", "uint64_t": "u64",
    "int32_t": "i32", "int64_t": "i64", "struct sockaddr": "c_void",
}
RESERVED = {"type", "match", "move", "ref", "use", "in", "where", "final"}


def rust_name(name):
    return f"r#{name}" if name in RESERVED else name


def rust_type(text):
    """A C type without its name: a base, pointers, and what is constant."""
    tokens = re.findall(r"\w+|\*", text)
    is_const = tokens[0] == "const"
    depth = tokens.index("*") if "*" in tokens else len(tokens)
    base = " ".join(tokens[is_const:depth])
    made = TYPES.get(base, base)
    for token in tokens[depth:]:
        if token == "*":
            made = f"*{'const' if is_const else 'mut'} {made}"
        is_const = token == "const"
    return made


def parameter(text):
    """name: type of a parameter or a field that is no array and no callback."""
    base, name = re.fullmatch(r"(.*?[\s*])(\w+)", text).groups()
    return f"{rust_name(name)}: {rust_type(base)}"


def signature(arguments, result):
    inside = ", ".join(parameter(one) for one in arguments.split(",")
                       if one.strip() != "void")
    tail = "" if result.strip() == "void" else f" -> {rust_type(result)}"
    return inside, tail


def field(text):
    found = re.fullmatch(r"(.*?)\(\*\s*(\w+)\)\s*\((.*)\)", text)
    if found:
        inside, tail = signature(found[3], found[1])
        return (f"{rust_name(found[2])}: "
                f'Option<unsafe extern "C" fn({inside}){tail}>')
    found = re.fullmatch(r"(.*?)((?:\[\w+\])+)", text)
    if found:
        name, kind = parameter(found[1]).split(": ", 1)
        for length in reversed(re.findall(r"\[(\w+)\]", found[2])):
            kind = f"[{kind}; {length}]"
        return f"{name}: {kind}"
    return parameter(text)


def doc_lines(doc, indent=""):
    lines = []
    for line in doc.splitlines():
        line = line.replace("<", r"\<").replace("[", r"\[")
        if line.startswith("@return"):
            lines += [f"{indent}///", f"{indent}/// Returns{line[7:]}"]
        elif line.startswith(("Errors:", "Error:")):
            lines += [f"{indent}///", f"{indent}/// {line}"]
        else:
            lines.append(f"{indent}/// {line}".rstrip())
    return lines


def constant(item):
    value = item.text.partition(" ")[2]
    kind = ("u64" if "UINT64_C" in value else
            "u8" if "_FAMILY_" in item.name else "usize")
    if value == "UINT64_MAX":
        return [f"pub const {item.name}: u64 = u64::MAX;"]
    value = re.sub(r"UINT64_C\((\w+)\)", r"\1", value)
    value = re.sub(r"(?<=\d)[uUlL]+\b", "", value)
    if value.startswith("(") and value.endswith(")"):
        value = value[1:-1]
    if not re.fullmatch(r"[\w*+<| ]+", value):
        raise ValueError(f"a constant of another form: {item.text}")
    return [f"pub const {item.name}: {kind} = {value};"]


def enumeration(item):
    is_signed = any("-" in part.text for part in item.parts)
    lines = [f"pub type {item.name} = {'c_int' if is_signed else 'c_uint'};"]
    for part in item.parts:
        value = part.text.partition("=")[2].strip()
        value = re.sub(r"(?<=\d)[uU]$", "", value)
        lines += [*doc_lines(part.doc),
                  f"pub const {part.name}: {item.name} = {value};"]
    return lines


def structure(item):
    lines = ["#[repr(C)]", "#[derive(Clone, Copy)]", f"pub struct {item.name} {{"]
    for part in item.parts:
        lines += [*doc_lines(part.doc, "    "), f"    pub {field(part.text)},"]
    lines.append("}")
    if item.parts[0].name == "struct_size":
        lines += ["// SAFETY: as the trait asks for: all fields are plain data.",
                  f"unsafe impl crate::Versioned for {item.name} {{}}"]
    return lines


def declaration(item):
    """The lines of an item; none for macros with arguments."""
    if item.kind == "macro":
        made = [] if "(" in item.text.split(" ")[0] or item.name in (
            "NATKIT_API",) else constant(item)
    elif item.kind == "enum":
        made = enumeration(item)
    elif item.kind == "struct":
        made = structure(item)
    elif item.kind == "type":
        made = ["#[repr(C)]", f"pub struct {item.name} {{", "    _opaque: [u8; 0],", "}"]
    elif item.kind == "callback":
        result, _, arguments = re.fullmatch(
            r"typedef (.*?)\(\*\s*(\w+)\)\s*\((.*)\)", item.text).groups()
        inside, tail = signature(arguments, result)
        made = [f'pub type {item.name} = Option<unsafe extern "C" fn({inside}){tail}>;']
    else:
        result, arguments = re.fullmatch(rf"(.*?)\b{item.name}\((.*)\)",
                                         item.text).groups()
        inside, tail = signature(arguments, result)
        made = ['extern "C" {', *doc_lines(item.doc, "    "),
                f"    pub fn {item.name}({inside}){tail};", "}"]
        return ["", *made]
    return ["", *doc_lines(item.doc), *made] if made else []


def bindings(headers):
    lines = [HEAD, "use std::os::raw::{c_char, c_int, c_uint, c_void};"]
    for header in headers:
        for item in header.items:
            lines += declaration(item)
    return "\n".join(lines) + "\n"


def names(headers):
    """What the test of the layout goes through."""
    lines = [HEAD]
    structs, constants, functions = [], [], []
    for header in headers:
        for item in header.items:
            if item.kind == "struct":
                fields = ", ".join(rust_name(part.name) for part in item.parts)
                structs.append(f"            {item.name} {{ {fields} }}")
            elif item.kind == "enum":
                constants += [part.name for part in item.parts]
            elif item.kind == "macro" and declaration(item):
                constants.append(item.name)
            elif item.kind == "function":
                functions.append(item.name)
    for name, entries in (("structs", structs), ("constants", constants),
                          ("functions", functions)):
        entries = [f"            {entry.strip()}," for entry in entries]
        lines += ["#[rustfmt::skip]", "#[macro_export]", f"macro_rules! {name} {{",
                  "    ($macro:ident) => {", "        $macro! {", *entries,
                  "        }", "    };", "}", ""]
    return "\n".join(lines).rstrip() + "\n"


def main():
    headers = c_headers.read_headers()
    wanted = {CRATE / "src/ffi.rs": bindings(headers),
              CRATE / "tests/names/mod.rs": names(headers)}
    for path, text in wanted.items():
        if sys.argv[1:] != ["--check"]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        elif path.read_text() != text:
            sys.exit(f"{path} is not what generate.py writes")


if __name__ == "__main__":
    main()
