"""From Python's values to C's and back. ctypes would cut off what does not fit:
numbers beyond their type, and texts behind a zero byte. Here that is an error.
"""
from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import warnings
from typing import Any, Callable, Iterator, Optional, TypeVar, Union

from . import _structs as s
from ._library import lib, strerror
from .errors import Code, NatkitError

#: What holds bytes.
Buffer = Union[bytes, bytearray, memoryview]
#: A source of random bytes: is asked for a number of them, as os.urandom is.
RandomSource = Callable[[int], bytes]


def unsigned(value: int, bits: int, what: str) -> int:
    """`value`, if an unsigned number of `bits` bits can hold it."""
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{what} is out of its range: {value}")
    return value


def nanoseconds(value: int) -> int:
    """A time or a duration; the library itself refuses 2^62 and above."""
    return unsigned(value, 64, "a time in nanoseconds")


def text(value: str, what: str) -> bytes:
    """`value` as the C API takes it."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a {type(value).__name__}, not a str")
    if "\0" in value:
        raise ValueError(f"{what} holds a zero byte")
    return value.encode()


def optional_text(value: Optional[str], what: str) -> Optional[bytes]:
    """As text(); None stays None."""
    return None if value is None else text(value, what)


def octets(value: Buffer) -> bytes:
    """The bytes of `value`. bytes() alone would take a number for as many
    zeros."""
    return value if isinstance(value, bytes) else bytes(memoryview(value))


def key(value: Buffer, what: str) -> bytes:
    """A key's 32 bytes."""
    data = octets(value)
    if len(data) != s.KEY_SIZE:
        raise ValueError(f"{what} has {len(data)} bytes, not {s.KEY_SIZE}")
    return data


def put_key(field: Any, value: Optional[Buffer], what: str) -> None:
    """Fills a structure's key; None leaves it zero."""
    if value is not None:
        ctypes.memmove(field, key(value, what), s.KEY_SIZE)


def random_struct(source: Optional[RandomSource]) -> Optional[s.Random]:
    """natkit_random of a source; None, which is the system's, for None. The
    library cannot be told of a failure, so it gets the system's bytes then, and
    the exception goes to sys.unraisablehook."""
    if source is None:
        return None
    wanted: RandomSource = source

    def fill(_context: Any, out: int, size: int) -> None:
        try:
            data = octets(wanted(size))
            if len(data) != size:
                raise ValueError(f"{size} random bytes asked, {len(data)} got")
        except BaseException:
            ctypes.memmove(out, os.urandom(size), size)
            raise
        ctypes.memmove(out, data, size)

    return s.Random(s.FillFunction(fill), None)


def pointer_or_null(structure: Any) -> Any:
    """A pointer for a structure's field."""
    return None if structure is None else ctypes.pointer(structure)


def take_text(function: Any, handle: Any, size: int) -> str:
    """What a function writes to a text of up to `size` bytes."""
    out = ctypes.create_string_buffer(size)
    length = function(handle, out, size)
    return out.raw[:length].decode()


def c_text(field: bytes) -> str:
    """A text in a structure; the library may have cut it short."""
    return field.decode(errors="replace")


HandleType = TypeVar("HandleType", bound="Handle")


class Handle:
    """Owns a handle of the library. To be closed, best by ``with``; a call on a
    closed one raises NatkitError with Code.BAD_HANDLE."""

    _free = ""  # the C function

    def __init__(self) -> None:
        self._pointer: Optional[int] = None
        self._process = os.getpid()
        self._in_use = threading.Lock()

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._pointer is None

    def close(self) -> None:
        """Frees what the library has; more calls do nothing. A child of fork()
        only forgets it: the parent goes on using the descriptors of both."""
        pointer, self._pointer = self._pointer, None
        if pointer is not None and self._process == os.getpid():
            getattr(lib, self._free)(pointer)

    @contextlib.contextmanager
    def _alone(self, function: str) -> Iterator[None]:
        """For calls that write to the object's buffer: it is theirs until they
        have copied what C left there. Others are refused as C itself does."""
        if not self._in_use.acquire(blocking=False):
            raise NatkitError(function, Code.BUSY, strerror(Code.BUSY))
        try:
            yield
        finally:
            self._in_use.release()

    def __enter__(self: HandleType) -> HandleType:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if (getattr(self, "_pointer", None) is not None
                and self._process == os.getpid()):
            warnings.warn(f"{type(self).__name__} was not closed",
                          ResourceWarning, source=self)
            self.close()
