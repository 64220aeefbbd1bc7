"""Reading a listing of any length completely, although one query pages past 10,000 rows at most.

The listing is read in windows along the time it is ordered by. A window is open to the listing's
end; its first rows are read up to the paging limit, and the next window begins at the time of the
last of them, so that only the rows that share this time are read twice. When more rows share one
time than can be paged (many tiles of one datatake), these are read along the other time axis.

The first page of every window carries the hub's count of what is left. Two counts tell how many
rows lie between the beginnings of their windows: when that is more than were listed, this part is
read again. Rows that came twice are dropped. All this costs no request beyond the pages themselves.

Rows that come and go while pages are read can hide each other from the counts. Where the order of
rows is unique, pages can overlap by a row, which shows that; then, too, that part is read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Protocol

from anyio.abc import TaskGroup

from s2fetch.errors import CatalogueError
from s2fetch.hub.odata import Axis, Bounds
from s2fetch.hub.promise import Promise
from s2fetch.hub.rows import Page
from s2fetch.hub.window import OTHER_AXIS, Reading, Window
from s2fetch.product import Product

PAGE_ROWS = 1000
"""Rows a page holds at most (Copernicus Data Space documentation, OData: ``$top``)."""
WINDOW_ROWS = 10_000
"""Rows that are read of a window at most, so that ``$skip`` stays within its limit of 10,000."""
PAGES_AHEAD = 3
"""Pages that are read at a time."""
PASSES = 4
"""How often a window whose pages disagree with their count is read before that is an error."""


class ReadPage(Protocol):
    """How one page is read. The hub counts the matches only when asked to, as that is slow."""

    def __call__(
        self, window: Window, *, skip: int, top: int, descending: bool, count: bool
    ) -> Awaitable[Page]: ...


class Listing:
    """One complete listing.

    Args:
        read_page: Asks the hub for one page.
        root: The whole listing.
        descending: Newest first.
        now: What is published after this need not be listed.
        page_rows: Rows a page holds at most.
        window_rows: Rows that may be read of one window; a multiple of ``page_rows``.
        overlapping: Whether pages repeat the last row of the page before, on top of their rows.

    Attributes:
        counted: How many rows the hub counted at the beginning; None before.
        delivered: How many were handed out.
    """

    def __init__(
        self,
        read_page: ReadPage,
        root: Window,
        *,
        descending: bool,
        now: datetime,
        page_rows: int = PAGE_ROWS,
        window_rows: int = WINDOW_ROWS,
        overlapping: bool = False,
    ) -> None:
        self._overlap = int(overlapping)
        self._page_rows = page_rows
        self._window_rows = window_rows
        self._read_page = read_page
        self._root = root
        self._descending = descending
        self._now = now
        self.counted: int | None = None
        self.delivered = 0

    async def pages(self, group: TaskGroup) -> AsyncGenerator[list[Product]]:
        """All products, a page at a time, in order.

        Args:
            group: Where pages are read ahead; its owner ends it.

        Raises:
            CatalogueError: If the listing cannot be read completely.
        """
        first = await self._first(self._root)
        self.counted = _count(first)
        async with aclosing(self._walk(group, self._root, first, set())) as pages:
            async for products in pages:
                self.delivered += len(products)
                yield products
        await self._compare_with_count(self.counted)

    async def _walk(
        self, group: TaskGroup, window: Window, first: Page, known: set[str]
    ) -> AsyncGenerator[list[Product]]:
        """All rows of a window of any size but those that are known."""
        passes, seen = 0, set(known)
        while True:
            count, passes = _count(first), passes + 1
            reading = Reading(window, self._descending, overlapping=bool(self._overlap))
            async with aclosing(self._read(group, first, reading, seen)) as pages:
                async for products in pages:
                    yield products
            steady = reading.steady or passes == PASSES
            if count <= self._window_rows and len(reading) >= count and steady:
                return
            if count <= self._window_rows or not reading:
                if passes == PASSES:
                    raise _inconsistent(window, count, len(reading))
                first = await self._first(window)
                continue
            first = await (reading.upcoming or self._start(group, reading.rest)).page()
            part = reading.unread_part(count - _count(first))
            if part is not None:
                again = self._walk(group, part, await self._first(part), seen)
                async with aclosing(again) as pages:
                    async for products in pages:
                        yield products
            window, seen, passes = reading.rest, known | reading.ids_in_rest(), 0

    async def _read(
        self, group: TaskGroup, first: Page, reading: Reading, seen: set[str]
    ) -> AsyncGenerator[list[Product]]:
        """One pass over the first rows of a window, a few pages under way at a time."""
        count = _count(first)
        skips = deque(range(self._page_rows, min(count, self._window_rows), self._page_rows))
        under_way: deque[Promise] = deque()
        page: Page | None = first
        while page is not None:
            while skips and len(under_way) < PAGES_AHEAD:
                under_way.append(self._start(group, reading.window, skips.popleft()))
            reading.add(page)
            if not under_way and count > self._window_rows and reading:
                reading.upcoming = self._start(group, reading.rest)
            if fresh := _unseen(page.products, seen):
                yield fresh
            page = await under_way.popleft().page() if under_way else None

    def _start(self, group: TaskGroup, window: Window, skip: int = 0) -> Promise:
        promise = Promise()
        if skip:
            skip, top = skip - self._overlap, self._page_rows + self._overlap
            read = partial(self._read_page, window, skip=skip, top=top, count=False)
            group.start_soon(promise.keep, partial(read, descending=self._descending))
        else:
            group.start_soon(promise.keep, partial(self._first, window))
        return promise

    async def _first(self, window: Window) -> Page:
        return await self._read_page(
            window, skip=0, top=self._page_rows, descending=self._descending, count=True
        )

    async def _compare_with_count(self, counted: int) -> None:
        """The windows together must hold what the whole was counted to hold.

        Rows can have left the catalogue meanwhile, so it is counted once more, without those that
        have come meanwhile.
        """
        if self.delivered >= counted:
            return
        root = self._root
        limits = root.limits
        published = limits.get(Axis.PUBLICATION, Bounds())
        until = min(published.end or self._now, self._now)
        limits[Axis.PUBLICATION] = Bounds(published.start, until)
        window = Window(
            root.axis,
            limits.get(root.axis, Bounds()),
            limits.get(OTHER_AXIS[root.axis], Bounds()),
        )
        again = _count(
            await self._read_page(window, skip=0, top=1, descending=self._descending, count=True)
        )
        if self.delivered < again:
            raise _inconsistent(root, again, self.delivered)


def _unseen(products: list[Product], seen: set[str]) -> list[Product]:
    """Those that were not seen before, which are seen from now on."""
    ids = {product.id for product in products}
    if len(ids) == len(products) and seen.isdisjoint(ids):
        seen |= ids
        return products
    fresh = []
    for product in products:
        if product.id not in seen:
            seen.add(product.id)
            fresh.append(product)
    return fresh


def _count(page: Page) -> int:
    if page.count is None:
        raise CatalogueError("the catalogue's answer has no count although it was asked for")
    return page.count


def _inconsistent(window: Window, counted: int, listed: int) -> CatalogueError:
    return CatalogueError(
        f"the hub counts {counted} products but lists {listed} of them ({window})",
        did="What it listed was not taken for complete",
        advice="Run the same command again later; what was fetched is kept",
    )
