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
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import anyio
import msgspec
from anyio.abc import TaskGroup

from s2fetch.clock import timestamp
from s2fetch.errors import CatalogueError, S2FetchError
from s2fetch.hub.odata import Axis, Bounds
from s2fetch.hub.rows import Page
from s2fetch.product import Product

PAGE_ROWS = 1000
"""Rows a page holds at most (Copernicus Data Space documentation, OData: ``$top``)."""
WINDOW_ROWS = 10_000
"""Rows that are read of a window at most, so that ``$skip`` stays within its limit of 10,000."""
PAGES_AHEAD = 3
"""Pages that are read at a time."""
PASSES = 4
"""How often a window whose pages disagree with their count is read before that is an error."""
RESOLUTION = timedelta(milliseconds=1)
"""Windows begin and end on whole milliseconds, as times are written in filters."""

OTHER_AXIS = {Axis.SENSING: Axis.PUBLICATION, Axis.PUBLICATION: Axis.SENSING}


class Window(msgspec.Struct, frozen=True):
    """A part of a listing.

    Attributes:
        axis: What it is ordered by.
        bounds: On that axis.
        other: On the other axis.
    """

    axis: Axis
    bounds: Bounds = Bounds()
    other: Bounds = Bounds()

    @classmethod
    def around(cls, axis: Axis, periods: Mapping[Axis, Bounds]) -> Window:
        """All of a listing that is ordered by one axis and restricted on either of them."""
        return cls(axis, periods[axis], periods[OTHER_AXIS[axis]])

    @property
    def limits(self) -> dict[Axis, Bounds]:
        """The bounds that restrict, by axis."""
        both = {self.axis: self.bounds, OTHER_AXIS[self.axis]: self.other}
        return {axis: bounds for axis, bounds in both.items() if bounds != Bounds()}

    def __str__(self) -> str:
        parts = [
            f"{axis} from {timestamp(bounds.start) or 'any'} to {timestamp(bounds.end) or 'any'}"
            for axis, bounds in self.limits.items()
        ]
        return ", ".join(parts) or "the whole listing"

    @property
    def is_instant(self) -> bool:
        """Whether the other axis is cut down to one instant already."""
        start, end = self.other.start, self.other.end
        return start is not None and end is not None and end - start <= RESOLUTION


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
            reading = _Reading(window, self._descending, overlapping=bool(self._overlap))
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
        self, group: TaskGroup, first: Page, reading: _Reading, seen: set[str]
    ) -> AsyncGenerator[list[Product]]:
        """One pass over the first rows of a window, a few pages under way at a time."""
        count = _count(first)
        skips = deque(range(self._page_rows, min(count, self._window_rows), self._page_rows))
        under_way: deque[_Promise] = deque()
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

    def _start(self, group: TaskGroup, window: Window, skip: int = 0) -> _Promise:
        promise = _Promise()
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


class _Reading:
    """What one pass over the first rows of a window has found.

    The end of the last row's instant in reading direction cuts the window in two: the part that is
    done, and the rest, which begins with this instant again as more of its rows may follow.
    """

    def __init__(self, window: Window, descending: bool, *, overlapping: bool = False) -> None:
        self.window = window
        self.upcoming: _Promise | None = None
        self.steady = True
        self._overlapping = overlapping
        self._descending = descending
        self._times: dict[str, datetime | None] = {}
        self._last: Product | None = None

    def __len__(self) -> int:
        return len(self._times)

    def add(self, page: Page) -> None:
        """Note the rows of a page.

        Raises:
            CatalogueError: If they are not in order.
        """
        if self.window.axis is Axis.SENSING:
            times = [product.sensing_start for product in page.products]
        else:
            times = [product.published for product in page.products]
        known = [time for time in times if time is not None]
        if known != sorted(known, reverse=self._descending):
            raise CatalogueError(
                f"the hub lists products out of order ({self.window.axis}), so that a long "
                "listing cannot be read completely",
                advice="Run the same command again later; if this lasts, report it",
            )
        if self._overlapping and self._last is not None:
            repeated = page.products[0].id if page.products else ""
            self.steady = self.steady and repeated == self._last.id
        self._times.update(zip([product.id for product in page.products], times, strict=True))
        if page.products:
            self._last = page.products[-1]

    @property
    def rest(self) -> Window:
        """What follows; begins with the instant of the last row, unless nothing else was read."""
        bounds, instant = self.window.bounds, self._instant
        past = self._is_crowded
        if self._descending:
            cut = Bounds(bounds.start, instant if past else instant + RESOLUTION)
        else:
            cut = Bounds(instant + RESOLUTION if past else instant, bounds.end)
        return msgspec.structs.replace(self.window, bounds=cut)

    def unread_part(self, rows: int) -> Window | None:
        """What has to be read (again) before the rest, or None.

        Args:
            rows: How many rows the hub counts in the part that is done.

        Raises:
            CatalogueError: If more rows share both times than the hub lets anyone list.
        """
        complete = rows <= len(self) - len(self.ids_in_rest())
        if complete and (self.steady or self._is_crowded):
            return None
        bounds, instant = self.window.bounds, self._instant
        if self._is_crowded:
            if self.window.is_instant:
                raise CatalogueError(
                    f"more than {len(self)} products share the times of {self._last_name} "
                    f"({timestamp(instant)}), and the hub lets nobody list them all",
                    advice="Narrow the query: tile, area, product type",
                )
            start, end = instant, instant + RESOLUTION
            crowd = Bounds(max(start, bounds.start or start), min(end, bounds.end or end))
            return Window(OTHER_AXIS[self.window.axis], self.window.other, crowd)
        if self._descending:
            return msgspec.structs.replace(
                self.window, bounds=Bounds(instant + RESOLUTION, bounds.end)
            )
        return msgspec.structs.replace(self.window, bounds=Bounds(bounds.start, instant))

    def ids_in_rest(self) -> set[str]:
        """Rows that the rest will list again."""
        if self._is_crowded:
            return set()
        cut = self._instant + RESOLUTION if self._descending else self._instant
        return {
            product_id
            for product_id, time in self._times.items()
            if time is not None and (time < cut if self._descending else time >= cut)
        }

    @property
    def _is_crowded(self) -> bool:
        """Whether all rows share one instant, so that the rest would be the window again."""
        bounds, instant = self.window.bounds, self._instant
        if self._descending:
            return bounds.end is not None and instant + RESOLUTION >= bounds.end
        return bounds.start is not None and instant <= bounds.start

    @property
    def _instant(self) -> datetime:
        """The beginning of the last row's millisecond."""
        time = self._times[self._last.id] if self._last is not None else None
        if time is None:
            raise CatalogueError(
                f"the catalogue lists {self._last_name} without {self.window.axis}, so that a long "
                "listing cannot be read completely",
                advice="Give the query a period (from, to)",
            )
        return time.replace(microsecond=time.microsecond // 1000 * 1000)

    @property
    def _last_name(self) -> str:
        return self._last.name if self._last is not None else ""


class _Promise:
    """The result of a page that is being read in another task."""

    def __init__(self) -> None:
        self._done = anyio.Event()
        self._page: Page | None = None
        self._error: S2FetchError | None = None

    async def keep(self, read: Callable[[], Awaitable[Page]]) -> None:
        # The error belongs to whoever gets to this page, not to all tasks at once.
        try:
            self._page = await read()
        except S2FetchError as error:
            self._error = error
        self._done.set()

    async def page(self) -> Page:
        await self._done.wait()
        if self._error is not None:
            raise self._error
        assert self._page is not None  # noqa: S101 - set before the event
        return self._page


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
