"""Addresses, keys, clocks and what else all of natkit shares."""
from __future__ import annotations

import ctypes
import dataclasses
import ipaddress
from typing import Any, Callable, List, Optional, Tuple, Union

from . import _structs as s
from ._convert import (Buffer, RandomSource, key, nanoseconds, random_struct,
                       text, unsigned)
from ._library import lib
from .errors import Code, OpenEnum

IpAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class LogLevel(OpenEnum):
    """How much a log line matters."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclasses.dataclass(frozen=True)
class Address:
    """An IP address and a UDP or TCP port. An IPv4-mapped IPv6 address becomes
    IPv4; an IPv6 zone is lost on the way to the library."""

    ip: IpAddress
    port: int

    def __post_init__(self) -> None:
        if not isinstance(self.ip, (ipaddress.IPv4Address,
                                    ipaddress.IPv6Address)):
            raise TypeError(f"no IPv4Address or IPv6Address: {self.ip!r}; "
                            "Address.of() reads texts and tuples")
        unsigned(self.port, 16, "a port")
        mapped = getattr(self.ip, "ipv4_mapped", None)
        if mapped is not None:
            object.__setattr__(self, "ip", mapped)

    @classmethod
    def parse(cls, value: str) -> "Address":
        """Reads ``192.0.2.1:80``, ``[2001:db8::7]:80``, or an address without a
        port, which is then 0. Names are not looked up: see resolve().
        Errors: Code.BAD_ENCODING."""
        raw = s.Address()
        lib.natkit_address_parse(text(value, "an address"), raw)
        return known(raw)

    @classmethod
    def of(cls, value: "AddressLike") -> "Address":
        """An Address itself, a text as parse() reads it, or a tuple of host and
        port, as sockets give it."""
        if isinstance(value, Address):
            return value
        if isinstance(value, str):
            return cls.parse(value)
        return cls(ipaddress.ip_address(value[0].partition("%")[0]), value[1])

    def __str__(self) -> str:
        out = ctypes.create_string_buffer(s.ADDRESS_TEXT_SIZE)
        size = lib.natkit_address_format(to_c(self), out, len(out))
        return out.raw[:size].decode()

    def as_tuple(self) -> Tuple[str, int]:
        """Host and port, for sockets."""
        return str(self.ip), self.port


#: Where a function wants an address: see Address.of().
AddressLike = Union[Address, str, Tuple[str, int], Tuple[str, int, int, int]]


def to_c(value: "AddressLike") -> s.Address:
    """natkit_address of an address."""
    address = Address.of(value)
    raw = s.Address(family=address.ip.version, port=address.port)
    ctypes.memmove(raw.ip, address.ip.packed, len(address.ip.packed))
    return raw


def from_c(raw: s.Address) -> Optional[Address]:
    """The address of a natkit_address; None if it is not set."""
    if raw.family == 4:
        return Address(ipaddress.IPv4Address(bytes(raw.ip[:4])), raw.port)
    if raw.family == 6:
        return Address(ipaddress.IPv6Address(bytes(raw.ip)), raw.port)
    return None


def known(raw: s.Address) -> Address:
    """The address of a natkit_address that is set."""
    address = from_c(raw)
    assert address is not None
    return address


def address_array(values: "List[AddressLike]") -> Any:
    """A C array of addresses."""
    return (s.Address * len(values))(*map(to_c, values))


def take_addresses(function: Any, handle: Any) -> "List[Address]":
    """The list that a function gives: it returns how many there are."""
    out: Any = ()
    while (count := function(handle, out or None, len(out))) > len(out):
        out = (s.Address * count)()
    return [known(raw) for raw in out[:count]]


def resolve(host: str, port: int = 0, *, limit: int = 16) -> "List[Address]":
    """Looks up the addresses of a host name, or reads an IP address; at most
    `limit` of them. **Blocks** until the system's resolver has answered; other
    Python threads run meanwhile. Errors: Code.NOT_FOUND, Code.TIMED_OUT."""
    out = (s.Address * limit)()
    count = lib.natkit_resolve(text(host, "a host name"),
                               unsigned(port, 16, "a port"), out, limit)
    return [known(raw) for raw in out[:count]]


def version() -> str:
    """The version of the library that is loaded, such as ``0.1.0``."""
    words: bytes = lib.natkit_version()
    return words.decode()


def monotonic_ns() -> int:
    """The library's monotonic clock in nanoseconds; cores take any other."""
    now: int = lib.natkit_monotonic_ns()
    return now


def wall_clock_ns() -> int:
    """Nanoseconds since 1970, UTC."""
    now: int = lib.natkit_wall_clock_ns()
    return now


def poll_timeout_ms(now_ns: int, deadline_ns: int) -> int:
    """The milliseconds to give to poll() so that it returns when `deadline_ns`
    has come: rounded up, 0 if it has come."""
    timeout: int = lib.natkit_poll_timeout_ms(nanoseconds(now_ns),
                                              nanoseconds(deadline_ns))
    return timeout


def generate_key(random: Optional[RandomSource] = None) -> bytes:
    """A new private key: 32 bytes (X25519, clamped). `random` is asked for the
    bytes; None: the system's."""
    out = ctypes.create_string_buffer(s.KEY_SIZE)
    lib.natkit_key_generate(random_struct(random), out)
    return _wiped(out)


def public_key(private_key: Buffer) -> bytes:
    """The public key of a private key."""
    out = ctypes.create_string_buffer(s.KEY_SIZE)
    lib.natkit_key_get_public(key(private_key, "a private key"), out)
    return out.raw


def parse_key(value: str) -> bytes:
    """Reads the 44 characters of base64 that ``wg`` uses for keys.
    Errors: Code.BAD_LENGTH, Code.BAD_ENCODING."""
    out = ctypes.create_string_buffer(s.KEY_SIZE)
    lib.natkit_key_parse(text(value, "a key"), out)
    return _wiped(out)


def format_key(value: Buffer) -> str:
    """A key of 32 bytes as base64."""
    out = ctypes.create_string_buffer(s.KEY_TEXT_SIZE)
    lib.natkit_key_format(key(value, "a key"), out, len(out))
    return _wiped(out)[:s.KEY_TEXT_SIZE - 1].decode()


def _wiped(secret: Any) -> bytes:
    """The bytes of a buffer, which is overwritten. The copy that Python has is
    its own, and stays until it is collected."""
    data: bytes = secret.raw
    lib.natkit_wipe(secret, len(secret))
    return data


#: What set_misuse_hook() takes: the C function's name, and why it refused.
MisuseHook = Callable[[str, Code], None]
# All that there were: another thread may be about to call the one before.
_misuse_hooks: List[Any] = []


def set_misuse_hook(hook: Optional[MisuseHook]) -> None:
    """Has `hook` called whenever the library refuses a call because of a fault
    in the program (Code.BAD_ARGUMENT, BAD_HANDLE, BUSY, STRUCT_SIZE), besides
    the exception. None: nobody is told, as at the start. Hooks stay in memory
    until the program ends."""
    function = s.MisuseFunction(0)  # NULL
    if hook is not None:
        told: MisuseHook = hook
        function = s.MisuseFunction(
            lambda _context, name, code: told(name.decode(), Code(code)))
        _misuse_hooks.append(function)
    lib.natkit_set_misuse_hook(function, None)
