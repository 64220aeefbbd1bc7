"""Products a batch at a time, so that a thread hop serves many of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from s2fetch.product import Product

BATCH_PRODUCTS = 250
"""Products that are looked up on disk at a time."""


async def batches(products: AsyncIterator[Product]) -> AsyncIterator[list[Product]]:
    """The same products in the same order, in lists of at most `BATCH_PRODUCTS`."""
    batch: list[Product] = []
    async for product in products:
        batch.append(product)
        if len(batch) == BATCH_PRODUCTS:
            yield batch
            batch = []
    if batch:
        yield batch
