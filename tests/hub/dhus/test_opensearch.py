"""Queries written for the index, judged by another reader of its language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from random import Random
from typing import Any
from urllib.parse import unquote_plus

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2fetch import matching
from s2fetch.embedded.dhus.solr import matching as solr
from s2fetch.embedded.dhus.solr.matching import Document, Test
from s2fetch.embedded.entry import Attribute, Entry
from s2fetch.errors import QueryError
from s2fetch.hub.dhus.opensearch import MOST_CHARACTERS, encoded, order_of, parts_of, text_of
from s2fetch.hub.dhus.recheck import is_exact, still_matches
from s2fetch.hub.odata import Axis, Bounds
from s2fetch.product import Product
from s2fetch.query import AreaRelation, Condition, Operator, Query
from tests.drawing import chances, one_of
from tests.hub.dhus import products as made
from tests.hub.dhus.products import BASELINES, FIRST, GAS_TYPES, OCEAN_TYPES, RADAR_TYPES, TILES

MISSIONS: Mapping[str, Callable[[Random], Entry]] = {
    "SENTINEL-1": made.radar,
    "SENTINEL-2": made.optical,
    "SENTINEL-3": made.ocean,
    "SENTINEL-5P": made.gas,
}
TYPES = {
    "SENTINEL-1": (*RADAR_TYPES, "SLC", "GRD", "GRD-COG", "IW_GRDH_1S-COG"),
    "SENTINEL-2": ("S2MSI1C", "S2MSI2A", "S2MSI2Ap"),
    "SENTINEL-3": OCEAN_TYPES,
    "SENTINEL-5P": GAS_TYPES,
}
WORDS = {
    "SENTINEL-1": (
        ("polarisationChannels", ("VV", "VV&VH", "HH&HV")),
        ("timeliness", ("Fast-24h", "NRT-3h", "NRT")),
        ("operationalMode", ("IW", "SM", "iw")),
        ("swathIdentifier", ("IW", "S3", "IW1 IW2 IW3")),
        ("platformSerialIdentifier", ("A", "C")),
    ),
    "SENTINEL-2": (
        ("processingLevel", ("S2MSI1C", "S2MSI2A")),
        ("processorVersion", BASELINES),
        ("orbitDirection", ("ASCENDING", "descending")),
        ("tileId", TILES),
    ),
    "SENTINEL-3": (
        ("timeliness", ("NR", "NT", "Real")),
        ("instrumentShortName", ("OLCI", "SLSTR")),
        ("processingLevel", ("1", "2")),
    ),
    "SENTINEL-5P": (("processingMode", ("OFFL", "RPRO", "Near")), ("processingLevel", ("L2",))),
}
NUMBERS = {
    "SENTINEL-1": ("orbitNumber", "sliceNumber", "relativeOrbitNumber"),
    "SENTINEL-2": ("orbitNumber", "cloudCover", "relativeOrbitNumber"),
    "SENTINEL-3": ("orbitNumber", "cycleNumber", "relativeOrbitNumber"),
    "SENTINEL-5P": ("orbitNumber",),
}

_times = st.one_of(
    st.none(),
    st.integers(-500, 10_500).map(lambda n: FIRST + timedelta(milliseconds=n)),
    st.integers(0, 9_999_999).map(lambda n: FIRST + timedelta(microseconds=n)),
)


def _some(values: tuple[object, ...]) -> st.SearchStrategy[tuple[object, ...]]:
    """Often no restriction, else one or a few of the values."""
    few = st.lists(one_of(*values), min_size=1, max_size=3, unique=True).map(tuple)
    return st.one_of(st.just(()), st.just(()), few)


def entries_of(collection: str, number: int) -> st.SearchStrategy[list[Entry]]:
    """Products of a mission."""
    return chances.map(lambda chance: [MISSIONS[collection](chance) for _ in range(number)])


@st.composite
def conditions(draw: st.DrawFn, collection: str) -> Condition:
    """A condition on a text, or a number."""
    operator = draw(one_of(*Operator))
    if draw(st.booleans()):
        attribute, values = draw(one_of(*WORDS[collection]))
        chosen: tuple[str, ...] = (draw(one_of(*values)),)
        if operator is Operator.EQ and draw(st.booleans()):
            chosen = values
        return Condition(attribute, operator, chosen)
    number = draw(st.integers(0, 25) | one_of(0.5, 9.5, 3.25))
    return Condition(draw(one_of(*NUMBERS[collection])), operator, (number,))


def restrictions(collection: str) -> Mapping[str, st.SearchStrategy[Any]]:
    """What a query of a mission may restrict, by field."""
    optical = collection == "SENTINEL-2"
    none = st.just(())
    return {
        "product_types": _some(TYPES[collection]),
        "sensing_from": _times,
        "sensing_to": _times,
        "published_from": _times,
        "published_to": _times,
        "area": st.none() | made.boxes,
        "area_relation": one_of(*AreaRelation),
        "area_overlap": one_of(0.0, 0.0, 0.3, 1.0),
        "cloud": one_of(None, (0.0, 9.5), (0.5, 20.0)) if optical else st.none(),
        "relative_orbits": _some(tuple(range(1, 6))),
        "orbit_direction": one_of(None, "DESCENDING"),
        "tiles": _some(TILES) if optical else none,
        "platforms": _some(("A", "B")),
        "baselines": _some(BASELINES) if optical else none,
        "conditions": st.lists(conditions(collection), max_size=2).map(tuple),
    }


QUERIES = {
    collection: st.builds(Query, collection=st.just(collection), **restrictions(collection))
    for collection in MISSIONS
}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Query, list[Entry]]:
    """A query and products of its mission, and one of another."""
    collection, other = draw(one_of(*MISSIONS)), draw(one_of(*MISSIONS))
    entries = [*draw(entries_of(collection, 4)), *draw(entries_of(other, 1))]
    query = draw(QUERIES[collection])
    if draw(st.booleans()):
        query = msgspec.structs.replace(query, ids=(entries[0].id,))
    if draw(st.booleans()):
        names = tuple(entry.name for entry in entries[1:])
        anywhere = "" if draw(st.booleans()) else collection
        query = msgspec.structs.replace(query, names=names, collection=anywhere)
    return query, entries


@settings(max_examples=150, deadline=None)
@given(cases())
def test_the_index_and_the_recheck_find_what_the_query_means(
    case: tuple[Query, list[Entry]],
) -> None:
    """Nothing that matches is missed, nothing else stays; where the index is exact, it alone."""
    query, entries = case
    check_each(query, listed(entries))


def listed(entries: Iterable[Entry]) -> list[tuple[Document, Product]]:
    """Products as the index has them, and as they are read from its answers."""
    return [made.listed(entry) for entry in entries]


def check_each(
    query: Query, products: Iterable[tuple[Document, Product]], asked: Test | None = None
) -> None:
    """What is found of these, and what stays, is what the query means."""
    asked = asked or solr.compiled(text_of(query))
    for document, product in products:
        wanted = matching.matches(query, product)
        found = asked(document)
        assert (found and still_matches(query, product)) == wanted, text_of(query)
        if is_exact(query):
            assert found == wanted, text_of(query)


FIELDS = (
    *("product_types", "sensing_from", "sensing_to", "area", "cloud", "relative_orbits"),
    *("orbit_direction", "tiles", "platforms", "baselines", "conditions", "names", "ids"),
)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_each_restriction_alone_means_the_same(case: tuple[Query, list[Entry]]) -> None:
    """Among many, one that is too narrow would hardly show: most such queries match nothing."""
    query, entries = case
    products = listed(entries)
    for name in FIELDS:
        value = getattr(query, name)
        if value in (None, ()):
            continue
        kept = {name: value[:1] if name == "conditions" else value}
        if name == "area":
            kept |= {"area_relation": query.area_relation, "area_overlap": query.area_overlap}
        check_each(Query(collection=query.collection, **kept), products)


@pytest.mark.parametrize("collection", MISSIONS)
def test_each_type_alone_means_the_same(collection: str) -> None:
    """With and without COG; no type finds the products of another."""
    queries = [Query(collection=collection, product_types=(name,)) for name in TYPES[collection]]
    asked = [(query, solr.compiled(text_of(query))) for query in queries]

    @settings(max_examples=2)
    @given(entries_of(collection, 30))
    def check(entries: list[Entry]) -> None:
        products = listed(entries)
        for query, test in asked:
            check_each(query, products, test)

    check()


@pytest.mark.parametrize("operator", Operator)
@pytest.mark.parametrize(
    "attribute", ["processorVersion", "tileId", "productType", "platformSerialIdentifier"]
)
def test_what_names_tell_in_one_mission_is_tested_in_all(
    attribute: str, operator: Operator
) -> None:
    """A query that names no collection cannot ask the index for it; others lack the attribute."""
    condition = Condition(attribute, operator, ("05.10",))
    name = "S1A_IW_SLC__1SDV_20240601T100000_20240601T100000_000080_000001_00AB.SAFE"
    document, product = made.listed(made.entry_of(name, "SENTINEL-1", FIRST))
    query = Query(collection="", conditions=(condition,))
    found = solr.compiled(text_of(query))(document)
    assert (found and still_matches(query, product)) == matching.matches(query, product)


_written_times = st.one_of(
    st.integers(-1, 41).map(lambda n: FIRST + timedelta(milliseconds=n * 250)),
    st.integers(0, 9_999_999).map(lambda n: FIRST + timedelta(microseconds=n)),
).map(lambda time: time.isoformat().replace("+00:00", "Z"))


@pytest.mark.parametrize("operator", Operator)
@pytest.mark.parametrize("collection", MISSIONS)
def test_a_condition_alone_means_the_same(collection: str, operator: Operator) -> None:
    """Every operator on every kind of attribute, times too, of the collection's own products."""

    def on(attribute: str, value: str | float) -> Query:
        condition = Condition(attribute, operator, (value,))
        return Query(collection=collection, conditions=(condition,))

    choices: list[tuple[str, Sequence[str | float]]] = [
        *WORDS[collection],
        *((name, (*range(6), 9.5)) for name in NUMBERS[collection]),
    ]
    queries = [on(attribute, value) for attribute, values in choices for value in values]
    asked = [(query, solr.compiled(text_of(query))) for query in queries]

    @settings(max_examples=8)
    @given(entries_of(collection, 6), st.lists(_written_times, min_size=2, max_size=2))
    def check(entries: list[Entry], times: list[str]) -> None:
        products = listed(entries)
        for query, test in asked:
            check_each(query, products, test)
        for time in (*times, *(entry.sensing_start for entry in entries[:2])):
            for attribute in ("beginningDateTime", "endingDateTime"):
                check_each(on(attribute, time), products)

    check()


@pytest.mark.parametrize("number", [2, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("operator", [each for each in Operator if each is not Operator.NE])
@settings(max_examples=3, deadline=None)
@given(entry=chances.map(MISSIONS["SENTINEL-1"]))
def test_whole_numbers_are_exact_at_their_ends(
    operator: Operator, number: float, entry: Entry
) -> None:
    """Next to fractions, too."""
    condition = Condition("sliceNumber", operator, (number,))
    query = Query(collection="SENTINEL-1", conditions=(condition,))
    assert is_exact(query)
    slices = [(Attribute("sliceNumber", "Integer", place),) for place in (1, 2, 3, 4)]
    check_each(query, listed(msgspec.structs.replace(entry, attributes=each) for each in slices))


@pytest.mark.parametrize("number", [0.5, 9.5, 20])
@pytest.mark.parametrize("operator", [each for each in Operator if each is not Operator.NE])
@settings(max_examples=3, deadline=None)
@given(entry=chances.map(MISSIONS["SENTINEL-2"]))
def test_fractions_are_exact_at_their_ends(operator: Operator, number: float, entry: Entry) -> None:
    """A count asks the index alone, so that nobody would notice one more."""
    query = Query(conditions=(Condition("cloudCover", operator, (number,)),))
    assert is_exact(query)
    covers = [(Attribute("cloudCover", "Double", cover),) for cover in (0.0, 0.5, 9.5, 20.0, 100.0)]
    check_each(query, listed(msgspec.structs.replace(entry, attributes=each) for each in covers))


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(0, 10_000), st.integers(0, 10_000))
def test_windows_cut_a_listing_without_gap_or_overlap(
    case: tuple[Query, list[Entry]], one: int, two: int
) -> None:
    """Every product is in one of three windows around two instants, if it is in the whole."""
    first, second = (FIRST + timedelta(milliseconds=n) for n in sorted((one, two)))
    bounds = (Bounds(None, first), Bounds(first, second), Bounds(second, None))
    query = Query(collection=case[0].collection)
    whole = solr.compiled(text_of(query))
    for axis in Axis:
        windows = [solr.compiled(text_of(query, {axis: each})) for each in bounds]
        for entry in case[1]:
            document, _ = made.listed(entry)
            assert sum(asked(document) for asked in windows) == whole(document)


@settings(max_examples=30, deadline=None)
@given(cases(), st.integers(1, 300))
def test_a_query_that_is_too_long_is_asked_in_parts_that_have_nothing_in_common(
    case: tuple[Query, list[Entry]], number: int
) -> None:
    """Each part can be asked, and a product is found by just one of them."""
    names = tuple(f"S2A_{n:060}.SAFE" for n in range(number))
    entries = case[1]
    query = Query(collection="", names=(*names, *(entry.name for entry in entries)))
    parts = parts_of(query)
    assert all(len(encoded(text_of(part))) <= MOST_CHARACTERS for part in parts)
    asked = [solr.compiled(text_of(part)) for part in parts]
    for entry in entries:
        document, _ = made.listed(entry)
        assert sum(test(document) for test in asked) == 1


def test_every_long_list_can_be_cut() -> None:
    """Tiles, orbits, conditions: whatever makes a query long is spread over its parts."""
    tiles = tuple(f"32T{a}{b}" for a in "ABCDEFGH" for b in "ABCDEFGHJK")
    orbits = Condition("orbitNumber", Operator.EQ, tuple(range(300)))
    parts = parts_of(Query(tiles=tiles, conditions=(orbits,)))
    assert {tile for part in parts for tile in part.tiles} == set(tiles)
    pairs = {(part.tiles, part.conditions) for part in parts}
    assert len(pairs) == len(parts)
    assert all(len(encoded(text_of(part))) <= MOST_CHARACTERS for part in parts)


def test_a_query_that_cannot_be_cut_is_refused_with_advice() -> None:
    """An area of very many corners has no halves."""
    ring = ",".join(f"{n / 100} {n % 2}" for n in range(900))
    with pytest.raises(QueryError, match="too long for this hub"):
        parts_of(Query(area=f"POLYGON(({ring},0 0))"))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (Query(collection="", hub_query=""), "*"),
        (Query(), 'platformname:"Sentinel-2"'),
        (
            Query(collection="SENTINEL-5P", relative_orbits=(7,)),
            '(platformname:"Sentinel-5" OR platformname:"Sentinel-5P") AND relativeorbitnumber:"7"',
        ),
        (
            Query(tiles=("32TQM",)),
            'platformname:"Sentinel-2" AND (tileid:"32TQM" OR filename:*_T32TQM_*)',
        ),
        (
            Query(collection="SENTINEL-1", product_types=("IW_SLC__1S", "OCN")),
            'platformname:"Sentinel-1" AND (filename:S1?_IW_SLC__1S* OR producttype:"OCN")',
        ),
        (
            Query(collection="", sensing_from=FIRST, sensing_to=FIRST + timedelta(seconds=1)),
            "beginposition:[2024-06-01T10:00:00.000Z TO 2024-06-01T10:00:00.999Z]",
        ),
        (
            Query(collection="", published_from=FIRST),
            "ingestiondate:[2024-06-01T10:00:00.000Z TO *]",
        ),
        (
            Query(collection="", area="POINT(11 46)"),
            'footprint:"Intersects(POINT(11 46)) distErrPct=0"',
        ),
        (
            Query(collection="", hub_query="passnumber:7 OR size:*KB", platforms=("A",)),
            "filename:S?A_* AND (passnumber:7 OR size:*KB)",
        ),
        (
            Query(collection="", names=('a "b" \\c',)),
            'filename:"a \\"b\\" \\\\c"',
        ),
    ],
)
def test_queries_read_as_the_hubs_own_form_writes_them(query: Query, text: str) -> None:
    """Alternatives name their field each, values are quoted, periods are closed."""
    assert text_of(query) == text


def test_a_value_cannot_get_out_of_its_quotes() -> None:
    """Operators, wildcards and quotes inside a value are text."""
    evil = 'x" OR uuid:* OR a:"'
    query = Query(
        collection="",
        conditions=(Condition("swathIdentifier", Operator.EQ, (evil,)),),
        tiles=("*) OR (uuid:*",),
    )
    assert not solr.matches(text_of(query), {"uuid": "1", "filename": "x"})


def test_the_order_is_unique() -> None:
    """Rows of one time are ordered by their identifier, so that no page repeats or skips any."""
    assert order_of(Axis.SENSING, descending=False) == "beginposition asc,uuid asc"
    assert order_of(Axis.PUBLICATION, descending=True) == "ingestiondate desc,uuid desc"


def test_text_is_encoded_as_the_hubs_measure_it() -> None:
    """A blank is a plus; a tilde counts three."""
    assert encoded('a "b"~*_-.(ü)') == "a+%22b%22%7E*_-.%28%C3%BC%29"
    assert unquote_plus(encoded('x:"1 + 2"&y')) == 'x:"1 + 2"&y'
