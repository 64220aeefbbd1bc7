"""``/search``: parameters, limits, order and errors.

Source: the search controller of the open DHuS core and recorded answers.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote_plus

import msgspec
from aiohttp import web

from s2fetch.embedded.delivery import deliver_bytes, plain
from s2fetch.embedded.dhus.feed import FeedWriter, Page
from s2fetch.embedded.dhus.refusals import tomcat_page
from s2fetch.embedded.dhus.settings import Generation
from s2fetch.embedded.dhus.solr.fields import SCHEMA, FieldType, field_type
from s2fetch.embedded.dhus.solr.matching import Document, Rules, Value, compiled
from s2fetch.embedded.dhus.solr.syntax import SolrError
from s2fetch.embedded.dhus.state import DhusState
from s2fetch.embedded.entry import Entry
from s2fetch.embedded.faults import Answer, BrokenJson, Kind, MissingRows

_SOLR = "http://localhost:30333//solr/dhus"
_USUAL_ROWS = 10
_KEPT_QUERIES = 16
_WHOLE = re.compile(r"[+-]?\d+")
_BARE_WORD = re.compile(r"[^\W\d_]+(?:\s+[^\W\d_]+)*")
_OPERATORS = frozenset({"AND", "OR", "NOT"})
_HEADERS = {"pragma": "no-cache", "vary": "Accept-Encoding"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a search.

    Attributes:
        query: ``q``.
        start: Number of the first hit.
        rows: Hits per page.
        order: Fields to sort by and whether descending; None for relevance, which is no order.
        json: Whether JSON was asked for.
    """

    query: str
    start: int
    rows: int
    order: str | None
    json: bool


class SearchService:
    """Answers searches.

    Args:
        state: What it serves and how.
    """

    def __init__(self, state: DhusState) -> None:
        self._state = state
        self._random = random.Random(1)  # noqa: S311 - shuffles ties, no secret
        self._known: list[Entry] = []
        self._hits: dict[tuple[str, bool, int], list[Entry]] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a GET, and on old servers a POST with the query in its body."""
        effects = await self._state.begin(Kind.SEARCH)
        await self._state.orders.settle()
        settings = self._state.settings
        query = request.query.get("q")
        if request.method == "POST":
            if not settings.generation.old:
                return plain(tomcat_page(405, "Request method 'POST' not supported"))
            sent = (await request.post()).get("q")
            query = sent if isinstance(sent, str) else query
        if query is None:
            text = "Required String parameter 'q' is not present"
            return plain(tomcat_page(400, text))
        asked = _asked(query, request.query)
        if settings.most_rows is not None and asked.rows > settings.most_rows:
            text = (
                f"Parameter `rows` exceeds the maximum value ({settings.most_rows})"
                " in search request"
            )
            return plain(tomcat_page(400, text))
        if _encoded_length(query) > settings.most_query_characters:
            return plain(self._refused_by_solr(413, "Request Entity Too Large", query))
        writer = FeedWriter(settings.generation, settings.long_name)
        try:
            hits, total = self._found(asked)
        except SolrError as error:
            return self._misunderstood(asked, str(error), writer)
        if missing := effects.one(MissingRows):
            hits = hits[: max(0, len(hits) - missing.count)]
        data = writer.page(self._page(asked, [self._shown(entry) for entry in hits], total))
        if broken := effects.one(BrokenJson):
            data = data[: broken.keep]
        kind = "application/json" if asked.json else writer.content_type
        response = await deliver_bytes(request, data, effects, kind)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _found(self, asked: Asked) -> tuple[list[Entry], int]:
        """The entries of a page and how many hits there are.

        Raises:
            SolrError: The query or the order is refused.
        """
        keys = _sort_keys(asked.order)
        hits = self._all_hits(asked.query)
        if self._state.settings.unstable_ties:
            self._random.shuffle(hits)
        for field, descending in reversed(keys):
            hits = self._sorted(hits, field, descending=descending)
        if asked.start < 0 or asked.rows < 0:
            name = "start" if asked.start < 0 else "rows"
            raise SolrError(f"'{name}' parameter cannot be negative")
        return hits[asked.start : asked.start + asked.rows], len(hits)

    def _all_hits(self, query: str) -> list[Entry]:
        """Everything a query finds; kept for its next page while the catalogue stays the same."""
        state, settings = self._state, self._state.settings
        entries = state.entries()
        if entries != self._known or len(self._hits) >= _KEPT_QUERIES:
            self._known = entries
            self._hits.clear()
        query = self._with_places(query)
        key = query, settings.approximate_areas, settings.most_clauses
        if key not in self._hits or "NOW" in query:
            rules = Rules(
                now=state.clock.now(),
                approximate_areas=settings.approximate_areas,
                most_clauses=settings.most_clauses,
            )
            test = compiled(query, rules)
            self._hits[key] = [entry for entry in entries if test(state.document(entry))]
        return list(self._hits[key])

    def _sorted(self, hits: Sequence[Entry], field: str, *, descending: bool) -> list[Entry]:
        """By one field; what has no value comes last, as in Solr."""
        valued: list[tuple[Value, Entry]] = []
        bare: list[Entry] = []
        for entry in hits:
            value = self._state.document(entry).get(field)
            if value is None:
                bare.append(entry)
            else:
                valued.append((value, entry))
        valued.sort(key=lambda pair: pair[0], reverse=descending)
        return [entry for _, entry in valued] + bare

    def _shown(self, entry: Entry) -> Document:
        """The document as it is sent: sizes by generation, with what faults change."""
        document = dict(self._state.document(entry))
        if self._state.settings.generation.old:
            from s2fetch.embedded.dhus.documents import size_text

            document["size"] = size_text(entry.content_length, whole=True)
        for name, value in self._state.faults.row_changes(Kind.SEARCH, entry).items():
            if name not in SCHEMA:
                continue
            document.pop(name, None)
            if value is not None:
                document[name] = value
        return document

    def _with_places(self, query: str) -> str:
        """A bare word that is a known place is looked for on the map as well."""
        if not _BARE_WORD.fullmatch(query) or _OPERATORS.intersection(query.split()):
            return query
        wkt = self._state.settings.places.get(query.lower())
        if wkt is None:
            return query
        return f'({query} OR footprint:"Intersects({wkt}) distErrPct=0")'

    def _misunderstood(self, asked: Asked, message: str, writer: FeedWriter) -> web.Response:
        generation = self._state.settings.generation
        if generation is Generation.OLD_A:
            return plain(self._refused_by_solr(400, message, asked.query))
        if generation is Generation.OLD_B:
            data = writer.broken(self._page(asked, [], 0))
        else:
            data = writer.refused(message, json_form=asked.json)
        kind = "application/json" if asked.json else writer.content_type
        return web.Response(body=data, content_type=kind, headers=_HEADERS)

    def _refused_by_solr(self, status: int, message: str, query: str) -> Answer:
        if self._state.settings.generation is Generation.OLD_A:
            text = f"Server returned HTTP response code: {status} for URL: {_SOLR}/select?q="
            cause = f"IOException : {text}{quote_plus(query[:200])}"
        else:
            text = f"Error from server at {_SOLR}: non ok status: {status}, message:{message}"
            cause = f"RemoteSolrException : {text}"
        return tomcat_page(500, text, cause)

    def _page(self, asked: Asked, documents: Sequence[Document], total: int) -> Page:
        return Page(
            query=asked.query,
            start=asked.start,
            rows=asked.rows,
            total=total,
            hits=documents,
            root=self._state.root,
            updated=self._state.clock.now(),
            json=asked.json,
        )


def _asked(query: str, parameters: Mapping[str, str]) -> Asked:
    """Numbers that are none are ignored; without ``orderby`` the newest come first."""
    order = parameters.get("orderby", "ingestiondate desc").strip().lower()
    return Asked(
        query=query,
        start=_number(parameters.get("start"), 0),
        rows=_number(parameters.get("rows"), _USUAL_ROWS),
        order=order or None,
        json=parameters.get("format", "").lower() == "json",
    )


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and _WHOLE.fullmatch(text) else default


def _encoded_length(query: str) -> int:
    """Characters of a query once encoded for a form (only ``-_.*`` stay as they are)."""
    return len(quote_plus(query, safe="-_.*").replace("~", "%7E"))


def _sort_keys(order: str | None) -> list[tuple[str, bool]]:
    keys: list[tuple[str, bool]] = []
    for part in (order or "").split(","):
        words = part.split()
        if not words:
            continue
        if len(words) != 2 or words[1] not in ("asc", "desc"):
            raise SolrError(f"Can't determine a Sort Order (asc or desc) in sort spec '{order}'")
        if words[0] not in SCHEMA:
            raise SolrError(f"sort param field can't be found: {words[0]}")
        if field_type(words[0]) is FieldType.SHAPE:
            raise SolrError(f"Sorting not supported on SpatialField: {words[0]}")
        keys.append((words[0], words[1] == "desc"))
    return keys
