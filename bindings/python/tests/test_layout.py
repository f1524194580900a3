"""What the binding says of the C API is what the C compiler says of it: sizes,
offsets, constants, and the arguments of functions."""
import ctypes
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import natkit
from natkit import _structs
from natkit._library import PROTOTYPES

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts/lib"))
import c_headers  # noqa: E402

ENUMS = {
    "natkit_code": (natkit.Code, "NATKIT_ERR_"),
    "natkit_log_level": (natkit.LogLevel, "NATKIT_LOG_"),
    "natkit_hub_flag": (natkit.HubFlag, "NATKIT_HUB_"),
    "natkit_power": (natkit.Power, "NATKIT_POWER_"),
    "natkit_hub_event_type": (natkit.EventType, "NATKIT_HUB_EVENT_"),
    "natkit_agent_state": (natkit.AgentState, "NATKIT_AGENT_STATE_"),
    "natkit_path_kind": (natkit.PathKind, "NATKIT_PATH_"),
    "natkit_path_reason": (natkit.PathReason, "NATKIT_PATH_REASON_"),
    "natkit_agent_flag": (natkit.AgentFlag, "NATKIT_AGENT_"),
    "natkit_agent_role": (natkit.Role, "NATKIT_AGENT_ROLE_"),
    "natkit_fix_side": (natkit.FixSide, "NATKIT_FIX_"),
    "natkit_wg_event_type": (natkit.WgEventType, "NATKIT_WG_EVENT_"),
    "natkit_stun_outcome": (natkit.StunOutcome, "NATKIT_STUN_OUTCOME_"),
    "natkit_stun_server_kind": (natkit.StunServerKind,
                                "NATKIT_STUN_SERVER_"),
    "natkit_nat_axis": (natkit.NatAxis, "NATKIT_NAT_AXIS_"),
    "natkit_nat_outcome": (natkit.NatOutcome, "NATKIT_NAT_"),
    "natkit_stun_mechanism": (natkit.StunMechanism, "NATKIT_STUN_"),
}
MACROS = ("KEY_SIZE", "KEY_TEXT_SIZE", "ADDRESS_TEXT_SIZE", "DESCRIPTION_SIZE",
          "HUB_TEXT_SIZE", "DIAGNOSIS_TEXT_SIZE", "DIAGNOSIS_FIXES",
          "STUN_MAX_MESSAGE_SIZE", "WG_OVERHEAD", "WG_DROP_COUNT",
          "NAT_VALUE_SIZE", "NAT_REASON_SIZE", "NAT_NAME_SIZE")
INTEGERS = {"int": ctypes.c_int, "uint16_t": ctypes.c_uint16,
            "uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64,
            "size_t": ctypes.c_size_t}


def structures():
    """C's name and our class of each structure."""
    return {kind.__doc__: kind for kind in vars(_structs).values()
            if isinstance(kind, type) and issubclass(kind, ctypes.Structure)
            and (kind.__doc__ or "").startswith("natkit_")}


def ask_compiler(expressions):
    """The values of constant expressions, as the C compiler knows them."""
    lines = "".join(f'  printf("%lld\\n", (long long)({expression}));\n'
                    for expression in expressions)
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "ask.c"
        source.write_text("#include <stdio.h>\n#include <natkit/natkit.h>\n"
                          f"int main(void) {{\n{lines}  return 0;\n}}\n")
        subprocess.run([os.environ.get("NATKIT_CC", "cc"), "-std=c11",
                        f"-I{c_headers.INCLUDE}", "-o", f"{folder}/ask",
                        source], check=True)
        said = subprocess.run([f"{folder}/ask"], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
    return dict(zip(expressions, map(int, said.split())))


class LayoutTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        items = [item for header in c_headers.read_headers()
                 for item in header.items]
        cls.items = {item.name: item for item in items}
        cls.agent_level = [item.name for header in c_headers.read_headers()
                           if header.name == "agent"
                           for item in header.of("function")]

    def test_structures_are_where_the_compiler_puts_them(self):
        ours = {}
        for name, kind in structures().items():
            self.assertEqual([field[0] for field in kind._fields_],
                             [part.name for part in self.items[name].parts])
            ours[f"sizeof({name})"] = ctypes.sizeof(kind)
            for field in kind._fields_:
                place = getattr(kind, field[0])
                ours[f"offsetof({name}, {field[0]})"] = place.offset
                ours[f"sizeof((({name}*)0)->{field[0]})"] = place.size
        self.assertGreater(len(ours), 300)
        self.assertEqual(ours, ask_compiler(list(ours)))

    def test_enumerations_have_the_same_names_and_numbers(self):
        for name, (kind, prefix) in ENUMS.items():
            with self.subTest(name):
                constants = [part.name for part in self.items[name].parts]
                numbers = ask_compiler(constants)
                theirs = {re.sub(f"^({prefix}|NATKIT_)", "", constant): number
                          for constant, number in numbers.items()}
                ours = {member.name: member.value for member in kind}
                self.assertEqual(ours, theirs)

    def test_sizes_are_those_of_the_headers(self):
        numbers = ask_compiler([f"NATKIT_{name}" for name in MACROS])
        self.assertEqual([getattr(_structs, name) for name in MACROS],
                         list(numbers.values()))
        sizes = ask_compiler([f"NATKIT_WG_SEALED_SIZE({n})"
                              for n in (0, 1, 16, 1420)])
        self.assertEqual([natkit.sealed_size(n) for n in (0, 1, 16, 1420)],
                         list(sizes.values()))

    def test_no_function_of_what_is_bound_is_missing(self):
        wanted = self.agent_level + [
            name for name, item in self.items.items()
            if item.kind == "function"
            and name.startswith(("natkit_wg_tunnel_", "natkit_stun_client_",
                                 "natkit_nat_check_"))]
        self.assertGreater(len(wanted), 40)
        self.assertEqual([name for name in wanted if name not in PROTOTYPES],
                         [])

    def test_functions_take_what_the_headers_say(self):
        for name, (result, arguments) in PROTOTYPES.items():
            with self.subTest(name):
                text = self.items[name].text
                theirs = re.fullmatch(r"(.*?)\s*\b" + name + r"\((.*)\)", text)
                self.check_type(theirs.group(1), result)
                parameters = [p.strip() for p in theirs.group(2).split(",")]
                if parameters == ["void"]:
                    parameters = []
                self.assertEqual(len(parameters), len(arguments))
                for parameter, argument in zip(parameters, arguments):
                    self.check_type(re.sub(r"\w+$", "", parameter).strip(),
                                    argument)

    def check_type(self, theirs, ours):
        """`ours` is passed as C's type `theirs` is."""
        bare = theirs.replace("const ", "").replace(" ", "")
        if bare == "void":
            self.assertIsNone(ours)
        elif bare == "natkit_misuse_hook":
            self.assertIs(ours, _structs.MisuseFunction)
        elif not bare.endswith("*"):
            self.assertIs(ours, INTEGERS[bare])
        elif bare.endswith("**"):
            self.assertIs(ours, ctypes.POINTER(ctypes.c_void_p))
        elif bare[:-1] in INTEGERS:
            self.assertIn(ours, (ctypes.POINTER(INTEGERS[bare[:-1]]),))
        elif ours in (ctypes.c_char_p, ctypes.c_void_p):
            self.assertIn(bare[:-1], ("char", "void", "uint8_t",
                                      "natkit_address", *self.handles()))
        else:
            self.assertEqual(ours._type_.__doc__, bare[:-1])

    def handles(self):
        return [item.name for item in self.items.values()
                if item.kind == "type"]


if __name__ == "__main__":
    unittest.main()
