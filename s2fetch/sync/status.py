"""The state of an archive as its progress file has it; can be read while a sync is running."""

from __future__ import annotations

from pathlib import Path

import msgspec

from s2fetch.account.meter import Usage
from s2fetch.archive.archive import archive_holder, is_archive
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.archive.sidecar import read_sidecars
from s2fetch.archive.space import free_bytes
from s2fetch.lockfile import Holder
from s2fetch.sync.increment import WATERMARK

MOST_LISTED = 1000
"""Products in each list; the counts are always whole."""


class UnfinishedProduct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A product that is not on disk, and why. Times are ISO 8601.

    Attributes:
        id: The product.
        name: Its name.
        code: Stable short name of the last error, if any.
        reason: Why it is not on disk.
        since: Since when it waits, or when it failed.
        attempts: Attempts that failed so far.
        next_try: When its retrieval is asked for again, if ever.
    """

    id: str
    name: str
    code: str = ""
    reason: str = ""
    since: str = ""
    attempts: int = 0
    next_try: str = ""


class PartialProduct(msgspec.Struct, frozen=True):
    """A product of which some bytes are on disk: how many, and of how many where that is known."""

    name: str
    position: int
    total: int | None


class Status(msgspec.Struct, kw_only=True):
    """The state of an archive. Sizes in bytes.

    Attributes:
        archive: Its folder.
        exists: Whether there is an archive in it; a sync makes it.
        holder: Who works on it now, or None.
        complete: Products on disk and verified.
        complete_bytes: Their sizes together.
        waiting_count: Products that wait for their retrieval.
        failed_count: Products the last runs gave up.
        quarantined_count: Products the hub delivers wrong bytes of.
        withdrawn_count: Products the hub has taken away and whose files are not in place any more.
        consumed_count: Products that were here and verified, and are left alone.
        withdrawn_kept: Of the complete ones, those that it has taken away and whose files are kept.
        waiting: The first of those that wait.
        failed: The first of those that failed.
        quarantined: The first of those in quarantine.
        oldest_waiting: Since when the product waits that has waited longest, or empty.
        partial: Products that are partly there.
        last_run: Report of the last run, or None.
        watermark: Up to when changes are settled, see `sync.increment.Watermark`; None for archives
            that are always listed as a whole.
        free_bytes: Free space.
        scrub: What the last scrub found, see `scrub.ScrubState`; None before the first.
        accounts: What the accounts have received that are known here.
        damage: What is wrong with the progress file, or None.
    """

    archive: str
    exists: bool = True
    holder: Holder | None = None
    complete: int = 0
    complete_bytes: int = 0
    waiting_count: int = 0
    failed_count: int = 0
    quarantined_count: int = 0
    withdrawn_count: int = 0
    consumed_count: int = 0
    withdrawn_kept: int = 0
    waiting: list[UnfinishedProduct] = msgspec.field(default_factory=list)
    failed: list[UnfinishedProduct] = msgspec.field(default_factory=list)
    quarantined: list[UnfinishedProduct] = msgspec.field(default_factory=list)
    oldest_waiting: str = ""
    partial: list[PartialProduct] = msgspec.field(default_factory=list)
    last_run: object = None
    watermark: object = None
    free_bytes: int = 0
    scrub: object = None
    accounts: list[Usage] = msgspec.field(default_factory=list)
    damage: str | None = None


def read_status(root: Path) -> Status:
    """Read the state of the archive at a folder. Blocking.

    Raises:
        ArchiveError: If it cannot be read.
    """
    exists = is_archive(root)
    status = Status(
        archive=str(root),
        exists=exists,
        holder=archive_holder(root) if exists else None,
        free_bytes=free_bytes(root),
    )
    lists = {
        State.WAITING: status.waiting,
        State.FAILED: status.failed,
        State.QUARANTINED: status.quarantined,
    }
    with ProgressFile.load(root, False) as progress:
        status.damage = progress.damage
        status.last_run = progress.meta.get("last_run")
        status.watermark = progress.meta.get(WATERMARK)
        status.scrub = progress.meta.get("scrub")
        counts = progress.counts()
        status.complete = counts[State.COMPLETE].count
        status.complete_bytes = counts[State.COMPLETE].size_bytes
        status.waiting_count = counts[State.WAITING].count
        status.failed_count = counts[State.FAILED].count
        status.quarantined_count = counts[State.QUARANTINED].count
        status.withdrawn_count = counts[State.WITHDRAWN].count
        status.consumed_count = counts[State.CONSUMED].count
        status.withdrawn_kept = counts[State.COMPLETE].withdrawn
        if sum(tally.count for tally in counts.values()) > status.complete:
            for product_id, record in progress.items():
                if record.state is State.WAITING and record.retrieval is not None:
                    since = record.retrieval.since
                    status.oldest_waiting = min(status.oldest_waiting or since, since)
                listed = lists.get(record.state)
                if listed is not None and len(listed) < MOST_LISTED:
                    listed.append(_unfinished(product_id, record))
    status.partial = [
        PartialProduct(sidecar.name, position, sidecar.total)
        for sidecar, position in read_sidecars(root)
    ]
    return status


def _unfinished(product_id: str, record: Record) -> UnfinishedProduct:
    failure, retrieval = record.failure, record.retrieval
    if retrieval is not None:
        reason = f"offline, retrieval {retrieval.state}"
        if retrieval.answer:
            reason += f" ({retrieval.answer})"
        return UnfinishedProduct(
            id=product_id,
            name=record.name,
            reason=reason,
            since=retrieval.since,
            next_try=retrieval.next or "",
        )
    return UnfinishedProduct(
        id=product_id,
        name=record.name,
        code=failure.code if failure else "",
        reason=failure.message if failure else "",
        since=failure.at if failure else "",
        attempts=record.attempts,
    )
