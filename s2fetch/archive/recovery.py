"""Puts the progress file together again when its document is damaged or gone.

Every fold keeps the document it replaces and the journal it takes in. From those two and the
present journal the lost document can be written again, complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from s2fetch.archive.document import DamagedError, Document, index_copy, salvage
from s2fetch.archive.document_bytes import SCHEMA, Header, product_line
from s2fetch.archive.durable import UNFINISHED_SUFFIX, replace_atomically, translating
from s2fetch.archive.journal import Journal
from s2fetch.archive.records import Record

FOLDER = ".s2fetch"
"""Where, below its root, an archive keeps what belongs to s2fetch."""
_BLOCK_BYTES = 1 << 20


class Files(NamedTuple):
    """The files of one progress file, all in one folder."""

    document: Path
    journal: Path
    previous_document: Path
    previous_journal: Path

    @classmethod
    def of(cls, root: Path) -> Files:
        """Those of the archive at ``root``."""
        folder = root / FOLDER
        return cls(
            folder / "progress.json",
            folder / "progress.journal",
            folder / "progress.previous.json",
            folder / "progress.previous.journal",
        )

    def any_left(self) -> bool:
        """Whether there is anything to recover from besides the document itself.

        Raises:
            ArchiveError: One may not look, or the disk is broken.
        """
        with translating(self.document):
            return any(path.exists() for path in self[1:])


class Recovered(NamedTuple):
    """What could be put together.

    Attributes:
        document: Complete, but not on disk yet.
        damaged: Files that cannot be used and are to be put aside.
        origin: What it was made from, for a message.
    """

    document: Document
    damaged: tuple[Path, ...]
    origin: str


def prepare(files: Files) -> None:
    """Make the folder, and remove what a crash in the middle of a fold has left."""
    folder = files.document.parent
    with translating(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(f".progress.*{UNFINISHED_SUFFIX}"):
            leftover.unlink(missing_ok=True)


def open_or_recover(files: Files) -> tuple[Document, str, Recovered | None]:
    """The document, or what can be recovered of it and why that was necessary.

    Raises:
        As `recover`.
    """
    try:
        return Document.open(files.document), "", None
    except FileNotFoundError:
        if not files.any_left():
            return Document.empty(), "", None
        reason = "is missing"
    except DamagedError as error:
        reason = f"is damaged ({error})"
    recovered = recover(files)
    return recovered.document, reason, recovered


def recover(files: Files) -> Recovered:
    """Make a document out of everything that is still sound when the present one is not.

    Raises:
        ArchiveError: The files cannot be read.
        ProgressFileError: A later version of s2fetch has written them.
    """
    with translating(files.document):
        damaged = [files.document] if files.document.exists() else []
    try:
        base = Document.open(files.previous_document)
        origin = "its previous generation and the journals"
    except (FileNotFoundError, DamagedError) as error:
        base = _salvaged(damaged)
        origin = f"{len(base)} sound lines of it and the journals" if damaged else "the journals"
        if isinstance(error, DamagedError):
            damaged.append(files.previous_document)
    return Recovered(with_journals(base, files), tuple(damaged), origin)


def with_journals(base: Document, files: Files) -> Document:
    """A document with every journal taken in that continues it, of the newest generation seen."""
    newest = base.header.generation
    meta = dict(base.header.meta)
    changes: dict[str, Record] = {}
    for path in (files.previous_journal, files.journal):
        for _, entry in Journal(path).entries():
            newest = max(newest, entry.generation)
            if entry.generation < base.header.generation:
                continue
            if entry.meta:
                meta[entry.meta] = entry.value.copy()
            elif entry.record is not None:
                changes[entry.id] = entry.record
    header = msgspec.structs.replace(base.header, generation=newest, meta=meta)
    return index_copy(header, merged_lines(base, changes.items(), changes))


def merged_lines(
    document: Document,
    changes: Iterable[tuple[str, Record]],
    changed: Mapping[str, object],
) -> Iterator[bytes]:
    """The lines of a document with later changes taken in.

    Args:
        document: What was.
        changes: Every changed product with its record.
        changed: The products of ``changes``.
    """
    for product_id, line in document.lines():
        if product_id not in changed:
            yield line
    for product_id, record in changes:
        yield product_line(product_id, record)


def put_aside(path: Path, stamp: str) -> Path:
    """Rename a damaged file so that nothing overwrites it; returns its new path."""
    number = 0
    with translating(path):
        while True:
            extra = f"-{number}" if number else ""
            aside = path.with_name(f"progress.damaged-{stamp}{extra}.json")
            if not aside.exists():
                break
            number += 1
        path.rename(aside)
    return aside


def keep_as(path: Path, kept: Path) -> None:
    """Give a file a second name, replacing what had it; its content is copied where links fail.

    Raises:
        ArchiveError: Neither worked.
    """
    linked = kept.with_name(f".{kept.name}{UNFINISHED_SUFFIX}")
    try:
        linked.unlink(missing_ok=True)
        os.link(path, linked)
        linked.replace(kept)
        # rename(2) does nothing when both names are the same file already.
        linked.unlink(missing_ok=True)
    except OSError:
        copy_as(path, kept)


def copy_as(path: Path, kept: Path) -> None:
    """Copy a file, replacing what had that name.

    Raises:
        ArchiveError: It could not be copied.
    """
    replace_atomically(kept, _blocks(path))


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _salvaged(damaged: list[Path]) -> Document:
    lines = salvage(damaged[0]) if damaged else {}
    return index_copy(Header(schema=SCHEMA), lines.values())
