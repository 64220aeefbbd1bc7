"""The OData catalogue: search, lookup, names, attributes, tombstones, quicklooks.

Source: Copernicus Data Space documentation, OData.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from aiohttp import web

from s2fetch.embedded import answers
from s2fetch.embedded.delivery import deliver_bytes, plain
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import BrokenJson, Effects, Kind, MissingRows
from s2fetch.embedded.nodes import children, node_content
from s2fetch.embedded.odata_filter import (
    COLLECTIONS,
    DELETED_PATHS,
    PRODUCT_PATHS,
    FilterError,
)
from s2fetch.embedded.options import (
    DELETED_ORDERS,
    PRODUCT_ORDERS,
    OptionError,
    Options,
    has_next,
    next_link,
    read_options,
)
from s2fetch.embedded.paths import Segment, is_uuid, segments
from s2fetch.embedded.registry import ATTRIBUTES
from s2fetch.embedded.rows import EXPANDABLE, ProductRow, deleted_row, product_row
from s2fetch.embedded.state import HubState
from s2fetch.embedded.subscriptions import SubscriptionService

_CSC = "OData.CSC.FilterList"


class CatalogueService:
    """Answers the requests of the catalogue host.

    Args:
        state: What it serves and how.
        subscriptions: Who is told what is new.
    """

    def __init__(self, state: HubState, subscriptions: SubscriptionService) -> None:
        self._state = state
        self._subscriptions = subscriptions
        self._encoder = msgspec.json.Encoder()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request below the root of the service."""
        self._state.settle()
        try:
            return await self._dispatch(request)
        except OptionError as error:
            return plain(error.answer)
        except FilterError as error:
            return plain(answers.catalogue_error(400, str(error)))

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        match segments(request.path), request.method:
            case (Segment("Products", None),), "GET" | "HEAD":
                return await self._search(request)
            case (Segment("DeletedProducts", None),), "GET" | "HEAD":
                return await self._deleted(request)
            case (Segment("Products", str(key)),), "GET" | "HEAD":
                return await self._lookup(request, key)
            case (Segment("Products", str(key)), Segment("$value" | "$zip", None)), "GET" | "HEAD":
                return await self._to_download(request, key)
            case (Segment("Products", None), Segment(name, None)), "POST" if name == _CSC:
                return await self._names(request)
            case (Segment("Attributes", str(key)),), "GET" | "HEAD":
                return await self._attributes(request, key)
            case (Segment("Subscriptions", key), *rest), _:
                return await self._subscriptions.handle(request, key, tuple(rest))
            case (Segment("Assets", str(key)), Segment("$value", None)), "GET" | "HEAD":
                return await self._quicklook(request, key)
            case _:
                return plain(answers.catalogue_error(404, "Not Found"))

    async def _search(self, request: web.Request) -> web.StreamResponse:
        effects = await self._state.begin(Kind.SEARCH)
        options = read_options(request.query, PRODUCT_PATHS, PRODUCT_ORDERS)
        found = self._state.catalogue.search(
            options.expression, options.ordering, options.skip, options.top
        )
        rows = self._rows(found.rows, options, Kind.SEARCH)
        context = "$metadata#Products" + _expanded(options)
        page = self._page(request, context, rows, options, found.total, effects)
        return await self._json(request, page, effects)

    async def _deleted(self, request: web.Request) -> web.StreamResponse:
        effects = await self._state.begin(Kind.DELETED)
        options = read_options(request.query, DELETED_PATHS, DELETED_ORDERS)
        found = self._state.catalogue.search_deleted(
            options.expression, options.ordering, options.skip, options.top
        )
        rows = [deleted_row(entry, options.expand) for entry in found.rows]
        context = "$metadata#DeletedProducts" + _expanded(options)
        page = self._page(request, context, rows, options, found.total, effects)
        return await self._json(request, page, effects)

    async def _lookup(self, request: web.Request, key: str) -> web.StreamResponse:
        entry = self._state.catalogue.entry(key.lower()) if is_uuid(key) else None
        effects = await self._state.begin(Kind.LOOKUP, entry)
        if not is_uuid(key):
            return plain(answers.catalogue_error(422, f"Invalid product id: {key}"))
        if entry is None:
            return plain(answers.catalogue_error(404, f"Product {key} not found"))
        options = read_options(request.query, PRODUCT_PATHS, PRODUCT_ORDERS)
        row = self._encoder.encode(self._rows((entry,), options, Kind.LOOKUP)[0])
        context = self._encoder.encode(f"$metadata#Products{_expanded(options)}/$entity")
        data = b'{"@odata.context":' + context + b"," + row[1:]
        return await self._json(request, data, effects)

    async def _names(self, request: web.Request) -> web.StreamResponse:
        effects = await self._state.begin(Kind.NAMES)
        try:
            wanted = msgspec.json.decode(await request.read(), type=NameList)
        except msgspec.DecodeError as error:
            return plain(answers.catalogue_error(422, str(error)))
        options = read_options(request.query, PRODUCT_PATHS, PRODUCT_ORDERS)
        entries = self._state.catalogue.named(one.Name for one in wanted.FilterProducts)
        rows = self._rows(entries, options, Kind.NAMES)
        page = {"@odata.context": "$metadata#Products" + _expanded(options), "value": rows}
        return await self._json(request, self._encoder.encode(page), effects)

    async def _attributes(self, request: web.Request, key: str) -> web.StreamResponse:
        effects = await self._state.begin(Kind.ATTRIBUTES)
        if key not in COLLECTIONS:
            return plain(answers.catalogue_error(404, f"Collection {key} not found"))
        rows = [{"Name": name, "ValueType": kind} for name, kind in ATTRIBUTES.get(key, ())]
        return await self._json(request, self._encoder.encode(rows), effects)

    async def _to_download(self, request: web.Request, key: str) -> web.StreamResponse:
        entry = self._state.catalogue.entry(key.lower())
        await self._state.begin(Kind.REDIRECT, entry)
        location = f"{self._state.download_origin}{request.raw_path}"
        return web.Response(status=301, headers={"Location": location})

    async def _quicklook(self, request: web.Request, key: str) -> web.StreamResponse:
        entry = self._state.catalogue.by_quicklook(key.lower())
        effects = await self._state.begin(Kind.QUICKLOOK, entry)
        body = None if entry is None else self._state.catalogue.body(entry.id)
        if entry is None or body is None:
            return plain(answers.catalogue_error(404, f"Asset {key} not found"))
        for node in await children(body, entry.name, (entry.name,)) or ():
            if node.name.endswith("-ql.jpg"):
                content = await node_content(body, (entry.name, node.name))
                if content is not None:
                    data = await content.read(0, content.size)
                    content.close()
                    return await deliver_bytes(request, data, effects, "image/jpeg")
        return plain(answers.catalogue_error(404, f"Asset {key} not found"))

    def _rows(self, entries: Iterable[Entry], options: Options, kind: Kind) -> list[Any]:
        state = self._state
        origin, expand = state.catalogue_origin, options.expand
        rows: list[Any] = [product_row(entry, expand, origin) for entry in entries]
        if not state.faults.changes_rows and options.select is None:
            return rows
        return [self._altered(row, options, kind) for row in rows]

    def _altered(self, row: ProductRow, options: Options, kind: Kind) -> dict[str, Any]:
        members: dict[str, Any] = msgspec.json.decode(self._encoder.encode(row))
        entry = self._state.catalogue.entry(members["Id"])
        if entry is not None:
            members.update(self._state.faults.row_changes(kind, entry))
        if options.select is None:
            return members
        kept = {"@odata.mediaContentType", *options.select, *EXPANDABLE}
        return {name: value for name, value in members.items() if name in kept}

    def _page(
        self,
        request: web.Request,
        context: str,
        rows: list[Any],
        options: Options,
        total: int,
        effects: Effects,
    ) -> bytes:
        if missing := effects.one(MissingRows):
            rows = rows[: max(0, len(rows) - missing.count)]
        page: dict[str, Any] = {"@odata.context": context}
        if options.count:
            page["@odata.count"] = total
        page["value"] = rows
        if has_next(options, total):
            page["@odata.nextLink"] = next_link(
                self._state.catalogue_origin, request.path, request.query, options
            )
        return self._encoder.encode(page)

    async def _json(
        self, request: web.Request, data: bytes, effects: Effects
    ) -> web.StreamResponse:
        if broken := effects.one(BrokenJson):
            data = data[: broken.keep]
        return await deliver_bytes(request, data, effects)


class WantedName(msgspec.Struct, frozen=True):
    """One name of a bulk lookup."""

    Name: str


class NameList(msgspec.Struct, frozen=True):
    """The body of a bulk lookup."""

    FilterProducts: list[WantedName]


def _expanded(options: Options) -> str:
    inside = ",".join(f"{name}()" for name in options.expand)
    return f"({inside})" if inside else ""
