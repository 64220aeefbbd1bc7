"""Proof of completeness: the catalogue against the archive, per day and per tile, with every gap.

Nothing is fetched, hashed or changed, and no lock is needed. A product counts as complete when its
record says so and its file has the size and time of its verification. What a sync does meanwhile
may be seen or not.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC
from enum import StrEnum
from functools import partial
from hashlib import blake2b
from itertools import islice
from pathlib import Path

import anyio
import msgspec

from s2fetch.archive.layout import FIELDS, UNKNOWN
from s2fetch.archive.presence import FileState
from s2fetch.archive.progress import ProgressFile
from s2fetch.archive.records import Record, State
from s2fetch.clock import Clock, timestamp
from s2fetch.config.values import OnMissing
from s2fetch.errors import ExitCode, QueryError
from s2fetch.events import EventBus
from s2fetch.hub.base import Hub
from s2fetch.product import Product
from s2fetch.query import Query
from s2fetch.selection import selected
from s2fetch.sync.batches import BATCH_PRODUCTS, batches
from s2fetch.sync.planner import Plan, Verdict, plan
from s2fetch.sync.preview import look_up

MOST_LISTED = 1000
"""Gaps listed one by one in a report; the counts are always whole."""


class Reason(StrEnum):
    """Why the archive and the catalogue do not agree about a product."""

    UNRECORDED = "not-recorded"
    """No sync has come to it."""
    WAITING = "waiting"
    """Offline; waits for its retrieval."""
    FAILED = "failed"
    """The last sync gave it up."""
    QUARANTINED = "quarantined"
    """The hub delivered the same wrong bytes twice."""
    MISSING = "file-missing"
    """It was here and verified; its file is gone."""
    CHANGED = "file-changed"
    """Its file was touched since it was verified, or has another size."""
    OUTDATED = "outdated"
    """The catalogue lists another checksum now."""
    WITHDRAWN = "withdrawn"
    """The archive has or wants it, but the catalogue does not list it any more. No gap."""
    CONSUMED = "consumed"
    """It was here and verified; its file is gone, and that is to be left so. No gap."""


_TROUBLE = frozenset(
    {Reason.FAILED, Reason.QUARANTINED, Reason.MISSING, Reason.CHANGED, Reason.OUTDATED}
)
"""Gaps that do not close by waiting alone."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One product about which archive and catalogue do not agree.

    Attributes:
        reason: Why.
        id: The product.
        name: Its name.
        day: Of its sensing, ISO 8601, or ``unknown``.
        tile: Its MGRS tile, or ``unknown``.
        since: Since when, ISO 8601; empty where nobody knows.
        detail: The same for people.
    """

    reason: Reason
    id: str
    name: str
    day: str
    tile: str
    since: str = ""
    detail: str = ""


class Coverage(msgspec.Struct, kw_only=True):
    """How much of one day, or of one tile, is here.

    Attributes:
        key: The day, ISO 8601, or the tile.
        listed: Products the catalogue lists.
        complete: Of these, on disk and verified, or consumed.
        waiting: Of these, waiting for their retrieval.
        missing: The rest.
    """

    key: str
    listed: int = 0
    complete: int = 0
    waiting: int = 0
    missing: int = 0


class AuditReport(msgspec.Struct, kw_only=True):
    """What an audit found. Sizes in bytes.

    Attributes:
        exit_code: `ExitCode.OK` only when everything the catalogue lists is on disk and verified.
        archive: The archive's folder.
        query: As it is sent to the hub.
        at: When the audit began, ISO 8601.
        seconds: How long it took.
        listed: Products the catalogue lists and that are wanted.
        superseded: Products it lists besides, which are left out for better versions.
        listed_bytes: Their listed sizes together.
        complete: Of these, on disk and verified, or consumed.
        complete_bytes: The sizes of their files.
        reasons: How many products there are for each reason.
        unselected: Products that are recorded and in the catalogue, but not selected by the query.
        missing_names: Names and identifiers asked for that the hub does not know.
        days: By day of sensing, oldest first.
        tiles: By tile; empty for products that have none.
        gaps: The first gaps.
    """

    exit_code: int = ExitCode.OK
    archive: str = ""
    query: str = ""
    at: str = ""
    seconds: float = 0.0
    listed: int = 0
    superseded: int = 0
    listed_bytes: int = 0
    complete: int = 0
    complete_bytes: int = 0
    reasons: dict[str, int] = msgspec.field(default_factory=dict)
    unselected: int = 0
    missing_names: list[str] = msgspec.field(default_factory=list)
    days: list[Coverage] = msgspec.field(default_factory=list)
    tiles: list[Coverage] = msgspec.field(default_factory=list)
    gaps: list[Gap] = msgspec.field(default_factory=list)


class Audit:
    """Audits one archive.

    Args:
        hub: Whose catalogue.
        root: The archive's folder.
        query: What should be there.
        on_missing: What is to be done about products whose files are gone.
        clock: Where the time comes from.
        events: Who is told about superseded products.
        on_gap: Called with every gap and every withdrawn product as it is found; must not block.
    """

    def __init__(
        self,
        hub: Hub,
        root: Path,
        query: Query,
        *,
        on_missing: OnMissing,
        clock: Clock,
        events: EventBus,
        on_gap: Callable[[Gap], object] | None = None,
    ) -> None:
        self._hub = hub
        self._root = root
        self._query = query
        self._on_missing = on_missing
        self._clock = clock
        self._events = events
        self._on_gap = on_gap
        self._days: dict[str, Coverage] = {}
        self._tiles: dict[str, Coverage] = {}
        self._reasons: Counter[str] = Counter()
        self._seen = SeenIds()
        self.report = AuditReport(archive=str(root), query=hub.describe(query))

    async def run(self) -> AuditReport:
        """Compare everything.

        Raises:
            QueryError: If the query cannot match anything.
            HubError: If the catalogue cannot be read completely; a part would prove nothing.
            ArchiveError: If the archive cannot be read.
        """
        started = self._clock.monotonic()
        self.report.at = timestamp(self._clock.now())
        progress = await anyio.to_thread.run_sync(ProgressFile.load, self._root, False)
        try:
            async with selected(self._hub, self._query, events=self._events) as products:
                async for batch in batches(products):
                    found = await anyio.to_thread.run_sync(look_up, progress, self._root, batch)
                    for product, (record, file) in zip(batch, found, strict=True):
                        self._add(product, record, file)
                self.report.superseded = products.superseded
                self.report.missing_names = products.missing
            await self._explain_empty()
            await anyio.to_thread.run_sync(self._seen.close)
            await self._find_withdrawn(progress)
        finally:
            progress.close()
        self._finish(self._clock.monotonic() - started)
        return self.report

    def _add(self, product: Product, record: Record | None, file: FileState | None) -> None:
        report = self.report
        report.listed += 1
        report.listed_bytes += product.size or 0
        self._seen.add(product.id)
        day, tile = day_of(product), FIELDS["tile"](product)
        coverages = [self._days.setdefault(day, Coverage(key=day))]
        if tile != UNKNOWN:
            coverages.append(self._tiles.setdefault(tile, Coverage(key=tile)))
        decision = plan(product, record, file, on_missing=self._on_missing)
        gap = _gap(decision, product, record, file, day, tile)
        for coverage in coverages:
            coverage.listed += 1
            coverage.complete += gap is None
            coverage.waiting += gap is not None and gap.reason is Reason.WAITING
            coverage.missing += gap is not None and gap.reason is not Reason.WAITING
        if gap is not None:
            self._tell(gap)
        elif record is not None:
            report.complete += 1
            if decision.verdict is Verdict.CONSUMED:
                self._reasons[Reason.CONSUMED] += 1
            else:
                report.complete_bytes += record.size

    def _tell(self, gap: Gap) -> None:
        self._reasons[gap.reason] += 1
        if len(self.report.gaps) < MOST_LISTED:
            self.report.gaps.append(gap)
        if self._on_gap is not None:
            self._on_gap(gap)

    async def _explain_empty(self) -> None:
        """An archive of nothing is complete only if nothing is really what was meant."""
        if self.report.listed or self.report.missing_names:
            return
        reason = await self._hub.explain_empty(self._query)
        if reason:
            raise QueryError(f"nothing matches: {reason}")

    async def _find_withdrawn(self, progress: ProgressFile) -> None:
        """Records the listing did not have: of other queries, or withdrawn by the hub."""
        records = (pair for pair in progress.items() if pair[0] not in self._seen)
        while batch := await anyio.to_thread.run_sync(partial(_take, records)):
            rows = await self._hub.by_name(list({record.name for _, record in batch}))
            there = {row.id for row in rows}
            for product_id, record in batch:
                if product_id in there:
                    self.report.unselected += 1
                else:
                    self._tell(_withdrawn(product_id, record))

    def _finish(self, seconds: float) -> None:
        report = self.report
        report.seconds = round(seconds, 3)
        report.days = [self._days[key] for key in sorted(self._days)]
        report.tiles = [self._tiles[key] for key in sorted(self._tiles)]
        report.reasons = {str(reason): self._reasons[reason] for reason in Reason}
        if report.missing_names or any(self._reasons[reason] for reason in _TROUBLE):
            report.exit_code = ExitCode.FAILED
        elif report.complete < report.listed:
            report.exit_code = ExitCode.WAITING


class SeenIds:
    """Remembers identifiers in eight bytes each: a digest of 64 bits.

    Among a million products, two share a digest once in forty million audits.
    """

    def __init__(self) -> None:
        self._buckets = [array("Q") for _ in range(256)]

    def add(self, product_id: str) -> None:
        """Remember one."""
        digest = _digest(product_id)
        self._buckets[digest & 255].append(digest)

    def close(self) -> None:
        """Get ready to be asked; nothing is added any more. Blocking."""
        self._buckets = [array("Q", sorted(bucket)) for bucket in self._buckets]

    def __contains__(self, product_id: str) -> bool:
        digest = _digest(product_id)
        bucket = self._buckets[digest & 255]
        index = bisect_left(bucket, digest)
        return index < len(bucket) and bucket[index] == digest


def day_of(product: Product) -> str:
    """The day a product was sensed, in UTC, by the catalogue or else by its name."""
    if product.sensing_start is not None:
        return product.sensing_start.astimezone(UTC).date().isoformat()
    year, month, day = (FIELDS[field](product) for field in ("year", "month", "day"))
    return UNKNOWN if UNKNOWN in (year, month, day) else f"{year}-{month}-{day}"


def _gap(
    decision: Plan,
    product: Product,
    record: Record | None,
    file: FileState | None,
    day: str,
    tile: str,
) -> Gap | None:
    """What is not as it should be with a product that is listed; None when it is complete."""
    if decision.verdict in (Verdict.HAVE, Verdict.RECORD, Verdict.CONSUMED):
        return None
    reason, since, detail = Reason.UNRECORDED, "", "" if product.online else "it is offline"
    if record is not None:
        reason, since, detail = _why(record, file, decision.healed or decision.reason)
    return Gap(
        reason=reason,
        id=product.id,
        name=product.name,
        day=day,
        tile=tile,
        since=since,
        detail=detail,
    )


def _why(record: Record, file: FileState | None, decided: str) -> tuple[Reason, str, str]:
    """Reason, time and words for a product that is recorded and not complete."""
    failure, retrieval = record.failure, record.retrieval
    if record.state is State.WAITING:
        since = retrieval.since if retrieval else ""
        return Reason.WAITING, since, f"retrieval {retrieval.state}" if retrieval else ""
    if record.state is State.CONSUMED:
        return Reason.MISSING, "", decided
    if record.state is not State.COMPLETE:
        quarantined = record.state is State.QUARANTINED
        return (
            Reason.QUARANTINED if quarantined else Reason.FAILED,
            failure.at if failure else "",
            f"{failure.code}: {failure.message}" if failure else decided,
        )
    if file is None:
        return Reason.MISSING, "", f"{record.path} is missing"
    if (file.size, file.mtime_ns) == (record.size, record.mtime_ns):
        return Reason.OUTDATED, "", decided
    return Reason.CHANGED, "", decided


def _withdrawn(product_id: str, record: Record) -> Gap:
    product = Product(id=product_id, name=record.name)
    known = record.withdrawn
    place = f"never fetched, {record.state}"
    if record.state is State.COMPLETE:
        place = f"on disk as {record.path}"
    elif known is not None and known.trash:
        place = f"its file is {known.trash}"
    elif record.verified:
        place = "its file is not here any more"
    return Gap(
        reason=Reason.WITHDRAWN,
        id=product_id,
        name=record.name,
        day=day_of(product),
        tile=FIELDS["tile"](product),
        since=known.at if known is not None else "",
        detail=f"{known.cause}; {place}" if known is not None and known.cause else place,
    )


def _take(records: Iterator[tuple[str, Record]]) -> list[tuple[str, Record]]:
    return list(islice(records, BATCH_PRODUCTS))


def _digest(product_id: str) -> int:
    return int.from_bytes(blake2b(product_id.encode(), digest_size=8).digest())
