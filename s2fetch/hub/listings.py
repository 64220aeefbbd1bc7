"""Putting listings together: parts of one query in one order, and what leaves the hub first."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

from s2fetch.product import Product
from s2fetch.query import Order, Query

REMEMBERED_ROWS = 10_000
"""Rows of a listing by eviction that are kept in memory rather than listed twice."""
LAST = datetime.max.replace(tzinfo=UTC)

Position = tuple[datetime, str]


def position(query: Query, product: Product) -> Position:
    """Where a product comes in a query's order, ascending."""
    by_publication = query.order is Order.PUBLICATION
    time = product.published if by_publication else product.sensing_start
    return time or LAST, product.id


async def merged(
    sources: Sequence[AsyncGenerator[Product]],
    position_of: Callable[[Product], Position],
    *,
    descending: bool,
) -> AsyncGenerator[Product]:
    """What several ordered listings hold that have nothing in common, in order.

    Args:
        sources: The listings; whoever made them closes them.
        position_of: Where a product comes.
        descending: Whether they go down.
    """
    first = max if descending else min
    heads: list[tuple[Product, AsyncGenerator[Product]]] = []
    for source in sources:
        async for product in source:
            heads.append((product, source))
            break
    while heads:
        head = first(heads, key=lambda head: position_of(head[0]))
        yield head[0]
        heads.remove(head)
        async for product in head[1]:
            heads.append((product, head[1]))
            break


async def limited(products: AsyncGenerator[Product], limit: int | None) -> AsyncGenerator[Product]:
    """The first so many of a listing, which is closed then; None for all."""
    async with aclosing(products):
        left = limit
        if left is not None and left <= 0:
            return
        async for product in products:
            yield product
            if left is not None and (left := left - 1) == 0:
                return


async def by_eviction(
    listing: Callable[[], AsyncGenerator[Product]],
) -> AsyncGenerator[Product]:
    """What leaves the hub, soonest first; then all the rest.

    No hub can order by eviction. Reading the listing twice keeps the memory needed proportional to
    the products that leave, which are few, and not to all of them.

    Args:
        listing: Begins to list everything by its sensing time.
    """
    leaving: list[Product] = []
    staying: list[Product] | None = []
    async with aclosing(listing()) as products:
        async for product in products:
            if product.evicted is not None:
                leaving.append(product)
            elif staying is not None:
                staying.append(product)
                if len(staying) > REMEMBERED_ROWS:
                    staying = None
    leaving.sort(key=lambda product: (product.evicted or LAST, product.id))
    for product in leaving:
        yield product
    for product in staying or ():
        yield product
    if staying is None:
        done = {product.id for product in leaving}
        async with aclosing(listing()) as products:
            async for product in products:
                if product.id not in done:
                    yield product
