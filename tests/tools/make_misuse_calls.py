#!/usr/bin/env python3
"""Writes the table of tests/c/misuse.h: every function and every handle of the
C API, read from its headers. What the headers cannot tell, misuse_facts.py
says; what nobody says stops the build, or fails the test.

usage: make_misuse_calls.py OUTPUT
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import c_headers  # noqa: E402  (found by the lines above)
import misuse_facts as facts  # noqa: E402

CODE = re.compile(r"NATKIT_ERR_\w+")
CALL = re.compile(r"\b(natkit_\w+)\(\)")
PARAM = re.compile(r"(.*?)(\w+)$")
FIELD = re.compile(r"(?P<type>.*?)(?P<name>\w+)(?P<array>(\[[^]]*\])*)$")
NUMBERS = {"int", "size_t", "uint8_t", "uint16_t", "uint32_t", "int32_t",
           "uint64_t"}
KINDS_OF_FIELDS = {"natkit_address": "kAddress", "function": "kFunction",
                   "const char*": "kTextField"}
RESULTS = {"int": "kCode", "void": "kVoid", "const char*": "kString",
           "uint64_t": "kU64"}


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace(
        "\n", "\\n").replace("\r", "\\r") + '"'


class Api:
    """What the headers say."""

    def __init__(self):
        headers = c_headers.read_headers()
        self.functions, self.structs, self.kinds = [], {}, []
        self.docs, self.file_docs, self.enums = {}, {}, set()
        for header in headers:
            for item in header.items:
                self.take(header, item)
        self.kinds.sort()
        notes = (c_headers.INCLUDE / "natkit/wireguard.h").read_text()
        self.said_above = set(CODE.findall(re.search(
            r"/\*\n \* Functions that put datagrams out.*?\*/", notes,
            re.S).group()))

    def take(self, header, item):
        if item.kind == "function":
            self.functions.append(item)
            self.docs[item.name] = item.doc
            self.file_docs[item.name] = header.doc
        elif item.kind == "struct":
            self.structs[item.name] = item.parts
        elif item.kind == "enum":
            self.enums.add(item.name)
        elif item.kind == "type":
            self.kinds.append(item.name)

    def is_sized(self, struct):
        return self.structs[struct][0].name == "struct_size"

    def codes(self, function, seen=()):
        """The codes that a function's comment names, itself or by pointing to
        others."""
        doc = c_headers.flat(self.docs[function])
        found = set(CODE.findall(doc))
        errors = doc[doc.find("Errors"):] if "Errors" in doc else doc
        for other in CALL.findall(errors):
            if other in self.docs and other not in seen + (function,):
                found |= self.codes(other, seen + (function,))
        if "parse errors" in doc:
            found |= set(CODE.findall(self.file_docs["natkit_stun_parse"]))
        if "as said above" in doc:
            found |= self.said_above
        for other in facts.SAYS_IT_TOO.get(function, ()):
            found |= self.codes(other, seen + (function,))
        return found


class Table:
    """The text of the C file."""

    def __init__(self, api):
        self.api = api
        self.lines = []
        self.externs = set()

    def add(self, *lines):
        self.lines += lines

    def extern(self, declaration):
        self.externs.add(f"{declaration};")

    def fields(self, struct, function, root=None, through=None, prefix=""):
        """Rows of a structure's fields. `root` is the parameter's type,
        `through` the field that leads from there to this structure, and its
        type."""
        rows, parts = [], self.api.structs[struct]
        for index, part in enumerate(parts):
            # A callback has another form.
            found = FIELD.match(part.text) or {
                "type": "function", "name": part.name, "array": ""}
            kind, path = found["type"].strip(), prefix + found["name"]
            is_array = bool(found["array"])
            if kind in self.api.structs and not is_array and (
                    kind != "natkit_address"):
                rows += self.fields(kind, function, root or struct, through,
                                    path + ".")
                continue
            klass = self.class_of(struct, index, kind, is_array)
            if klass:
                rows.append(self.field(
                    (function, struct, part.name), klass, path,
                    (root or struct, through)))
            pointee = re.fullmatch(r"const (\w+)\*", kind)
            if (pointee and pointee[1] in self.api.structs and not through
                    and not prefix):
                rows += self.fields(pointee[1], function, root or struct,
                                    (path, pointee[1]))
        return rows

    def field(self, names, klass, path, place):
        function, struct, name = names
        root, through = place
        owner, leads, label = root, "kNone", path
        if through:
            owner, label = through[1], f"{through[0]}->{path}"
            leads = f"(long)offsetof({root}, {through[0]})"
        lenient = {(function, name), (struct, name)} & facts.LENIENT_FIELDS
        return (f"{{{quoted(label)}, {klass}, {leads}, "
                f"offsetof({owner}, {path}), sizeof((({owner}*)0)->{path}), "
                f"{int(bool(lenient))}}}")

    def class_of(self, struct, index, kind, is_array):
        """What is to be tried with a field; None: nothing."""
        parts = self.api.structs[struct]
        part = parts[index]
        doc = c_headers.flat(part.doc)
        if (struct, part.name) in facts.UNTOUCHED_FIELDS:
            return None
        if (struct, part.name) in facts.UNBOUNDED_COUNTS:
            return "kUnbounded"
        if part.name == "struct_size":
            return "kStructSize"
        if doc.startswith("Zero"):
            return "kReserved"
        if is_array:
            return "kBytes"
        if kind in KINDS_OF_FIELDS:
            return KINDS_OF_FIELDS[kind]
        if kind.endswith("*"):
            after = parts[index + 1].name if index + 1 < len(parts) else ""
            before = parts[index - 1].name
            counted = (re.search(r"(_count|_size|^size)$", after) or
                       before == part.name.removesuffix("s") + "_count")
            return "kItems" if counted and kind != "void*" else "kPointer"
        if re.match(r"(A|Of) natkit_\w+|One of NATKIT_", doc):
            return "kEnum"
        if part.name.endswith("_ns"):
            return "kDuration"
        if re.search(r"_count$|^size$", part.name):
            return "kCount"
        if kind in NUMBERS:
            return "kScalar"
        raise SystemExit(f"{part.text}: a field of a new form")

    def param(self, function, index, params):
        kind, name = params[index]
        key = (function.name, name)
        row = {"name": quoted(name), "of": "kNone", "kind": "kNone"}
        star = kind.endswith("*")
        base = kind.replace("const ", "").replace("struct ", "").rstrip("*")
        const = kind.startswith("const ")
        if star and base in self.api.kinds and kind.count("*") == 1:
            row["param_class"] = "kHandle"
            row["kind"] = str(self.api.kinds.index(base))
            row["is_const"] = str(int(const))
            if key in facts.MADE_BY:
                row["make"] = facts.MADE_BY[key]
                self.extern(f"void* {row['make']}(void)")
        elif kind == "natkit_misuse_hook":
            row["param_class"] = "kCallback"
        elif kind == "uint64_t" and name == "now_ns" and index:
            row |= {"param_class": "kTime", "value": "5000000"}
        elif not star:
            self.number(row, function, index, params)
        elif kind == "const char*" and key not in facts.FILLS:
            row |= {"param_class": "kText", "bytes": "1", "text": quoted(
                facts.TEXTS.get(key) or facts.TEXTS.get(name) or
                sys.exit(f"{function.name}: no text for {name}"))}
        else:
            self.memory(row, function, kind, base, name, const)
        if key in facts.MAY_BE_NULL:
            row["may_be_null"] = "1"
            if "NULL" not in facts.doc_of(self.api.docs, function.name):
                raise SystemExit(f"{key}: the header does not speak of NULL")
        if key in facts.CHANGED_BY_FAILURES or base == "natkit_stun_builder":
            row["is_changed"] = "1"
        return "{" + ", ".join(f".{key} = {value}"
                               for key, value in row.items()) + "}"

    def number(self, row, function, index, params):
        kind, name = params[index]
        if kind not in NUMBERS:
            raise SystemExit(f"{function.name}: {kind} {name} is new")
        of = facts.LENGTHS.get((function.name, name))
        if of is None and kind == "size_t" and name != "index":
            of = params[index - 1][1] if index else None
        if of and of != "none":
            row |= {"param_class": "kLength", "bytes": "sizeof(size_t)",
                    "of": str([other for _, other in params].index(of))}
            limit, code = facts.LIMITS.get((function.name, name), (0, 0))
            row |= {"limit": str(limit), "beyond_limit": str(code)}
        else:
            row |= {"param_class": "kNumber", "bytes": f"sizeof({kind})",
                    "value": str(facts.VALUES.get(
                        (function.name, name), facts.VALUES.get(name, 0)))}

    def memory(self, row, function, kind, base, name, const):
        key = (function.name, name)
        pointee = kind.rstrip("*") if kind.count("*") == 1 else "void*"
        pointee = pointee.replace("const ", "").strip()
        in_out = base in facts.IN_OUT and key not in facts.ONLY_OUT
        row["param_class"] = ("kInOut" if in_out else
                              "kIn" if const else "kOut")
        row["bytes"] = ("1" if pointee in ("void", "char", "struct sockaddr")
                        else f"sizeof({pointee})")
        if name == "out" and kind.count("*") == 2 and base in self.api.kinds:
            row["kind"] = str(self.api.kinds.index(base))
        if base in self.api.structs:
            row["is_sized"] = str(int(self.api.is_sized(base)))
            row["first"] = f"sizeof({base})"
            if base in facts.FIRST_VERSIONS:
                last = facts.FIRST_VERSIONS[base]
                row["first"] = (f"offsetof({base}, {last}) + "
                                f"sizeof((({base}*)0)->{last})")
            if const or in_out:
                rows = self.fields(base, function.name)
                table = f"kFields_{function.name}_{name}"
                self.add(f"static const struct misuse_field {table}[] = {{",
                         *[f"  {line}," for line in rows], "};")
                row |= {"fields": table, "field_count": str(len(rows))}
        fill = facts.FILLS.get(key)
        if (const or in_out) and not fill:
            fill = f"Fill_{base}" if base in self.api.structs else (
                facts.FILLS.get(name))
            if not fill:
                raise SystemExit(f"{function.name}: what is good for {name}?")
        if fill:
            row["fill"] = fill
            self.extern(f"size_t {fill}(void* out)")
        else:
            row["count"] = str(facts.COUNTS.get(key) or facts.COUNTS.get(
                (kind, name)) or facts.COUNTS.get(kind, 1))

    def function(self, function):
        result, arguments = re.fullmatch(
            rf"(.*?)\s*\b{function.name}\((.*)\)", function.text).groups()
        result = result.replace(" *", "*")
        params = []
        for text in arguments.split(","):
            if text.strip() != "void":
                kind, name = PARAM.match(text.strip()).groups()
                params.append((kind.strip().replace(" *", "*"), name))
        rows = [self.param(function, i, params) for i in range(len(params))]
        given = []
        for i, (kind, _) in enumerate(params):
            given.append(f"({kind})v[{i}].pointer" if kind.endswith("*") else
                         f"v[{i}].hook" if kind == "natkit_misuse_hook" else
                         f"({kind})v[{i}].number")
        call = f"{function.name}({', '.join(given)})"
        self.add("", f"static long long Call_{function.name}(",
                 "    const union misuse_value* v) {", "  (void)v;")
        self.add(*{"int": [f"  return {call};"],
                   "void": [f"  {call};", "  return 0;"],
                   "const char*": [f"  return {call} != NULL;"],
                   "uint64_t": [f"  (void){call};", "  return 0;"]}[result],
                 "}")
        name = function.name
        if rows:
            self.add(f"static const struct misuse_param kParams_{name}[] = {{",
                     *[f"  {row}," for row in rows], "};")
        codes = sorted(self.api.codes(name))
        if codes:
            self.add(f"static const int kCodes_{name}[] = {{"
                     + ", ".join(codes) + "};")
        if name in facts.MAYBE_STRINGS:
            result = "maybe"
        prepare = facts.prepare_of(name)
        if prepare:
            self.extern(f"void {prepare}(void)")
        return (f"  {{{quoted(name)}, Call_{name}, "
                f"{RESULTS.get(result, 'kMaybeString')}, "
                + (f"kParams_{name}, {len(rows)}, " if rows else "NULL, 0, ")
                + (f"kCodes_{name}, {len(codes)}, " if codes else "NULL, 0, ")
                + f"{facts.EXPECTED.get(name, 'kSuccess')}, "
                f"{prepare or 'NULL'}}},")

    def text(self):
        rows = [self.function(function) for function in self.api.functions]
        kinds = []
        for name in self.api.kinds:
            short = name.removeprefix("natkit_")
            self.extern(f"void* Make_{short}(void)")
            self.add("", f"static void Free_{short}(void* handle) {{",
                     f"  {name}_free(({name}*)handle);", "}")
            kinds.append(f"  {{{quoted(name)}, Make_{short}, Free_{short}}},")
        return "\n".join([
            "/* Written by make_misuse_calls.py; do not edit. */",
            '#include "misuse.h"', "", *sorted(self.externs), "", *self.lines,
            "", "const struct misuse_function misuse_functions[] = {", *rows,
            "};",
            f"const size_t misuse_function_count = {len(rows)};", "",
            "const struct misuse_kind misuse_kinds[] = {", *kinds, "};",
            f"const size_t misuse_kind_count = {len(kinds)};", ""])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    api = Api()
    facts.check({function.name for function in api.functions})
    pathlib.Path(sys.argv[1]).write_text(Table(api).text())


if __name__ == "__main__":
    main()
