"""The catalogue of a hub: search by OpenSearch, completed from OData.

Pages are computed, as the links in the answers lose their order; they are ordered by time and,
where that is the same, by identifier. Listings of any length are read in windows of time (see
`hub.windows`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import datetime
from functools import partial

import msgspec
from anyio.abc import TaskGroup

from s2fetch.area import relation
from s2fetch.clock import Clock
from s2fetch.errors import CatalogueError, QueryError
from s2fetch.events import CatalogueCounted, EventBus
from s2fetch.hub.base import Deletion
from s2fetch.hub.deletions import walk
from s2fetch.hub.dhus.answers import parse_feed
from s2fetch.hub.dhus.deletions import read_deletions
from s2fetch.hub.dhus.details import Details
from s2fetch.hub.dhus.opensearch import encoded, order_of, parts_of, text_of
from s2fetch.hub.dhus.recheck import is_exact, still_matches
from s2fetch.hub.dhus.requests import Requests
from s2fetch.hub.doubts import explain
from s2fetch.hub.listings import by_eviction, limited, merged, position
from s2fetch.hub.odata import axis_of
from s2fetch.hub.parts import whole_listing
from s2fetch.hub.rows import Page
from s2fetch.hub.window import Window
from s2fetch.hub.windows import PASSES, Listing
from s2fetch.product import Product, without_attributes
from s2fetch.query import Order, Query
from s2fetch.taskgroups import one_error_task_group

MOST_ROWS = 99
"""Rows of a page: hubs refuse more than 100, and meter how often pages of 100 are asked for."""
PAGE_ROWS = MOST_ROWS - 1
"""Of which so many are new, as pages of long listings overlap by one."""
WINDOW_ROWS = 100 * PAGE_ROWS
"""Rows that are read of one window: an index answers the more slowly the further one pages."""
MOST_REMEMBERED = 10_000
"""Products that were looked up by name while offline, which are looked up again soon."""


class DhusCatalogue:
    """The catalogue's part of `hub.base.Hub`.

    Args:
        requests: Makes requests with an account.
        url: Root of the hub.
        clock: Where the time comes from.
        events: Who is told about counts.
    """

    def __init__(self, requests: Requests, url: str, *, clock: Clock, events: EventBus) -> None:
        self.url = url
        self._requests = requests
        self._details = Details(requests, url)
        self._clock = clock
        self._events = events
        self._offline: dict[str, list[Product]] = {}

    @asynccontextmanager
    async def search(
        self, query: Query, *, attributes: bool = False
    ) -> AsyncIterator[AsyncIterator[Product]]:
        """See `Hub.search`."""
        async with (
            one_error_task_group() as group,
            aclosing(self._matches(_Search(group, attributes), query)) as products,
        ):
            yield products
            group.cancel_scope.cancel()

    async def count(self, query: Query) -> int:
        """See `Hub.count`. What the hub cannot count exactly is listed and counted here."""
        if is_exact(query):
            return sum([await self._count(part) for part in parts_of(query)])
        whole = msgspec.structs.replace(query, order=Order.SENSING, limit=None)
        async with one_error_task_group() as group:
            search = _Search(group, attributes=True, details=False)
            async with aclosing(self._matches(search, whole)) as products:
                total = 0
                async for _ in products:
                    total += 1
            group.cancel_scope.cancel()
        return total

    async def by_name(self, names: Sequence[str]) -> list[Product]:
        """See `Hub.by_name`. Products that were offline are only asked whether they are so still.

        What the hub says of a product when it is back counts: a restored product may have another
        length and another checksum.
        """
        known = [product for name in names for product in self._offline.get(name, ())]
        there = await self._details.find(product.id for product in known)
        found = [there[product.id].added_to(product) for product in known if product.id in there]
        have = {product.name for product in found}
        missing = tuple(dict.fromkeys(name for name in names if name not in have))
        if missing:
            search = Query(collection="", names=missing)
            async with self.search(search, attributes=True) as products:
                found += [product async for product in products]
        self._remember(names, found)
        return found

    def deletions(self, collection: str, since: datetime) -> AsyncGenerator[Deletion]:
        """See `Hub.deletions`. The list is not divided into collections; identifiers are unique."""
        del collection
        return walk(partial(read_deletions, self._requests, self.url), since, page_rows=PAGE_ROWS)

    async def explain_empty(self, query: Query) -> str:
        """See `Hub.explain_empty`: asks for the collection, then for values."""
        if not query.collection:
            return ""
        if not await self._count(Query(collection=query.collection)):
            return f"the hub has no products of {query.collection}"
        return await explain(query, self._has_any)

    async def _has_any(self, query: Query) -> bool:
        try:
            return bool(await self._count(query))
        except QueryError:
            return False  # the index has no such field

    def describe(self, query: Query) -> str:
        """See `Hub.describe`."""
        order = order_of(axis_of(query), descending=query.newest_first)
        written = f"q={text_of(query)}&orderby={order}"
        if relation.is_needed(query):
            written += f" (then footprints are tested here: {relation.described(query)})"
        return written

    def _remember(self, names: Sequence[str], found: list[Product]) -> None:
        """Keep what an offline product's name stands for, so that only its state is asked again."""
        for name in names:
            self._offline.pop(name, None)
        for product in found:
            if not product.online and len(self._offline) < MOST_REMEMBERED:
                slim = msgspec.structs.replace(product, footprint=None)
                self._offline.setdefault(product.name, []).append(slim)

    async def _matches(self, search: _Search, query: Query) -> AsyncGenerator[Product]:
        if query.order is Order.EVICTION:
            whole = msgspec.structs.replace(query, order=Order.SENSING, limit=None)
            source = by_eviction(lambda: self._matches(search, whole))
        elif query.names or query.ids:
            source = self._named(search, query)
        else:
            source = self._ordered(search, query)
        async with aclosing(limited(source, query.limit)) as products:
            async for product in products:
                yield product if search.attributes else without_attributes(product)

    async def _ordered(self, search: _Search, query: Query) -> AsyncGenerator[Product]:
        """What matches the query or any of the parts it has to be asked in, in order."""
        parts = parts_of(query)
        read = self._first_rows if _wants_few(query) else self._all
        async with AsyncExitStack() as stack:
            sources = [
                await stack.enter_async_context(aclosing(read(search, part))) for part in parts
            ]
            products = merged(sources, partial(position, query), descending=query.newest_first)
            async for product in products if len(sources) > 1 else sources[0]:
                yield product

    async def _named(self, search: _Search, query: Query) -> AsyncGenerator[Product]:
        found: dict[str, Product] = {}
        for part in parts_of(query):
            async with aclosing(self._first_rows(search, part)) as products:
                found.update([(product.id, product) async for product in products])
        in_order = sorted(found.values(), key=partial(position, query), reverse=query.newest_first)
        for product in in_order:
            yield product

    async def _all(self, search: _Search, query: Query) -> AsyncGenerator[Product]:
        async def read_page(
            window: Window, *, skip: int, top: int, descending: bool, count: bool
        ) -> Page:
            del count  # which every answer has
            rows = 0 if top == 1 else top
            page = await self._page(query, window, skip, rows, descending=descending)
            return await self._completed(search, page)

        listing = Listing(
            read_page,
            whole_listing(query),
            descending=query.newest_first,
            now=self._clock.now(),
            page_rows=PAGE_ROWS,
            window_rows=WINDOW_ROWS,
            overlapping=True,
        )
        async with aclosing(listing.pages(search.group)) as pages:
            async for page in pages:
                if listing.counted is not None and search.counts.get(query) != listing.counted:
                    search.counts[query] = listing.counted
                    self._events.emit(CatalogueCounted(count=sum(search.counts.values())))
                for product in page:
                    if still_matches(query, product):
                        yield product

    async def _first_rows(self, search: _Search, query: Query) -> AsyncGenerator[Product]:
        """Page after page, no further than somebody wants to read: for a few matches."""
        seen: set[str] = set()
        start = tries = 0
        rows = min(query.limit or MOST_ROWS, MOST_ROWS)
        while True:
            window = whole_listing(query)
            page = await self._page(query, window, start, rows, descending=query.newest_first)
            for product in (await self._completed(search, page)).products:
                if product.id not in seen:
                    seen.add(product.id)
                    if still_matches(query, product):
                        yield product
            total = page.count or 0
            if start + len(page.products) >= total:
                return
            if len(page.products) == rows:
                start, tries = start + rows, 0
            elif (tries := tries + 1) == PASSES:
                raise CatalogueError(
                    f"the hub lists {len(page.products)} of {rows} products and says that more "
                    "follow",
                    did=f"Asked {PASSES} times",
                    advice="Run the same command again later; what was fetched is kept",
                )

    async def _completed(self, search: _Search, page: Page) -> Page:
        if not search.details:
            return page
        products = await self._details.complete(page.products)
        return msgspec.structs.replace(page, products=products)

    async def _count(self, query: Query) -> int:
        page = await self._page(query, whole_listing(query), 0, 0, descending=False)
        return page.count or 0

    async def _page(
        self, query: Query, window: Window, start: int, rows: int, *, descending: bool
    ) -> Page:
        text = text_of(query, window.limits)
        options = {
            "q": text,
            "start": str(start),
            "rows": str(rows),
            "orderby": order_of(window.axis, descending=descending),
            "format": "json",
        }
        sent = "&".join(f"{name}={encoded(value)}" for name, value in options.items())
        return await self._requests.read(
            f"{self.url}/search?{sent}", partial(parse_feed, collection=query.collection)
        )


class _Search(msgspec.Struct):
    """One search under way: where pages are read ahead, what is wanted of its products."""

    group: TaskGroup
    attributes: bool
    details: bool = True
    counts: dict[Query, int] = msgspec.field(default_factory=dict)


def _wants_few(query: Query) -> bool:
    """A few matches need no windows, and nothing read ahead."""
    return query.limit is not None and query.limit <= WINDOW_ROWS
