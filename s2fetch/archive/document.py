"""The document of the progress file: one JSON object, one product per line.

The records stay on the disk; only where each begins is kept in memory. Any valid JSON document of
the right shape can be read, also one that a person has edited or reformatted.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import IO, TypeVar

import msgspec

from s2fetch.archive.document_bytes import (
    OPENING,
    SCHEMA,
    Header,
    document_chunks,
    product_line,
)
from s2fetch.archive.durable import archive_error, translating
from s2fetch.archive.lines import read_blocks, read_line, read_lines
from s2fetch.archive.offsets import Offsets
from s2fetch.archive.records import Record
from s2fetch.archive.seal import last_line
from s2fetch.errors import ProgressFileError


class DamagedError(Exception):
    """The bytes are not a document; says what is wrong with them."""


class _Loose(Header, frozen=True, kw_only=True):
    products: dict[str, msgspec.Raw]


class _Version(msgspec.Struct, frozen=True):
    schema: int


class _NotLinesError(Exception):
    """Perhaps a valid document, but not laid out one product per line."""


T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_header_decoder = msgspec.json.Decoder(Header)
_version_decoder = msgspec.json.Decoder(_Version)
_loose_decoder = msgspec.json.Decoder(_Loose)
_record_decoder = msgspec.json.Decoder(Record)
_records_decoder = msgspec.json.Decoder(dict[str, Record])
_raws_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Document:
    """A document opened for reading; stays readable after the file has been replaced.

    Attributes:
        header: Everything but the products.
        dropped: Identifiers of products whose records cannot be used.
        reformatted: True when the file was not laid out one product per line.
        source: Device and inode of the file this was read from.
    """

    def __init__(self, descriptor: int) -> None:
        self.header = Header(schema=SCHEMA)
        self.dropped: set[str] = set()
        self.reformatted = False
        self.source = (0, 0)
        self._descriptor = descriptor
        self._lines: Offsets | None = None
        self._indexing = threading.Lock()
        self._count = self._start = self._stop = 0
        self._next = 0
        self._ahead: dict[str, Record] = {}
        # Other threads may read while this document is being replaced: the last one closes.
        self._close = weakref.finalize(self, os.close, descriptor)

    @classmethod
    def empty(cls) -> Document:
        """A document without products, of generation 0, that is not on disk."""
        return index_copy(Header(schema=SCHEMA), ())

    @classmethod
    def open(cls, path: Path, *, thorough: bool = False) -> Document:
        """Open a document and check all of it.

        Args:
            path: Where it is.
            thorough: Read every line, also where the seal says that nobody has touched them.

        Raises:
            FileNotFoundError: There is none.
            ArchiveError: It cannot be read.
            ProgressFileError: A later version of s2fetch has written it.
            DamagedError: It is no valid document.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise archive_error(error, path) from error
        document = cls(descriptor)
        with translating(path):
            source = _identity(os.fstat(descriptor))
            try:
                document.check(path, thorough=thorough)
            except _NotLinesError:
                content = document.content()
                document.close()
                document = _reformat(content, path)
        document.source = source
        return document

    def check(self, path: Path, *, thorough: bool) -> None:
        """Make sure of a document that is laid out one product per line."""
        first = read_line(self._descriptor, 0)
        if not first.endswith(OPENING):
            raise _NotLinesError
        try:
            self.header = _header_decoder.decode(first[: -len(OPENING)].rstrip(b", ") + b"}")
            self._stop, seal = last_line(self._descriptor)
        except ValueError:
            raise _NotLinesError from None
        _check_schema(self.header.schema, path)
        self._start = self._next = len(first)
        if self._stop < self._start:
            raise _NotLinesError
        if seal is not None and not thorough and seal.holds(self._descriptor, self._stop):
            self._count = seal.products
        else:
            self._lines = self._index()
            self._count = len(self._lines)

    def _index(self) -> Offsets:
        """Read every line: where it begins, and whether it can be used."""
        found = Offsets(self._stop)
        for offset, lines in self._blocks():
            offsets = list(accumulate(map(len, lines), initial=offset))
            found.add_all(self._check_lines(lines), offsets[:-1])
        if twice := found.settle():
            keys = [read_line(self._descriptor, offset).partition(b": ")[0] for offset in twice]
            if len(set(keys)) < len(keys):
                raise _NotLinesError
        return found

    @property
    def _products(self) -> Offsets:
        """Where the lines begin; of a sealed document found when it is first asked for."""
        if self._lines is None:
            with self._indexing:
                if self._lines is None:
                    try:
                        self._lines = self._index()
                    except _NotLinesError:
                        raise ProgressFileError(
                            "the progress file has changed since it was opened",
                            advice="Run the same command again; if this lasts, check the disk",
                        ) from None
        return self._lines

    def content(self) -> bytes:
        """All bytes of the file."""
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            file.seek(0)
            return file.read()

    def __len__(self) -> int:
        return self._count - len(self.dropped)

    def get(self, product_id: str) -> Record | None:
        """The record of a product, or None."""
        key = b"%b: " % _encode(product_id)
        for offset in self._products.find(product_id):
            line = read_line(self._descriptor, offset)
            if line.startswith(key) and product_id not in self.dropped:
                return _record_decoder.decode(line[len(key) :].rstrip(b",\r\n"))
        return None

    def get_many(self, product_ids: Sequence[str]) -> dict[str, Record]:
        """The records of products, as far as there are any.

        Quicker than asking for each where their lines are near each other. It is quickest for
        those that follow the ones asked for last: an archive is listed in much the same order in
        which it was filled.
        """
        known = self._read_on(len(product_ids))
        missing = [product_id for product_id in product_ids if product_id not in known]
        if missing:
            if 2 * len(missing) > len(product_ids):
                self._next, known = 0, {i: known[i] for i in product_ids if i in known}
            known.update(self._find(missing))
        found = {i: known[i] for i in product_ids if i in known}
        if len(known) > len(found):
            self._ahead = {i: record for i, record in known.items() if i not in found}
        return found

    def _read_on(self, count: int) -> dict[str, Record]:
        """The records of so many lines behind those that were read last; none if that is unknown.

        They include those that were read ahead then and not asked for.
        """
        ahead, self._ahead = self._ahead, {}
        if not self._next or len(ahead) > count:
            return ahead
        start = self._next
        size = (count - len(ahead)) * self._average_bytes
        block = os.pread(self._descriptor, max(0, min(size, self._stop - start)), start)
        block = block[: block.rfind(b"\n") + 1]
        try:
            ahead.update(_as_object([block], _records_decoder))
        except msgspec.DecodeError:  # a line that is dropped is among them
            self._next = 0
        else:
            self._next = start + len(block)
        return ahead

    def _find(self, product_ids: Sequence[str]) -> dict[str, Record]:
        offsets = sorted(self._products.find(*product_ids))
        lines = list(read_lines(self._descriptor, offsets))
        if offsets and offsets[-1] - offsets[0] < 2 * len(product_ids) * self._average_bytes:
            self._next = max(self._next, offsets[-1] + len(lines[-1]))
        try:
            return _as_object([line.rstrip(b",\r\n") + b"," for line in lines], _records_decoder)
        except msgspec.DecodeError:  # a line that is dropped is among them
            found = ((product_id, self.get(product_id)) for product_id in product_ids)
            return {product_id: record for product_id, record in found if record is not None}

    @property
    def _average_bytes(self) -> int:
        return (self._stop - self._start) // max(1, self._count) + 1

    def __contains__(self, product_id: str) -> bool:
        key = b"%b: " % _encode(product_id)
        return product_id not in self.dropped and any(
            read_line(self._descriptor, offset).startswith(key)
            for offset in self._products.find(product_id)
        )

    def items(self, decoder: msgspec.json.Decoder[dict[str, T]]) -> Iterator[tuple[str, T]]:
        """Every product with what ``decoder`` makes of its record, in the order of the file."""
        for _, lines in self._blocks():
            yield from _as_object(self._usable(lines), decoder).items()

    def lines(self) -> Iterator[tuple[str, bytes]]:
        """Every product with its line as it stands in the file, without comma and newline."""
        for _, lines in self._blocks():
            ids = _as_object(lines, _raws_decoder)
            for product_id, line in zip(ids, lines, strict=True):
                if product_id not in self.dropped:
                    yield product_id, line.rstrip(b",\r\n")

    def is_at(self, path: Path) -> bool:
        """Whether this was read from the file that is at ``path`` now.

        Raises:
            ArchiveError: That cannot be seen.
        """
        with translating(path):
            try:
                return _identity(path.stat()) == self.source
            except FileNotFoundError:
                return False

    def close(self) -> None:
        """Close the file now; otherwise it closes when nobody uses the document any more."""
        self._descriptor = -1
        self._close()

    def _blocks(self) -> Iterator[tuple[int, list[bytes]]]:
        return read_blocks(self._descriptor, self._start, self._stop)

    def _usable(self, lines: list[bytes]) -> list[bytes]:
        if not self.dropped:
            return lines
        ids = _as_object(lines, _raws_decoder)
        return [line for i, line in zip(ids, lines, strict=True) if i not in self.dropped]

    def _check_lines(self, lines: list[bytes]) -> list[str]:
        """The identifiers of some lines, after making sure that each is a line of its own."""
        try:
            ids = list(_as_object(lines, _records_decoder))
        except msgspec.ValidationError:
            ids = [self._check_line(line) for line in lines]
        except msgspec.DecodeError:
            raise _NotLinesError from None
        if len(ids) != len(lines):
            raise _NotLinesError
        for product_id, line in zip(ids, lines, strict=True):
            end = len(product_id) + 1
            if line[end : end + 3] != b'": ' and not line.startswith(_encode(product_id) + b": "):
                raise _NotLinesError
        return ids

    def _check_line(self, line: bytes) -> str:
        try:
            (product_id,) = _as_object([line], _raws_decoder)
        except (msgspec.DecodeError, ValueError):
            raise _NotLinesError from None
        try:
            _as_object([line], _records_decoder)
        except msgspec.ValidationError:
            self.dropped.add(product_id)
        return product_id


def _as_object(lines: list[bytes], decoder: msgspec.json.Decoder[dict[str, T]]) -> dict[str, T]:
    try:
        return decoder.decode(b"{%b}" % b"".join(lines).rstrip(b",\r\n"))
    except RecursionError as error:
        raise msgspec.DecodeError(str(error)) from error


def _reformat(content: bytes, path: Path) -> Document:
    """Read a document of any layout, by way of a copy that has one product per line."""
    try:
        _check_schema(_version_decoder.decode(content).schema, path)
        loose = _loose_decoder.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DamagedError(str(error)) from error
    header = Header(
        schema=SCHEMA,
        archive=loose.archive,
        generation=loose.generation,
        folded=loose.folded,
        meta=loose.meta,
    )
    lines = (
        product_line(product_id, msgspec.json.format(bytes(raw), indent=-1))
        for product_id, raw in loose.products.items()
    )
    document = index_copy(header, lines)
    document.reformatted = True
    return document


COPY = "a temporary copy of the progress file"


def index_copy(header: Header, lines: Iterable[bytes]) -> Document:
    """A document that exists only while it is used, in the system's folder for such files.

    Raises:
        ArchiveError: If it cannot be written.
    """
    with translating(Path(COPY)), _nameless() as file:
        file.writelines(document_chunks(header, lines))
        file.flush()
        document = Document(os.dup(file.fileno()))
    document.check(Path(COPY), thorough=True)
    return document


def _nameless() -> IO[bytes]:
    """A file without a name; in memory where no folder for such files can be written to."""
    try:
        return tempfile.TemporaryFile()
    except FileNotFoundError:
        if sys.platform != "linux":
            raise
        return os.fdopen(os.memfd_create("s2fetch"), "w+b")


def salvage(path: Path) -> dict[str, bytes]:
    """The lines of a damaged document that are whole and sound, by product.

    Raises:
        ArchiveError: The file cannot be read.
    """
    found: dict[str, bytes] = {}
    with translating(path), path.open("rb") as file:
        for line in file:
            try:
                (product_id,) = _as_object([line], _records_decoder)
            except (msgspec.DecodeError, ValueError):
                continue
            found[product_id] = line.rstrip(b",\r\n")
    return found


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _check_schema(schema: int, path: Path) -> None:
    if schema > SCHEMA:
        raise ProgressFileError(
            f"{path} has format version {schema}, this s2fetch knows versions up to {SCHEMA}",
            did="Nothing was touched",
            advice="Use the newer s2fetch that wrote it, or a copy of the archive's folder",
        )
    if schema < 1:
        raise DamagedError(f"{schema} is no format version")
