#!/usr/bin/env python3
"""The C API's binary interface is the recorded one, and a change is noticed.

scripts/accept-abi.sh records a change that is meant.
"""
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))

import c_abi  # noqa: E402  (found by the line above)
import c_headers  # noqa: E402

# (what is changed, into what, what abidiff must say)
BREAKS = [
    ("natkit_strerror(int code)", "natkit_strerror(long code)", "[C]"),
    ("natkit_version(void);", "natkit_name(void);", "[D]"),
    ("uint16_t port;", "uint32_t port;", "offset changed"),
    ("NATKIT_ERR_TRUNCATED = -1,", "NATKIT_ERR_TRUNCATED = -99,",
     "from value '-1' to '-99'"),
    ("#define NATKIT_KEY_SIZE 32", "#define NATKIT_KEY_SIZE 33",
     "from value '32' to '33'"),
    ("size_t packet_count;", "size_t packet_count; int more;",
     "1 data member insertion"),
    ("NATKIT_OK = 0,", "NATKIT_OK = 0, NATKIT_MORE = 1,",
     "1 enumerator insertion"),
    ("natkit_version(void);",
     "natkit_version(void); NATKIT_API int natkit_more(void);", "[A]"),
]


class Interface(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_is_the_recorded_one(self):
        said = c_abi.compare(c_abi.build_probe(self.folder))
        self.assertEqual("", said, "if it is meant: scripts/accept-abi.sh")

    def test_a_damaged_record_is_noticed(self):
        library = c_abi.build_probe(self.folder)
        damaged = self.folder / "damaged.abi"
        text = c_abi.ABI.read_text()
        for part in (text[:5000], text.replace("<abi-instr", "<<<<\n<abi-instr")):
            damaged.write_text(part)
            self.assertIn("damaged", c_abi.compare(library, damaged))

    def test_changes_are_noticed(self):
        for number, (old, new, said) in enumerate(BREAKS):
            include = self.folder / str(number)
            shutil.copytree(c_headers.INCLUDE, include)
            header = include / "natkit/common.h"
            text = header.read_text()
            self.assertIn(old, text)
            header.write_text(text.replace(old, new, 1))
            library = c_abi.build_probe(self.folder, include)
            self.assertIn(said, c_abi.compare(library), new)


if __name__ == "__main__":
    sys.exit(unittest.main())
