"""Reading a listing of any length completely, although one query pages past 10,000 rows at most.

The listing is cut into windows along its time axis, each below the paging limit. A window whose
times cannot be cut further (thousands of tiles of one datatake share their sensing time) is cut
along the publication time as well. Pages are read a few at a time and handed out in order. Rows
that came twice are dropped, and a window is done only when a pass over it has seen as many distinct
rows as the hub counted.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import anyio
import msgspec
from anyio.abc import TaskGroup

from s2fetch.errors import CatalogueError
from s2fetch.hub.odata import Axis, Bounds
from s2fetch.hub.rows import Page
from s2fetch.product import Product

PAGE_ROWS = 1000
"""Rows a page holds at most (Copernicus Data Space documentation, OData: ``$top``)."""
WINDOW_ROWS = 10_000
"""A window holds at most this many rows, so that ``$skip`` stays within its limit of 10,000."""
TARGET_ROWS = 7_000
"""What a window is cut for: leaves room for uneven times without wasting pages."""
PAGES_AHEAD = 3
"""Pages that are read at a time."""
PASSES = 4
"""How often a window whose pages disagree with their count is read before that is an error."""
FIRST_PUBLICATION = datetime(2013, 1, 1, tzinfo=UTC)
"""Before the first Sentinel product."""
RESOLUTION = timedelta(milliseconds=1)
"""Windows end on whole milliseconds, as times are written in filters."""


class Window(msgspec.Struct, frozen=True):
    """A part of a listing: bounds on the axis it is ordered by and, where needed, another."""

    bounds: Bounds
    publication: Bounds | None = None

    def on(self, axis: Axis) -> dict[Axis, Bounds]:
        """The bounds by axis."""
        if self.publication is None:
            return {axis: self.bounds}
        return {axis: self.bounds, Axis.PUBLICATION: self.publication}


class ReadPage(Protocol):
    """How one page is read. The hub counts the matches only when asked to, as that is slow."""

    def __call__(
        self, window: Window, *, skip: int, top: int, descending: bool, count: bool
    ) -> Awaitable[Page]: ...


class Listing:
    """One complete listing.

    Args:
        read_page: Asks the hub for one page, with its count.
        axis: What the listing is ordered by.
        period: The whole period on that axis.
        descending: Newest first.
        now: No product was published after this.
    """

    def __init__(
        self,
        read_page: ReadPage,
        *,
        axis: Axis,
        period: Bounds,
        descending: bool,
        now: datetime,
    ) -> None:
        self._read_page = read_page
        self._axis = axis
        self._period = period
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
        async for window, first in self._windows():
            async for products in self._window_pages(group, window, first):
                self.delivered += len(products)
                yield products
        await self._compare_with_count()

    async def _windows(self) -> AsyncIterator[tuple[Window, Page]]:
        """Windows below the paging limit, each with its first page, in the listing's order."""
        root = Window(self._period)
        first = await self._first(root)
        self.counted = _count(first)
        if self.counted <= WINDOW_ROWS:
            yield root, first
            return
        todo = deque(self._cut(Window(await self._closed_period(first)), self.counted))
        while todo:
            window = todo.popleft()
            first = await self._first(window)
            if _count(first) <= WINDOW_ROWS:
                yield window, first
            else:
                todo.extendleft(reversed(self._cut(window, _count(first))))

    async def _first(self, window: Window) -> Page:
        return await self._read_page(
            window, skip=0, top=PAGE_ROWS, descending=self._descending, count=True
        )

    async def _closed_period(self, first: Page) -> Bounds:
        """The period with its open ends replaced by the outermost times that exist."""
        last = await self._read_page(
            Window(self._period), skip=0, top=1, descending=not self._descending, count=False
        )
        near, far = self._time(first.products[0]), self._time(last.products[0])
        oldest, newest = (far, near) if self._descending else (near, far)
        start = self._period.start or oldest.replace(microsecond=oldest.microsecond // 1000 * 1000)
        return Bounds(start, self._period.end or newest + RESOLUTION)

    def _time(self, product: Product) -> datetime:
        time = product.sensing_start if self._axis is Axis.SENSING else product.published
        if time is None:
            raise CatalogueError(
                f"the catalogue lists {product.name} without {self._axis}, so that a listing of "
                f"{self.counted} products cannot be cut into windows",
                advice="Give the query a period (from, to)",
            )
        return time

    def _cut(self, window: Window, count: int) -> list[Window]:
        """Equal parts of a window that is too full, in the listing's order."""
        parts = max(2, math.ceil(count / TARGET_ROWS))
        pieces = [Window(bounds, window.publication) for bounds in _divide(window.bounds, parts)]
        if len(pieces) == 1:
            period = window.publication or Bounds(FIRST_PUBLICATION, self._now + timedelta(days=1))
            if self._axis is Axis.SENSING:
                pieces = [Window(window.bounds, bounds) for bounds in _divide(period, parts)]
        if len(pieces) == 1:
            raise CatalogueError(
                f"{count} products share one time ({window.bounds.start}), more than the hub lets "
                "anyone list",
                advice="Narrow the query: tile, area, product type",
            )
        return pieces[::-1] if self._descending else pieces

    async def _window_pages(
        self, group: TaskGroup, window: Window, first: Page
    ) -> AsyncIterator[list[Product]]:
        seen: set[str] = set()
        for _ in range(PASSES):
            in_pass: set[str] = set()
            count = _count(first)
            async for page in self._read_ahead(group, window, first, count):
                fresh = []
                for product in page.products:
                    if product.id not in seen:
                        seen.add(product.id)
                        fresh.append(product)
                    in_pass.add(product.id)
                if fresh:
                    yield fresh
            if len(in_pass) >= count:
                return
            first = await self._first(window)
        raise CatalogueError(
            f"the hub counts {count} products between {window.bounds.start} and "
            f"{window.bounds.end} but lists {len(in_pass)} of them",
            did=f"Read that part of the listing {PASSES} times",
            advice="The catalogue is inconsistent now; run the same command again later",
        )

    async def _read_ahead(
        self, group: TaskGroup, window: Window, first: Page, count: int
    ) -> AsyncIterator[Page]:
        """The pages of one window in order, a few of them under way."""
        yield first
        under_way: deque[_Promise] = deque()
        skips = iter(range(PAGE_ROWS, count, PAGE_ROWS))
        while True:
            while len(under_way) < PAGES_AHEAD and (skip := next(skips, None)) is not None:
                promise = _Promise()
                group.start_soon(promise.keep, self._page_at(window, skip))
                under_way.append(promise)
            if not under_way:
                return
            yield await under_way.popleft().page()

    def _page_at(self, window: Window, skip: int) -> Callable[[], Awaitable[Page]]:
        return lambda: self._read_page(
            window, skip=skip, top=PAGE_ROWS, descending=self._descending, count=False
        )

    async def _compare_with_count(self) -> None:
        """The windows together must hold what the whole was counted to hold."""
        if self.counted is None or self.delivered >= self.counted:
            return
        again = _count(
            await self._read_page(
                Window(self._period), skip=0, top=1, descending=self._descending, count=True
            )
        )
        if self.delivered < again:
            raise CatalogueError(
                f"the hub counts {again} products but lists {self.delivered}",
                did="Nothing was taken for complete",
                advice="Run the same command again later; what was fetched is kept",
            )


class _Promise:
    """The result of a page that is being read in another task."""

    def __init__(self) -> None:
        self._done = anyio.Event()
        self._page: Page | None = None

    async def keep(self, read: Callable[[], Awaitable[Page]]) -> None:
        self._page = await read()
        self._done.set()

    async def page(self) -> Page:
        await self._done.wait()
        assert self._page is not None  # noqa: S101 - set before the event
        return self._page


def _count(page: Page) -> int:
    if page.count is None:
        raise CatalogueError("the catalogue's answer has no count although it was asked for")
    return page.count


def _divide(bounds: Bounds, parts: int) -> list[Bounds]:
    """Cut a closed period into at most that many parts that end on whole milliseconds."""
    if bounds.start is None or bounds.end is None:
        return [bounds]
    steps = (bounds.end - bounds.start) // RESOLUTION
    parts = max(1, min(parts, steps))
    edges = [bounds.start + RESOLUTION * (steps * part // parts) for part in range(parts)]
    edges.append(bounds.end)
    return [Bounds(start, end) for start, end in itertools.pairwise(edges)]
