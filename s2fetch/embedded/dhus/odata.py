"""The OData v1 service: products, their properties and attributes, feeds, deleted products.

Source: the entity model and the exceptions of the open DHuS core; recorded answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from s2fetch.embedded.delivery import deliver_bytes, plain
from s2fetch.embedded.dhus.downloads import Downloads
from s2fetch.embedded.dhus.filter import DELETED_VALUES, PRODUCT_VALUES, Reader, read_filter
from s2fetch.embedded.dhus.products import (
    Members,
    atom_entry,
    attribute_members,
    deleted_members,
    picture_members,
    plain_value,
    product_members,
    product_uri,
)
from s2fetch.embedded.dhus.refusals import Refusal, odata_error
from s2fetch.embedded.dhus.state import DhusState
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import NO_EFFECTS, Effects, Kind
from s2fetch.embedded.identity import User
from s2fetch.embedded.listing import Ordering
from s2fetch.embedded.paths import Segment, segments

_USUAL_TOP = 50
_PICTURES = ("Quicklook", "Thumbnail")
_HEADERS = {"dataserviceversion": "2.0", "pragma": "no-cache", "vary": "Accept-Encoding"}
_ATOM = (
    'xmlns="http://www.w3.org/2005/Atom"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
)
_FORMATS = ("json", "xml", "atom")
_SETS = ("Products", "DeletedProducts", "Collections")


class ODataService:
    """Answers requests below ``/odata/v1``.

    Args:
        state: What it serves and how.
    """

    def __init__(self, state: DhusState) -> None:
        self._state = state
        self._downloads = Downloads(state)

    async def handle(self, request: web.Request, user: User) -> web.StreamResponse:
        """Answer a request of a user; refusals take the form of the generation."""
        await self._state.orders.settle()
        path = request.match_info["path"].strip("/")
        try:
            if request.method not in ("GET", "HEAD"):
                raise Refusal(501, "Not implemented", "ODataNotImplementedException")
            if request.query.get("$format", "json") not in _FORMATS:
                raise Refusal(415, "Requested format is not supported", "NotAcceptableException")
            steps = segments(path) if path else ()
            if steps is None:
                raise Refusal(404, "Invalid navigation", "ODataNotFoundException")
            return await self._dispatch(request, user, steps)
        except Refusal as refusal:
            status = refusal.status
            if self._state.settings.generation.old and not refusal.always:
                status = 500
            empty = path.endswith("$value") and status == 500
            json = _wants_json(request)
            return plain(
                odata_error(status, refusal.message, refusal.cause, json=json, empty=empty)
            )

    async def _dispatch(
        self, request: web.Request, user: User, steps: Sequence[Segment]
    ) -> web.StreamResponse:
        match steps:
            case ():
                sets = {"d": {"EntitySets": list(_SETS)}}
                return _json(sets)
            case (Segment("Products" | "DeletedProducts" | "Collections" as name, None), *rest):
                if rest not in ([], [Segment("$count")]):
                    raise Refusal(404, "Invalid navigation", "ODataNotFoundException")
                return await self._feed(request, name, count_only=bool(rest))
            case (Segment("Products", str(key)), *rest):
                return await self._product(request, user, _unquoted(key), rest)
            case (Segment("DeletedProducts", str(key)),):
                return await self._deleted(request, _unquoted(key))
        raise Refusal(404, "Invalid navigation", "ODataNotFoundException")

    async def _product(
        self, request: web.Request, user: User, key: str, steps: Sequence[Segment]
    ) -> web.StreamResponse:
        entry = self._state.catalogue.entry(key)
        match steps:
            case ():
                effects = await self._state.begin(Kind.LOOKUP, entry)
                members = self._members(_known(entry, key), Kind.LOOKUP)
                return await self._entity(request, self._expanded(request, members), effects)
            case (Segment("$value", None),):
                return await self._downloads.product(request, user, entry, key)
            case (Segment("Products", None),):
                effects = await self._state.begin(Kind.LOOKUP, entry)
                found = self._pictures(_known(entry, key))
                return await self._entities(request, found, effects)
            case (Segment("Products", str(name)), *rest) if _unquoted(name) in _PICTURES:
                return await self._picture(request, entry, key, _unquoted(name), rest)
            case (Segment("Nodes"), *_):
                return await self._downloads.nodes(request, user, entry, key, steps)
            case (Segment("Attributes", name), *rest):
                return await self._attributes(request, entry, key, name, rest)
        return await self._property(request, entry, key, steps)

    async def _property(
        self, request: web.Request, entry: Entry | None, key: str, steps: Sequence[Segment]
    ) -> web.StreamResponse:
        effects = await self._state.begin(Kind.PROPERTY, entry)
        members = self._members(_known(entry, key), Kind.PROPERTY)
        return await _property_answer(request, members, steps, effects)

    async def _attributes(
        self,
        request: web.Request,
        entry: Entry | None,
        key: str,
        name: str | None,
        steps: Sequence[Segment],
    ) -> web.StreamResponse:
        effects = await self._state.begin(Kind.ATTRIBUTES, entry)
        found = self._attribute_members(_known(entry, key))
        if name is None:
            return await self._entities(request, found, effects)
        wanted = _unquoted(name)
        for members in found:
            if members["Id"] == wanted:
                if steps:
                    return await _property_answer(request, members, steps, effects)
                return await self._entity(request, members, effects)
        raise _invalid_key(wanted, "Attributes")

    async def _picture(
        self,
        request: web.Request,
        entry: Entry | None,
        key: str,
        name: str,
        steps: Sequence[Segment],
    ) -> web.StreamResponse:
        if list(steps) == [Segment("$value")]:
            return await self._downloads.picture(request, entry, key, name)
        effects = await self._state.begin(Kind.QUICKLOOK, entry)
        uri = product_uri(self._state.root, key)
        members = picture_members(_known(entry, key), name, uri)
        if steps:
            return await _property_answer(request, members, steps, effects)
        return await self._entity(request, members, effects)

    async def _deleted(self, request: web.Request, key: str) -> web.StreamResponse:
        effects = await self._state.begin(Kind.DELETED)
        for entry in self._deleted_entries():
            if entry.id == key:
                members = deleted_members(entry, self._state.settings, self._state.root)
                return await self._entity(request, members, effects)
        raise _invalid_key(key, "DeletedProducts")

    async def _feed(
        self, request: web.Request, name: str, *, count_only: bool
    ) -> web.StreamResponse:
        kind = Kind.FEED if name == "Products" else Kind.DELETED
        effects = await self._state.begin(kind)
        query, state = request.query, self._state
        values = PRODUCT_VALUES if name == "Products" else DELETED_VALUES
        entries = {
            "Products": state.entries,
            "DeletedProducts": self._deleted_entries,
        }.get(name, list[Entry])()
        if text := query.get("$filter"):
            test = read_filter(text, values)
            entries = [entry for entry in entries if test(entry)]
        total = len(entries)
        if count_only:
            return await _text(request, str(total), effects)
        entries = _ordered(entries, query.get("$orderby", ""), values)
        skip, top = _number(query, "$skip", 0), _number(query, "$top", _USUAL_TOP)
        page = entries[skip : skip + top]
        if name == "Products":
            members = [self._expanded(request, self._members(one, Kind.FEED)) for one in page]
        else:
            members = [deleted_members(one, state.settings, state.root) for one in page]
        members = [_selected(one, query.get("$select", "")) for one in members]
        counted = query.get("$inlinecount") == "allpages"
        return await self._entities(request, members, effects, total if counted else None)

    def _members(self, entry: Entry, kind: Kind) -> Members:
        members = product_members(entry, self._state.settings, self._state.root)
        changes = self._state.faults.row_changes(kind, entry)
        return members | {name: one for name, one in changes.items() if name[:1].isupper()}

    def _attribute_members(self, entry: Entry) -> list[Members]:
        uri = product_uri(self._state.root, entry.id)
        return attribute_members(self._state.document(entry), uri)

    def _expanded(self, request: web.Request, members: Members) -> Members:
        wanted = [name.strip() for name in request.query.get("$expand", "").split(",")]
        entry = self._state.catalogue.entry(members["Id"])
        if entry is None:
            return members
        if "Attributes" in wanted:
            members = members | {"Attributes": {"results": self._attribute_members(entry)}}
        if "Products" in wanted:
            members = members | {"Products": {"results": self._pictures(entry)}}
        return members

    def _pictures(self, entry: Entry) -> list[Members]:
        uri = product_uri(self._state.root, entry.id)
        return [picture_members(entry, name, uri) for name in _PICTURES]

    def _deleted_entries(self) -> list[Entry]:
        order = Ordering("DeletionDate")
        return list(self._state.catalogue.search_deleted(None, order, 0, 1 << 62).rows)

    async def _entity(
        self, request: web.Request, members: Members, effects: Effects
    ) -> web.StreamResponse:
        members = _selected(members, request.query.get("$select", ""))
        if _wants_json(request):
            return await _sent(request, _encoded({"d": members}), effects)
        text = atom_entry(members).replace("<entry>", f"<entry {_ATOM}>", 1)
        return await _sent(request, _xml(text), effects, "application/atom+xml")

    async def _entities(
        self,
        request: web.Request,
        found: Sequence[Members],
        effects: Effects,
        total: int | None = None,
    ) -> web.StreamResponse:
        if _wants_json(request):
            counted = {} if total is None else {"__count": str(total)}
            return await _sent(request, _encoded({"d": {**counted, "results": found}}), effects)
        inside = "".join(map(atom_entry, found))
        count = "" if total is None else f"<m:count>{total}</m:count>"
        text = f"<feed {_ATOM}>{count}{inside}</feed>"
        return await _sent(request, _xml(text), effects, "application/atom+xml")


async def _property_answer(
    request: web.Request, members: Members, steps: Sequence[Segment], effects: Effects
) -> web.StreamResponse:
    """A property, or a member of a complex one; with ``$value`` its text."""
    names = [step.name for step in steps]
    raw = names[-1] == "$value"
    path = names[:-1] if raw else names
    value: Any = members
    for name in path:
        if not isinstance(value, dict) or name not in value or name.startswith("__"):
            raise Refusal(
                404, f"Could not find property with name: '{name}'.", "UriSyntaxException"
            )
        value = value[name]
    if raw:
        if value is None or isinstance(value, dict):
            raise Refusal(404, "Unset navigation target", "ODataNotFoundException")
        return await _text(request, plain_value(value), effects)
    if _wants_json(request):
        return await _sent(request, _encoded({"d": {path[-1]: value}}), effects)
    from xml.sax.saxutils import escape

    shown = "" if value is None or isinstance(value, dict) else escape(plain_value(value))
    space = "http://schemas.microsoft.com/ado/2007/08/dataservices"
    text = f'<{path[-1]} xmlns="{space}">{shown}</{path[-1]}>'
    return await _sent(request, _xml(text), effects, "application/xml")


def _known(entry: Entry | None, key: str) -> Entry:
    if entry is None:
        raise _invalid_key(key, "Products")
    return entry


def _invalid_key(key: str, entity_set: str) -> Refusal:
    return Refusal(404, f"Invalid key ({key}) to access {entity_set}", "InvalidKeyException")


def _unquoted(key: str) -> str:
    """A key of OData without its quotes.

    Raises:
        Refusal: It has none.
    """
    if len(key) < 2 or key[0] != "'" or key[-1] != "'":
        raise Refusal(400, "Invalid key predicate in URI.", "UriSyntaxException")
    return key[1:-1].replace("''", "'")


def _ordered(entries: list[Entry], text: str, values: Mapping[str, Reader]) -> list[Entry]:
    for part in reversed(text.split(",") if text else []):
        name, _, direction = part.strip().partition(" ")
        if name not in values or direction.strip() not in ("", "asc", "desc"):
            raise Refusal(400, f"Invalid orderby expression: '{text}'.", "UriSyntaxException")
        key: Callable[[Entry], Any] = values[name]
        entries = sorted(entries, key=key, reverse=direction.strip() == "desc")
    return entries


def _number(query: Mapping[str, str], option: str, default: int) -> int:
    text = query.get(option)
    if text is None:
        return default
    if not text.isdecimal():
        raise Refusal(400, f"Invalid value: '{text}' for {option}.", "UriSyntaxException")
    return int(text)


def _selected(members: Members, select: str) -> Members:
    wanted = {name.strip() for name in select.split(",") if name.strip()}
    if not wanted or "*" in wanted:
        return members
    return {name: value for name, value in members.items() if name in {"__metadata", *wanted}}


def _wants_json(request: web.Request) -> bool:
    form = request.query.get("$format")
    return form == "json" if form else "application/json" in request.headers.get("Accept", "")


def _encoded(value: object) -> bytes:
    return msgspec.json.encode(value)


def _xml(text: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()


def _json(value: object) -> web.Response:
    return web.Response(body=_encoded(value), content_type="application/json", headers=_HEADERS)


async def _text(request: web.Request, text: str, effects: Effects) -> web.StreamResponse:
    if effects:
        return await deliver_bytes(request, text.encode(), effects, "text/plain;charset=utf-8")
    headers = {**_HEADERS, "Content-Type": "text/plain;charset=utf-8"}
    return web.Response(body=text.encode(), headers=headers)


async def _sent(
    request: web.Request,
    data: bytes,
    effects: Effects = NO_EFFECTS,
    content_type: str = "application/json",
) -> web.StreamResponse:
    response = await deliver_bytes(request, data, effects, content_type)
    if not response.prepared:
        response.headers.update(_HEADERS)
    return response
