"""Footprints are tested against the area that was meant."""

from __future__ import annotations

from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from s2fetch.area import from_footprint, from_wkt
from s2fetch.area.relation import Relation, footprint_shape, is_needed
from s2fetch.product import Product
from s2fetch.query import AreaRelation, Query
from tests.area.shapes import coast

SPLIT = "MULTIPOLYGON(((170 0,180 0,180 10,170 10,170 0)),((-180 0,-170 0,-170 10,-180 10,-180 0)))"


def product(footprint: str | None) -> Product:
    return Product(id="1", name="P.SAFE", footprint=footprint)


def holds(area: str, footprint: str | None, relation: AreaRelation) -> bool:
    return Relation(Query(area=area, area_relation=relation)).holds(product(footprint))


def relations(area: str, footprint: str | None) -> str:
    """The first letters of those that hold."""
    return "".join(one.value[0] for one in AreaRelation if holds(area, footprint, one))


BOX = shapely.box(0, 0, 10, 10).wkt


@pytest.mark.parametrize(
    ("area", "footprint", "share"),
    [
        (BOX, shapely.box(9, 0, 19, 10).wkt, 0.1),
        (BOX, shapely.box(9, 9, 11, 11).wkt, 0.25),
        (shapely.box(9, 9, 11, 11).wkt, BOX, 0.25),
        (BOX, shapely.box(2, 2, 3, 3).wkt, 1.0),
        (BOX, shapely.box(10, 0, 11, 1).wkt, 0.0),
        (shapely.box(0, 0, 10, 10).difference(shapely.box(0, 0, 5, 10)).wkt, BOX, 1.0),
        (SPLIT, shapely.box(175, 5, 180, 15).wkt, 0.5),
        ("POINT(5 5)", BOX, 1.0),
    ],
)
def test_the_overlap_is_a_share_of_the_smaller_of_the_two(
    area: str, footprint: str, share: float
) -> None:
    """So that it says the same for a field in a large product and for tiles of a country."""
    for least, enough in ((share, True), (share + 0.01, False)):
        if 0 < least <= 1:
            query = Query(area=area, area_overlap=least)
            assert is_needed(query)
            assert Relation(query).holds(product(footprint)) is enough


def test_the_overlap_is_asked_beside_the_relation() -> None:
    """Both have to hold."""
    query = Query(area=BOX, area_relation=AreaRelation.WITHIN, area_overlap=0.5)
    assert Relation(query).holds(product(shapely.box(2, 2, 3, 3).wkt))
    assert not Relation(query).holds(product(shapely.box(5, 0, 11, 10).wkt))


@pytest.mark.parametrize(
    ("footprint", "expected"),
    [
        (shapely.box(2, 2, 3, 3).wkt, "iw"),
        (shapely.box(-1, -1, 11, 11).wkt, "ic"),
        (shapely.box(5, 5, 15, 15).wkt, "i"),
        (shapely.box(20, 20, 21, 21).wkt, ""),
        (shapely.box(10, 10, 11, 11).wkt, "i"),
        (BOX, "icw"),
        (shapely.box(0, 0, 5, 10).wkt, "iw"),
        ("POLYGON Z ((2 2 9,3 2 9,3 3 9,2 2 9))", "iw"),
        ("POINT (5 5)", "iw"),
        (None, ""),
        ("", ""),
        ("POLYGON EMPTY", ""),
        ("POLYGON ((0 0", ""),
        ("rubbish", ""),
        # Hubs list footprints that cross themselves.
        ("POLYGON ((1 1,3 3,3 1,1 3,1 1))", "iw"),
    ],
)
def test_boundaries_count_as_inside_and_no_footprint_never_matches(
    footprint: str | None, expected: str
) -> None:
    """Whatever else the hub lists for a footprint."""
    assert relations(BOX, footprint) == expected


@pytest.mark.parametrize(
    ("footprint", "expected"),
    [
        (SPLIT, "icw"),
        ("POLYGON((170 0,-170 0,-170 10,170 10,170 0))", "icw"),
        ("POLYGON((170 0,190 0,190 10,170 10,170 0))", "i"),
        ("POLYGON((165 -1,-165 -1,-165 11,165 11,165 -1))", "ic"),
        ("POLYGON((175 1,-175 1,-175 9,175 9,175 1))", "iw"),
        ("POLYGON((171 1,172 1,172 2,171 1))", "iw"),
        ("POLYGON((-179 1,-178 1,-178 2,-179 1))", "iw"),
        ("POLYGON((0 1,1 1,1 2,0 1))", ""),
    ],
)
def test_areas_and_footprints_over_the_antimeridian_meet(footprint: str, expected: str) -> None:
    """Split or not, as different hubs list them; a box over it is not a belt round the Earth."""
    assert relations(SPLIT, footprint) == expected


def test_a_footprint_round_a_pole_has_it_inside() -> None:
    """As wide swaths have."""
    swath = "POLYGON((-170 80,-90 78,0 80,90 78,170 80,-170 80))"
    assert relations("POINT(30 89)", swath) == "ic"
    assert relations("POINT(30 70)", swath) == ""


def test_a_footprint_that_cannot_be_understood_is_taken_as_it_is_written() -> None:
    """An orbit from pole to pole does not say what is inside of it."""
    orbit = "POLYGON((-170 -80,-60 0,50 80,170 0,-170 -80))"
    assert relations("POINT(50 79)", orbit) == "ic"


def test_only_what_a_hub_cannot_tell_is_tested() -> None:
    """A million products with a plain box cost nothing more."""
    assert not is_needed(Query())
    assert not is_needed(Query(area=BOX))
    assert is_needed(Query(area=BOX, area_exact=BOX))
    assert is_needed(Query(area=BOX, area_relation=AreaRelation.WITHIN))
    assert not is_needed(Query(area_relation=AreaRelation.WITHIN))
    with pytest.raises(ValueError, match="without an area"):
        Relation(Query())


def test_what_only_touches_the_rim_of_a_simplified_area_does_not_match() -> None:
    """The exact area decides, in all relations."""
    wkt = coast(11, 46, 2, 5_000, seed=9)
    exact, area = shapely.from_wkt(wkt), from_wkt(wkt)
    rim = shapely.from_wkt(area.wkt).difference(exact.buffer(1e-6))
    in_rim = shapely.get_parts(rim)[0].representative_point().buffer(1e-7).wkt
    query = area.applied_to(Query())
    assert is_needed(query)
    assert shapely.from_wkt(area.wkt).covers(shapely.from_wkt(in_rim))
    assert not Relation(query).holds(product(in_rim))
    within = area.applied_to(Query(area_relation=AreaRelation.WITHIN))
    assert not Relation(within).holds(product(in_rim))
    around = area.applied_to(Query(area_relation=AreaRelation.CONTAINS))
    assert Relation(around).holds(product(wkt))


def test_a_product_contains_its_own_footprint_and_lies_within_it() -> None:
    """What rounding to six decimals takes away or adds does not count."""
    own = (
        "POLYGON((142.352793016856 13.4758743606673, 142.93808729126 13.4725397858819,"
        "142.943807935726 14.1549924740072, 142.352793016856 13.4758743606673))"
    )
    for relation in AreaRelation:
        query = from_footprint(own, "P").applied_to(Query(area_relation=relation))
        assert Relation(query).holds(product(own))
    assert from_footprint(own, "P").applied_to(Query()).area_exact is None


def test_a_point_or_a_line_is_contained_or_not() -> None:
    """They have no inside that could be made smaller."""
    footprint = shapely.box(0, 0, 1, 1).wkt
    assert relations("POINT(1 1)", footprint) == "ic"
    assert relations("LINESTRING(0 0,1 1)", footprint) == "ic"
    assert relations("LINESTRING(0 0,2 1)", footprint) == "i"


def test_an_area_that_was_only_rounded_is_left_to_the_hub() -> None:
    """A tenth of a metre is not worth reading everything for."""
    query = from_wkt("POLYGON((11.12345678901 46,12 46,12 47,11.12345678901 46))").applied_to(
        Query()
    )
    assert not is_needed(query)


boxes = st.tuples(
    st.integers(-20, 20), st.integers(-20, 20), st.integers(1, 20), st.integers(1, 20)
).map(lambda b: shapely.box(b[0], b[1], b[0] + b[2], b[1] + b[3]))


@settings(max_examples=200, deadline=None)
@given(boxes, boxes, boxes, st.booleans())
def test_the_answer_is_that_of_the_geometries(
    one: Any, two: Any, footprint: Any, holed: bool
) -> None:
    """For areas with holes and several parts."""
    area = one.difference(two) if holed else one.union(two)
    if area.is_empty:
        return
    expected = "".join(
        letter
        for letter, true in (
            ("i", area.intersects(footprint)),
            ("c", footprint.covers(area)),
            ("w", area.covers(footprint)),
        )
        if true
    )
    assert relations(area.wkt, footprint.wkt) == expected


def test_shapes_of_footprints_are_valid() -> None:
    """So that no comparison can fail."""
    shape = footprint_shape("MULTIPOLYGON(((0 0,2 2,2 0,0 2,0 0)),((1 1,3 1,3 3,1 3,1 1)))")
    assert shape is not None
    assert shape.is_valid


def test_a_footprint_that_geos_cannot_bear_is_none() -> None:
    """A hub must not end the process."""
    wkt = "GEOMETRYCOLLECTION(" * 200_000 + "POINT(1 1)" + ")" * 200_000
    assert footprint_shape(wkt) is None
