"""The compiled half of `digest`: found beside this file, and believed only after a trial."""

from __future__ import annotations

import ctypes
import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

BLOCK_BYTES = 64
"""MD5 takes in blocks of this size (RFC 1321 3.4)."""
INITIAL = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
"""The state before the first block (RFC 1321 3.3)."""
LIBRARY = Path(__file__).with_name(
    "md5_blocks.dylib" if sys.platform == "darwin" else "md5_blocks.so"
)
"""Where `build` puts the library."""

State = ctypes.Array[ctypes.c_uint32]
One = Callable[[State, int, int], None]
Two = Callable[[State, int, State, int, int], None]
_STATE = ctypes.c_uint32 * 4


class Blocks(NamedTuple):
    """The compiled functions; they change states in place and let other threads run meanwhile.

    Attributes:
        one: Takes a state, the address of a message and a number of blocks.
        two: Takes state and address of one message, those of another, and a number of blocks.
    """

    one: One
    two: Two


def new_state() -> State:
    """The state of an empty message."""
    return _STATE(*INITIAL)


@cache
def compiled_blocks() -> Blocks | None:
    """The compiled functions; None where there are none, or where they do not compute MD5."""
    try:
        library = ctypes.CDLL(str(LIBRARY))
        one, two = library.s2fetch_md5_one, library.s2fetch_md5_two
    except (OSError, AttributeError):
        return None
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    one.restype = two.restype = None
    one.argtypes = [pointer, pointer, size]
    two.argtypes = [pointer, pointer, pointer, pointer, size]
    blocks = Blocks(one, two)
    return blocks if _computes_md5(blocks) else None


def _computes_md5(blocks: Blocks) -> bool:
    """Whether both functions get two padded messages right."""
    messages = b"s2fetch", b"x" * 55
    padded = [
        message.ljust(56, b"\0").replace(message, message + b"\x80", 1)[:56]
        + (8 * len(message)).to_bytes(8, "little")
        for message in messages
    ]
    buffers = [ctypes.create_string_buffer(block, BLOCK_BYTES) for block in padded]
    first, second = (ctypes.addressof(buffer) for buffer in buffers)
    alone, left, right = new_state(), new_state(), new_state()
    blocks.one(alone, first, 1)
    blocks.two(left, first, right, second, 1)
    wanted = [hashlib.md5(message, usedforsecurity=False).digest() for message in messages]
    return [digest_of(alone), digest_of(left), digest_of(right)] == [wanted[0], *wanted]


def digest_of(state: State) -> bytes:
    """The 16 bytes that a state stands for (RFC 1321 3.5)."""
    return b"".join(word.to_bytes(4, "little") for word in state)
