"""Listings of any length, from hubs that let nobody page past a limit."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from functools import cached_property

import anyio
import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from s2fetch.errors import CatalogueError
from s2fetch.hub.odata import Axis, Bounds
from s2fetch.hub.rows import Page
from s2fetch.hub.window import Window
from s2fetch.hub.windows import Listing, ReadPage
from s2fetch.product import Product
from s2fetch.taskgroups import one_error_task_group

BEGIN = datetime(2024, 6, 1, 12, tzinfo=UTC)
NOON = "2024-06-01T12:00:00Z"
NOW = BEGIN + timedelta(days=100)
PAGE = 10
WINDOW = 50
MILLISECOND = timedelta(milliseconds=1)
WHOLE = Window(Axis.SENSING)


class Hub:
    """A catalogue in memory that insists on its limits.

    Args:
        products: Its rows.
        page: Rows of a page at most.
        window: Greatest sum of ``skip`` and ``top``.
    """

    def __init__(self, products: list[Product], page: int = PAGE, window: int = WINDOW) -> None:
        self.rows = products
        self.requests: list[tuple[Window, int, int]] = []
        self.before: Callable[[int], None] = lambda _number: None
        self.cut: Callable[[int, list[Product]], list[Product]] = lambda _number, rows: rows
        self._page = page
        self._window = window

    @cached_property
    def _by_axis(self) -> dict[tuple[Axis, bool], list[Product]]:
        by_id = sorted(self.rows, key=lambda row: row.id)
        return {
            (axis, down): sorted(by_id, key=lambda row: time_of(axis, row), reverse=down)
            for axis in Axis
            for down in (False, True)
        }

    def changed(self) -> None:
        """Call after the rows have changed."""
        self.__dict__.pop("_by_axis", None)

    def matches(self, window: Window, descending: bool) -> list[Product]:
        rows = self._by_axis[window.axis, False]
        first, stop = 0, len(rows)
        if window.bounds.start is not None:
            first = bisect_left(rows, window.bounds.start, key=lambda r: time_of(window.axis, r))
        if window.bounds.end is not None:
            stop = bisect_left(rows, window.bounds.end, key=lambda r: time_of(window.axis, r))
        if descending:
            rows = self._by_axis[window.axis, True]
            first, stop = len(rows) - stop, len(rows) - first
        found = rows[first:stop]
        for axis, bounds in window.limits.items():
            if axis is not window.axis:
                found = [row for row in found if inside(bounds, time_of(axis, row))]
        return found

    async def read_page(
        self, window: Window, *, skip: int, top: int, descending: bool, count: bool
    ) -> Page:
        assert top <= self._page
        assert skip + top <= self._window
        number = len(self.requests)
        self.requests.append((window, skip, top))
        await anyio.lowlevel.checkpoint()
        self.before(number)
        found = self.matches(window, descending)
        page = self.cut(number, found[skip : skip + top])
        return Page(page, len(found) if count else None, skip + top >= len(found))


def time_of(axis: Axis, row: Product) -> datetime:
    time = row.sensing_start if axis is Axis.SENSING else row.published
    assert time is not None
    return time


def inside(bounds: Bounds, time: datetime) -> bool:
    return (bounds.start is None or bounds.start <= time) and (
        bounds.end is None or time < bounds.end
    )


def product(number: int, sensing: timedelta, published: timedelta) -> Product:
    return Product(
        id=f"{number:08d}",
        name=f"{number}.SAFE",
        sensing_start=BEGIN + sensing,
        published=BEGIN + published,
    )


def millisecond(time: datetime) -> int:
    return (time - BEGIN) // MILLISECOND


def listing_of(
    read_page: ReadPage,
    root: Window = WHOLE,
    descending: bool = False,
    page: int = PAGE,
    window: int = WINDOW,
) -> Listing:
    return Listing(
        read_page, root, descending=descending, now=NOW, page_rows=page, window_rows=window
    )


async def drained(
    listing: Listing, found: list[Product] | None = None, most: int | None = None
) -> list[Product]:
    """What a listing gives, also when it fails; stops when there is enough."""
    found = [] if found is None else found
    async with one_error_task_group() as group, aclosing(listing.pages(group)) as pages:
        async for products in pages:
            found.extend(products)
            if most is not None and len(found) >= most:
                break
        group.cancel_scope.cancel()
    assert listing.delivered == len(found)
    return found


async def listed(hub: Hub, root: Window = WHOLE, descending: bool = False) -> list[Product]:
    return await drained(listing_of(hub.read_page, root, descending))


anchors = st.sampled_from((0, 1, 2, 3, 1000, 86_400_000)).map(lambda ms: timedelta(milliseconds=ms))
jitters = st.sampled_from((0, 0, 1, 999)).map(lambda us: timedelta(microseconds=us))
times = st.builds(lambda anchor, jitter: anchor + jitter, anchors, jitters)


bursts = st.tuples(
    times,
    times,
    st.sampled_from(((0, 0), (0, 1), (1, 0), (1, 1), (700, 3))),
    st.sampled_from((1, 3, 9, 10, 49, 50, 51, 60, 130)),
)
Burst = tuple[timedelta, timedelta, tuple[int, int], int]


def catalogue(parts: list[Burst]) -> list[Product]:
    """Bursts of rows that share a time, on either axis or none, and single rows between them."""
    rows: list[Product] = []
    for sensing, published, (step, late), count in parts:
        for number in range(count):
            place = len(rows)
            rows.append(
                product(
                    place,
                    sensing + number * step * MILLISECOND / 2,
                    published + number * late * MILLISECOND / 2,
                )
            )
    return rows


@st.composite
def roots(draw: st.DrawFn) -> Window:
    """Open, half open and closed periods on both axes."""
    axis = draw(st.sampled_from(list(Axis)))
    edges = st.none() | times.map(lambda time: BEGIN + time)
    bounds = Bounds(draw(edges), draw(edges))
    return Window(axis, bounds) if axis is Axis.SENSING else Window(axis, other=bounds)


def selected(rows: list[Product], window: Window) -> list[Product]:
    return [
        row
        for row in rows
        if all(inside(bounds, time_of(axis, row)) for axis, bounds in window.limits.items())
    ]


def greatest_crowd(rows: list[Product]) -> int:
    """How many rows share the millisecond on both axes."""
    shared = Counter(tuple(millisecond(time_of(axis, row)) for axis in Axis) for row in rows)
    return max(shared.values(), default=0)


@pytest.mark.parametrize(
    ("window", "told"),
    [
        (WHOLE, "the whole listing"),
        (
            Window(Axis.SENSING, Bounds(BEGIN), Bounds(end=BEGIN)),
            f"{Axis.SENSING} from {NOON} to any, {Axis.PUBLICATION} from any to {NOON}",
        ),
    ],
)
def test_a_window_is_told_with_both_its_periods(window: Window, told: str) -> None:
    """For messages about what could not be listed."""
    assert str(window) == told


@settings(max_examples=150, deadline=None)
@given(st.lists(bursts, max_size=8), roots(), st.booleans())
async def test_every_product_is_listed_exactly_once_and_in_order(
    parts: list[Burst], root: Window, descending: bool
) -> None:
    """Whatever the times are; unless more rows than can be paged share both times."""
    rows = catalogue(parts)
    hub = Hub(rows)
    wanted = selected(rows, root)
    if greatest_crowd(wanted) > WINDOW:
        with pytest.raises(CatalogueError, match="share the times"):
            await listed(hub, root, descending)
        return
    found = await listed(hub, root, descending)
    assert Counter(row.id for row in found) == Counter(row.id for row in wanted)
    order = [millisecond(time_of(root.axis, row)) for row in found]
    assert order == sorted(order, reverse=descending)
    assert len(hub.requests) <= 4 * math.ceil(len(wanted) / PAGE) + 4


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 120), min_size=1, max_size=150),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10_000)), max_size=6),
    st.booleans(),
    st.booleans(),
)
@example([0] * 25, [(1, 0)], False, False)
async def test_changes_during_a_listing_hide_nothing(
    sensing: list[int], changes: list[tuple[int, int]], removing: bool, descending: bool
) -> None:
    """Rows that come, or go, between two pages shift the others; none of these is lost or doubled.

    Coming and going at the same time within one window cannot be told from no change.
    """
    rows = [product(n, ms * MILLISECOND, n * MILLISECOND) for n, ms in enumerate(sensing)]
    lasting = {row.id for row in rows}
    hub = Hub(list(rows))

    def change(number: int) -> None:
        for at, which in changes:
            if at != number:
                continue
            if removing and hub.rows:
                lasting.discard(hub.rows.pop(which % len(hub.rows)).id)
            elif not removing:
                late = timedelta(milliseconds=which % 121)
                hub.rows.append(product(1000 + len(hub.rows), late, NOW - BEGIN + late))
            hub.changed()

    hub.before = change
    found = Counter(row.id for row in await listed(hub, Window(Axis.SENSING), descending))
    assert not [row for row, times_listed in found.items() if times_listed > 1]
    assert lasting <= set(found)


def uniform(count: int, together: int = 4) -> list[Product]:
    """Rows of which so many share their time, a second apart."""
    return [
        product(n, timedelta(seconds=n // together), timedelta(seconds=n // together, minutes=5))
        for n in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 49, 50])
async def test_one_window_costs_its_pages_and_nothing_else(count: int) -> None:
    """The count comes with the first page; an empty listing costs the one page that says so."""
    hub = Hub(uniform(count))
    assert len(await listed(hub)) == count
    assert len(hub.requests) == max(1, math.ceil(count / PAGE))


@pytest.mark.parametrize("descending", [False, True])
async def test_a_long_listing_costs_hardly_more_than_its_pages(descending: bool) -> None:
    """20,000 rows, four at a time: 200 pages, and one for the rows that are read twice."""
    hub = Hub(uniform(20_000), 100, 1000)
    listing = listing_of(hub.read_page, Window(Axis.SENSING), descending, 100, 1000)
    found = await drained(listing)
    assert len({row.id for row in found}) == 20_000
    assert len(hub.requests) == 201


@pytest.mark.parametrize("number", [0, 2, 4, 7])
async def test_rows_missing_from_a_page_are_read_again(number: int) -> None:
    """A page that is too short once costs another pass over its window, and no row."""
    hub = Hub(uniform(180))
    hub.cut = lambda at, rows: rows[:-3] if at == number else rows
    found = await listed(hub)
    assert Counter(row.id for row in found) == Counter(row.id for row in hub.rows)
    assert len(hub.requests) <= 18 + 1 + PAGE


@pytest.mark.parametrize("count", [15, 45, 180])
async def test_rows_that_stay_missing_are_an_error(count: int) -> None:
    """A hub that counts more than it lists is never believed to be complete."""
    hub = Hub(uniform(count))
    hub.cut = lambda _at, rows: [row for row in rows if row.id != "00000012"]
    with pytest.raises(CatalogueError, match=r"counts \d+ products but lists \d+ of them"):
        await listed(hub)


async def test_a_hub_that_ignores_skip_is_not_believed() -> None:
    """Page one for every page looks like a listing, but has too few distinct rows."""
    hub = Hub(uniform(30))
    first = hub.rows[:PAGE]
    hub.cut = lambda _at, _rows: first
    with pytest.raises(CatalogueError, match="counts 30 products but lists 10"):
        await listed(hub)


async def test_an_unordered_listing_is_an_error() -> None:
    """Windows rely on the order, so a hub that does not keep it cannot be read completely."""
    hub = Hub(uniform(80))
    hub.cut = lambda _at, rows: rows[::-1]
    with pytest.raises(CatalogueError, match="out of order"):
        await listed(hub)


async def test_rows_without_the_time_are_missed_and_reported() -> None:
    """Such rows are in no window, so the count shows that the listing is not complete."""
    rows = uniform(120)
    hub = Hub(rows)
    count_of_nowhere = 1

    async def read_page(
        window: Window, *, skip: int, top: int, descending: bool, count: bool
    ) -> Page:
        page = await hub.read_page(window, skip=skip, top=top, descending=descending, count=count)
        whole = window.bounds == Bounds()
        extra = count_of_nowhere if whole and page.count is not None else 0
        return Page(page.products, page.count + extra if page.count else page.count, page.last)

    with pytest.raises(CatalogueError, match="counts 121 products but lists 120"):
        await drained(listing_of(read_page))


async def test_a_last_row_without_a_time_is_an_error() -> None:
    """A window cannot be cut at a row that has no time."""
    hub = Hub(uniform(80))
    hub.cut = lambda _at, rows: [
        *rows[:-1],
        msgspec.structs.replace(rows[-1], sensing_start=None),
    ]
    with pytest.raises(CatalogueError, match=r"49.SAFE without ContentDate/Start"):
        await listed(hub)


async def test_an_answer_without_the_count_is_an_error() -> None:
    """What cannot be compared with a count is not complete."""
    hub = Hub(uniform(5))

    async def read_page(
        window: Window, *, skip: int, top: int, descending: bool, count: bool
    ) -> Page:
        return await hub.read_page(window, skip=skip, top=top, descending=descending, count=False)

    with pytest.raises(CatalogueError, match="no count"):
        await drained(listing_of(read_page))


async def test_a_failing_page_is_raised_by_itself_after_the_pages_before_it() -> None:
    """Pages that are read ahead fail in their turn, and not inside a group of errors."""
    hub = Hub(uniform(50))

    def fail(number: int) -> None:
        if number == 3:
            raise CatalogueError("this page is broken")

    hub.before = fail
    found: list[Product] = []
    with pytest.raises(CatalogueError, match="this page is broken"):
        await drained(listing_of(hub.read_page), found)
    assert [row.id for row in found] == [row.id for row in hub.rows[:30]]


async def test_a_consumer_that_stops_leaves_no_task_behind() -> None:
    """Pages under way are given up, and only a few had been asked for."""
    hub = Hub(uniform(300))
    before = {task.id for task in _all_tasks()}
    await drained(listing_of(hub.read_page), most=12)
    assert {task.id for task in _all_tasks()} == before
    assert len(hub.requests) <= 5


def _all_tasks() -> list[anyio.TaskInfo]:
    return anyio.get_running_tasks()
