"""What to look for: a query in the field's own terms, independent of any hub's language."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from s2fetch.naming import collection_of
from s2fetch.product import AttributeValue


class Order(StrEnum):
    """In which order products are listed and fetched.

    ``SENSING`` and ``PUBLICATION`` go by the start of the acquisition and by the time of
    publication. ``EVICTION`` takes what leaves the hub soonest first, then the rest by sensing.
    """

    SENSING = "sensing"
    PUBLICATION = "publication"
    EVICTION = "eviction"


class Operator(StrEnum):
    """How an attribute is compared with a value."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


class Condition(msgspec.Struct, frozen=True):
    """What a catalogue attribute has to be.

    Attributes:
        attribute: Its name as the catalogue spells it, e.g. ``orbitNumber``.
        operator: How it is compared. A product without the attribute never matches.
        values: With what; of the attribute's own type. More than one only for ``EQ``: any of them.
    """

    attribute: str
    operator: Operator
    values: tuple[AttributeValue, ...]


class AreaRelation(StrEnum):
    """How a product's footprint has to lie to the area of interest.

    ``INTERSECTS``: they have a point in common. ``CONTAINS``: the footprint contains the whole
    area. ``WITHIN``: the footprint lies within the area. Boundaries count as inside.
    """

    INTERSECTS = "intersects"
    CONTAINS = "contains"
    WITHIN = "within"


class VersionPolicy(StrEnum):
    """Which versions of one acquisition are taken.

    ``ALL``: all of them. ``NEWEST``: what was processed last. ``PREFERENCE``: of the first stream
    in `Query.streams` that there is one of, what was processed last.
    """

    ALL = "all"
    NEWEST = "newest"
    PREFERENCE = "preference"


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One selection of products. Empty tuples and None do not restrict.

    Times are aware; periods are half-open: ``start <= t < end``.

    Attributes:
        collection: Catalogue collection, e.g. ``SENTINEL-2``; empty for any, only when there are
            names, identifiers or a hub query that restricts it.
        product_types: Any of these, e.g. ``S2MSI1C``.
        sensing_from: Acquisitions that start at or after this.
        sensing_to: Acquisitions that start before this.
        published_from: Products that the hub published at or after this.
        published_to: Products that the hub published before this.
        modified_from: Entries that the hub published or changed at or after this.
        area: WKT in EPSG:4326 (lon lat).
        area_exact: WKT of what ``area`` is a simpler and larger form of, which hubs are asked for;
            what they list is tested against this one. None when ``area`` is meant as it is.
        area_relation: How footprints have to lie to it.
        area_overlap: Least share that footprint and area have in common, of the smaller of the two,
            0 to 1.
        cloud: Least and greatest cloud cover in percent, both included.
        relative_orbits: Any of these, 1 to 143 for Sentinel-2.
        orbit_direction: ``ASCENDING`` or ``DESCENDING``.
        tiles: MGRS tiles without the leading T, e.g. ``32TQM``.
        platforms: Platform units: ``A``, ``B``, ``C``.
        baselines: Processing baselines as the catalogue writes them, e.g. ``05.10``.
        conditions: On any other attributes; all of them have to hold.
        hub_query: In the hub's own language, in addition to all else; empty for none.
        names: Exact product names, extension included.
        ids: The hub's identifiers of products; with names, either of the two.
        versions: Which versions of one acquisition are taken.
        streams: Processing streams in order of preference, e.g. ``("RPRO", "OFFL", "NRTI")``.
        limit: At most this many products, after ordering.
        order: In which order.
        newest_first: Descending instead of ascending.
    """

    collection: str = "SENTINEL-2"
    product_types: tuple[str, ...] = ()
    sensing_from: datetime | None = None
    sensing_to: datetime | None = None
    published_from: datetime | None = None
    published_to: datetime | None = None
    modified_from: datetime | None = None
    area: str | None = None
    area_exact: str | None = None
    area_relation: AreaRelation = AreaRelation.INTERSECTS
    area_overlap: float = 0.0
    cloud: tuple[float, float] | None = None
    relative_orbits: tuple[int, ...] = ()
    orbit_direction: str | None = None
    tiles: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    hub_query: str = ""
    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    versions: VersionPolicy = VersionPolicy.ALL
    streams: tuple[str, ...] = ()
    limit: int | None = None
    order: Order = Order.SENSING
    newest_first: bool = False

    @property
    def is_whole_collection(self) -> bool:
        """Whether nothing restricts it but the collection."""
        bare = Query(
            collection=self.collection,
            area_relation=self.area_relation,
            versions=self.versions,
            streams=self.streams,
            order=self.order,
            newest_first=self.newest_first,
        )
        return self == bare

    @property
    def only_named(self) -> bool:
        """Whether names and identifiers alone decide, so that one not listed does not exist."""
        own = Query(
            collection=self.collection,
            names=self.names,
            ids=self.ids,
            versions=self.versions,
            streams=self.streams,
            limit=self.limit,
            order=self.order,
            newest_first=self.newest_first,
        )
        if self != own or not (self.names or self.ids):
            return False
        collections = {collection_of(name) for name in self.names}
        return not self.collection or (not self.ids and collections == {self.collection})
