"""Putting listings together that were asked for in parts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from functools import partial

import pytest

from s2fetch.hub.listings import limited, merged, position
from s2fetch.product import Product
from s2fetch.query import Order, Query


def product(name: str, sensed: int, published: int) -> Product:
    """What was sensed and published on these days of June."""
    return Product(
        id=name,
        name=name,
        sensing_start=datetime(2024, 6, sensed, tzinfo=UTC),
        published=datetime(2024, 6, published, tzinfo=UTC),
    )


async def listing(products: Sequence[Product]) -> AsyncGenerator[Product]:
    for each in products:
        yield each


EARLY, MIDDLE, LATE = product("a", 1, 9), product("b", 2, 8), product("c", 3, 7)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("order", "expected"), [(Order.SENSING, "abc"), (Order.PUBLICATION, "cba")]
)
async def test_parts_are_one_listing_in_the_order_that_was_asked_for(
    order: Order, expected: str, descending: bool
) -> None:
    """What is published first may have been sensed last."""
    place = partial(position, Query(order=order))
    parts = [
        listing(sorted(part, key=place, reverse=descending)) for part in ([EARLY, LATE], [MIDDLE])
    ]
    together = [each.name async for each in merged(parts, place, descending=descending)]
    assert together == list(reversed(expected) if descending else expected)


@pytest.mark.parametrize(("limit", "expected"), [(0, ""), (1, "a"), (3, "abc"), (None, "abc")])
async def test_no_more_are_listed_than_were_asked_for(limit: int | None, expected: str) -> None:
    """None at all, too."""
    names = [each.name async for each in limited(listing([EARLY, MIDDLE, LATE]), limit)]
    assert names == list(expected)
