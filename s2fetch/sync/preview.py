"""What a sync would do, without doing any of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import anyio
import msgspec

from s2fetch.archive.archive import is_archive
from s2fetch.archive.layout import Layout
from s2fetch.archive.presence import (
    Elsewhere,
    FileState,
    Folders,
    candidates_in,
    recorded_file,
    was_here,
)
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.archive.space import free_bytes
from s2fetch.config.values import OnMissing
from s2fetch.events import EventBus, ProductPlanned
from s2fetch.hub.base import Hub
from s2fetch.product import Product
from s2fetch.query import Query
from s2fetch.selection import selected
from s2fetch.sync.adopt import may_be
from s2fetch.sync.batches import batches
from s2fetch.sync.planner import Plan, Verdict, plan

_NOT_HERE = frozenset({Verdict.FETCH, Verdict.OFFLINE, Verdict.CONSUMED})


class _Decided(NamedTuple):
    """What a sync would do about a product, and whether it seems to lie where that is not seen."""

    product: Product
    plan: Plan
    lies_elsewhere: bool


class Preview(msgspec.Struct, kw_only=True):
    """What a sync would do. Sizes in bytes.

    Attributes:
        query: The query as it is sent to the hub.
        found: Products that match and are wanted.
        superseded: Products that match besides and are left out for better versions.
        other_versions: Of those found, how many are another version of one found before.
        missing_names: Names and identifiers asked for that the hub does not know.
        found_bytes: Their listed sizes together.
        unknown_sizes: How many of them have no listed size.
        already: On disk and verified.
        to_verify: On disk by its name and size, or unpacked; to be hashed first.
        to_fetch: To be downloaded now.
        to_fetch_bytes: Their listed sizes together.
        offline: To be retrieved first.
        elsewhere: Of those to be fetched or retrieved, how many seem to lie in other folders, where
            a sync looks only when told to. Counted as long as there is no archive.
        consumed: On disk and verified once; their files are gone, and they are left alone.
        quarantined: Left alone, because the hub delivers wrong bytes.
        free_bytes: Free space where the archive is.
        reserve_bytes: Of which this much is to stay free.
    """

    query: str = ""
    found: int = 0
    superseded: int = 0
    other_versions: int = 0
    missing_names: list[str] = msgspec.field(default_factory=list)
    found_bytes: int = 0
    unknown_sizes: int = 0
    already: int = 0
    to_verify: int = 0
    to_fetch: int = 0
    to_fetch_bytes: int = 0
    offline: int = 0
    elsewhere: int = 0
    consumed: int = 0
    quarantined: int = 0
    free_bytes: int = 0
    reserve_bytes: int = 0

    @property
    def fits(self) -> bool:
        """Whether what would be fetched fits beside the reserve, as far as sizes are known."""
        return self.free_bytes - self.to_fetch_bytes >= self.reserve_bytes


async def preview(
    hub: Hub,
    root: Path,
    layout: Layout,
    query: Query,
    *,
    reserve_bytes: int,
    on_missing: OnMissing,
    renew: bool,
    everywhere: bool,
    events: EventBus,
) -> Preview:
    """Look at everything that matches and decide as a sync would; changes nothing.

    Args:
        hub: Where products come from.
        root: Of the archive; there need not be one.
        layout: Of the archive.
        query: Which products.
        reserve_bytes: Free space that downloads leave.
        on_missing: What to do about products whose files are gone.
        renew: Whether everything is to be fetched, whatever is there.
        everywhere: Whether to look for copies in all folders.
        events: Who is told of every decision.

    Raises:
        QueryError, HubError: If the catalogue cannot be read.
        ArchiveError: If the archive cannot be read.
    """
    result = Preview(query=hub.describe(query), reserve_bytes=reserve_bytes)
    result.free_bytes = await anyio.to_thread.run_sync(free_bytes, root)
    progress = await anyio.to_thread.run_sync(ProgressFile.load, root, False)
    elsewhere = Elsewhere(root)
    # Whoever brings the files of another tool along is to know before all of them are fetched.
    is_new = not everywhere and not renew and not await anyio.to_thread.run_sync(is_archive, root)
    try:
        async with selected(hub, query, events=events) as products:
            async for batch in batches(products):
                decide = partial(
                    _decide,
                    progress,
                    root,
                    layout,
                    batch,
                    renew=renew,
                    elsewhere=elsewhere,
                    everywhere=everywhere,
                    hint=is_new,
                    on_missing=on_missing,
                )
                for product, decision, lies_elsewhere in await anyio.to_thread.run_sync(decide):
                    _add(result, product, decision.verdict)
                    result.elsewhere += lies_elsewhere
                    events.emit(
                        ProductPlanned(
                            product=product, verdict=decision.verdict, reason=decision.reason
                        )
                    )
            result.superseded = products.superseded
            result.other_versions = products.other_versions
            result.missing_names = products.missing
    finally:
        progress.close()
    return result


def _decide(
    progress: ProgressFile,
    root: Path,
    layout: Layout,
    batch: list[Product],
    *,
    renew: bool,
    elsewhere: Elsewhere,
    everywhere: bool,
    hint: bool,
    on_missing: OnMissing,
) -> list[_Decided]:
    """What a sync would do about every product of a batch. Blocking.

    Args as for `preview`, and ``hint``: whether to look in other folders only to tell of it.
    """
    folders = Folders(root)
    decisions = []
    found = look_up(progress, root, batch)
    for product, (record, file) in zip(batch, found, strict=True):
        decision = plan(product, record, file, renew=renew, on_missing=on_missing)
        if decision.verdict in _NOT_HERE and not renew:
            recorded = record.path if record is not None and file is not None else ""
            there = candidates_in(root, layout, product, recorded, folders)
            if not there and (everywhere or was_here(record)):
                there = elsewhere.candidates(product)
            if any(may_be(each, product, record) for each in there):
                decision = Plan(Verdict.VERIFY, "something of its name is there", decision.healed)
        lies = (
            hint
            and decision.verdict in _NOT_HERE
            and any(may_be(each, product, None) for each in elsewhere.candidates(product))
        )
        decisions.append(_Decided(product, decision, lies))
    return decisions


def look_up(
    progress: ProgressFile, root: Path, batch: list[Product]
) -> list[tuple[Record | None, FileState | None]]:
    """Record and file of every product of a batch, where there are any. Blocking."""
    records = progress.get_many([product.id for product in batch])
    return [_known(records.get(product.id), root) for product in batch]


def _known(record: Record | None, root: Path) -> tuple[Record | None, FileState | None]:
    if record is None or record.state is not State.COMPLETE:
        return record, None
    return record, recorded_file(root, record)


def _add(result: Preview, product: Product, verdict: Verdict) -> None:
    size = product.size or 0
    result.found += 1
    result.found_bytes += size
    result.unknown_sizes += product.size is None
    match verdict:
        case Verdict.HAVE | Verdict.RECORD:
            result.already += 1
        case Verdict.VERIFY:
            result.to_verify += 1
        case Verdict.FETCH:
            result.to_fetch += 1
            result.to_fetch_bytes += size
        case Verdict.OFFLINE:
            result.offline += 1
        case Verdict.CONSUMED:
            result.consumed += 1
        case Verdict.QUARANTINED:
            result.quarantined += 1
