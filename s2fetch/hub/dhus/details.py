"""Completing search results with what only OData tells, as cheaply as the hub allows.

Several products are asked for in one request. Generations that cannot do that, or answer it with
something else, are asked for one product at a time from then on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import anyio

from s2fetch.errors import CatalogueError, ProductGoneError, QueryError
from s2fetch.hub.dhus.metadata import Metadata, many_url, one_url, parse_many, parse_one
from s2fetch.hub.dhus.requests import Requests
from s2fetch.product import Product
from s2fetch.taskgroups import one_error_task_group

TOGETHER = 50
"""Products in one request; the address stays below 4 kB, and pages from 100 up are metered."""
AT_A_TIME = 4
"""Requests under way."""
BATCH_ATTEMPTS = 2
"""How often a request for several is made before its products are asked for one by one."""
MOST_FAILURES = 2
"""A hub that has not answered so many requests for several in a row is not sent any more."""


class Details:
    """Where the metadata of a hub's products come from.

    Args:
        requests: Makes requests with an account.
        url: Root of the hub.
    """

    def __init__(self, requests: Requests, url: str) -> None:
        self._requests = requests
        self._url = url
        self._limiter = anyio.Semaphore(AT_A_TIME)
        self._failures = 0

    async def complete(self, products: Sequence[Product]) -> list[Product]:
        """The products with all that the hub tells of them.

        One that OData does not know, because it has just left the hub, stays as it is: the download
        will say so, and nothing is dropped silently.

        Raises:
            CatalogueError, HubDownError: If that cannot be read.
        """
        found = await self.find(product.id for product in products)
        return [
            found[product.id].added_to(product) if product.id in found else product
            for product in products
        ]

    async def find(self, product_ids: Iterable[str]) -> dict[str, Metadata]:
        """The metadata of those products that exist, by their ids; raises as `complete`."""
        wanted = list(dict.fromkeys(product_ids))
        found: dict[str, Metadata] = {}
        async with one_error_task_group() as group:
            for start in range(0, len(wanted), TOGETHER):
                group.start_soon(self._find_some, wanted[start : start + TOGETHER], found)
        return found

    async def _find_some(self, wanted: list[str], found: dict[str, Metadata]) -> None:
        together: set[str] = set()
        asked = len(wanted) > 1 and self._failures < MOST_FAILURES
        if asked:
            rows = await self._together(wanted)
            together.update(row.id for row in rows)
            found.update((row.id, row) for row in rows)
        alone = [product_id for product_id in wanted if product_id not in together]
        async with one_error_task_group() as group:
            for product_id in alone:
                group.start_soon(self._alone, product_id, found)
        if asked:
            missed = any(product_id in found for product_id in alone)
            self._failures = self._failures + 1 if missed else 0

    async def _together(self, wanted: list[str]) -> list[Metadata]:
        """What comes of those that are wanted; a hub that cannot do this gives none."""
        try:
            async with self._limiter:
                rows = await self._requests.read(
                    many_url(self._url, wanted), parse_many, attempts=BATCH_ATTEMPTS
                )
        except (CatalogueError, QueryError, ProductGoneError):
            return []
        return [row for row in rows if row.id in wanted]

    async def _alone(self, product_id: str, found: dict[str, Metadata]) -> None:
        try:
            async with self._limiter:
                row = await self._requests.read(one_url(self._url, product_id), parse_one)
        except ProductGoneError:
            return
        except QueryError as error:
            raise CatalogueError(error.what, advice=error.advice) from error
        found[product_id] = row
