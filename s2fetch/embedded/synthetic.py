"""A catalogue of any number of products that exist by arithmetic only.

For benchmarks and tests of long listings: a million rows cost no memory, and a search that is
bounded in time, by name or by id touches only the rows it returns.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import blake3
import msgspec

from s2fetch.embedded.entry import Attribute, Entry, hub_time, read_time
from s2fetch.embedded.listing import Body, Found, Ordering
from s2fetch.embedded.odata_filter import (
    And,
    AttributeMatch,
    Comparison,
    Expression,
    Moment,
    Not,
    Operator,
    Or,
)
from s2fetch.embedded.odata_match import condition
from s2fetch.embedded.spans import Runs, Spans, complement, intersection, union
from s2fetch.embedded.tiles import tile_wkt

_TILES = ("32TQM", "32TPM", "33TUL", "32UPU", "33UUP", "32TNS", "31TGL", "32TLS")
_ID = re.compile(r"5e7f0000-5e7f-4000-8000-([0-9a-f]{12})")
_NAME = re.compile(r"S2[AB]_MSIL1C_(\d{8}T\d{6})_.*\.SAFE")
_PROCESSED_AFTER = timedelta(hours=3)
_LAGS = {
    "ContentDate/Start": timedelta(0),
    "ContentDate/End": timedelta(0),
    "OriginDate": timedelta(hours=4),
    "PublicationDate": timedelta(hours=4, minutes=11),
    "ModificationDate": timedelta(hours=4, minutes=12),
}
_SAME_FIELDS = ("Collection/Name", "Online")
_SAME_ATTRIBUTES = {
    "origin": "ESA",
    "operationalMode": "INS-NOBS",
    "processingLevel": "S2MSI1C",
    "processorVersion": "05.10",
    "platformShortName": "SENTINEL-2",
    "instrumentShortName": "MSI",
    "productType": "S2MSI1C",
}


class SyntheticCatalogue:
    """Level-1C products at regular intervals.

    Args:
        count: How many.
        first: Start of the first acquisition.
        step: Time between acquisitions.
        same_start: How many products (of neighbouring tiles) share one acquisition start; at
            most 8.
        size: Bytes the catalogue lists for each, unless there is a body.
        body: The bytes every product is downloaded as; without any, downloads answer 404.
        seed: Decides the order of rows when a search asks for none.
    """

    def __init__(
        self,
        count: int,
        *,
        first: datetime = datetime(2015, 7, 6, 10, 10, 6, 27_000, tzinfo=UTC),
        step: timedelta = timedelta(minutes=20),
        same_start: int = 4,
        size: int = 800_000_000,
        body: bytes | None = None,
        seed: int = 0,
    ) -> None:
        self._count = count
        self._first = first
        self._step = step
        self._same = min(max(1, same_start), len(_TILES))
        self._body = body
        self._size = size if body is None else len(body)
        self._md5 = "" if body is None else hashlib.md5(body, usedforsecurity=False).hexdigest()
        self._blake3 = "" if body is None else blake3.blake3(body).hexdigest()
        self._random = random.Random(seed)  # noqa: S311 - shuffles rows, no secret
        self._changed: dict[int, Entry] = {}
        self._scans = lru_cache(maxsize=8)(self._scan)
        self._times = lru_cache(maxsize=1024)(self._times_of)

    def __len__(self) -> int:
        return self._count

    def row(self, number: int) -> Entry:
        """The product with a number, in order of sensing.

        Raises:
            IndexError: There is no such number.
        """
        if not 0 <= number < self._count:
            raise IndexError(number)
        return self._changed.get(number) or self._made(number)

    def search(
        self, expression: Expression | None, ordering: Ordering | None, skip: int, top: int
    ) -> Found:
        every: Spans = ((0, self._count),) if self._count else ()
        spans, exact = (every, True) if expression is None else self._spans(expression)
        numbers: Sequence[int] = Runs(spans)
        if expression is not None and not exact:
            numbers = self._scans(expression, spans)
        chosen = self._page(numbers, ordering, skip, top)
        return Found([self.row(number) for number in chosen], len(numbers))

    def search_deleted(
        self, _expression: Expression | None, _ordering: Ordering | None, _skip: int, _top: int, /
    ) -> Found:
        return Found((), 0)

    def entry(self, product_id: str) -> Entry | None:
        match = _ID.fullmatch(product_id)
        number = int(match[1], 16) if match else self._count
        return self.row(number) if number < self._count else None

    def named(self, names: Iterable[str]) -> list[Entry]:
        found: list[Entry] = []
        for name in set(names):
            entries = map(self.row, Runs(self._name_spans(name)))
            found.extend(entry for entry in entries if entry.name == name)
        return found

    def body(self, product_id: str) -> Body | None:
        return self._body if self.entry(product_id) is not None else None

    def by_quicklook(self, _asset_id: str, /) -> Entry | None:
        return None

    def relist(self, product_id: str, **changes: object) -> Entry:
        """Change how a row is shown. Searches go on by what it was.

        Raises:
            KeyError: There is no such product.
        """
        entry = self.entry(product_id)
        if entry is None:
            raise KeyError(product_id)
        changed = msgspec.structs.replace(entry, **changes)
        self._changed[int(product_id[-12:], 16)] = changed
        return changed

    def _page(
        self, numbers: Sequence[int], ordering: Ordering | None, skip: int, top: int
    ) -> list[int]:
        total = len(numbers)
        stop = min(total, skip + top)
        if ordering is None:
            return _shuffled(numbers, skip, stop, self._random)
        if not ordering.descending:
            return [numbers[place] for place in range(skip, stop)]
        page: list[int] = []
        place = total - 1
        seen = 0
        while place >= 0 and seen < stop:
            group = self._group(numbers, place)
            page.extend(numbers[one] for one in range(group, place + 1))
            seen, place = seen + place + 1 - group, group - 1
            if seen <= skip:
                page.clear()
        begin = skip - (seen - len(page))
        return page[begin : begin + stop - skip]

    def _group(self, numbers: Sequence[int], place: int) -> int:
        """First place of the rows that share their start with the one at ``place``."""
        instant = numbers[place] // self._same
        while place > 0 and numbers[place - 1] // self._same == instant:
            place -= 1
        return place

    def _scan(self, expression: Expression, spans: Spans) -> array[int]:
        holds = condition(expression)
        return array("Q", (number for number in Runs(spans) if holds(self._made(number))))

    def _spans(self, expression: Expression) -> tuple[Spans, bool]:
        """Where matching rows can be, and whether every row there matches."""
        every: Spans = ((0, self._count),) if self._count else ()
        match expression:
            case And(parts):
                spans, exact = every, True
                for part in parts:
                    inner, sure = self._spans(part)
                    spans, exact = intersection(spans, inner), exact and sure
                return spans, exact
            case Or(parts):
                found = [self._spans(part) for part in parts]
                joined = union(span for spans, _ in found for span in spans)
                return joined, all(sure for _, sure in found)
            case Not(part):
                inner, sure = self._spans(part)
                return (complement(inner, self._count), True) if sure else (every, False)
            case Comparison("Name", "eq", str(name)):
                return self._name_spans(name), False
            case Comparison("Id", "eq", str(identity)):
                return self._id_spans(identity), True
            case Comparison(path, operator, Moment(text)) if path in _LAGS:
                return self._time_spans(operator, read_time(text) - _LAGS[path]), True
            case Comparison(path) if path in _SAME_FIELDS:
                return self._same_spans(expression, every), True
            case AttributeMatch(name) if name in _SAME_ATTRIBUTES:
                return self._same_spans(expression, every), True
            case _:
                return every, False

    def _same_spans(self, expression: Expression, every: Spans) -> Spans:
        return every if self._count and condition(expression)(self._made(0)) else ()

    def _time_spans(self, operator: Operator, start: datetime) -> Spans:
        """Rows whose start compares so with the given one."""
        since_first = start - self._first
        before = self._number(-((-since_first) // self._step))
        upto = self._number(since_first // self._step + 1)
        run = {
            "lt": (0, before),
            "le": (0, upto),
            "gt": (upto, self._count),
            "ge": (before, self._count),
            "eq": (before, upto),
            "ne": (before, upto),
        }[operator]
        spans: Spans = (run,) if run[0] < run[1] else ()
        return complement(spans, self._count) if operator == "ne" else spans

    def _number(self, instant: int) -> int:
        return min(self._count, max(0, instant * self._same))

    def _name_spans(self, name: str) -> Spans:
        match = _NAME.fullmatch(name)
        if match is None:
            return ()
        start = datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        around = timedelta(seconds=1)
        low = self._number((start - around - self._first) // self._step)
        high = self._number((start + around - self._first) // self._step + 1)
        return ((low, high),) if low < high else ()

    def _id_spans(self, identity: str) -> Spans:
        match = _ID.fullmatch(identity.lower())
        number = int(match[1], 16) if match else self._count
        return ((number, number + 1),) if number < self._count else ()

    def _made(self, number: int) -> Entry:
        instant, place = divmod(number, self._same)
        times = self._times(instant)
        tile, unit = _TILES[place], "AB"[instant % 2]
        orbit = instant % 143 + 1
        name = f"S2{unit}_MSIL1C_{times.start}_N0510_R{orbit:03d}_T{tile}_{times.made}.SAFE"
        return Entry(
            id=f"5e7f0000-5e7f-4000-8000-{number:012x}",
            name=name,
            content_length=self._size,
            sensing_start=times.sensing,
            sensing_end=times.sensing,
            origin_date=times.origin,
            publication_date=times.publication,
            modification_date=times.modification,
            checksum_date=times.modification,
            s3_path=f"/eodata/Sentinel-2/MSI/L1C/{times.day}/{name}",
            md5=self._md5 or f"{number:032x}",
            blake3=self._blake3 or f"{number:064x}",
            footprint=_footprint(tile),
            attributes=(
                *_same_attributes(tile, unit),
                *times.attributes,
                Attribute("cloudCover", "Double", float(number * 37 % 101)),
                Attribute("relativeOrbitNumber", "Integer", orbit),
            ),
        )

    def _times_of(self, instant: int) -> _Times:
        start = self._first + instant * self._step
        sensing, processing = hub_time(start), hub_time(start + _PROCESSED_AFTER)
        group = f"GS2{'AB'[instant % 2]}_{_stamp(sensing)}_{10_000 + instant:06d}_N05.10"
        return _Times(
            sensing=sensing,
            start=_stamp(sensing),
            made=_stamp(processing),
            day=sensing[:10].replace("-", "/"),
            origin=hub_time(start + _LAGS["OriginDate"]),
            publication=hub_time(start + _LAGS["PublicationDate"]),
            modification=hub_time(start + _LAGS["ModificationDate"]),
            attributes=(
                Attribute("orbitNumber", "Integer", 10_000 + instant),
                Attribute("processingDate", "DateTimeOffset", processing),
                Attribute("productGroupId", "String", group),
                Attribute("beginningDateTime", "DateTimeOffset", sensing),
                Attribute("endingDateTime", "DateTimeOffset", sensing),
            ),
        )


class _Times(msgspec.Struct, frozen=True, kw_only=True):
    """What the products of one acquisition share."""

    sensing: str
    start: str
    made: str
    day: str
    origin: str
    publication: str
    modification: str
    attributes: tuple[Attribute, ...]


def _shuffled(numbers: Sequence[int], skip: int, stop: int, choice: random.Random) -> list[int]:
    """A page of the numbers in an order that differs each time."""
    total = len(numbers)
    if not total:
        return []
    shift, stride = choice.randrange(total), 7919
    while math.gcd(total, stride) > 1:
        stride += 1
    return [numbers[(place * stride + shift) % total] for place in range(skip, stop)]


def _stamp(time: str) -> str:
    """A time as names have it, ``20240715T101559``."""
    return time[:19].replace("-", "").replace(":", "")


@lru_cache(maxsize=64)
def _footprint(tile: str) -> str:
    return tile_wkt(tile)


@lru_cache(maxsize=64)
def _same_attributes(tile: str, unit: str) -> tuple[Attribute, ...]:
    same = tuple(Attribute(name, "String", value) for name, value in _SAME_ATTRIBUTES.items())
    return (
        *same,
        Attribute("tileId", "String", tile),
        Attribute("platformSerialIdentifier", "String", unit),
    )
