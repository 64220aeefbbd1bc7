"""What a query selects of what the hub lists: the versions that are wanted, then the limit.

A hub knows nothing of versions. In order of sensing its listing is held back a little while it
passes (`versions`); for any other order it is read twice, first in order of sensing to learn which
products are superseded.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import msgspec

from s2fetch.events import EventBus, ProductSuperseded
from s2fetch.hub.base import Hub
from s2fetch.product import Product
from s2fetch.query import Order, Query, VersionPolicy
from s2fetch.versions import OtherVersions, Settled, VersionWindow


class Counted(msgspec.Struct, frozen=True):
    """How many products a query selects.

    Attributes:
        count: The exact number.
        listed: Whether they had to be listed for that; otherwise the hub counted.
        missing_names: Names and identifiers that were asked for and not listed.
    """

    count: int
    listed: bool
    missing_names: tuple[str, ...] = ()


class Selection:
    """The selected products, an async iterator; made by `selected`.

    The counts grow while it is iterated over and are whole at its end.

    Attributes:
        superseded: Products left out because there is a better version.
    """

    def __init__(self, hub: Hub, query: Query, *, attributes: bool, events: EventBus) -> None:
        self.superseded = 0
        self._hub = hub
        self._query = query
        self._attributes = attributes
        self._events = events
        self._others = OtherVersions()
        self._missing = dict.fromkeys((*query.names, *query.ids))
        plain = query.versions is VersionPolicy.ALL and not self._missing
        self._source = self._all() if plain else self._limited()

    def __aiter__(self) -> AsyncIterator[Product]:
        return self._source

    async def __anext__(self) -> Product:
        return await anext(self._source)

    async def aclose(self) -> None:
        """Stop the listing."""
        await self._source.aclose()

    @property
    def other_versions(self) -> int:
        """Selected products that are another version of one selected shortly before."""
        return self._others.count

    @property
    def missing(self) -> list[str]:
        """Names and identifiers that were asked for and not listed so far."""
        return sorted(self._missing)

    async def _limited(self) -> AsyncGenerator[Product]:
        left = self._query.limit
        async with aclosing(self._versions()) as products:
            async for product in products:
                if left != 0:
                    left = left and left - 1
                    yield product
                if left == 0 and not self._missing:
                    return  # otherwise names are left to be looked for

    def _versions(self) -> AsyncGenerator[Product]:
        if self._query.versions is VersionPolicy.ALL:
            return self._all()
        return self._window() if self._query.order is Order.SENSING else self._two_passes()

    async def _all(self) -> AsyncGenerator[Product]:
        """All that the hub lists; where there are no names, the limit is its own."""
        query = self._listing() if self._missing else self._query
        count_versions = self._others.add
        async with self._hub.search(query, attributes=self._attributes) as products:
            async for product in products:
                if self._missing:
                    self._note(product)
                count_versions(product)
                yield product

    async def _window(self) -> AsyncGenerator[Product]:
        async with aclosing(self._settled(self._attributes)) as all_settled:
            async for settled in all_settled:
                if self._is_wanted(settled.product, settled.superseded_by):
                    yield settled.product

    async def _two_passes(self) -> AsyncGenerator[Product]:
        better: dict[str, Product] = {}
        async with aclosing(self._settled(attributes=False)) as all_settled:
            async for settled in all_settled:
                if settled.superseded_by is not None:
                    better[settled.product.id] = settled.superseded_by
        async with self._hub.search(self._listing(), attributes=self._attributes) as products:
            async for product in products:
                self._note(product)
                if self._is_wanted(product, better.get(product.id)):
                    yield product

    async def _settled(self, attributes: bool) -> AsyncGenerator[Settled]:
        """Everything in order of sensing, with what supersedes it."""
        query = msgspec.structs.replace(self._listing(), order=Order.SENSING)
        window = VersionWindow(query.streams, newest_first=query.newest_first)
        async with self._hub.search(query, attributes=attributes) as products:
            async for product in products:
                self._note(product)
                for settled in window.add(product):
                    yield settled
        for settled in window.rest():
            yield settled

    def _listing(self) -> Query:
        """The query without its limit, which comes after the versions."""
        return msgspec.structs.replace(self._query, limit=None)

    def _note(self, product: Product) -> None:
        self._missing.pop(product.name, None)
        self._missing.pop(product.id, None)

    def _is_wanted(self, product: Product, better: Product | None) -> bool:
        if better is None:
            return True
        self.superseded += 1
        self._events.emit(ProductSuperseded(product=product, by=better.name))
        return False


@asynccontextmanager
async def selected(
    hub: Hub, query: Query, *, attributes: bool = False, events: EventBus
) -> AsyncIterator[Selection]:
    """Open the products that a query selects; an async iterator inside ``async with``.

    Args:
        hub: Where to look.
        query: For what.
        attributes: Whether the products' attributes are wanted; costs bytes.
        events: Who is told about superseded products.

    Raises:
        QueryError, HubError: As `Hub.search`.
    """
    selection = Selection(hub, query, attributes=attributes, events=events)
    async with aclosing(selection):
        yield selection


async def count_selected(hub: Hub, query: Query, *, events: EventBus) -> Counted:
    """How many products a query selects; one request where the hub can count them by itself.

    Raises:
        QueryError, HubError: As `Hub.search`.
    """
    if _needs_listing(query):
        total = 0
        async with selected(hub, query, events=events) as products:
            async for _ in products:
                total += 1
            return Counted(total, listed=True, missing_names=tuple(products.missing))
    total = await hub.count(query)
    return Counted(total if query.limit is None else min(total, query.limit), listed=False)


def _needs_listing(query: Query) -> bool:
    """Whether something of the query is decided here, so that the hub's count is too great."""
    versions = query.versions is not VersionPolicy.ALL
    return versions or bool(query.names or query.ids)
