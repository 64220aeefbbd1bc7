"""Everything that is known of one product: why it is on disk or not, and what happens next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio
import msgspec

from s2fetch.archive.archive import archive_holder, is_archive
from s2fetch.archive.history import Moment, read_history
from s2fetch.archive.layout import Layout
from s2fetch.archive.part import PartFile
from s2fetch.archive.presence import recorded_file
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.archive.sidecar import read_sidecar
from s2fetch.clock import timestamp
from s2fetch.config.values import OnMissing
from s2fetch.errors import HubError, QueryError, UnsafeNameError, UsageError
from s2fetch.hub.base import Hub
from s2fetch.lists.rows import is_identifier
from s2fetch.lockfile import Holder
from s2fetch.product import Product
from s2fetch.query import Query
from s2fetch.sync.conditions import Check, compare
from s2fetch.sync.planner import Verdict, plan

MOST_MOMENTS = 200
"""Of a product's history, the last ones."""
_ENDINGS = ("", ".SAFE", ".SEN3", ".nc", ".EOF", ".SEN6", ".DEM")
"""What may be missing at the end of a name that was typed."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """The catalogue's row: size in bytes, times in ISO 8601."""

    id: str
    name: str
    size: int | None
    checksum: str
    online: bool
    sensing_start: str
    published: str
    modified: str


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """The recorded file, size in bytes; ``untouched`` when size and time are as once verified."""

    path: str
    exists: bool
    size: int = 0
    modified: str = ""
    untouched: bool = False


class Begun(msgspec.Struct, frozen=True):
    """What has arrived of a product that is not whole: bytes, of so many where that is known."""

    size: int
    total: int | None


class Explanation(msgspec.Struct, kw_only=True):
    """What is known of one product.

    Attributes:
        asked: What was asked for.
        id: Its identifier.
        name: Its name.
        archive: The archive's folder.
        exists: Whether there is an archive in it; a sync makes it.
        holder: Who works on the archive now.
        matches: Whether the query selects it; None when that could not be asked.
        conditions: Of the query, those that were asked one by one because it does not.
        listed: The catalogue's row, or None when there is none.
        catalogue_asked: Whether the catalogue was asked and answered.
        catalogue_error: Why it could not be asked, or empty.
        same_name: Identifiers of other products of that name.
        record: What the progress file says.
        stored: The recorded file.
        partial: What has arrived of it.
        history: What was decided and tried, oldest first.
        verdict: What a sync would decide, one of `planner.Verdict`; empty when it would not see it.
        next_step: What happens next, a sentence without its full stop.
        next_time: Not before this, ISO 8601; empty for the next sync.
        next_run: When the daemon that keeps the archive looks at it again, ISO 8601; empty when
            that is not known, or never.
    """

    asked: str
    id: str = ""
    name: str = ""
    archive: str = ""
    exists: bool = True
    holder: Holder | None = None
    matches: bool | None = None
    conditions: list[Check] = msgspec.field(default_factory=list)
    listed: Listed | None = None
    catalogue_asked: bool = False
    catalogue_error: str = ""
    same_name: list[str] = msgspec.field(default_factory=list)
    record: Record | None = None
    stored: Stored | None = None
    partial: Begun | None = None
    history: list[Moment] = msgspec.field(default_factory=list)
    verdict: str = ""
    next_step: str = ""
    next_time: str = ""
    next_run: str = ""


async def explain(
    hub: Hub | None,
    root: Path,
    layout: Layout,
    query: Query,
    asked: str,
    on_missing: OnMissing,
) -> Explanation:
    """Put together what archive and catalogue know of a product. Changes nothing; needs no lock.

    Args:
        hub: Whom to ask; None to ask nobody.
        root: The archive's folder.
        layout: Where products lie in it.
        query: What the configuration looks for.
        asked: Name or identifier of the product, or the path of its file.
        on_missing: What is to be done about products whose files are gone.

    Raises:
        UsageError: If neither the archive nor the catalogue knows such a product.
        ArchiveError: If the archive cannot be read.
    """
    told = Explanation(asked=asked, archive=str(root))
    await anyio.to_thread.run_sync(partial(_read_record, told, root))
    product: Product | None = None
    if hub is not None:
        try:
            product = await _listed(hub, told)
            if product is not None:
                told.matches, told.conditions = await compare(hub, query, product)
            told.catalogue_asked = True
        except (HubError, QueryError) as error:
            told.catalogue_error = str(error)
    if not told.name:
        raise _unknown(told)
    await anyio.to_thread.run_sync(partial(_read_files, told, root, layout, product))
    await anyio.to_thread.run_sync(_tell_next, told, product, root, on_missing)
    if told.verdict in _FETCHED and query.limit is not None:
        told.next_step += f", if it is among the first {query.limit:,} of the query (limit)"
    return told


def _read_record(told: Explanation, root: Path) -> None:
    told.exists = is_archive(root)
    told.holder = archive_holder(root) if told.exists else None
    with ProgressFile.load(root, False) as progress:
        found = dict(_records(progress, told.asked))
    wanted = [product_id for product_id in found if product_id == told.asked]
    # Of several products of one name, the one that is on disk is meant.
    ids = wanted or sorted(found, key=lambda i: found[i].state is not State.COMPLETE)
    if ids:
        told.id, told.record = ids[0], found[ids[0]]
        told.name = told.record.name
        told.same_name = ids[1:]


def _records(progress: ProgressFile, asked: str) -> Iterator[tuple[str, Record]]:
    record = progress.get(asked)
    if record is not None:
        yield asked, record
        return
    names = _names(asked)
    for product_id, record in progress.items():
        if record.name in names:
            yield product_id, record


def _names(asked: str) -> list[str]:
    """Names that may be meant: without a folder and ``.zip``, with an ending that was left out."""
    name = Path(asked).name.removesuffix(".zip")
    return [name + ending for ending in _ENDINGS]


async def _listed(hub: Hub, told: Explanation) -> Product | None:
    """The catalogue's row of the product, if there is one."""
    rows = await hub.by_name([told.name] if told.name else _names(told.asked))
    if not rows and not told.name and is_identifier(told.asked):
        async with hub.search(Query(collection="", ids=(told.asked,))) as products:
            rows = [product async for product in products]
    if not told.id and rows:
        told.id, told.name = rows[0].id, rows[0].name
    others = [row.id for row in rows if row.id != told.id and row.name == told.name]
    told.same_name = list(dict.fromkeys([*told.same_name, *others]))
    product = next((row for row in rows if row.id == told.id), None)
    if product is not None:
        told.listed = Listed(
            id=product.id,
            name=product.name,
            size=product.size,
            checksum=str(product.best_checksum or ""),
            online=product.online,
            sensing_start=timestamp(product.sensing_start),
            published=timestamp(product.published),
            modified=timestamp(product.modified),
        )
    return product


def _unknown(told: Explanation) -> UsageError:
    if not told.exists and not told.catalogue_asked:
        asked = f", and the catalogue could not be asked: {told.catalogue_error}"
        return UsageError(
            f"there is no archive in {told.archive} that could know a product {told.asked!r}"
            f"{asked if told.catalogue_error else ''}",
            advice="Check the folder (--into); s2fetch sync makes an archive",
        )
    if told.catalogue_error:
        return UsageError(
            f"the archive knows no product {told.asked!r}, and the catalogue could not be asked: "
            f"{told.catalogue_error}"
        )
    known = "neither archive nor catalogue know" if told.exists else "the catalogue does not know"
    besides = "" if told.exists else f", and there is no archive in {told.archive}"
    return UsageError(
        f"{known} a product {told.asked!r}{besides}",
        advice="Give its whole name, or the identifier of one that a sync has met before",
    )


def _read_files(told: Explanation, root: Path, layout: Layout, product: Product | None) -> None:
    record = told.record
    if record is not None and record.path:
        told.stored = _stored(root, record)
    told.partial = _partial(root, layout, product or Product(id=told.id, name=told.name))
    told.history = read_history(root, told.id, told.name, most=MOST_MOMENTS)


def _stored(root: Path, record: Record) -> Stored:
    file = recorded_file(root, record)
    if file is None:
        return Stored(path=record.path, exists=False)
    return Stored(
        path=record.path,
        exists=True,
        size=file.size,
        modified=timestamp(datetime.fromtimestamp(file.mtime_ns // 10**9, UTC)),
        untouched=(file.size, file.mtime_ns) == (record.size, record.mtime_ns),
    )


def _partial(root: Path, layout: Layout, product: Product) -> Begun | None:
    try:
        part = PartFile(root / layout.folder_for(product), product)
        sidecar = read_sidecar(part.sidecar_path, product)
        size = part.path.stat().st_size
    except (UnsafeNameError, OSError):
        return None
    return Begun(size, sidecar.total) if sidecar is not None else None


def _tell_next(
    told: Explanation, product: Product | None, root: Path, on_missing: OnMissing
) -> None:
    record = told.record
    if record is not None and record.retrieval is not None:
        told.next_time = record.retrieval.next or ""
    if product is None:
        told.next_step = _without_row(told)
    elif told.matches is False:
        told.next_step = "nothing: the query of this configuration does not select it"
    else:
        file = recorded_file(root, record) if record is not None and record.path else None
        decision = plan(product, record, file, on_missing=on_missing)
        told.verdict = decision.verdict
        told.next_step = _STEPS[decision.verdict].format(reason=decision.reason)


_STEPS = {
    Verdict.HAVE: "nothing: it is {reason}",
    Verdict.RECORD: "the next sync brings its record up to date: {reason}",
    Verdict.VERIFY: "the next sync hashes its file: {reason}",
    Verdict.FETCH: "the next sync fetches it: {reason}",
    Verdict.OFFLINE: "the next sync asks for it, or looks whether it is back: {reason}",
    Verdict.CONSUMED: "nothing, unless --renew is given: {reason}",
    Verdict.QUARANTINED: "nothing until the catalogue changes, or --renew is given: {reason}",
}


_FETCHED = frozenset({Verdict.FETCH, Verdict.OFFLINE, Verdict.VERIFY})


def _without_row(told: Explanation) -> str:
    if not told.catalogue_asked:
        return "depends on the catalogue, which was not asked"
    record = told.record
    where = "it is on disk, and " if record is not None and record.state is State.COMPLETE else ""
    if record is not None and record.withdrawn is not None:
        return f"nothing: {where}the hub has withdrawn it"
    return f"nothing: {where}the catalogue does not list it any more"
