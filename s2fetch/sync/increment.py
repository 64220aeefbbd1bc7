"""Asking for changes only: since when, what else is unsettled, and when everything is due again.

The watermark is the moment before the listing of a run that came to its end. By then every product
that was listed is settled: on disk, or recorded with what it waits for. Those that are not on disk
are asked for by name in the next run, so that one failure does not replay the whole period.

The hub's time of modification decides, not the time of sensing: it covers new products, late
checksums and reprocessed ones of old acquisitions (Copernicus Data Space documentation, OData,
``ModificationDate``).
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta

import anyio
import msgspec

from s2fetch.archive.archive import Archive
from s2fetch.archive.records import State
from s2fetch.clock import Clock, timestamp
from s2fetch.config.values import IncrementConfig
from s2fetch.events import EventBus, GapFound, IncrementPlanned
from s2fetch.hub.base import Hub
from s2fetch.product import Product
from s2fetch.query import Order, Query, VersionPolicy

WATERMARK = "watermark"
"""Key of the progress file."""
NAMES_AT_ONCE = 500
_UNSETTLED = frozenset({State.FAILED, State.WAITING, State.QUARANTINED})

Search = Callable[[Query], AbstractAsyncContextManager[AsyncIterator[Product]]]
"""Lists what matches a query."""


class Watermark(msgspec.Struct, frozen=True, kw_only=True):
    """Up to when an archive has everything settled. Times are ISO 8601 in UTC.

    Attributes:
        query: Of which selection; another one begins anew.
        settled: The moment before the listing of the last run that came to its end.
        full: The same of the last run that listed everything.
        sensing_from: Of the selection; empty for no such limit. A selection that begins later is
            part of this one, as that of ``from = "-90d"`` becomes with every day.
        published_from: The same for the time of publication.
    """

    query: str
    settled: str
    full: str
    sensing_from: str = ""
    published_from: str = ""


class Increment:
    """What one run asks the catalogue for.

    Args:
        hub: Asked for what is unsettled, by name.
        search: How the catalogue is listed.
        archive: Open.
        query: The whole selection.
        settings: How far to look back, how often to look at everything.
        clock: Where the time comes from.
        events: Who is told.
    """

    def __init__(
        self,
        hub: Hub,
        search: Search,
        archive: Archive,
        query: Query,
        settings: IncrementConfig,
        *,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._hub = hub
        self._search = search
        self._archive = archive
        self._query = query
        self._settings = settings
        self._overlap = timedelta(seconds=settings.overlap_seconds)
        self._clock = clock
        self._events = events
        self._before: Watermark | None = None
        self._begun: datetime | None = None
        self.since: datetime | None = None

    @asynccontextmanager
    async def products(self) -> AsyncIterator[AsyncIterator[Product]]:
        """What has to be looked at; as `hub.base.Hub.search`."""
        self._begun = self._clock.now()
        self._before = read_watermark(self._archive.progress.meta, self._query)
        reason = self._why_everything(self._begun)
        if reason or self._before is None:
            self._events.emit(IncrementPlanned(since="", unsettled=0, reason=reason))
            async with self._search(self._query) as listed, aclosing(self._counted(listed)) as all_:
                yield all_
            return
        self.since = datetime.fromisoformat(self._before.settled) - self._overlap
        names = await anyio.to_thread.run_sync(self._unsettled)
        since = timestamp(self.since)
        self._events.emit(
            IncrementPlanned(since=since, unsettled=len(names), reason="changes only")
        )
        changes = msgspec.structs.replace(self._query, modified_from=self.since)
        async with self._search(changes) as listed, aclosing(self._both(names, listed)) as both:
            yield both

    async def settle(self) -> None:
        """Move the watermark; only after a run that came to its end with everything recorded.

        Raises:
            ArchiveError: If it cannot be recorded.
        """
        if self._begun is None:
            return
        begun = timestamp(self._begun)
        full = begun if self.since is None or self._before is None else self._before.full
        mark = Watermark(
            query=fingerprint(self._query),
            settled=begun,
            full=full,
            sensing_from=timestamp(self._query.sensing_from),
            published_from=timestamp(self._query.published_from),
        )
        value = msgspec.to_builtins(mark)
        await anyio.to_thread.run_sync(self._archive.progress.set_meta, WATERMARK, value)

    def _why_everything(self, now: datetime) -> str:
        """Why changes are not enough this time, or an empty text."""
        if self._query.names or self._query.ids or self._query.limit is not None:
            return "a selection by name or with a limit is always listed as a whole"
        if self._query.versions is not VersionPolicy.ALL:
            return "a choice of versions takes all of them to be listed"
        if self._before is None:
            return "this selection has not been listed as a whole yet"
        full = datetime.fromisoformat(self._before.full)
        settled = datetime.fromisoformat(self._before.settled)
        if settled > now:
            return "the clock has been set back since the last run"
        if (now - full).total_seconds() >= self._settings.recount_seconds:
            return f"everything was last listed at {self._before.full}"
        return ""

    def _unsettled(self) -> list[str]:
        """Names of the products that were listed before and are not on disk."""
        progress = self._archive.progress
        counts = progress.counts()
        if not any(counts[state].count for state in _UNSETTLED):
            return []
        return [record.name for _, record in progress.items() if record.state in _UNSETTLED]

    async def _both(
        self, names: list[str], listed: AsyncIterator[Product]
    ) -> AsyncGenerator[Product]:
        """What is unsettled, then what has changed, nothing twice."""
        seen: set[str] = set()
        for start in range(0, len(names), NAMES_AT_ONCE):
            # By the whole query: what another selection has left behind is not wanted any more.
            some = tuple(names[start : start + NAMES_AT_ONCE])
            async with self._hub.search(msgspec.structs.replace(self._query, names=some)) as found:
                async for product in found:
                    if product.id in self._archive.progress and product.id not in seen:
                        seen.add(product.id)
                        yield product
        async for product in listed:
            if product.id not in seen:
                yield product

    async def _counted(self, listed: AsyncIterator[Product]) -> AsyncGenerator[Product]:
        """Everything; tells what the increments since the last time should have brought."""
        async for product in listed:
            reason = self._gap(product)
            if reason:
                self._events.emit(GapFound(product=product, reason=reason))
            yield product

    def _gap(self, product: Product) -> str:
        before = self._before
        if before is None or product.modified is None or before.settled == before.full:
            return ""
        reach = datetime.fromisoformat(before.settled) - self._overlap
        if product.modified >= reach:
            return ""  # it may have appeared later, and the next increment would have brought it
        if product.id in self._archive.progress:
            return ""
        return (
            f"the catalogue dates it {timestamp(product.modified)}, but up to {before.settled} it "
            "was in no list of changes"
        )


def read_watermark(meta: dict[str, object], query: Query) -> Watermark | None:
    """The watermark of a selection, or None when there is none for exactly this one."""
    try:
        mark = msgspec.convert(meta.get(WATERMARK), Watermark)
        times = [_time(mark.settled), _time(mark.full)]
        begins = [_time(mark.sensing_from), _time(mark.published_from)]
    except (msgspec.ValidationError, ValueError):
        return None
    if None in times or mark.query != fingerprint(query):
        return None
    own = [query.sensing_from, query.published_from]
    return mark if all(map(_is_part, own, begins)) else None


def is_within(query: Query, whole: Query) -> bool:
    """Whether a selection is another one that, if anything, begins later."""
    own = [query.sensing_from, query.published_from]
    begins = [whole.sensing_from, whole.published_from]
    return fingerprint(query) == fingerprint(whole) and all(map(_is_part, own, begins))


def fingerprint(query: Query) -> str:
    """Tells selections apart; neither their order nor where they begin matters."""
    plain = msgspec.structs.replace(
        query,
        order=Order.SENSING,
        newest_first=False,
        modified_from=None,
        sensing_from=None,
        published_from=None,
    )
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()[:16]


def _time(text: str) -> datetime | None:
    """An aware time, or None for an empty text; raises `ValueError`."""
    if not text:
        return None
    time = datetime.fromisoformat(text)
    if time.tzinfo is None or time > datetime.max.replace(tzinfo=UTC):
        raise ValueError(f"{text} is not a time in UTC")
    return time


def _is_part(begin: datetime | None, whole: datetime | None) -> bool:
    """Whether a period that begins then is part of one that begins at the other time, if any."""
    return whole is None or (begin is not None and begin >= whole)
