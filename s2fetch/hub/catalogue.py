"""The catalogue of the Copernicus Data Space: search, look-up by name, explanations.

Source: Copernicus Data Space documentation, OData.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import datetime
from functools import partial
from urllib.parse import quote

import anyio
import msgspec
from anyio.abc import TaskGroup

from s2fetch.area.relation import Relation, described, is_needed
from s2fetch.clock import Clock
from s2fetch.errors import CatalogueError, QueryError
from s2fetch.events import CatalogueCounted, EventBus
from s2fetch.hub import odata
from s2fetch.hub.base import Deletion
from s2fetch.hub.deletions import read_deletions, walk
from s2fetch.hub.doubts import explain
from s2fetch.hub.http import HttpClient
from s2fetch.hub.listings import by_eviction, limited, merged, position
from s2fetch.hub.parts import batches, halves, whole_listing
from s2fetch.hub.refusals import catalogue_refusal
from s2fetch.hub.rows import Page, parse_page
from s2fetch.hub.window import Window
from s2fetch.hub.windows import PAGE_ROWS, PASSES, WINDOW_ROWS, Listing
from s2fetch.product import Product
from s2fetch.query import Order, Query
from s2fetch.taskgroups import one_error_task_group
from s2fetch.vocabulary import EVERYWHERE

NAMES_PER_REQUEST = 50
"""Names in one bulk look-up; the service documents no limit, so a modest number."""
NAMES_PER_FILTER = 15
"""Names in one ``$filter``."""
FILTER_CHARACTERS = 7000
"""Longest ``$filter``, so that URLs stay below 8 kB, which is where servers begin to refuse them. A
query with more tiles than fit is asked in parts."""
REGISTRY_ATTEMPTS = 3
"""How often a collection's attributes are asked for; an explanation is not worth more."""


class CdseCatalogue:
    """The catalogue's part of `hub.base.Hub`.

    Args:
        client: The run's HTTP client.
        url: Base of the OData catalogue, ``…/odata/v1``.
        clock: Where the time comes from.
        events: Who is told about counts.
    """

    def __init__(self, client: HttpClient, url: str, *, clock: Clock, events: EventBus) -> None:
        self.url = url
        self._client = client
        self._clock = clock
        self._events = events

    @asynccontextmanager
    async def search(
        self, query: Query, *, attributes: bool = False
    ) -> AsyncIterator[AsyncIterator[Product]]:
        """See `Hub.search`."""
        relation = await anyio.to_thread.run_sync(Relation, query) if is_needed(query) else None
        async with (
            one_error_task_group() as group,
            aclosing(self._matches(_Search(group, attributes, relation), query)) as products,
        ):
            yield products
            group.cancel_scope.cancel()

    async def count(self, query: Query) -> int:
        """See `Hub.count`. What the service cannot tell itself is listed and counted here."""
        total = 0
        if is_needed(query):
            async with self.search(msgspec.structs.replace(query, limit=None)) as products:
                async for _ in products:
                    total += 1
            return total
        for few in (few for part in _parts(query) for few in _named_parts(part)):
            page = await self._page(few, whole_listing(few), top=1, count=True)
            if page.count is None:
                raise CatalogueError(
                    "the catalogue's answer has no count although it was asked for"
                )
            total += page.count
        return total

    async def by_name(self, names: Sequence[str]) -> list[Product]:
        """See `Hub.by_name`. Names the bulk look-up leaves out are asked for once more."""
        found: dict[str, Product] = {}
        url = f"{self.url}/Products/OData.CSC.FilterList"
        for batch in batches(names, NAMES_PER_REQUEST):
            wanted = {"FilterProducts": [{"Name": name} for name in batch]}
            page = await self._client.read(
                "POST",
                url,
                lambda body: parse_page(body, ""),
                json=wanted,
                refusal=catalogue_refusal,
            )
            found.update((product.id, product) for product in page.products)
        have = {product.name for product in found.values()}
        missing = [name for name in names if name not in have]
        for batch in batches(missing, NAMES_PER_FILTER):
            condition = odata.any_of([f"Name eq {odata.string(name)}" for name in batch])
            products = await self._all_at_once({"$filter": condition}, Query(collection=""))
            found.update((product.id, product) for product in products)
        return list(found.values())

    def deletions(self, collection: str, since: datetime) -> AsyncGenerator[Deletion]:
        """See `Hub.deletions`."""
        return walk(partial(read_deletions, self._client, self.url, collection), since)

    async def explain_empty(self, query: Query) -> str:
        """See `Hub.explain_empty`: asks for the collection's attributes, then for the values."""
        if not query.collection:
            return ""
        used = {
            name: kind
            for name, kind in odata.restricted_attributes(query).items()
            if name not in EVERYWHERE
        }
        known = await self._registry(query.collection) if used else {}
        if known and (unknown := [name for name in used if name not in known]):
            return f"{query.collection} has no attribute {', '.join(unknown)}, so nothing can match"
        for name, kind in used.items():
            # The service need not mind, so that only what finds nothing at all is worth a word.
            wrong = known and known[name] not in (kind, "")
            if wrong and not await self._has_any(_only_about(name, query)):
                return (
                    f"the hub keeps {name} as {known[name]} and was asked for it as {kind}, which "
                    f"may find nothing; --query can ask for OData.CSC.{known[name]}Attribute"
                )
        return await explain(query, self._has_any)

    async def _has_any(self, query: Query) -> bool:
        return bool((await self._page(query, whole_listing(query), top=1)).products)

    def describe(self, query: Query) -> str:
        """See `Hub.describe`."""
        direction = "desc" if query.newest_first else "asc"
        written = f"$filter={odata.filter_of(query)}&$orderby={odata.axis_of(query)} {direction}"
        if is_needed(query):
            written += f" (then footprints are tested here: {described(query)})"
        return written

    async def _registry(self, collection: str) -> dict[str, str]:
        """A collection's attributes and their types; empty when the hub keeps no registry."""
        url = f"{self.url}/Attributes({quote(collection)})"
        try:
            listed = await self._client.read(
                "GET", url, _decode_registry, refusal=catalogue_refusal, attempts=REGISTRY_ATTEMPTS
            )
        except (CatalogueError, QueryError):
            return {}
        return {entry.name: entry.value_type for entry in listed}

    # What a listing does not need is not put around it: every product of millions would pay for it.

    def _matches(self, search: _Search, query: Query) -> AsyncGenerator[Product]:
        if query.order is Order.EVICTION:
            whole = msgspec.structs.replace(query, order=Order.SENSING, limit=None)
            source = by_eviction(lambda: self._matches(search, whole))
        elif len(parts := _parts(query)) > 1:
            source = self._merged(search, query, parts)
        else:
            source = self._related(search, query)
        return source if query.limit is None else limited(source, query.limit)

    def _related(self, search: _Search, query: Query) -> AsyncGenerator[Product]:
        """What the service lists, without those whose footprints do not lie as they should.

        The service only knows whether footprints and area intersect, so that a limit cannot be left
        to it when more is asked.
        """
        relation = search.relation
        if query.names or query.ids:
            source = self._named(search, query)
        elif query.limit is not None and query.limit <= WINDOW_ROWS and relation is None:
            source = self._first_rows(search, query, query.limit)
        else:
            source = self._all(search, query)
        return source if relation is None else _holding(relation, source)

    async def _all(self, search: _Search, query: Query) -> AsyncGenerator[Product]:
        async def read_page(
            window: Window, *, skip: int, top: int, descending: bool, count: bool
        ) -> Page:
            return await self._page(
                query,
                window,
                skip=skip,
                top=top,
                descending=descending,
                count=count,
                attributes=search.attributes,
            )

        listing = Listing(
            read_page, whole_listing(query), descending=query.newest_first, now=self._clock.now()
        )
        async with aclosing(listing.pages(search.group)) as pages:
            async for page in pages:
                self._tell_count(search, query, listing.counted)
                for product in page:
                    yield product

    def _tell_count(self, search: _Search, query: Query, counted: int | None) -> None:
        if counted is None or search.relation is not None or search.counts.get(query) == counted:
            return
        search.counts[query] = counted
        self._events.emit(CatalogueCounted(count=sum(search.counts.values())))

    async def _merged(
        self, search: _Search, query: Query, parts: list[Query]
    ) -> AsyncGenerator[Product]:
        """The matches of several queries that have none in common, in order."""
        async with AsyncExitStack() as stack:
            sources = [
                await stack.enter_async_context(aclosing(self._matches(search, part)))
                for part in parts
            ]
            place = partial(position, query)
            async for product in merged(sources, place, descending=query.newest_first):
                yield product

    async def _first_rows(
        self, search: _Search, query: Query, limit: int
    ) -> AsyncGenerator[Product]:
        """A few matches need no windows and no count."""
        seen: set[str] = set()
        skip = tries = 0
        while len(seen) < limit and skip <= WINDOW_ROWS:
            # Duplicates leave less than the limit behind the page that should have reached it.
            top = min(limit - (skip if skip < limit else len(seen)), PAGE_ROWS)
            page = await self._page(
                query, whole_listing(query), skip=skip, top=top, attributes=search.attributes
            )
            for product in page.products:
                if product.id not in seen:
                    seen.add(product.id)
                    yield product
            if len(page.products) >= top:
                skip, tries = skip + top, 0
            elif page.last:
                return
            else:
                tries += 1
                if tries == PASSES:
                    raise CatalogueError(
                        f"the hub lists {len(page.products)} of {top} products and says that more "
                        "follow",
                        did=f"Asked {PASSES} times",
                        advice="Run the same command again later; what was fetched is kept",
                    )

    async def _named(self, search: _Search, query: Query) -> AsyncGenerator[Product]:
        found: dict[str, Product] = {}
        if query.only_named and not query.ids and not search.attributes:
            found.update((product.id, product) for product in await self.by_name(query.names))
        else:
            for part in _named_parts(query):
                options = self._options(part, whole_listing(part), None, search.attributes)
                products = await self._all_at_once(options, query)
                found.update((product.id, product) for product in products)
        in_order = sorted(found.values(), key=partial(position, query), reverse=query.newest_first)
        for product in in_order:
            yield product

    async def _page(
        self,
        query: Query,
        window: Window,
        *,
        top: int,
        skip: int = 0,
        descending: bool | None = None,
        count: bool = False,
        attributes: bool = False,
    ) -> Page:
        options = self._options(query, window, descending, attributes)
        options["$top"] = str(top)
        if skip:
            options["$skip"] = str(skip)
        if count:
            options["$count"] = "true"
        return await self._get_page(options, query)

    def _options(
        self, query: Query, window: Window, descending: bool | None, attributes: bool
    ) -> dict[str, str]:
        down = query.newest_first if descending is None else descending
        options = {
            "$filter": odata.filter_of(query, window.limits),
            "$orderby": f"{window.axis} {'desc' if down else 'asc'}",
        }
        if attributes:
            options["$expand"] = "Attributes"
        return options

    async def _all_at_once(self, options: dict[str, str], query: Query) -> list[Product]:
        """All matches of a search that has only a few."""
        options = {**options, "$top": str(PAGE_ROWS), "$count": "true"}
        for _ in range(PASSES):
            page = await self._get_page(options, query)
            if page.count is None or len(page.products) >= page.count:
                return page.products
        raise CatalogueError(
            f"the hub counts {page.count} products but lists {len(page.products)} of them",
            did=f"Asked {PASSES} times",
            advice="Run the same command again later; what was fetched is kept",
        )

    async def _get_page(self, options: dict[str, str], query: Query) -> Page:
        refusal = partial(catalogue_refusal, users_own=bool(query.hub_query))
        return await self._client.read(
            "GET",
            f"{self.url}/Products?{odata.url_query(options)}",
            lambda body: parse_page(body, query.collection),
            refusal=refusal,
        )


class _Search(msgspec.Struct):
    """One search under way.

    Attributes:
        group: Where pages are read ahead.
        attributes: Whether they are wanted.
        relation: What footprints have to pass that the service cannot test, if anything.
        counts: How many rows were counted.
    """

    group: TaskGroup
    attributes: bool
    relation: Relation | None
    counts: dict[Query, int] = msgspec.field(default_factory=dict)


class _RegistryEntry(msgspec.Struct, rename="pascal"):
    name: str
    value_type: str = ""


async def _holding(
    relation: Relation, products: AsyncGenerator[Product]
) -> AsyncGenerator[Product]:
    async with aclosing(products):
        async for product in products:
            if relation.holds(product):
                yield product


def _only_about(attribute: str, query: Query) -> Query:
    """What a query wants of one attribute, anywhere in its collection."""
    conditions = [each for each in odata.attribute_conditions(query) if each.attribute == attribute]
    return Query(collection=query.collection, conditions=tuple(conditions), limit=1)


def _decode_registry(body: bytes) -> list[_RegistryEntry]:
    return msgspec.json.decode(body, type=list[_RegistryEntry])


def _parts(query: Query) -> list[Query]:
    """Queries that together match the same, with filters that are short enough if possible.

    They have no match in common, because what is cut are lists of values of attributes of which a
    product has one only.
    """
    batch = next(_named_parts(query))
    length = len(odata.url_query({"$filter": odata.filter_of(batch)}))
    if length <= FILTER_CHARACTERS:
        return [query]
    cut = halves(query, ("tiles", "relative_orbits"))
    return [query] if cut is None else [part for half in cut for part in _parts(half)]


def _named_parts(query: Query) -> Iterator[Query]:
    """Queries for a few of the names or identifiers each; the query itself when it has none."""
    if not query.names and not query.ids:
        yield query
    for names in batches(query.names, NAMES_PER_FILTER):
        yield msgspec.structs.replace(query, names=tuple(names), ids=())
    for ids in batches(query.ids, NAMES_PER_FILTER):
        yield msgspec.structs.replace(query, names=(), ids=tuple(ids))
