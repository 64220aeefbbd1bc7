"""Where a listing goes: a stream of text, a file that appears when it is whole, GeoParquet."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Protocol

import anyio
import msgspec

from s2fetch.archive.durable import UNFINISHED_SUFFIX, fsync_file, publish, translating
from s2fetch.errors import UsageError
from s2fetch.export.fields import UrlOf
from s2fetch.export.forms import Form, make_form
from s2fetch.export.parquet import ParquetTable
from s2fetch.paths import is_file
from s2fetch.product import Product

BATCH = 100
"""Products that are written at a time; the first ones are written one by one."""
GROUP_ROWS = 10_000
"""Rows in a group of a Parquet file, which are in memory together."""


class Exported(msgspec.Struct):
    """What a listing came to.

    Attributes:
        count: Products in it.
        size_bytes: Their listed sizes together.
        unknown_sizes: How many of them have no listed size.
        superseded: Products left out because there are better versions.
        other_versions: Products in it that are another version of one before.
        missing_names: Names and identifiers that were asked for and are not in the catalogue.
    """

    count: int = 0
    size_bytes: int = 0
    unknown_sizes: int = 0
    superseded: int = 0
    other_versions: int = 0
    missing_names: list[str] = msgspec.field(default_factory=list)


class Sink(Protocol):
    """Takes the products of one listing."""

    @property
    def attributes(self) -> bool:
        """Whether the products need their attributes."""

    async def add(self, products: list[Product]) -> None:
        """Take some."""

    async def finish(self) -> None:
        """All were taken."""

    async def abandon(self) -> None:
        """The listing came to no end; nothing may be left that looks whole. Not after `finish`."""


async def export_all(products: AsyncIterator[Product], sink: Sink) -> Exported:
    """Hand a listing to a sink, in memory that does not depend on its length.

    Raises:
        ArchiveError: If the sink cannot be written.
        HubError, QueryError: Of the listing.
    """
    exported = Exported()
    waiting: list[Product] = []
    try:
        async for product in products:
            exported.count += 1
            exported.size_bytes += product.size or 0
            exported.unknown_sizes += product.size is None
            waiting.append(product)
            if len(waiting) >= BATCH or exported.count < BATCH:
                await sink.add(waiting)
                waiting = []
        await sink.add(waiting)
        await sink.finish()
    except BaseException:
        with anyio.CancelScope(shield=True):
            await sink.abandon()
        raise
    return exported


def make_sink(
    form: str | Form, to: Path | Callable[[str], object], fields: Sequence[str], url_of: UrlOf
) -> Sink:
    """Where a listing goes to.

    Args:
        form: One of `FORMS`, a form of one's own, or ``geoparquet``.
        to: A file, or what takes text.
        fields: Names of the columns; empty for the form's own.
        url_of: The hub's.

    Raises:
        UsageError: There is no such form or field, its library is not installed, or it cannot go
            there.
    """
    if isinstance(to, Path):
        to = _replaceable(to)
    if form == "geoparquet":
        if not isinstance(to, Path) or fields:
            raise UsageError("GeoParquet is written to a file, with fields of its own")
        return ParquetSink(to, url_of)
    made = make_form(form, url_of, fields) if isinstance(form, str) else form
    return FileSink(made, to) if isinstance(to, Path) else TextSink(made, to)


class TextSink:
    """Text that goes somewhere at once. What was written stays when the listing fails.

    Args:
        form: How.
        write: Where to.
    """

    def __init__(self, form: Form, write: Callable[[str], object]) -> None:
        self.attributes = form.attributes
        self._form = form
        self._write = write
        self._pending = form.head

    async def add(self, products: list[Product]) -> None:
        """Write some."""
        self._write(self._pending + "".join(self._form.row(product) for product in products))
        self._pending = ""

    async def finish(self) -> None:
        """Write the end."""
        self._write(self._pending + self._form.tail)

    async def abandon(self) -> None:
        """Leave it without its end."""


class FileSink:
    """A text file that appears under its name when it is whole (see `archive.durable`).

    Args:
        form: How.
        path: Where to; a file that is there is replaced.
    """

    def __init__(self, form: Form, path: Path) -> None:
        self.attributes = form.attributes
        self._form = form
        self._path = path
        self._unfinished = _unfinished(path)
        self._begun = False

    async def add(self, products: list[Product]) -> None:
        """Write some."""
        await self._write("".join(self._form.row(product) for product in products))

    async def finish(self) -> None:
        """Write the end and give the file its name."""
        await self._write(self._form.tail)
        await anyio.to_thread.run_sync(_publish, self._unfinished, self._path)

    async def abandon(self) -> None:
        """Remove what was written."""
        await anyio.to_thread.run_sync(_remove, self._unfinished)

    async def _write(self, text: str) -> None:
        text = text if self._begun else self._form.head + text
        mode = "a" if self._begun else "w"
        self._begun = True
        await anyio.to_thread.run_sync(_append, self._unfinished, text, mode)


class ParquetSink:
    """A GeoParquet file that appears under its name when it is whole.

    Args:
        path: Where to; a file that is there is replaced.
        url_of: The hub's.
        group_rows: Rows that are written together.

    Raises:
        UsageError: pyarrow is not installed.
    """

    attributes = True

    def __init__(self, path: Path, url_of: UrlOf, *, group_rows: int = GROUP_ROWS) -> None:
        self._path = path
        self._unfinished = _unfinished(path)
        self._table = ParquetTable(self._unfinished, url_of)
        self._group_rows = group_rows
        self._waiting: list[Product] = []

    async def add(self, products: list[Product]) -> None:
        """Take some; they are written when they make a group."""
        self._waiting += products
        while len(self._waiting) >= self._group_rows:
            await self._flush()

    async def finish(self) -> None:
        """Write the rest and give the file its name."""
        if self._waiting:
            await self._flush()
        await anyio.to_thread.run_sync(self._end)

    async def abandon(self) -> None:
        """Remove what was written."""
        await anyio.to_thread.run_sync(self._clean_up)

    async def _flush(self) -> None:
        group = self._waiting[: self._group_rows]
        del self._waiting[: self._group_rows]
        await anyio.to_thread.run_sync(self._write, group)

    def _write(self, group: list[Product]) -> None:
        with translating(self._path):
            self._table.write(group)

    def _end(self) -> None:
        with translating(self._path):
            self._table.close()
        _publish(self._unfinished, self._path)

    def _clean_up(self) -> None:
        self._table.abandon()
        _remove(self._unfinished)


def _replaceable(path: Path) -> Path:
    """The file that a name leads to; a file takes the place of no device, pipe or folder."""
    path = Path(os.path.realpath(path))
    if os.path.lexists(path) and not is_file(path):
        raise UsageError(
            f"{path} is there already and is no file",
            did="It was left as it is",
            advice="Give the file another name",
        )
    return path


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}{UNFINISHED_SUFFIX}")


def _append(path: Path, text: str, mode: str) -> None:
    with translating(path), path.open(mode, encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def _publish(unfinished: Path, path: Path) -> None:
    with translating(path), unfinished.open("rb+") as file:
        fsync_file(file.fileno())
    publish(unfinished, path)


def _remove(path: Path) -> None:
    with translating(path):
        path.unlink(missing_ok=True)
