"""Which products of a listing are superseded by other versions of the same acquisition.

A product is superseded when the listing has a better version that covers it (`naming`): of a
preferred stream, or processed later. Of two that are equal in both, the one published later is
better. Where an acquisition has none of the preferred streams, what was processed last stays. A
product whose name is of no known family is never superseded, nor is one that no single better
version covers, such as a near-real-time granule on the border of two orbits.

Nothing here reads a clock or a socket, and memory does not grow with the listing: a listing in
order of sensing is held back only as far as versions of one acquisition can be apart.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec

from s2fetch.naming import Acquisition, ProductName, acquisition_of, parse
from s2fetch.product import Product, without_attributes

MARGIN = timedelta(minutes=1)
"""How far the sensing times of two versions may be apart in a listing."""
MARGINS = dict.fromkeys(("SENTINEL-3", "SENTINEL-5P", "SENTINEL-6"), timedelta(hours=2))
"""The same where a granule may be a part of a whole orbit, which takes less than two hours."""
LONGEST = timedelta(days=1)
"""A version that takes longer covers only what begins with it; so do years of validity."""
REMEMBERED = 5000
"""Acquisitions that `OtherVersions` remembers at most."""
LOOKED_AT = 250
"""Products that `OtherVersions` looks at together."""
MOST_TOGETHER = 100
"""Products of one acquisition that it remembers; a datatake of Sentinel-1 has fewer slices."""
_TILE_LENGTH = len("S2A_MSIL1C_20240601T101031_N0510_R022_T32TQM_20240601T121212.SAFE")
LEAST_COMMON_GROUND = 0.8
"""How much of a footprint a version has to cover. Two parts of one Sentinel-2 tile, cut where the
reception changed stations, have the same name but for the last field, and none covers the other."""


class Settled(msgspec.Struct, frozen=True):
    """A product whose fate is known.

    Attributes:
        product: The product.
        superseded_by: A better version of it, or None.
    """

    product: Product
    superseded_by: Product | None = None


class VersionWindow:
    """Settles the products of a listing in order of sensing, a while after they were listed.

    Args:
        streams: In order of preference; empty for what was processed last.
        newest_first: The listing is in descending order.
    """

    def __init__(self, streams: tuple[str, ...] = (), *, newest_first: bool = False) -> None:
        self._streams = streams
        self._sign = -1 if newest_first else 1
        self._front = float("-inf")
        self._held: deque[_Version] = deque()
        self._groups: dict[Acquisition, list[_Version]] = {}
        self._to_forget: list[tuple[float, int, _Version]] = []
        self._numbers = count()

    @property
    def size(self) -> int:
        """How many products are held back or remembered."""
        return max(len(self._held), len(self._to_forget))

    def add(self, product: Product) -> Iterator[Settled]:
        """Take the next product of the listing; yields those that are settled by its time."""
        name = parse(product.name)
        start = product.sensing_start or (name.sensing_start if name else None)
        position = self._front if start is None else self._sign * start.timestamp()
        self._front = max(self._front, position)
        version = _Version(product, name, position)
        self._held.append(version)
        if name is not None:
            version.settles = position + MARGINS.get(name.collection, MARGIN).total_seconds()
            version.rank = self._rank(name)
            self._compare(version, name)
        while self._to_forget and self._to_forget[0][0] < self._front:
            self._forget(heapq.heappop(self._to_forget)[2])
        while self._held and (self._held[0].settles < self._front or not self._held[0].name):
            yield self._held.popleft().settle()

    def rest(self) -> Iterator[Settled]:
        """What is left when the listing has ended."""
        while self._held:
            yield self._held.popleft().settle()

    def _rank(self, name: ProductName) -> tuple[int, tuple[str, ...]]:
        places = [self._streams.index(one) for one in name.streams if one in self._streams]
        return -min(places, default=len(self._streams)), name.version

    def _compare(self, version: _Version, name: ProductName) -> None:
        group = self._groups.setdefault(name.acquisition, [])
        for other in group:
            worse, better = sorted((version, other), key=_Version.quality)
            if worse.superseded_by is None and not worse.settled and better.covers(worse):
                worse.superseded_by = better
        group.append(version)
        until = version.settles
        if self._sign > 0 and name.sensing_end is not None:
            until += min(name.sensing_end - name.sensing_start, LONGEST).total_seconds()
        heapq.heappush(self._to_forget, (until, next(self._numbers), version))

    def _forget(self, version: _Version) -> None:
        assert version.name is not None  # noqa: S101 - others are never remembered
        group = self._groups[version.name.acquisition]
        group.remove(version)
        if not group:
            del self._groups[version.name.acquisition]


def reach_of(product: Product) -> timedelta:
    """How far from a product, in time of sensing, what supersedes it can begin."""
    name = parse(product.name)
    if name is None:
        return MARGIN
    length = timedelta()
    if name.sensing_end is not None:
        length = min(name.sensing_end - name.sensing_start, LONGEST)
    return MARGINS.get(name.collection, MARGIN) + length


class OtherVersions:
    """Counts the products that are another version of one listed shortly before.

    It is told about every product of every listing, so that it has to be cheap: it looks at many
    products at a time. What is kept are two generations of products, by something that versions
    have in common and others hardly ever.
    """

    def __init__(self) -> None:
        self._count = 0
        self._new: list[Product] = []
        self._young: dict[object, list[Product] | Product] = {}
        self._old: dict[object, list[Product] | Product] = {}

    @property
    def count(self) -> int:
        """How many there were so far."""
        self._look()
        return self._count

    @property
    def size(self) -> int:
        """How many acquisitions are remembered."""
        return len(self._young) + len(self._old)

    def add(self, product: Product) -> None:
        """Take the next product of a listing in any order."""
        self._new.append(product)
        if len(self._new) == LOOKED_AT:
            self._look()

    def _look(self) -> None:
        # Attributes would be most of what is remembered.
        products, self._new = [without_attributes(product) for product in self._new], []
        keys = [_common_part(product.name) for product in products]
        alone = dict(zip(keys, products, strict=True))
        if (
            len(alone) == len(products)
            and None not in alone
            and alone.keys().isdisjoint(self._young)
            and alone.keys().isdisjoint(self._old)
        ):
            self._young.update(alone)
        else:
            for key, product in zip(keys, products, strict=True):
                if key is not None:
                    self._compare(key, product)
        if len(self._young) > REMEMBERED // 2 - LOOKED_AT:
            self._old, self._young = self._young, {}

    def _compare(self, key: object, product: Product) -> None:
        others = self._young.get(key) or self._old.get(key)
        if others is None:
            self._young[key] = product
            return
        known = others if isinstance(others, list) else [others]
        self._count += any(_are_versions(product, other) for other in known)
        self._young[key] = [*known[-MOST_TOGETHER:], product]


def _common_part(name: str) -> object:
    """What versions have in common; None for a name that tells of no acquisition."""
    # The name of a Sentinel-2 tile without its baseline and its last field.
    is_tile = len(name) == _TILE_LENGTH and name[:2] == "S2"
    return name[:26] + name[32:44] if is_tile else acquisition_of(name)


class _Version:
    """One product in the window.

    Attributes:
        settles: Position on the listing's axis behind which its fate is known.
        rank: How good its stream is, then its processing.
    """

    __slots__ = ("name", "product", "rank", "settled", "settles", "superseded_by")

    def __init__(self, product: Product, name: ProductName | None, settles: float) -> None:
        self.product = product
        self.name = name
        self.settles = settles
        self.rank: tuple[int, tuple[str, ...]] = (0, ())
        self.superseded_by: _Version | None = None
        self.settled = False

    def quality(self) -> tuple[tuple[int, tuple[str, ...]], datetime, str]:
        """Orders versions of one acquisition, the best one last."""
        published = self.product.published or datetime.min.replace(tzinfo=UTC)
        return self.rank, published, self.product.id

    def covers(self, other: _Version) -> bool:
        if self.name is None or other.name is None or not self.name.covers(other.name):
            return False
        return _covers_ground(self.name, self.product, other.product)

    def settle(self) -> Settled:
        """The product's fate; what supersedes it may be superseded in its turn."""
        self.settled = True
        best = self
        while best.superseded_by is not None:
            best = best.superseded_by
        return Settled(self.product, None if best is self else best.product)


def _are_versions(one: Product, other: Product) -> bool:
    first, second = parse(one.name), parse(other.name)
    if first is None or second is None or first.acquisition != second.acquisition:
        return False
    return (first.covers(second) and _covers_ground(first, one, other)) or (
        second.covers(first) and _covers_ground(second, other, one)
    )


def _covers_ground(name: ProductName, one: Product, other: Product) -> bool:
    """Whether a footprint covers nearly all of another; only names of tiles do not tell."""
    if (
        not name.tile
        or None in (one.footprint, other.footprint)
        or one.footprint == other.footprint
    ):
        return True
    import shapely

    try:
        ground, others = (shapely.make_valid(shapely.from_wkt(p.footprint)) for p in (one, other))
        common = ground.intersection(others).area
    except shapely.errors.ShapelyError:
        return False
    return bool(common >= LEAST_COMMON_GROUND * others.area)
