"""The end of the progress file's document: how many products it has, and a digest of all of it.

Where the digest holds, the document is byte for byte what this version of s2fetch has written, and
need not be read line by line to be believed. A document that somebody has edited is none the worse
for a seal that does not hold, or for none.
"""

from __future__ import annotations

import os

import msgspec
from blake3 import blake3

import s2fetch

UNSEALED = b"}}\n"
"""The last line of a document without a seal."""
_BEGINNING = b'}, "seal": '
_LONGEST_BYTES = 512
_READ_BYTES = 1 << 20


class Seal(msgspec.Struct, frozen=True):
    """What the last line says of those before it.

    Attributes:
        products: How many there are.
        version: Of the s2fetch that wrote them.
        blake3: Digest of all bytes before the last line, and then of the two above.
    """

    products: int
    version: str
    blake3: str

    def holds(self, descriptor: int, stop: int) -> bool:
        """Whether this version of s2fetch has written all that is before ``stop``."""
        if self.version != s2fetch.__version__:
            return False
        sealing = Sealing()
        offset = 0
        while offset < stop:
            block = os.pread(descriptor, min(_READ_BYTES, stop - offset), offset)
            if not block:
                return False
            sealing.take(block)
            offset += len(block)
        return sealing.seal(self.products) == self


class _Last(msgspec.Struct, frozen=True):
    seal: Seal


_decoder = msgspec.json.Decoder(_Last)


class Sealing:
    """Makes the seal of a document while that is written."""

    def __init__(self) -> None:
        self._hasher = blake3()

    def take(self, chunk: bytes) -> bytes:
        """More of the document; returns the same."""
        self._hasher.update(chunk)
        return chunk

    def seal(self, products: int) -> Seal:
        """The seal of all that was taken."""
        version = s2fetch.__version__
        self._hasher.update(f"{products} {version}".encode())
        return Seal(products, version, self._hasher.hexdigest())

    def last_line(self, products: int) -> bytes:
        """What ends the document."""
        return _BEGINNING + msgspec.json.encode(self.seal(products)) + b"}\n"


def last_line(descriptor: int) -> tuple[int, Seal | None]:
    """Where the last line of a document begins, and the seal in it, if there is one.

    Raises:
        ValueError: If it is the last line of something else.
    """
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, _LONGEST_BYTES, max(0, size - _LONGEST_BYTES))
    line = tail[tail.rfind(b"\n}") + 1 :]
    if line == UNSEALED:
        return size - len(line), None
    if not (line.startswith(_BEGINNING) and line.endswith(b"\n")):
        raise ValueError("not the end of a document")
    return size - len(line), _decoder.decode(b"{" + line[len("}, ") :]).seal
