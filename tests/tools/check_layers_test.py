#!/usr/bin/env python3
"""The layer check must catch each kind of violation, not only pass."""
import pathlib
import tempfile
import unittest

import check_layers


class CheckLayers(unittest.TestCase):
    def run_on(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check_layers.check(root)[1]

    def test_accepts_downward_include(self):
        self.assertEqual([], self.run_on(
            {"libnat/src/a.cc": '#include "natkit/base/bytes.h"\n'}))

    def test_rejects_sideways_include(self):
        self.assertEqual(1, len(self.run_on(
            {"libnat/src/a.cc": '#include "natkit/wg/device.h"\n'})))

    def test_rejects_upward_include(self):
        self.assertEqual(1, len(self.run_on(
            {"libbase/src/a.cc": '#include "natkit/mesh/node.h"\n'})))

    def test_rejects_clock_in_core(self):
        self.assertEqual(1, len(self.run_on(
            {"libwg/src/a.cc": "auto t = std::chrono::steady_clock::now();"})))

    def test_ignores_clock_in_comment(self):
        self.assertEqual([], self.run_on(
            {"libwg/src/a.cc": "// steady_clock::now( is forbidden\n"}))

    def test_rejects_clock_in_the_simulators_core(self):
        text = "auto t = std::chrono::steady_clock::now();"
        self.assertEqual(1, len(self.run_on({"netsim/src/world/a.cc": text})))
        self.assertEqual(1, len(self.run_on({"netsim/src/engine/a.cc": text})))
        self.assertEqual([], self.run_on({"netsim/src/run/a.cc": text}))

    def test_lets_only_netsims_program_use_libnat(self):
        text = '#include "natkit/nat/ice_agent.h"\n'
        self.assertEqual([], self.run_on({"netsim/program/a.cc": text}))
        self.assertEqual(1, len(self.run_on({"netsim/src/a.cc": text})))

    def test_rejects_uv_outside_libio(self):
        self.assertTrue(self.run_on({"daemons/a.cc": "#include <uv.h>\n"}))
        self.assertTrue(self.run_on(
            {"bindings/c/src/a.cc": "#include <uv.h>\n"}))

    def test_takes_examples_for_programs_of_users(self):
        self.assertEqual([], self.run_on(
            {"bindings/c/examples/a.c":
             "#include <natkit/natkit.h>\n#include <uv.h>\n"}))
        self.assertEqual(1, len(self.run_on(
            {"bindings/c/examples/a.c":
             '#include "natkit/nat/stun_server.h"\n'})))

    def test_rejects_a_header_that_is_not_installed(self):
        files = {"libwg/CMakeLists.txt": "HEADERS\n  include/natkit/wg/a.h\n",
                 "libwg/include/natkit/wg/a.h": ""}
        self.assertEqual([], self.run_on(files))
        files["libwg/include/natkit/wg/b.h"] = ""
        self.assertEqual(1, len(self.run_on(files)))

    def test_rejects_include_cycle(self):
        problems = self.run_on({
            "libnat/include/natkit/nat/a.h": '#include "natkit/nat/b.h"\n',
            "libnat/include/natkit/nat/b.h": '#include "natkit/nat/a.h"\n'})
        self.assertIn("include cycle", problems[0])

    def test_rejects_two_types_of_one_name(self):
        one = "namespace natkit::c {\n\nclass A final : public B {\n};\n"
        end = "\n}  // namespace natkit::c\n"
        hidden = "namespace natkit::c {\nnamespace {\n\nstruct A {\n};\n\n" \
                 "}  // namespace\n"
        self.assertEqual(1, len(self.run_on(
            {"bindings/c/src/a/x.h": one + end,
             "bindings/c/src/b/x.h": one.replace("class", "struct") + end})))
        self.assertEqual([], self.run_on(
            {"bindings/c/src/a.h": one + end,
             "bindings/c/src/b.cc": hidden + end,
             "bindings/c/src/c.cc": "namespace natkit::c {\nclass A;\n" + end,
             "libwg/src/a.h": one.replace("::c", "::wg") + end}))


if __name__ == "__main__":
    unittest.main()
