"""From the WKT of catalogues to GeoJSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2fetch.daemon.http.footprints import MultiPolygon, Polygon, collection, geometry

SQUARE = [(11.0, 46.0), (12.0, 46.0), (12.0, 47.0), (11.0, 46.0)]
degrees = st.floats(-180, 180, allow_nan=False)
rings = st.lists(st.tuples(degrees, degrees), min_size=4, max_size=6)


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON ((11 46, 12 46, 12 47, 11 46))",
        "POLYGON((11.0 46.0,12.0 46.0,12.0 47.0,11.0 46.0))",
        "polygon (( 11 46 , 12 46 , 12 47 , 11 46 ))",
        "SRID=4326;POLYGON ((+11. 46, 1.2e1 46, 12 4.7E1, 11 46))",
        "geography'SRID=4326;POLYGON ((11 46, 12 46, 12 47, 11 46))'",
        "POLYGON Z ((11 46 0, 12 46 0, 12 47 0, 11 46 0))",
    ],
)
def test_a_polygon_is_read_however_it_is_written(wkt: str) -> None:
    assert geometry(wkt) == Polygon([SQUARE])


def test_holes_and_several_polygons_are_kept() -> None:
    ring = "(11 46, 12 46, 12 47, 11 46)"
    assert geometry(f"POLYGON ({ring}, {ring})") == Polygon([SQUARE, SQUARE])
    assert geometry(f"MULTIPOLYGON (({ring}), ({ring}))") == MultiPolygon([[SQUARE], [SQUARE]])


@pytest.mark.parametrize(
    "wkt",
    [
        "",
        "POINT (1 2)",
        "POLYGON EMPTY",
        "POLYGON ((1 2, 3 4",
        "POLYGON ((a b, c d))",
        "POLYGON (1 2, 3 4)",
        "POLYGON ((1e999 2, 3 4))",
        "MULTIPOLYGON ((1 2, 3 4))",
        "POLYGON ((1 2 3 4 5, 3 4))",
        '{"type": "Polygon"}',
    ],
)
def test_what_is_no_polygon_is_left_out_without_a_word(wkt: str) -> None:
    assert geometry(wkt) is None
    (feature,) = collection([("name", "complete", wkt)]).features
    assert feature.geometry is None
    assert feature.properties.name == "name"


@given(st.lists(rings, min_size=1, max_size=3))
def test_every_polygon_comes_back_exactly(polygon: list[list[tuple[float, float]]]) -> None:
    inside = ", ".join(f"({', '.join(f'{x!r} {y!r}' for x, y in ring)})" for ring in polygon)
    assert geometry(f"POLYGON ({inside})") == Polygon(polygon)


@given(st.text(alphabet="POLYGNMUTI() ,0123456789.-e", max_size=60))
def test_no_text_is_an_error(wkt: str) -> None:
    geometry(wkt)
