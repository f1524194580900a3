"""Addresses, keys, errors and callbacks."""
import base64
import ipaddress
import os
import pathlib
import pickle
import re
import subprocess
import sys
import unittest
from unittest import mock

import natkit
from natkit import Address, Code, NatkitError


class AddressTest(unittest.TestCase):
    def test_texts_are_read_and_written(self):
        for text in ("192.0.2.1:80", "[2001:db8::7]:443", "0.0.0.0:0"):
            self.assertEqual(str(Address.parse(text)), text)
        self.assertEqual(Address.parse("192.0.2.1"),
                         Address(ipaddress.ip_address("192.0.2.1"), 0))

    def test_what_is_no_address_is_refused(self):
        for text in ("", "example.org:80", "192.0.2.1:65536", "[::1"):
            with self.subTest(text), self.assertRaises(NatkitError) as caught:
                Address.parse(text)
            self.assertEqual(caught.exception.code, Code.BAD_ENCODING)
            self.assertEqual(caught.exception.function, "natkit_address_parse")

    def test_a_zero_byte_does_not_cut_a_text_short(self):
        with self.assertRaisesRegex(ValueError, "zero byte"):
            Address.parse("192.0.2.1:80\0junk")

    def test_ports_are_not_cut_off(self):
        for port in (-1, 65536, 65616):
            with self.assertRaises(ValueError):
                Address.of(("192.0.2.1", port))

    def test_an_address_is_no_text(self):
        with self.assertRaisesRegex(TypeError, "Address.of"):
            Address("192.0.2.1", 80)
        with self.assertRaisesRegex(TypeError, "an address is a bytes"):
            Address.parse(b"192.0.2.1:80")

    def test_tuples_are_those_of_sockets(self):
        self.assertEqual(Address.of(("192.0.2.1", 80)).as_tuple(),
                         ("192.0.2.1", 80))
        self.assertEqual(str(Address.of(("fe80::1%eth0", 80, 0, 3))),
                         "[fe80::1]:80")
        self.assertEqual(str(Address.of(("::ffff:192.0.2.1", 80, 0, 0))),
                         "192.0.2.1:80")

    def test_mapped_addresses_are_ipv4(self):
        plain = Address.parse("192.0.2.1:80")
        mapped = ipaddress.ip_address("::ffff:192.0.2.1")
        for address in (Address(mapped, 80),
                        Address.parse("[::ffff:192.0.2.1]:80")):
            self.assertEqual(address, plain)
            self.assertEqual(str(address), "192.0.2.1:80")

    def test_names_are_looked_up(self):
        self.assertEqual(natkit.resolve("192.0.2.1", 7),
                         [Address.parse("192.0.2.1:7")])
        self.assertIn(str(natkit.resolve("localhost", 7)[0].ip),
                      ("127.0.0.1", "::1"))
        with self.assertRaises(NatkitError) as caught:
            natkit.resolve("")
        self.assertIn(caught.exception.code,
                      (Code.BAD_ARGUMENT, Code.NOT_FOUND))


class KeyTest(unittest.TestCase):
    # RFC 7748 section 5.2: one round with the base point as the key.
    PRIVATE = bytes([9]) + bytes(31)
    PUBLIC = bytes.fromhex("422c8e7a6227d7bca1350b3e2bb7279f"
                           "7897b87bb6854b783c60e80311ae3079")

    def test_public_keys_are_those_of_rfc_7748(self):
        self.assertEqual(natkit.public_key(self.PRIVATE), self.PUBLIC)

    def test_texts_are_base64(self):
        text = natkit.format_key(self.PRIVATE)
        self.assertEqual(text, base64.b64encode(self.PRIVATE).decode())
        self.assertEqual(natkit.parse_key(text), self.PRIVATE)

    def test_bad_texts_are_refused(self):
        for text, code in (("short", Code.BAD_LENGTH),
                           ("!" * 43 + "=", Code.BAD_ENCODING)):
            with self.assertRaises(NatkitError) as caught:
                natkit.parse_key(text)
            self.assertEqual(caught.exception.code, code)

    def test_keys_of_another_length_are_refused(self):
        for size in (0, 31, 33):
            with self.assertRaisesRegex(ValueError, f"{size} bytes"):
                natkit.public_key(bytes(size))

    def test_a_number_is_no_key(self):
        for value in (32, "x" * 32, None):
            with self.assertRaises(TypeError):
                natkit.public_key(value)

    def test_keys_differ_and_are_clamped(self):
        one, other = natkit.generate_key(), natkit.generate_key()
        self.assertNotEqual(one, other)
        self.assertEqual((one[0] & 7, one[31] & 0xC0), (0, 0x40))

    def test_random_bytes_may_be_the_callers(self):
        asked = []

        def source(size):
            asked.append(size)
            return b"\x11" * size

        key = natkit.generate_key(source)
        self.assertEqual(sum(asked), 32)
        self.assertEqual(key, b"\x10" + b"\x11" * 30 + b"\x51")

    def test_a_source_that_fails_leaves_no_guessable_key(self):
        def failing(_size):
            raise OSError("no entropy")

        for source in (failing, lambda size: b"x" * (size - 1), lambda _: None,
                       lambda size: size):
            with mock.patch.object(sys, "unraisablehook") as told:
                keys = {natkit.generate_key(source) for _ in range(2)}
            self.assertEqual(len(keys), 2)
            self.assertEqual(told.call_count, 2)


class ErrorTest(unittest.TestCase):
    def test_it_says_what_failed_and_why(self):
        with self.assertRaises(NatkitError) as caught:
            natkit.parse_key("short")
        error = caught.exception
        self.assertTrue(str(error).startswith("natkit_key_parse: "))
        copy = pickle.loads(pickle.dumps(error))
        self.assertEqual((copy.code, copy.function, str(copy)),
                         (error.code, error.function, str(error)))

    def test_codes_of_later_libraries_are_numbers(self):
        error = NatkitError("natkit_new_thing", -999, "unknown error")
        self.assertEqual(error.code, -999)
        self.assertEqual(error.code.name, "UNKNOWN_-999")
        self.assertNotIn(-999, [code.value for code in Code])

    def test_misuse_is_told_to_a_hook(self):
        told = []
        natkit.set_misuse_hook(lambda *what: told.append(what))
        self.addCleanup(natkit.set_misuse_hook, None)
        hub = natkit.Hub(loopback=True)
        hub.close()
        with self.assertRaises(NatkitError):
            hub.process()
        self.assertEqual(told, [("natkit_hub_process", Code.BAD_HANDLE)])
        natkit.set_misuse_hook(None)
        with self.assertRaises(NatkitError):
            hub.process()
        self.assertEqual(len(told), 1)


class ClockTest(unittest.TestCase):
    def test_time_passes(self):
        first = natkit.monotonic_ns()
        self.assertGreaterEqual(natkit.monotonic_ns(), first)
        self.assertGreater(natkit.wall_clock_ns(), 10**18)

    def test_waits_are_rounded_up(self):
        self.assertEqual(natkit.poll_timeout_ms(0, 1), 1)
        self.assertEqual(natkit.poll_timeout_ms(5, 5), 0)
        with self.assertRaises(ValueError):
            natkit.poll_timeout_ms(0, 1 << 64)


class PackageTest(unittest.TestCase):
    def test_it_is_of_one_version(self):
        project = pathlib.Path(__file__).resolve().parents[1] / "pyproject.toml"
        said = re.search(r'^version = "(.*)"$', project.read_text(), re.M)
        self.assertEqual(said.group(1), natkit.__version__)
        self.assertEqual(natkit.version(), natkit.__version__)

    def test_typing_information_is_shipped(self):
        self.assertTrue(os.path.exists(
            os.path.join(os.path.dirname(natkit.__file__), "py.typed")))

    def test_all_names_exist(self):
        for name in natkit.__all__:
            self.assertTrue(hasattr(natkit, name), name)


class LibraryTest(unittest.TestCase):
    def reason(self, library):
        """Why the package cannot be imported with this library."""
        done = subprocess.run([sys.executable, "-c", "import natkit"],
                              env={**os.environ, "NATKIT_LIBRARY": library},
                              stderr=subprocess.PIPE, text=True, check=False)
        return done.stderr.splitlines()[-1] if done.stderr else ""

    def test_a_missing_library_says_where_it_has_to_be(self):
        self.assertRegex(self.reason("/nowhere/libnatkit.so.1"),
                         "ImportError: .*NATKIT_LIBRARY")

    def test_a_library_without_a_function_is_too_old(self):
        self.assertRegex(self.reason("libc.so.6"),
                         "ImportError: libc.so.6 is older")


if __name__ == "__main__":
    unittest.main()
