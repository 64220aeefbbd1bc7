"""The journal of the progress file: what happened since its document was written.

Every line checks itself: it begins with the CRC-32 of its rest, so that a line a crash cut short is
never taken for a whole one. Every line names the generation of the document it continues, so that
a journal whose document has already taken it in is recognised, whatever a crash left lying.
"""

from __future__ import annotations

import contextlib
import os
import weakref
import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from s2fetch.archive.durable import fsync_file, fsync_folder, translating, write_all
from s2fetch.archive.lines import read_blocks, read_line
from s2fetch.archive.records import Record


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line: a product's new record, or a small value.

    Attributes:
        generation: Of the document this continues.
        id: The product; empty for a value.
        record: Its record; None for a value.
        meta: Key of the value; empty for a product.
        value: The value.
    """

    generation: int
    id: str = ""
    record: Record | None = None
    meta: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Entry)
_PREFIX = len(b'{"crc":"00000000",')


def encode_line(entry: Entry) -> bytes:
    """The entry as a line of the journal, newline included."""
    rest = _encode(entry)[1:]
    return b'{"crc":"%08x",%b\n' % (zlib.crc32(rest), rest)


def decode_line(line: bytes) -> Entry | None:
    """The entry of a line, or None when the line is damaged or cut."""
    if line[:_PREFIX] != b'{"crc":"%08x",' % zlib.crc32(line[_PREFIX:-1]) or line[-1:] != b"\n":
        return None
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        return None


class Journal:
    """A journal file, read and, when ``writable``, appended to by one process at a time.

    Nothing is created before something is appended.

    Attributes:
        damaged_lines: How many `entries` has passed over.
    """

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        self.path = path
        self.damaged_lines = 0
        self._descriptor = -1
        self._end = 0
        self._read = False
        self._dirty = False
        self._folder_flushed = False
        self._close: weakref.finalize[[int], Journal] | None = None
        with translating(path):
            try:
                self._open(os.O_RDWR if writable else os.O_RDONLY)
            except FileNotFoundError:
                return

    def _open(self, flags: int) -> None:
        self._descriptor = os.open(self.path, flags | os.O_CLOEXEC, 0o666)
        self._close = weakref.finalize(self, os.close, self._descriptor)

    @property
    def exists(self) -> bool:
        """Whether there is a file."""
        return self._descriptor >= 0

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Every sound entry with its offset, oldest first.

        Damaged lines between sound ones are counted in ``damaged_lines``. What a crash left of the
        last line is not damage; the next append writes over it.
        """
        self.damaged_lines = 0
        if not self.exists:
            return
        with translating(self.path):
            size = os.fstat(self._descriptor).st_size
            for offset, lines in read_blocks(self._descriptor, 0, size):
                for line in lines:
                    entry = decode_line(line)
                    if entry is not None:
                        yield offset, entry
                    else:
                        self.damaged_lines += 1
                    offset += len(line)
                self._end = offset
        self._dirty = self._end != size
        self._read = True

    def record_at(self, offset: int) -> Record:
        """The record in the line that begins at ``offset``.

        Raises:
            ArchiveError: It could not be read.
        """
        with translating(self.path):
            record = _decoder.decode(read_line(self._descriptor, offset)).record
        assert record is not None  # noqa: S101 - nobody looks for one in another line
        return record

    def append(self, entries: Iterable[Entry]) -> list[int]:
        """Add entries and flush them with one fsync; returns their offsets.

        When this returns, they are on the disk. When it raises, they are not part of the journal,
        and it can be appended to again.

        Raises:
            ArchiveError: They could not be written.
        """
        offsets: list[int] = []
        lines: list[bytes] = []
        with translating(self.path):
            if not self.exists:
                self._open(os.O_RDWR | os.O_CREAT)
            if not self._read:
                deque(self.entries(), maxlen=0)
            if self._dirty:
                os.ftruncate(self._descriptor, self._end)
            end = self._end
            for entry in entries:
                lines.append(encode_line(entry))
                offsets.append(end)
                end += len(lines[-1])
            self._dirty = True
            try:
                write_all(self._descriptor, b"".join(lines), self._end)
                fsync_file(self._descriptor)
                if not self._folder_flushed:
                    # Also for a file that was there: the process that made it may be killed.
                    fsync_folder(self.path.parent)
                    self._folder_flushed = True
            except OSError:
                # The next append does this too; now it may spare a reader what does not count.
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, self._end)
                raise
            self._dirty = False
            self._end = end
        return offsets

    def close(self) -> None:
        """Close the file now; otherwise it closes when nobody uses the journal any more."""
        self._descriptor = -1
        if self._close is not None:
            self._close()
