"""What to look for: a query in the field's own terms, independent of any hub's language."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class Order(StrEnum):
    """In which order products are listed and fetched.

    ``SENSING`` and ``PUBLICATION`` go by the start of the acquisition and by the time of
    publication. ``EVICTION`` takes what leaves the hub soonest first, then the rest by sensing.
    """

    SENSING = "sensing"
    PUBLICATION = "publication"
    EVICTION = "eviction"


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One selection of products. Empty tuples and None do not restrict.

    Times are aware; periods are half-open: ``start <= t < end``.

    Attributes:
        collection: Catalogue collection, e.g. ``SENTINEL-2``.
        product_types: Any of these, e.g. ``S2MSI1C``.
        sensing_from: Acquisitions that start at or after this.
        sensing_to: Acquisitions that start before this.
        area: WKT in EPSG:4326 (lon lat); products whose footprint intersects it.
        cloud: Least and greatest cloud cover in percent, both included.
        relative_orbits: Any of these, 1 to 143 for Sentinel-2.
        orbit_direction: ``ASCENDING`` or ``DESCENDING``.
        tiles: MGRS tiles without the leading T, e.g. ``32TQM``.
        platforms: Platform units: ``A``, ``B``, ``C``.
        baselines: Processing baselines as the catalogue writes them, e.g. ``05.10``.
        names: Exact product names, extension included.
        limit: At most this many products, after ordering.
        order: In which order.
        newest_first: Descending instead of ascending.
    """

    collection: str = "SENTINEL-2"
    product_types: tuple[str, ...] = ()
    sensing_from: datetime | None = None
    sensing_to: datetime | None = None
    area: str | None = None
    cloud: tuple[float, float] | None = None
    relative_orbits: tuple[int, ...] = ()
    orbit_direction: str | None = None
    tiles: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    limit: int | None = None
    order: Order = Order.SENSING
    newest_first: bool = False
