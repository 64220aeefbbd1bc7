"""The bytes of a body, readable from any position, off the event loop."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Protocol

import blake3

from s2fetch.embedded.faults import Changed, Effects, ExtraBytes, FlippedByte, WrongBytes
from s2fetch.embedded.listing import Body

_INVERTED = bytes(255 - value for value in range(256))
_FILLER = b"\0"


class Content(Protocol):
    """A run of bytes.

    Attributes:
        size: How many.
        etag: Changes when the bytes do; without quotes.
    """

    @property
    def size(self) -> int: ...

    @property
    def etag(self) -> str: ...

    async def read(self, offset: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``offset`` on; fewer only at the end."""

    def close(self) -> None:
        """Give back what it holds."""


class BytesContent:
    """Bytes that are in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def etag(self) -> str:
        return blake3.blake3(self._data).hexdigest(16)

    async def read(self, offset: int, count: int) -> bytes:
        return self._data[offset : offset + count]

    def close(self) -> None:
        """Nothing to do."""


class FileContent:
    """A part of a file; close it after use.

    Args:
        descriptor: An open file; this object closes it.
        start: Where the part begins.
        size: How long it is; None for the rest of the file.
    """

    def __init__(self, descriptor: int, start: int, size: int | None) -> None:
        status = os.fstat(descriptor)
        self.descriptor = descriptor
        self.start = start
        self._size = status.st_size - start if size is None else size
        self._etag = f"{status.st_size:x}-{status.st_mtime_ns:x}-{start:x}"

    @classmethod
    async def open(cls, path: Path) -> FileContent:
        """A whole file.

        Raises:
            OSError: It cannot be opened.
        """
        return await asyncio.to_thread(cls.of, path, 0, None)

    @classmethod
    def of(cls, path: Path, start: int, size: int | None) -> FileContent:
        """A part of a file. Blocks.

        Raises:
            OSError: It cannot be opened.
        """
        return cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC), start, size)

    @property
    def size(self) -> int:
        return self._size

    @property
    def etag(self) -> str:
        return self._etag

    async def read(self, offset: int, count: int) -> bytes:
        count = min(count, self._size - offset)
        return await asyncio.to_thread(os.pread, self.descriptor, count, self.start + offset)

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


class DamagedContent:
    """Other bytes than the ones they are made from, as the effects of a fault want it."""

    def __init__(self, inner: Content, effects: Effects) -> None:
        self._inner = inner
        self._all = bool(effects.one(WrongBytes) or effects.one(Changed))
        self._flipped = effects.one(FlippedByte)
        extra = effects.one(ExtraBytes)
        self._extra = extra.count if extra else 0
        changed = effects.one(Changed)
        self._etag = changed.etag if changed else inner.etag

    @property
    def size(self) -> int:
        return self._inner.size + self._extra

    @property
    def etag(self) -> str:
        return self._etag

    async def read(self, offset: int, count: int) -> bytes:
        data = await self._inner.read(offset, count) if offset < self._inner.size else b""
        if self._all:
            data = data.translate(_INVERTED)
        if self._flipped and offset <= self._flipped.at < offset + len(data):
            at = self._flipped.at - offset
            data = data[:at] + data[at : at + 1].translate(_INVERTED) + data[at + 1 :]
        missing = min(count - len(data), self.size - offset - len(data))
        return data + _FILLER * missing

    def close(self) -> None:
        self._inner.close()


async def open_body(body: Body) -> FileContent | BytesContent:
    """The content of a download.

    Raises:
        OSError: Its file cannot be opened.
    """
    return BytesContent(body) if isinstance(body, bytes) else await FileContent.open(body)
