"""The download host: whole products, their nodes, quicklooks.

Source: Copernicus Data Space documentation (OData, quotas), recorded error bodies; RFC 9110 for
ranges and validators; the retrieval answer is the one of the older DHuS hubs.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from email.utils import format_datetime

import msgspec
from aiohttp import web

from s2fetch.embedded import answers
from s2fetch.embedded.content import Content, open_body
from s2fetch.embedded.delivery import Outgoing, damaged, deliver, deliver_bytes, plain
from s2fetch.embedded.entry import Entry, read_time
from s2fetch.embedded.faults import Answer, Changed, Effects, Kind, WrongRange
from s2fetch.embedded.listing import Body
from s2fetch.embedded.nodes import Node, children, node_content
from s2fetch.embedded.paths import Segment, is_uuid, segments
from s2fetch.embedded.ranges import UnsatisfiableRangeError, read_range, still_valid
from s2fetch.embedded.state import EarlyAnswer, HubState, OfflineAnswer, Ranges

_UNFIT_FOR_HEADER = re.compile(r"[^\w .()+=@~-]", re.ASCII)


class DownloadService:
    """Answers the requests of the download host.

    Args:
        state: What it serves and how.
    """

    def __init__(self, state: HubState) -> None:
        self._state = state
        self._random = random.Random(1)  # noqa: S311 - shuffles nodes, no secret

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request below the root of the service."""
        self._state.settle()
        steps = segments(request.path)
        if steps is None or len(steps) < 2 or steps[0].name != "Products":
            return plain(answers.malformed_path())
        if not is_uuid(steps[0].key):
            return plain(answers.bad_product_id())
        entry = self._state.catalogue.entry(str(steps[0].key).lower())
        inner = steps[1:]
        if inner == (Segment("$value"),) or inner == (Segment("$zip"),):
            return await self._product(request, entry)
        names = _node_names(inner)
        if names is None:
            return plain(answers.malformed_path())
        if inner[-1].name == "$value":
            return await self._node(request, entry, names)
        return await self._listing(request, entry, names)

    async def _product(self, request: web.Request, entry: Entry | None) -> web.StreamResponse:
        effects = await self._state.begin(Kind.BODY, entry)
        account = self._account(request)
        if request.method == "HEAD":
            found, body = self._there(entry)
            return await self._send(request, found, await open_body(body), effects)
        async with self._state.transfer(account) as granted:
            if not granted:
                return plain(answers.too_many_transfers())
            found, body = self._there(entry)
            if not found.online:
                return plain(self._offline(found))
            return await self._send(request, found, await open_body(body), effects)

    async def _node(
        self, request: web.Request, entry: Entry | None, names: Sequence[str]
    ) -> web.StreamResponse:
        effects = await self._state.begin(Kind.NODE_BODY, entry)
        async with self._state.transfer(self._account(request)) as granted:
            if not granted:
                return plain(answers.too_many_transfers())
            found, body = self._there(entry)
            content = await node_content(body, names)
            if content is None:
                return plain(answers.product_not_found())
            return await self._send(request, found, content, effects, names[-1])

    async def _listing(
        self, request: web.Request, entry: Entry | None, names: Sequence[str]
    ) -> web.StreamResponse:
        effects = await self._state.begin(Kind.NODES, entry)
        found, body = self._there(entry)
        nodes = await children(body, found.name, names)
        if nodes is None:
            return plain(answers.product_not_found())
        self._random.shuffle(nodes)
        rows = [self._row(found, names, node) for node in nodes]
        return await deliver_bytes(request, msgspec.json.encode({"result": rows}), effects)

    def _row(self, entry: Entry, names: Sequence[str], node: Node) -> dict[str, object]:
        steps = "".join(f"/Nodes({name})" for name in (*names, node.name))
        origin = self._state.download_origin
        return {
            "Id": node.name,
            "Name": node.name,
            "ContentLength": node.size,
            "ChildrenNumber": node.children,
            "Nodes": {"uri": f"{origin}/odata/v1/Products({entry.id}){steps}/Nodes"},
        }

    def _account(self, request: web.Request) -> str:
        """The account a request is counted to.

        Raises:
            EarlyAnswer: Its token is missing, expired or not good enough.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = request.query.get("token", "")
        account = self._state.identity.authorise(token.strip())
        if isinstance(account, Answer):
            raise EarlyAnswer(plain(account))
        return account

    def _there(self, entry: Entry | None) -> tuple[Entry, Body]:
        body = None if entry is None else self._state.catalogue.body(entry.id)
        if entry is None or body is None:
            raise EarlyAnswer(plain(answers.product_not_found()))
        return entry, body

    def _offline(self, entry: Entry) -> Answer:
        setting = self._state.settings.offline_answer
        if setting is OfflineAnswer.ACCEPTED and self._state.request_retrieval(entry):
            return Answer(202)
        self._state.stats.count(
            self._state.stats.retrievals, entry.id, setting is not OfflineAnswer.ACCEPTED
        )
        return {
            OfflineAnswer.FORBIDDEN: answers.access_forbidden(),
            OfflineAnswer.NOT_FOUND: answers.product_not_found(),
            OfflineAnswer.ERROR: answers.server_error(500),
        }.get(setting, answers.rate_limited())

    async def _send(
        self,
        request: web.Request,
        entry: Entry,
        content: Content,
        effects: Effects,
        file_name: str = "",
    ) -> web.StreamResponse:
        content = damaged(content, effects)
        stats = self._state.stats
        try:
            headers = self._headers(entry, content, effects, file_name)
            span = self._span(request, content, headers)
            if span is not None:
                wrong = effects.one(WrongRange) or WrongRange()
                headers["Content-Range"] = wrong.header(*span, content.size)
            outgoing = Outgoing(
                status=200 if span is None else 206,
                headers=headers,
                content=content,
                start=span[0] if span else 0,
                stop=span[1] if span else content.size,
                bytes_per_second=self._state.settings.bytes_per_second,
                sent=lambda count: stats.count(stats.bytes_served, entry.id, count),
            )
            if request.method == "GET":
                stats.count(stats.bodies, entry.id)
            return await deliver(request, outgoing, effects)
        finally:
            content.close()

    def _headers(
        self, entry: Entry, content: Content, effects: Effects, file_name: str
    ) -> dict[str, str]:
        name = file_name or entry.name + (".zip" if entry.name.endswith(".SAFE") else "")
        shown = _UNFIT_FOR_HEADER.sub("_", name)
        headers = {
            "Content-Type": "application/zip" if name.endswith(".zip") else entry.content_type,
            "Content-Disposition": f'attachment; filename="{shown}"',
        }
        if self._state.settings.ranges is Ranges.HONOUR:
            headers["Accept-Ranges"] = "bytes"
        if self._state.settings.validators:
            moment = self._state.clock.now() if effects.one(Changed) else None
            modified = moment or read_time(entry.publication_date)
            headers["ETag"] = f'"{content.etag}"'
            headers["Last-Modified"] = format_datetime(modified, usegmt=True)
        return headers

    def _span(
        self, request: web.Request, content: Content, headers: dict[str, str]
    ) -> tuple[int, int] | None:
        """The part that was asked for; None for all of it.

        Raises:
            EarlyAnswer: The range is refused.
        """
        setting, wanted = self._state.settings.ranges, request.headers.get("Range", "")
        if not wanted or setting is Ranges.IGNORE:
            return None
        validator = request.headers.get("If-Range", "")
        if not still_valid(validator, headers.get("ETag", ""), headers.get("Last-Modified", "")):
            return None
        try:
            span = read_range(wanted, content.size)
        except UnsatisfiableRangeError:
            refusal = Answer(416, headers={"Content-Range": f"bytes */{content.size}"})
            raise EarlyAnswer(plain(refusal)) from None
        if setting is Ranges.ERROR and span is not None:
            if span[0]:
                status = self._state.settings.range_error_status
                raise EarlyAnswer(plain(answers.download_error(status, 103, "Range not supported")))
            return None
        return span


def _node_names(steps: Sequence[Segment]) -> list[str] | None:
    """Names of ``Nodes(a)/Nodes(b)/Nodes`` or ``…/$value``; None if the path is malformed."""
    *inner, last = steps
    names: list[str] = []
    for step in inner:
        if step.name != "Nodes" or step.key is None or step.key[:1] in "'\"":
            return None
        names.append(step.key)
    listing = last == Segment("Nodes")
    return names if listing or (last == Segment("$value") and names) else None
