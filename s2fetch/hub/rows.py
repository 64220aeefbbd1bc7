"""Rows of the Copernicus Data Space catalogue, from JSON to products.

The service's rows have quirks: a length of 0, an empty list of checksums or one with empty entries,
an empty eviction date, dates with three or six digits, attributes that are simply absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec

from s2fetch.product import NO_ATTRIBUTES, Algorithm, AttributeValue, Checksum, Product

_ALGORITHMS = {algorithm.value: algorithm for algorithm in Algorithm}
_FOREVER = "9999"


class _Sum(msgspec.Struct, rename="pascal"):
    value: str = ""
    algorithm: str = ""


class _Attribute(msgspec.Struct, rename="pascal"):
    name: str = ""
    value: Any = None


T = TypeVar("T", datetime, str)


class _Period(msgspec.Struct, Generic[T], rename="pascal"):
    start: T | None = None
    end: T | None = None


class _Row(msgspec.Struct, Generic[T], rename="pascal"):
    id: str
    name: str
    content_length: int | None = None
    publication_date: T | None = None
    modification_date: T | None = None
    online: bool | None = None
    eviction_date: str | None = None
    checksum: Sequence[_Sum] | None = None
    content_date: _Period[T] | None = None
    footprint: str | None = None
    attributes: list[_Attribute] | None = None


class _Listing(msgspec.Struct, Generic[T]):
    value: list[_Row[T]]
    count: int | None = msgspec.field(default=None, name="@odata.count")
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")


class Page(msgspec.Struct, frozen=True):
    """One page of a listing.

    Attributes:
        products: Its rows.
        count: Number of all matches, when it was asked for and given.
        last: Whether the hub says that nothing follows.
    """

    products: list[Product]
    count: int | None
    last: bool


_strict = msgspec.json.Decoder(_Listing[datetime], strict=False)
_lenient = msgspec.json.Decoder(_Listing[str], strict=False)


def parse_page(body: bytes, collection: str) -> Page:
    """Parse one page.

    Raises:
        ValueError: If it is not a whole page (msgspec's errors are ValueErrors).
    """
    listing: _Listing[datetime] | _Listing[str]
    try:
        listing = _strict.decode(body)
    except msgspec.ValidationError:
        listing = _lenient.decode(body)  # a date in an unusual form must not cost the whole page
    return Page(
        [_product(row, collection) for row in listing.value],
        listing.count,
        listing.next_link is None,
    )


def _product(row: _Row[datetime] | _Row[str], collection: str) -> Product:
    period = row.content_date
    length = row.content_length
    eviction = row.eviction_date
    return Product(
        id=row.id,
        name=row.name,
        collection=collection,
        size=length if length and length > 0 else None,
        checksums=_checksums(row.checksum) if row.checksum else (),
        online=row.online is not False,
        sensing_start=_time(period.start) if period else None,
        sensing_end=_time(period.end) if period else None,
        published=_time(row.publication_date),
        modified=_time(row.modification_date),
        evicted=_time(eviction) if eviction and not eviction.startswith(_FOREVER) else None,
        footprint=_wkt(row.footprint),
        attributes=_attributes(row.attributes) if row.attributes else NO_ATTRIBUTES,
    )


def _checksums(listed: Sequence[_Sum]) -> tuple[Checksum, ...]:
    return tuple(
        Checksum(_ALGORITHMS[entry.algorithm], entry.value.lower())
        for entry in listed
        if entry.value and entry.algorithm in _ALGORITHMS
    )


def _time(value: datetime | str | None) -> datetime | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    # A time without a zone is UTC (release notes of 28 May 2024).
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _wkt(footprint: str | None) -> str | None:
    """``geography'SRID=4326;POLYGON (…)'`` without its wrapping."""
    if not footprint:
        return None
    return footprint.partition(";")[2].rstrip("'") or None


def _attributes(listed: list[_Attribute]) -> dict[str, AttributeValue]:
    return {
        entry.name: entry.value
        for entry in listed
        if isinstance(entry.value, (str, int, float, bool))
    }
