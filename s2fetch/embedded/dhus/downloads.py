"""Bytes of products: whole ones, files inside, pictures; flows and orders with them.

Source: the product entity, the channel queue and the data stores of the open DHuS core. The order
of checks matters: a product that is offline is ordered before anything is counted, and a download
is charged before its range is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from aiohttp import web

from s2fetch.embedded.content import BytesContent, Content, open_body
from s2fetch.embedded.delivery import Outgoing, damaged, deliver, plain
from s2fetch.embedded.dhus.documents import download_name, identifier
from s2fetch.embedded.dhus.media import condition, media_headers, span
from s2fetch.embedded.dhus.products import listed_md5, node_members, product_uri
from s2fetch.embedded.dhus.refusals import STREAM, Refusal
from s2fetch.embedded.dhus.state import DhusState
from s2fetch.embedded.entry import Entry, read_time
from s2fetch.embedded.faults import Answer, Changed, Effects, Kind, OrderFails, WrongRange
from s2fetch.embedded.identity import User
from s2fetch.embedded.listing import Body
from s2fetch.embedded.nodes import children, node_content
from s2fetch.embedded.paths import Segment
from s2fetch.embedded.quicklook import grey_jpeg
from s2fetch.embedded.state import Ranges

_HEADERS = {"dataserviceversion": "2.0", "pragma": "no-cache"}


class Downloads:
    """Sends bytes.

    Args:
        state: What the hub serves and how.
    """

    def __init__(self, state: DhusState) -> None:
        self._state = state

    async def product(
        self, request: web.Request, user: User, entry: Entry | None, key: str
    ) -> web.StreamResponse:
        """A whole product; an offline one is ordered instead."""
        effects = await self._state.begin(Kind.BODY, entry)
        found = self._allowed(user, entry, key)
        if request.method == "HEAD":
            if not found.online:
                return web.Response(status=202)
            return await self._send(request, found, await self._content(found), effects)
        if not found.online:
            return await self._order(user, found)
        content = await self._content(found)
        try:
            async with self._state.accounts.flow(user, content.size, self._state.settings):
                return await self._send(request, found, content, effects)
        except Refusal:
            content.close()
            raise

    async def nodes(
        self,
        request: web.Request,
        user: User,
        entry: Entry | None,
        key: str,
        steps: Sequence[Segment],
    ) -> web.StreamResponse:
        """A listing, a node or the bytes of a file inside a product."""
        wants_bytes = steps[-1].name == "$value"
        effects = await self._state.begin(Kind.NODE_BODY if wants_bytes else Kind.NODES, entry)
        found = self._allowed(user, entry, key)
        names = _names(steps)
        if wants_bytes:
            return await self._node_bytes(request, user, found, names, effects)
        uri = product_uri(self._state.root, found.id)
        uri += "".join(f"/Nodes('{name}')" for name in names[: None if _listing(steps) else -1])
        body = self._state.orders.body(found) if found.online else None
        inside = None if body is None else await children(body, found.name, names)
        if _listing(steps):
            if inside is None and found.online:
                raise _no_node(names)
            rows = [node_members(node, uri) for node in inside or ()]
            return _json({"d": {"results": rows}})
        siblings = () if body is None else await children(body, found.name, names[:-1]) or ()
        for node in siblings:
            if node.name == names[-1]:
                return _json({"d": node_members(node, uri)})
        raise _no_node(names)

    async def picture(
        self, request: web.Request, entry: Entry | None, key: str, name: str
    ) -> web.StreamResponse:
        """The quicklook or the thumbnail of a product, online or not."""
        effects = await self._state.begin(Kind.QUICKLOOK, entry)
        found = _known(entry, key)
        data = await self._picture(found)
        if data is None:
            raise Refusal(404, f"Invalid key ({name}) to access Products", "InvalidKeyException")
        short = "ql" if name == "Quicklook" else "th"
        if name != "Quicklook":
            data = grey_jpeg([[128] * 8] * 8)
        shown = "image/" in request.headers.get("Accept", "")
        file_name = f"{identifier(found.name)}-{short}.jpg"
        disposition = f'{"inline" if shown else "attachment"};filename="{file_name}"'
        outgoing = Outgoing(
            status=200,
            headers={"Content-Type": "image/jpeg", "Content-Disposition": disposition},
            content=BytesContent(data),
            start=0,
            stop=len(data),
        )
        return await deliver(request, outgoing, effects)

    async def _order(self, user: User, entry: Entry) -> web.Response:
        stats, orders = self._state.stats, self._state.orders
        stats.count(stats.retrievals, entry.id)
        if not orders.active(entry.id):
            effects = await self._state.begin(Kind.ORDER, entry)
            orders.place(entry, user.name, fails=effects.one(OrderFails) is not None)
        return web.Response(status=202, headers={"Content-Type": "text/plain"})

    async def _node_bytes(
        self,
        request: web.Request,
        user: User,
        entry: Entry,
        names: Sequence[str],
        effects: Effects,
    ) -> web.StreamResponse:
        if not entry.online:
            raise Refusal(500, f"{STREAM}product is offline", "ExpectedException")
        content = await node_content(self._body(entry), names)
        if content is None:
            raise _no_node(names)
        try:
            async with self._state.accounts.flow(user, content.size, self._state.settings):
                return await self._send(request, entry, content, effects, names[-1])
        except Refusal:
            content.close()
            raise

    def _allowed(self, user: User, entry: Entry | None, key: str) -> Entry:
        if not user.entitled:
            raise Refusal(403, "Insufficient permissions")
        return _known(entry, key)

    def _body(self, entry: Entry) -> Body:
        body = self._state.orders.body(entry)
        if body is None:
            raise Refusal(500, f"{STREAM}no data for product {identifier(entry.name)}")
        return body

    async def _content(self, entry: Entry) -> Content:
        return await open_body(self._body(entry))

    async def _send(
        self,
        request: web.Request,
        entry: Entry,
        content: Content,
        effects: Effects,
        file_name: str = "",
    ) -> web.StreamResponse:
        content = damaged(content, effects)
        try:
            etag = content.etag if file_name else self._etag(entry, effects)
            modified = read_time(entry.publication_date)
            if answer := condition(request.headers, etag, modified):
                return plain(answer)
            part = None
            if self._state.settings.ranges is not Ranges.IGNORE:
                part = span(request.headers, etag, content.size)
            if isinstance(part, Answer):
                return plain(part)
            name = file_name or download_name(entry.name)
            now = self._state.clock.now()
            headers = media_headers(name=name, etag=etag, modified=modified, now=now)
            outgoing = self._outgoing(entry, headers, content, part, effects)
            if request.method == "GET":
                self._state.stats.count(self._state.stats.bodies, entry.id)
            return await deliver(request, outgoing, effects)
        finally:
            content.close()

    def _outgoing(
        self,
        entry: Entry,
        headers: dict[str, str],
        content: Content,
        part: tuple[int, int] | None,
        effects: Effects,
    ) -> Outgoing:
        start, stop = part or (0, content.size)
        wrong = effects.one(WrongRange) or WrongRange()
        headers["Content-Range"] = wrong.header(start, stop, content.size)
        stats = self._state.stats
        return Outgoing(
            status=200 if part is None else 206,
            headers=headers,
            content=content,
            start=start,
            stop=stop,
            bytes_per_second=self._state.settings.bytes_per_second,
            sent=lambda count: stats.count(stats.bytes_served, entry.id, count),
        )

    def _etag(self, entry: Entry, effects: Effects) -> str:
        changed = effects.one(Changed)
        if changed is not None:
            return changed.etag
        return listed_md5(entry, self._state.settings) or entry.id

    async def _picture(self, entry: Entry) -> bytes | None:
        body = self._state.orders.body(entry)
        if body is None:
            return None
        for node in await children(body, entry.name, (entry.name,)) or ():
            if node.name.endswith("-ql.jpg"):
                content = await node_content(body, (entry.name, node.name))
                if content is not None:
                    data = await content.read(0, content.size)
                    content.close()
                    return data
        return None


def _known(entry: Entry | None, key: str) -> Entry:
    if entry is None:
        raise Refusal(404, f"Invalid key ({key}) to access Products", "InvalidKeyException")
    return entry


def _listing(steps: Sequence[Segment]) -> bool:
    return steps[-1] == Segment("Nodes")


def _names(steps: Sequence[Segment]) -> list[str]:
    """The names of ``Nodes('a')/Nodes('b')/…``.

    Raises:
        Refusal: The path is not of that form.
    """
    last = steps[-1]
    inner = steps[:-1] if last == Segment("$value") or _listing(steps) else steps
    names: list[str] = []
    for step in inner:
        if step.name != "Nodes" or step.key is None or not step.key.startswith("'"):
            raise Refusal(404, "Invalid navigation", "ODataNotFoundException")
        names.append(step.key[1:-1].replace("''", "'"))
    if last == Segment("$value") and not names:
        raise Refusal(404, "Invalid navigation", "ODataNotFoundException")
    return names


def _no_node(names: Sequence[str]) -> Refusal:
    name = names[-1] if names else ""
    return Refusal(404, f"Invalid key ({name}) to access Nodes", "InvalidKeyException")


def _json(value: object) -> web.Response:
    data = msgspec.json.encode(value)
    return web.Response(body=data, content_type="application/json", headers=_HEADERS)
