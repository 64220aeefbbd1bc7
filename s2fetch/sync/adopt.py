"""Files that are there already: hashed, and adopted when they prove to be the product."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import anyio
import msgspec

from s2fetch.archive.archive import Archive, FileState
from s2fetch.archive.proof import Evidence, prove
from s2fetch.archive.records import Record, State
from s2fetch.clock import Clock, timestamp
from s2fetch.errors import ArchiveError, ProductError
from s2fetch.product import Product
from s2fetch.sync.commit import listed_text
from s2fetch.threads import stop_if_cancelled


class Candidate(msgspec.Struct, frozen=True):
    """A product and the files that may be it."""

    product: Product
    files: tuple[FileState, ...]
    attempts: int = 0


async def adopt(
    archive: Archive, candidate: Candidate, *, source: str, clock: Clock
) -> Record | None:
    """The record of the first file that is the product, recorded; None when none is.

    Raises:
        ArchiveError: If the record cannot be written.
    """
    files = await anyio.to_thread.run_sync(_worth_hashing, archive, candidate)
    for file in files:
        evidence = await _evidence(archive.root / file.path, candidate.product, file)
        if evidence is None:
            continue
        record = Record(
            name=candidate.product.name,
            state=State.COMPLETE,
            path=file.path,
            size=evidence.size,
            checksum=str(evidence.checksum),
            listed=listed_text(candidate.product),
            proof=evidence.proof,
            verified=timestamp(clock.now()),
            source=source,
            modified=timestamp(candidate.product.modified),
            mtime_ns=file.mtime_ns,
        )
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(archive.progress.record, candidate.product.id, record)
        return record
    return None


def _worth_hashing(archive: Archive, candidate: Candidate) -> tuple[FileState, ...]:
    """Without a digest a sound file of that name proves nothing if it is another product's."""
    if candidate.product.best_checksum is not None:
        return candidate.files
    mine = candidate.product.id
    owners = archive.progress.paths()
    return tuple(file for file in candidate.files if owners.get(file.path, mine) == mine)


async def _evidence(path: Path, product: Product, file: FileState) -> Evidence | None:
    if product.size is not None and product.size != file.size:
        return None
    try:
        return await anyio.to_thread.run_sync(partial(prove, path, product, tick=stop_if_cancelled))
    except (ProductError, ArchiveError):
        return None  # not the product, or not readable: fetching decides what happens to it
