"""Rows of the Copernicus Data Space catalogue, from JSON to products.

The service's rows have quirks: a length of 0, an empty list of checksums or one with empty entries,
an empty eviction date, dates with three or six digits, attributes that are simply absent. A page
that has nothing odder than that is read in one go; any other is read with care, so that one odd
value costs itself and not the whole page.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec

from s2fetch.naming import collection_of
from s2fetch.product import NO_ATTRIBUTES, Algorithm, AttributeValue, Checksum, Product

_DIGITS = {Algorithm.MD5: 32, Algorithm.BLAKE3: 64}
_ALGORITHMS = {algorithm.value: algorithm for algorithm in Algorithm}
_HEXADECIMAL = re.compile(r"[0-9a-f]+")
# What nearly every row has, recognised at once: a catalogue of a million rows is read often.
_USUAL = {each.value: (each, re.compile(f"[0-9a-f]{{{_DIGITS[each]}}}")) for each in Algorithm}
_USUAL_START = "geography'SRID=4326;"
_GEOGRAPHY = re.compile(r"(?:geography)?'?(?:SRID=\d+;)?(?P<wkt>[^']*)'?", re.IGNORECASE)
_FOREVER = "9999"


class _Sum(msgspec.Struct, rename="pascal", gc=False):
    value: str = ""
    algorithm: str = ""


class _Attribute(msgspec.Struct, rename="pascal"):
    name: str = ""
    value: Any = None


T = TypeVar("T")


class _Period(msgspec.Struct, Generic[T], rename="pascal", gc=False):
    start: T | None = None
    end: T | None = None


class _Row(msgspec.Struct, Generic[T], rename="pascal", gc=False):
    """A row with times of one type, of a regular one or of any."""

    id: str
    name: str
    content_length: int | None = None
    publication_date: T | None = None
    modification_date: T | None = None
    online: bool | None = None
    eviction_date: str | None = None
    checksum: list[_Sum] | None = None
    content_date: _Period[T] | None = None
    footprint: str | None = None
    attributes: list[_Attribute] | None = None


class _OddRow(msgspec.Struct, rename="pascal"):
    """A row whose values may be anything, but for what identifies it."""

    id: str
    name: str
    content_length: Any = None
    publication_date: Any = None
    modification_date: Any = None
    online: Any = None
    eviction_date: Any = None
    checksum: Any = None
    content_date: Any = None
    footprint: Any = None
    attributes: Any = None


R = TypeVar("R")


class _Listing(msgspec.Struct, Generic[R]):
    value: list[R]
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


_regular = msgspec.json.Decoder(_Listing[_Row[datetime]])
_odd = msgspec.json.Decoder(_Listing[_OddRow], strict=False)


def parse_page(body: bytes, collection: str) -> Page:
    """Parse one page.

    Args:
        body: As it came.
        collection: Of all its rows, which do not say; empty where names have to tell.

    Raises:
        ValueError: If it is not a whole page (msgspec's errors are ValueErrors).
    """
    try:
        regular = _regular.decode(body)
    except msgspec.ValidationError:
        odd = _odd.decode(body)
        rows = [_tamed(row) for row in odd.value]
        return _page(rows, odd.count, odd.next_link, collection)
    return _page(regular.value, regular.count, regular.next_link, collection)


def _page(
    rows: list[_Row[datetime]], count: int | None, next_link: str | None, collection: str
) -> Page:
    return Page([_product(row, collection) for row in rows], count, next_link is None)


def _product(row: _Row[datetime], collection: str) -> Product:
    period = row.content_date
    length = row.content_length
    eviction = row.eviction_date
    return Product(
        id=row.id,
        name=row.name,
        collection=collection or collection_of(row.name),
        size=length if length and length > 0 else None,
        checksums=_checksums(row.checksum) if row.checksum else (),
        online=row.online is not False,
        sensing_start=_utc(period.start) if period else None,
        sensing_end=_utc(period.end) if period else None,
        published=_utc(row.publication_date),
        modified=_utc(row.modification_date),
        evicted=_time(eviction) if eviction and not eviction.startswith(_FOREVER) else None,
        footprint=_wkt(row.footprint),
        attributes=_attributes(row.attributes) if row.attributes else NO_ATTRIBUTES,
    )


def _checksums(listed: list[_Sum]) -> tuple[Checksum, ...]:
    """Those that a file can be checked against; an entry that is no digest is no checksum."""
    found = []
    for entry in listed:
        usual = _USUAL.get(entry.algorithm)
        if usual is not None and usual[1].fullmatch(entry.value):
            found.append(Checksum(usual[0], entry.value))
            continue
        algorithm = _ALGORITHMS.get(entry.algorithm.upper())
        value = entry.value.strip().lower()
        if algorithm and len(value) == _DIGITS[algorithm] and _HEXADECIMAL.fullmatch(value):
            found.append(Checksum(algorithm, value))
    return tuple(found)


def _utc(time: datetime | None) -> datetime | None:
    if time is None or time.tzinfo is UTC:
        return time
    try:
        # A time without a zone is UTC (release notes of 28 May 2024).
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError:
        return None


def _time(text: str) -> datetime | None:
    try:
        return _utc(datetime.fromisoformat(text))
    except ValueError:
        return None


def _wkt(footprint: str | None) -> str | None:
    """``geography'SRID=4326;POLYGON (…)'`` without its wrapping."""
    if (
        footprint
        and footprint.startswith(_USUAL_START)
        and footprint.find("'", 10) == len(footprint) - 1
    ):
        return footprint[len(_USUAL_START) : -1].strip() or None
    match = _GEOGRAPHY.fullmatch(footprint.strip()) if footprint else None
    return (match["wkt"].strip() or None) if match else None


def _attributes(listed: list[_Attribute]) -> dict[str, AttributeValue]:
    return {
        entry.name: entry.value
        for entry in listed
        if isinstance(entry.value, (str, int, float, bool))
    }


def _tamed(row: _OddRow) -> _Row[datetime]:
    """The regular row that an odd one stands for: what cannot be understood is left out."""
    period = row.content_date if isinstance(row.content_date, dict) else {}
    return _Row(
        id=row.id,
        name=row.name,
        content_length=_whole_number(row.content_length),
        publication_date=read_time(row.publication_date),
        modification_date=read_time(row.modification_date),
        online=str(row.online).lower() != "false",
        eviction_date=row.eviction_date if isinstance(row.eviction_date, str) else None,
        checksum=[
            _Sum(str(entry.get("Value") or ""), str(entry.get("Algorithm") or ""))
            for entry in _objects(row.checksum)
        ],
        content_date=_Period(read_time(period.get("Start")), read_time(period.get("End"))),
        footprint=row.footprint if isinstance(row.footprint, str) else None,
        attributes=[
            _Attribute(str(entry.get("Name") or ""), entry.get("Value"))
            for entry in _objects(row.attributes)
        ],
    )


def read_time(value: object) -> datetime | None:
    """A time of the catalogue in UTC, which it is in without a zone; None where it is none."""
    return _time(value) if isinstance(value, str) else None


def _whole_number(value: object) -> int | None:
    try:
        return int(value) if isinstance(value, (int, float, str)) else None
    except (ValueError, OverflowError):
        return None


def _objects(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
