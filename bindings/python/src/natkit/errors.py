"""What can go wrong: natkit's codes, and the one exception that carries them.

The codes are those of ``natkit/common.h``; their numbers never change.
"""
from __future__ import annotations

import enum
from typing import Optional


class OpenEnum(enum.IntEnum):
    """Numbers of the library that may become more: one that this version does
    not name is a member called ``UNKNOWN_<number>`` instead of an error."""

    @classmethod
    def _missing_(cls, value: object) -> Optional["OpenEnum"]:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member


class Code(OpenEnum):
    """Why a function failed (``natkit_code``)."""

    OK = 0
    TRUNCATED = -1
    BAD_LENGTH = -2
    BAD_VALUE = -3
    BUFFER_TOO_SMALL = -4
    BAD_ENCODING = -5
    NOT_FOUND = -6
    ALREADY_EXISTS = -7
    LIMIT_EXCEEDED = -8
    INVALID_STATE = -9
    PERMISSION_DENIED = -10
    IO = -11
    ADDRESS_IN_USE = -12
    UNSUPPORTED = -13
    TIMED_OUT = -14
    CLOSED = -15
    ADDRESS_NOT_AVAILABLE = -16
    CONNECTION_REFUSED = -17
    CONNECTION_RESET = -18
    UNREACHABLE = -19
    NO_DEVICE = -20
    INSECURE_FILE = -21
    BAD_ARGUMENT = -22
    BAD_HANDLE = -23
    BUSY = -24
    STRUCT_SIZE = -25
    NOT_STUN = -100
    BAD_FINGERPRINT = -101
    BAD_INTEGRITY = -102
    NO_INTEGRITY = -103
    UNKNOWN_ATTRIBUTE = -104
    ERROR_RESPONSE = -105
    BAD_CANDIDATE = -106
    BAD_CREDENTIALS = -107
    BAD_MAGIC = -200
    BAD_FRAME = -201
    FRAME_TOO_LARGE = -202
    BAD_BOX = -203
    BAD_JSON = -204
    UPGRADE_REFUSED = -205
    BAD_HTTP = -206
    FORBIDDEN_FRAME = -207
    UNKNOWN_INDEX = -300
    AUTH_FAILED = -301
    REPLAYED = -302
    UNKNOWN_PEER = -303
    NO_SESSION = -304
    NOT_ALLOWED = -305
    NO_ROUTE = -306
    BAD_CONFIG = -307
    TLS_HANDSHAKE = -400
    TLS_PROTOCOL = -401
    BAD_CERTIFICATE = -402
    BAD_PRIVATE_KEY = -403
    KEY_MISMATCH = -404
    BAD_SIGNAL = -450


class NatkitError(Exception):
    """A function of the library refused or failed; nothing has changed then,
    unless its documentation says so."""

    def __init__(self, function: str, code: int, words: str) -> None:
        super().__init__(f"{function}: {words}")
        #: Why.
        self.code = Code(code)
        #: The C function that failed, such as ``"natkit_agent_send"``.
        self.function = function

    def __reduce__(self) -> "tuple[type[NatkitError], tuple[str, int, str]]":
        words = str(self)[len(self.function) + 2:]
        return NatkitError, (self.function, int(self.code), words)
