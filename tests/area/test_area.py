"""Whatever area people have becomes one valid geometry a hub can be asked for, or a clear error."""

from __future__ import annotations

import contextlib
import json
import math
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2fetch.area import Area, from_box, from_files, from_wkt
from s2fetch.errors import AreaError
from tests.area.shapes import assert_askable, coast, wkt_of


def written_to(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


# --- boxes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("box", ["11,46,12.5,47", " 11 46 12.5 47 ", (11, 46, 12.5, 47)])
def test_a_box_is_west_south_east_north(box: Any) -> None:
    """As text or as numbers; the outline is closed and counter-clockwise."""
    area = from_box(box)
    assert area == Area("POLYGON((11 46,12.5 46,12.5 47,11 47,11 46))")
    assert_askable(area)


def test_a_box_with_west_greater_than_east_is_split_at_the_antimeridian() -> None:
    """RFC 7946 5.2."""
    area = from_box("170,-10,-170,10")
    shape = assert_askable(area)
    expected = shapely.union(shapely.box(170, -10, 180, 10), shapely.box(-180, -10, -170, 10))
    assert shape.equals(expected)
    assert "antimeridian" in area.notes[0]


def test_a_box_that_begins_at_the_antimeridian_has_one_part() -> None:
    """180 and -180 are the same meridian."""
    assert assert_askable(from_box("180,0,-170,10")).equals(shapely.box(-180, 0, -170, 10))


@pytest.mark.parametrize("box", [(-180, -90, 180, 90), (-170, -10, 170, 10)])
def test_a_box_wider_than_half_the_earth_has_no_edge_that_could_go_the_other_way(
    box: tuple[float, float, float, float],
) -> None:
    """Read again, it is the same area."""
    shape = assert_askable(from_box(box))
    assert shape.equals(shapely.box(*box))
    assert assert_askable(from_wkt(from_box(box).wkt)).equals(shape)


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ("11,46,12", "is not a box of four numbers"),
        ("a,b,c,d", "is not a box of four numbers"),
        ("11,46,nan,47", "is not a box of four numbers"),
        ("11,47,12,46", "has no extent"),
        ("11,46,11,47", "has no extent"),
        ("11,120,12,130", "swapped"),
        ("190,0,200,10", r"190\.000000 0\.000000 is outside .* go on with longitude -180"),
        ("500000,4500000,510000,4600000", "metres"),
    ],
)
def test_a_box_that_is_none_says_why(box: str, said: str) -> None:
    """With what to write instead."""
    with pytest.raises(AreaError, match=said):
        from_box(box)


# --- WKT ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wkt", "expected"),
    [
        ("POINT(11 46)", "POINT(11 46)"),
        ("point z (11 46 300)", "POINT(11 46)"),
        ("MULTIPOINT((11 46))", "POINT(11 46)"),
        ("SRID=4326;POINT(11 46)", "POINT(11 46)"),
        ("geography'SRID=4326;POINT(11 46)'", "POINT(11 46)"),
        ("POINT(11.12345678 46.00000004)", "POINT(11.123457 46)"),
        ("POLYGON((0 0,0 1,1 1,0 0))", "POLYGON((1 1,0 1,0 0,1 1))"),
        ("POINT(180.0000000001 0)", "POINT(180 0)"),
    ],
)
def test_simple_geometries_stay_what_they_are(wkt: str, expected: str) -> None:
    """In two dimensions, with six decimals."""
    area = from_wkt(wkt)
    assert area == Area(expected)
    assert_askable(area)


def test_holes_and_several_parts_are_kept() -> None:
    """They say where nothing is wanted."""
    wkt = "MULTIPOLYGON(((0 0,10 0,10 10,0 10,0 0),(2 2,4 2,4 4,2 4,2 2)),((20 0,30 0,30 9,20 0)))"
    area = from_wkt(wkt)
    assert assert_askable(area).equals(shapely.from_wkt(wkt))
    assert area.notes == ()


def test_overlapping_parts_are_united() -> None:
    """Together they mean what each of them means."""
    wkt = "MULTIPOLYGON(((0 0,2 0,2 2,0 2,0 0)),((1 1,3 1,3 3,1 3,1 1)))"
    shape = assert_askable(from_wkt(wkt))
    assert shape.equals(shapely.union(shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)))


def test_several_points_become_small_boxes_and_not_the_land_between() -> None:
    """A hull would select products nobody asked for."""
    area = from_wkt("MULTIPOINT((1 1),(2 2))")
    shape = assert_askable(area)
    assert shape.covers(shapely.MultiPoint([(1, 1), (2, 2)]))
    assert not shape.intersects(shapely.Point(1.5, 1.5))
    assert shape.area < 1e-8
    assert "2 points or lines were widened" in area.notes[0]


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON((11 46,11.0000002 46,11.0000002 46.0000002,11 46))",
        "MULTIPOLYGON(((11 46,11.0000002 46,11.0000002 46.0000002,11 46)),((8 4,9 4,9 5,8 4)))",
    ],
)
def test_a_polygon_too_small_for_the_decimals_does_not_vanish(wkt: str) -> None:
    """A field trial of a few centimetres is an area, too; also beside a larger one."""
    assert assert_askable(from_wkt(wkt)).covers(shapely.from_wkt(wkt))


NESTED = "GEOMETRYCOLLECTION(" * 200_000 + "POINT(1 1)" + ")" * 200_000
"""GEOS goes down with it, and the process too."""


@pytest.mark.parametrize(
    ("wkt", "said"),
    [
        ("POLYGON EMPTY", "is empty"),
        ("GEOMETRYCOLLECTION(POLYGON EMPTY)", "is empty"),
        ("POLYGON((0 0,1 1", "is not WKT: Expected word"),
        ("POLYGON((0 0,1 0,1 1))", "closed.* its last point as its first"),
        ("CIRCLE(0 0)", "is not WKT: Unknown type"),
        ("SRID=3857;POINT(1 1)", "in SRID 3857"),
        ("POINT(11 1000)", "outside"),
        ("POLYGON((46 11,47 11,47 100,46 11))", r"47\.000000 100\.000000 .* swapped"),
        ("POLYGON((0 0,1 0,2 0,0 0))", "no extent"),
        pytest.param(NESTED, "more than 1000 collections", id="nested without end"),
        ("LINESTRING(1 1,1 1)", r"Too few points.* at 1\.000000 1\.000000"),
    ],
)
def test_wkt_that_is_no_area_says_why(wkt: str, said: str) -> None:
    """In words and with the place."""
    with pytest.raises(AreaError, match=said):
        from_wkt(wkt)


# --- validity -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wkt", "said"),
    [
        ("POLYGON((0 0,1 1,1 0,0 1,0 0))", r"crosses itself at 0\.500000 0\.500000"),
        ("POLYGON((0 0,2 2,2 0,0 1,0 0))", r"crosses itself at 0\.666667 0\.666667"),
        (
            "POLYGON((0 0,9 0,9 9,0 9,0 0),(5 5,15 5,15 6,5 6,5 5))",
            r"crosses itself at 9\.000000 [56]",
        ),
        ("POLYGON((0 0,9 0,9 9,0 9,0 0),(10 0,11 0,11 1,10 0))", "a hole outside"),
        (
            "POLYGON((178 0,-178 1,-178 0,178 1,178 0))",
            r"crosses itself at -?180\.000000 0\.500000",
        ),
    ],
)
def test_an_area_that_crosses_itself_is_refused_with_the_place(wkt: str, said: str) -> None:
    """What is inside of it cannot be known."""
    with pytest.raises(AreaError, match=said):
        from_wkt(wkt)


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON((0 0,2 0,2 2,1 2,1 3,1 2,0 2,0 0))",
        "POLYGON((0 0,4 0,4 4,2 0,0 4,0 0))",
        "POLYGON((0 0,4 0,4 4,3 4,2 2,1 4,3 4,4 4,0 4,0 0))",
    ],
)
def test_a_flaw_that_does_not_change_the_area_is_repaired_and_noted(wkt: str) -> None:
    """Spikes without width and outlines that touch themselves are common in real files."""
    area = from_wkt(wkt)
    shape = assert_askable(area)
    assert shape.area == pytest.approx(shapely.from_wkt(wkt).area)
    assert "repaired without a change" in area.notes[0]


# --- the antimeridian and the poles ---------------------------------------------------------------


@pytest.mark.parametrize(
    "wkt",
    [
        "POLYGON((170 -10,-170 -10,-170 10,170 10,170 -10))",
        "POLYGON((-170 -10,-170 10,170 10,170 -10,-170 -10))",
        "POLYGON((170 -10,180 -10,-180 -10,-170 -10,-170 10,170 10,170 -10))",
    ],
)
def test_an_edge_over_the_antimeridian_goes_the_short_way(wkt: str) -> None:
    """From either side, and with points on the meridian itself."""
    area = from_wkt(wkt)
    shape = assert_askable(area)
    assert shape.area == pytest.approx(400)
    assert shape.covers(shapely.MultiPoint([(179, 0), (-179, 0)]))
    assert not shape.intersects(shapely.Point(0, 0))
    assert "antimeridian" in area.notes[0]


def test_a_hole_is_split_with_its_polygon() -> None:
    """On whichever side of the antimeridian its points are written."""
    wkt = "POLYGON((175 0,-175 0,-175 10,175 10,175 0),(-179 2,-178 2,-178 4,-179 4,-179 2))"
    shape = assert_askable(from_wkt(wkt))
    assert shape.area == pytest.approx(98)
    assert not shape.intersects(shapely.Point(-178.5, 3))


def test_parts_that_were_split_already_stay_as_they_are() -> None:
    """As RFC 7946 3.1.9 recommends to write them."""
    wkt = "MULTIPOLYGON(((170 0,180 0,180 9,170 0)),((-180 0,-170 0,-180 9,-180 0)))"
    area = from_wkt(wkt)
    assert assert_askable(area).equals(shapely.from_wkt(wkt))
    assert area.notes == ()


@pytest.mark.parametrize(
    ("wkt", "inside", "outside", "pole"),
    [
        (
            "POLYGON((-170 -70,-90 -72,0 -70,90 -71,170 -70,-170 -70))",
            [(0, -80), (180, -75), (-180, -75), (45, -90)],
            (0, -60),
            "south",
        ),
        (
            "POLYGON((170 70,90 70,0 70,-90 71,-170 70,170 70))",
            [(0, 80), (180, 75), (-180, 75)],
            (0, 60),
            "north",
        ),
    ],
)
def test_an_outline_round_the_earth_encloses_the_pole_on_its_side(
    wkt: str, inside: list[tuple[float, float]], outside: tuple[float, float], pole: str
) -> None:
    """And the user is told which one."""
    area = from_wkt(wkt)
    shape = assert_askable(area)
    assert shape.covers(shapely.MultiPoint(inside))
    assert not shape.intersects(shapely.Point(outside))
    assert f"the {pole} pole" in area.notes[0]


def test_an_outline_round_the_earth_may_go_to_and_fro() -> None:
    """It is cut open where nothing of it lies between the cut and the pole; holes anywhere."""
    shell = (
        "-170 75,-170 60,-100 60,-100 80,-120 80,-120 85,-60 85,-60 70,0 70,90 71,170 70,-170 75"
    )
    holes = "(-130 87,-110 87,-110 86,-130 86,-130 87),(-130 89,-10 89,110 89,-130 89)"
    shape = assert_askable(from_wkt(f"POLYGON(({shell}),{holes})"))
    inside = [(-110, 75), (-110, 85.5), (-150, 82), (-80, 87), (30, 75), (180, 80), (-180, 80)]
    outside = [(-110, 83), (-80, 75), (-120, 86.5), (0, 89.9), (-120, 90), (30, 60)]
    assert shape.covers(shapely.MultiPoint(inside))
    assert not shape.intersects(shapely.MultiPoint(outside))


def test_an_outline_round_the_earth_on_both_sides_of_the_equator_is_refused() -> None:
    """Either pole could be meant."""
    with pytest.raises(AreaError, match="which pole"):
        from_wkt("POLYGON((-170 -10,-90 10,0 -10,90 10,170 -10,-170 -10))")


@pytest.mark.parametrize(
    ("line", "kind", "on_it"),
    [
        ("LINESTRING(11 46, 12 47)", "Polygon", (11.5, 46.5)),
        ("LINESTRING(170 0,-170 5)", "MultiPolygon", (180, 2.5)),
    ],
)
def test_a_line_becomes_a_narrow_polygon(line: str, kind: str, on_it: tuple[float, float]) -> None:
    """Hubs are known to take POINT, POLYGON and MULTIPOLYGON; over the antimeridian it is two."""
    shape = assert_askable(from_wkt(line))
    assert shape.geom_type == kind
    assert shape.intersects(shapely.Point(on_it))
    assert shape.area < 1e-3


# --- simplification -------------------------------------------------------------------------------


def test_a_polygon_of_50000_vertices_is_simplified_outwards() -> None:
    """Nothing is lost, little is added, and the user is told how much."""
    wkt = coast(11, 46, 2, 50_000, seed=1)
    area = from_wkt(wkt)
    assert assert_askable(area).covers(shapely.from_wkt(wkt))
    assert 0 < area.grown_percent < 10
    said = area.notes[-1]
    assert said.startswith("The area was simplified outwards from 50001 to ")
    assert said.endswith(f"grew by {area.grown_percent:.1f} percent")


def test_many_deep_bays_are_closed_rather_than_drawn_coarsely() -> None:
    """Their outline would need very many vertices; the ground they enclose is hardly larger."""
    points = []
    for step in range(5_000):
        angle = 2 * math.pi * step / 5_000
        reach = 1 + 0.3 * math.sin(61 * angle)
        points.append((11 + reach * math.cos(angle), 46 + reach * math.sin(angle)))
    area = from_wkt(wkt_of(points))
    shape, original = assert_askable(area), shapely.Polygon(points)
    assert shape.covers(original)
    assert shape.area < 1.03 * original.convex_hull.area


def test_a_ragged_polygon_over_the_antimeridian_is_simplified_as_one() -> None:
    """Both halves cover theirs, and no growth comes from the split."""
    plain = from_wkt(coast(11, 0, 8, 5_000, seed=2))
    shape = shapely.from_wkt(coast(179, 0, 8, 5_000, seed=2))
    moved = [((x + 180) % 360 - 180, y) for x, y in shape.exterior.coords[:-1]]
    area = from_wkt(wkt_of(moved))
    assert assert_askable(area).geom_type == "MultiPolygon"
    assert area.grown_percent < plain.grown_percent + 2


def test_points_all_over_the_earth_are_covered() -> None:
    """Even when nothing but a large part of the world is simple enough."""
    rng = random.Random(3)
    points = [(rng.uniform(-180, 180), rng.uniform(-90, 90)) for _ in range(300)]
    wkt = "MULTIPOINT(" + ",".join(f"({x} {y})" for x, y in points) + ")"
    area = from_wkt(wkt)
    assert assert_askable(area).covers(shapely.from_wkt(wkt))
    assert area.grown_percent == 0


def test_a_long_line_is_covered_by_a_narrow_polygon() -> None:
    """It cannot be a line any more without losing ground."""
    line = shapely.LineString([(11 + i / 500, 46 + math.sin(i / 20)) for i in range(1000)])
    area = from_wkt(line.wkt)
    assert assert_askable(area).covers(line)
    assert "widened" in area.notes[0]


def test_needless_vertices_cost_almost_nothing() -> None:
    """A box with a thousand points on its sides is still a box."""
    area = from_wkt(shapely.segmentize(shapely.box(11, 46, 12, 47), 0.004).wkt)
    assert_askable(area)
    assert area.grown_percent < 0.1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.floats(0.001, 60),
    st.integers(101, 800),
    st.integers(0, 10**6),
)
def test_simplified_areas_cover_the_original_and_are_always_valid(
    lon: float, lat: float, radius: float, count: int, seed: int
) -> None:
    """Anywhere on Earth, at any size, the poles and the antimeridian included."""
    world = shapely.box(-180, -90, 180, 90)
    original = shapely.from_wkt(coast(lon, lat, radius, count, seed)).intersection(world)
    polygons = [part for part in shapely.get_parts(original) if part.geom_type == "Polygon"]
    original = shapely.MultiPolygon(polygons)
    # An edge along the limit of the world may be longer than half of it.
    area = from_wkt(shapely.segmentize(original, 100).wkt)
    shape = assert_askable(area)
    simplified = any("simplified" in note for note in area.notes)
    # What was simple enough to stay was only rounded, to the nearest six decimals.
    assert (shape if simplified else shape.buffer(1e-6)).covers(original)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=3, max_size=12),
)
def test_any_polygon_is_either_askable_or_refused(points: list[tuple[float, float]]) -> None:
    """Never another exception, never an invalid geometry."""
    with contextlib.suppress(AreaError):
        assert_askable(from_wkt(wkt_of(points)))


# --- GeoJSON --------------------------------------------------------------------------------------

SQUARE = {
    "type": "Polygon",
    "coordinates": [[[0, 0, 5], [2, 0, 5], [2, 2, 5], [0, 2, 5], [0, 0, 5]]],
}
POINT = {"type": "Point", "coordinates": [11, 46]}


def test_a_geometry_a_feature_and_a_collection_mean_the_same(tmp_path: Path) -> None:
    """Heights are dropped."""
    feature: dict[str, object] = {"type": "Feature", "properties": {}, "geometry": SQUARE}
    held: list[object] = [
        SQUARE,
        feature,
        {"type": "FeatureCollection", "features": [feature, {**feature, "geometry": None}]},
        {"type": "GeometryCollection", "geometries": [SQUARE]},
    ]
    for value in held:
        area = from_files([written_to(tmp_path / "area.geojson", value)])
        assert assert_askable(area).equals(shapely.box(0, 0, 2, 2))


def test_all_features_of_a_collection_are_taken(tmp_path: Path) -> None:
    """Their union is the area."""
    moved = {"type": "Polygon", "coordinates": [[[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]]}
    features = [{"type": "Feature", "geometry": shape} for shape in (SQUARE, moved)]
    path = written_to(tmp_path / "a", {"type": "FeatureCollection", "features": features})
    assert assert_askable(from_files([path])).area == pytest.approx(7)


@pytest.mark.parametrize("kind", ["Polygon", "MultiPolygon", "GeometryCollection"])
def test_rings_that_were_left_open_are_closed(tmp_path: Path, kind: str) -> None:
    """Many writers forget the last point."""
    ring = [[[0, 0], [2, 0], [2, 2], [0, 2]]]
    polygon = {"type": "Polygon", "coordinates": ring}
    held = {
        "Polygon": polygon,
        "MultiPolygon": {"type": kind, "coordinates": [ring]},
        "GeometryCollection": {"type": kind, "geometries": [polygon]},
    }
    area = from_files([written_to(tmp_path / "a", held[kind])])
    assert assert_askable(area).equals(shapely.box(0, 0, 2, 2))


@pytest.mark.parametrize(
    "name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4326", "EPSG:4326"]
)
def test_a_crs_member_that_says_the_same_is_accepted(tmp_path: Path, name: str) -> None:
    """GDAL writes one."""
    crs = {"type": "name", "properties": {"name": name}}
    area = from_files([written_to(tmp_path / "a", {**POINT, "crs": crs})])
    assert area.wkt == "POINT(11 46)"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"type": "Point",\n "coordinates": [11, 46}', "is not JSON: .* at line 2, column"),
        ("[1, 2]", "it holds no object"),
        ('"x"', "it holds no object"),
        ("{}", "not a GeoJSON geometry"),
        ('{"type": "Poligon", "coordinates": []}', "not a GeoJSON geometry"),
        ('{"type": "Point", "coordinates": ["a", 1]}', "not a GeoJSON geometry"),
        ('{"type": "Point", "coordinates": [NaN, 1]}', "NaN is not a coordinate"),
        ('{"type": "Polygon", "coordinates": 5}', "not a GeoJSON geometry"),
        ('{"type": "Polygon", "coordinates": [[[0,0],[1,1]]]}', "no extent"),
        ('{"type": "FeatureCollection"}', "its features are no list"),
        ('{"type": "FeatureCollection", "features": [3]}', "feature 1 is no object"),
        ('{"type": "FeatureCollection", "features": []}', "is empty"),
        ('{"type": "Feature", "geometry": null}', "is empty"),
        ('{"type": "Point", "coordinates": [11, 146]}', "swapped"),
        (
            '{"type": "FeatureCollection", "features": [{"geometry": {"type": "Dot"}}]}',
            "feature 1: not a GeoJSON geometry",
        ),
        (
            '{"type": "Point", "crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}}',
            "in the reference system urn:ogc:def:crs:EPSG::32632",
        ),
        ('{"type": "Point", "coordinates": [1, 2], "crs": 5}', "in the reference system 5"),
        ("[" * 100_000, "is not GeoJSON"),
    ],
)
def test_a_file_that_is_no_area_is_named_with_what_is_wrong(
    tmp_path: Path, content: str, said: str
) -> None:
    """One glance has to be enough to find it."""
    path = tmp_path / "area.geojson"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(AreaError, match=said) as caught:
        from_files([path])
    assert str(caught.value).startswith(str(path))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, or not text."""
    with pytest.raises(AreaError, match=r"cannot read .*none\.geojson: No such file"):
        from_files([tmp_path / "none.geojson"])
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\0")
    with pytest.raises(AreaError, match=r"binary\.json is not GeoJSON"):
        from_files([tmp_path / "binary.json"])


def test_importing_areas_does_not_import_shapely() -> None:
    """It is large, and most runs of the command need none of it."""
    program = "import sys, s2fetch.area; print('shapely' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"
