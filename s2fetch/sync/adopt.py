"""Files and folders that are there already: hashed, and adopted if they are the product."""

from __future__ import annotations

import contextlib

import anyio
import msgspec

from s2fetch.archive.archive import Archive
from s2fetch.archive.durable import fsync_tree
from s2fetch.archive.part import PartFile
from s2fetch.archive.presence import FileState
from s2fetch.archive.proof import Evidence, prove
from s2fetch.archive.records import Record, State
from s2fetch.archive.unpacked import prove_unpacked
from s2fetch.clock import Clock, timestamp
from s2fetch.errors import ArchiveError, ArchiveInUseError, ProductError
from s2fetch.product import Product
from s2fetch.sync.commit import listed_text
from s2fetch.threads import stop_if_cancelled


class Candidate(msgspec.Struct, frozen=True):
    """A product, the files and folders that may be it, and what is recorded of it.

    ``wanted``: whether it is to be fetched if none of them is.
    """

    product: Product
    files: tuple[FileState, ...]
    record: Record | None = None
    wanted: bool = True

    @property
    def attempts(self) -> int:
        """How often it was tried in vain before."""
        return self.record.attempts if self.record is not None else 0


class Adopted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        record: The record of what proved to be the product, or None when nothing did.
        refused: Why unpacked copies were not taken, by the path of each.
    """

    record: Record | None
    refused: dict[str, str] = {}


async def adopt(archive: Archive, candidate: Candidate, *, source: str, clock: Clock) -> Adopted:
    """Record the first file or folder that is the product, if one is.

    Args:
        archive: Open and locked.
        candidate: The product, and what may be it.
        source: Base URL of the hub, for the record.
        clock: Where the time comes from.

    Raises:
        ArchiveError: If the record cannot be written.
    """
    refused: dict[str, str] = {}
    files = await anyio.to_thread.run_sync(_worth_hashing, archive, candidate)
    for file in files:
        try:
            evidence = await anyio.to_thread.run_sync(_evidence, archive, candidate.product, file)
        except (ProductError, ArchiveError) as error:
            # Not the product, or not readable: fetching decides what happens to a file.
            if file.unpacked:
                refused[file.path] = error.what
            continue
        record = Record(
            name=candidate.product.name,
            state=State.COMPLETE,
            path=file.path,
            unpacked=file.unpacked,
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
            await anyio.to_thread.run_sync(_keep, archive, candidate.product, record)
        return Adopted(record=record, refused=refused)
    return Adopted(record=None, refused=refused)


def _keep(archive: Archive, product: Product, record: Record) -> None:
    """Record it. What was downloaded of it before is of no use any more, and in nobody's way."""
    archive.progress.record(product.id, record)
    with contextlib.suppress(ArchiveError, ArchiveInUseError, ProductError):
        part = PartFile(archive.folder_of(product), product)
        if part.path.exists() or part.sidecar_path.exists():
            part.open()
            try:
                part.discard()
            finally:
                part.close(remove_if_useless=True)


def may_be(file: FileState, product: Product, record: Record | None) -> bool:
    """Whether a file or folder is worth hashing: nothing that is known speaks against it.

    Args:
        file: What is there.
        product: As the catalogue lists it now.
        record: What is recorded of the product, or None.
    """
    if not file.unpacked:
        return product.size in (None, file.size)
    if record is None:
        return True
    if record.state is not State.COMPLETE:
        return record.path != file.path  # it was found damaged, or outdated as below
    return not record.listed or record.listed == listed_text(product)


def _worth_hashing(archive: Archive, candidate: Candidate) -> list[FileState]:
    """Those that may prove to be the product.

    Without a listed digest a sound file of that name proves nothing if it is another product's,
    and to an unpacked one no listed digest applies.
    """
    product = candidate.product
    files = [file for file in candidate.files if may_be(file, product, candidate.record)]
    listed = product.best_checksum is not None
    if listed and not any(file.unpacked for file in files):
        return files
    owners = archive.progress.paths()
    return [
        file
        for file in files
        if (listed and not file.unpacked) or owners.get(file.path, product.id) == product.id
    ]


def _evidence(archive: Archive, product: Product, file: FileState) -> Evidence:
    """Show that a file or folder is the product, and have it on the disk before it is recorded.

    Whoever put it there may not have done that: another program, or a run of ours that was killed
    before it flushed the folder.
    """
    path = archive.root / file.path
    if file.unpacked:
        evidence = prove_unpacked(path, product.name, tick=stop_if_cancelled)
    else:
        evidence = prove(path, product, tick=stop_if_cancelled)
    fsync_tree(path)
    archive.make_durable([path.parent])
    return evidence
