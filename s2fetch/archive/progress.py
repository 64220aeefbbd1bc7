"""The progress file: what the archive knows about every product, safe against any crash.

Two files in ``.s2fetch`` below the archive's root: ``progress.json``, one valid JSON document at
every moment, and ``progress.journal``, what happened since it was written. Recording appends to the
journal and flushes it, which costs the same however many products there are; now and then `fold`
writes a new document that takes the journal in. Records stay on the disk and are read when asked
for, so that a million products cost some 20 MB of memory.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import msgspec

from s2fetch.archive.document import Document
from s2fetch.archive.document_bytes import SCHEMA, Header, document_chunks
from s2fetch.archive.durable import publish, remove_unfinished, translating, write_beside
from s2fetch.archive.generation import Generation
from s2fetch.archive.journal import Entry, Journal
from s2fetch.archive.records import Age, Place, Record, Size, State, Tally
from s2fetch.archive.recovery import (
    Files,
    Recovered,
    copy_as,
    keep_as,
    open_or_recover,
    prepare,
    put_aside,
    with_journals,
)

FOLD_LINES = 1000
"""A journal is folded in when it has more lines than this …"""
FOLD_SHARE = 4
"""… and more than the archive's number of products divided by this."""
_MOST_READS = 20
_MOST_NAMED = 5

_records_decoder = msgspec.json.Decoder(dict[str, Record])
_sizes_decoder = msgspec.json.Decoder(dict[str, Size])
_ages_decoder = msgspec.json.Decoder(dict[str, Age])
_places_decoder = msgspec.json.Decoder(dict[str, Place])


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ProgressFile:
    """The records of one archive. Made by `load`.

    Safe to use from several threads: reading never waits for a write. Only one process may have it
    open for writing; the archive's lock sees to that. Others may read at the same time.

    Attributes:
        root: The archive's root folder.
        writable: Whether changes can be recorded.
        damage: What was found damaged when loading and what was done about it, or None.
    """

    def __init__(
        self,
        root: Path,
        document: Document,
        *,
        writable: bool,
        archive: str,
        now: Callable[[], datetime],
    ) -> None:
        self.root = root
        self.writable = writable
        self.damage: str | None = None
        self._files = Files.of(root)
        self._archive = archive or document.header.archive
        self._now = now
        self._lock = threading.RLock()
        self._paths: dict[str, str] | None = None
        self._current = self._generation_of(document)
        self._current.replay()

    @classmethod
    def load(
        cls,
        root: Path,
        writable: bool,
        *,
        archive: str = "",
        now: Callable[[], datetime] = _utc_now,
    ) -> ProgressFile:
        """Read the progress file of the archive at ``root``; there need not be one.

        Loading for reading works while another process writes. A damaged document is never dropped:
        it is put aside as ``progress.damaged-<time>.json`` (when ``writable``), what is known is
        put together from the previous generation and the journals, and ``damage`` tells.

        Args:
            root: The archive's root folder.
            writable: Whether this process holds the archive's lock and will record.
            archive: Name of the archive, written into the document.
            now: Wall clock, aware.

        Raises:
            ProgressFileError: Written by a later version of s2fetch.
            ArchiveError: The files cannot be read or, when ``writable``, not written.
        """
        files = Files.of(root)
        if writable:
            prepare(files)
        for _ in range(_MOST_READS):
            document, reason, recovered = open_or_recover(files)
            progress = cls(root, document, writable=writable, archive=archive, now=now)
            if writable or reason or progress._is_current():
                break
        if progress._current.has_newer_journal and not reason:
            reason = "is older than its journal"
            recovered = Recovered(with_journals(document, files), (), "it and the journals")
            progress = cls(root, recovered.document, writable=writable, archive=archive, now=now)
        progress._settle(reason, recovered)
        return progress

    def get(self, product_id: str) -> Record | None:
        """The record of a product, or None.

        Raises:
            ArchiveError: It cannot be read; so do all that read records.
        """
        return self._current.get(product_id)

    def get_many(self, product_ids: Sequence[str]) -> dict[str, Record]:
        """The records of products, as far as there are any; see `Document.get_many`."""
        return self._current.get_many(product_ids)

    def __contains__(self, product_id: str) -> bool:
        return product_id in self._current

    def __len__(self) -> int:
        return len(self._current)

    def items(self) -> Iterator[tuple[str, Record]]:
        """Every product with its record; those recorded meanwhile may or may not be among them."""
        yield from self._current.items(_records_decoder, lambda record: record)

    def ages(self) -> Iterator[tuple[str, Age]]:
        """Every product with the time of its proof; reads all records."""
        yield from self._current.items(_ages_decoder, lambda r: Age(r.state, r.size, r.verified))

    def counts(self) -> dict[State, Tally]:
        """Number and bytes of the products in every state; reads all records."""
        numbers = dict.fromkeys(State, 0)
        sizes = dict.fromkeys(State, 0)
        withdrawn = dict.fromkeys(State, 0)
        records = self._current.items(_sizes_decoder, lambda r: Size(r.state, r.size, r.withdrawn))
        for _, entry in records:
            numbers[entry.state] += 1
            sizes[entry.state] += entry.size
            withdrawn[entry.state] += entry.withdrawn is not None
        return {state: Tally(numbers[state], sizes[state], withdrawn[state]) for state in State}

    def paths(self) -> Mapping[str, str]:
        """Recorded path of every complete product's file, with the product it belongs to.

        Reads all records when first asked for, and is kept up to date from then on.
        """
        with self._lock:
            if self._paths is None:
                self._paths = {
                    place.path: product_id
                    for product_id, place in self._current.items(
                        _places_decoder, lambda record: Place(record.state, record.path)
                    )
                    if place.state is State.COMPLETE and place.path
                }
            return MappingProxyType(self._paths)

    @property
    def meta(self) -> dict[str, object]:
        """The small values kept with the archive."""
        return {key: msgspec.json.decode(raw) for key, raw in list(self._current.meta.items())}

    def record(self, product_id: str, record: Record) -> None:
        """Keep one record; on the disk when this returns. See `record_many`."""
        self.record_many(((product_id, record),))

    def record_many(self, pairs: Iterable[tuple[str, Record]]) -> None:
        """Keep records, all with one flush; on the disk when this returns.

        Raises:
            ArchiveError: They could not be written; none of them counts then.
        """
        pairs = list(pairs)
        with self._lock:
            current = self._writable()
            if not pairs:
                return
            offsets = current.journal.append(
                Entry(generation=current.number, id=product_id, record=record)
                for product_id, record in pairs
            )
            for (product_id, record), offset in zip(pairs, offsets, strict=True):
                self._move_path(product_id, record)
                current.note(product_id, offset)

    def set_meta(self, key: str, value: object) -> None:
        """Keep a small JSON value with the archive; on the disk when this returns.

        Raises:
            ArchiveError: It could not be written.
        """
        raw = msgspec.Raw(msgspec.json.encode(value))
        with self._lock:
            current = self._writable()
            current.journal.append([Entry(generation=current.number, meta=key, value=raw)])
            current.note_meta(key, raw)

    @property
    def should_fold(self) -> bool:
        """Whether the journal has grown long enough for `fold` to be worth it."""
        return self._current.journal_lines > max(FOLD_LINES, len(self) // FOLD_SHARE)

    def fold(self) -> None:
        """Write a new document that takes the journal in; does nothing when nothing changed.

        The replaced document and journal are kept as the previous generation. Recording waits
        meanwhile, reading does not.

        Raises:
            ArchiveError: It could not be written; nothing is lost then.
        """
        with self._lock:
            deque(self._fold_steps(), maxlen=0)

    def close(self) -> None:
        """Let go of the files. Nothing is written: what was recorded is on the disk already."""
        self._current.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ProgressFile {self._files.document} with {len(self)} products>"

    def _is_current(self) -> bool:
        """False when another process has replaced what we were reading."""
        if self._current.has_newer_journal:
            return False
        document = self._current.document
        return document.is_at(self._files.document) or document.source == (0, 0)

    def _settle(self, reason: str, recovered: Recovered | None) -> None:
        """Say what was damaged and, when writable, leave a sound document behind."""
        found = []
        if recovered is not None:
            aside = self._replace_damaged(recovered) if self.writable else ()
            kept = f" (kept as {', '.join(path.name for path in aside)})" if aside else ""
            found.append(
                f"{self._files.document.name} {reason}{kept}; "
                f"{len(self)} records were recovered from {recovered.origin}"
            )
        elif self.writable and self._current.document.source == (0, 0):
            deque(self._fold_steps(), maxlen=0)
        dropped = sorted(self._current.document.dropped)
        if dropped:
            named = ", ".join(dropped[:_MOST_NAMED]) + (" …" if dropped[_MOST_NAMED:] else "")
            found.append(f"the records of {len(dropped)} products were damaged, dropped: {named}")
        if damaged := self._current.journal.damaged_lines:
            found.append(f"{damaged} damaged lines of the journal, skipped")
        self.damage = "; ".join(found) or None

    def _replace_damaged(self, recovered: Recovered) -> tuple[Path, ...]:
        stamp = self._now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        aside: list[Path] = []
        for step in self._fold_steps(previous=False):
            if step == "written":
                aside += [put_aside(path, stamp) for path in recovered.damaged]
        # A copy and not a link: rot in one of the two must not reach the other.
        copy_as(self._files.document, self._files.previous_document)
        return tuple(aside)

    def _writable(self) -> Generation:
        if not self.writable:
            msg = "this progress file was loaded for reading"
            raise RuntimeError(msg)
        return self._current

    def _move_path(self, product_id: str, record: Record) -> None:
        if self._paths is None:
            return
        before = self.get(product_id)
        if before is not None and self._paths.get(before.path) == product_id:
            del self._paths[before.path]
        if record.state is State.COMPLETE and record.path:
            self._paths[record.path] = product_id

    def _fold_steps(self, *, previous: bool = True) -> Generator[str, None, None]:
        """Fold, stopping after each step that a crash could separate from the next."""
        current, document = self._current, self._current.document
        unchanged = not (current.journal_lines or document.dropped or document.reformatted)
        if unchanged and document.is_at(self._files.document):
            return
        header = Header(
            schema=SCHEMA,
            archive=self._archive,
            generation=current.number + 1,
            folded=self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            meta=current.meta,
        )
        chunks = document_chunks(header, current.lines())
        unfinished = write_beside(self._files.document, chunks)
        try:
            # Reading it back finds the lines, and proves the document before it replaces one.
            folded = Document.open(unfinished, thorough=True)
            yield "written"
            if previous and document.is_at(self._files.document):
                keep_as(self._files.document, self._files.previous_document)
                yield "kept"
            try:
                publish(unfinished, self._files.document)
            finally:
                if folded.is_at(self._files.document):
                    # Whatever is in the journal now is part of it.
                    self._current = self._generation_of(folded)
            yield "published"
        finally:
            remove_unfinished(unfinished)
        self._rotate_journal()
        yield "rotated"

    def _generation_of(self, document: Document) -> Generation:
        return Generation(self._files.document, document, self._open_journal())

    def _open_journal(self) -> Journal:
        return Journal(self._files.journal, writable=self.writable)

    def _rotate_journal(self) -> None:
        """Keep the journal that was folded in beside the document it belonged to."""
        with translating(self._files.journal):
            if self._files.journal.exists():
                self._files.journal.replace(self._files.previous_journal)
        self._current.journal = self._open_journal()
