"""One generation of the progress file: a document and the journal that continues it, read as one.

What the journal changes is found by the offset of its line, so that records stay on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from s2fetch.archive.document import Document
from s2fetch.archive.durable import translating
from s2fetch.archive.journal import Journal
from s2fetch.archive.records import Record
from s2fetch.archive.recovery import merged_lines

T = TypeVar("T")


class Generation:
    """A document with what was recorded since. One thread may `note` while others read.

    All that reads records raises `ArchiveError` when they cannot be read.

    Args:
        path: Where the document is, for messages.
        document: What was known when it was written.
        journal: Where what happens from now on is kept; see `replay` for what is in it already.

    Attributes:
        number: The newest generation that the document or a line of the journal names.
        meta: Small values by their keys.
        journal_lines: How many lines of the journal continue the document.
    """

    def __init__(self, path: Path, document: Document, journal: Journal) -> None:
        self.document = document
        self.journal = journal
        self.number = document.header.generation
        self.meta = dict(document.header.meta)
        self.journal_lines = 0
        self._path = path
        self._changes: dict[str, int] = {}
        self._count = len(document)

    def replay(self) -> None:
        """Take in the lines of the journal that continue the document."""
        for offset, entry in self.journal.entries():
            if entry.generation < self.document.header.generation:
                continue
            self.number = max(self.number, entry.generation)
            if entry.meta:
                self.note_meta(entry.meta, entry.value.copy())
            elif entry.record is not None:
                self.note(entry.id, offset)

    def note(self, product_id: str, offset: int) -> None:
        """Take in a line of the journal that holds a product's new record.

        Args:
            product_id: The product.
            offset: Where the line begins.
        """
        self.journal_lines += 1
        self._count += product_id not in self
        self._changes[product_id] = offset

    def note_meta(self, key: str, value: msgspec.Raw) -> None:
        """Take in a line of the journal that holds a small value."""
        self.journal_lines += 1
        self.meta[key] = value

    @property
    def has_newer_journal(self) -> bool:
        """Whether the journal continues a document that was written later than this one."""
        return self.number > self.document.header.generation

    def get(self, product_id: str) -> Record | None:
        """The record of a product, or None."""
        offset = self._changes.get(product_id)
        if offset is not None:
            return self.journal.record_at(offset)
        with translating(self._path):
            return self.document.get(product_id)

    def get_many(self, product_ids: Sequence[str]) -> dict[str, Record]:
        """The records of products, as far as there are any; see `Document.get_many`."""
        changed = {i: self._changes[i] for i in product_ids if i in self._changes}
        with translating(self._path):
            found = self.document.get_many([i for i in product_ids if i not in changed])
        found.update(self._read(changed))
        return found

    def __contains__(self, product_id: str) -> bool:
        with translating(self._path):
            return product_id in self._changes or product_id in self.document

    def __len__(self) -> int:
        return self._count

    def items(
        self, decoder: msgspec.json.Decoder[dict[str, T]], convert: Callable[[Record], T]
    ) -> Iterator[tuple[str, T]]:
        """Every product with what a reader wants of its record.

        Args:
            decoder: Reads that from lines of the document.
            convert: Takes it from a record.
        """
        changes = dict(self._changes)
        with translating(self._path):
            for product_id, entry in self.document.items(decoder):
                if product_id not in changes:
                    yield product_id, entry
        for product_id, record in self._read(changes):
            yield product_id, convert(record)

    def lines(self) -> Iterator[bytes]:
        """The lines of the document that would take the journal in."""
        return merged_lines(self.document, self._read(self._changes), self._changes)

    def close(self) -> None:
        """Let go of the files."""
        self.document.close()
        self.journal.close()

    def _read(self, changes: Mapping[str, int]) -> Iterator[tuple[str, Record]]:
        for product_id, offset in changes.items():
            yield product_id, self.journal.record_at(offset)
