"""The Copernicus Data Space Ecosystem: OData catalogue and download service.

Source: Copernicus Data Space documentation, OData; error codes as the download service sends them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import aiohttp
import anyio
import msgspec
from anyio.abc import TaskGroup

from s2fetch.clock import Clock
from s2fetch.errors import CatalogueError, ConnectionLostError, HubBusyError, TokenRefusedError
from s2fetch.events import CatalogueCounted, EventBus
from s2fetch.hub import odata
from s2fetch.hub.base import Body, RetrievalAnswer, Validator
from s2fetch.hub.body import HttpBody
from s2fetch.hub.http import BUSY, HttpClient, busy_error
from s2fetch.hub.odata import Axis, Bounds
from s2fetch.hub.refusals import (
    Refusal,
    catalogue_refusal,
    download_refusal,
    read_refusal,
)
from s2fetch.hub.rows import Page, parse_page
from s2fetch.hub.windows import PAGE_ROWS, WINDOW_ROWS, Listing, Window
from s2fetch.product import Product
from s2fetch.query import Order, Query
from s2fetch.taskgroups import one_error_task_group

NAMES_PER_REQUEST = 50
"""Names in one bulk look-up; the service documents no limit, so a modest number."""
NAMES_PER_FILTER = 15
"""Names in one ``$filter``, so that URLs stay well below 8 kB."""
ERROR_BODY_BYTES = 64 * 1024
ERROR_BODY_SECONDS = 30.0
"""How much of a refusal is read, and for how long."""
LAST = datetime.max.replace(tzinfo=UTC)


class CdseHub:
    """The Copernicus Data Space, or any hub that speaks its protocol; see `hub.base.Hub`.

    Args:
        client: The run's HTTP client.
        catalogue_url: Base of the OData catalogue, ``…/odata/v1``.
        download_url: Base of the download service, ``…/odata/v1``.
        clock: Where the time comes from.
        events: Who is told about counts.
    """

    def __init__(
        self,
        client: HttpClient,
        *,
        catalogue_url: str,
        download_url: str,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self.url = catalogue_url
        self._download_url = download_url
        self._client = client
        self._clock = clock
        self._events = events

    # Catalogue

    @asynccontextmanager
    async def search(
        self, query: Query, *, attributes: bool = False
    ) -> AsyncIterator[AsyncIterator[Product]]:
        """See `Hub.search`."""
        async with (
            one_error_task_group() as group,
            aclosing(self._matches(group, query, attributes)) as products,
        ):
            yield products
            group.cancel_scope.cancel()

    async def count(self, query: Query) -> int:
        """See `Hub.count`."""
        page = await self._page(query, Window(Bounds()), top=1, count=True)
        if page.count is None:
            raise CatalogueError("the catalogue's answer has no count although it was asked for")
        return page.count

    async def by_name(self, names: Sequence[str]) -> list[Product]:
        """See `Hub.by_name`. Names the bulk look-up leaves out are asked for once more."""
        found: dict[str, Product] = {}
        url = f"{self.url}/Products/OData.CSC.FilterList"
        for batch in _batches(names, NAMES_PER_REQUEST):
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
        for batch in _batches(missing, NAMES_PER_FILTER):
            condition = odata.any_of([f"Name eq {odata.string(name)}" for name in batch])
            page = await self._get_page({"$filter": condition, "$top": str(PAGE_ROWS)}, "")
            found.update((product.id, product) for product in page.products)
        return list(found.values())

    async def explain_empty(self, query: Query) -> str:
        """See `Hub.explain_empty`: asks for the collection's attributes, then for the types."""
        used = odata.restricted_attributes(query)
        if not used and not query.product_types:
            return ""
        known = await self._registry(query.collection)
        if known is not None and (unknown := [name for name in used if name not in known]):
            return f"{query.collection} has no attribute {', '.join(unknown)}, so nothing can match"
        for product_type in query.product_types:
            alone = Query(collection=query.collection, product_types=(product_type,), limit=1)
            page = await self._page(alone, Window(Bounds()), top=1)
            if not page.products:
                return f"the hub has no product of type {product_type} in {query.collection}"
        return ""

    def describe(self, query: Query) -> str:
        """See `Hub.describe`."""
        direction = "desc" if query.newest_first else "asc"
        return f"$filter={odata.filter_of(query)}&$orderby={odata.axis_of(query)} {direction}"

    async def _registry(self, collection: str) -> frozenset[str] | None:
        """Names of a collection's attributes, or None when the hub keeps no registry."""
        url = f"{self.url}/Attributes({quote(collection)})"
        try:
            listed = await self._client.read(
                "GET", url, _decode_registry, refusal=catalogue_refusal
            )
        except CatalogueError:
            return None
        return frozenset(entry.name for entry in listed)

    async def _matches(
        self, group: TaskGroup, query: Query, attributes: bool
    ) -> AsyncGenerator[Product]:
        if query.order is Order.EVICTION:
            source = self._by_eviction(group, query, attributes)
        elif query.names:
            source = self._named(query, attributes)
        elif query.limit is not None and query.limit <= WINDOW_ROWS:
            source = self._first_rows(query, query.limit, attributes)
        else:
            source = self._all(group, query, attributes)
        left = query.limit
        async with aclosing(source) as products:
            async for product in products:
                if left is not None:
                    if left <= 0:
                        return
                    left -= 1
                yield product

    async def _all(
        self, group: TaskGroup, query: Query, attributes: bool
    ) -> AsyncGenerator[Product]:
        axis = odata.axis_of(query)
        period = Bounds(query.sensing_from, query.sensing_to) if axis is Axis.SENSING else Bounds()

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
                attributes=attributes,
            )

        listing = Listing(
            read_page,
            axis=axis,
            period=period,
            descending=query.newest_first,
            now=self._clock.now(),
        )
        told = False
        async with aclosing(listing.pages(group)) as pages:
            async for page in pages:
                if not told and listing.counted is not None:
                    self._events.emit(CatalogueCounted(count=listing.counted))
                    told = True
                for product in page:
                    yield product

    async def _first_rows(
        self, query: Query, limit: int, attributes: bool
    ) -> AsyncGenerator[Product]:
        """A few matches need no windows and no count."""
        seen: set[str] = set()
        skip = 0
        while len(seen) < limit and skip <= WINDOW_ROWS:
            top = min(limit - len(seen), PAGE_ROWS)
            page = await self._page(
                query, Window(Bounds()), skip=skip, top=top, attributes=attributes
            )
            for product in page.products:
                if product.id not in seen:
                    seen.add(product.id)
                    yield product
            skip += top
            if len(page.products) < top:
                return

    async def _named(self, query: Query, attributes: bool) -> AsyncGenerator[Product]:
        found: dict[str, Product] = {}
        for batch in _batches(query.names, NAMES_PER_FILTER):
            part = msgspec.structs.replace(query, names=tuple(batch))
            page = await self._page(part, Window(Bounds()), attributes=attributes)
            found.update((product.id, product) for product in page.products)

        def position(product: Product) -> tuple[datetime, str]:
            by_publication = query.order is Order.PUBLICATION
            time = product.published if by_publication else product.sensing_start
            return time or LAST, product.id

        for product in sorted(found.values(), key=position, reverse=query.newest_first):
            yield product

    async def _by_eviction(
        self, group: TaskGroup, query: Query, attributes: bool
    ) -> AsyncGenerator[Product]:
        """What leaves the hub, soonest first; then all the rest.

        The hub cannot order by eviction. Reading the listing twice keeps the memory needed
        proportional to the products that leave, which are few, and not to all of them.
        """
        whole = msgspec.structs.replace(query, order=Order.SENSING, limit=None)
        async with aclosing(self._matches(group, whole, attributes)) as products:
            leaving = [product async for product in products if product.evicted is not None]
        leaving.sort(key=lambda product: (product.evicted or LAST, product.id))
        for product in leaving:
            yield product
        done = {product.id for product in leaving}
        async with aclosing(self._matches(group, whole, attributes)) as products:
            async for product in products:
                if product.id not in done:
                    yield product

    async def _page(
        self,
        query: Query,
        window: Window,
        *,
        skip: int = 0,
        top: int = PAGE_ROWS,
        descending: bool | None = None,
        count: bool = False,
        attributes: bool = False,
    ) -> Page:
        axis = odata.axis_of(query)
        windows = window.on(axis)
        if windows[axis] == Bounds():
            del windows[axis]
        down = query.newest_first if descending is None else descending
        options = {
            "$filter": odata.filter_of(query, windows),
            "$orderby": f"{axis} {'desc' if down else 'asc'}",
            "$top": str(top),
        }
        if skip:
            options["$skip"] = str(skip)
        if count:
            options["$count"] = "true"
        if attributes:
            options["$expand"] = "Attributes"
        return await self._get_page(options, query.collection)

    async def _get_page(self, options: dict[str, str], collection: str) -> Page:
        return await self._client.read(
            "GET",
            f"{self.url}/Products?{odata.url_query(options)}",
            lambda body: parse_page(body, collection),
            refusal=catalogue_refusal,
        )

    # Download

    async def wait_until_ready(self, account: str = "") -> None:
        """See `Hub.wait_until_ready`."""
        await self._client.gate(self._download_url).wait(account)

    @property
    def successes(self) -> int:
        """See `Hub.successes`."""
        return self._client.gate(self._download_url).successes

    @asynccontextmanager
    async def open(
        self, product: Product, *, offset: int, validator: Validator, token: str, account: str
    ) -> AsyncIterator[Body]:
        """See `Hub.open`."""
        headers = {"Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
            if validator.for_if_range:
                headers["If-Range"] = validator.for_if_range
        async with self._value(product, headers, token) as answer:
            if answer.status not in (200, 206):
                raise await self._refused(answer, product, account, ranged=offset > 0)
            self._client.gate(self._download_url).up()
            yield HttpBody(answer, product.name)

    async def request_retrieval(
        self, product: Product, *, token: str, account: str
    ) -> tuple[RetrievalAnswer, str]:
        """See `Hub.request_retrieval`.

        The product is asked for by one byte, so that nothing big starts should it be online. The
        service answers 202 when it takes the order; what else it may say is not documented, and
        means that the product has to be waited for.
        """
        headers = {"Accept-Encoding": "identity", "Range": "bytes=0-0"}
        async with self._value(product, headers, token) as answer:
            if answer.status in (200, 206):
                self._client.gate(self._download_url).up()
                return RetrievalAnswer.ONLINE, str(answer.status)
            if answer.status == 202:
                self._client.gate(self._download_url).up()
                return RetrievalAnswer.ACCEPTED, "202"
            said = read_refusal(answer.status, await _error_body(answer))
            if said.about_quota:
                return RetrievalAnswer.QUOTA, str(said)
            if answer.status in BUSY or said.about_account or answer.status == 401:
                raise self._refusal(answer, said, b"", product, account, ranged=False)
            return RetrievalAnswer.REFUSED, str(said)

    @asynccontextmanager
    async def _value(
        self, product: Product, headers: dict[str, str], token: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = f"{self._download_url}/Products({quote(product.id, safe='')})/$value"
        answered = False
        try:
            async with self._client.open(url, headers=headers, token=token) as answer:
                answered = True
                yield answer
        except ConnectionLostError as error:
            if answered:
                raise
            self._client.gate(url).down(error.what)
            raise HubBusyError(error.what) from error

    async def _refused(
        self, answer: aiohttp.ClientResponse, product: Product, account: str, *, ranged: bool
    ) -> Exception:
        body = await _error_body(answer)
        said = read_refusal(answer.status, body)
        return self._refusal(answer, said, body, product, account, ranged=ranged)

    def _refusal(
        self,
        answer: aiohttp.ClientResponse,
        said: Refusal,
        body: bytes,
        product: Product,
        account: str,
        *,
        ranged: bool,
    ) -> Exception:
        if answer.status in BUSY or said.about_account or said.from_firewall:
            busy = busy_error(answer, body, account_only=said.about_account)
            self._client.gate(self._download_url).busy(busy, account)
            return busy
        error = download_refusal(said, product.name, ranged=ranged)
        if not isinstance(error, TokenRefusedError):
            self._client.gate(self._download_url).up()
        return error


class _RegistryEntry(msgspec.Struct, rename="pascal"):
    name: str


def _decode_registry(body: bytes) -> list[_RegistryEntry]:
    return msgspec.json.decode(body, type=list[_RegistryEntry])


async def _error_body(answer: aiohttp.ClientResponse) -> bytes:
    with anyio.move_on_after(ERROR_BODY_SECONDS):
        try:
            return await answer.content.read(ERROR_BODY_BYTES)
        except aiohttp.ClientError:
            return b""
    return b""


def _batches(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]
