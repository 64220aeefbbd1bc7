"""The answer of a search: one feed, as JSON or as Atom, with the quirks of each generation.

Source: the stylesheet of the open DHuS core and recorded answers of 2017 to 2023.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec

from s2fetch.embedded.dhus.settings import Generation
from s2fetch.embedded.dhus.solr.dates import written_date
from s2fetch.embedded.dhus.solr.fields import SCHEMA, FieldType
from s2fetch.embedded.dhus.solr.matching import Document, Value

OPENSEARCH = "http://a9.com/-/spec/opensearch/1.1/"
ATOM = "http://www.w3.org/2005/Atom"
_GROUPS: Mapping[FieldType, str] = {
    FieldType.DATE: "date",
    FieldType.INT: "int",
    FieldType.DOUBLE: "double",
    FieldType.FLAG: "bool",
}
_GROUP_ORDER = ("date", "int", "double", "bool", "arr", "str")
_OUTSIDE = ("ondemand",)

Tree = dict[str, Any]
"""JSON of a feed or of a part of it."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One page of results.

    Attributes:
        query: ``q`` as it was sent.
        start: Number of the first hit.
        rows: Hits per page.
        total: Hits altogether.
        hits: Search documents of this page.
        root: URL of the hub's root, without trailing slash.
        updated: When it was made.
        json: Whether it is sent as JSON.
    """

    query: str
    start: int
    rows: int
    total: int
    hits: Sequence[Document]
    root: str
    updated: datetime
    json: bool


class FeedWriter:
    """Writes feeds of one hub.

    Args:
        generation: Its software.
        long_name: What it calls itself.
    """

    def __init__(self, generation: Generation, long_name: str) -> None:
        self._generation = generation
        self._name = long_name

    def page(self, page: Page) -> bytes:
        """A page of results."""
        return self._written(self._tree(page), json_form=page.json)

    def broken(self, page: Page) -> bytes:
        """What servers of 2017 answered to a query Solr refused: a feed without a total."""
        tree = self._tree(page)
        feed = tree["feed"]
        feed["opensearch:totalResults"] = None
        feed["subtitle"] = "Displaying  results. Request done in 0 seconds."
        kept = [link for link in feed["link"] if link["rel"] in ("self", "first", "search")]
        last = self._link(page, "last", "NaN")
        feed["link"] = [*kept[:-1], last, kept[-1]]
        return self._written(tree, json_form=page.json)

    def refused(self, message: str, *, json_form: bool) -> bytes:
        """What current servers answer to a query Solr refused."""
        error = {"code": "400", "message": message}
        return self._written({"feed": {**_namespaces(), "error": error}}, json_form=json_form)

    @property
    def content_type(self) -> str:
        """Of the XML form."""
        return "application/atom+xml" if self._generation.old else "application/xml"

    def _tree(self, page: Page) -> Tree:
        feed: Tree = {
            **_namespaces(),
            "title": f"{self._name} search results for: {page.query}",
            "subtitle": _subtitle(page),
            "updated": page.updated.isoformat(timespec="milliseconds")[:23] + "Z",
            "author": {"name": self._name},
            "id": f"{page.root}/search?q={page.query}",
            "opensearch:totalResults": str(page.total),
            "opensearch:startIndex": str(page.start),
            "opensearch:itemsPerPage": str(page.rows),
            "opensearch:Query": {"role": "request", "searchTerms": page.query, "startPage": "1"},
            "link": self._links(page),
        }
        entries = [self._entry(document, page.root) for document in page.hits]
        if entries:
            feed["entry"] = _one_or_more(entries)
        return {"feed": feed}

    def _links(self, page: Page) -> list[Tree]:
        """Links by the stylesheet's own arithmetic; they never keep ``orderby``."""
        links = [self._link(page, "self", page.start), self._link(page, "first", 0)]
        pages = math.ceil(page.start / page.rows) if page.rows else None
        if page.start > page.rows:
            before = "NaN" if pages is None else (pages - 1) * page.rows
            links.append(self._link(page, "previous", before))
        if page.total > page.rows and page.total - page.start > page.rows:
            after = "NaN" if pages is None else (pages + 1) * page.rows
            links.append(self._link(page, "next", after))
        links.append(self._link(page, "last", page.total - 1))
        kind = "application/opensearchdescription+xml"
        links.append({"rel": "search", "type": kind, "href": "opensearch_description.xml"})
        return links

    def _link(self, page: Page, relation: str, start: int | str) -> Tree:
        address = f"{page.root}/search?q={page.query}&start={start}&rows={page.rows}"
        if self._generation.old:
            return {"rel": relation, "type": "application/atom+xml", "href": address}
        form = "json" if page.json else "xml"
        kind = f"application/{form}"
        if page.json:
            address += "&format=json"
        return {"rel": relation, "type": kind, "href": address}

    def _entry(self, document: Document, root: str) -> Tree:
        product = f"{root}/odata/v1/Products('{document['uuid']}')"
        entry: Tree = {
            "title": str(document["identifier"]),
            "link": [
                {"href": f"{product}/$value"},
                {"rel": "alternative", "href": f"{product}/"},
                {"rel": "icon", "href": f"{product}/Products('Quicklook')/$value"},
            ],
            "id": str(document["uuid"]),
            "summary": _summary(document, old=self._generation.old),
            "ondemand": written(document.get("ondemand", False)),
        }
        groups: dict[str, list[Tree]] = {}
        for name, value in document.items():
            if name not in _OUTSIDE:
                group, member = _member(name, value)
                groups.setdefault(group, []).append(member)
        for group in _GROUP_ORDER:
            if group in groups:
                entry[group] = _one_or_more(groups[group])
        return entry

    def _written(self, tree: Tree, *, json_form: bool) -> bytes:
        if not json_form:
            return _atom(tree)
        if self._generation is Generation.OLD_A:
            return json.dumps(_jumbled(tree), indent=3, ensure_ascii=False).encode()
        return msgspec.json.encode(tree)


def written(value: Value) -> str:
    """A value as text."""
    if isinstance(value, datetime):
        return written_date(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _namespaces() -> Tree:
    return {"xmlns:opensearch": OPENSEARCH, "xmlns": ATOM}


def _member(name: str, value: object) -> tuple[str, Tree]:
    """The group of a field and its member there; an empty value has no content."""
    if isinstance(value, (list, tuple)):
        return "arr", {"name": name, "str": [str(one) for one in value]}
    kind = SCHEMA.get(name, FieldType.STRING)
    text = written(value)  # type: ignore[arg-type]  # a fault may put anything here
    return _GROUPS.get(kind, "str"), {"name": name} | ({"content": text} if text else {})


def _summary(document: Document, *, old: bool) -> str:
    parts = [
        ("Date", "beginposition"),
        ("Instrument", "instrumentshortname"),
        ("Mode", "polarisationmode"),
        ("Satellite", "platformname"),
        ("Size", "size"),
    ]
    shown = [
        f"{label}: {written(document.get(field, ''))}"
        for label, field in parts
        if old or field != "polarisationmode" or field in document
    ]
    return ", ".join(shown)


def _subtitle(page: Page) -> str:
    done = "Request done in 0.005 seconds."
    if page.start + page.rows < page.total:
        last = page.start + page.rows - 1
        return f"Displaying {page.start} to {last} of {page.total} total results. {done}"
    if page.total > page.rows:
        last = page.total - 1
        return f"Displaying {page.start} to {last} of {page.total} total results. {done}"
    return f"Displaying {page.total} results. {done}"


def _one_or_more(members: list[Tree]) -> Tree | list[Tree]:
    return members[0] if len(members) == 1 else members


def _jumbled(tree: object) -> object:
    """The same with its keys in no order a reader could rely on."""
    if isinstance(tree, dict):
        return {key: _jumbled(tree[key]) for key in sorted(tree, key=lambda key: key[::-1])}
    return [_jumbled(one) for one in tree] if isinstance(tree, list) else tree


def _atom(tree: Tree) -> bytes:
    """The feed as XML, one element per line."""
    lines = ['<?xml version="1.0" encoding="utf-8"?>']
    feed = tree["feed"]
    spaces = " ".join(f"{name}={quoteattr(feed[name])}" for name in _namespaces())
    lines.append(f"<feed {spaces}>")
    for name, value in feed.items():
        if not name.startswith("xmlns"):
            lines.extend(_elements(name, value))
    lines.append("</feed>")
    return "\n".join(lines).encode() + b"\n"


def _elements(name: str, value: object) -> list[str]:
    members: list[Any] = value if isinstance(value, list) else [value]
    lines: list[str] = []
    for member in members:
        if name in (*_GROUPS.values(), "str"):
            text = escape(member.get("content", ""))
            lines.append(f"<{name} name={quoteattr(member['name'])}>{text}</{name}>")
        elif name == "arr":
            inside = "".join(f"<str>{escape(one)}</str>" for one in member["str"])
            lines.append(f"<arr name={quoteattr(member['name'])}>{inside}</arr>")
        elif name in ("link", "opensearch:Query"):
            attributes = " ".join(f"{key}={quoteattr(text)}" for key, text in member.items())
            lines.append(f"<{name} {attributes}/>")
        elif isinstance(member, dict):
            inner = [line for key, one in member.items() for line in _elements(key, one)]
            lines.extend((f"<{name}>", *inner, f"</{name}>"))
        else:
            lines.append(f"<{name}>{'' if member is None else escape(member)}</{name}>")
    return lines
