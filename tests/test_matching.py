"""What a query means, against the OData it becomes, judged by the embedded hub's own evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2fetch.embedded.entry import Attribute, AttributeType, Entry, hub_time
from s2fetch.embedded.odata_filter import parse_filter
from s2fetch.embedded.odata_match import condition
from s2fetch.hub.odata import filter_of
from s2fetch.matching import matches
from s2fetch.product import AttributeValue, Product
from s2fetch.query import AreaRelation, Condition, Operator, Query
from tests.drawing import chances, one_of

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
COLLECTIONS = ("SENTINEL-1", "SENTINEL-2", "SENTINEL-3", "SENTINEL-5P", "COP-DEM")
NAMES = ("S1A_X.SAFE", "S2A_Y.SAFE", "o'clock' and '.nc")
TYPES = (
    *("SLC", "GRD", "GRD-COG", "RAW", "IW_SLC__1S", "IW_GRDH_1S", "IW_GRDH_1S-COG", "S3_RAW__0S"),
    *("S2MSI1C", "OL_1_EFR___", "COP-DEM_GLO-30-DGED"),
)
STRINGS = ("VV&VH", "VH&VV", "it's", "100%+1", "05.10", "5.1", "", "Größe 大", "true", "12")
MOMENTS = tuple(NOON + timedelta(milliseconds=500 * step) for step in range(4))
TIMES = tuple(map(hub_time, MOMENTS))
ISO = (
    "2024-06-01T12:00:00.000000Z",
    "2024-06-01T12:00:00.500000Z",
    "2024-06-01T12:00:01.000000Z",
)
VALUES: Mapping[str, tuple[AttributeType, tuple[AttributeValue, ...]]] = {
    "productType": ("String", TYPES),
    "datasetFull": ("String", TYPES),
    "tileId": ("String", ("32TQM", "32TPM")),
    "platformSerialIdentifier": ("String", ("A", "B")),
    "processorVersion": ("String", STRINGS),
    "processingBaseline": ("String", STRINGS),
    "polarisationChannels": ("String", STRINGS),
    "orbitDirection": ("String", ("ASCENDING", "DESCENDING", "descending")),
    "relativeOrbitNumber": ("Integer", (1, 2, 3)),
    "orbitNumber": ("Integer", (0, 11_999, 12_000, 12_001)),
    "spatialResolution": ("Integer", (2, "2.3", 10)),
    "cloudCover": ("Double", (-1.0, 0.0, 12.345, 33.333333, 100.0)),
    "processingDate": ("DateTimeOffset", ISO),
    "sliceProductFlag": ("Boolean", (True, False)),
}
NEW = {
    "newText": ("String", STRINGS[:4]),
    "newNumber": ("Integer", (1, 2)),
    "newFraction": ("Double", (0.5, 1.5)),
    "newTime": ("DateTimeOffset", ISO),
    "newFlag": ("Boolean", (True, False)),
}
EVERY: Mapping[str, tuple[AttributeType, tuple[AttributeValue, ...]]] = {**VALUES, **NEW}  # type: ignore[dict-item]
ORDERED = ("Integer", "Double", "DateTimeOffset", "String")

ID = "5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b"
boxes = st.tuples(st.integers(-4, 2), st.integers(-4, 2), st.integers(1, 3), st.integers(1, 3)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)


def wkt(box: tuple[int, int, int, int]) -> str:
    west, south, east, north = box
    ring = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return f"POLYGON (({', '.join(f'{lon} {lat}' for lon, lat in ring)}))"


def some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.just(()) | st.lists(st.sampled_from(values), max_size=3, unique=True).map(tuple)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    """A condition on any attribute, with values it may have."""
    name = draw(one_of(*EVERY))
    kind, values = EVERY[name]
    usable = one_of(*(value for value in values if kind == "String" or value != "2.3"))
    how = draw(one_of(*(Operator if kind in ORDERED else (Operator.EQ, Operator.NE))))
    most = 3 if how is Operator.EQ else 1
    chosen = draw(st.lists(usable, min_size=1, max_size=most, unique=True))
    return Condition(name, how, tuple(chosen))


FIELDS: Mapping[str, st.SearchStrategy[Any]] = {
    "product_types": some(TYPES),
    "sensing_from": st.sampled_from(MOMENTS),
    "sensing_to": st.sampled_from(MOMENTS),
    "modified_from": st.sampled_from(MOMENTS),
    "published_from": st.sampled_from(MOMENTS),
    "published_to": st.sampled_from(MOMENTS),
    "area": boxes.map(wkt),
    "cloud": st.sampled_from(((0.0, 12.345), (-1.0, 33.333333), (0.0, 0.0))),
    "relative_orbits": st.lists(st.integers(1, 3), max_size=2, unique=True).map(tuple),
    "orbit_direction": st.sampled_from(("ASCENDING", "DESCENDING")),
    "tiles": some(("32TQM", "32TPM")),
    "platforms": some(("A", "B")),
    "baselines": some(STRINGS),
    "conditions": st.lists(conditions(), min_size=1, max_size=2).map(tuple),
    "names": some(NAMES),
    "ids": some((ID, "00000000-0000-4000-8000-000000000000")),
}


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """A query that restricts any fields, in one collection or in all."""
    chosen = draw(st.lists(one_of(*FIELDS), unique=True))
    fields = {name: draw(FIELDS[name]) for name in chosen}
    return Query(collection=draw(one_of("", *COLLECTIONS)), **fields)


def entries(
    number: int, collections: Sequence[str] = COLLECTIONS
) -> st.SearchStrategy[list[Entry]]:
    """Rows of the catalogue."""
    return chances.map(lambda chance: [entry(chance, collections) for _ in range(number)])


def entry(chance: Random, collections: Sequence[str]) -> Entry:
    """A row of the catalogue; most attributes are there, whatever the collection."""
    start, published, modified = chance.choices(TIMES, k=3)
    west, south = chance.choices(range(-4, 3), k=2)
    width, height = chance.choices((1, 2, 3), k=2)
    missing = chance.sample(tuple(EVERY), chance.randint(0, 4))
    return Entry(
        id=ID,
        name=chance.choice(NAMES),
        collection=chance.choice(collections),
        sensing_start=start,
        sensing_end=start,
        origin_date=start,
        publication_date=published,
        modification_date=modified,
        footprint=chance.choice((None, wkt((west, south, west + width, south + height)))),
        attributes=tuple(
            Attribute(name, kind, chance.choice(values))
            for name, (kind, values) in EVERY.items()
            if name not in missing
        ),
    )


def product_of(entry: Entry) -> Product:
    return Product(
        id=entry.id,
        name=entry.name,
        collection=entry.collection,
        sensing_start=datetime.fromisoformat(entry.sensing_start),
        modified=datetime.fromisoformat(entry.modification_date),
        published=datetime.fromisoformat(entry.publication_date),
        footprint=entry.footprint,
        attributes={attribute.name: attribute.value for attribute in entry.attributes},
    )


@settings(max_examples=100, deadline=None)
@given(queries(), entries(4))
def test_odata_selects_exactly_what_the_query_means(query: Query, listed: list[Entry]) -> None:
    """Whatever the query asks of whatever product, the hub's answer is the query's own."""
    agree(query, listed)


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_alone_means_the_same(field: str) -> None:
    """Without others because of which most products would not match anyway."""

    @settings(max_examples=40)
    @given(FIELDS[field], entries(2 * len(COLLECTIONS)))
    def check(value: Any, listed: list[Entry]) -> None:
        for collection in COLLECTIONS:
            agree(Query(collection=collection, **{field: value}), listed)

    check()


def agree(query: Query, listed: list[Entry]) -> None:
    text = filter_of(query)
    selects = condition(parse_filter(text)) if text else lambda _: True
    for entry in listed:
        assert selects(entry) is matches(query, product_of(entry)), text


@settings(max_examples=200, deadline=None)
@given(conditions(), entries(1))
def test_a_condition_alone_means_the_same(wanted: Condition, listed: list[Entry]) -> None:
    """On any attribute, of the collection that the product is in."""
    agree(Query(collection=listed[0].collection, conditions=(wanted,)), listed)


@pytest.mark.parametrize("wanted", TYPES)
@pytest.mark.parametrize("how", [Operator.EQ, Operator.NE])
def test_groups_of_types_mean_the_same(wanted: str, how: Operator) -> None:
    """A word for several types, of Sentinel-1 only, and without the products that have no type."""
    for collection in ("SENTINEL-1", "SENTINEL-3"):
        query = Query(collection=collection, conditions=(Condition("productType", how, (wanted,)),))
        listed = [
            Entry(
                id="1", name="X", collection=collection, sensing_start=ISO[0], sensing_end=ISO[0],
                origin_date=ISO[0], publication_date=ISO[0], modification_date=ISO[0],
                attributes=attributes,
            )
            for attributes in ((), *((Attribute("productType", "String", one),) for one in TYPES))
        ]  # fmt: skip
        agree(query, listed)


@given(boxes, boxes, st.sampled_from(AreaRelation))
def test_odata_finds_at_least_what_any_area_relation_wants(
    area: tuple[int, int, int, int], covered: tuple[int, int, int, int], relation: AreaRelation
) -> None:
    """The service knows intersections only; what it finds is then filtered."""
    product = Product(id="1", name="X", collection="SENTINEL-2", footprint=wkt(covered))
    query = Query(area=wkt(area), area_relation=relation)
    inner, outer = (area, covered) if relation is AreaRelation.CONTAINS else (covered, area)
    meant = {
        AreaRelation.INTERSECTS: area[0] <= covered[2]
        and covered[0] <= area[2]
        and area[1] <= covered[3]
        and covered[1] <= area[3],
    }.get(
        relation,
        outer[0] <= inner[0]
        and outer[1] <= inner[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3],
    )
    assert matches(query, product) is meant
    asked = condition(parse_filter(filter_of(query)))
    entry = Entry(
        id="1", name="X", sensing_start="", sensing_end="", origin_date="", publication_date="",
        modification_date="", footprint=wkt(covered),
    )  # fmt: skip
    assert asked(entry) or not meant


@pytest.mark.parametrize("footprint", [None, "", "POLYGON ((1 1", "nonsense"])
def test_a_product_without_a_usable_footprint_is_in_no_area(footprint: str | None) -> None:
    """Hubs send null for auxiliary data, and could send anything."""
    product = Product(id="1", name="X", footprint=footprint)
    assert not matches(Query(area=wkt((0, 0, 1, 1))), product)


def test_a_footprint_that_crosses_itself_is_compared_all_the_same() -> None:
    """A bow tie is made valid rather than ending the program."""
    bow = "POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))"
    product = Product(id="1", name="X", footprint=bow)
    assert matches(Query(area="POINT (0.2 1)"), product)
    assert not matches(Query(area="POINT (1 1.8)"), product)


def test_a_product_of_unknown_collection_or_time() -> None:
    """An unknown collection may be any; an unknown time lies in no period."""
    product = Product(id="1", name="X")
    assert matches(Query(collection="SENTINEL-1"), product)
    assert not matches(Query(sensing_to=NOON), product)
    assert not matches(Query(published_from=NOON), product)
