"""Search answers of a hub, from JSON to products that lack only what a search does not tell.

The JSON is made of Atom by a converter: a list of one is an object and an empty one is absent,
every value is text (numbers in the oldest generation), and a query that was refused may come with
status 200. Source: recorded answers of hubs of every generation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from s2fetch.errors import CatalogueError, QueryError
from s2fetch.hub.dhus.attributes import attributes_of
from s2fetch.hub.dhus.fields import collection_of
from s2fetch.hub.rows import Page
from s2fetch.product import Product
from s2fetch.retry import Transient

_GROUPS = ("date", "int", "long", "float", "double", "bool", "boolean", "str", "arr")
_ENDINGS = (
    (re.compile(r"S3[AB_]_\w{90}"), ".SEN3"),
    (re.compile(r"S5P_\w{79}"), ".nc"),
    (re.compile(r"S[12]\w_OPER_AUX_\w+"), ".EOF"),
    (re.compile(r"S[12]\w_\w+"), ".SAFE"),
)


def parse_feed(body: bytes, collection: str) -> Page:
    """Parse one page of search results.

    Args:
        body: The answer.
        collection: Of all of them; empty to go by their platforms.

    Raises:
        QueryError: If the hub refuses the query.
        ValueError: If it is not a whole page.
    """
    feed = _object(msgspec.json.decode(body)).get("feed")
    if not isinstance(feed, dict):
        raise ValueError("it is JSON, but not a list of products")  # noqa: TRY004
    if (error := feed.get("error")) is not None:
        raise _refused(_object(error))
    if "opensearch:totalResults" not in feed:
        raise ValueError("it does not say how many products match")
    if (total := feed["opensearch:totalResults"]) is None:
        raise QueryError(
            "the hub does not understand the query: it answers it without a number of products",
            advice='Check the names in it; "sync --dry-run" shows the query sent',
        )
    products = [_product(entry, collection) for entry in listed(feed.get("entry"))]
    return Page(products, int(total), last=False)


def listed(value: object) -> list[dict[str, Any]]:
    """What may be a list, a single object, or nothing at all, as a list.

    Raises:
        ValueError: If it is something else.
    """
    if value is None or value == "":
        return []
    return [_object(each) for each in (value if isinstance(value, list) else [value])]


def _refused(error: dict[str, Any]) -> Exception:
    code, message = str(error.get("code") or ""), " ".join(str(error.get("message")).split())[:200]
    if code.startswith("5"):
        return Transient(f"error {code}: {message}")
    if code in ("401", "403"):
        return CatalogueError(f"the hub refuses the query: {code} {message}")
    return QueryError(
        f"the hub does not accept the query: {message}",
        advice='Check attributes and what --query says; "sync --dry-run" shows the query sent',
    )


def _product(entry: dict[str, Any], collection: str) -> Product:
    fields = dict(_fields(entry))
    title = str(fields.get("identifier") or entry.get("title") or "")
    product_id = str(fields.get("uuid") or entry.get("id") or "")
    name = str(fields.get("filename") or "") or _with_ending(title)
    if not product_id or not name:
        raise ValueError("a product has no identifier or no name")
    collection = collection or collection_of(str(fields.get("platformname") or ""))
    return Product(
        id=product_id,
        name=name,
        collection=collection,
        sensing_start=read_time(fields.get("beginposition")),
        sensing_end=read_time(fields.get("endposition")),
        published=read_time(fields.get("ingestiondate")),
        footprint=_wkt(fields.get("footprint")),
        attributes=attributes_of(fields, name, collection),
    )


def _fields(entry: Mapping[str, Any]) -> Iterator[tuple[str, str | int | float | bool]]:
    """Names and values of an entry's typed groups; a member without a value is left out."""
    for group in _GROUPS:
        for member in listed(entry.get(group)):
            value = member.get("content", member.get("str"))
            if isinstance(value, list):
                value = " ".join(str(each) for each in value)
            if isinstance(value, str | int | float) and value != "":
                yield str(member.get("name", "")).lower(), _typed(group, value)


def _typed(group: str, value: str | float | bool) -> str | int | float | bool:
    """A value of its group's type; text where it is none of that."""
    if not isinstance(value, str):
        return value
    try:
        if group in ("int", "long"):
            return int(value)
        if group in ("float", "double"):
            return float(value)
    except ValueError:
        return value
    return value.lower() == "true" if group in ("bool", "boolean") else value


def read_time(value: object) -> datetime | None:
    """A time in ISO 8601 with any number of digits; None when it is none."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if time is None or time.tzinfo is None:
        return time.replace(tzinfo=UTC) if time else None
    return time.astimezone(UTC)


def _wkt(value: object) -> str | None:
    return " ".join(value.split()) or None if isinstance(value, str) else None


def _with_ending(title: str) -> str:
    """A name with the ending that the mission's products have; old rows may lack it."""
    if "." in title:
        return title
    for pattern, ending in _ENDINGS:
        if pattern.fullmatch(title):
            return title + ending
    return title


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"an object was expected, not {str(value)[:40]!r}")  # noqa: TRY004
    return value
