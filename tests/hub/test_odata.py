"""Queries as OData text, judged by the embedded hub's own parser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from s2fetch.embedded.entry import Attribute, Entry, hub_time, read_time
from s2fetch.embedded.odata_filter import parse_filter
from s2fetch.embedded.odata_match import condition
from s2fetch.errors import QueryError
from s2fetch.hub.odata import (
    Axis,
    Bounds,
    axis_of,
    double,
    filter_of,
    moment,
    restricted_attributes,
    string,
    url_query,
)
from s2fetch.query import Condition, Operator, Order, Query
from tests.drawing import chances, one_of

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
MILLI, MICRO = timedelta(milliseconds=1), timedelta(microseconds=1)
COLLECTIONS = ("SENTINEL-2", "SENTINEL-1")
TYPES = ("S2MSI1C", "S2MSI2A", "it's", "VV&VH", "100%+1", "a#b;c", "Größe 大", "('x') or 1 eq 1")
TILES = ("32TQM", "32TPM", "01CCV")
UNITS = ("A", "B", "C")
BASELINES = ("05.10", "05.1", "5.10")
DIRECTIONS = ("ASCENDING", "DESCENDING")
NAMES = ("S2A.SAFE", "S2B.SAFE", "o'clock' and '", "é+%20&.SAFE")

CLOUDS = (0.0, 12.34, 12.345, 20.0, 33.333333, 100.0)
MOMENTS = tuple(NOON + step * unit for step in range(-3, 4) for unit in (MILLI, MICRO))

Box = tuple[int, int, int, int]
moments = st.none() | one_of(*MOMENTS)
boxes = st.tuples(st.integers(-4, 2), st.integers(-4, 2), st.integers(1, 3), st.integers(1, 3)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)
clouds = one_of(*CLOUDS)


def some(values: tuple[str, ...]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(one_of(*values), max_size=3, unique=True).map(tuple)


def wkt(box: Box) -> str:
    west, south, east, north = box
    return (
        f"POLYGON (({west} {south}, {east} {south}, {east} {north}, {west} {north}, "
        f"{west} {south}))"
    )


@st.composite
def queries(draw: st.DrawFn) -> tuple[Query, Box | None]:
    """A query and the box its area is."""
    query, box = draw(restrictions), draw(st.none() | boxes)
    return msgspec.structs.replace(query, area=wkt(box) if box else None), box


restrictions = st.builds(
    Query,
    collection=one_of(*COLLECTIONS),
    product_types=some(TYPES),
    sensing_from=moments,
    sensing_to=moments,
    cloud=st.none() | st.tuples(clouds, clouds),
    relative_orbits=st.lists(st.integers(1, 4), max_size=2, unique=True).map(tuple),
    orbit_direction=one_of(None, *DIRECTIONS),
    tiles=some(TILES),
    platforms=some(UNITS),
    baselines=some(BASELINES),
    names=some(NAMES),
)


def made_entry(chance: Random) -> tuple[Entry, Box | None]:
    """A product and the box it covers."""
    start = hub_time(chance.choice(MOMENTS))
    west, south = chance.choices(range(-4, 3), k=2)
    width, height = chance.choices((1, 2, 3), k=2)
    box = chance.choice((None, (west, south, west + width, south + height)))
    listed = (
        Attribute("productType", "String", chance.choice(TYPES)),
        Attribute("tileId", "String", chance.choice(TILES)),
        Attribute("platformSerialIdentifier", "String", chance.choice(UNITS)),
        Attribute("processorVersion", "String", chance.choice(BASELINES)),
        Attribute("orbitDirection", "String", chance.choice(DIRECTIONS)),
        Attribute("relativeOrbitNumber", "Integer", chance.randint(1, 4)),
        Attribute("cloudCover", "Double", chance.choice(CLOUDS)),
    )
    entry = Entry(
        id="5d0e3c1b-2a4f-4a63-9f0a-6c1d2e3f4a5b",
        name=chance.choice(NAMES),
        collection=chance.choice(COLLECTIONS),
        sensing_start=start,
        sensing_end=start,
        origin_date=start,
        publication_date=start,
        modification_date=start,
        footprint=wkt(box) if box else None,
        attributes=tuple(attribute for attribute in listed if chance.randrange(10)),
    )
    return entry, box


entries = chances.map(lambda chance: [made_entry(chance) for _ in range(8)])


_BASELINE = {"SENTINEL-2": "processorVersion"}
"""Where the service keeps what names call the baseline; elsewhere the attribute is called so."""


def matches(
    query: Query,
    area: Box | None,
    entry: Entry,
    covered: Box | None,
) -> bool:
    """What a query means, in plain Python."""
    has = {attribute.name: attribute.value for attribute in entry.attributes}
    start = read_time(entry.sensing_start)
    wanted = {
        "productType": query.product_types,
        "tileId": query.tiles,
        "platformSerialIdentifier": query.platforms,
        _BASELINE.get(query.collection, "processingBaseline"): query.baselines,
        "relativeOrbitNumber": query.relative_orbits,
        "orbitDirection": (query.orbit_direction,) if query.orbit_direction else (),
    }
    if any(values and has.get(name) not in values for name, values in wanted.items()):
        return False
    if query.cloud is not None:
        cover = has.get("cloudCover")
        if cover is None or not query.cloud[0] <= float(cover) <= query.cloud[1]:
            return False
    if area is not None:
        if covered is None:
            return False
        if area[0] > covered[2] or covered[0] > area[2]:
            return False
        if area[1] > covered[3] or covered[1] > area[3]:
            return False
    return (
        entry.collection == query.collection
        and (not query.names or entry.name in query.names)
        and (query.sensing_from is None or query.sensing_from <= start)
        and (query.sensing_to is None or start < query.sensing_to)
    )


@given(queries(), entries)
def test_a_filter_means_exactly_what_the_query_means(
    asked: tuple[Query, Box | None],
    listed: list[tuple[Entry, Box | None]],
) -> None:
    """A filter selects just the products that the query selects, whatever their values.

    So does one of each restriction alone: together they seldom select anything.
    """
    query, area = asked
    for part in (query, *each_alone(query)):
        selects = condition(parse_filter(filter_of(part)))
        for entry, covered in listed:
            wanted = matches(part, area if part.area else None, entry, covered)
            assert selects(entry) is wanted, filter_of(part)


def each_alone(query: Query) -> Iterator[Query]:
    """Queries with one restriction of this one each."""
    for name, value in msgspec.structs.asdict(query).items():
        if value != getattr(Query(), name):
            yield Query(**{"collection": query.collection, name: value})


@given(st.dictionaries(st.sampled_from(("$filter", "$orderby", "$top")), st.text(), min_size=1))
def test_any_text_survives_the_way_into_a_url(options: dict[str, str]) -> None:
    """Quotes, blanks, +, &, %, # and any letters arrive as they were, through every URL parser."""
    url = f"https://hub.example/odata/v1/Products?{url_query(options)}"
    assert url.isascii()
    assert " " not in url
    assert dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)) == options
    assert dict(URL(url, encoded=True).query) == options


def test_text_that_is_no_unicode_does_not_break_the_query() -> None:
    """An argument in a broken encoding becomes something that matches nothing."""
    assert url_query({"$filter": "Name eq 'a\udcff'"}) == "$filter=Name%20eq%20'a%3F'"


def test_quotes_in_strings_are_doubled() -> None:
    """OData 4.01 part 2, 5.1.1.6.1."""
    assert string("it's 'it'") == "'it''s ''it'''"


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime(2024, 6, 1, tzinfo=UTC), "2024-06-01T00:00:00.000Z"),
        (datetime(2024, 6, 1, 12, 0, 0, 27_000, UTC), "2024-06-01T12:00:00.027Z"),
        (datetime(2024, 6, 1, 12, 0, 0, 27_001, UTC), "2024-06-01T12:00:00.027001Z"),
        (datetime(2024, 6, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2024-05-31T23:00:00.000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_times_are_written_in_utc_with_milliseconds(time: datetime, text: str) -> None:
    """Milliseconds always; more digits only where cutting them off would change the meaning."""
    assert moment(time) == text


@pytest.mark.parametrize(
    ("value", "text"), [(20, "20.00"), (12.345, "12.345"), (0.1, "0.10"), (1e-7, "0.0000001")]
)
def test_numbers_are_written_with_two_digits_at_least(value: float, text: str) -> None:
    """Neither rounded nor with an exponent."""
    assert double(value) == text


def test_a_window_on_the_sensing_time_replaces_the_period() -> None:
    """Windows lie in the period, so one pair of conditions is enough."""
    query = Query(sensing_from=NOON, sensing_to=NOON + timedelta(days=30))
    day = Bounds(NOON, NOON + timedelta(days=1))
    text = filter_of(query, {Axis.SENSING: day})
    assert text.count("ContentDate/Start") == 2
    assert "ContentDate/Start lt 2024-06-02T12:00:00.000Z" in text


def test_a_window_on_the_publication_time_keeps_the_period() -> None:
    """A listing by publication is still restricted to the sensing period."""
    query = Query(sensing_from=NOON, order=Order.PUBLICATION)
    text = filter_of(query, {axis_of(query): Bounds(None, NOON)})
    assert text.endswith(
        "ContentDate/Start ge 2024-06-01T12:00:00.000Z and "
        "PublicationDate lt 2024-06-01T12:00:00.000Z"
    )


def test_a_window_replaces_the_period_on_its_own_axis_only() -> None:
    """A part of a listing asks for no bound twice, and for every one on the other axis."""
    query = Query(sensing_to=NOON, published_from=NOON, published_to=NOON + timedelta(days=1))
    text = filter_of(query, {Axis.PUBLICATION: Bounds(NOON + timedelta(hours=1))})
    assert text.endswith(
        "ContentDate/Start lt 2024-06-01T12:00:00.000Z and "
        "PublicationDate ge 2024-06-01T13:00:00.000Z"
    )


def test_restricted_attributes_are_those_the_filter_names() -> None:
    """What `explain_empty` looks up in the registry is what the filter asks for."""
    query = Query(product_types=("S2MSI1C",), cloud=(0, 20), tiles=("32TQM",), platforms=("A",))
    text = filter_of(query)
    assert all(f"att/Name eq '{name}'" in text for name in restricted_attributes(query))
    assert text.count("att/Name eq") == len(restricted_attributes(query)) + 1


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Condition("orbitNumber", Operator.GE, (12000,)), "IntegerAttribute/Value ge 12000"),
        (Condition("orbitNumber", Operator.GE, (12000.0,)), "IntegerAttribute/Value ge 12000"),
        (Condition("cloudCover", Operator.LT, (5,)), "DoubleAttribute/Value lt 5.00"),
        (Condition("sliceProductFlag", Operator.EQ, (False,)), "BooleanAttribute/Value eq false"),
        (
            Condition("processingDate", Operator.NE, ("2024-06-01T02:00:00+02:00",)),
            "DateTimeOffsetAttribute/Value ne 2024-06-01T00:00:00.000Z",
        ),
        (Condition("origin", Operator.EQ, ("it's",)), "StringAttribute/Value eq 'it''s'"),
        (Condition("neverSeen", Operator.GT, (1.5,)), "DoubleAttribute/Value gt 1.50"),
        (Condition("neverSeen", Operator.GT, ("x",)), "StringAttribute/Value gt 'x'"),
    ],
)
def test_conditions_are_typed_as_the_registry_types_them(condition: Condition, text: str) -> None:
    """Times unquoted and in UTC; what is unknown by the type of its value."""
    written = filter_of(Query(conditions=(condition,)))
    kind = text.partition("Attribute")[0]
    named = f"att/Name eq '{condition.attribute}'"
    assert written.endswith(
        f"Attributes/OData.CSC.{kind}Attribute/any(att:{named} and att/OData.CSC.{text})"
    )


@pytest.mark.parametrize(
    "condition",
    [
        Condition("orbitNumber", Operator.EQ, ("many",)),
        Condition("orbitNumber", Operator.EQ, (1.5,)),
        Condition("cloudCover", Operator.EQ, ("cloudy",)),
        Condition("processingDate", Operator.EQ, ("yesterday",)),
        Condition("sliceProductFlag", Operator.EQ, (1,)),
    ],
)
def test_a_value_of_another_type_is_refused(condition: Condition) -> None:
    """The Python API can be given anything; the catalogue would find nothing."""
    with pytest.raises(QueryError, match=f"{condition.attribute} is of type"):
        filter_of(Query(conditions=(condition,)))


def test_what_the_user_wrote_stands_in_parentheses_before_the_rest() -> None:
    """So that its "or" does not reach further; first, so that the hub's positions are near."""
    text = filter_of(Query(hub_query="Online eq true or Online eq false", sensing_from=NOON))
    assert text == (
        "(Online eq true or Online eq false) and Collection/Name eq 'SENTINEL-2'"
        " and ContentDate/Start ge 2024-06-01T12:00:00.000Z"
    )
    assert filter_of(Query(collection="", hub_query="Online eq true")) == "(Online eq true)"


def test_a_type_of_elevation_models_is_their_dataset() -> None:
    """Their productType says something else."""
    text = filter_of(Query(collection="COP-DEM", product_types=("COP-DEM_GLO-30-DGED",)))
    assert "att/Name eq 'datasetFull'" in text
    assert "productType" not in text
